"""What the pages have to know: services, what they can, values that columns have, places of objects."""

from __future__ import annotations

from typing import Annotated

import anyio
from fastapi import APIRouter, Query, Request

from portal.server.context import Here
from portal.server.models.config import (
    Availability,
    Capabilities,
    Choices,
    Config,
    Limits,
    Login,
    RunnerInfo,
    ServiceInfo,
    Targets,
)
from portal.server.models.results import Coverage, Drawn, Resolved, ResolveRequest
from portal.server.services import capabilities, choices, footprints, resolver, states, surveys
from portal.server.services.gone import unless_gone
from portal.server.services.needs import allowed

router = APIRouter(prefix="/api", tags=["config"])


Table = Annotated[str | None, Query(max_length=300)]


@router.get("/config")
async def get_config(here: Here) -> Config:
    """Tell what the pages have to know first."""
    settings = here.settings
    return Config(
        title=settings.title,
        version=settings.version,
        notice=settings.simulated_notice,
        services=[
            ServiceInfo(key=s.key, label=s.label, url=s.url, is_own=s.is_own) for s in settings.services
        ],
        default_service=settings.default_service or settings.services[0].key,
        resolvers=resolver.infos(here),
        surveys=await anyio.to_thread.run_sync(surveys.surveys, here),
        login=Login(
            state=_state(settings.oidc_issuer, "No login is set up here."),
            provider=settings.oidc_label if settings.oidc_issuer else None,
        ),
        runners=[
            RunnerInfo(key=runner.key, label=runner.label, is_own=runner.is_own)
            # The explorer's own is what preview jobs are about.
            for runner in sorted(settings.runners, key=lambda one: not one.is_own)
        ],
        jobs=_state(settings.runners, "No service for preview jobs is set up here."),
        limits=Limits(
            page_rows=settings.page_rows,
            overview_rows=settings.overview_rows,
            export_rows=settings.export_rows,
            basket_items=settings.basket_items,
            job_items=settings.job_items,
        ),
    )


@router.get("/services/{service}/capabilities")
async def get_capabilities(request: Request, here: Here, service: str, table: Table = None) -> Capabilities:
    """Tell what can be searched in a table of a service."""
    found = allowed(here, service)
    return await unless_gone(request, lambda: capabilities.read(here, found, table))


@router.get("/services/{service}/choices/{field}")
async def get_choices(request: Request, here: Here, service: str, field: str, table: Table = None) -> Choices:
    """Give the values that a search field's column has."""
    found = allowed(here, service)
    return await unless_gone(request, lambda: choices.choices(here, found, table, field))


@router.get("/services/{service}/targets")
async def get_targets(
    request: Request,
    here: Here,
    service: str,
    q: Annotated[str, Query(max_length=200)] = "",
    table: Table = None,
) -> Targets:
    """Give targets of the service's own observations whose names have a part."""
    found = allowed(here, service)
    return await unless_gone(request, lambda: choices.targets(here, found, table, q))


@router.post("/resolve")
async def resolve_name(request: Request, here: Here, body: ResolveRequest) -> Resolved:
    """Tell where an object is."""
    return await unless_gone(request, lambda: resolver.resolve(here, body))


@router.post("/coverage")
async def get_coverage(request: Request, here: Here, body: Drawn) -> Coverage:
    """Tell which part of the sky fields of view cover, such as those of selected data sets."""
    most = here.settings.overview_rows

    async def work() -> Coverage:
        return Coverage(moc=await anyio.to_thread.run_sync(footprints.covered, body.footprints, most))

    return await unless_gone(request, work)


def _state(is_set: object, reason: str) -> Availability:
    return states.YES if is_set else states.no(reason)
