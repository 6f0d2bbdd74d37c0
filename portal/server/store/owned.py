"""What baskets and stored queries have in common: each belongs to a user, and a link may share it.

Everything is asked for with its owner: others' things do not exist.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar
from uuid import UUID

from sqlalchemy import delete, func, select

from portal.server.database import transaction
from portal.server.errors import ConflictError, NotFoundError
from portal.server.tables import BasketRow, QueryRow, UserRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from portal.server.context import Context

Row = TypeVar("Row", BasketRow, QueryRow)


@dataclass(frozen=True)
class Owned(Generic[Row]):
    """Things of one kind.

    Parameters
    ----------
    table
        Where they are kept.
    one
        What people call one of them; the codes of errors have it too.
    many
        What people call several.
    """

    table: type[Row]
    one: str
    many: str

    def missing(self, message: str | None = None) -> NotFoundError:
        """Make the error for what is not there.

        Parameters
        ----------
        message
            What to say; None if it is the user who has no such thing.

        Returns
        -------
        NotFoundError
            To be raised.
        """
        return NotFoundError(message or f"You have no such {self.one}.", code=f"no_{self.one}")

    async def own(self, session: AsyncSession, user: UUID, key: UUID) -> Row:
        """Give one that the user has, and keep others from changing it: changes go one after the other.

        Raises
        ------
        NotFoundError
            If the user has no such thing.
        """
        statement = select(self.table).where(self.table.id == key, self.table.user_id == user)
        row = await session.scalar(statement.with_for_update())
        if row is None:
            raise self.missing()
        return row

    async def make_room(self, session: AsyncSession, user: UUID, allowed: int) -> None:
        """Let the user make one more, if there are not too many.

        Raises
        ------
        ConflictError
            If the user has as many as are allowed.
        """
        # One at a time for each user, so that the bound holds.
        await session.execute(select(UserRow.id).where(UserRow.id == user).with_for_update())
        count = await session.scalar(select(func.count()).where(self.table.user_id == user))
        if (count or 0) >= allowed:
            raise ConflictError(f"You have {allowed} {self.many}, and may not have more. Delete some.")

    async def remove(self, context: Context, user: UUID, key: UUID) -> None:
        """Delete one.

        Raises
        ------
        NotFoundError
            If the user has no such thing.
        """
        statement = delete(self.table).where(self.table.id == key, self.table.user_id == user)
        async with transaction(context) as session:
            if await session.scalar(statement.returning(self.table.id)) is None:
                raise self.missing()

    async def share(self, context: Context, user: UUID, key: UUID) -> str:
        """Give the word of the link that shares one. What is shared keeps its word.

        Raises
        ------
        NotFoundError
            If the user has no such thing.
        """
        async with transaction(context) as session:
            row = await self.own(session, user, key)
            row.shared = row.shared or secrets.token_urlsafe(24)
            return row.shared

    async def unshare(self, context: Context, user: UUID, key: UUID) -> None:
        """Make the link that shares one lead nowhere.

        Raises
        ------
        NotFoundError
            If the user has no such thing.
        """
        async with transaction(context) as session:
            (await self.own(session, user, key)).shared = None

    async def shared(self, session: AsyncSession, token: str) -> Row:
        """Give the one of a link, whoever asks.

        Raises
        ------
        NotFoundError
            If nothing is shared by it.
        """
        row = await session.scalar(select(self.table).where(self.table.shared == token))
        if row is None:
            raise self.missing(f"This link shares no {self.one}, or no longer does.")
        return row
