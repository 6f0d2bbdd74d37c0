"""The application: what it has while it runs, its layers and its routes."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.middleware import Middleware

from portal.server import errors
from portal.server.context import Context, Counter
from portal.server.database import make_engine, make_sessions
from portal.server.identity import Identity
from portal.server.limits import Limiter
from portal.server.metrics import Metrics
from portal.server.models.base import Problem
from portal.server.pages import Pages
from portal.server.pictures import Pictures
from portal.server.routes import ROUTERS
from portal.server.security import Guard
from portal.server.sessions import Sessions
from portal.server.settings import Settings
from portal.server.watch import Watch

REDIS_SECONDS = 3.0
AGENT = "cherenkov-vo-explorer"


def _redis(settings: Settings) -> Redis[bytes]:
    # One new try: the connection may be one of before a restart.
    return Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=REDIS_SECONDS,
        socket_connect_timeout=REDIS_SECONDS,
        health_check_interval=30,
        retry=Retry(NoBackoff(), 1),
    )


@asynccontextmanager
async def running(settings: Settings, counter: Counter | None = None) -> AsyncIterator[Context]:
    """Open what the server needs. Nothing is connected yet: parts that are down come in when they are up.

    Parameters
    ----------
    settings
        Where everything is.
    counter
        What counts the rows of queries; None for that of the services.

    Yields
    ------
    Context
        What the server has.
    """
    engine, redis, metrics = make_engine(settings), _redis(settings), Metrics()
    http = httpx.AsyncClient(
        verify=ssl.create_default_context(),
        headers={"User-Agent": AGENT},
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
        timeout=settings.tap_timeout,
    )
    try:
        yield Context(
            settings=settings,
            http=http,
            engine=engine,
            sessions=make_sessions(engine),
            redis=redis,
            metrics=metrics,
            browsers=Sessions(redis, settings),
            limiter=Limiter(redis, settings),
            identity=Identity(settings, http, redis, metrics),
            counter=counter,
        )
    finally:
        await http.aclose()
        await redis.aclose()  # type: ignore[attr-defined]
        await engine.dispose()


def _lifespan(settings: Settings, counter: Counter | None) -> type[AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with running(settings, counter) as context:
            app.state.context = context
            stop = None
            if settings.metrics_port is not None:
                _, stop = context.metrics.serve(settings.metrics_bind, settings.metrics_port)
            try:
                yield
            finally:
                if stop is not None:
                    stop()

    return lifespan  # type: ignore[return-value]


def _name(route: APIRoute) -> str:
    return route.name


def create_app(
    settings: Settings, routers: Sequence[APIRouter] = ROUTERS, counter: Counter | None = None
) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    settings
        All settings.
    routers
        The routes.
    counter
        What counts the rows of queries; None for that of the services.

    Returns
    -------
    FastAPI
        The application.
    """
    app = FastAPI(
        title="Data explorer",
        version="1",
        responses={"default": {"model": Problem}},
        generate_unique_id_function=_name,
        lifespan=_lifespan(settings, counter),
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        middleware=[Middleware(Watch, settings=settings), Middleware(Guard, settings=settings)],
    )
    errors.install(app)
    for router in routers:
        app.include_router(router)
    pages, pictures = Pages(settings.pages), Pictures(settings.local_hips)

    @app.api_route("/hips/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def get_picture(request: Request, path: str) -> Response:
        return await pictures.answer(request, path)

    @app.api_route("/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def get_page_file(request: Request, path: str) -> Response:
        return await pages.answer(request, path)

    return app
