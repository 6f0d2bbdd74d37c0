"""Read the tables of a FITS file in memory, large ones in chunks of rows."""

from __future__ import annotations

import gzip
import io
import math
import mmap
import shutil
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ingest.arrays import FloatArray
from ingest.errors import KeywordError, UnreadableFileError
from ingest.fits_files import column_index, convert, guarded, is_table, quiet, unit_of
from ingest.hdus import header_of, number_suffix, recognise
from ingest.keywords import finite
from ingest.records import Deviation

Buffer = bytes | mmap.mmap
"""A file in memory."""

CHUNK_ROWS = 500_000
"""Rows of an event list that are decoded at a time: some 10 MB for each column."""


@dataclass(frozen=True)
class Table:
    """One table of a file.

    Attributes
    ----------
    path
        Name of the file, for messages.
    hdu
        astropy's HDU.
    kind, form
        See `ingest.records.HDU`.
    header
        Keyword to value.
    content
        The whole file.
    """

    path: Path
    hdu: Any = field(repr=False)
    kind: str
    form: str | None
    header: Mapping[str, Any] = field(repr=False)
    content: Buffer = field(repr=False)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.hdu.header["NAXIS2"])

    def error(self, problem: str, keyword: str | None = None) -> KeywordError:
        """Make an error that names the file, the HDU and a column or keyword."""
        return KeywordError(self.path, problem, hdu=self.hdu.name, keyword=keyword)

    def number(self, keyword: str) -> float | None:
        """Give a keyword as a finite number; None if it is none."""
        return finite(self.header, keyword)

    def has(self, name: str) -> bool:
        """Tell whether there is such a column."""
        return column_index(self.hdu, name) is not None

    def chunks(self, **columns: str) -> Iterator[tuple[FloatArray, ...]]:
        """Give scalar columns chunk by chunk, NULL as NaN.

        Parameters
        ----------
        **columns
            Name of each column (upper case), and the unit it is wanted in; without a unit in the file it is
            taken to have that one.

        Yields
        ------
        tuple of numpy.ndarray
            For each column at most `CHUNK_ROWS` values, shape (n,).

        Raises
        ------
        KeywordError
            There is no such column of numbers, or its unit cannot be converted.
        UnreadableFileError
            The file ends before the table does.
        """
        raw = {name: self._raw(name) for name in columns}
        for first in range(0, self.rows, CHUNK_ROWS):
            yield tuple(
                self._converted(name, unit, raw[name][first : first + CHUNK_ROWS])
                for name, unit in columns.items()
            )

    def _raw(self, name: str) -> Any:
        """Give a column as it lies in the file, without copying it."""
        index = column_index(self.hdu, name)
        if index is None:
            raise self.error(f"no such column among {', '.join(self.hdu.columns.names)}", name)
        row = self.hdu.columns.dtype
        kind, start = row.fields[row.names[index]][:2]
        if kind.shape or kind.kind not in "iuf" or self.hdu.columns[index].format.strip("1 ")[0] in "PQ":
            raise self.error("expected a column of numbers", name)
        begin = self.hdu.fileinfo()["datLoc"]
        stride = int(self.hdu.header["NAXIS1"])
        if begin + stride * self.rows > len(self.content):
            problem = f"cut off after {len(self.content)} of {begin + stride * self.rows} bytes"
            raise UnreadableFileError(self.path, problem, hdu=self.hdu.name)
        if not self.rows:
            return np.empty(0)
        return np.ndarray(
            (self.rows,), kind.newbyteorder(">"), self.content, offset=begin + start, strides=(stride,)
        )

    def _converted(self, name: str, unit: str, raw: Any) -> FloatArray:
        values = raw.astype(float)
        description = self.hdu.columns[column_index(self.hdu, name)]
        null, scale, zero = (_number(getattr(description, part)) for part in ("null", "bscale", "bzero"))
        if null is not None:
            values[values == null] = np.nan
        if scale is not None or zero is not None:
            values = values * (1.0 if scale is None else scale) + (zero or 0.0)
        written = unit_of(self.hdu, name)
        converted = convert(values, written, unit)
        if converted is None:
            raise self.error(f"unit {written!r}, expected one like {unit!r}", name)
        return converted


def _number(value: Any) -> float | None:
    return finite({"value": value}, "value")


@dataclass(frozen=True)
class Tables:
    """The tables of a file, in its order.

    Attributes
    ----------
    path
        Name of the file, for messages.
    tables
        All of them.
    simulated
        Whether a header says that the data are simulated.
    """

    path: Path
    tables: tuple[Table, ...]
    simulated: bool

    def first(self, kind: str) -> Table:
        """Give the first table of a kind.

        Raises
        ------
        UnreadableFileError
            There is none.
        """
        for table in self.tables:
            if table.kind == kind:
                return table
        names = ", ".join(table.hdu.name or "?" for table in self.tables) or "no tables"
        raise UnreadableFileError(self.path, f"no HDU of the kind {kind} among {names}")

    def gti_of(self, events: Table) -> Table | None:
        """Give the good time intervals of an event list: those of its number, else the only ones."""
        found = [table for table in self.tables if table.kind == "gti"]
        number = number_suffix(events.hdu.name)
        same = [table for table in found if number is not None and number_suffix(table.hdu.name) == number]
        return next(iter(same or found), None)


@contextmanager
def opened(content: Buffer, file_name: str) -> Iterator[Tables]:
    """Open a FITS file in memory, gzipped or not.

    Raises
    ------
    UnreadableFileError
        It is not FITS, or damaged; also for everything unforeseen that happens to the block.
    """
    path = Path(file_name)
    with quiet(), guarded(path), _unpacked(content, path) as plain:
        if plain[:6] != b"SIMPLE":
            raise UnreadableFileError(path, f"starts with {plain[:6]!r}, expected a FITS file (b'SIMPLE')")
        options = {"memmap": False, "disable_image_compression": True, "character_as_bytes": True}
        hdus = fits.open(_file(plain), **options)
        try:
            yield _tables(hdus, path, plain)
        finally:
            # The file in memory is not ours to close.
            hdus.close(closed=False)


def _file(content: Buffer) -> Any:
    """Give a file object at its beginning; nothing is copied."""
    if isinstance(content, bytes):
        return io.BytesIO(content)
    content.seek(0)
    return content


@contextmanager
def _unpacked(content: Buffer, path: Path) -> Iterator[Buffer]:
    """Unpack into a file without a name: event lists may be larger than the memory that is left."""
    if content[:2] != b"\x1f\x8b":
        yield content
        return
    with tempfile.TemporaryFile() as file:
        try:
            with gzip.GzipFile(fileobj=_file(content)) as source:
                shutil.copyfileobj(source, file, 1 << 20)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise UnreadableFileError(path, f"damaged gzip stream ({error})") from error
        file.flush()
        if not file.tell():
            raise UnreadableFileError(path, "empty gzip stream")
        yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _tables(hdus: fits.HDUList, path: Path, content: Buffer) -> Tables:
    found, simulated = [], False
    for hdu in hdus:
        notes: list[Deviation] = []
        header = header_of(hdu, path, notes)
        simulated = simulated or header.get("SIMULATE") is True
        if is_table(hdu):
            kind, form = recognise(hdu, header, path, notes)
            found.append(Table(path, hdu, kind, form, header, content))
    return Tables(path, tuple(found), simulated)


def span(values: FloatArray) -> tuple[float, float] | None:
    """Give the lowest and highest finite value; None without any."""
    usable = values[np.isfinite(values)]
    return (float(usable.min()), float(usable.max())) if usable.size else None


def nice_step(wanted: float, steps: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0)) -> float:
    """Give the smallest of ``steps`` times a power of ten that is not below a positive number."""
    power = 10.0 ** math.floor(math.log10(wanted))
    # Rounding must not lift a number that is a step itself to the next one.
    return next((step * power for step in steps if step * power >= wanted * (1.0 - 1e-9)), 10.0 * power)
