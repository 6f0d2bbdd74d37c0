"""What a cut-out says of itself in its headers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
from astropy.io import fits

from datalink.cutouts.selection import Interval, Selection
from datalink.parts import CREATOR
from ingest.fits_files import convert

if TYPE_CHECKING:
    from datalink.cutouts.cut import Origin

NO_LIMIT = 1e30
"""Written for the open end of an energy interval, beyond every event in any unit: gammalib wants a number."""


def primary(origin: Origin) -> bytes:
    """Give the empty primary HDU of a cut-out, with a checksum."""
    hdu = fits.PrimaryHDU()
    header = hdu.header
    header["EXTEND"] = True
    header["CREATOR"] = (CREATOR, "what made this file")
    header["ORIGIN"] = (origin.publisher, "who published it")
    if origin.created is not None:
        header["DATE"] = (origin.created.strftime("%Y-%m-%dT%H:%M:%S"), "when it was made (UTC)")
    header["DS_IDPUB"] = origin.dataset
    for number, parent in enumerate([origin.name, *origin.responses], start=1):
        name = parent if parent.isascii() and parent.isprintable() else quote(parent)
        header["PARENT" if number == 1 else f"PARENT{number}"] = name
    hdu.add_checksum(when="sum of all words of the HDU")
    return str(header.tostring()).encode("ascii")


def note_selection(
    header: fits.Header,
    selection: Selection,
    dataset: str,
    *,
    counts: tuple[int, int],
    gti: str | None,
    energy_unit: str,
) -> None:
    """Record a selection in the header of its event list.

    HISTORY has all of it. What the data-subspace keywords of HEASARC's convention have a form for that
    their readers know (the circle, the energies, and the table of good times) stands there, too, behind
    those that the header already has.

    Parameters
    ----------
    header
        Is changed.
    selection, dataset
        What was selected, and from what (obs_publisher_did).
    counts
        Events selected, and events before.
    gti
        Name of the table of good times; None without one.
    energy_unit
        Of the column ENERGY.
    """
    header.add_history(f"{CREATOR}: event selection from")
    header.add_history(f"  {dataset}")
    for name, value in selection.parameters().items():
        for line in _lines(f"{name} = {value}"):
            header.add_history(f"  {line}")
    header.add_history(f"  {counts[0]} of {counts[1]} events")
    number = _last_number(header)
    for kind, unit, value, reference in _subspace(selection, gti, energy_unit, header):
        number += 1
        header.append((f"DSTYP{number}", kind, "data subspace: of what"), end=True)
        header.append((f"DSUNI{number}", unit, "data subspace: unit"), end=True)
        header.append((f"DSVAL{number}", value), end=True)
        if reference is not None:
            header.append((f"DSREF{number}", reference, "data subspace: table"), end=True)
    if number:
        header["NDSKEYS"] = (number, "number of data subspace keys")


def _lines(text: str) -> list[str]:
    """Break a text at blanks: a line of HISTORY has 72 characters."""
    lines = [""]
    for word in text.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > 68:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _last_number(header: fits.Header) -> int:
    found = [int(key[5:]) for key in header if key.startswith("DSTYP") and key[5:].isdigit()]
    return max(found, default=0)


def _subspace(
    selection: Selection, gti: str | None, energy_unit: str, header: fits.Header
) -> list[tuple[str, str, str, str | None]]:
    found: list[tuple[str, str, str, str | None]] = []
    if selection.circle is not None:
        value = ",".join(f"{number:.16g}" for number in selection.circle)
        found.append(("POS(RA,DEC)", "deg", f"CIRCLE({value})", None))
    energies = selection.energies()
    if energies is not None:
        found.append(("ENERGY", energy_unit, _range(energies, energy_unit), None))
    known = [header[key] for key in header if key.startswith("DSTYP")]
    if selection.time is not None and gti is not None and "TIME" not in known:
        found.append(("TIME", "s", "TABLE", f":{gti}"))
    return found


def _range(energies: Interval, unit: str) -> str:
    """Write an interval of energies in eV in another unit."""
    ends = [0.0 if end == -math.inf else end for end in (energies.low, energies.high)]
    factor = convert(np.ones(1), unit, "eV")
    if factor is None:  # the column was read in this unit
        raise ValueError(f"unit {unit!r}, expected one of energy")
    return ":".join(f"{min(end / float(factor[0]), NO_LIMIT):.16g}" for end in ends)
