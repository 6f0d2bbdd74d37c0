"""PROV-VOTable: a provenance document as a VOTable with one table per class and relation.

Tables and columns carry the utypes of the IVOA Provenance Data Model's mapping to VOTable; columns that
no record fills are left out.
"""

from __future__ import annotations

import datetime
import io
from collections import defaultdict
from typing import Any

from astropy.io.votable import tree
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
# astropy calls them Table up to version 5, TableElement from 6 on.
_TableElement: Any = getattr(tree, "TableElement", None) or tree.Table
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
    votable = tree.VOTableFile(version="1.4")
    votable.description = description
    resource = tree.Resource(name="provenance", type="results")
    votable.resources.append(resource)
    resource.infos.append(tree.Info(name="QUERY_STATUS", value="OK"))
    for namespace in document.get_registered_namespaces():
        resource.infos.append(tree.Info(name=f"prefix_{namespace.prefix}", value=namespace.uri))
    for name, rows in rows_by_table(document).items():
        resource.tables.append(_table(votable, name, rows))
    written = io.BytesIO()
    # Not by astropy's writer in C: that of astropy 5.2 with Python 3.11 now and then leaves an object with
    # too few references, and the garbage collection crashes the process some time later.
    votable.to_xml(written, _debug_python_based_parser=True)
    return written.getvalue()


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


def _table(votable: Any, name: str, rows: list[Row]) -> Any:
    table = _TableElement(votable, name=name, utype=f"voprov:{name}")
    columns = list(dict.fromkeys(column for row in rows for column in row))
    for column in columns:
        table.fields.append(
            tree.Field(
                votable,
                ID=f"{name}.{column}",
                name=column,
                # VOTable's timestamps are of ASCII characters.
                datatype="char" if column in _TIMES else "unicodeChar",
                arraysize="*",
                ucd=_UCDS.get(column, "meta.id"),
                utype=f"voprov:{name}.{column}",
                xtype="timestamp" if column in _TIMES else None,
            )
        )
    table.create_arrays(len(rows))
    for number, row in enumerate(rows):
        table.array[number] = tuple(row.get(column, "") for column in columns)
    return table
