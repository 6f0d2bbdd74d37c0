"""VOTables: DaCHS writes the document, we the rows."""

from __future__ import annotations

from typing import Any

import pybase64
from gavo import rsc
from gavo.formats import votablewrite
from gavo.votable import V

from results import binary, text
from results.copying import Chunk
from results.source import Source


def data_element(document: Any) -> tuple[Any, list[Any]]:
    """Find the element that will hold the rows, and the table's fields."""
    for resource in document.iterChildrenOfType(V.RESOURCE):
        for table in resource.iterChildrenOfType(V.TABLE):
            for data in table.iterChildrenOfType(V.DATA):
                content = next(data.iterChildren())
                return content, list(table.iterChildrenOfType(V.FIELD))
    raise ValueError("DaCHS has made a VOTable without data")


def write(source: Source, data: Any, output: Any, context: Any) -> None:
    """Write a result as a VOTable.

    Parameters
    ----------
    source
        The result.
    data
        DaCHS's ``Data`` that holds it, with all metadata.
    output
        Where to write.
    context
        DaCHS's ``VOTableContext``.
    """
    document = votablewrite.makeVOTable(rsc.wrapTable(data), context)
    content, fields = data_element(document)
    put = _put_table if isinstance(content, V.TABLEDATA) else _put_stream

    def write_content(file: Any) -> None:
        rows = put(source, fields, content.name_, file)
        if context.overflowElement is not None:
            context.overflowElement.setRowsDelivered(rows)

    content.write = write_content
    votablewrite.votable.write(document, output)


def _put_stream(source: Source, fields: list[Any], name: str, file: Any) -> int:
    encoder = binary.RowEncoder(source, fields, binary2=name == "BINARY2")
    rest = b""
    file.write(f'<{name}><STREAM encoding="base64">'.encode("ascii"))

    def take(chunk: Chunk) -> None:
        nonlocal rest
        rows = encoder.encode(chunk)
        joined = b"".join([rest, rows])
        end = len(joined) // 3 * 3
        file.write(pybase64.b64encode(memoryview(joined)[:end]))
        rest = joined[end:]

    try:
        return source.run(take)
    finally:
        file.write(pybase64.b64encode(rest))
        file.write(f"</STREAM></{name}>".encode("ascii"))


def _put_table(source: Source, fields: list[Any], name: str, file: Any) -> int:
    encoder = text.RowEncoder(source, fields)

    def put(chunk: Chunk) -> None:
        file.write(encoder.encode(chunk))

    file.write(f"<{name}>".encode("ascii"))
    try:
        return source.run(put)
    finally:
        file.write(f"</{name}>".encode("ascii"))
