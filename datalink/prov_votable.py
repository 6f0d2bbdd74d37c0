"""PROV-VOTable: a provenance document as a VOTable with one table per class and relation.

Tables and columns carry the utypes of the IVOA Provenance Data Model's mapping to VOTable; columns that
no record fills are left out. It is written as text: astropy takes milliseconds for each document, and
ingestion writes each once to know how long it is.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from functools import cache
from xml.sax.saxutils import escape, quoteattr

from prov.constants import PROV_LABEL, PROV_N_MAP, PROV_TYPE
from prov.identifier import QualifiedName
from prov.model import ProvDocument, ProvRecord

_CLASSES = {"entity": "Entity", "activity": "Activity", "agent": "Agent"}
_OWN_TABLES = {
    "Parameter": "Parameter",
    "ConfigFile": "ConfigFile",
    "ActivityDescription": "ActivityDescription",
    "DatasetDescription": "DatasetDescription",
    "ConfigurationRelation": "wasConfiguredBy",
    "DescriptionRelation": "isDescribedBy",
}
VERSION = "1.4"
_NAMESPACES = (
    'xmlns="http://www.ivoa.net/xml/VOTable/v1.3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.ivoa.net/xml/VOTable/v1.3'
    ' http://www.ivoa.net/xml/VOTable/VOTable-1.4.xsd"'
)
_UCDS = {
    "id": "meta.id",
    "name": "meta.title",
    "type": "meta.code.class",
    "role": "meta.code.class",
    "comment": "meta.note",
    "location": "meta.ref",
    "docurl": "meta.ref.url",
    "version": "meta.version",
    "contentType": "meta.code.mime",
    "artefactType": "meta.code.class",
    "value": "meta",
    "startTime": "time.start",
    "endTime": "time.end",
    "time": "time.epoch",
    "generatedAtTime": "time.creation",
}
_TIMES = ("startTime", "endTime", "time", "generatedAtTime")

Row = dict[str, str]


def to_votable(document: ProvDocument, description: str) -> bytes:
    """Write a provenance document as a VOTable 1.4 in UTF-8.

    Parameters
    ----------
    document
        Without bundles; no record has two values of one attribute.
    description
        What it is about.

    Returns
    -------
    bytes
        Elements are named by their full identifiers; times are ISO 8601 in UTC.
    """
    infos = {"QUERY_STATUS": "OK"}
    infos |= {f"prefix_{known.prefix}": known.uri for known in document.get_registered_namespaces()}
    parts = [
        f'<?xml version="1.0" encoding="utf-8"?>\n<VOTABLE version="{VERSION}" {_NAMESPACES}>\n',
        f" <DESCRIPTION>{escape(description)}</DESCRIPTION>\n",
        ' <RESOURCE type="results">\n',
        *(f"  <INFO{_attributes(ID=name, name=name, value=uri)}/>\n" for name, uri in infos.items()),
        *(_table(name, rows) for name, rows in rows_by_table(document).items()),
        " </RESOURCE>\n</VOTABLE>\n",
    ]
    return "".join(parts).encode("utf-8")


def rows_by_table(document: ProvDocument) -> dict[str, list[Row]]:
    """Give the records of a document under the names of their tables, column to value."""
    tables: dict[str, list[Row]] = defaultdict(list)
    for record in document.get_records():
        tables[_table_name(record)].append(_row(record))
    return dict(tables)


def _table_name(record: ProvRecord) -> str:
    for kind in record.get_asserted_types():
        if isinstance(kind, QualifiedName) and kind.localpart in _OWN_TABLES:
            return _OWN_TABLES[kind.localpart]
    name = PROV_N_MAP[record.get_type()]
    return _CLASSES.get(name, name)


def _row(record: ProvRecord) -> Row:
    row: Row = {} if record.identifier is None else {"id": record.identifier.uri}
    own = _table_name(record) in _OWN_TABLES.values()
    for attribute, value in record.attributes:
        # The label repeats the name, for tools that know W3C's terms only; the table says its class.
        if value is None or attribute == PROV_LABEL or (attribute == PROV_TYPE and own):
            continue
        if isinstance(value, datetime.datetime):
            text = value.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
        elif isinstance(value, QualifiedName):
            text = str(value) if attribute == PROV_TYPE else value.uri
        else:
            text = str(value)
        row[attribute.localpart] = text
    return row


def _table(name: str, rows: list[Row]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    fields = "".join(f"   <FIELD{_field(name, column)}/>\n" for column in columns)
    cells = "".join(
        "     <TR>" + "".join(f"<TD>{escape(row.get(column, ''))}</TD>" for column in columns) + "</TR>\n"
        for row in rows
    )
    return (
        f"  <TABLE{_attributes(ID=name, name=name, utype=f'voprov:{name}')}>\n{fields}"
        f"   <DATA>\n    <TABLEDATA>\n{cells}    </TABLEDATA>\n   </DATA>\n  </TABLE>\n"
    )


@cache
def _field(table: str, column: str) -> str:
    is_time = column in _TIMES
    more = {"xtype": "timestamp"} if is_time else {}
    return _attributes(
        ID=f"{table}.{column}",
        name=column,
        # VOTable's timestamps are of ASCII characters.
        datatype="char" if is_time else "unicodeChar",
        arraysize="*",
        ucd=_UCDS.get(column, "meta.id"),
        utype=f"voprov:{table}.{column}",
        **more,
    )


def _attributes(**values: str) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in values.items())
