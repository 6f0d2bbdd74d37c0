"""FITS binary tables: DaCHS makes the header, we the rows.

A string's width and the number of rows stand before the rows, so these go to a temporary file
first, as Arrow record batches, and become records when all have been seen.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from gavo import base, utils
from gavo.formats import fitstable
from gavo.utils import pyfits
from numpy.typing import NDArray

from results import arrays
from results import source as src
from results.columns import FLOATS, INTEGERS, Column, Kind
from results.copying import Chunk
from results.csvs import Rowless
from results.source import Source

BLOCK = 2880
"""FITS 4.0, section 3.1."""

POSSIBLE = (Kind.INTEGER, Kind.FLOAT, Kind.BOOLEAN, *arrays.TEXTUAL)
"""Columns that we write; with any other in it, a table is DaCHS's to write."""


def is_ours(source: Source) -> bool:
    """Say whether we can write all columns."""
    return all(column.kind in POSSIBLE for column in source.columns)


class Sample(Rowless):
    """A table whose one row makes DaCHS's FITS writer find the widths that all rows need."""

    def __init__(self, table: Any, row: dict[str, Any] | None) -> None:
        super().__init__(table)
        self._row = row

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter([] if self._row is None else [dict(self._row)])


def _array(column: Column, chunk: Chunk) -> pa.Array:
    if column.kind in arrays.TEXTUAL:
        return arrays.ascii_strings(column, chunk)
    values, nulls = src.numbers(column, chunk)
    return pa.array(values, mask=nulls)


class _Spool:
    """The rows in a temporary file, with the width of each column of strings."""

    def __init__(self, source: Source, file: Any) -> None:
        self.source, self.file = source, file
        self.widths = [0] * len(source.columns)
        self.rows = 0

    def fill(self) -> None:
        """Run the query."""
        kinds = []
        for column in self.source.columns:
            kinds.append(
                pa.string()
                if column.kind in arrays.TEXTUAL
                else pa.bool_()
                if column.kind is Kind.BOOLEAN
                else pa.from_numpy_dtype(np.dtype({**INTEGERS, **FLOATS}[column.datatype]))
            )
        form = pa.schema([(f"c{index}", kind) for index, kind in enumerate(kinds)])
        with pa.ipc.new_stream(self.file, form) as stream:

            def take(chunk: Chunk) -> None:
                found = [_array(column, chunk) for column in self.source.columns]
                for index, one in enumerate(found):
                    if one.type == pa.string():
                        longest = pc.max(pc.binary_length(one)).as_py() or 0
                        self.widths[index] = max(self.widths[index], longest)
                stream.write_batch(pa.record_batch(found, form))

            self.rows = self.source.run(take)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Read the rows again."""
        self.file.seek(0)
        with pa.ipc.open_stream(self.file) as stream:
            yield from stream


def _hdu(source: Source, spool: _Spool) -> Any:
    blank = {Kind.INTEGER: 0, Kind.FLOAT: 0.0, Kind.BOOLEAN: False}
    row = {
        column.name: blank[column.kind] if column.kind in blank else "x" * width
        for column, width in zip(source.columns, spool.widths, strict=True)
    }
    manager = base.SerManager(Sample(source.table, row if spool.rows else None), acquireSamples=False)
    # The sample is what the formats get: DaCHS's conversions have been done.
    manager.mappers = tuple(utils.identity for _ in manager.mappers)
    return fitstable._makeExtension(manager)


def _field(column: Column, values: pa.Array, form: np.dtype[Any]) -> NDArray[Any]:
    """Make one column of records."""
    if column.kind in arrays.TEXTUAL:
        return np.array(
            pc.ascii_rtrim_whitespace(values.fill_null("")).to_numpy(zero_copy_only=False), dtype=object
        ).astype(form)
    if values.null_count:
        null = fitstable._getNullValue(column.described)
        if null is None:
            raise ValueError(
                "While serializing a FITS table: NULL detected in column"
                f" '{column.name}' but no null value declared"
            )
        values = values.fill_null(null)
    if column.kind is Kind.BOOLEAN:
        return np.where(values.to_numpy(zero_copy_only=False), ord("T"), ord("F")).astype(form)
    found: NDArray[Any] = values.to_numpy(zero_copy_only=False).astype(form)
    return found


def write(source: Source, output: Any) -> None:
    """Write a result as FITS, with a primary HDU and a binary table.

    Parameters
    ----------
    source
        The result; `is_ours` must hold.
    output
        Where to write.

    Raises
    ------
    ValueError
        There is a NULL in a column of integers that has no null value.
    """
    with tempfile.TemporaryFile(dir=base.getConfig("tempDir")) as file:
        spool = _Spool(source, file)
        spool.fill()
        with utils.fitsLock():
            hdu = _hdu(source, spool)
        hdu.header["NAXIS2"] = spool.rows
        _put_primary(output)
        output.write(hdu.header.tostring().encode("ascii"))
        forms = [_form(column, width) for column, width in zip(source.columns, spool.widths, strict=True)]
        record = np.dtype([(f"c{index}", form) for index, form in enumerate(forms)])
        if spool.rows and record.itemsize != hdu.header["NAXIS1"]:
            raise ValueError(f"records of {record.itemsize} bytes for a header of {hdu.header['NAXIS1']}")
        for batch in spool.batches():
            rows = np.empty(batch.num_rows, record)
            for index, (column, form) in enumerate(zip(source.columns, forms, strict=True)):
                rows[f"c{index}"] = _field(column, batch.column(index), form)
            output.write(rows.data)
        output.write(bytes(-spool.rows * record.itemsize % BLOCK))


def _form(column: Column, width: int) -> np.dtype[Any]:
    if column.kind in arrays.TEXTUAL:
        return np.dtype(f"S{max(width, 1)}")
    if column.kind is Kind.BOOLEAN:
        return np.dtype("u1")
    return np.dtype(">" + {**INTEGERS, **FLOATS}[column.datatype])


def _put_primary(output: Any) -> None:
    """Write a primary HDU with the cards that DaCHS's has."""
    primary = pyfits.PrimaryHDU()
    primary.header.set("DATE", time.strftime("%Y-%m-%d"), "Date file was written")
    primary.header.set("EXTEND", True, "More exts following")
    output.write(primary.header.tostring().encode("ascii"))
