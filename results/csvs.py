"""CSV, as DaCHS writes it: Python's dialect ``excel``, with escapes for what cannot be printed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from gavo import base
from gavo.formats import csvtable

from results import arrays
from results import columns as cols
from results.columns import Column, Kind
from results.copying import Chunk
from results.source import Source

DIALECT = "excel"
"""The dialect that we write, DaCHS's default; a site that has set another one gets DaCHS's writer."""

SPECIAL = r"""[^ !#-&(-+\-.-\[\]-~]"""
"""Strings with any such character are left to DaCHS and Python: quotes, commas, backslashes, and
all that is no printable ASCII character."""


def is_ours() -> bool:
    """Say whether CSV is to be in the dialect that we write."""
    return bool(base.getConfig("async", "csvDialect") == DIALECT)


class Rowless:
    """A table without its rows, from which DaCHS writes what comes before them."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def __iter__(self) -> Any:
        return iter(())


def written(value: Any) -> str:
    """Write one value as DaCHS does, within a row of several."""
    # The number behind it keeps an empty value from being quoted, as it is when it is alone.
    target = io.StringIO()
    csv.writer(target, DIALECT).writerow([*csvtable._defuseRow([value]), 0])
    return target.getvalue().removesuffix(",0\r\n")


class RowEncoder:
    """Turns chunks of rows into lines."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._writers: dict[Kind, Callable[[Column, Chunk], pa.Array]] = {
            Kind.INTEGER: arrays.written_integers,
            Kind.FLOAT: _floats,
            Kind.BOOLEAN: lambda column, chunk: arrays.written_booleans(column, chunk, "True", "False"),
            **dict.fromkeys(arrays.TEXTUAL, _strings),
            Kind.POLYGON: _polygons,
            Kind.OTHER: self._others,
        }

    def encode(self, chunk: Chunk) -> bytes:
        """Encode some rows."""
        columns = [self._writers[column.kind](column, chunk).fill_null("") for column in self.source.columns]
        if len(columns) == 1:
            columns = [pc.if_else(pc.equal(columns[0], ""), '""', columns[0])]
        lines = pc.binary_join_element_wise(*columns, ",")
        return arrays.payload(pc.binary_join_element_wise(lines, "\r\n", ""))

    def _others(self, column: Column, chunk: Chunk) -> pa.Array:
        return arrays.text_array(written(value) for value in self.source.python(column, chunk))


def _floats(column: Column, chunk: Chunk) -> pa.Array:
    if column.oid in (cols.INT2, cols.INT4, cols.INT8):
        # Python has integers here, and writes them as such.
        return pa.array(chunk.numbers(column.index, column.wire), mask=chunk.nulls(column.index)).cast(
            pa.string()
        )
    return arrays.written_floats(column, chunk)[0]


def _strings(column: Column, chunk: Chunk) -> pa.Array:
    found = arrays.strings(column, chunk)
    special = pc.match_substring_regex(found, SPECIAL).fill_null(False)
    if not pc.any(special).as_py():
        return found
    replacements = arrays.text_array(written(value) for value in found.filter(special).to_pylist())
    return pc.replace_with_mask(found, special, replacements)


def _polygons(column: Column, chunk: Chunk) -> pa.Array:
    joined = arrays.written_lists(arrays.lists(column, chunk), ", ")
    return pc.binary_join_element_wise('"[', joined, ']"', "")


def write(source: Source, output: Any, *, headered: bool) -> None:
    """Write a result as CSV.

    Parameters
    ----------
    source
        The result.
    output
        Where to write.
    headered
        Whether the table's parameters and the columns' names stand in front.
    """
    csvtable.writeDataAsCSV(Rowless(source.table), output, acquireSamples=False, headered=headered)
    encoder = RowEncoder(source)
    source.run(lambda chunk: output.write(encoder.encode(chunk)))
