"""Baskets. Everything is asked for with its owner: others' things do not exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select, text

from portal.server.database import transaction
from portal.server.errors import ConflictError
from portal.server.models.account import Basket, BasketInfo, BasketPatch, Item, NewBasket
from portal.server.store.owned import Owned
from portal.server.tables import BasketRow, ItemRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from portal.server.context import Context

_BASKETS = Owned(BasketRow, "basket", "baskets")
# These are the same for stored queries.
remove, share, unshare = _BASKETS.remove, _BASKETS.share, _BASKETS.unshare

# One statement for however many: positions follow the order of the arrays.
_INSERT = text("""
    INSERT INTO basket_items AS old (basket_id, service, did, label, note, size)
    SELECT CAST(:basket AS uuid), service, did, label, note, size
    FROM unnest(
        CAST(:service AS text[]), CAST(:did AS text[]), CAST(:label AS text[]), CAST(:note AS text[]),
        CAST(:size AS bigint[])
    ) WITH ORDINALITY AS new (service, did, label, note, size, position)
    ORDER BY new.position
    ON CONFLICT (basket_id, service, did) DO UPDATE SET
        label = coalesce(excluded.label, old.label),
        note = coalesce(excluded.note, old.note),
        size = coalesce(excluded.size, old.size)
""")
_DELETE = text("""
    DELETE FROM basket_items AS old
    USING unnest(CAST(:service AS text[]), CAST(:did AS text[])) AS gone (service, did)
    WHERE old.basket_id = CAST(:basket AS uuid) AND old.service = gone.service AND old.did = gone.did
""")


async def _count(session: AsyncSession, basket: UUID) -> int:
    return await session.scalar(select(func.count()).where(ItemRow.basket_id == basket)) or 0


def _facts(row: BasketRow) -> dict[str, Any]:
    names = ("id", "name", "note", "made", "changed", "shared")
    return {name: getattr(row, name) for name in names}


async def _info(session: AsyncSession, row: BasketRow) -> BasketInfo:
    return BasketInfo(**_facts(row), count=await _count(session, row.id))


async def _whole(session: AsyncSession, row: BasketRow) -> Basket:
    columns = (ItemRow.service, ItemRow.did, ItemRow.label, ItemRow.note, ItemRow.size)
    statement = select(*columns).where(ItemRow.basket_id == row.id).order_by(ItemRow.position)
    items = [Item(**each) for each in (await session.execute(statement)).mappings()]
    return Basket(**_facts(row), count=len(items), items=items)


async def _touch(session: AsyncSession, row: BasketRow) -> None:
    row.changed = await session.scalar(select(func.clock_timestamp())) or row.changed
    await session.flush()


def _merged(items: Sequence[Item]) -> list[Item]:
    # What comes twice is there once, at its first place; what is told later completes it.
    found: dict[tuple[str, str], Item] = {}
    for item in items:
        known = found.get((item.service, item.did))
        told = item.model_dump(exclude_none=True)
        found[item.service, item.did] = item if known is None else known.model_copy(update=told)
    return list(found.values())


async def _put(context: Context, session: AsyncSession, basket: UUID, items: Sequence[Item]) -> None:
    columns = ("service", "did", "label", "note", "size")
    values = {name: [getattr(item, name) for item in _merged(items)] for name in columns}
    await session.execute(_INSERT, {"basket": basket, **values})
    allowed = context.settings.basket_items
    count = await _count(session, basket)
    if count > allowed:
        raise ConflictError(
            f"A basket holds {allowed} data sets at most; this one would have {count}.",
            code="basket_full",
            detail={"allowed": allowed, "count": count},
        )


async def all_of(context: Context, user: UUID) -> list[BasketInfo]:
    """Give a user's baskets without what is in them, the one changed last first."""
    count = select(func.count()).where(ItemRow.basket_id == BasketRow.id).scalar_subquery()
    statement = (
        select(BasketRow, count)
        .where(BasketRow.user_id == user)
        .order_by(BasketRow.changed.desc(), BasketRow.id)
    )
    async with transaction(context) as session:
        return [BasketInfo(**_facts(row), count=many) for row, many in await session.execute(statement)]


async def get(context: Context, user: UUID, basket: UUID) -> Basket:
    """Give one of a user's baskets.

    Raises
    ------
    NotFoundError
        If the user has no such basket.
    """
    async with transaction(context) as session:
        return await _whole(session, await _BASKETS.own(session, user, basket))


async def _make(
    context: Context, session: AsyncSession, user: UUID, name: str, note: str | None
) -> BasketRow:
    await _BASKETS.make_room(session, user, context.settings.baskets)
    row = BasketRow(user_id=user, name=name, note=note)
    session.add(row)
    await session.flush()
    await session.refresh(row)
    return row


async def add(context: Context, user: UUID, new: NewBasket) -> Basket:
    """Make a basket.

    Parameters
    ----------
    context
        What the server has.
    user
        Whose it is.
    new
        What it is called, and what is in it.

    Returns
    -------
    Basket
        The basket.

    Raises
    ------
    ConflictError
        If the user has too many, or if too much is in it.
    """
    async with transaction(context) as session:
        row = await _make(context, session, user, new.name, new.note)
        if new.items:
            await _put(context, session, row.id, new.items)
        return await _whole(session, row)


async def change(context: Context, user: UUID, basket: UUID, patch: BasketPatch) -> BasketInfo:
    """Change name or note of a basket; what is not given stays.

    Raises
    ------
    NotFoundError
        If the user has no such basket.
    """
    async with transaction(context) as session:
        row = await _BASKETS.own(session, user, basket)
        if patch.name is not None:
            row.name = patch.name
        if "note" in patch.model_fields_set:
            row.note = patch.note
        await _touch(session, row)
        return await _info(session, row)


async def put(context: Context, user: UUID, basket: UUID, items: Sequence[Item]) -> Basket:
    """Put data sets in. Those that are there stay where they are, and learn what is new about them.

    Raises
    ------
    NotFoundError
        If the user has no such basket.
    ConflictError
        If there would be too much in it.
    """
    async with transaction(context) as session:
        row = await _BASKETS.own(session, user, basket)
        await _put(context, session, row.id, items)
        await _touch(session, row)
        return await _whole(session, row)


async def take(context: Context, user: UUID, basket: UUID, keys: Sequence[tuple[str, str]]) -> Basket:
    """Take data sets out. Those that are not in it are none the less out of it.

    Raises
    ------
    NotFoundError
        If the user has no such basket.
    """
    async with transaction(context) as session:
        row = await _BASKETS.own(session, user, basket)
        values = {"service": [service for service, _ in keys], "did": [did for _, did in keys]}
        await session.execute(_DELETE, {"basket": row.id, **values})
        await _touch(session, row)
        return await _whole(session, row)


async def duplicate(context: Context, user: UUID, basket: UUID) -> Basket:
    """Make a basket with the same data sets and notes. It is not shared.

    Raises
    ------
    NotFoundError
        If the user has no such basket.
    ConflictError
        If the user has too many.
    """
    async with transaction(context) as session:
        old = await _whole(session, await _BASKETS.own(session, user, basket))
        name = old.name[:190] + " (copy)"
        row = await _make(context, session, user, name, old.note)
        if old.items:
            await _put(context, session, row.id, old.items)
        return await _whole(session, row)


async def merge(context: Context, user: UUID, basket: UUID, sources: Sequence[UUID]) -> Basket:
    """Put everything of other baskets into one. They themselves stay as they are.

    Raises
    ------
    NotFoundError
        If the user does not have all of these baskets.
    ConflictError
        If there would be too much in it.
    """
    async with transaction(context) as session:
        row = await _BASKETS.own(session, user, basket)
        for source in sources:
            found = await session.scalar(
                select(BasketRow).where(BasketRow.id == source, BasketRow.user_id == user)
            )
            if found is None:
                raise _BASKETS.missing()
            if source != basket and (items := (await _whole(session, found)).items):
                await _put(context, session, row.id, items)
        await _touch(session, row)
        return await _whole(session, row)


async def get_shared(context: Context, token: str) -> Basket:
    """Give the basket of a link.

    Raises
    ------
    NotFoundError
        If no basket is shared by it.
    """
    async with transaction(context) as session:
        return await _whole(session, await _BASKETS.shared(session, token))
