"""How often one may ask: bounds by kind of request, for sessions and for addresses, kept in Redis."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from portal.server.errors import TooManyError

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from portal.server.settings import Settings

# Requests a minute of one session.
KINDS = {"read": 600, "query": 300, "change": 300, "login": 30, "download": 30, "job": 30, "session": 20}
WINDOW = 60.0

# The bucket is full after a minute without requests. Answers the seconds to wait, as text; 0 for none.
_TAKE = """
local now = tonumber(ARGV[1])
local step = tonumber(ARGV[2])
local window = tonumber(ARGV[3])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + step
if due - now > window then
  return tostring(due - now - window)
end
redis.call('SET', KEYS[1], string.format('%.6f', due), 'PX', math.ceil((due - now) * 1000))
return '0'
"""


def kind_of(method: str, path: str) -> str | None:
    """Tell the kind of a request.

    Parameters
    ----------
    method
        The HTTP method.
    path
        The path below the explorer's root.

    Returns
    -------
    str | None
        One of KINDS; None for pages and for operators, who are not held up.
    """
    if not path.startswith(("/api/", "/auth/")):
        return None
    last = path.rstrip("/").rpartition("/")[2]
    if path.startswith("/auth/"):
        kind = "login"
    elif last in {"bundle", "export"} or "/results/" in path:
        kind = "download"
    elif method in {"GET", "HEAD", "OPTIONS"}:
        kind = "read"
    elif path.startswith("/api/jobs"):
        kind = "job"
    else:
        kind = "query" if path.startswith("/api/services/") or last in {"resolve", "run"} else "change"
    return kind


class Limiter:
    """Counts requests, and refuses those that are too many.

    Parameters
    ----------
    redis
        Where the counts are.
    settings
        The bounds.
    """

    def __init__(self, redis: Redis[bytes], settings: Settings) -> None:
        self._take = redis.register_script(_TAKE)
        self._rates = KINDS | settings.limits
        self._factor = settings.address_factor

    async def check(self, kind: str, session: str | None, address: str) -> None:
        """Count a request.

        Parameters
        ----------
        kind
            Its kind.
        session
            Name of its session, if it has one.
        address
            Where it comes from.

        Raises
        ------
        TooManyError
            If there were too many of that kind.
        """
        rate = self._rates[kind]
        shared = hashlib.sha256(address.encode()).hexdigest()[:32]
        counted = [(f"portal:limit:{kind}:a:{shared}", rate * self._factor)]
        if session is not None:
            counted.append((f"portal:limit:{kind}:s:{session[:32]}", rate))
        for key, allowed in counted:
            answer = await self._take(keys=[key], args=[time.time(), WINDOW / allowed, WINDOW])
            wait = float(answer)
            if wait > 0:
                raise TooManyError(
                    f"Too many requests of the kind '{kind}': {allowed} a minute are allowed. "
                    f"Try again in {max(1, round(wait + 0.5))} s.",
                    detail={"kind": kind, "per_minute": allowed},
                    retry_after=wait,
                )
