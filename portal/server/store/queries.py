"""Stored queries. Everything is asked for with its owner: others' things do not exist."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import delete, func, select, update

from portal.server.database import transaction
from portal.server.errors import ConflictError, NotFoundError
from portal.server.models.account import NewQuery, StoredQuery
from portal.server.models.search import Search
from portal.server.tables import QueryRow, UserRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from portal.server.context import Context


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


def _missing() -> NotFoundError:
    return NotFoundError("You have no such query.", code="no_query")


async def _own(session: AsyncSession, user: UUID, query: UUID) -> QueryRow:
    statement = select(QueryRow).where(QueryRow.id == query, QueryRow.user_id == user).with_for_update()
    row = await session.scalar(statement)
    if row is None:
        raise _missing()
    return row


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
        return shown(await _own(session, user, query))


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
    allowed = context.settings.queries
    async with transaction(context) as session:
        # One at a time for each user, so that the bound holds.
        await session.execute(select(UserRow.id).where(UserRow.id == user).with_for_update())
        count = await session.scalar(select(func.count()).where(QueryRow.user_id == user))
        if (count or 0) >= allowed:
            raise ConflictError(f"You have {allowed} stored queries, and may not have more. Delete some.")
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
        row = await _own(session, user, query)
        row.name = name
        return shown(row)


async def remove(context: Context, user: UUID, query: UUID) -> None:
    """Delete a query.

    Raises
    ------
    NotFoundError
        If the user has no such query.
    """
    statement = delete(QueryRow).where(QueryRow.id == query, QueryRow.user_id == user).returning(QueryRow.id)
    async with transaction(context) as session:
        if await session.scalar(statement) is None:
            raise _missing()


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
        row = await _own(session, user, query)
        row.count, row.release, row.last_run = count, release, when
        return shown(row)


async def share(context: Context, user: UUID, query: UUID) -> str:
    """Give the word of the link that shares a query. A query that is shared keeps its word.

    Raises
    ------
    NotFoundError
        If the user has no such query.
    """
    async with transaction(context) as session:
        row = await _own(session, user, query)
        row.shared = row.shared or secrets.token_urlsafe(24)
        return row.shared


async def unshare(context: Context, user: UUID, query: UUID) -> None:
    """Make the link that shares a query lead nowhere.

    Raises
    ------
    NotFoundError
        If the user has no such query.
    """
    statement = (
        update(QueryRow)
        .where(QueryRow.id == query, QueryRow.user_id == user)
        .values(shared=None)
        .returning(QueryRow.id)
    )
    async with transaction(context) as session:
        if await session.scalar(statement) is None:
            raise _missing()


async def get_shared(context: Context, token: str) -> StoredQuery:
    """Give the query of a link.

    Raises
    ------
    NotFoundError
        If no query is shared by it.
    """
    async with transaction(context) as session:
        row = await session.scalar(select(QueryRow).where(QueryRow.shared == token))
        if row is None:
            raise NotFoundError("This link shares no query, or no longer does.", code="no_query")
        return shown(row)
