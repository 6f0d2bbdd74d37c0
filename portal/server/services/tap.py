"""Queries to TAP services, synchronous ones (TAP 1.1, section 2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

import anyio

from portal.server.services import http, votable
from portal.server.services.errors import AnswerError, QueryRefusedError, ServiceDownError, ServiceSlowError
from portal.server.services.needs import Context, ServiceSettings
from portal.server.services.votable import Answer

VOTABLE = "votable"
"""What every TAP service takes, in the serialisation that it likes."""
LONGEST_COMPLAINT = 2000
AT_ONCE = 8
"""Queries that this process has running at a service; others wait for their turn."""

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, anyio.Semaphore]] = WeakKeyDictionary()


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
    async with _turn(context, service):
        reply = await http.fetch(context, service, service.url.rstrip("/") + "/sync", data=form)
    if reply.status != 200 or b'"ERROR"' in reply.content[:20_000] or b"'ERROR'" in reply.content[:20_000]:
        await anyio.to_thread.run_sync(_complain, service, reply, adql)
    if "votable" not in reply.content_type and b"<VOTABLE" not in reply.content[:5000]:
        raise AnswerError(
            f"{service.label} answered with something that is no VOTable ({reply.content_type[:80]})."
        )
    return await anyio.to_thread.run_sync(votable.read, reply.content)


@asynccontextmanager
async def _turn(context: Context, service: ServiceSettings) -> AsyncIterator[None]:
    """Wait until fewer queries than AT_ONCE run: the service itself might refuse those beyond."""
    turns = _turns.setdefault(asyncio.get_running_loop(), {})
    turn = turns.setdefault(service.url, anyio.Semaphore(AT_ONCE))
    with anyio.move_on_after(context.settings.tap_timeout) as scope:
        await turn.acquire()
    if scope.cancelled_caught:
        raise ServiceSlowError(
            f"{service.label} has more questions to answer than it can at the moment. Try again later.",
            retry_after=5,
        )
    try:
        yield
    finally:
        turn.release()


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
