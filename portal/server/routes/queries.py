"""The query store."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import TypeAdapter

from portal.server.context import Context, Here, services_counter
from portal.server.errors import BadRequestError, NotFoundError, PortalError
from portal.server.identity import RequiredUser
from portal.server.models.account import NewQuery, QueryPatch, Rerun, Shared, StoredQuery
from portal.server.store import queries

router = APIRouter(tags=["queries"])

_STORED = TypeAdapter(list[StoredQuery])


def check_service(here: Context, key: str) -> None:
    """Check that a service is one that may be asked.

    Raises
    ------
    NotFoundError
        If it is none of those that the operator allows.
    """
    if here.settings.service(key) is None:
        raise NotFoundError(f"There is no service '{key[:100]}' here.", code="unknown_service")


async def _release(here: Context, service: str) -> str | None:
    counter = here.counter or services_counter()
    try:
        return await counter.release(here, service)
    except PortalError:
        # Unknown: the service does not answer now. The query is kept none the less.
        return None


@router.get("/api/queries")
async def list_queries(here: Here, user: RequiredUser) -> list[StoredQuery]:
    """Give all stored queries, the newest first."""
    return await queries.all_of(here, user.id)


@router.post("/api/queries", status_code=201)
async def store_query(body: NewQuery, here: Here, user: RequiredUser) -> StoredQuery:
    """Keep a query."""
    check_service(here, body.service)
    if body.view is not None and not re.match(r"/(?![/\\])", body.view):
        raise BadRequestError("The view of a query has to be a path of the explorer.", code="bad_view")
    release = None if body.count is None else await _release(here, body.service)
    return await queries.add(here, user.id, body, release)


@router.get("/api/queries/export")
async def export_queries(here: Here, user: RequiredUser) -> Response:
    """Give all stored queries as a file."""
    content = _STORED.dump_json(await queries.all_of(here, user.id), indent=1)
    headers = {"Content-Disposition": 'attachment; filename="queries.json"'}
    return Response(content, media_type="application/json", headers=headers)


@router.patch("/api/queries/{id}")
async def rename_query(id: UUID, body: QueryPatch, here: Here, user: RequiredUser) -> StoredQuery:
    """Give a query another name."""
    return await queries.rename(here, user.id, id, body.name)


@router.delete("/api/queries/{id}", status_code=204)
async def delete_query(id: UUID, here: Here, user: RequiredUser) -> None:
    """Delete a query."""
    await queries.remove(here, user.id, id)


@router.post("/api/queries/{id}/run")
async def rerun_query(id: UUID, here: Here, user: RequiredUser) -> Rerun:
    """Count a query's rows again, and compare with what it gave before."""
    before = await queries.get(here, user.id, id)
    check_service(here, before.service)
    counter = here.counter or services_counter()
    when = datetime.now(UTC)
    counted = await counter.count(here, before.service, before.adql)
    release = await _release(here, before.service)
    query = await queries.was_run(here, user.id, id, count=counted.count, release=release, when=when)
    is_other = before.count is not None and before.count != counted.count
    is_newer = before.release is not None and release is not None and before.release != release
    return Rerun(
        query=query,
        count=counted.count,
        before=before.count,
        release_before=before.release,
        changed=is_other or is_newer,
    )


@router.post("/api/queries/{id}/share")
async def share_query(id: UUID, here: Here, user: RequiredUser) -> Shared:
    """Share a query by a link."""
    return Shared(token=await queries.share(here, user.id, id))


@router.delete("/api/queries/{id}/share", status_code=204)
async def unshare_query(id: UUID, here: Here, user: RequiredUser) -> None:
    """Share a query no longer."""
    await queries.unshare(here, user.id, id)


@router.get("/api/shared/queries/{token}")
async def get_shared_query(token: str, here: Here) -> StoredQuery:
    """Give the query of a link."""
    return await queries.get_shared(here, token)
