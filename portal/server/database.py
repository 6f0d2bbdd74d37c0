"""The database of accounts: connections, and errors that say that it is down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from portal.server.errors import DatabaseDownError

if TYPE_CHECKING:
    from portal.server.context import Context
    from portal.server.settings import Settings

CONNECT_SECONDS = 5
QUERY_SECONDS = 30


def make_engine(settings: Settings) -> AsyncEngine:
    """Make the pool of connections. None is opened yet.

    Parameters
    ----------
    settings
        Where the database is.

    Returns
    -------
    AsyncEngine
        The pool.
    """
    url = make_url(settings.database_url.get_secret_value())
    # asyncpg reads URLs of PostgreSQL itself, with hosts that are directories of sockets.
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)

    async def connect() -> Any:
        try:
            return await asyncpg.connect(plain, timeout=CONNECT_SECONDS, command_timeout=QUERY_SECONDS)
        except (TimeoutError, OSError, asyncpg.PostgresError) as error:
            raise DatabaseDownError from error

    # Connections are looked at before use: after a restart of the database nobody gets a dead one.
    return create_async_engine(
        url, async_creator=connect, pool_pre_ping=True, pool_size=5, max_overflow=10, pool_timeout=10
    )


def make_sessions(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Make what begins transactions.

    Parameters
    ----------
    engine
        The pool.

    Returns
    -------
    async_sessionmaker[AsyncSession]
        To be used as ``async with sessions.begin() as session``.
    """
    return async_sessionmaker(engine, expire_on_commit=False)


_NO_DATABASE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # It starts, stops, or recovers.
    asyncpg.exceptions.OperatorInterventionError,
)
"""What becomes of connecting without a database that can be asked."""


@asynccontextmanager
async def transaction(context: Context) -> AsyncIterator[AsyncSession]:
    """Open a transaction, which is committed at the end.

    Parameters
    ----------
    context
        What the server has.

    Yields
    ------
    AsyncSession
        To ask the database with.

    Raises
    ------
    DatabaseDownError
        If the database does not answer.
    """
    try:
        async with context.sessions.begin() as session:
            yield session
    except _NO_DATABASE as error:
        raise DatabaseDownError from error
