"""What services say of themselves, kept in Redis for a while, and asked for once at a time."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from redis.exceptions import RedisError

from portal.server.services.needs import Context

LOG = logging.getLogger("portal.services")
PREFIX = "explorer:services:2:"
Value = TypeVar("Value")

_running: dict[tuple[int, str], asyncio.Task[Any]] = {}


async def kept(
    context: Context,
    words: tuple[str, ...],
    kind: Any,
    make: Callable[[], Awaitable[Value]],
    seconds: int | None = None,
) -> Value:
    """Give a value from the cache, or make it and keep it. Without Redis it is made each time.

    Parameters
    ----------
    context
        The server's context.
    words
        What the value is of.
    kind
        Its type, which pydantic writes and reads as JSON.
    make
        Makes it. Requests that want the same value at the same time wait for one making.
    seconds
        How long it is kept; None for what the settings say.

    Returns
    -------
    Value
        The value.
    """
    adapter: TypeAdapter[Value] = TypeAdapter(kind)
    key = PREFIX + hashlib.sha256("\0".join(words).encode("utf-8", "replace")).hexdigest()
    found = await _look(context, key)
    if found is not None:
        try:
            value = adapter.validate_json(found)
        except ValidationError:
            LOG.warning("A kept value of %s is of another version; it is made anew.", words[0])
        else:
            context.metrics.cache.labels("services", "hit").inc()
            return value
    context.metrics.cache.labels("services", "miss").inc()
    flight = (id(asyncio.get_running_loop()), key)
    task = _running.get(flight)
    if task is None:
        duration = context.settings.cache_seconds if seconds is None else seconds
        task = asyncio.create_task(_make(context, key, adapter, make, duration))
        _running[flight] = task
        task.add_done_callback(lambda done: _landed(flight, done))
    # The making goes on if this request's browser goes away: others may wait for it.
    made: Value = await asyncio.shield(task)
    return made


def _landed(flight: tuple[int, str], task: asyncio.Task[Any]) -> None:
    _running.pop(flight, None)
    if not task.cancelled():
        task.exception()


async def _make(
    context: Context,
    key: str,
    adapter: TypeAdapter[Value],
    make: Callable[[], Awaitable[Value]],
    seconds: int,
) -> Value:
    value = await make()
    if seconds > 0:
        try:
            await context.redis.set(key, adapter.dump_json(value), ex=seconds)
        except (RedisError, OSError) as error:
            LOG.warning("Redis does not keep descriptions of services: %s", error)
    return value


async def _look(context: Context, key: str) -> bytes | None:
    try:
        found: bytes | None = await context.redis.get(key)
    except (RedisError, OSError) as error:
        LOG.warning("Redis does not give descriptions of services: %s", error)
        return None
    return found
