"""A running instance: asked as the explorer does, and by pyVO without it."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pyvo

from portal.server.models.results import PageRequest, SortKey
from portal.server.models.search import Search
from portal.server.services import asked, capabilities, pages
from portal.server.services.known import Known
from tests.portal.services import worlds

INSTANCE = os.environ.get("CHERENKOV_VO_TEST_INSTANCE")
KEPT = worlds.Redis()
JOIN = "ivoa.obscore+ivoa.obscore_hea"


@cache
def url() -> str:
    assert INSTANCE is not None
    return str(json.loads(Path(INSTANCE).read_text(encoding="utf-8"))["url"]) + "/tap"


@cache
def service() -> pyvo.dal.TAPService:
    return pyvo.dal.TAPService(url())


def direct(adql: str) -> list[dict[str, Any]]:
    """Ask by pyVO, without the explorer."""
    result = service().run_sync(adql, maxrec=100_000)
    names = result.fieldnames
    return [{name: plain(record[name]) for name in names} for record in result]


def plain(value: Any) -> Any:
    if value is None or str(value) in {"--", "nan", ""}:
        return None
    return value.item() if hasattr(value, "item") else value


def dids(condition: str, table: str) -> Counter[str]:
    source = {JOIN: "ivoa.obscore NATURAL JOIN ivoa.obscore_hea"}.get(table, table)
    return Counter(
        row["obs_publisher_did"]
        for row in direct(f"SELECT obs_publisher_did FROM {source} WHERE {condition}")
    )


def inside(work: Callable[[Any, Any], Awaitable[Any]]) -> Any:
    """Work with the server's context around the instance."""

    async def run() -> Any:
        context = worlds.context(lambda request: httpx.Response(500))
        context.settings.services[0].url = url()
        context.settings.tap_timeout, context.redis = 60, KEPT
        async with httpx.AsyncClient() as client:
            context.http = client
            return await work(context, context.settings.services[0])

    return asyncio.run(run())


async def all_rows(
    rows: asked.Asked, sort: list[SortKey], limit: int = 50, columns: list[str] | None = None
) -> list[Any]:
    """Leaf through all pages."""
    found: list[Any] = []
    while True:
        page = await pages.page(
            rows, PageRequest(sort=sort, offset=len(found), limit=limit, columns=columns or ["obs_id"])
        )
        assert not page.overflow
        found += page.rows
        if len(page.rows) < limit:
            return found


def found_by(search: Search) -> Counter[str]:
    async def work(context: Any, own: Any) -> Counter[str]:
        rows = await asked.searched(context, own, search)
        found = await all_rows(rows, [], 200)
        assert len(found) == (await asked.count(rows)).count
        return Counter(row[-1] for row in found)

    result: Counter[str] = inside(work)
    return result


@cache
def known(table: str) -> Known:
    async def work(context: Any, own: Any) -> Known:
        return await capabilities.known(context, own, table)

    result: Known = inside(work)
    return result


def value_of(table: str, column: str, is_text: bool) -> Any:
    source = {JOIN: "ivoa.obscore NATURAL JOIN ivoa.obscore_hea"}.get(table, table)
    adql = f"SELECT TOP 500 {column} AS v FROM {source} WHERE {column} IS NOT NULL ORDER BY {column}"
    rows = direct(adql)
    values = [row["v"] for row in rows if row["v"] is not None and (not is_text or str(row["v"]).strip())]
    return values[len(values) // 2] if values else None
