"""A client that sends what proper ones do not: paths as they are, odd headers, many requests at once."""

from __future__ import annotations

import http.client
import urllib.parse
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from tests.live.conftest import Answer

LONGEST = 1 << 20
"""Bytes of an answer that are looked at."""

AT_ONCE = 12

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Probe:
    """One request.

    Attributes
    ----------
    path
        Path and query, as they are sent.
    """

    path: str
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None

    @property
    def sent(self) -> str:
        """All that the server may repeat, in the ways in which it may be encoded."""
        text = self.path + (self.body or b"").decode("latin-1") + str(self.headers)
        return text + urllib.parse.unquote(text) + urllib.parse.unquote_plus(text)


def send(url: str, probe: Probe) -> Answer:
    """Send a request; gives the answer, redirections too."""
    place = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    try:
        connection.putrequest(
            probe.method,
            urllib.parse.quote(probe.path, safe="/?&=%+;,:@()*!~'$-._\\\"<>[]{}|^`#"),
            skip_host=True,
        )
        for name, value in {"Host": place.netloc, "Connection": "close", **probe.headers}.items():
            connection.putheader(name, value)
        if probe.body is not None:
            connection.putheader("Content-Length", str(len(probe.body)))
        connection.endheaders(probe.body)
        reply = connection.getresponse()
        return Answer(reply.status, reply.headers, reply.read(LONGEST))
    except (http.client.HTTPException, OSError) as error:
        return Answer(599, http.client.HTTPMessage(), f"no answer: {error!r}".encode())
    finally:
        connection.close()


def all_at_once(function: Callable[[T], R], items: Iterable[T], workers: int = AT_ONCE) -> list[R]:
    """Do something for many items, some at once."""
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(function, items))
