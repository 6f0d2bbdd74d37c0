"""The DataLink service of a collection: identifiers to links, after DataLink 1.1.

This is the seam to DaCHS; the rows themselves are made at ingestion (``ingest.mapping``) and are
the same that the TAP table ``datalink.response`` shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gavo import base
from gavo.protocols import datalink as dachs
from gavo.protocols.soda import DatalinkFault

from ingest.errors import IdentifierError
from ingest.identifiers import DatasetId, parse

MAX_ID_LENGTH = 1000
"""Longer identifiers are refused unread; ours are below 100 characters."""


@dataclass
class Links(dachs.DatalinkDescriptorMixin):  # type: ignore[misc]
    """What DaCHS calls a descriptor: one data set with its links."""

    pubDID: str  # noqa: N815 - DaCHS's name
    rows: list[dict[str, Any]]

    suppressAutoLinks = True  # noqa: N815 - DaCHS's name


def describe(collection: str, identifier: str) -> Links | Any:
    """Find the links of a data set.

    Parameters
    ----------
    collection
        Name of the collection's schema.
    identifier
        A data set identifier, or an obs_id alone.

    Returns
    -------
    Links or DatalinkFault
        A fault row (DataLink 1.1, section 3.4) if there is no such data set here or the
        identifier makes no sense.
    """
    if not identifier or len(identifier) > MAX_ID_LENGTH or not identifier.isprintable():
        shown = identifier[:60]
        return DatalinkFault.UsageFault(shown, "ID is no data set identifier", semantics="#this")
    authority = base.getConfig("ivoa", "authority")
    try:
        if identifier.startswith("ivo:"):
            dataset = parse(identifier)
        else:
            dataset = DatasetId(authority, collection, identifier)
    except IdentifierError as error:
        return DatalinkFault.UsageFault(identifier, str(error), semantics="#this")
    rows = []
    if (dataset.authority, dataset.collection) == (authority, collection):
        rows = _rows(dataset)
    if not rows:
        return DatalinkFault.NotFoundFault(
            identifier, f"No data set with this identifier in {collection}", semantics="#this"
        )
    return Links(identifier, rows)


def _rows(dataset: DatasetId) -> list[dict[str, Any]]:
    with base.getTableConn() as connection:
        return list(
            connection.queryToDicts(
                f"SELECT * FROM {dataset.collection}.links WHERE ID=%(did)s"  # noqa: S608 - a plain name
                " ORDER BY semantics='#package', semantics='#calibration', content_qualifier",
                {"did": str(dataset)},
            )
        )


def links(found: Links) -> Iterator[Any]:
    """Yield the rows of the DataLink document."""
    server = base.getCurrentServerURL()
    for row in found.rows:
        yield found.makeLink(
            server + row["access_path"],
            semantics=row["semantics"],
            description=row["description"],
            contentType=row["content_type"],
            contentLength=row["content_length"],
            contentQualifier=row["content_qualifier"],
        )
