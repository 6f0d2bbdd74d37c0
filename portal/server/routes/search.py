"""Searches: their ADQL, counts, pages, overviews, files, and links of data sets."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from portal.server.models.results import (
    Counted,
    ExportRequest,
    Links,
    Overview,
    Page,
    PageRequest,
)
from portal.server.models.search import Ask, Search, Written
from portal.server.routes.config import Opened
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
async def write_adql(request: Request, context: Opened, service: str, body: Search) -> Written:
    """Write the ADQL of a search, and what of it is impossible."""
    found = allowed(context, service)
    return await unless_gone(request, lambda: _written(context, found, body))


@router.post("/count")
async def count_rows(request: Request, context: Opened, service: str, body: Ask) -> Counted:
    """Count all rows, exactly."""
    found = allowed(context, service)

    async def work() -> Counted:
        return await asked.count(await asked.asked(context, found, body))

    return await unless_gone(request, work)


@router.post("/page")
async def get_page(request: Request, context: Opened, service: str, body: PageRequest) -> Page:
    """Give some rows, sorted over the whole answer."""
    found = allowed(context, service)

    async def work() -> Page:
        return await pages.page(await asked.asked(context, found, body), body)

    return await unless_gone(request, work)


@router.post("/overview")
async def get_overview(request: Request, context: Opened, service: str, body: Ask) -> Overview:
    """Give what map and plots show of the rows."""
    found = allowed(context, service)

    async def work() -> Overview:
        return await overview.overview(await asked.asked(context, found, body))

    return await unless_gone(request, work)


@router.post("/export", response_class=Response)
async def export_rows(request: Request, context: Opened, service: str, body: ExportRequest) -> Response:
    """Give all rows as a file."""
    found = allowed(context, service)

    async def work() -> exports.Export:
        return await exports.export(await asked.asked(context, found, body), body)

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
    request: Request, context: Opened, service: str, id: Annotated[str, Query(max_length=1000)]
) -> Links:
    """Give the links of a data set, grouped by what they mean."""
    found = allowed(context, service)
    return await unless_gone(request, lambda: links.links(context, found, id))


async def _written(context: Context, service: ServiceSettings, search: Search) -> Written:
    known = await capabilities.known(context, service, search.table)
    made = writer.where(known, search)
    adql = writer.shown(known, made)
    return Written(
        adql=adql,
        impossible=made.impossible,
        snippets=snippets.snippets(service, adql, context.settings.export_rows),
    )
