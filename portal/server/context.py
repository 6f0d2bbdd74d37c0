"""What the server has while it runs, for all routes."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol, cast

from fastapi import Depends, Request

from portal.server.settings import Settings

if TYPE_CHECKING:
    import httpx
    from redis.asyncio import Redis
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

    from portal.server.identity import Identity
    from portal.server.limits import Limiter
    from portal.server.metrics import Metrics
    from portal.server.models.results import Counted
    from portal.server.sessions import Sessions


class Counter(Protocol):
    """What counts the rows of queries: the module of the services."""

    async def count(self, context: Any, service_key: str, adql: str) -> Counted:
        """Count the rows of a query."""
        ...

    async def release(self, context: Any, service_key: str) -> str | None:
        """Give the version of a service's release, if it tells."""
        ...


def services_counter() -> Counter:
    """Give the module of the services, which counts."""
    return cast(Counter, importlib.import_module("portal.server.services.api"))


@dataclass(frozen=True)
class Context:
    """What the server has while it runs."""

    settings: Settings
    http: httpx.AsyncClient
    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    redis: Redis[bytes]
    metrics: Metrics
    browsers: Sessions
    limiter: Limiter
    identity: Identity
    # None for that of the services.
    counter: Counter | None = None


def context(request: Request) -> Context:
    """Give a request what the server has.

    Parameters
    ----------
    request
        The request.

    Returns
    -------
    Context
        What the server has.
    """
    return cast(Context, request.app.state.context)


Here = Annotated[Context, Depends(context)]
