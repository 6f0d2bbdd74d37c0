"""FITS files without astropy: where the HDUs lie, their headers, and columns as views on the bytes.

Only plain files are read: a primary HDU, images and binary tables, complete, with sound structural
keywords. Whatever is odd or damaged raises `NotPlainError`, and astropy is asked instead.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ingest import storage
from ingest.arrays import FloatArray
from ingest.cards import Header, NotPlainError, read_header
from ingest.constants import FITS_BLOCK

Buffer = bytes | bytearray

TYPES = {
    code: np.dtype(name)
    for code, name in zip("BIJKED", ("u1", ">i2", ">i4", ">i8", ">f4", ">f8"), strict=True)
}
"""Letter of TFORM to the type of the numbers as they are stored: FITS 4.0, table 18."""

_WIDTHS = {"L": 1, "A": 1, "C": 8, "M": 16} | {code: kind.itemsize for code, kind in TYPES.items()}
# FITS 4.0, section 7.3.3.1: a sign bit written as the offset of an unsigned integer.
_UNSIGNED = {"I": 2**15, "J": 2**31}
_FORMAT = re.compile(r"(\d*)([LXBIJKAEDCMPQ])(.*)")
_DIMENSIONS = re.compile(r"\( *\d+ *(?:, *\d+ *)*\)")
_PER_COLUMN = ("TTYPE", "TFORM", "TUNIT", "TDIM", "TNULL", "TSCAL", "TZERO")
# Without a sound value of these, astropy's opinion of an HDU is not foreseen here.
_STRUCTURAL = frozenset(
    ("SIMPLE", "XTENSION", "BITPIX", "NAXIS", "PCOUNT", "GCOUNT", "GROUPS",
     "EXTEND", "TFIELDS", "THEAP", "EXTNAME", "EXTVER", "EXTLEVEL", "INHERIT",
     "BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM", "HDUCLAS1")
)  # fmt: skip
_STRUCTURAL_STARTS = ("NAXIS", *_PER_COLUMN)
_MOST_COLUMNS = 999  # FITS 4.0, section 7.3.1
WINDOW = 16 * FITS_BLOCK
"""Bytes that are read at once in search of the end of a header."""

AT_ONCE = 1024 * 1024
"""Bytes that are read rather than asked for column by column."""


class Column(NamedTuple):
    """One column of a binary table.

    Attributes
    ----------
    name
        TTYPE without blanks around it.
    unit
        TUNIT, None without one.
    code
        The letter of TFORM.
    start, width
        First byte in a row, and number of bytes.
    shape
        Of one cell; None if only astropy knows.
    null, scale, zero
        TNULL (of integers), TSCAL, TZERO; None without.
    """

    name: str
    unit: str | None
    code: str
    start: int
    width: int
    shape: tuple[int, ...] | None
    null: int | None
    scale: float | None
    zero: float | None


class Layout(NamedTuple):
    """The columns of a table, and their numbers by exact and by upper-case name (the first of each)."""

    columns: tuple[Column, ...]
    exact: dict[str, int]
    upper: dict[str, int]
    width: int


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
        values = header.values
        if header.odd and any(_is_structural(keyword) for keyword in header.odd):
            raise NotPlainError("structural keywords twice or without value")
        self.name = _name(values, primary=not offset)
        self.data_offset = offset + header.size
        span = -(-_data_size(values, primary=not offset) // FITS_BLOCK) * FITS_BLOCK
        self.size = header.size + span
        self.checked_size = header.checked_size + span
        self.layout: Layout | None = None
        self.axes: dict[tuple[str, str], Any] = {}  # what `ingest.performance` has found out about them
        self.rows = 0
        self._data: tuple[Buffer, int] | None = None
        if values.get("XTENSION") == "BINTABLE":
            self._table(values)

    def _table(self, values: dict[str, Any]) -> None:
        fields = _count(values, "TFIELDS", _MOST_COLUMNS)
        width, self.rows = values["NAXIS1"], values["NAXIS2"]
        if (values["BITPIX"], values["NAXIS"], values["GCOUNT"]) != (8, 2, 1):
            raise NotPlainError("no table of bytes")
        get = values.get
        self.layout = _layout(*[get(key) for key in _column_keys(fields)])
        if self.layout.width != width or not width:
            raise NotPlainError(f"rows of {width} bytes with columns of {self.layout.width}")

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
            self._data = self.source.part(self.data_offset, stop, stop)
        buffer, at = self._data
        inner = kind.itemsize
        strides = (
            [inner := inner * length for length in (1, *column.shape[:0:-1])][::-1] if column.shape else []
        )
        return np.ndarray((self.rows, *column.shape), kind, buffer, at + column.start, (width, *strides))

    def _only(self, column: Column) -> tuple[Buffer, int]:
        start = self.data_offset + column.start
        return self.source.part(start, start + column.width, self.offset + self.size)

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
            if column.code == "K" or (scale not in (None, 1) and zero == _UNSIGNED.get(column.code)):
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
        hdu = PlainHDU(source, offset, _header(source, offset))
        offset += hdu.size
        if offset > source.size:
            raise NotPlainError("cut off")
        yield hdu


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
                raise NotPlainError(f"no end of the header at byte {offset}") from error
            length *= 4


def _is_structural(keyword: str) -> bool:
    return keyword in _STRUCTURAL or keyword.startswith(_STRUCTURAL_STARTS)


def _name(values: dict[str, Any], *, primary: bool) -> str:
    name = values.get("EXTNAME", "PRIMARY" if primary else "")
    if not isinstance(name, str):
        raise NotPlainError("EXTNAME is no text")
    return name


def _count(values: dict[str, Any], keyword: str, most: int | None = None) -> int:
    value = values.get(keyword)
    if type(value) is not int or value < 0 or (most is not None and value > most):
        raise NotPlainError(f"{keyword} = {value!r}")
    return value


def _data_size(values: dict[str, Any], *, primary: bool) -> int:
    """Give the number of bytes of data: FITS 4.0, equations 1 and 2."""
    if primary and (values.get("SIMPLE") is not True or "GROUPS" in values):
        raise NotPlainError("no standard primary HDU")
    if not primary and values.get("XTENSION") not in ("BINTABLE", "IMAGE"):
        raise NotPlainError(f"extension {values.get('XTENSION')!r}")
    axes = _count(values, "NAXIS", _MOST_COLUMNS)
    lengths = [_count(values, f"NAXIS{number}") for number in range(1, axes + 1)]
    bits = values.get("BITPIX")
    if type(bits) is not int or abs(bits) not in (8, 16, 32, 64):
        raise NotPlainError(f"BITPIX = {bits!r}")
    if primary and not {"PCOUNT", "GCOUNT"} & values.keys():
        return abs(bits) // 8 * math.prod(lengths) if axes else 0
    groups, extra = _count(values, "GCOUNT"), _count(values, "PCOUNT")
    return abs(bits) // 8 * groups * (extra + math.prod(lengths)) if axes else 0


@functools.lru_cache(maxsize=64)
def _column_keys(number: int) -> tuple[str, ...]:
    return tuple(f"{start}{column}" for column in range(1, number + 1) for start in _PER_COLUMN)


@functools.lru_cache(maxsize=1024, typed=True)
def _layout(*values: Any) -> Layout:
    columns: list[Column] = []
    start, step = 0, len(_PER_COLUMN)
    for first in range(0, len(values), step):
        columns.append(_column(start, values[first : first + step]))
        start += columns[-1].width
    names = [column.name for column in columns]
    exact: dict[str, int] = {}
    upper: dict[str, int] = {}
    for number, name in enumerate(names):
        exact.setdefault(name, number)
        upper.setdefault(name.upper(), number)
    if len(exact) < len(names):
        raise NotPlainError("columns of the same name")
    return Layout(tuple(columns), exact, upper, start)


def _column(start: int, said: tuple[Any, ...]) -> Column:
    """Make a column of the values of the keywords `_PER_COLUMN`."""
    name, written, unit, dimensions, null, scale, zero = said
    sound = isinstance(name, str) and isinstance(written, str) and isinstance(unit, str | None)
    found = _FORMAT.fullmatch(written.strip()) if sound else None
    if found is None or (found[3] and found[2] not in "APQ") or not name.strip():
        raise NotPlainError(f"column {name!r} of {written!r} in {unit!r}")
    if type(null) is bool or any(type(value) not in (int, float, type(None)) for value in (scale, zero)):
        raise NotPlainError(f"scale of column {name!r}")
    repeat, code = int(found[1] or 1), found[2]
    if code == "X":
        width = -(-repeat // 8)
    elif code in "PQ":
        width = repeat * (8 if code == "P" else 16)
    else:
        width = repeat * _WIDTHS[code]
    null = null if code in "BIJK" and type(null) is int else None
    shape = _shape(repeat, dimensions) if code in TYPES else None
    return Column(name.strip(), (unit or "").strip() or None, code, start, width, shape, null, scale, zero)


def _shape(repeat: int, dimensions: Any) -> tuple[int, ...] | None:
    if dimensions is None:
        return None if not repeat else () if repeat == 1 else (repeat,)
    if not isinstance(dimensions, str) or not _DIMENSIONS.fullmatch(dimensions.strip()):
        return None
    lengths = tuple(int(length) for length in re.findall(r"\d+", dimensions))[::-1]
    return lengths if repeat > 1 and math.prod(lengths) == repeat else None
