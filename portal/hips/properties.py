"""What the picture says of itself (HiPS 1.0, section 4.4.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from portal.hips.counts import Counts
from portal.hips.lists import EventList
from portal.hips.settings import Wanted
from portal.hips.tiles import FRAME

INITIAL_VIEW = 10.0
"""Degrees that clients show at first."""


@dataclass(frozen=True)
class Taken:
    """What was made of the event lists.

    Attributes
    ----------
    lists
        Those that are in it.
    simulated
        How many of these are simulated.
    closed, failed
        How many there are beside these that are not for everybody, and that could not be read.
    is_whole
        Whether the service has no more than these.
    """

    lists: tuple[EventList, ...]
    simulated: int
    closed: int = 0
    failed: int = 0
    is_whole: bool = True


def title(wanted: Wanted, taken: Taken) -> str:
    """Give the picture's name; what is simulated is called so."""
    name = f"Event counts of {wanted.label}"
    if not taken.simulated:
        return name
    return f"SIMULATED: {name}" if taken.simulated == len(taken.lists) else f"{name}, partly SIMULATED"


def description(wanted: Wanted, taken: Taken, counts: Counts) -> str:
    """Say in words what is in it."""
    said = []
    if taken.simulated == len(taken.lists):
        said.append("SIMULATED data, not measured ones.")
    elif taken.simulated:
        said.append(f"{taken.simulated} of {len(taken.lists)} event lists are SIMULATED, not measured.")
    if wanted.notice:
        said.append(wanted.notice)
    said.append(
        f"All {counts.events} events of {len(taken.lists)} public event lists of {wanted.label}, without any "
        "selection, background or exposure taken into account."
    )
    said.append(
        "Values are counts per cell of the deepest order; means of these in tiles of lower orders; NaN "
        "where nothing was observed."
    )
    if taken.closed:
        said.append(f"{taken.closed} event lists that are not public are left out.")
    if taken.failed:
        said.append(f"{taken.failed} event lists could not be read and are missing.")
    if not taken.is_whole:
        said.append("There are further event lists, which were too many.")
    return " ".join(said)


def write(
    directory: Path, wanted: Wanted, taken: Taken, counts: Counts, *, top: float, now: datetime
) -> None:
    """Write the properties.

    Parameters
    ----------
    directory
        The HiPS.
    wanted, taken, counts
        What was made, of what.
    top
        Counts that have the last colour.
    now
        The time, UTC.
    """
    files = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    ra, dec = counts.densest()
    cell = float(np.degrees(np.sqrt(4 * np.pi / counts.grid.npix)))
    seen = sum(len(cells) for cells in counts.seen())
    found = {
        "creator_did": wanted.creator_did,
        "obs_title": title(wanted, taken),
        "obs_collection": ", ".join(sorted({one.obs_collection or "unnamed" for one in taken.lists})),
        "obs_description": description(wanted, taken, counts),
        "obs_regime": "Gamma-ray",
        "dataproduct_type": "image",
        "dataproduct_subtype": "counts",
        "hips_version": "1.4",
        "hips_builder": "astropy/reproject",
        "hips_release_date": now.strftime("%Y-%m-%dT%H:%MZ"),
        "hips_status": "public master clonableOnce",
        "hips_frame": FRAME,
        "hips_order": counts.order,
        "hips_order_min": 0,
        "hips_tile_width": counts.width,
        "hips_tile_format": "png fits",
        "hips_pixel_bitpix": -32,
        "hips_pixel_scale": f"{cell:.6g}",
        "hips_pixel_cut": f"0 {top:g}",
        "hips_initial_ra": f"{ra:.4f}",
        "hips_initial_dec": f"{dec:.4f}",
        "hips_initial_fov": f"{INITIAL_VIEW:g}",
        "hips_estsize": -(-files // 1024),
        "moc_sky_fraction": f"{seen / counts.grid.npix:.6g}",
        **_ranges(taken.lists),
    }
    text = "".join(f"{key:20s} = {' '.join(str(value).split())}\n" for key, value in found.items())
    (directory / "properties").write_text(text, encoding="utf-8")


def _ranges(lists: Iterable[EventList]) -> dict[str, str]:
    """Give the ranges of time and wavelength, as far as they are known."""
    found = {}
    for name in ("t_min", "t_max", "em_min", "em_max"):
        values = [value for one in lists if (value := getattr(one, name)) is not None]
        if values:
            found[name] = f"{(min if name.endswith('min') else max)(values):.10g}"
    return found
