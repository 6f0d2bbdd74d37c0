"""Users who have logged in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from portal.server.database import transaction
from portal.server.tables import UserRow
from portal.server.tokens import LoginFailedError

if TYPE_CHECKING:
    from uuid import UUID

    from portal.server.context import Context

_NAMES = ("name", "preferred_username", "nickname", "email")
_NAME_LENGTH = 200


def _text(claims: dict[str, Any], name: str) -> str | None:
    told = claims.get(name)
    # PostgreSQL keeps no zero bytes.
    return (told.replace("\x00", "").strip()[:_NAME_LENGTH] or None) if isinstance(told, str) else None


async def remember(context: Context, issuer: str, claims: dict[str, Any]) -> UserRow:
    """Keep what a provider says of a user.

    Parameters
    ----------
    context
        What the server has.
    issuer
        The provider.
    claims
        What it says.

    Returns
    -------
    UserRow
        The user.

    Raises
    ------
    LoginFailedError
        If it does not say who it is.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or "\x00" in subject:
        raise LoginFailedError("The login provider does not say who you are.")
    name = next((text for key in _NAMES if (text := _text(claims, key))), "A user without a name")
    values = {"name": name, "email": _text(claims, "email")}
    statement = (
        insert(UserRow)
        .values(issuer=issuer, subject=subject, **values)
        .on_conflict_do_update(index_elements=["issuer", "subject"], set_=values | {"seen": func.now()})
        .returning(UserRow)
    )
    async with transaction(context) as session:
        rows = await session.scalars(statement, execution_options={"populate_existing": True})
        return rows.one()


async def subject(context: Context, user: UUID) -> str | None:
    """Give the provider's name of a user.

    Parameters
    ----------
    context
        What the server has.
    user
        The user.

    Returns
    -------
    str | None
        None if there is no such user any more.
    """
    async with transaction(context) as session:
        return await session.scalar(select(UserRow.subject).where(UserRow.id == user))
