"""What people do at the explorer, as its pages ask for it, and what the answers have to be."""

from __future__ import annotations

import asyncio
import csv
import io
import tarfile
from itertools import pairwise
from random import Random
from typing import Any

import httpx

from bench.explorer_searches import COLUMNS, LIMIT, cone, energy, year

KEY = COLUMNS[0]
FIELDS = ("dataproduct_type", "obs_collection", "instrument_name", "target_class")
USERS = ("anna", "ben")
SMALL = 0.1
"""Radius in degrees of a search around a run that has files."""


class Person:
    """Somebody with a browser.

    Parameters
    ----------
    client
        Asks the server.
    chance
        Decides what is asked.
    world
        The instance's ``url``, the ``rows`` of its service, and ``runs`` that have files.
    """

    def __init__(self, client: httpx.AsyncClient, chance: Random, world: dict[str, Any]) -> None:
        self.client, self.chance, self.world = client, chance, world
        self.root = f"{world['url']}/explorer"
        self.word = ""
        self.is_known = False
        self.requests = 0

    async def come(self, *, logs_in: bool) -> None:
        """Get a session; log in, if that is wanted."""
        if logs_in:
            shown = await self.client.get(f"{self.root}/auth/login", params={"next": "/"})
            back = await self.client.post(shown.url, data={"user": self.chance.choice(USERS)})
            assert back.is_success and str(back.url).startswith(self.root), f"login ends at {back.url}"
        me = await self.get("/api/me")
        self.word, self.is_known = me["csrf"], me["user"] is not None
        assert self.is_known == logs_in, "a login that holds"

    async def leave(self) -> None:
        """Close the browser."""
        await self.client.aclose()

    async def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask, and have an answer that is none of an error."""
        self.requests += 1
        headers = {"X-CSRF-Token": self.word}
        reply = await self.client.request(method, self.root + path, headers=headers, **more)
        assert reply.is_success, f"{method} {path}: status {reply.status_code}, {reply.text[:200]}"
        return reply

    async def get(self, path: str, **params: Any) -> Any:
        """Get something as JSON."""
        return (await self.request("GET", path, params=params)).json()

    async def post(self, path: str, body: Any) -> Any:
        """Send something, and get something as JSON."""
        return (await self.request("POST", path, json=body)).json()

    async def own(self, what: str, body: Any) -> Any:
        """Ask about rows of the archive."""
        return await self.post(f"/api/services/own/{what}", body)

    def run(self) -> dict[str, Any]:
        """Draw a run that has files."""
        found: dict[str, Any] = self.chance.choice(self.world["runs"])
        return found

    def search(self) -> dict[str, Any]:
        """Draw something to search for."""
        near = cone(self.chance, self.chance.choice([1.0, 2.0, 5.0]))
        other = self.chance.choice([year, energy])(self.chance)
        return self.chance.choice([near, near | other, near | other, year(self.chance)])

    def items(self) -> list[dict[str, Any]]:
        """Draw some runs for a basket, none of them twice."""
        chosen = self.chance.sample(self.world["runs"], 2)
        return [{"service": "own", "did": run["did"], "label": "a run"} for run in chosen]


def _page(search: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"search": search, "sort": [], "offset": 0, "limit": LIMIT, "columns": COLUMNS, **changes}


def _cells(page: dict[str, Any], name: str) -> list[Any]:
    """Give the values of a page's column."""
    at = [column["name"] for column in page["columns"]].index(name)
    return [row[at] for row in page["rows"]]


async def form(person: Person) -> None:
    """Open the search page: the page itself, what the service can, values of a column, targets."""
    page = await person.request("GET", "/search")
    assert '<div id="root">' in page.text, "a page"
    config, known, choices, targets = await asyncio.gather(
        person.get("/api/config"),
        person.get("/api/services/own/capabilities"),
        person.get(f"/api/services/own/choices/{person.chance.choice(FIELDS)}"),
        person.get("/api/services/own/targets"),
    )
    assert config["default_service"] == "own"
    assert {"cone", "time"} <= {one["key"] for one in known["features"] if one["state"]["available"]}
    assert choices["values"] is not None
    name = person.chance.choice(targets["values"])["name"]
    offered = await person.get("/api/services/own/targets", q=name[:6])
    assert any(one["name"].startswith(name[:6]) for one in offered["values"]), "a target is offered"


async def counts(person: Person) -> None:
    """Type a search: its ADQL and its count, with one condition more."""
    search = cone(person.chance)
    wide = await person.own("count", {"search": search})
    written = await person.own("adql", search | year(person.chance))
    assert "CIRCLE" in written["adql"] and not written["impossible"]
    narrow = await person.own("count", {"search": search | year(person.chance)})
    assert 0 <= narrow["count"] <= wide["count"], "a condition more finds no more"


async def searches(person: Person) -> None:
    """Search: the count and the first page, which agree."""
    search = person.search()
    counted, page = await asyncio.gather(
        person.own("count", {"search": search}), person.own("page", _page(search))
    )
    _agree(counted, page)


async def looks(person: Person) -> None:
    """Search around a place, with map and plots."""
    search = cone(person.chance)
    counted, page, overview = await asyncio.gather(
        person.own("count", {"search": search}),
        person.own("page", _page(search)),
        person.own("overview", {"search": search}),
    )
    _agree(counted, page)
    assert overview["total"] == counted["count"] and len(overview["rows"]) == min(counted["count"], 10_000)


def _agree(counted: dict[str, Any], page: dict[str, Any]) -> None:
    keys = _cells(page, KEY)
    assert len(keys) == min(counted["count"], LIMIT), f"{len(keys)} rows of {counted['count']}"
    assert keys == sorted(keys), "in order"
    assert not page["overflow"]


async def pages(person: Person) -> None:
    """Look at two pages far down, sorted by time: the later one goes on where the other ends."""
    last = person.world["rows"] - 2 * LIMIT
    offset = person.chance.randrange(0, last // 2)
    sort = [{"column": "t_min", "descending": False}]
    first, second = [
        await person.own("page", _page({}, sort=sort, offset=offset + part * LIMIT)) for part in (0, 1)
    ]
    times = [*_cells(first, "t_min"), *_cells(second, "t_min")]
    assert all(early <= late for early, late in pairwise(times)), "in order"
    keys = list(zip(_cells(first, KEY) + _cells(second, KEY), times, strict=True))
    assert len(set(keys)) == 2 * LIMIT, "no row twice"


async def everything(person: Person) -> None:
    """Look at all rows; map and plots have as many as they can show."""
    counted, overview = await asyncio.gather(
        person.own("count", {"search": {}}), person.own("overview", {"search": {}})
    )
    assert counted["count"] == overview["total"] == person.world["rows"]
    assert overview["truncated"] == (len(overview["rows"]) < overview["total"])


async def links(person: Person) -> None:
    """Open the links of a run."""
    did = person.run()["did"]
    found = await person.get("/api/services/own/links", id=did)
    groups = {group["semantics"]: group["links"] for group in found["groups"]}
    assert found["id"] == did and groups["#this"][0]["access_url"], "a link to the file"
    assert not [link for group in groups.values() for link in group if link["error"]]


async def exports(person: Person) -> None:
    """Save a table: it has as many rows as were counted."""
    search = cone(person.chance)
    counted = await person.own("count", {"search": search})
    body = {"search": search, "format": "csv", "columns": COLUMNS, "sort": []}
    reply = await person.request("POST", "/api/services/own/export", json=body)
    lines = list(csv.reader(io.StringIO(reply.text)))
    assert len(lines) - 1 == int(reply.headers["X-Rows"]) == counted["count"], f"{len(lines)} lines"


async def script(person: Person) -> None:
    """Get a script for a basket that only the browser has."""
    items = person.items()
    found = await person.post("/api/script", {"items": items})
    assert all(item["did"] in found["text"] for item in items)


async def bundle(person: Person) -> None:
    """Get an archive of two runs."""
    reply = await person.request("POST", "/api/bundle", json={"items": person.items()})
    with tarfile.open(fileobj=io.BytesIO(reply.content)) as archive:
        names = archive.getnames()
    assert sum(".fits" in name for name in names) > 2, names


async def basket(person: Person) -> None:
    """Make a basket, put runs in, take one out, and delete it."""
    made = await person.post("/api/baskets", {"name": "of the crowd"})
    place = f"/api/baskets/{made['id']}"
    items = person.items()
    filled = await person.post(f"{place}/items", {"items": items})
    assert {item["did"] for item in filled["items"]} == {item["did"] for item in items}
    left = await person.post(f"{place}/items/remove", {"keys": [["own", items[0]["did"]]]})
    assert [item["did"] for item in left["items"]] == [items[1]["did"]]
    assert made["id"] in [one["id"] for one in await person.get("/api/baskets")]
    await person.request("DELETE", place)
