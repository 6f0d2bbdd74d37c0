"""Rows as files, written piece by piece: VOTable, CSV, ECSV and Parquet."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from portal.server.models.config import ColumnInfo
from portal.server.models.results import Cell
from portal.server.services.errors import AnswerError
from portal.server.services.votable import Answer

STREAM = re.compile(rb"<STREAM\b[^>]*>(.*?)</STREAM>", re.DOTALL)
OVERFLOW = (
    b'<INFO name="QUERY_STATUS" value="OVERFLOW">There are more rows than the explorer exports.</INFO>\n'
)
LINE = 57

DTYPES = {
    "boolean": "bool", "unsignedByte": "uint8", "short": "int16", "int": "int32", "long": "int64",
    "float": "float32", "double": "float64",
}  # fmt: skip
STRINGS = {"char", "unicodeChar"}


class Writer(Protocol):
    """Writes a file. What it does computes: call it in a thread."""

    media_type: str
    ending: str

    def start(self, first: Answer) -> bytes:
        """Write what comes before the rows, by what the first piece says of the columns."""

    def piece(self, answer: Answer) -> bytes:
        """Write rows."""

    def end(self, overflow: bool) -> bytes:
        """Write what comes after the rows."""


def writer(name: str) -> Writer:
    """Give the writer of a format.

    Parameters
    ----------
    name
        The format, as the API calls it.

    Returns
    -------
    Writer
        A new one.
    """
    writers: dict[str, Callable[[], Writer]] = {
        "votable": VOTableWriter,
        "csv": CSVWriter,
        "ecsv": ECSVWriter,
        "parquet": ParquetWriter,
    }
    return writers[name]()


class VOTableWriter:
    """VOTable with BINARY2; all that the service tells of columns, times and links stays in it."""

    media_type = "application/x-votable+xml;serialization=BINARY2"
    ending = "vot"

    def __init__(self) -> None:
        self._carry = b""
        self._tail = b""

    def start(self, first: Answer) -> bytes:
        """Write the head."""
        head, self._tail = _head(first)
        return head + b'<DATA>\n<BINARY2>\n<STREAM encoding="base64">\n'

    def piece(self, answer: Answer) -> bytes:
        """Write rows in base64, which goes on over pieces as if there were none."""
        match = STREAM.search(_written(answer)) if len(answer) else None
        if match is None:
            return b""
        content = self._carry + base64.b64decode(match.group(1))
        whole = len(content) - len(content) % LINE
        self._carry = content[whole:]
        return base64.encodebytes(content[:whole])

    def end(self, overflow: bool) -> bytes:
        """Write the end, which says whether rows are missing."""
        tail = self._tail
        if overflow:
            tail = tail.replace(b"</TABLE>", b"</TABLE>\n" + OVERFLOW, 1)
        return base64.encodebytes(self._carry) + b"</STREAM>\n</BINARY2>\n</DATA>\n" + tail


class CSVWriter:
    """CSV with a line of names; NULL is nothing."""

    media_type = "text/csv;header=present;charset=utf-8"
    ending = "csv"

    def start(self, first: Answer) -> bytes:
        """Write the names."""
        return _lines([first.names])

    def piece(self, answer: Answer) -> bytes:
        """Write rows."""
        return _lines([_flat(cell) for cell in row] for row in answer.rows())

    def end(self, overflow: bool) -> bytes:
        """Write nothing: CSV cannot say that rows are missing, so none may be."""
        if overflow:
            raise AnswerError("A CSV file cannot say that it is not complete.")
        return b""


class ECSVWriter(CSVWriter):
    """CSV with a head that has types, units and descriptions (APE 6)."""

    media_type = "text/csv;header=present;charset=utf-8"
    ending = "ecsv"

    def start(self, first: Answer) -> bytes:
        """Write the head; JSON is YAML."""
        sizes = zip(first.columns, first.arraysizes, strict=True)
        columns = [_ecsv_column(info, arraysize) for info, arraysize in sizes]
        head = ["%ECSV 1.0", "---", "delimiter: ','", "datatype:"]
        head += ["- " + json.dumps(column, ensure_ascii=False) for column in columns]
        meta = {k: first.infos[k] for k in ("publisher", "request_date", "rights") if first.infos.get(k)}
        if first.scales:
            meta["time_scales"] = ", ".join(f"{name}: {scale}" for name, scale in first.scales.items())
        head += ["meta: " + json.dumps(meta, ensure_ascii=False), "schema: astropy-2.0"]
        return "".join(f"# {line}\n" for line in head).encode() + super().start(first)


class ParquetWriter:
    """Parquet with units and UCDs, and a VOTable without rows that describes the columns (VOParquet 1.0)."""

    media_type = "application/vnd.apache.parquet"
    ending = "parquet"

    def __init__(self) -> None:
        self._sink = _Sink()
        self._writer: pq.ParquetWriter | None = None
        self._schema: pa.Schema | None = None

    def start(self, first: Answer) -> bytes:
        """Write the first bytes."""
        meta = {
            b"IVOA.VOTable-Parquet.version": b"1.0",
            b"IVOA.VOTable-Parquet.content": b"".join(_head(first)),
        }
        sizes = zip(first.columns, first.arraysizes, strict=True)
        self._schema = pa.schema(
            [_parquet_field(info, arraysize) for info, arraysize in sizes], metadata=meta
        )
        self._writer = pq.ParquetWriter(pa.PythonFile(self._sink, mode="w"), self._schema, compression="zstd")
        return self._sink.taken()

    def piece(self, answer: Answer) -> bytes:
        """Write rows as a group."""
        assert self._writer is not None and self._schema is not None
        if len(answer):
            arrays = [
                pa.array(_fitting(answer.column(index), column.type), type=column.type)
                for index, column in enumerate(self._schema)
            ]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        return self._sink.taken()

    def end(self, overflow: bool) -> bytes:
        """Write the foot."""
        if overflow:
            raise AnswerError("A Parquet file cannot say that it is not complete.")
        assert self._writer is not None
        self._writer.close()
        return self._sink.taken()


class _Sink(io.RawIOBase):
    """A file that gives away what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        content = bytes(part)
        self._parts.append(content)
        return len(content)

    def taken(self) -> bytes:
        content = b"".join(self._parts)
        self._parts.clear()
        return content


def _head(first: Answer) -> tuple[bytes, bytes]:
    """Give a piece's document without its rows: what comes before them, and what after."""
    assert first.table is not None
    array = first.table.array
    first.table.array = array[:0]
    try:
        document = _written(first)
    finally:
        first.table.array = array
    place = document.find(b"</TABLE>")
    if place < 0:
        raise AnswerError("A VOTable's head could not be written.")
    return document[:place], document[place:]


def _written(answer: Answer) -> bytes:
    assert answer.document is not None
    for resource in answer.document.resources:
        # Whether rows are missing is told of the whole, not of a piece.
        for info in [i for i in resource.infos if i.name == "QUERY_STATUS" and i.value == "OVERFLOW"]:
            resource.infos.remove(info)
    if answer.document.version < "1.3":
        answer.document.version = "1.4"
    buffer = io.BytesIO()
    answer.document.to_xml(buffer, tabledata_format="binary2")
    return buffer.getvalue()


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _flat(cell: Cell) -> Any:
    return json.dumps(cell) if isinstance(cell, list) else cell


def _is_array(info: ColumnInfo, arraysize: str | None) -> bool:
    return arraysize not in (None, "", "1") and info.datatype not in STRINGS


def _ecsv_column(info: ColumnInfo, arraysize: str | None) -> dict[str, Any]:
    column: dict[str, Any] = {"name": info.name}
    if info.unit:
        column["unit"] = info.unit
    column["datatype"] = DTYPES.get(info.datatype, "string")
    if _is_array(info, arraysize):
        column["subtype"] = f"{DTYPES.get(info.datatype, 'string')}[null]"
        column["datatype"] = "string"
    if info.description:
        column["description"] = info.description
    if meta := {k: v for k, v in (("ucd", info.ucd), ("utype", info.utype)) if v}:
        column["meta"] = meta
    return column


def _parquet_field(info: ColumnInfo, arraysize: str | None) -> pa.Field:
    names = {"float32": "float", "float64": "double"}
    name = DTYPES.get(info.datatype, "string")
    kind = pa.type_for_alias(names.get(name, name))
    if _is_array(info, arraysize):
        kind = pa.list_(kind)
    told = {"unit": info.unit, "ucd": info.ucd, "utype": info.utype, "description": info.description}
    return pa.field(info.name, kind, metadata={k: v for k, v in told.items() if v} or None)


def _fitting(cells: list[Cell], kind: pa.DataType) -> list[Any]:
    if pa.types.is_string(kind):
        return [None if cell is None else cell if isinstance(cell, str) else str(cell) for cell in cells]
    if pa.types.is_list(kind):
        return [None if cell is None else cell if isinstance(cell, list) else [cell] for cell in cells]
    return cells
