"""Queries to TAP services, synchronous ones (TAP 1.1, section 2)."""

from __future__ import annotations

import anyio

from portal.server.services import http, votable
from portal.server.services.errors import AnswerError, QueryRefusedError, ServiceDownError
from portal.server.services.needs import Context, ServiceSettings
from portal.server.services.votable import Answer

VOTABLE = "votable"
"""What every TAP service takes, in the serialisation that it likes."""
LONGEST_COMPLAINT = 2000


async def query(
    context: Context, service: ServiceSettings, adql: str, maxrec: int, response_format: str = VOTABLE
) -> Answer:
    """Run a query.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.
    adql
        The query.
    maxrec
        Rows to give at most.
    response_format
        Format of the answer, a VOTable.

    Returns
    -------
    Answer
        Its rows; `overflow` tells whether there were more than `maxrec`, or than the service gives.

    Raises
    ------
    QueryRefusedError
        If the service refuses the query; it has the service's words.
    AnswerError
        If the answer cannot be read.
    """
    form = {
        "REQUEST": "doQuery",
        "LANG": "ADQL",
        "FORMAT": response_format,
        "RESPONSEFORMAT": response_format,
        "MAXREC": str(maxrec),
        "QUERY": adql,
    }
    reply = await http.fetch(context, service, service.url.rstrip("/") + "/sync", data=form)
    if reply.status != 200 or b'"ERROR"' in reply.content[:20_000] or b"'ERROR'" in reply.content[:20_000]:
        await anyio.to_thread.run_sync(_complain, service, reply, adql)
    if "votable" not in reply.content_type and b"<VOTABLE" not in reply.content[:5000]:
        raise AnswerError(
            f"{service.label} answered with something that is no VOTable ({reply.content_type[:80]})."
        )
    return await anyio.to_thread.run_sync(votable.read, reply.content)


def _complain(service: ServiceSettings, reply: http.Reply, adql: str) -> None:
    words = votable.complaint(reply.content)
    if words is not None:
        raise QueryRefusedError(
            f"{service.label} does not take the query: {words[:LONGEST_COMPLAINT]}",
            detail={"service_says": words[:LONGEST_COMPLAINT], "adql": adql[: LONGEST_COMPLAINT * 5]},
        )
    if reply.status == 200:
        return
    if reply.status >= 500:
        raise ServiceDownError(
            f"{service.label} failed at the query (status {reply.status}). Try again later."
        )
    if reply.status in {401, 403}:
        raise QueryRefusedError(f"{service.label} does not allow the query (status {reply.status}).")
    raise AnswerError(
        f"{service.label} answered with status {reply.status} and no reason. "
        "Is there a TAP service at its address?"
    )
