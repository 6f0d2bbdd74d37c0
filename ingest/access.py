"""Where access_url of an event list leads: to its file, to the DataLink document, or to both in two rows.

Responses and bundles are one file each, so their rows always lead to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ingest.errors import ConfigError
from ingest.identifiers import DatasetId

FILE = "file"
DATALINK = "datalink"
BOTH = "both"

IN_COLLECTIONS = (FILE, DATALINK)
"""What there is to choose from for the tables of collections; the first is the default."""

IN_OBSCORE = (DATALINK, FILE, BOTH)
"""What there is to choose from for ivoa.obscore; the first is the default."""

DATALINK_FORMAT = "application/x-votable+xml;content=datalink"
"""Media type of a DataLink document: DataLink 1.1, section 3.3."""

DATALINK_ESTSIZE = 10
"""Size of a document in kB, roughly: a dozen links."""


def checked(setting: str, value: str, known: tuple[str, ...]) -> str:
    """Give back what was chosen.

    Raises
    ------
    ConfigError
        There is no such choice.
    """
    if value not in known:
        raise ConfigError(f"{setting} = {value!r}: expected one of {', '.join(known)}")
    return value


def document_url(server: str, dataset: DatasetId) -> str:
    """Give the URL of the DataLink document of a data set.

    Parameters
    ----------
    server
        The server's URL, without a slash at its end.
    dataset
        An event list.
    """
    # As gavo_urlescape writes it in the database, which makes the same URLs for ivoa.obscore.
    identifier = quote(str(dataset), safe="/:~")
    return f"{server}/{dataset.collection}/q/dl/dlmeta?ID={identifier}"


def shown_access(choice: str, server: str, dataset: DatasetId, file: Mapping[str, Any]) -> dict[str, Any]:
    """Give the access columns of an event list.

    Parameters
    ----------
    choice
        One of `IN_COLLECTIONS`.
    server, dataset
        As for `document_url`.
    file
        ``access_url``, ``access_format`` and ``access_estsize`` (kB) of its file.

    Returns
    -------
    dict
        These columns as they are shown, and under ``file_url``, ``file_format`` and ``file_estsize`` those
        of the file, wherever the former lead.
    """
    hidden = {name.replace("access", "file"): value for name, value in file.items()}
    if choice == FILE:
        return {**file, **hidden}
    return {
        "access_url": document_url(server, dataset),
        "access_format": DATALINK_FORMAT,
        "access_estsize": DATALINK_ESTSIZE,
        **hidden,
    }
