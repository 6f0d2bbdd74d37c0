"""The rows of a query, as PostgreSQL's binary COPY sends them, in chunks."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

CHUNK_BYTES = 1 << 22
"""Rows are worked on when so many bytes of them are there: small beside a server's memory, large beside
the cost of starting each of the steps per column."""

SIGNATURE = b"PGCOPY\n\xff\r\n\0"
"""What a binary COPY begins with (PostgreSQL manual, COPY, "Binary Format")."""

_HEADER = struct.Struct("!11sii")
_TRAILER = b"\xff\xff"
_PADDING = bytes(16)


class CopyFormatError(ValueError):
    """What came is no binary COPY."""


class Chunk:
    """Some rows in binary COPY format, taken apart.

    Attributes
    ----------
    data
        All rows' bytes, with some zeros behind.
    rows
        Number of rows.
    begins, lengths
        For each column (first axis) and row, where its value begins in `data`, and its number
        of bytes; -1 for NULL.
    """

    def __init__(self, parts: list[bytes], columns: int) -> None:
        self.data = b"".join([*parts, _PADDING])
        self.rows = len(parts)
        sizes = np.fromiter(map(len, parts), np.int64, self.rows)
        self.starts = np.concatenate([[0], np.cumsum(sizes)])
        self.begins = np.empty((columns, self.rows), np.int64)
        self.lengths = np.empty((columns, self.rows), np.int32)
        words = self.words(">i4")
        position = self.starts[:-1] + 2  # behind the row's number of columns
        for column in range(columns):
            length = self.lengths[column]
            length[:] = words[position]
            position = np.add(position, 4, out=self.begins[column])
            position = position + np.maximum(length, 0)
        if not np.array_equal(position, self.starts[1:]):
            raise CopyFormatError(f"rows do not hold {columns} columns each")

    def words(self, dtype: str) -> NDArray[Any]:
        """Give what stands at each byte, read as a number; positions need not be aligned."""
        kind = np.dtype(dtype)
        return np.ndarray((len(self.data) - kind.itemsize + 1,), kind, self.data, 0, (1,))

    def nulls(self, column: int) -> NDArray[np.bool_]:
        """Say which rows have no value in a column."""
        found: NDArray[np.bool_] = self.lengths[column] < 0
        return found

    def numbers(self, column: int, dtype: str) -> NDArray[Any]:
        """Give a column of fixed width as numbers, in the machine's order; 0 for NULL.

        Raises
        ------
        CopyFormatError
            A value is of another width.
        """
        kind, nulls = np.dtype(dtype), self.nulls(column)
        if not ((self.lengths[column] == kind.itemsize) | nulls).all():
            raise CopyFormatError(f"column {column}: expected values of {kind.itemsize} bytes")
        found: NDArray[Any] = self.words(dtype)[np.where(nulls, 0, self.begins[column])].astype(
            kind.newbyteorder("=")
        )
        found[nulls] = 0
        return found

    def binary(self, column: int) -> pa.Array:
        """Give a column's bytes as an Arrow array; they are copied once, by Arrow."""
        begins, nulls = self.begins[column], self.nulls(column)
        # Seen as one long binary array, every second item is a value, and the others are what lies between.
        offsets = np.empty(2 * self.rows + 1, np.int32)
        offsets[0:-1:2] = begins
        offsets[1::2] = begins + np.maximum(self.lengths[column], 0)
        offsets[-1] = offsets[-2]
        items = pa.Array.from_buffers(
            pa.binary(), 2 * self.rows, [None, pa.py_buffer(offsets), pa.py_buffer(self.data)]
        )
        wanted = np.arange(0, 2 * self.rows, 2, dtype=np.int32)
        return items.take(pa.array(wanted, mask=nulls if nulls.any() else None))


class _Receiver:
    """A file for psycopg2, which writes one row at a time."""

    def __init__(self, columns: int, take: Callable[[Chunk], None], stop: Callable[[], None]) -> None:
        self.columns, self.take, self.stop = columns, take, stop
        self.parts: list[bytes] = []
        self.size = self.rows = 0
        self.begun = False
        self.failure: BaseException | None = None

    def write(self, data: bytes) -> None:
        if not self.begun:
            data = self._begin(data)
        if data and data != _TRAILER:
            self.parts.append(data)
            self.size += len(data)
            if self.size >= CHUNK_BYTES:
                self.flush()

    def _begin(self, data: bytes) -> bytes:
        self.begun = True
        signature, flags, extension = _HEADER.unpack_from(data)
        if signature != SIGNATURE or flags:
            raise CopyFormatError(f"expected a binary COPY, found {data[:19]!r}")
        return data[_HEADER.size + extension :]

    def flush(self) -> None:
        parts, self.parts, self.size = self.parts, [], 0
        # psycopg2 would leave a connection in the middle of a COPY if this raised: the query is ended
        # first, and the rest of its rows thrown away.
        if parts and self.failure is None:
            try:
                self.take(Chunk(parts, self.columns))
                self.rows += len(parts)
            except BaseException as failure:
                self.failure = failure
                self.stop()


def copy(connection: Any, query: str, columns: int, take: Callable[[Chunk], None]) -> int:
    """Run a query and hand on its rows.

    Parameters
    ----------
    connection
        A psycopg2 connection.
    query
        The query.
    columns
        Its number of columns.
    take
        Called with each chunk of rows.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    psycopg2.Error
        The query fails.
    Exception
        Whatever `take` raised; the query has then been cancelled.
    """
    receiver = _Receiver(columns, take, connection.cancel)
    try:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.copy_expert(f"COPY ({query}) TO STDOUT (FORMAT BINARY)", receiver)
        receiver.flush()
    except Exception:
        if receiver.failure is None:
            raise
    if receiver.failure is not None:
        raise receiver.failure
    return receiver.rows
