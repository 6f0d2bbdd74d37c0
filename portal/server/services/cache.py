"""What services say of themselves, kept in Redis for a while, and asked for once at a time."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from redis.exceptions import RedisError

from portal.server.services.needs import Context

LOG = logging.getLogger("portal.services")
PREFIX = "explorer:services:2:"
Value = TypeVar("Value")


@dataclass
class _Flight:
    """A value that is being made, and how many wait for it."""

    task: asyncio.Task[Any]
    waiting: int = 0


_running: dict[tuple[int, str], _Flight] = {}


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
    key = _key(words)
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
    place = (id(asyncio.get_running_loop()), key)
    flight = _running.get(place)
    if flight is None:
        duration = context.settings.cache_seconds if seconds is None else seconds
        flight = _Flight(asyncio.create_task(_make(context, key, adapter, make, duration)))
        _running[place] = flight
        flight.task.add_done_callback(lambda task: _landed(place, task))
    made: Value = await _wait(place, flight)
    return made


async def remember(context: Context, words: tuple[str, ...], kind: Any, value: Any, seconds: int) -> None:
    """Keep a value for bad times. Without Redis it is lost.

    Parameters
    ----------
    context, words, kind, seconds
        As for :func:`kept`.
    value
        The value.
    """
    try:
        await context.redis.set(_key(words), TypeAdapter(kind).dump_json(value), ex=seconds)
    except (RedisError, OSError) as error:
        LOG.warning("Redis does not keep descriptions of services: %s", error)


async def recall(context: Context, words: tuple[str, ...], kind: Any) -> Any:
    """Give a value that was kept for bad times.

    Parameters
    ----------
    context, words, kind
        As for :func:`kept`.

    Returns
    -------
    Any
        The value; None if there is none.
    """
    found = await _look(context, _key(words))
    if found is None:
        return None
    try:
        return TypeAdapter(kind).validate_json(found)
    except ValidationError:
        LOG.warning("What was kept of %s is of another version and cannot be used.", words[0])
        return None


def _key(words: tuple[str, ...]) -> str:
    return PREFIX + hashlib.sha256("\0".join(words).encode("utf-8", "replace")).hexdigest()


async def _wait(place: tuple[int, str], flight: _Flight) -> Any:
    """Wait for a value. Its making goes on if this browser goes away, unless nobody else waits for it."""
    flight.waiting += 1
    try:
        return await asyncio.shield(flight.task)
    finally:
        flight.waiting -= 1
        if not flight.waiting and not flight.task.done():
            if _running.get(place) is flight:
                del _running[place]
            flight.task.cancel()


def _landed(place: tuple[int, str], task: asyncio.Task[Any]) -> None:
    flight = _running.get(place)
    if flight is not None and flight.task is task:
        del _running[place]
    if not task.cancelled():
        # An error is told to those who wait; if nobody does any more, it is of no interest.
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
