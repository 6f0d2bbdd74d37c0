"""Which requests are made of endpoints and payloads: each endpoint gets all kinds, chosen by a fixed seed."""

from __future__ import annotations

import random
import urllib.parse
from collections.abc import Iterator, Sequence

from tests.live.hostile import payloads
from tests.live.hostile.client import Probe
from tests.live.hostile.endpoints import ALWAYS, Endpoint
from tests.thorough import thorough

SEED = 20261128
METHODS = ("GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "NOSUCH")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def plain(endpoints: Sequence[Endpoint]) -> Iterator[Probe]:
    """Ask every endpoint for nothing in particular with several methods, and with values that are no text."""
    methods = sorted(set(METHODS), key=lambda method: (method not in ("GET", "HEAD"), method))
    some = methods[: thorough(2, len(methods))]
    yield from (Probe(endpoint.path, method) for endpoint in endpoints for method in some)
    for endpoint in endpoints:
        names = [*endpoint.parameters, "REQUEST", "RESPONSEFORMAT", "ID"]
        yield Probe(f"{endpoint.path}?{'&'.join(f'{urllib.parse.quote(name)}=%ED%A0%80' for name in names)}")


def _query(chosen: random.Random, names: Sequence[str]) -> str:
    parts = []
    for name in names:
        if chosen.random() < 0.08:
            parts.append(f"{urllib.parse.quote(name)}={chosen.choice(payloads.BYTES).decode('ascii')}")
        else:
            value = chosen.choice(payloads.VALUES).encode("utf-8", "surrogatepass")
            parts.append(f"{urllib.parse.quote(name)}={urllib.parse.quote(value)}")
    return "&".join(parts)


def hostile(endpoints: Sequence[Endpoint], rounds: int) -> Iterator[Probe]:
    """Ask each endpoint `rounds` times, each time with some parameters and values from all that there are."""
    chosen = random.Random(SEED)
    for _ in range(rounds):
        for endpoint in endpoints:
            names = [*endpoint.parameters, chosen.choice(ALWAYS)]
            some = chosen.sample(names, chosen.randint(1, min(3, len(names))))
            path = endpoint.path
            if chosen.random() < 0.15:
                path += "/" + urllib.parse.quote(
                    chosen.choice((*payloads.TRAVERSALS, *payloads.MARKUPS, *payloads.HEADERS)), safe="/%"
                )
            method, query = chosen.choice(METHODS), _query(chosen, some)
            if method in ("POST", "PUT") and chosen.random() < 0.7:
                yield Probe(path, method, FORM, query.encode("ascii", "replace"))
            else:
                yield Probe(f"{path}?{query}", method)


def each_parameter(endpoints: Sequence[Endpoint], rounds: int) -> Iterator[Probe]:
    """Give each parameter of each endpoint `rounds` of the values, alone."""
    chosen = random.Random(SEED + 1)
    for endpoint in endpoints:
        for name in endpoint.parameters:
            for _ in range(rounds):
                yield Probe(f"{endpoint.path}?{_query(chosen, [name])}")


def traversals(endpoints: Sequence[Endpoint], number: int) -> Iterator[Probe]:
    """Try to leave the directories of whatever takes further segments."""
    chosen = random.Random(SEED + 2)
    for endpoint in endpoints:
        for way in chosen.sample(payloads.TRAVERSALS, min(number, len(payloads.TRAVERSALS))):
            yield Probe(f"{endpoint.path}/{way}")
