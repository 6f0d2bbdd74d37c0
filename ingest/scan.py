"""Read everything of one FITS file that its observations may need, once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ingest.arrays import FloatArray
from ingest.errors import UnreadableFileError
from ingest.fits_files import convert, has, is_table, opened, quiet, raw_column, unit_of
from ingest.hdus import locate
from ingest.keywords import finite
from ingest.performance import Measured, examine
from ingest.records import HDU, RESPONSES, Deviation

Box = tuple[float, float, float, float]
Note = Callable[[str, str | None, str], None]

BOX_FRACTION = 0.98
"""Share of the events that the box around them holds, in each axis: a few stray ones do not count."""
# Beyond these an RA range says nothing: the events lie all around the pole.
_POLAR_DEC, _WHOLE_ARC = 80.0, 300.0
_FILES_REMEMBERED = 32


@dataclass(frozen=True)
class EventFacts:
    """What the rows of an event list say.

    Attributes
    ----------
    n_events
        Their number.
    energy_tev
        Lowest and highest positive finite energy in TeV.
    box_deg
        See `ingest.records.EventList.event_box_deg`.
    times
        First and last event, mission elapsed time in ``time_unit``; None without, or if not asked for.
    time_unit
        Unit of these, None if the column has none.
    """

    n_events: int
    energy_tev: tuple[float, float] | None
    box_deg: Box | None
    times: tuple[float, float] | None
    time_unit: str | None


@dataclass(frozen=True)
class GTITable:
    """The columns START and STOP, shape (n,) each, in the units they are written in."""

    start: FloatArray | None
    stop: FloatArray | None
    units: tuple[str | None, str | None]
    n_rows: int


@dataclass(frozen=True)
class Scanned:
    """One file.

    Attributes
    ----------
    path, file_size
        The file and its size on disk in bytes.
    hdus
        All its HDUs in file order.
    events, gtis, measured
        What its tables say, by the number of the HDU.
    notes
        What is odd in each HDU.
    """

    path: Path
    file_size: int
    hdus: tuple[HDU, ...]
    events: Mapping[int, EventFacts]
    gtis: Mapping[int, GTITable]
    measured: Mapping[int, Measured]
    notes: tuple[tuple[Deviation, ...], ...]


def scan(path: Path, energy_tev: float, offset_deg: float, *, box: bool = False) -> Scanned:
    """Read one file.

    Parameters
    ----------
    path
        The file.
    energy_tev, offset_deg
        Where its responses are evaluated.
    box
        True to look where the events are even if the header gives a pointing.

    Raises
    ------
    UnreadableFileError
        The file is not FITS, cut or damaged.
    """
    with opened(path) as hdus:
        size = path.stat().st_size
        notes: list[list[Deviation]] = []
        located: list[tuple[HDU, Any]] = []
        for hdu in hdus:
            own: list[Deviation] = []
            located += locate([hdu], path, own)
            notes.append(own)
        events, gtis, measured = {}, {}, {}
        for number, (hdu, table) in enumerate(located):
            if hdu.kind == "other":
                continue
            if not is_table(table):
                raise UnreadableFileError(path, f"is no table, but classed as {hdu.kind}", hdu=hdu.name)
            if hdu.kind == "events":
                events[number] = _event_facts(hdu, table, notes[number], box=box)
            elif hdu.kind == "gti":
                gtis[number] = _gti_table(table)
            else:
                theta = next((other for _, other in located if is_table(other) and has(other, "THETA")), None)
                measured[number] = _measure(
                    hdu, table, notes[number], energy_tev=energy_tev, offset_deg=offset_deg, theta=theta
                )
        found = tuple(hdu for hdu, _ in located)
        return Scanned(path, size, found, events, gtis, measured, tuple(tuple(own) for own in notes))


def scan_shared(path: Path, energy_tev: float, offset_deg: float, *, box: bool = False) -> Scanned:
    """Read one file that other observations may need, too: the last few are remembered.

    Raises
    ------
    UnreadableFileError
        The file is missing, not FITS, cut or damaged.
    """
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise UnreadableFileError(path, f"cannot be read ({getattr(error, 'strerror', error)})") from error
    return _remembered(path, status.st_mtime_ns, status.st_size, energy_tev, offset_deg, box)


@functools.lru_cache(maxsize=_FILES_REMEMBERED)
def _remembered(
    path: Path, _mtime_ns: int, _size: int, energy_tev: float, offset_deg: float, box: bool
) -> Scanned:
    return scan(path, energy_tev, offset_deg, box=box)


def has_event_list(path: Path) -> bool:
    """Tell whether a file holds, or should hold, an event list; only headers are read.

    A file of responses or an index is none. A file that cannot be read is one: reading it tells why.
    """
    try:
        # Lazily: HDUs are read one after the other, without their data.
        with quiet(), fits.open(path, memmap=False, disable_image_compression=True) as hdus:
            kinds = set()
            for hdu in hdus:
                kind = next(locate([hdu], path, []))[0].kind
                if kind in ("events", "gti"):
                    return True
                kinds.add("index" if str(hdu.header.get("HDUCLAS1", "")).strip().upper() == "INDEX" else kind)
    except Exception:  # whatever it is, read() meets it again and says so
        return True
    return not kinds & {"index", *RESPONSES}


def _measure(
    hdu: HDU, table: Any, notes: list[Deviation], *, energy_tev: float, offset_deg: float, theta: Any
) -> Measured:
    found = examine(table, hdu.form, energy_tev=energy_tev, offset_deg=offset_deg, theta=theta)
    if found.problem:
        notes.append(Deviation(hdu.path, hdu.name, None, found.problem, "not evaluated"))
    return found


def _gti_table(table: Any) -> GTITable:
    units = unit_of(table, "START"), unit_of(table, "STOP")
    return GTITable(raw_column(table, "START"), raw_column(table, "STOP"), units, len(table.data))


def _event_facts(hdu: HDU, table: Any, notes: list[Deviation], *, box: bool) -> EventFacts:
    def note(keyword: str, value: str | None, assumed: str) -> None:
        notes.append(Deviation(hdu.path, hdu.name, keyword, value, assumed))

    header = hdu.header
    drifts = str(header.get("OBS_MODE", "")).strip().upper() == "DRIFT"
    wants_box = box or drifts or None in (finite(header, "RA_PNT"), finite(header, "DEC_PNT"))
    ra, dec = (_angles(table, name, note) for name in ("RA", "DEC"))
    times = None
    if None in (finite(header, "TSTART"), finite(header, "TSTOP")):
        found = raw_column(table, "TIME")
        found = np.empty(0) if found is None else found[np.isfinite(found)]
        times = (float(found.min()), float(found.max())) if found.size else None
    return EventFacts(
        n_events=len(table.data),
        energy_tev=_energies(header, table, note),
        box_deg=event_box(ra, dec) if wants_box and ra is not None and dec is not None else None,
        times=times,
        time_unit=unit_of(table, "TIME"),
    )


def _angles(table: Any, name: str, note: Note) -> FloatArray | None:
    if not has(table, name):
        note(name, None, "no such column, positions unknown")
        return None
    values = raw_column(table, name)
    degrees = (
        convert(values, unit_of(table, name), "deg") if values is not None and values.ndim == 1 else None
    )
    if degrees is None:
        note(name, repr(unit_of(table, name)), "expected numbers in deg, positions unknown")
    return degrees


def _energies(header: Mapping[str, Any], table: Any, note: Note) -> tuple[float, float] | None:
    if not has(table, "ENERGY"):
        note("ENERGY", None, "no such column, energies unknown")
        return None
    values = raw_column(table, "ENERGY")
    written = unit_of(table, "ENERGY") or str(header.get("EUNIT", "")).strip() or None
    if written is None:
        note("ENERGY", None, "no unit, taken as TeV")
    energies = convert(values, written, "TeV") if values is not None and values.ndim == 1 else None
    if energies is None:
        note("ENERGY", repr(written), "expected numbers in a unit of energy, energies unknown")
        return None
    good = energies[np.isfinite(energies) & (energies > 0)]
    if good.size < energies.size:
        note("ENERGY", f"{energies.size - good.size} events", "not a positive number, left out of the range")
    return (float(good.min()), float(good.max())) if good.size else None


def event_box(ra: FloatArray, dec: FloatArray) -> Box | None:
    """Give a box around most events.

    Parameters
    ----------
    ra, dec
        Degrees, shape (n,); events without a finite direction do not count.

    Returns
    -------
    tuple or None
        See `ingest.records.EventList.event_box_deg`.
    """
    good = np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90.0)
    if not good.any():
        return None
    tail = 0.5 * (1.0 - BOX_FRACTION)
    south, north = (float(value) for value in np.quantile(dec[good], [tail, 1.0 - tail]))
    around = np.sort(np.mod(ra[good], 360.0))
    # The shortest arc that holds so many events starts at one of them.
    held = int(np.ceil(BOX_FRACTION * around.size))
    ends = np.concatenate([around, around + 360.0])[held - 1 : held - 1 + around.size]
    first = int(np.argmin(ends - around))
    west, east = float(around[first]), float(ends[first])
    if east - west > _WHOLE_ARC and max(-south, north) > _POLAR_DEC:
        return None
    return west, east, south, north
