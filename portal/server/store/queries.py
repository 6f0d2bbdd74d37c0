"""Stored queries. Everything is asked for with its owner: others' things do not exist."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import func, select

from portal.server.database import transaction
from portal.server.models.account import NewQuery, StoredQuery
from portal.server.models.search import Search
from portal.server.store.owned import Owned
from portal.server.tables import QueryRow

if TYPE_CHECKING:
    from portal.server.context import Context

_QUERIES = Owned(QueryRow, "query", "stored queries")
# These are the same for baskets.
remove, share, unshare = _QUERIES.remove, _QUERIES.share, _QUERIES.unshare


def shown(row: QueryRow) -> StoredQuery:
    """Make what the API gives of a row."""
    return StoredQuery(
        id=row.id,
        service=row.service,
        name=row.name,
        adql=row.adql,
        search=None if row.search is None else Search.model_validate(row.search),
        view=row.view,
        count=row.count,
        made=row.made,
        last_run=row.last_run,
        release=row.release,
        shared=row.shared,
    )


async def all_of(context: Context, user: UUID) -> list[StoredQuery]:
    """Give a user's queries, the newest first."""
    statement = select(QueryRow).where(QueryRow.user_id == user).order_by(QueryRow.made.desc(), QueryRow.id)
    async with transaction(context) as session:
        return [shown(row) for row in await session.scalars(statement)]


async def get(context: Context, user: UUID, query: UUID) -> StoredQuery:
    """Give one of a user's queries.

    Raises
    ------
    NotFoundError
        If the user has no such query.
    """
    async with transaction(context) as session:
        return shown(await _QUERIES.own(session, user, query))


async def add(context: Context, user: UUID, new: NewQuery, release: str | None) -> StoredQuery:
    """Keep a query.

    Parameters
    ----------
    context
        What the server has.
    user
        Whose it is.
    new
        The query.
    release
        Version of the release, if the query was run on it.

    Returns
    -------
    StoredQuery
        What was kept.

    Raises
    ------
    ConflictError
        If the user has too many.
    """
    async with transaction(context) as session:
        await _QUERIES.make_room(session, user, context.settings.queries)
        row = QueryRow(
            user_id=user,
            service=new.service,
            name=new.name,
            adql=new.adql,
            search=None if new.search is None else new.search.model_dump(mode="json"),
            view=new.view,
            count=new.count,
            last_run=None if new.count is None else func.clock_timestamp(),
            release=release,
        )
        session.add(row)
        await session.flush()
        await session.refresh(row)
        return shown(row)


async def rename(context: Context, user: UUID, query: UUID, name: str) -> StoredQuery:
    """Give a query another name.

    Raises
    ------
    NotFoundError
        If the user has no such query.
    """
    async with transaction(context) as session:
        row = await _QUERIES.own(session, user, query)
        row.name = name
        return shown(row)


async def was_run(
    context: Context, user: UUID, query: UUID, *, count: int, release: str | None, when: datetime
) -> StoredQuery:
    """Keep what a query gave.

    Parameters
    ----------
    context
        What the server has.
    user
        Whose it is.
    query
        The query.
    count
        How many rows it gave.
    release
        Version of the release.
    when
        When it was run.

    Returns
    -------
    StoredQuery
        The query, as it is now.

    Raises
    ------
    NotFoundError
        If it was deleted meanwhile.
    """
    async with transaction(context) as session:
        row = await _QUERIES.own(session, user, query)
        row.count, row.release, row.last_run = count, release, when
        return shown(row)


async def get_shared(context: Context, token: str) -> StoredQuery:
    """Give the query of a link.

    Raises
    ------
    NotFoundError
        If no query is shared by it.
    """
    async with transaction(context) as session:
        return shown(await _QUERIES.shared(session, token))
