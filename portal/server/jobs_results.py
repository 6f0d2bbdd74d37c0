"""What jobs left: files, logs and provenance, handed through from their service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

import anyio

from portal.server import jobs_graph
from portal.server.bundles import Passed
from portal.server.errors import NotFoundError, PortalError
from portal.server.jobs import client_of, note, refresh, result_of
from portal.server.models.jobs import Phase, ProvenanceGraph
from portal.server.store import jobs as store
from portal.server.tables_jobs import JobRow
from portal.server.uws import Client
from portal.server.uws_documents import Result

if TYPE_CHECKING:
    from portal.server.context import Context

SHOWN = {
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/json",
    "application/fits",
    "image/fits",
    "text/plain",
    "text/csv",
}
"""What may be shown in the page. All else is for downloading only: it could bring scripts with it."""
PASSED = ("content-length", "content-range", "accept-ranges", "etag", "last-modified")
ASKED = ("range", "if-range")
LOGS = ("log.txt", "log", "stdout", "stdout.txt", "stdout.log", "stderr")
MOST_LOG, MOST_PROVENANCE = 2 * 2**20, 8 * 2**20


async def open_result(context: Context, user: UUID, job: UUID, name: str, asked: Mapping[str, str]) -> Passed:
    """Begin to hand a result through.

    Parameters
    ----------
    context, user
        What the server has, and who asks.
    job, name
        Which result of which job.
    asked
        Headers of the request: a part may be asked for.

    Returns
    -------
    Passed
        The answer.

    Raises
    ------
    PortalError
        If there is no such result, or the service does not send it.
    """
    row = await store.get(context, user, job)
    known = result_of(row, name)
    client = client_of(context, row)
    headers = {key: asked[key] for key in ASKED if key in asked}
    answer = await client.open(_place(client, row, known), headers)
    if answer.status_code not in {200, 206, 416}:
        status = answer.status_code
        await answer.aclose()
        if status in {404, 410}:
            raise NotFoundError(
                "The service no longer has this result: it keeps results for a limited time.", code="job_gone"
            )
        raise PortalError(
            f"{client.runner.label} does not send this result (status {status}).",
            code="runner_refuses",
            status=502,
        )
    kept = {key: answer.headers[key] for key in PASSED if key in answer.headers}
    kind = known["content_type"] or answer.headers.get("content-type") or "application/octet-stream"
    return Passed(answer, kept | _described(name, kind))


def _described(name: str, kind: str) -> dict[str, str]:
    is_shown = kind.partition(";")[0].strip().lower() in SHOWN
    way = "inline" if is_shown else "attachment"
    return {
        "Content-Type": kind if is_shown else "application/octet-stream",
        "Content-Disposition": f"{way}; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "private, no-cache",
    }


def _place(client: Client, row: JobRow, known: Mapping[str, Any]) -> str:
    if row.url is None:
        raise NotFoundError("The job did not get to its service.", code="no_result")
    return client.place_of(row.url, Result(**known))


async def log_of(context: Context, user: UUID, job: UUID) -> bytes:
    """Give a job's log, also while it runs.

    Raises
    ------
    NotFoundError
        If its service gives none.
    """
    row = await refresh(context, await store.get(context, user, job))
    names = {each["id"].lower(): each for each in row.results}
    known = next((names[name] for name in LOGS if name in names), None)
    if known is None:
        raise NotFoundError("The service gives no log of this job, or not yet.", code="no_log")
    client = client_of(context, row)
    return await client.text(_place(client, row, known), MOST_LOG)


async def provenance_of(context: Context, user: UUID, job: UUID) -> ProvenanceGraph:
    """Give where a job's results come from: as the job says, or else as far as its service says.

    Raises
    ------
    PortalError
        If there is no such job, or the service does not send what the job says.
    """
    row = await _seen_again(context, await refresh(context, await store.get(context, user, job)))
    made = store.model(context, row)
    places = {result.id: result.url for result in made.results}
    # OPUS tells the address of a result where others tell its name.
    places |= {known["href"]: places[known["id"]] for known in row.results if known["href"]}
    for known in row.results:
        if not _is_provenance(known) or not _may_be_json(known):
            continue
        client = client_of(context, row)
        content = await client.text(_place(client, row, known), MOST_PROVENANCE)
        try:
            return await anyio.to_thread.run_sync(jobs_graph.parse, content, places.get)
        except jobs_graph.NoProvenanceError:
            continue
    runner = context.settings.runner(row.runner)
    label = row.runner if runner is None else runner.label
    return jobs_graph.minimal(made, store.items_of(row), label)


async def _seen_again(context: Context, row: JobRow) -> JobRow:
    """Look for provenance that was not there yet: OPUS makes it when it has said that a job is completed."""
    if row.phase != Phase.COMPLETED.value or row.url is None or any(map(_is_provenance, row.results)):
        return row
    try:
        client = client_of(context, row)
        document = None if client.runner.is_own else await client.get(row.url)
    except PortalError:
        return row
    return await note(context, row, document) if document and document.phase is Phase.COMPLETED else row


def _is_provenance(known: Mapping[str, Any]) -> bool:
    return "prov" in known["id"].lower()


def _may_be_json(known: Mapping[str, Any]) -> bool:
    kind = known["content_type"]
    return kind is None or "json" in kind or known["id"].lower().endswith(".json")
