"""Facts from the database without waiting: one connection, one query at a time, for all who ask meanwhile.

DaCHS hands each request to a thread with a connection of its own; for a query that takes PostgreSQL half
a millisecond that costs several times the query, and heavy queries may keep all threads busy. Here the
event loop itself talks to PostgreSQL, asynchronously. Whoever asks while a query is under way is served by
the next one, together with all others.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import psycopg2
from gavo import base
from psycopg2 import extras
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE
from twisted.internet import defer, interfaces, reactor, threads
from twisted.python.failure import Failure
from zope.interface import implementer

PROFILE = "trustedquery"
"""DaCHS's own profile for what RDs ask for."""

TIMEOUT_MS = 10_000
"""After so long a query is given up (and asked again by the ordinary way, which waits longer)."""

AT_ONCE = 100
"""Identifiers in one query, so that nobody waits for somebody else's long list."""

AGAIN_SECONDS = 5.0
"""So long after a failed connection nobody tries again."""

Row = dict[str, Any]


class UnavailableError(Exception):
    """The database cannot be asked this way at the moment; the ordinary way may do."""


@implementer(interfaces.IReadWriteDescriptor)
class Desk:
    """Answers one question, for many identifiers.

    Parameters
    ----------
    name
        For logs.
    query
        SQL with one parameter, an array of identifiers; its column ``asked`` says which one a row is for.
    """

    def __init__(self, name: str, query: str) -> None:
        self.name, self.query = name, query
        self._connection: Any = None
        self._cursor: Any = None
        # What the event loop watches. Of its own, because psycopg2 closes its one as soon as something is
        # wrong, and the next file that is opened gets the same number.
        self._descriptor = -1
        self._connecting = False
        self._not_before = 0.0
        self._waiting: list[tuple[list[str], defer.Deferred[dict[str, Row]]]] = []
        self._served: list[tuple[list[str], defer.Deferred[dict[str, Row]]]] = []

    def ask(self, identifiers: Sequence[str]) -> defer.Deferred[dict[str, Row]]:
        """Ask for the rows of some identifiers.

        Returns
        -------
        Deferred
            Identifier to row, columns by their names; unknown identifiers are not in there. Fails with
            `UnavailableError`.
        """
        answer: defer.Deferred[dict[str, Row]] = defer.Deferred()
        self._waiting.append((list(identifiers), answer))
        self._next()
        return answer

    def _next(self) -> None:
        if self._served or self._connecting or not self._waiting:
            return
        if self._connection is None:
            self._connect()
            return
        asked: list[str] = []
        while self._waiting and (not asked or len(asked) + len(self._waiting[0][0]) <= AT_ONCE):
            entry = self._waiting.pop(0)
            asked += entry[0]
            self._served.append(entry)
        try:
            self._cursor = self._connection.cursor()
            self._cursor.execute("EXECUTE asked(%s)", (asked,))
            self._poll()
        except Exception as error:
            self._fail(error)

    def _connect(self) -> None:
        if time.monotonic() < self._not_before:
            self._give_up("was not reachable a moment ago")
            return
        self._connecting = True
        connecting = threads.deferToThread(_connected, self.query)
        connecting.addCallbacks(self._have, self._have_not)

    def _have(self, connection: Any) -> None:
        self._connecting = False
        self._connection = connection
        self._descriptor = os.dup(connection.fileno())
        self._next()

    def _have_not(self, failure: Failure) -> None:
        self._connecting = False
        self._not_before = time.monotonic() + AGAIN_SECONDS
        base.ui.notifyWarning(f"{self.name}: no connection to the database: {failure.value}")
        self._give_up(str(failure.value))

    def _give_up(self, problem: str) -> None:
        waiting, self._waiting = self._waiting, []
        for _, answer in waiting:
            answer.errback(UnavailableError(problem))

    def _poll(self) -> None:
        """See how far the query is; called whenever there is news from the server."""
        state = self._connection.poll()
        self._watch(reading=state == POLL_READ, writing=state == POLL_WRITE)
        if state == POLL_OK:
            names = [column.name for column in self._cursor.description]
            rows = {row[0]: dict(zip(names, row, strict=True)) for row in self._cursor}
            served, self._served = self._served, []
            self._cursor.close()
            for identifiers, answer in served:
                answer.callback({name: rows[name] for name in identifiers if name in rows})
            self._next()

    def _fail(self, error: Exception) -> None:
        """Give up a query: the table may just be made anew, or the server restarted."""
        self._disconnect()
        served, self._served = self._served, []
        for _, answer in served:
            answer.errback(UnavailableError(str(error)))
        self._next()

    def _disconnect(self) -> None:
        if self._connection is None:
            return
        self._watch(reading=False, writing=False)
        os.close(self._descriptor)
        self._descriptor = -1
        self._connection.close()
        self._connection = None

    def _watch(self, *, reading: bool, writing: bool) -> None:
        (reactor.addReader if reading else reactor.removeReader)(self)  # type: ignore[attr-defined]
        (reactor.addWriter if writing else reactor.removeWriter)(self)  # type: ignore[attr-defined]

    def doRead(self) -> None:  # noqa: N802 - twisted's name
        """Go on: the server sent something."""
        try:
            self._poll()
        except Exception as error:
            self._fail(error)

    doWrite = doRead  # noqa: N815 - twisted's name

    def fileno(self) -> int:
        """Give what the event loop watches."""
        return self._descriptor

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802 - twisted's name
        """Give up: the event loop saw the connection end."""
        self._fail(psycopg2.OperationalError(str(reason.value)))

    def logPrefix(self) -> str:  # noqa: N802 - twisted's name
        """Give a name for logs."""
        return self.name


def _connected(query: str) -> Any:
    """Connect, and have the query prepared; blocks for some milliseconds."""
    # DaCHS's own connections teach psycopg2 the types of pgSphere.
    with base.getTableConn():
        pass
    connection = psycopg2.connect(**base.config.getDBProfile(PROFILE).getArgs(), async_=True)
    extras.wait_select(connection)
    cursor = connection.cursor()
    for command in (
        f"SET statement_timeout = {TIMEOUT_MS}",
        # The plan of any array: the optimiser must not plan again for each.
        "SET plan_cache_mode = force_generic_plan",
        f"PREPARE asked(text[]) AS {query}",
    ):
        cursor.execute(command)
        extras.wait_select(connection)
    return connection
