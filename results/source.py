"""A TAP result as a stream: its columns, its query as we send it, its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from gavo import base, rsc
from numpy.typing import NDArray
from psycopg2 import extensions

from results import columns as cols
from results import decimals
from results.columns import Column, Kind
from results.copying import Chunk, copy

DEGREE = np.pi / 180
"""As DaCHS's ``utils.DEG``: it divides by this."""


class Source:
    """A query's result that has not been asked for yet.

    Attributes
    ----------
    table
        DaCHS's table: a ``QueryTable`` with its connection open.
    columns
        What its columns are.
    """

    def __init__(self, table: Any, columns: list[Column], cursor: Any) -> None:
        self.table, self.columns, self._cursor = table, columns, cursor
        self.rows = 0

    @property
    def query(self) -> str:
        """The query, with those columns as text or bytes that have no binary form that we read."""
        names = [f"c{column.index}" for column in self.columns]
        items = [_expression(column, name) for column, name in zip(self.columns, names, strict=True)]
        return f"SELECT {', '.join(items)} FROM ({self.table.query}) AS q({', '.join(names)})"  # noqa: S608 - DaCHS's own SQL

    def run(self, take: Callable[[Chunk], None]) -> int:
        """Run the query, hand on its rows, and let go of the connection.

        Returns
        -------
        int
            Number of rows.
        """
        try:
            self.rows = copy(self.table.connection, self.query, len(self.columns), take)
        finally:
            self.table.cleanup()
        # As DaCHS does when it has fetched all rows.
        if getattr(self.table.tableDef, "overflowLimit", None) == self.rows:
            self.table.setMeta("_queryStatus", "OVERFLOW")
        return self.rows

    def python(self, column: Column, chunk: Chunk) -> Iterator[Any]:
        """Give a column's values as DaCHS's serialisers would see them.

        Parameters
        ----------
        column
            A column of kind OTHER.
        chunk
            Some rows.
        """
        cast = extensions.string_types.get(column.oid)
        for text in chunk.binary(column.index).to_pylist():
            value = text
            if text is not None:
                value = text.decode("utf-8")
                if cast is not None:
                    value = cast(value, self._cursor)
            yield column.mapper(value)


def _expression(column: Column, name: str) -> str:
    if column.kind in (Kind.POLYGON, Kind.REGION):
        return f"{name}::bytea"
    if column.kind is Kind.OTHER and column.oid not in cols.STRINGS:
        return f"{name}::text"
    return name


def open_source(data: Any) -> Source | None:
    """Look whether we can write a result.

    Parameters
    ----------
    data
        What DaCHS gives to a writer: its ``Data``, or a table.

    Returns
    -------
    Source or None
        None if this is no query, or one whose columns are not those that its description says.

    Raises
    ------
    psycopg2.Error
        The query is refused.
    """
    tables = list(data.tables.values()) if isinstance(data, rsc.Data) else [data]
    if len(tables) != 1 or type(tables[0]) is not rsc.QueryTable or tables[0].connection is None:
        return None
    table = tables[0]
    manager = base.SerManager(table, acquireSamples=False)
    cursor = table.connection.cursor()
    cursor.execute(f"SELECT * FROM ({table.query}) AS q LIMIT 0")  # noqa: S608 - DaCHS's own SQL
    oids = [item.type_code for item in cursor.description]
    described = list(manager)
    if len(oids) != len(described) or not described:
        return None
    database = cols.database_of(table.connection)
    return Source(
        table,
        [
            Column(
                index,
                one,
                mapper,
                oid,
                cols.kind_of(one, mapper, oid, database),
                cols.WIRE.get(oid, ""),
                database.rounds,
            )
            for index, (one, mapper, oid) in enumerate(zip(described, manager.mappers, oids, strict=True))
        ],
        cursor,
    )


def numbers(column: Column, chunk: Chunk) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Give a column of numbers, as its type in the answer, and which rows are NULL (0 there).

    Raises
    ------
    OverflowError
        An integer is too large for its declared type.
    """
    found, nulls = chunk.numbers(column.index, column.wire), chunk.nulls(column.index)
    if column.kind is Kind.BOOLEAN:
        return found.astype(bool), nulls
    target = np.dtype(cols.INTEGERS.get(column.datatype) or cols.FLOATS[column.datatype])
    if column.kind is Kind.INTEGER and target.itemsize < found.dtype.itemsize:
        limits = np.iinfo(target)
        if len(found) and (found.min() < limits.min or found.max() > limits.max):
            raise OverflowError(
                f"column {column.name!r}: a value does not fit into its type {column.datatype}"
            )
    if column.oid == cols.FLOAT4 and target.itemsize == 8:
        # DaCHS reads PostgreSQL's text, the shortest that means this number in single precision.
        found = widened(found)
    return found.astype(target, copy=False), nulls


def widened(values: NDArray[Any]) -> NDArray[Any]:
    """Widen single precision by way of the shortest decimal number."""
    text = pa.array(values).cast(pa.string())
    return np.asarray(text.cast(pa.float64()).to_numpy(zero_copy_only=False))


def moments(column: Column, chunk: Chunk) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Give timestamps as microseconds since 1970, and which are NULL."""
    found, nulls = chunk.numbers(column.index, column.wire), chunk.nulls(column.index)
    limits = np.iinfo(np.int64)
    # psycopg2 takes PostgreSQL's infinities for the ends of what Python can represent.
    last, first = np.datetime64("9999-12-31T23:59:59.999999", "us"), np.datetime64("0001-01-01", "us")
    shifted = np.where(np.abs(found) < limits.max // 2, found, 0) + EPOCH
    shifted = np.where(found == limits.max, last.astype(np.int64), shifted)
    return np.where(found == limits.min, first.astype(np.int64), shifted), nulls


EPOCH = int(np.datetime64("2000-01-01", "us").astype(np.int64))
"""PostgreSQL's timestamps count from here (timestamp.h, POSTGRES_EPOCH_JDATE)."""


def polygons(column: Column, chunk: Chunk) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Give the vertices of polygons.

    Returns
    -------
    tuple of arrays
        For each row, its number of coordinates (-1 for NULL, twice the number of vertices else); and the
        coordinates of all, right ascension and declination in turn, in degrees.
    """
    array, lengths = chunk.binary(column.index), chunk.lengths[column.index]
    payload = np.frombuffer(array.buffers()[2] or b"", np.uint8)[: int(np.maximum(lengths, 0).sum())]
    filled = np.flatnonzero(lengths >= 0)
    # pgSphere's SPOLY: number of points (4 bytes), then longitude and latitude of each, double precision.
    begins = (
        np.concatenate([[0], np.cumsum(lengths[filled])[:-1]]).astype(np.int64) if len(filled) else filled
    )
    keep = np.ones(len(payload), bool)
    for byte in range(4):
        keep[begins + byte] = False
    counts = np.full(chunk.rows, -1, np.int32)
    counts[filled] = (lengths[filled] - 4) // 8
    radians = np.frombuffer(payload[keep].tobytes(), "=f8")
    return counts, (decimals.round_digits(radians) if column.rounds else radians) / DEGREE
