"""The columns of a binary table, as its header has them: FITS 4.0, section 7.3."""

from __future__ import annotations

import functools
import math
import re
from typing import Any, NamedTuple

import numpy as np

from ingest.cards import NotPlainError
from ingest.errors import shown

TYPES = {
    code: np.dtype(name)
    for code, name in zip("BIJKED", ("u1", ">i2", ">i4", ">i8", ">f4", ">f8"), strict=True)
}
"""Letter of TFORM to the type of the numbers as they are stored: FITS 4.0, table 18."""

_WIDTHS = {"L": 1, "A": 1, "C": 8, "M": 16} | {code: kind.itemsize for code, kind in TYPES.items()}
# FITS 4.0, section 7.3.3.1: a sign bit written as the offset of an unsigned integer.
UNSIGNED = {"I": 2**15, "J": 2**31}
_FORMAT = re.compile(r"(\d*)([LXBIJKAEDCMPQ])(.*)")
_DIMENSIONS = re.compile(r"\( *\d+ *(?:, *\d+ *)*\)")
PER_COLUMN = ("TTYPE", "TFORM", "TUNIT", "TDIM", "TNULL", "TSCAL", "TZERO")


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


@functools.lru_cache(maxsize=64)
def column_keys(number: int) -> tuple[str, ...]:
    """Give the keywords of the first columns, `PER_COLUMN` of each."""
    return tuple(f"{start}{column}" for column in range(1, number + 1) for start in PER_COLUMN)


@functools.lru_cache(maxsize=1024, typed=True)
def layout_of(*values: Any) -> Layout:
    """Give the columns that the values of `column_keys` describe.

    Raises
    ------
    NotPlainError
        One of them is odd, or two have the same name.
    """
    columns: list[Column] = []
    start, step = 0, len(PER_COLUMN)
    for first in range(0, len(values), step):
        columns.append(_column(len(columns) + 1, start, values[first : first + step]))
        start += columns[-1].width
    names = [column.name for column in columns]
    exact: dict[str, int] = {}
    upper: dict[str, int] = {}
    for number, name in enumerate(names):
        exact.setdefault(name, number)
        upper.setdefault(name.upper(), number)
    if len(exact) < len(names):
        twice = next(name for number, name in enumerate(names) if name in names[:number])
        raise NotPlainError(f"two columns are called {twice!r}", f"TTYPE{names.index(twice) + 1}")
    return Layout(tuple(columns), exact, upper, start)


def _column(number: int, start: int, said: tuple[Any, ...]) -> Column:
    """Make a column, the first has the number 1, of the values of the keywords `PER_COLUMN`."""
    name, written, unit, dimensions, null, scale, zero = said
    if not isinstance(name, str) or not name.strip():
        raise _odd(name, f"TTYPE{number}", "a name")
    if not isinstance(unit, str | None):
        raise _odd(unit, f"TUNIT{number}", "a unit")
    found = _FORMAT.fullmatch(written.strip()) if isinstance(written, str) else None
    if found is None or (found[3] and found[2] not in "APQ"):
        raise _odd(written, f"TFORM{number}", "a format such as '1D'")
    for keyword, value in (("TSCAL", scale), ("TZERO", zero)):
        if type(value) not in (int, float, type(None)):
            raise _odd(value, f"{keyword}{number}", "a number")
    if type(null) is bool:
        raise _odd(null, f"TNULL{number}", "a whole number")
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


def _odd(value: Any, keyword: str, expected: str) -> NotPlainError:
    return NotPlainError(f"{shown(value)}, expected {expected}", keyword)


def _shape(repeat: int, dimensions: Any) -> tuple[int, ...] | None:
    if dimensions is None:
        return None if not repeat else () if repeat == 1 else (repeat,)
    if not isinstance(dimensions, str) or not _DIMENSIONS.fullmatch(dimensions.strip()):
        return None
    lengths = tuple(int(length) for length in re.findall(r"\d+", dimensions))[::-1]
    return lengths if repeat > 1 and math.prod(lengths) == repeat else None
