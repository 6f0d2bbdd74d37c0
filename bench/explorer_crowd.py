"""Many people at the explorer at once, each answer checked: a program of ``bench/explorer.py``.

Reads where the instance is, how many people come, for how long, and what they will find, as JSON; prints the
seconds of all activities and what went wrong as JSON. Everybody has a session and thinks between activities;
one in four is logged in, and has a basket in the database.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import traceback
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from bench import explorer_activities as activities
from bench.explorer_activities import Person

THINKING = 5.0
"""Mean of the seconds between two activities of a person."""

LOGGED_IN = 4
"""One person of so many is logged in."""

Activity = Callable[[Person], Awaitable[None]]
ACTIVITIES: dict[str, tuple[int, Activity]] = {
    "opens the form": (4, activities.form),
    "has the form count": (8, activities.counts),
    "searches (count and page)": (8, activities.searches),
    "searches, with map and plots": (2, activities.looks),
    "looks at a page far down": (2, activities.pages),
    "looks at all there is, with map and plots": (1, activities.everything),
    "opens links": (6, activities.links),
    "saves a table": (2, activities.exports),
    "gets a script": (2, activities.script),
    "gets an archive of runs": (1, activities.bundle),
    "fills a basket": (6, activities.basket),
}
"""What people do, and how often."""


class Book:
    """What came of it."""

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = defaultdict(list)
        self.errors: list[str] = []


async def _live(person: Person, until: float, book: Book) -> None:
    """Do one thing after the other, thinking between them."""
    names = [name for name in ACTIVITIES if person.is_known or name != "fills a basket"]
    weights = [ACTIVITIES[name][0] for name in names]
    await asyncio.sleep(person.chance.uniform(0, THINKING))
    while time.monotonic() < until:
        name = person.chance.choices(names, weights)[0]
        begun = time.perf_counter()
        try:
            await ACTIVITIES[name][1](person)
            book.times[name].append(time.perf_counter() - begun)
        except Exception as error:  # whatever it is, somebody would have seen it
            place = traceback.extract_tb(error.__traceback__)[-1]
            book.errors.append(f"{name}: {error!r:.300} ({place.name}, line {place.lineno})")
        await asyncio.sleep(person.chance.expovariate(1 / THINKING))


async def crowd(told: dict[str, Any]) -> dict[str, Any]:
    """Let people come, and stay for some time.

    Parameters
    ----------
    told
        ``url``, ``users``, ``seconds``, ``rows`` of the service, and ``runs`` that have files.

    Returns
    -------
    dict
        ``times`` by activity, ``errors``, and how many ``requests`` and ``activities`` there were.
    """
    book, people = Book(), []
    limits = httpx.Limits(max_connections=6, max_keepalive_connections=6)  # as browsers do
    for number in range(told["users"]):
        client = httpx.AsyncClient(timeout=120, trust_env=False, limits=limits, follow_redirects=True)
        person = Person(client, random.Random(number), told)
        people.append(person)
        await person.come(logs_in=number % LOGGED_IN == 0)
    before = sum(person.requests for person in people)
    start = time.monotonic()
    await asyncio.gather(*(_live(person, start + told["seconds"], book) for person in people))
    taken = time.monotonic() - start
    requests = sum(person.requests for person in people) - before
    for person in people:
        await person.leave()
    return {
        "times": book.times,
        "errors": book.errors,
        "activities": sum(map(len, book.times.values())) + len(book.errors),
        "requests": requests,
        "seconds": taken,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(crowd(json.load(sys.stdin)))))
