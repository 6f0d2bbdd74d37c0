"""Decimal numbers, in numpy: exactly those that printf would write, for many numbers at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

POINT_SCALES = [
    (1.0, 1e14),
    (0.1, 1e15),
    (0.01, 1e16),
    (1e-3, 1e17),
    (1e-4, 1e18),
    (1e-5, 1e19),
    (1e-6, 1e20),
]
"""Numbers from here on, and the power of ten that leaves 15 digits before the point; exact in double
precision, as those up to 1e22 are."""

_NEAR_HALF = 0.4
"""A product below 1e15 is off by less than 0.1, so only what is nearer to a half may be rounded wrongly."""


def round_digits(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round to 15 significant digits, exactly as writing and reading them would.

    A number is scaled to an integer of 15 digits by a power of ten, and this integer divided by
    the power again, which is rounded once: so one reads a decimal number.
    """
    size = np.abs(values)
    power = np.full(len(values), POINT_SCALES[-1][1])
    for limit, scale in reversed(POINT_SCALES[:-1]):
        power[size >= limit] = scale
    rounded: NDArray[np.float64] = _scaled(values, power) / power
    plain = ((size >= POINT_SCALES[-1][0]) & (size < 10.0)) | (values == 0)
    if not plain.all():
        rest = np.flatnonzero(~plain)
        rounded[rest] = [float(f"{value:.15g}") for value in values[rest].tolist()]
    return rounded


def _scaled(values: NDArray[np.float64], power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply by exact powers of ten, and round to the nearest integer as if no digit were lost."""
    product = values * power
    nearest: NDArray[np.float64] = np.rint(product)
    off = product - nearest
    near = np.flatnonzero(np.abs(off) > _NEAR_HALF)
    exact = off[near] + _missing(values[near], power[near], product[near])
    nearest[near] += (exact > 0.5).astype(float) - (exact < -0.5)
    return nearest


def _missing(one: NDArray[np.float64], other: NDArray[np.float64], product: NDArray[np.float64]) -> Any:
    """Give what a rounded product lacks (Dekker 1971, with Veltkamp's splitting)."""
    one_high = one * 134217729.0
    one_high = one_high - (one_high - one)
    other_high = other * 134217729.0
    other_high = other_high - (other_high - other)
    one_low, other_low = one - one_high, other - other_high
    return (
        (one_high * other_high - product) + one_high * other_low + one_low * other_high
    ) + one_low * other_low


def _words(texts: list[str]) -> NDArray[np.uint32]:
    """Give strings of four characters as what fits into one number each."""
    return np.frombuffer("".join(texts).encode("ascii"), np.uint32)


def _zeros(count: int, digits: int) -> NDArray[np.int64]:
    """Count the zeros at the end of each number, written with so many digits."""
    written = (f"{number:0{digits}d}" for number in range(count))
    return np.array([digits - len(text.rstrip("0")) for text in written])


_WHOLE = _words([f"-{number:03d}" for number in range(1000)])
_FIRST = _words([f".{number:03d}" for number in range(1000)])
_MIDDLE = _words([f"{number:04d}" for number in range(10_000)])
_LAST = _words([f"{number:03d} " for number in range(1000)])
_THREE_ZEROS, _FOUR_ZEROS = _zeros(1000, 3), _zeros(10_000, 4)

_FORMS = np.array(
    [
        [sign, whole > 2, whole > 1, True, True, *(place < 10 - zeros for place in range(10)), True]
        for sign in (False, True)
        for whole in (1, 2, 3)
        for zeros in range(11)
    ]
)
"""Which of sixteen characters are written: by sign, digits before the point, and zeros at the end."""


def join_fixed(values: NDArray[np.float64], counts: NDArray[Any]) -> pa.Array:
    """Write numbers below 1000 with ten decimals, less zeros at the end, and join them with blanks.

    Parameters
    ----------
    values
        The numbers of all rows.
    counts
        How many are in each row.

    Returns
    -------
    pyarrow.Array
        A string for each row.
    """
    units = _scaled(np.abs(values), np.full(len(values), 1e10))
    # All these are integers below 2**53, and the quotients far enough from the next one.
    whole = np.floor(units / 1e10)
    rest = units - whole * 1e10
    first = np.floor(rest / 1e7)
    rest -= first * 1e7
    middle = np.floor(rest / 1e3)
    last = (rest - middle * 1e3).astype(np.int64)
    parts = [whole.astype(np.int64), first.astype(np.int64), middle.astype(np.int64), last]
    # A sign, three digits, the point, ten digits, a blank: what is not needed is then left out.
    table = np.empty((len(values), 4), np.uint32)
    for column, (words, part) in enumerate(zip((_WHOLE, _FIRST, _MIDDLE, _LAST), parts, strict=True)):
        table[:, column] = words[part]
    zeros = _THREE_ZEROS[last]
    zeros += (last == 0) * _FOUR_ZEROS[parts[2]]
    zeros += ((last == 0) & (middle == 0)) * _THREE_ZEROS[parts[1]]
    form = 33 * np.signbit(values) + 11 * ((whole >= 10).astype(np.int64) + (whole >= 100)) + zeros
    keep = _FORMS.view("V16")[:, 0][form].view(bool).reshape(-1, 16)
    ends = np.cumsum(counts, dtype=np.int64)
    keep[ends[counts > 0] - 1, 15] = False
    lengths = _FORMS.sum(axis=1)[form]
    written = np.concatenate([[0], np.cumsum(lengths)])[np.concatenate([[0], ends])]
    # The blank behind the last number of each row is not written.
    written[1:] -= np.cumsum(counts > 0)
    text = table.view(np.uint8).reshape(-1, 16)[keep].tobytes()
    return pa.Array.from_buffers(
        pa.string(), len(counts), [None, pa.py_buffer(written.astype(np.int32)), pa.py_buffer(text)]
    )
