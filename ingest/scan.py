"""Read everything of one FITS file that its observations may need, once."""

from __future__ import annotations

import dataclasses
import functools
import io
import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ingest import plain, storage
from ingest.arrays import FloatArray
from ingest.cards import NotPlainError
from ingest.errors import UnreadableFileError
from ingest.fits_files import (
    check_counts,
    check_size,
    convert,
    explained,
    guarded,
    has,
    is_table,
    opened,
    quiet,
    raw_cells,
    raw_column,
    rows_of,
    source_of,
    unit_of,
    unpack,
)
from ingest.hdus import locate
from ingest.keywords import finite
from ingest.performance import Measured, examine
from ingest.records import HDU, RESPONSES, Deviation
from ingest.unpacking import MAGIC

Box = tuple[float, float, float, float]
Note = Callable[[str, str | None, str], None]

BOX_FRACTION = 0.98
"""Share of the events that the box around them holds, in each axis: a few stray ones do not count."""
# Beyond these an RA range says nothing: the events lie all around the pole.
_POLAR_DEC, _WHOLE_ARC = 80.0, 300.0
_FILES_REMEMBERED = 32
_STRUCTURAL = re.compile(r"BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS")
_ANSWERS_REMEMBERED = 1 << 20


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
    source, size = source_of(path)
    try:
        with guarded(path):
            return _scanned(path, size, plain.hdus(source), (energy_tev, offset_deg), box=box)
    except NotPlainError as error:
        reason = error.with_traceback(None)  # which would keep the bytes
    del source
    if reason.fatal:
        raise UnreadableFileError(path, str(reason), hdu=reason.hdu, keyword=reason.keyword)
    try:
        with opened(path) as hdus:
            return _noted(_scanned(path, size, hdus, (energy_tev, offset_deg), box=box), reason)
    except UnreadableFileError as error:
        raise explained(error, reason) from error


def _noted(found: Scanned, reason: NotPlainError) -> Scanned:
    """Note that the structure of an HDU is not that of the standard, though astropy makes something of it."""
    numbers = [number for number, hdu in enumerate(found.hdus) if hdu.name == reason.hdu]
    if not numbers or not _STRUCTURAL.fullmatch(reason.keyword or ""):
        return found
    odd = Deviation(found.path, found.hdus[numbers[0]].name, reason.keyword, str(reason), "left to astropy")
    notes = list(found.notes)
    notes[numbers[0]] += (odd,)
    return dataclasses.replace(found, notes=tuple(notes))


def _scanned(path: Path, size: int, hdus: Iterable[Any], at: tuple[float, float], *, box: bool) -> Scanned:
    notes: list[list[Deviation]] = []
    located: list[tuple[HDU, Any]] = []
    for hdu in hdus:
        own: list[Deviation] = []
        with guarded(path, hdu.name or None):
            located += locate([hdu], path, own)
        notes.append(own)
    events, gtis, measured = {}, {}, {}
    for number, (hdu, table) in enumerate(located):
        if hdu.kind == "other":
            continue
        with guarded(path, hdu.name):
            if not is_table(table):
                raise UnreadableFileError(path, f"is no table, but classed as {hdu.kind}", hdu=hdu.name)
            if hdu.kind == "events":
                events[number] = _event_facts(hdu, table, notes[number], box=box)
            elif hdu.kind == "gti":
                gtis[number] = _gti_table(table)
            else:
                measured[number] = _measure(hdu, table, notes[number], at, located)
    found = tuple(hdu for hdu, _ in located)
    return Scanned(path, size, found, events, gtis, measured, tuple(tuple(own) for own in notes))


def scan_shared(path: Path, energy_tev: float, offset_deg: float, *, box: bool = False) -> Scanned:
    """Read one file that other observations may need, too: the last few are remembered.

    Raises
    ------
    UnreadableFileError
        The file is missing, not FITS, cut or damaged.
    """
    found = storage.status(path)
    return _remembered(path, found.version, found.size, energy_tev, offset_deg, box)


@functools.lru_cache(maxsize=_FILES_REMEMBERED)
def _remembered(
    path: Path, _version: str, _size: int, energy_tev: float, offset_deg: float, box: bool
) -> Scanned:
    return scan(path, energy_tev, offset_deg, box=box)


def has_event_list(file: storage.Entry) -> bool:
    """Tell whether a file holds, or should hold, an event list; only headers are read.

    A file of responses or an index is none. A file that cannot be read is one: reading it tells why.
    """
    return _holds_events(file.path, file.version, file.size)


@functools.lru_cache(maxsize=_ANSWERS_REMEMBERED)
def _holds_events(path: Path, _version: str, _size: int) -> bool:
    kinds: set[str] = set()
    try:
        with quiet():
            try:
                beginning = _beginning(path)
                if any(_is_of_events(hdu, path, kinds) for hdu in plain.beginning(beginning)):
                    return True
            except (NotPlainError, EOFError):  # not there, or not to be told from so few bytes
                pass
            kinds.clear()
            try:
                if any(_is_of_events(hdu, path, kinds) for hdu in plain.hdus(source_of(path)[0])):
                    return True
            except NotPlainError:
                kinds.clear()
                check_size(path, storage.status(path).size)
                content = unpack(path)
                check_counts(path, content)
                # Lazily: HDUs are read one after the other, without their data.
                with fits.open(io.BytesIO(content), memmap=False, disable_image_compression=True) as hdus:
                    if any(_is_of_events(hdu, path, kinds) for hdu in hdus):
                        return True
    except Exception:  # whatever it is, read() meets it again and says so
        return True
    return not kinds & {"index", *RESPONSES}


def _is_of_events(hdu: Any, path: Path, kinds: set[str]) -> bool:
    kind = next(locate([hdu], path, []))[0].kind
    said = hdu.header.values if isinstance(hdu, plain.PlainHDU) else hdu.header
    kinds.add("index" if str(said.get("HDUCLAS1", "")).strip().upper() == "INDEX" else kind)
    return kind in ("events", "gti")


def _beginning(path: Path) -> bytes:
    """Give the first bytes of a file, unpacked."""
    first = storage.read_range(path, 0, plain.WINDOW)
    return zlib.decompressobj(31).decompress(first, 2 * plain.WINDOW) if first[:2] == MAGIC else first


def _measure(
    hdu: HDU, table: Any, notes: list[Deviation], at: tuple[float, float], located: list[tuple[HDU, Any]]
) -> Measured:
    theta = None
    if hdu.form == "psf_gtpsf":
        theta = next((other for _, other in located if is_table(other) and has(other, "THETA")), None)
    found = examine(table, hdu.form, energy_tev=at[0], offset_deg=at[1], theta=theta)
    if found.problem:
        notes.append(Deviation(hdu.path, hdu.name, None, found.problem, "not evaluated"))
    return found


def _gti_table(table: Any) -> GTITable:
    units = unit_of(table, "START"), unit_of(table, "STOP")
    return GTITable(raw_column(table, "START"), raw_column(table, "STOP"), units, rows_of(table))


def _event_facts(hdu: HDU, table: Any, notes: list[Deviation], *, box: bool) -> EventFacts:
    def note(keyword: str, value: str | None, assumed: str) -> None:
        notes.append(Deviation(hdu.path, hdu.name, keyword, value, assumed))

    header = hdu.header
    drifts = str(header.get("OBS_MODE", "")).strip().upper() == "DRIFT"
    wants_box = box or drifts or None in (finite(header, "RA_PNT"), finite(header, "DEC_PNT"))
    ra, dec = (_angles(table, name, note, wanted=wants_box) for name in ("RA", "DEC"))
    times = None
    if None in (finite(header, "TSTART"), finite(header, "TSTOP")):
        found = raw_column(table, "TIME")
        found = np.empty(0) if found is None else found[np.isfinite(found)]
        times = (float(found.min()), float(found.max())) if found.size else None
    return EventFacts(
        n_events=rows_of(table),
        energy_tev=_energies(header, table, note),
        box_deg=event_box(ra, dec) if wants_box and ra is not None and dec is not None else None,
        times=times,
        time_unit=unit_of(table, "TIME"),
    )


def _angles(table: Any, name: str, note: Note, *, wanted: bool) -> FloatArray | None:
    """Give a column in degrees, without its values if they are not wanted."""
    if not has(table, name):
        note(name, None, "no such column, positions unknown")
        return None
    values, degrees = raw_cells(table, name), None
    if values is not None and values.ndim == 1:
        values = raw_column(table, name) if wanted else np.empty(0)
        degrees = None if values is None else convert(values, unit_of(table, name), "deg")
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
    if energies.size:
        low, high = float(energies.min()), float(energies.max())
        if low > 0 and high < np.inf:  # and none is NaN
            return low, high
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
