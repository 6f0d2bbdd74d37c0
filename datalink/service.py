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
from ingest.identifiers import parse

MAX_ID_LENGTH = 1000
"""Longer identifiers are refused unread; ours are below 100 characters."""

ORDER = ["#this", "#calibration", "#package", "#documentation"]
"""Semantics of the links, in the order of a DataLink document."""


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
        A data set identifier, or an obs_id alone: that stands for the event lists of the observation,
        or, without any, for its other data sets.

    Returns
    -------
    Links or DatalinkFault
        A fault row (DataLink 1.1, section 3.4) if there is no such data set here or the
        identifier makes no sense.
    """
    if not identifier or len(identifier) > MAX_ID_LENGTH or not identifier.isprintable():
        shown = identifier[:60]
        return DatalinkFault.UsageFault(shown, "ID is no data set identifier", semantics="#this")
    rows = []
    if identifier.startswith("ivo:"):
        try:
            dataset = parse(identifier)
        except IdentifierError as error:
            return DatalinkFault.UsageFault(identifier, str(error), semantics="#this")
        if (dataset.authority, dataset.collection) == (base.getConfig("ivoa", "authority"), collection):
            rows = _rows(collection, [identifier])
    else:
        rows = _rows(collection, _datasets(collection, identifier))
    if not rows:
        return DatalinkFault.NotFoundFault(
            identifier, f"No data set with this identifier in {collection}", semantics="#this"
        )
    return Links(identifier, rows)


def _datasets(collection: str, obs_id: str) -> list[str]:
    with base.getTableConn() as connection:
        for table in ("obscore", "companions"):
            found = connection.query(
                f"SELECT obs_publisher_did FROM {collection}.{table}"  # noqa: S608 - plain names
                " WHERE obs_id=%(obs_id)s ORDER BY obs_publisher_did",
                {"obs_id": obs_id},
            )
            datasets = [did for (did,) in found]
            if datasets:
                return datasets
    return []


def _rows(collection: str, datasets: list[str]) -> list[dict[str, Any]]:
    """Give the links of data sets, each link once: event lists of one observation share some."""
    with base.getTableConn() as connection:
        found = connection.queryToDicts(
            f"SELECT * FROM {collection}.datalinks WHERE id=ANY(%(datasets)s)"  # noqa: S608 - a plain name
            " ORDER BY array_position(%(order)s, semantics), content_qualifier, id, access_path",
            {"datasets": datasets, "order": ORDER},
        )
        return list({(row["access_path"], row["semantics"]): row for row in found}.values())


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
