"""Whether the parts that the explorer needs answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from typing import TYPE_CHECKING

import httpx
from sqlalchemy import text

from portal.server.database import transaction
from portal.server.errors import DownError

if TYPE_CHECKING:
    from portal.server.context import Context
    from portal.server.settings import ServiceSettings

SECONDS = 4.0
_LONGEST = 65536
_AVAILABLE = re.compile(rb"<(?:\w+:)?available\s*>\s*(true|1)\s*<", re.IGNORECASE)


async def _database(context: Context) -> str:
    async with transaction(context) as session:
        await session.execute(text("SELECT count(*) FROM alembic_version"))
    return "ok"


async def _redis(context: Context) -> str:
    await context.redis.ping()
    return "ok"


async def _tap(context: Context, service: ServiceSettings) -> str:
    async with context.http.stream("GET", f"{service.url}/availability", timeout=SECONDS) as answer:
        if answer.status_code == httpx.codes.NOT_FOUND:
            # TAP 1.1 leaves it to services whether they have the document.
            found = await context.http.head(f"{service.url}/capabilities", timeout=SECONDS)
            return "ok" if found.is_success else f"status {found.status_code}"
        body = b""
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > _LONGEST:
                break
    if not answer.is_success:
        return f"status {answer.status_code}"
    return "ok" if _AVAILABLE.search(body) else "says that it is not available"


async def _told(asked: Awaitable[str]) -> str:
    try:
        async with asyncio.timeout(SECONDS):
            return await asked
    except (TimeoutError, httpx.TimeoutException):
        return f"no answer within {SECONDS:g} s"
    except DownError as error:
        return error.message
    except Exception as error:
        # Whatever it is, the part cannot be used; the operator reads its name.
        return f"does not answer ({type(error).__name__})"


async def check(context: Context) -> tuple[dict[str, str], list[str]]:
    """Ask all parts.

    Parameters
    ----------
    context
        What the server has.

    Returns
    -------
    tuple[dict[str, str], list[str]]
        What each part says, and which of those are missing that nothing goes without: the database, Redis,
        and the services that are the archive's own or shown first.
    """
    needed = {"database": _database(context), "redis": _redis(context)}
    services = context.settings.services
    asked = needed | {f"tap:{service.key}": _tap(context, service) for service in services}
    answers = await asyncio.gather(*(_told(each) for each in asked.values()))
    states = dict(zip(asked, answers, strict=True))
    for part, state in states.items():
        context.metrics.ready.labels(part).set(state == "ok")
    must = set(needed) | {
        f"tap:{service.key}"
        for service in services
        if service.is_own or service.key == context.settings.default_service
    }
    return states, sorted(part for part in must if states[part] != "ok")
