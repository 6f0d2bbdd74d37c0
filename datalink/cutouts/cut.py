"""Cut an event list: the rows of the selected events, byte for byte, and good time intervals to match."""

from __future__ import annotations

import datetime
import gzip
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from datalink.cutouts import clock
from datalink.cutouts.clock import Window
from datalink.cutouts.record import note_selection, primary
from datalink.cutouts.region import BoolArray, SkyPolygon, in_circle
from datalink.cutouts.selection import Interval, Selection
from datalink.parts import with_checksums
from ingest.arrays import FloatArray
from ingest.constants import FITS_BLOCK, HC_EV_M
from ingest.coverage import to_icrs_all
from ingest.errors import KeywordError, UnreadableFileError
from ingest.fits_files import column, convert, guarded, is_table, quiet, raw_column, unit_of
from ingest.hdus import locate
from ingest.intervals import good_times, limits, whole_observation
from ingest.keywords import canonical, finite, time_reference
from ingest.records import HDU, Deviation, Keywords
from ingest.scan import EventFacts, GTITable
from ingest.times import TimeReference, own_reference

WAVELENGTH_STEP = 1e-14
"""A wavelength that differs by less, relatively, is that of the limit: rounding, and the digits that
different programs have of hc, make up for half of it."""


@dataclass(frozen=True)
class Origin:
    """Where a cut-out comes from, for its header.

    Attributes
    ----------
    publisher
        Who cuts, for ORIGIN.
    dataset
        The event list's obs_publisher_did.
    name
        The event list's file.
    responses
        Files of the responses that go along.
    created
        For DATE, UTC; None leaves it out.
    """

    publisher: str
    dataset: str
    name: str
    responses: tuple[str, ...] = ()
    created: datetime.datetime | None = None


@dataclass(frozen=True)
class _Table:
    """One HDU of the file that is cut: where it lies, astropy's view of it, and all its bytes."""

    hdu: HDU
    table: Any
    raw: bytes

    @property
    def header(self) -> fits.Header:
        found: fits.Header = self.table.header
        return found


def cut(content: bytes, selection: Selection, *, responses: Sequence[bytes] = (), origin: Origin) -> bytes:
    """Cut an event list.

    Parameters
    ----------
    content
        A FITS file with one event list, gzipped or not; its good time intervals are cut, too, and other
        HDUs are kept as they are.
    selection
        Which events are wanted.
    responses
        FITS files; their extensions are put behind the event list as they are.
    origin
        What the header is to say.

    Returns
    -------
    bytes
        A FITS file: an empty primary HDU, the event list with its rows and keywords as they were but for
        those that follow the selection, good time intervals, the rest; all with checksums.

    Raises
    ------
    UnreadableFileError
        It is damaged, or holds no event list or several.
    KeywordError
        A column or a keyword that the selection needs is missing or makes no sense.
    """
    path = Path(origin.name)
    with _tables(content, path) as tables, quiet():
        lists = [found for found in tables if found.hdu.kind == "events" and is_table(found.table)]
        if len(lists) != 1:
            raise UnreadableFileError(path, f"{len(lists)} event lists, expected one")
        events = _Events(lists[0], tables)
        parts = [primary(origin)]
        for found in tables[1:]:
            if found is events.found:
                parts.append(with_checksums(events.cut(selection, origin)))
            elif found.hdu.kind == "gti" and selection.time is not None:
                parts.append(with_checksums(events.cut_gti(found, selection.time)))
            else:
                parts.append(with_checksums(found.raw))
    parts += [_extensions(response, path) for response in responses]
    return b"".join(parts)


@contextmanager
def _tables(content: bytes, path: Path) -> Iterator[list[_Table]]:
    """Open a file that is in memory; whatever astropy raises on damaged ones becomes our error."""
    with guarded(path):
        unpacked = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        with quiet(), fits.open(
            io.BytesIO(unpacked), lazy_load_hdus=False, memmap=False, disable_image_compression=True,
            character_as_bytes=True,
        ) as opened:  # fmt: skip
            notes: list[Deviation] = []
            yield [
                _Table(hdu, table, unpacked[hdu.offset : hdu.offset + hdu.size])
                for hdu, table in locate(opened, path, notes)
            ]


def _extensions(content: bytes, path: Path) -> bytes:
    with _tables(content, path) as tables:
        return b"".join(found.raw for found in tables[1:])


class _Events:
    """An event list among the tables of its file."""

    def __init__(self, found: _Table, tables: Sequence[_Table]) -> None:
        self.found, self.path = found, found.hdu.path
        self.notes: list[Deviation] = []
        self.keywords = canonical(found.hdu.header, found.hdu, self.notes)
        self.gtis = [table for table in tables if table.hdu.kind == "gti" and is_table(table.table)]

    def cut(self, selection: Selection, origin: Origin) -> bytes:
        """Give the event list with the selected rows."""
        table, header = self.found.table, self.found.header.copy()
        chosen = self._chosen(selection)
        rows = np.frombuffer(self._data(self.found), dtype=np.uint8)
        width = table.header["NAXIS1"]
        rows = rows[: width * len(chosen)].reshape(len(chosen), width)
        if selection.time is not None:
            window = self._window(selection.time)
            good = self._good_times(window.reference)
            self._tell_limits(header, window.reference, good)
            clock.follow(header, window, good)
        gti = self.gtis[0].hdu.name if self.gtis else None
        counts = int(chosen.sum()), len(chosen)
        note_selection(
            header, selection, origin.dataset, counts=counts, gti=gti, energy_unit=self._energy_unit()
        )
        return self._rebuilt(self.found, header, rows[chosen].tobytes(), counts[0])

    def cut_gti(self, found: _Table, interval: Interval) -> bytes:
        """Give good time intervals with what lies outside cut off."""
        reference = self._reference(found)
        window = Window.of(interval, reference)
        header, columns = found.header.copy(), found.table.columns
        dtype = columns.dtype.newbyteorder(">")
        if dtype.itemsize != header["NAXIS1"]:
            raise UnreadableFileError(self.path, "rows and columns do not fit", hdu=found.hdu.name)
        count = len(found.table.data)
        rows = np.frombuffer(self._data(found), dtype=dtype, count=count).copy()
        names = [_exact(columns, name) for name in ("START", "STOP")]
        sides = [column(self.path, found.table, name, reference.unit) for name in ("START", "STOP")]
        before = np.column_stack(sides)
        after, left = window.clip(before)
        if not left.any():
            after, left = _moment(before, window)
        for side, name in enumerate(names):
            moved = left & (after[:, side] != before[:, side])
            rows[name][moved] = _raw(columns[name], after[moved, side], reference.unit)
        own = good_times(found.hdu, _gti_table(found), self.keywords, reference, [])
        clock.follow(header, window, own)
        return self._rebuilt(found, header, rows[left].tobytes(), int(left.sum()))

    def _chosen(self, selection: Selection) -> BoolArray:
        table = self.found.table
        chosen = np.ones(len(table.data), dtype=bool)
        if selection.circle is not None or selection.polygon is not None:
            ra, dec = self._positions()
            if selection.circle is not None:
                chosen &= in_circle(ra, dec, selection.circle)
            if selection.polygon is not None:
                chosen &= SkyPolygon(selection.polygon).holds(ra, dec)
        if selection.time is not None:
            window = self._window(selection.time)
            chosen &= window.holds(column(self.path, table, "TIME", window.reference.unit))
        if selection.energy is not None or selection.band is not None:
            chosen &= _in_range(self._energies(), selection)
        return chosen

    def _positions(self) -> tuple[FloatArray, FloatArray]:
        ra, dec = (column(self.path, self.found.table, name, "deg") for name in ("RA", "DEC"))
        frame = str(self.keywords.get("RADECSYS") or "ICRS")
        equinox = finite(self.keywords, "EQUINOX")
        try:
            return to_icrs_all(ra, dec, frame, 2000.0 if equinox is None else equinox)
        except ValueError as error:
            raise KeywordError(self.path, str(error), hdu=self.found.hdu.name, keyword="RADECSYS") from error

    def _energy_unit(self) -> str:
        # As the reader has it: without any unit, TeV.
        return unit_of(self.found.table, "ENERGY") or str(self.keywords.get("EUNIT", "")).strip() or "TeV"

    def _energies(self) -> FloatArray:
        """Give the energies in eV."""
        values = raw_column(self.found.table, "ENERGY")
        if values is None or values.ndim != 1:
            raise KeywordError(
                self.path, "no such column of numbers", hdu=self.found.hdu.name, keyword="ENERGY"
            )
        energies = convert(values, self._energy_unit(), "eV")
        if energies is None:
            problem = f"unit {self._energy_unit()!r}, expected one of energy"
            raise KeywordError(self.path, problem, hdu=self.found.hdu.name, keyword="ENERGY")
        return energies

    def _reference(self, found: _Table) -> TimeReference:
        values = own_reference(found.hdu.header, self.keywords)
        reference = time_reference(values, Keywords(values, self.path, found.hdu.name, self.notes))
        start = finite(self.keywords, "TSTART")
        return reference if start is None else reference.usable(start, lambda name, text: None)

    def _window(self, interval: Interval) -> Window:
        return Window.of(interval, self._reference(self.found))

    def _good_times(self, reference: TimeReference) -> FloatArray | None:
        """Give all good time intervals in the clock of the event list; None if nothing is known."""
        found = [good_times(gti.hdu, _gti_table(gti), self.keywords, reference, []) for gti in self.gtis]
        if found:
            return np.concatenate(found)
        whole = whole_observation(self.keywords, reference, self.found.hdu, [])
        return whole if len(whole) else None

    def _tell_limits(self, header: fits.Header, reference: TimeReference, good: FloatArray | None) -> None:
        """Write TSTART and TSTOP if they are missing, for a cut-out may have nothing to tell them from."""
        values = dict(self.keywords)
        times = raw_column(self.found.table, "TIME")
        known = np.empty(0) if times is None else times[np.isfinite(times)]
        ends = (float(known.min()), float(known.max())) if known.size else None
        facts = EventFacts(len(known), None, None, ends, unit_of(self.found.table, "TIME"))
        intervals = np.empty((0, 2)) if good is None else good
        try:
            limits(values, intervals, facts, reference=reference, hdu=self.found.hdu, notes=[])
        except KeywordError:
            return
        for name in ("TSTART", "TSTOP"):
            if finite(header, name) is None:
                header[name] = values[name]

    def _data(self, found: _Table) -> bytes:
        """Give the rows, the heap and the padding of a table."""
        info = found.table.fileinfo()
        return found.raw[info["datLoc"] - info["hdrLoc"] :]

    def _rebuilt(self, found: _Table, header: fits.Header, rows: bytes, count: int) -> bytes:
        """Put a table together from new rows and its old heap."""
        old = header["NAXIS1"] * header["NAXIS2"]
        heap = self._data(found)[old : old + header["PCOUNT"]]
        if "THEAP" in header:
            header["THEAP"] = len(rows) + int(header["THEAP"]) - old
        header["NAXIS2"] = count
        data = rows + heap
        padding = bytes(-len(data) % FITS_BLOCK)
        return str(header.tostring()).encode("ascii") + data + padding


def _in_range(energies: FloatArray, selection: Selection) -> BoolArray:
    """Tell which energies in eV lie in the intervals; NaN and no energy at all are in none."""
    found = np.ones(len(energies), dtype=bool)
    if selection.energy is not None:
        found &= (energies >= selection.energy.low) & (energies <= selection.energy.high)
    if selection.band is not None:
        wavelengths = np.where(energies > 0.0, HC_EV_M / energies, np.nan)
        found &= wavelengths >= selection.band.low * (1.0 - WAVELENGTH_STEP)
        found &= wavelengths <= selection.band.high * (1.0 + WAVELENGTH_STEP)
    return found


def _moment(intervals: FloatArray, window: Window) -> tuple[FloatArray, BoolArray]:
    """Leave an interval without length, the nearest to the window: readers look for the first one's start.

    Returns
    -------
    tuple
        As `Window.clip` gives it.
    """
    good = np.all(np.isfinite(intervals), axis=1)
    left = np.zeros(len(intervals), dtype=bool)
    if not good.any():
        return intervals, left
    first, last = float(intervals[good, 0].min()), float(intervals[good, 1].max())
    left[np.argmax(good)] = True
    return np.where(left[:, np.newaxis], min(max(first, window.low), last), intervals), left


def _gti_table(found: _Table) -> GTITable:
    table = found.table
    units = unit_of(table, "START"), unit_of(table, "STOP")
    return GTITable(raw_column(table, "START"), raw_column(table, "STOP"), units, len(table.data))


def _exact(columns: Any, name: str) -> str:
    return next(str(found) for found in columns.names if found.strip().upper() == name)


def _raw(description: Any, values: FloatArray, unit: str) -> FloatArray:
    """Give times as they are stored in a column."""
    written = str(description.unit).strip() if description.unit else None
    found = values if written is None or written == unit else convert(values, unit, written)
    if found is None:  # its values could be read, so this unit is one of time
        raise ValueError(f"unit {written!r}, expected one like {unit!r}")
    if description.bscale not in (None, "", 1) or description.bzero not in (None, "", 0):
        found = (found - float(description.bzero or 0.0)) / float(description.bscale or 1.0)
    return found
