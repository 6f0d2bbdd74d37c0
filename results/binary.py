"""Rows of VOTable's BINARY and BINARY2 serialisations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gavo.votable import V, coding, enc_binary, enc_binary2
from numpy.typing import NDArray

from results import arrays
from results import source as src
from results.columns import FLOATS, INTEGERS, Column, Kind
from results.copying import Chunk
from results.source import Source

Encode = Callable[[Any], bytes]


def single_encoder(field: Any, module: Any) -> Encode:
    """Make DaCHS's encoder of one field's values alone."""
    encode = coding.buildEncoder(V.TABLE()[field], module)
    # Of BINARY2, there is one byte of null flags before the value.
    skip = 1 if module is enc_binary2 else 0
    return lambda value: encode((value,))[skip:]


class _Pieces:
    """What a chunk's rows are put together from: bytes, cut into numbered segments."""

    def __init__(self, data: bytes, boundaries: NDArray[Any]) -> None:
        self._data: list[Any] = [data]
        self._offsets = [boundaries.astype(np.int32)]
        self._size = len(data)
        self._count = len(boundaries) - 1

    def add(self, data: Any, sizes: NDArray[Any]) -> int:
        """Append segments of these sizes; gives the number of the first."""
        # What is between the end of the last segment and the beginning of the new ones is one, too.
        first = self._count + 1
        offsets = self._size + np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self._data.append(data)
        self._offsets.append(offsets.astype(np.int32))
        self._count += len(offsets)
        self._size += int(offsets[-1]) - self._size
        return first

    def join(self, order: NDArray[np.int32]) -> memoryview:
        """Give the segments of these numbers, one after the other."""
        data = b"".join(self._data)
        offsets = np.concatenate(self._offsets)
        items = pa.Array.from_buffers(
            pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        )
        taken = items.take(pa.array(order.reshape(-1)))
        ends = np.frombuffer(taken.buffers()[1], np.int32)
        return memoryview(taken.buffers()[2])[: int(ends[len(taken)])]


class RowEncoder:
    """Turns chunks of rows into bytes.

    Most of PostgreSQL's binary form is VOTable's: numbers, highest byte first, and strings behind their
    length. So pieces of it are joined, with what is between them left out and NULLs filled in.

    Parameters
    ----------
    source
        The result.
    fields
        Its FIELD elements.
    binary2
        Whether it is BINARY2 that is written, or BINARY.
    """

    def __init__(self, source: Source, fields: Iterable[Any], *, binary2: bool) -> None:
        self.source, self.binary2 = source, binary2
        module = enc_binary2 if binary2 else enc_binary
        self.encoders = [single_encoder(field, module) for field in fields]
        self.fills: dict[int, bytes] = {}
        self._converters: dict[Kind, Callable[[Column, Chunk], tuple[Any, NDArray[Any]]]] = {
            Kind.INTEGER: self._numbers,
            Kind.FLOAT: self._numbers,
            Kind.BOOLEAN: self._booleans,
            **dict.fromkeys(arrays.TEXTUAL, self._strings),
            Kind.POLYGON: self._polygons,
            Kind.OTHER: self._others,
        }

    def encode(self, chunk: Chunk) -> memoryview:
        """Encode some rows."""
        count, columns = chunk.rows, self.source.columns
        replaced = self._replaced(chunk)
        direct = [column.index not in replaced and _as_it_is(column) for column in columns]
        boundaries, places = _segments(chunk, columns)
        pieces = _Pieces(chunk.data, boundaries)
        order = np.empty((count, len(columns) + self.binary2), np.int32)
        stride = boundaries.size // count
        rows = np.arange(count, dtype=np.int32) * stride
        null = chunk.lengths < 0
        for index in replaced:
            # DaCHS makes NULL of an empty link.
            if columns[index].kind is Kind.LINK:
                null[index] = arrays.strings(columns[index], chunk).is_null().to_numpy(zero_copy_only=False)
        if self.binary2:
            flags = np.packbits(null.T, axis=1)
            order[:, 0] = np.arange(count) + pieces.add(flags.tobytes(), np.full(count, flags.shape[1]))
        for column, place in zip(columns, places, strict=True):
            wanted = order[:, column.index + self.binary2]
            if direct[column.index]:
                np.add(rows, place, out=wanted)
            else:
                data, sizes = self._converters[column.kind](column, chunk)
                np.add(np.arange(count, dtype=np.int32), pieces.add(data, sizes), out=wanted)
            if null[column.index].any():
                fill = self._fill(column)
                wanted[null[column.index]] = pieces.add(fill, np.array([len(fill)]))
        return pieces.join(order)

    def _replaced(self, chunk: Chunk) -> set[int]:
        """Say which columns of strings are not to be taken as they are."""
        found = set()
        for column in self.source.columns:
            if column.kind in (Kind.TEXT, Kind.LINK):
                held = chunk.binary(column.index)
                changed = column.kind is Kind.LINK and not arrays.leaves_alone(held.cast(pa.string()))
                if changed or not arrays.payload(held).isascii():
                    found.add(column.index)
        return found

    def _fill(self, column: Column) -> bytes:
        """Give what stands for NULL; for integers in BINARY without a null value, this is DaCHS's error."""
        if column.index not in self.fills:
            self.fills[column.index] = self.encoders[column.index](None)
        return self.fills[column.index]

    def _numbers(self, column: Column, chunk: Chunk) -> tuple[Any, NDArray[Any]]:
        values, _ = src.numbers(column, chunk)
        big = values.astype(values.dtype.newbyteorder(">"))
        return big.tobytes(), np.full(chunk.rows, big.dtype.itemsize)

    def _booleans(self, column: Column, chunk: Chunk) -> tuple[Any, NDArray[Any]]:
        values, _ = src.numbers(column, chunk)
        return (values + np.uint8(ord("0"))).astype(np.uint8).tobytes(), np.ones(chunk.rows, np.int64)

    def _strings(self, column: Column, chunk: Chunk) -> tuple[Any, NDArray[Any]]:
        found = arrays.ascii_strings(column, chunk)
        held = arrays.payload(found)
        lengths = np.diff(np.frombuffer(found.buffers()[1], np.int32)[: chunk.rows + 1])
        heads = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(4), chunk.rows, [None, pa.py_buffer(lengths.astype(">i4").tobytes())]
        )
        bodies = pa.Array.from_buffers(
            pa.binary(), chunk.rows, [None, found.buffers()[1], pa.py_buffer(held)]
        )
        joined = pc.binary_join_element_wise(heads.cast(pa.binary()), bodies, b"")
        return arrays.payload(joined), np.diff(np.frombuffer(joined.buffers()[1], np.int32)[: chunk.rows + 1])

    def _polygons(self, column: Column, chunk: Chunk) -> tuple[Any, NDArray[Any]]:
        counts, degrees = src.polygons(column, chunk)
        used = np.maximum(counts, 0)
        sizes = np.where(counts < 0, 0, 4 + 8 * used.astype(np.int64))
        words = np.empty(int(sizes.sum()) // 4, ">u4")
        heads = (np.cumsum(sizes) - sizes)[counts >= 0] // 4
        body = np.ones(len(words), bool)
        body[heads] = False
        words[heads] = used[counts >= 0]
        words[body] = np.frombuffer(degrees.astype(">f8").tobytes(), ">u4")
        return words.tobytes(), sizes

    def _others(self, column: Column, chunk: Chunk) -> tuple[Any, NDArray[Any]]:
        return self._encoded(self.source.python(column, chunk), column)

    def _encoded(self, values: Iterable[Any], column: Column) -> tuple[Any, NDArray[Any]]:
        encode = self.encoders[column.index]
        parts = [b"" if value is None else encode(value) for value in values]
        return b"".join(parts), np.fromiter(map(len, parts), np.int64, len(parts))


def _as_it_is(column: Column) -> bool:
    """Say whether PostgreSQL's bytes of a column are VOTable's."""
    if column.kind in (Kind.TEXT, Kind.LINK):
        return True
    wanted = {**INTEGERS, **FLOATS}.get(column.datatype)
    return column.kind in (Kind.INTEGER, Kind.FLOAT) and column.wire == f">{wanted}"


def _segments(chunk: Chunk, columns: list[Column]) -> tuple[NDArray[Any], list[int]]:
    """Cut rows into segments.

    Returns
    -------
    tuple
        Where they begin, with the end of the last; and for each column the number of its segment in a row. A
        string's segment has its length in front of it.
    """
    bounds, places = [chunk.starts[:-1]], []
    for column in columns:
        begins = chunk.begins[column.index]
        bounds.append(begins - 4)
        if column.kind not in (Kind.TEXT, Kind.LINK):
            bounds.append(begins)
        places.append(len(bounds) - 1)
    return np.append(np.stack(bounds, axis=1).reshape(-1), chunk.starts[-1]), places
