"""Baskets, their archives and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from portal.server import archives, bundles, scripts
from portal.server.context import Here
from portal.server.identity import CurrentUser, RequiredUser
from portal.server.models.account import (
    Basket,
    BasketInfo,
    BasketPatch,
    ItemKeys,
    Items,
    Merge,
    NewBasket,
    Script,
    Shared,
)
from portal.server.store import baskets

if TYPE_CHECKING:
    from portal.server.context import Context
    from portal.server.models.account import User
    from portal.server.settings import ServiceSettings

router = APIRouter(tags=["baskets"])

Language = Literal["python", "shell"]
Only = Annotated[str | None, Query(max_length=100, description="Only what is of this service.")]


@router.get("/api/baskets")
async def list_baskets(here: Here, user: RequiredUser) -> list[BasketInfo]:
    """Give all baskets, the one changed last first."""
    return await baskets.all_of(here, user.id)


@router.post("/api/baskets", status_code=201)
async def make_basket(body: NewBasket, here: Here, user: RequiredUser) -> Basket:
    """Make a basket."""
    bundles.services_of(here, body.items)
    return await baskets.add(here, user.id, body)


@router.get("/api/baskets/{id}")
async def get_basket(id: UUID, here: Here, user: RequiredUser) -> Basket:
    """Give a basket with what is in it."""
    return await baskets.get(here, user.id, id)


@router.patch("/api/baskets/{id}")
async def change_basket(id: UUID, body: BasketPatch, here: Here, user: RequiredUser) -> BasketInfo:
    """Change a basket's name or note."""
    return await baskets.change(here, user.id, id, body)


@router.delete("/api/baskets/{id}", status_code=204)
async def delete_basket(id: UUID, here: Here, user: RequiredUser) -> None:
    """Delete a basket."""
    await baskets.remove(here, user.id, id)


@router.post("/api/baskets/{id}/items")
async def put_items(id: UUID, body: Items, here: Here, user: RequiredUser) -> Basket:
    """Put data sets in; those that are in it already stay where they are."""
    bundles.services_of(here, body.items)
    return await baskets.put(here, user.id, id, body.items)


@router.post("/api/baskets/{id}/items/remove")
async def remove_items(id: UUID, body: ItemKeys, here: Here, user: RequiredUser) -> Basket:
    """Take data sets out."""
    return await baskets.take(here, user.id, id, body.keys)


@router.post("/api/baskets/{id}/duplicate", status_code=201)
async def duplicate_basket(id: UUID, here: Here, user: RequiredUser) -> Basket:
    """Make another basket with the same in it."""
    return await baskets.duplicate(here, user.id, id)


@router.post("/api/baskets/{id}/merge")
async def merge_baskets(id: UUID, body: Merge, here: Here, user: RequiredUser) -> Basket:
    """Put everything of other baskets into this one."""
    return await baskets.merge(here, user.id, id, body.sources)


@router.post("/api/baskets/{id}/share")
async def share_basket(id: UUID, here: Here, user: RequiredUser) -> Shared:
    """Share a basket by a link."""
    return Shared(token=await baskets.share(here, user.id, id))


@router.delete("/api/baskets/{id}/share", status_code=204)
async def unshare_basket(id: UUID, here: Here, user: RequiredUser) -> None:
    """Share a basket no longer."""
    await baskets.unshare(here, user.id, id)


@router.get("/api/shared/baskets/{token}")
async def get_shared_basket(token: str, here: Here) -> Basket:
    """Give the basket of a link."""
    return await baskets.get_shared(here, token)


@router.get("/api/baskets/{id}/bundle")
async def get_bundle(
    id: UUID,
    request: Request,
    here: Here,
    user: RequiredUser,
    service: Only = None,
) -> Response:
    """Give a basket's data in one archive, made by their service, or here of the files that it links."""
    basket = await baskets.get(here, user.id, id)
    return await _archive(here, user, bundles.choose(here, basket.items, service), request)


@router.get("/api/baskets/{id}/script")
async def get_script(id: UUID, here: Here, user: RequiredUser, language: Language = "python") -> Script:
    """Give a script that gets a basket's data."""
    basket = await baskets.get(here, user.id, id)
    return scripts.write(here, basket.name, bundles.services_of(here, basket.items), language)


@router.post("/api/bundle")
async def get_bundle_of(
    body: Items, request: Request, here: Here, user: CurrentUser, service: Only = None
) -> Response:
    """Give the data of a basket that only the browser has in one archive."""
    return await _archive(here, user, bundles.choose(here, body.items, service), request)


@router.post("/api/script")
async def get_script_of(body: Items, here: Here, language: Language = "python") -> Script:
    """Give a script that gets the data of a basket that only the browser has."""
    return scripts.write(here, "basket", bundles.services_of(here, body.items), language)


async def _archive(
    here: Context, user: User | None, chosen: tuple[ServiceSettings, list[str]], request: Request
) -> Response:
    service, dids = chosen
    if service.bundle_url is None:
        return await archives.open_archive(here, user, service, dids)
    return await bundles.open_bundle(here, user, chosen, request.headers)
