"""Connections of the unprivileged role that are used again, for queries that leave nothing behind.

DaCHS opens a connection for each TAP query and closes it after the result
(``taprunner.getQTableFromJob``), and asks for and sets two parameters in four statements. PostgreSQL
starts a process for each connection, which has to read its catalogues and load pgSphere before it can plan
the first query. Here, connections are kept.
A query's settings are those of its transaction and end with it, and a connection that had an uploaded
table or an error is not used again.

Proposal to upstream: let ``getQTableFromJob`` take its connection from a pool, and ``configure`` use
``SET LOCAL`` in one statement where the connection belongs to one query.

DaCHS has pools for other purposes, and learns only from a failing request that their connections are gone. It
then replaces the pools; threads that do so at the same time fail on an empty list (``getConnFromPool``).
Here, connections are looked at before they are used, and pools stay.

Proposal to upstream: let ``CustomConnectionPool.getconn`` do that.
"""

from __future__ import annotations

import contextlib
import select
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import psycopg2
import psycopg2.pool
from gavo import base
from gavo.base import config, sqlsupport
from psycopg2.extensions import TRANSACTION_STATUS_INERROR, TRANSACTION_STATUS_UNKNOWN

from upstream.shims import Shim

MOST_IDLE = 8
"""Connections kept per process; DaCHS runs ten queries at a time."""

LONGEST_IDLE = 300.0
"""Seconds. Memory of the processes of PostgreSQL, and privileges, are not kept for ever."""


class KeptConnection(sqlsupport.DaCHSConnection):  # type: ignore[misc]
    """A connection of DaCHS whose ``close`` gives it back."""

    pool: ConnectionPool | None = None
    used = 0.0
    single_use = False

    def configure(
        self, settings: Sequence[tuple[str, str | int]], cursor: Any = None
    ) -> list[tuple[str, str]]:
        """Set parameters for this transaction, in one go.

        Returns
        -------
        list
            Nothing to reset: the end of the transaction does that.
        """
        if settings:
            cursor = cursor or self.cursor()
            cursor.execute(
                ";".join(f"SET LOCAL {key}=%s" for key, _ in settings), [value for _, value in settings]
            )
        return []

    def close(self) -> None:
        """Give the connection back to where it came from, or end it."""
        pool, self.pool = self.pool, None
        if pool is None or not pool.take_back(self):
            super().close()


class ConnectionPool:
    """Keeps connections of one of DaCHS's profiles.

    Parameters
    ----------
    profile
        DaCHS's name of the role.
    """

    def __init__(self, profile: str) -> None:
        self.profile = profile
        self._idle: deque[KeptConnection] = deque()
        self._lock = threading.Lock()

    def get(self) -> KeptConnection:
        """Give a connection that works, new or used; its ``close`` brings it back here."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                connection = self._connect()
            elif not _alive(connection):
                connection.close()
                sqlsupport.CustomConnectionPool.serverRestarted()
                continue
            elif time.monotonic() - connection.used > LONGEST_IDLE:
                connection.close()
                continue
            connection.pool = self
            return connection

    def take_back(self, connection: KeptConnection) -> bool:
        """Keep a connection for the next query, if it is fit for that.

        Returns
        -------
        bool
            Whether it is kept; if not, it must be closed.
        """
        if connection.closed or connection.single_use:
            return False
        if connection.get_transaction_status() in (TRANSACTION_STATUS_INERROR, TRANSACTION_STATUS_UNKNOWN):
            return False
        try:
            connection.rollback()
        except psycopg2.Error:
            return False
        connection.used = time.monotonic()
        with self._lock:
            if len(self._idle) >= MOST_IDLE:
                return False
            self._idle.append(connection)
        return True

    def close_all(self) -> None:
        """End all connections that wait here."""
        with self._lock:
            waiting = list(self._idle)
            self._idle.clear()
        for connection in waiting:
            connection.close()

    def _connect(self) -> KeptConnection:
        with contextlib.suppress(base.DBError), base.getTableConn() as other:
            # Without `SHIMS`, DaCHS finds out in this way that the database was started again.
            other.execute("SELECT 1")
        profile = config.getDBProfile(self.profile)
        try:
            connection: KeptConnection = psycopg2.connect(
                connection_factory=KeptConnection, **profile.getArgs()
            )
        except psycopg2.OperationalError:
            # DaCHS has words for that.
            failing: KeptConnection = base.getDBConnection(self.profile)
            return failing
        connection.set_client_encoding("UTF8")
        connection._getDBConnectionArgs = {"profile": profile, "debug": False, "autocommitted": False}
        connection.single_use = False
        return connection


def _alive(connection: KeptConnection) -> bool:
    """Say whether the server still holds an idle connection; a closed one is readable."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)


_stock_get = sqlsupport.CustomConnectionPool.getconn


def get_alive(pool: Any, key: Any = None) -> Any:
    """Give a connection that the server has not ended; replaces ``CustomConnectionPool.getconn``.

    Parameters
    ----------
    pool, key
        As psycopg2 has them.
    """
    for _ in range(pool.minconn):
        connection = _stock_get(pool, key)
        if _alive(connection):
            return connection
        pool.putconn(connection, key, close=True)
    return _stock_get(pool, key)


def keep_pools(*pool: Any) -> None:
    """Keep all pools: `get_alive` replaces connections; replaces ``CustomConnectionPool.serverRestarted``."""


_POOLS = (
    (sqlsupport.CustomConnectionPool, "d73988855d2b878b"),
    (sqlsupport._makeConnectionManager, "3f3fc19c036624ea"),
    (psycopg2.pool.ThreadedConnectionPool, "befa8d9151a4072c"),
    (psycopg2.pool.AbstractConnectionPool, "9e5c16e77459fcd8"),
)

SHIMS = (
    Shim(sqlsupport.CustomConnectionPool, "getconn", get_alive, ((_stock_get, "b8b132a279df702a"), *_POOLS)),
    Shim(sqlsupport.CustomConnectionPool, "serverRestarted", keep_pools, _POOLS),
)
