"""Read one GADF file into a typed record.

GADF is the open format for very-high-energy event lists and responses (versions 0.2 and 0.3). HDUs
are recognised by their HDUCLAS keywords and, where these are missing, by EXTNAME.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.units import Quantity, Unit, UnitConversionError

from ingest.arrays import FloatArray
from ingest.errors import GADFError, KeywordError, UnreadableFileError
from ingest.performance import Performance, measure
from ingest.times import TimeReference

Header = Mapping[str, Any]

_BY_HDUCLAS1 = {"EVENTS": "events", "GTI": "gti"}
_BY_HDUCLAS2 = {"EFF_AREA": "aeff", "EDISP": "edisp", "RPSF": "psf", "PSF": "psf", "BKG": "bkg"}
_BY_EXTNAME = {
    "EVENTS": "events",
    "GTI": "gti",
    "AEFF": "aeff",
    "EFFECTIVE AREA": "aeff",
    "EDISP": "edisp",
    "ENERGY DISPERSION": "edisp",
    "PSF": "psf",
    "POINT SPREAD FUNCTION": "psf",
    "BKG": "bkg",
    "BACKGROUND": "bkg",
}
RESPONSES = ("aeff", "edisp", "psf", "bkg")
"""HDU types of responses, in the order of a GADF file."""


@dataclass(frozen=True)
class HDU:
    """Where one HDU of the file lies and what it is.

    Attributes
    ----------
    name
        EXTNAME, or ``PRIMARY``.
    kind
        ``events``, ``gti``, ``aeff``, ``edisp``, ``psf``, ``bkg`` or ``other``.
    offset, size
        First byte and number of bytes, header and padding included, in the unpacked file.
    header
        Keyword to value; commentary cards are left out.
    """

    name: str
    kind: str
    offset: int
    size: int
    header: Header = field(repr=False)


@dataclass(frozen=True)
class Observation:
    """One run as its GADF file describes it.

    Attributes
    ----------
    path, file_size
        The file and its size on disk in bytes.
    hdus
        All HDUs in file order.
    n_events
        Rows of the event list.
    event_energy_tev
        Lowest and highest finite energy of the events in TeV; None without any.
    safe_energy_tev
        LO_THRES and HI_THRES of the effective area in TeV; None where not given.
    time_reference
        Zero point and scale of all times in the file.
    gti
        Good time intervals, shape (n, 2), mission elapsed time.
    performance
        What the responses say at the reference energy and offset; None without responses.
    """

    path: Path
    file_size: int
    hdus: tuple[HDU, ...]
    n_events: int
    event_energy_tev: tuple[float, float] | None
    safe_energy_tev: tuple[float, float] | None
    time_reference: TimeReference
    gti: FloatArray = field(repr=False)
    performance: Performance

    def first(self, kind: str) -> HDU | None:
        """Give the first HDU of a kind, or None."""
        return next((hdu for hdu in self.hdus if hdu.kind == kind), None)

    @property
    def events(self) -> Header:
        """Header of the event list."""
        found = self.first("events")
        if found is None:
            raise GADFError(self.path, "no EVENTS HDU")
        return found.header


def unpack(path: Path) -> bytes:
    """Give the bytes of a FITS file, unpacked if it is gzipped.

    Raises
    ------
    UnreadableFileError
        The file cannot be read, or its gzip stream is damaged or cut.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UnreadableFileError(path, f"damaged gzip stream ({error})") from error
    except OSError as error:
        raise UnreadableFileError(path, f"cannot be read ({error.strerror or error})") from error
    if content[:6] != b"SIMPLE":
        raise UnreadableFileError(path, f"starts with {content[:6]!r}, expected a FITS file (b'SIMPLE')")
    return content


def read(path: Path, *, reference_energy_tev: float = 1.0, reference_offset_deg: float = 0.5) -> Observation:
    """Read one GADF file.

    Parameters
    ----------
    path
        The file, gzipped or not.
    reference_energy_tev, reference_offset_deg
        Where the responses are evaluated for resolutions and field of view.

    Raises
    ------
    UnreadableFileError
        The file is not FITS, cut or damaged.
    KeywordError
        A keyword or column that every GADF event list has is missing or senseless.
    """
    content = unpack(path)
    try:
        with fits.open(io.BytesIO(content), lazy_load_hdus=False, memmap=False) as opened:
            _check_complete(path, opened, content)
            return _observation(path, opened, reference_energy_tev, reference_offset_deg)
    except (OSError, ValueError, TypeError, IndexError, KeyError, fits.VerifyError) as error:
        raise UnreadableFileError(path, f"damaged FITS structure ({error})") from error


def _check_complete(path: Path, opened: fits.HDUList, content: bytes) -> None:
    last = opened[-1].fileinfo()
    end = last["datLoc"] + last["datSpan"]
    if end > len(content):
        raise UnreadableFileError(path, f"cut off after {len(content)} of {end} bytes", hdu=opened[-1].name)
    # astropy stops silently at a header without an end.
    if content[end:].strip(b"\0 "):
        raise UnreadableFileError(path, f"{len(content) - end} bytes behind the last HDU are no HDU")


def _observation(path: Path, opened: fits.HDUList, energy: float, offset: float) -> Observation:
    kinds = [_kind(hdu) for hdu in opened]
    tables = {kind: hdu for kind, hdu in zip(reversed(kinds), reversed(opened), strict=True)}
    if "events" not in tables:
        raise UnreadableFileError(path, f"no EVENTS HDU among {', '.join(hdu.name for hdu in opened)}")
    events = tables["events"]
    reference = _time_reference(path, events)
    return Observation(
        path=path,
        file_size=path.stat().st_size,
        hdus=tuple(_locate(hdu, kind) for hdu, kind in zip(opened, kinds, strict=True)),
        n_events=len(events.data),
        event_energy_tev=_event_energies(path, events),
        safe_energy_tev=_safe_energies(path, tables.get("aeff")),
        time_reference=reference,
        gti=_gti(path, tables.get("gti"), events, reference),
        performance=measure(
            {kind: hdu for kind, hdu in tables.items() if kind in RESPONSES},
            energy_tev=energy,
            offset_deg=offset,
        ),
    )


def _kind(hdu: Any) -> str:
    header = hdu.header
    first = str(header.get("HDUCLAS1", "")).strip().upper()
    if first in _BY_HDUCLAS1:
        return _BY_HDUCLAS1[first]
    if first == "RESPONSE":
        second = str(header.get("HDUCLAS2", "")).strip().upper()
        if second in _BY_HDUCLAS2:
            return _BY_HDUCLAS2[second]
    return _BY_EXTNAME.get(hdu.name.strip().upper(), "other") if not first else "other"


def _locate(hdu: Any, kind: str) -> HDU:
    info = hdu.fileinfo()
    header = {key: value for key, value in hdu.header.items() if key not in ("COMMENT", "HISTORY", "")}
    size = info["datLoc"] + info["datSpan"] - info["hdrLoc"]
    return HDU(hdu.name, kind, int(info["hdrLoc"]), int(size), header)


def _time_reference(path: Path, events: Any) -> TimeReference:
    try:
        return TimeReference.from_header(events.header)
    except KeyError as error:
        raise KeywordError(path, "missing", hdu=events.name, keyword=str(error.args[0])) from error
    except ValueError as error:
        raise KeywordError(path, str(error), hdu=events.name) from error


def column(path: Path, table: Any, name: str, unit: str | None = None) -> FloatArray:
    """Give one column of a table HDU as floats in a unit.

    A column without a unit is taken to be in that unit already.

    Raises
    ------
    KeywordError
        There is no such column, or its unit cannot be converted.
    """
    if name not in table.columns.names:
        raise KeywordError(path, f"no such column among {table.columns.names}", hdu=table.name, keyword=name)
    values = np.asarray(table.data[name], dtype=float)
    given = table.columns[name].unit
    if unit is None or not given:
        return values
    try:
        return np.asarray(Quantity(values, Unit(given)).to_value(unit))
    except (UnitConversionError, ValueError) as error:
        raise KeywordError(
            path, f"unit {given!r}, expected one like {unit!r}", hdu=table.name, keyword=name
        ) from error


def _event_energies(path: Path, events: Any) -> tuple[float, float] | None:
    energies = column(path, events, "ENERGY", "TeV")
    energies = energies[np.isfinite(energies)]
    if not energies.size:
        return None
    return float(energies.min()), float(energies.max())


def _safe_energies(path: Path, aeff: Any) -> tuple[float, float] | None:
    if aeff is None or "LO_THRES" not in aeff.header or "HI_THRES" not in aeff.header:
        return None
    limits = []
    for keyword in ("LO_THRES", "HI_THRES"):
        value = aeff.header[keyword]
        if not isinstance(value, int | float) or not np.isfinite(value) or value <= 0:
            raise KeywordError(
                path, f"{value!r}, expected a positive energy in TeV", hdu=aeff.name, keyword=keyword
            )
        limits.append(float(value))
    return limits[0], limits[1]


def _gti(path: Path, table: Any, events: Any, reference: TimeReference) -> FloatArray:
    """Give the good time intervals in the event list's own time reference, shape (n, 2)."""
    if table is None:
        return np.empty((0, 2))
    intervals = np.column_stack([column(path, table, "START"), column(path, table, "STOP")])
    if not np.all(np.isfinite(intervals)) or np.any(intervals[:, 1] < intervals[:, 0]):
        raise KeywordError(path, "an interval is not finite or ends before it starts", hdu=table.name)
    own = _time_reference(path, table) if "MJDREFI" in table.header else reference
    if own != reference:
        days = own.time(intervals) - reference.time(0.0)
        intervals = np.asarray(days.sec if reference.unit == "s" else days.jd)
    return intervals
