"""A data set's links (DataLink 1.1), grouped by what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import anyio

from portal.server.models.results import Cell, Link, LinkGroup, Links
from portal.server.services import asked, capabilities, http, votable, writer
from portal.server.services.errors import AnswerError, NoLinksError, ServiceDownError
from portal.server.services.identifiers import literal
from portal.server.services.known import KILOBYTE, Known
from portal.server.services.needs import Context, ServiceSettings
from portal.server.services.votable import Answer, Descriptor

LABELS = {
    "#this": "Data",
    "#package": "Everything in one file",
    "#calibration": "Instrument responses and other calibration",
    "#preview": "Previews",
    "#preview-image": "Preview pictures",
    "#preview-plot": "Preview plots",
    "#thumbnail": "Small pictures",
    "#cutout": "Selections of the data",
    "#proc": "Processing of the data",
    "#derivation": "Data made from this",
    "#progenitor": "Data that this was made from",
    "#counterpart": "Counterparts",
    "#coderived": "Data made along with this",
    "#auxiliary": "Further data",
    "#weight": "Weights",
    "#error": "Errors of the data",
    "#noise": "Noise",
    "#bias": "Bias frames",
    "#dark": "Dark frames",
    "#flat": "Flat fields",
    "#detached-header": "Header",
    "#documentation": "Documentation and provenance",
}
"""Terms of the IVOA's vocabulary datalink/core in the order in which they are shown; others come last."""

DATALINK_TYPE = re.compile(r"content\s*=\s*[\"']?datalink", re.IGNORECASE)
ACCEPT = {"Accept": "application/x-votable+xml;content=datalink, application/x-votable+xml, text/xml;q=0.5"}


async def links(
    context: Context, service: ServiceSettings, did: str, account: http.Account | None = None
) -> Links:
    """Get the links of a data set.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.
    did
        The data set's obs_publisher_did.
    account
        Gives what to log in with; None to ask as anybody.

    Returns
    -------
    Links
        Its links in groups. Without a DataLink service, the only one is what access_url leads to.

    Raises
    ------
    NoLinksError
        If there are none.
    """
    known = await capabilities.known(context, service)
    if known.link is not None:
        fixed = [(name, value) for name, value in known.link.fixed if name != known.link.parameter]
        url = _with(known.link.url, [*fixed, (known.link.parameter, did)])
        return await _document(context, service, did, url, account)
    row = await _row(context, service, known, did)
    access_url, access_format = row.get("access_url"), str(row.get("access_format") or "")
    if not access_url:
        raise NoLinksError(f"{service.label} has no links for {did}.")
    if DATALINK_TYPE.search(access_format):
        return await _document(context, service, did, str(access_url), account)
    return _alone(did, row)


async def _row(context: Context, service: ServiceSettings, known: Known, did: str) -> dict[str, Cell]:
    names = ["access_url", "access_format", "access_estsize", "dataproduct_type", "obs_title"]
    columns = [column for name in names if (column := known.table.find(name)) is not None]
    rows = asked.of_known(context, service, known, writer.Where())
    if rows.key is None:
        raise NoLinksError(f"{service.label} has no identifiers of data sets, so that none can have links.")
    adql = rows.selecting([*columns, rows.key], [], 10, extra=f"{rows.key.sql} = {literal(did)}")
    records = list((await rows.answer(adql, 11)).records())
    if not records:
        raise NoLinksError(f"{service.label} has no data set {did}.")
    # One data set may have a row for the file, and one for the links.
    return next((r for r in records if DATALINK_TYPE.search(str(r.get("access_format") or ""))), records[0])


def _alone(did: str, row: dict[str, Cell]) -> Links:
    size = row.get("access_estsize")
    url, error = _safe(str(row["access_url"]))
    link = Link(
        access_url=url,
        description=_text(row.get("obs_title")),
        semantics="#this",
        content_type=_text(row.get("access_format")),
        content_length=int(size * KILOBYTE) if isinstance(size, (int, float)) and size > 0 else None,
        content_qualifier=_text(row.get("dataproduct_type")),
        service_def=None,
        error=error,
    )
    return Links(
        id=did,
        groups=[LinkGroup(semantics="#this", label=LABELS["#this"], links=[link])],
        document_url=url or "",
    )


async def _document(
    context: Context, service: ServiceSettings, did: str, url: str, account: http.Account | None
) -> Links:
    asking = _with(url, [("RESPONSEFORMAT", "votable")])
    reply = await http.fetch(context, service, asking, headers=ACCEPT, account=account, kind="datalink")
    if reply.status >= 500:
        raise ServiceDownError(
            f"{service.label} failed at the links of {did} (status {reply.status}). Try again later."
        )
    if (words := await anyio.to_thread.run_sync(votable.complaint, reply.content)) is not None:
        raise NoLinksError(f"{service.label} gives no links for {did}: {words[:500]}")
    if reply.status == 404:
        raise NoLinksError(f"{service.label} has no links for {did}.")
    if reply.status != 200:
        raise AnswerError(f"{service.label} answered with status {reply.status} when asked for links.")
    answer = await anyio.to_thread.run_sync(votable.read, reply.content)
    return await anyio.to_thread.run_sync(grouped, answer, did, url)


def grouped(answer: Answer, did: str, url: str) -> Links:
    """Group the rows of a DataLink document.

    Parameters
    ----------
    answer
        The document.
    did
        The data set.
    url
        The document's URL.

    Returns
    -------
    Links
        All rows of the data set, faults included.
    """
    names = {name.lower() for name in answer.names}
    if not {"id", "semantics"} <= names:
        raise AnswerError("The service's document of links does not have the columns of DataLink.")
    services = {d.id: d for d in answer.descriptors if d.id}
    groups: dict[str, list[Link]] = {}
    for row in answer.records():
        semantics = str(row.get("semantics") or "#this")
        groups.setdefault(semantics, []).append(_link(row, services))
    order = list(LABELS)
    keys = sorted(groups, key=lambda s: (order.index(s) if s in order else len(order), s))
    return Links(
        id=did,
        groups=[LinkGroup(semantics=key, label=_label(key), links=groups[key]) for key in keys],
        document_url=url,
    )


def _link(row: dict[str, Cell], services: Mapping[str, Descriptor]) -> Link:
    url, error = (None, None) if not row.get("access_url") else _safe(str(row["access_url"]))
    service_def = _text(row.get("service_def"))
    told = _text(row.get("error_message"))
    if url is None and service_def is None and error is None and told is None:
        error = "The service gives neither an address nor a reason."
    length = row.get("content_length")
    if service_def is not None and service_def in services:
        service_def = services[service_def].name or service_def
    return Link(
        access_url=url,
        description=_text(row.get("description")),
        semantics=str(row.get("semantics") or "#this"),
        content_type=_text(row.get("content_type")),
        content_length=length if isinstance(length, int) and length >= 0 else None,
        content_qualifier=_text(row.get("content_qualifier")),
        service_def=service_def,
        error=told or error,
    )


def _label(semantics: str) -> str:
    if semantics in LABELS:
        return LABELS[semantics]
    words = re.split(r"[#/]", semantics)[-1].replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:] if words else semantics


def _safe(url: str) -> tuple[str | None, str | None]:
    """Give a URL that browsers may be led to, or why it is none."""
    if http.origin(url):
        return url, None
    return None, f"The service gives an address that is not opened from here: {url[:200]}"


def _text(value: Cell) -> str | None:
    return None if value is None else str(value)


def _with(url: str, parameters: list[tuple[str, str]]) -> str:
    parts = urlsplit(url)
    names = {name.upper() for name, _ in parameters}
    query = [(k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if k.upper() not in names]
    return urlunsplit(parts._replace(query=urlencode([*query, *parameters]), fragment=""))
