"""Searches: their ADQL, counts, pages, overviews, files, and links of data sets."""

from __future__ import annotations

import gzip
from typing import Annotated

import anyio
import httpx
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from portal.server.context import Here
from portal.server.identity import CurrentUser
from portal.server.models.results import (
    Counted,
    ExportRequest,
    Links,
    Overview,
    Page,
    PageRequest,
)
from portal.server.models.search import Ask, Search, Written
from portal.server.rights import account_for
from portal.server.services import (
    asked,
    capabilities,
    exports,
    links,
    overview,
    pages,
    snippets,
    writer,
)
from portal.server.services.gone import unless_gone
from portal.server.services.needs import Context, ServiceSettings, allowed

router = APIRouter(prefix="/api/services/{service}", tags=["search"])


@router.post("/adql")
async def write_adql(request: Request, here: Here, service: str, body: Search) -> Written:
    """Write the ADQL of a search, and what of it is impossible."""
    found = allowed(here, service)
    return await unless_gone(request, lambda: _written(here, found, body))


@router.post("/count")
async def count_rows(request: Request, here: Here, service: str, body: Ask) -> Counted:
    """Count all rows, exactly."""
    found = allowed(here, service)

    async def work() -> Counted:
        return await asked.recent_count(await asked.asked(here, found, body))

    return await unless_gone(request, work)


@router.post("/page")
async def get_page(request: Request, here: Here, service: str, body: PageRequest) -> Page:
    """Give some rows, sorted over the whole answer."""
    found = allowed(here, service)

    async def work() -> Page:
        return await pages.page(await asked.asked(here, found, body), body)

    return await unless_gone(request, work)


@router.post("/overview", response_model=Overview)
async def get_overview(request: Request, here: Here, service: str, body: Ask) -> Response:
    """Give what map and plots show of the rows."""
    found = allowed(here, service)

    packs = "gzip" in request.headers.get("accept-encoding", "")

    async def work() -> bytes:
        made = await overview.overview(await asked.asked(here, found, body))
        return await anyio.to_thread.run_sync(_packed, made, packs)

    headers = {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if packs else {})
    return Response(await unless_gone(request, work), media_type="application/json", headers=headers)


@router.post("/export", response_class=Response)
async def export_rows(request: Request, here: Here, service: str, body: ExportRequest) -> Response:
    """Give all rows as a file."""
    found = allowed(here, service)

    async def work() -> exports.Export:
        return await exports.export(await asked.asked(here, found, body), body)

    made = await unless_gone(request, work)
    headers = {
        "Content-Disposition": f'attachment; filename="{made.filename}"',
        "Cache-Control": "no-store",
        "X-Rows": str(made.rows),
        "X-Truncated": "true" if made.truncated else "false",
    }
    return StreamingResponse(made.content, media_type=made.media_type, headers=headers)


@router.get("/links")
async def get_links(
    request: Request,
    here: Here,
    user: CurrentUser,
    service: str,
    id: Annotated[str, Query(max_length=1000)],
) -> Links:
    """Give the links of a data set, grouped by what they mean, as the user who asks may have them."""
    found = allowed(here, service)

    def account(url: str) -> httpx.Auth | None:
        settings = here.settings.service(service)
        return None if settings is None else account_for(here.settings, user, settings, url)

    return await unless_gone(request, lambda: links.links(here, found, id, account))


def _packed(made: Overview, packs: bool) -> bytes:
    """Write an overview of thousands of rows, which the models' own rules have made, without checks."""
    content = made.model_dump_json().encode()
    return gzip.compress(content, 1, mtime=0) if packs else content


async def _written(context: Context, service: ServiceSettings, search: Search) -> Written:
    known = await capabilities.known(context, service, search.table)
    made = writer.where(known, search)
    adql = writer.shown(known, made)
    return Written(
        adql=adql,
        impossible=made.impossible,
        snippets=snippets.snippets(service, adql, context.settings.export_rows),
    )
