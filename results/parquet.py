"""Parquet, with a VOTable's metadata: what VOParquet 1.0 describes."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from gavo import base, rsc
from gavo.formats import votablewrite

from results import arrays
from results import source as src
from results.columns import FLOATS, INTEGERS, Column, Kind
from results.copying import Chunk
from results.source import Source
from results.votable import data_element

MEDIA_TYPE = "application/vnd.apache.parquet"
"""As registered with IANA."""

VERSION_KEY, CONTENT_KEY = "IVOA.VOTable-Parquet.version", "IVOA.VOTable-Parquet.content"
VERSION = "1.0"
"""VOParquet convention, IVOA Note 1.0, section 3: a VOTable without data among the file's metadata."""

_NUMBERS = {
    **{name: pa.from_numpy_dtype(np.dtype(kind)) for name, kind in {**INTEGERS, **FLOATS}.items()},
    "boolean": pa.bool_(),
    "unsignedByte": pa.uint8(),
}


def type_of(column: Column) -> pa.DataType:
    """Choose the Arrow type of a column from VOTable's."""
    scalar = _NUMBERS.get(column.datatype)
    if scalar is None:
        return pa.string()
    if column.datatype == "unsignedByte":
        return pa.binary()
    return scalar if column.described["arraysize"] in (None, "1") else pa.list_(scalar)


def schema(columns: Iterable[Column], header: bytes) -> pa.Schema:
    """Make the file's schema.

    Parameters
    ----------
    columns
        The columns.
    header
        The VOTable without data.
    """
    fields = []
    for column in columns:
        told = {key: column.described[key] for key in ("unit", "ucd", "utype", "description")}
        fields.append(
            pa.field(
                column.name, type_of(column), metadata={key: str(text) for key, text in told.items() if text}
            )
        )
    return pa.schema(fields, metadata={VERSION_KEY: VERSION, CONTENT_KEY: header})


def header_of(data: Any) -> bytes:
    """Write the VOTable of a result without its rows."""
    context = votablewrite.VOTableContext(tablecoding="td", acquireSamples=False)
    document = votablewrite.makeVOTable(rsc.wrapTable(data), context)
    content, _ = data_element(document)
    content.iterSerialized = lambda: iter(())
    target = io.BytesIO()
    votablewrite.votable.write(document, target)
    return target.getvalue().replace(b"<DATA><TABLEDATA></TABLEDATA></DATA>", b"")


def array(source: Source, column: Column, chunk: Chunk) -> pa.Array:
    """Give a column of some rows."""
    if column.kind in arrays.TEXTUAL:
        return arrays.strings(column, chunk)
    if column.kind is Kind.POLYGON:
        return arrays.lists(column, chunk)
    if column.kind is Kind.OTHER:
        kind = type_of(column)
        return pa.array([_changed(kind, value) for value in source.python(column, chunk)], kind)
    values, nulls = src.numbers(column, chunk)
    return pa.array(values, mask=nulls)


def _changed(kind: pa.DataType, value: Any) -> Any:
    """Give a value of DaCHS's as one of an Arrow type."""
    return value if value is None or kind != pa.string() else str(value)


class _File:
    """A Parquet file being written."""

    def __init__(self, columns: list[Column], data: Any, output: Any) -> None:
        self.form = schema(columns, header_of(data))
        self.writer = pq.ParquetWriter(pa.PythonFile(output, "w"), self.form)
        self.held: list[pa.RecordBatch] = []

    def add(self, columns: Iterable[pa.Array]) -> None:
        """Add some rows, given as columns."""
        fitting = [one.cast(field.type) for one, field in zip(columns, self.form, strict=True)]
        self.held.append(pa.record_batch(fitting, self.form))
        if sum(batch.num_rows for batch in self.held) >= ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are there."""
        if self.held:
            self.writer.write_table(pa.Table.from_batches(self.held, self.form))
            self.held.clear()

    def close(self, table: Any, rows: int) -> None:
        """Write the file's end."""
        self.flush()
        limit = getattr(table.tableDef, "overflowLimit", None)
        status = "OVERFLOW" if limit is not None and rows >= limit else "OK"
        self.writer.add_key_value_metadata({STATUS_KEY: status})
        self.writer.close()


def write(source: Source, data: Any, output: Any) -> None:
    """Write a result as Parquet.

    Parameters
    ----------
    source
        The result.
    data
        DaCHS's ``Data`` that holds it.
    output
        Where to write.
    """
    file = _File(source.columns, data, output)
    rows = source.run(lambda chunk: file.add(array(source, column, chunk) for column in source.columns))
    file.close(source.table, rows)


def write_rows(table: Any, data: Any, output: Any) -> None:
    """Write any table of DaCHS's as Parquet, row by row."""
    manager = base.SerManager(table, acquireSamples=False)
    columns = [
        Column(index, one, mapper, 0, Kind.OTHER)
        for index, (one, mapper) in enumerate(zip(manager, manager.mappers, strict=True))
    ]
    file, count = _File(columns, data, output), 0
    rows = manager.getMappedTuples()
    while part := list(itertools.islice(rows, ROW_GROUP)):
        count += len(part)
        values = zip(*part, strict=True)
        file.add(
            pa.array([_changed(field.type, value) for value in column], field.type)
            for column, field in zip(values, file.form, strict=True)
        )
    file.close(table, count)


ROW_GROUP = 10_000
"""Rows are collected to groups of at least so many."""

STATUS_KEY = "QUERY_STATUS"
"""Name of DALI's word on whether the result is complete, among the file's metadata."""
