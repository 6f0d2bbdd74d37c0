"""FITS files without astropy: where the HDUs lie, their headers, and columns as views on the bytes.

Only plain files are read: a primary HDU, images and binary tables, complete, with sound structural
keywords. Whatever is odd or damaged raises `NotPlainError`, and astropy is asked instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ingest import storage
from ingest.arrays import FloatArray
from ingest.cards import Header, NotPlainError, read_header
from ingest.constants import FITS_BLOCK, FITS_CARD, LONGEST_HEADER, MOST_IN_MEMORY
from ingest.errors import shown
from ingest.layouts import PER_COLUMN, TYPES, UNSIGNED, Column, Layout, column_keys, layout_of

Buffer = bytes | bytearray

# Without a sound value of these, astropy's opinion of an HDU is not foreseen here.
_STRUCTURAL = frozenset(
    ("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "GROUPS",
     "EXTEND", "TFIELDS", "THEAP", "EXTNAME", "EXTVER", "EXTLEVEL", "INHERIT",
     "BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "HDUCLAS1")
)  # fmt: skip
_EXTNAME = re.compile(rb"EXTNAME = '([A-Za-z0-9_ -]+)'")
_STRUCTURAL_STARTS = ("NAXIS", *PER_COLUMN)
_MOST_COLUMNS = 999  # FITS 4.0, section 7.3.1
WINDOW = 16 * FITS_BLOCK
"""Bytes that are read at once in search of the end of a header."""

AT_ONCE = 1024 * 1024
"""Bytes that are read rather than asked for column by column."""


class Source(Protocol):
    """The bytes of an unpacked file."""

    size: int

    def window(self, start: int, length: int) -> tuple[Buffer, int]:
        """Give bytes that hold those from `start`, at least `length` of them or all, and where these are."""

    def part(self, start: int, stop: int, end: int) -> tuple[Buffer, int]:
        """Give bytes that hold those from `start` to `stop`, and where these are in them.

        Those behind, up to `end`, may be asked for next.
        """


class Whole:
    """A file in memory."""

    def __init__(self, content: Buffer) -> None:
        self.content, self.size = content, len(content)

    def window(self, start: int, length: int) -> tuple[Buffer, int]:
        """See `Source`."""
        return self.content, start

    def part(self, start: int, stop: int, end: int) -> tuple[Buffer, int]:
        """See `Source`."""
        return self.content, start


class Ranges:
    """A file that is read piecemeal; the last piece is kept."""

    def __init__(self, path: Path, size: int, first: Buffer) -> None:
        self.path, self.size, self._piece, self._begin = path, size, first, 0

    def window(self, start: int, length: int) -> tuple[Buffer, int]:
        """See `Source`."""
        stop = min(start + length, self.size)
        return self.part(start, stop, stop)

    def part(self, start: int, stop: int, end: int) -> tuple[Buffer, int]:
        """See `Source`."""
        if not self._begin <= start <= stop <= self._begin + len(self._piece):
            wanted = end if end - start <= AT_ONCE else stop
            self._piece, self._begin = storage.read_range(self.path, start, wanted), start
            if len(self._piece) < stop - start:
                raise NotPlainError("the file has become shorter")
        return self._piece, start - self._begin


class PlainHDU:
    """One HDU; its table, if it is one, is read when it is asked for."""

    __slots__ = (
        "_data",
        "axes",
        "checked_size",
        "data_offset",
        "header",
        "layout",
        "name",
        "offset",
        "rows",
        "size",
        "source",
    )

    def __init__(self, source: Source, offset: int, header: Header) -> None:
        self.source, self.offset, self.header = source, offset, header
        self.name = _name(header.values, primary=not offset)
        self.layout: Layout | None = None
        self.axes: dict[tuple[str, str], Any] = {}  # what `ingest.performance` has found out about them
        self.rows = 0
        self._data: tuple[Buffer, int] | None = None
        try:
            self._take(header)
        except NotPlainError as error:
            error.hdu = self.name
            raise

    def _take(self, header: Header) -> None:
        values, offset = header.values, self.offset
        for keyword in header.odd:
            if _is_structural(keyword):
                raise NotPlainError("is there twice, or without a value", keyword)
        self.data_offset = offset + header.size
        span = -(-_data_size(values, primary=not offset) // FITS_BLOCK) * FITS_BLOCK
        self.size = header.size + span
        self.checked_size = header.checked_size + span
        if values.get("XTENSION") == "BINTABLE":
            self._table(values)

    def _table(self, values: dict[str, Any]) -> None:
        fields = _count(values, "TFIELDS", _MOST_COLUMNS)
        width, self.rows = values["NAXIS1"], values["NAXIS2"]
        for keyword, expected in (("BITPIX", 8), ("NAXIS", 2), ("GCOUNT", 1)):
            if values[keyword] != expected:
                raise NotPlainError(f"{values[keyword]!r}, expected {expected} in a binary table", keyword)
        get = values.get
        self.layout = layout_of(*[get(key) for key in column_keys(fields)])
        if self.layout.width != width or not width:
            problem = f"{width!r}, expected {self.layout.width}, the width of all columns in bytes"
            raise NotPlainError(problem, "NAXIS1", fatal=True)

    def column(self, name: str) -> Column | None:
        """Give a column by its exact name, else in any case; None if it is not there."""
        index = self.index(name)
        return None if index is None or self.layout is None else self.layout.columns[index]

    def index(self, name: str) -> int | None:
        """Give the number of a column, by its exact name first, in any case else."""
        if self.layout is None:
            return None
        found = self.layout.exact.get(name)
        return self.layout.upper.get(name) if found is None else found

    def stored(self, column: Column) -> NDArray[Any]:
        """Give a column as it is stored: a view of shape (n,), or (n, ...), without scale and NULL.

        Raises
        ------
        NotPlainError
            It has no numbers, or dimensions that only astropy understands.
        """
        if column.shape is None or self.layout is None:
            raise NotPlainError(f"column {column.name}")
        kind = TYPES[column.code]
        width = self.layout.width
        if not self.rows:
            return np.empty((0, *column.shape), kind)
        if self.rows == 1:  # responses: many long columns, of which few are needed
            buffer, at = self._only(column)
            return np.ndarray((1, *column.shape), kind, buffer, at)
        if self._data is None:
            stop = self.data_offset + width * self.rows
            self._check_size(stop - self.data_offset)
            self._data = self.source.part(self.data_offset, stop, stop)
        buffer, at = self._data
        inner = kind.itemsize
        strides = (
            [inner := inner * length for length in (1, *column.shape[:0:-1])][::-1] if column.shape else []
        )
        return np.ndarray((self.rows, *column.shape), kind, buffer, at + column.start, (width, *strides))

    def _only(self, column: Column) -> tuple[Buffer, int]:
        start = self.data_offset + column.start
        self._check_size(column.width)
        return self.source.part(start, start + column.width, self.offset + self.size)

    def _check_size(self, wanted: int) -> None:
        if wanted > MOST_IN_MEMORY and not isinstance(self.source, Whole):
            problem = f"{self.rows} rows have {wanted} bytes, expected at most {MOST_IN_MEMORY}"
            error = NotPlainError(problem, "NAXIS2")
            error.hdu = self.name
            raise error

    def cell(self, column: Column) -> bytes:
        """Give the bytes of a column's only cell; nothing if there is not one row of plain numbers."""
        if self.rows != 1 or column.shape is None or column[-3:] != (None, None, None):
            return b""
        buffer, at = self._only(column)
        return bytes(buffer[at : at + column.width])

    def values(self, column: Column) -> FloatArray:
        """Give a column as floats, scaled, NULL integers as NaN; shape (n,) or (n, ...).

        Raises
        ------
        NotPlainError
            As `stored`; also if its scale needs integers that are wider than a float's.
        """
        values = np.array(self.stored(column), dtype=float)
        null, scale, zero = column.null, column.scale, column.zero
        if scale not in (None, 1) or zero not in (None, 0):
            if column.code == "K" or (scale not in (None, 1) and zero == UNSIGNED.get(column.code)):
                raise NotPlainError(f"scaled integers in column {column.name}")
            if scale not in (None, 1):
                values *= scale
            if zero not in (None, 0):
                values += zero
        if null is not None:
            values[values == null * (1.0 if scale is None else float(scale)) + float(zero or 0.0)] = np.nan
        return values


def hdus(source: Source) -> Iterator[PlainHDU]:
    """Give the HDUs of a file in its order.

    Raises
    ------
    NotPlainError
        The file is odd or damaged.
    """
    offset = 0
    while offset < source.size or not offset:
        try:
            header = _header(source, offset)
        except NotPlainError as error:
            error.hdu = _name_near(source, offset)
            raise
        hdu = PlainHDU(source, offset, header)
        offset += hdu.size
        if offset > source.size:
            short = NotPlainError("cut off")
            short.hdu = hdu.name
            raise short
        yield hdu


def _name_near(source: Source, offset: int) -> str | None:
    """Give the name that an HDU has in a header that cannot be read otherwise."""
    if not offset:
        return "PRIMARY"
    window, start = source.part(offset, min(offset + WINDOW, source.size), source.size)
    found = _EXTNAME.search(window, start)
    return found[1].decode("ascii").strip() if found and not (found.start() - start) % FITS_CARD else None


def beginning(content: Buffer) -> Iterator[PlainHDU]:
    """Give the HDUs whose headers lie in the first bytes of a file; their data may lie beyond.

    Raises
    ------
    NotPlainError
        The file is odd or damaged.
    EOFError
        The next header is not, or not as a whole, among these bytes.
    """
    offset, source = 0, Whole(content)
    while True:
        hdu = PlainHDU(source, offset, read_header(content, offset))
        yield hdu
        offset += hdu.size


def _header(source: Source, offset: int) -> Header:
    length = WINDOW
    while True:
        window, start = source.window(offset, length)
        if not window.startswith((b"XTENSION=", b"SIMPLE  =")[not offset], start):
            raise NotPlainError(f"no HDU at byte {offset}")
        try:
            return read_header(window, start)
        except EOFError as error:
            if start + length >= len(window) and offset + length >= source.size:
                raise NotPlainError(f"the header at byte {offset} has no END", "END") from error
            if length > LONGEST_HEADER:
                problem = f"the header at byte {offset} has none in {length} bytes"
                raise NotPlainError(problem, "END") from error
            length *= 4


def _is_structural(keyword: str) -> bool:
    return keyword in _STRUCTURAL or keyword.startswith(_STRUCTURAL_STARTS)


def _name(values: dict[str, Any], *, primary: bool) -> str:
    name = values.get("EXTNAME", "PRIMARY" if primary else "")
    if not isinstance(name, str):
        raise NotPlainError(f"{name!r}, expected text", "EXTNAME")
    return name


def _count(values: dict[str, Any], keyword: str, most: int | None = None) -> int:
    value = values.get(keyword)
    if type(value) is not int or value < 0 or (most is not None and value > most):
        expected = "a whole number" if most is None else f"a whole number up to {most}"
        raise NotPlainError(f"{shown(value)}, expected {expected}", keyword)
    return value


def _data_size(values: dict[str, Any], *, primary: bool) -> int:
    """Give the number of bytes of data: FITS 4.0, equations 1 and 2."""
    if primary and (values.get("SIMPLE") is not True or "GROUPS" in values):
        raise NotPlainError(f"{values.get('SIMPLE')!r}, expected a standard primary HDU", "SIMPLE")
    if not primary and values.get("XTENSION") not in ("BINTABLE", "IMAGE"):
        raise NotPlainError(f"{values.get('XTENSION')!r}, expected 'BINTABLE' or 'IMAGE'", "XTENSION")
    axes = _count(values, "NAXIS", _MOST_COLUMNS)
    lengths = [_count(values, f"NAXIS{number}") for number in range(1, axes + 1)]
    bits = values.get("BITPIX")
    if type(bits) is not int or abs(bits) not in (8, 16, 32, 64):
        problem = f"{shown(bits)}, expected 8, 16, 32, 64, -32 or -64"
        raise NotPlainError(problem, "BITPIX")
    if primary and not {"PCOUNT", "GCOUNT"} & values.keys():
        return abs(bits) // 8 * math.prod(lengths) if axes else 0
    groups, extra = _count(values, "GCOUNT"), _count(values, "PCOUNT")
    return abs(bits) // 8 * groups * (extra + math.prod(lengths)) if axes else 0
