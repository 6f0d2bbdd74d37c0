"""Columns of a chunk as Arrow arrays: what the formats made of text, and Parquet, begin with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gavo.utils import pgsphere
from numpy.typing import NDArray

from results import decimals
from results import source as src
from results.columns import FLOAT4, Column, Kind
from results.copying import Chunk

NOT_ASCII = "[^\\x00-\\x7f]"


TEXTUAL = (Kind.TEXT, Kind.LINK, Kind.TIME, Kind.REGION)
"""Columns that are strings, and that we make."""

URL = "^[a-z]{2,5}://"
"""What DaCHS takes for a URL (``utils.looksLikeURLPat``)."""


def strings(column: Column, chunk: Chunk) -> pa.Array:
    """Give a column of strings (one of `TEXTUAL`), with all their characters."""
    if column.kind is Kind.TIME:
        return _times(column, chunk)
    if column.kind is Kind.REGION:
        return _regions(column, chunk)
    found = chunk.binary(column.index).cast(pa.string())
    if column.kind is Kind.LINK and not leaves_alone(found):
        return text_array(None if value is None else column.mapper(value) for value in found.to_pylist())
    return found


def leaves_alone(links: pa.Array) -> bool:
    """Say whether DaCHS's mapper of links would change nothing."""
    return bool(pc.all(pc.match_substring_regex(links, URL), min_count=0).as_py())


def _times(column: Column, chunk: Chunk) -> pa.Array:
    moments, nulls = src.moments(column, chunk)
    text = np.datetime_as_string(moments.astype("datetime64[us]"))
    # As Python's isoformat, which leaves out a fraction that is zero.
    return pc.replace_substring_regex(pa.array(text.tolist(), pa.string(), mask=nulls), r"\.000000$", "")


def _regions(column: Column, chunk: Chunk) -> pa.Array:
    counts, degrees = src.polygons(column, chunk)
    empty = column.mapper(pgsphere.SPoly([]))
    joined = decimals.join_fixed(degrees, np.maximum(counts, 0))
    found = pc.binary_join_element_wise(empty, joined, "")
    return pc.if_else(pa.array(counts < 0), None, found)


def ascii_strings(column: Column, chunk: Chunk) -> pa.Array:
    """Give a column of strings with question marks for what is not in ASCII, as DaCHS writes ``char``."""
    found = strings(column, chunk)
    return found if payload(found).isascii() else pc.replace_substring_regex(found, NOT_ASCII, "?")


def payload(array: pa.Array) -> bytes:
    """Give the bytes of all strings of an array that begins at its buffers' beginning."""
    ends = np.frombuffer(array.buffers()[1], np.int32)
    return bytes(memoryview(array.buffers()[2] or b"")[: int(ends[len(array)])])


PLAIN = (1e-3, 1e9)
"""Where Arrow and Python write floating-point numbers alike, if these are no integers."""


def written(values: NDArray[np.float64]) -> pa.Array:
    """Write floating-point numbers as Python does: the shortest that means them."""
    text = pa.array(values).cast(pa.string())
    size = np.abs(values)
    whole = (size == np.floor(size)) & (size < 1e16) & ~((size == 0) & np.signbit(values))
    if whole.any():
        integers = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.string())
        text = pc.if_else(pa.array(whole), pc.binary_join_element_wise(integers, ".0", ""), text)
    odd = ~whole & ((size < PLAIN[0]) | (size >= PLAIN[1]))
    if odd.any():
        text = pc.replace_with_mask(text, pa.array(odd), text_array(map(repr, values[odd].tolist())))
    return text


def written_floats(column: Column, chunk: Chunk) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Write a column of floating-point numbers; gives which are NaN, too."""
    found, nulls = chunk.numbers(column.index, column.wire), chunk.nulls(column.index)
    found = src.widened(found) if column.oid == FLOAT4 else found.astype(np.float64, copy=False)
    return pc.if_else(pa.array(nulls), None, written(found)), np.isnan(found)


def written_integers(column: Column, chunk: Chunk) -> pa.Array:
    """Write integers."""
    values, nulls = src.numbers(column, chunk)
    return pa.array(values, mask=nulls).cast(pa.string())


def written_booleans(column: Column, chunk: Chunk, yes: str, no: str) -> pa.Array:
    """Write truth values in these words."""
    values, nulls = src.numbers(column, chunk)
    return pc.if_else(pa.array(values, mask=nulls), yes, no)


def lists(column: Column, chunk: Chunk) -> pa.ListArray:
    """Give polygons as lists of coordinates in degrees."""
    counts, degrees = src.polygons(column, chunk)
    offsets = np.concatenate([[0], np.cumsum(np.maximum(counts, 0))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(degrees), mask=pa.array(counts < 0))


def written_lists(array: pa.ListArray, separator: str) -> pa.Array:
    """Write lists of numbers."""
    texts = written(array.values.to_numpy())
    nulls = array.is_null()
    return pc.binary_join(pa.ListArray.from_arrays(array.offsets, texts, mask=nulls), separator)


def text_array(values: Any) -> pa.Array:
    """Make an array of strings from Python's; None is NULL."""
    return pa.array(list(values), pa.string())
