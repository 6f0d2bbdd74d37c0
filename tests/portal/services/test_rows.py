"""Pages of rows that were found, and how many there are."""

from __future__ import annotations

from typing import Any

import pytest

from portal.server.models.results import PageRequest, SortKey
from portal.server.models.search import Among, Ask, Between, Energy, Search, TimeSpan
from portal.server.services import api, asked, pages
from portal.server.services.errors import (
    AnswerError,
    AskError,
    ImpossibleError,
    QueryRefusedError,
    TooManyRowsError,
)
from tests.portal.services import worlds
from tests.portal.services.asking import OWN, rows

pytestmark = pytest.mark.anyio


async def walked(
    found: asked.Asked, sort: list[SortKey], limit: int, columns: list[str] | None = None
) -> list[Any]:
    collected: list[Any] = []
    while True:
        request = PageRequest(sort=sort, offset=len(collected), limit=limit, columns=columns)
        page = await pages.page(found, request)
        if not page.rows:
            return collected
        assert not page.overflow
        collected += page.rows


@pytest.mark.parametrize("key", ["target_name", "calib_level", "t_min", "s_ra"])
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("world", ["full", "plain"])
async def test_pages_together_are_the_whole_answer(
    world: str, key: str, descending: bool, request: pytest.FixtureRequest
) -> None:
    found = await rows(request.getfixturevalue(world))
    collected = await walked(found, [SortKey(column=key, descending=descending)], 7, [key])
    dids = [row[1] for row in collected]
    assert len(dids) == len(set(dids)) == worlds.COUNT
    values = [row[0] for row in collected if row[0] is not None]
    assert values == sorted(values, reverse=descending)


async def test_pages_of_own_adql_without_identifiers(full: Any) -> None:
    found = await rows(full, adql="SELECT calib_level, data_rights FROM ivoa.obscore")
    collected = await walked(found, [SortKey(column="data_rights")], 9)
    assert len(collected) == worlds.COUNT
    assert collected == sorted(collected, key=lambda row: (row[1], row[0]))


async def test_a_page_has_its_columns(full: Any) -> None:
    found = await rows(full)
    page = await pages.page(found, PageRequest(columns=["T_MIN", "ev_xel"], limit=2))
    assert [c.name for c in page.columns] == ["t_min", "ev_xel", "obs_publisher_did"]
    assert page.key_column == "obs_publisher_did"
    assert page.adql == (
        "SELECT TOP 2 t_min, ev_xel, obs_publisher_did\n"
        "FROM (\nSELECT TOP 2 t_min, obs_publisher_did, access_format\n"
        "FROM ivoa.obscore\nORDER BY obs_publisher_did, access_format\n"
        ") AS q NATURAL LEFT OUTER JOIN ivoa.obscore_hea\nORDER BY obs_publisher_did, access_format"
    )
    assert page.columns[0].unit == "d"
    principal = await pages.page(found, PageRequest(limit=1))
    assert "dataproduct_subtype" not in [c.name for c in principal.columns]
    alone = await pages.page(found, PageRequest(columns=["t_min"], limit=2))
    assert "obscore_hea" not in alone.adql


async def test_rows_without_the_extension_are_not_lost(full: Any) -> None:
    found = await rows(full)
    collected = await walked(found, [], 50, ["ev_xel"])
    assert len(collected) == worlds.COUNT == (await asked.count(found)).count
    assert [row[0] for row in collected].count(None) == worlds.COUNT // 10


@pytest.mark.parametrize(
    ("sort", "search"),
    [
        ([SortKey(column="t_min")], Search()),
        ([SortKey(column="ev_xel", descending=True)], Search()),
        ([], Search(energy=Energy(low=1, high=1e12))),
        ([SortKey(column="t_min")], Search(energy=Energy(low=1), time=TimeSpan(start=53010))),
    ],
)
async def test_joins_are_walked_whole(full: Any, sort: list[SortKey], search: Search) -> None:
    found = await rows(full, search)
    collected = await walked(found, sort, 8, ["t_min", "ev_xel", "s_region"])
    dids = [row[-1] for row in collected]
    assert len(dids) == len(set(dids)) == (await asked.count(found)).count > 0
    if sort:
        place = 0 if sort[0].column == "t_min" else 1
        values = [row[place] for row in collected if row[place] is not None]
        assert values == sorted(values, reverse=sort[0].descending)


async def test_columns_that_are_not_there(full: Any) -> None:
    found = await rows(full)
    with pytest.raises(AskError, match="no column 'x; DROP' in the table"):
        await pages.page(found, PageRequest(columns=["x; DROP"]))
    with pytest.raises(AskError, match="no column 'nono'"):
        await pages.page(found, PageRequest(sort=[SortKey(column="nono")]))
    with pytest.raises(AskError, match="cannot be sorted by s_region"):
        await pages.page(found, PageRequest(sort=[SortKey(column="s_region")]))


async def test_a_service_that_cuts_pages_says_so() -> None:
    tap = worlds.plain(hard_limit=5)
    context = worlds.context(tap)
    tap.hard_limit = 100
    found = await asked.searched(context, context.settings.services[0], Search())
    tap.hard_limit = 5
    page = await pages.page(found, PageRequest(limit=20))
    assert page.overflow and len(page.rows) == 5
    whole = await pages.page(found, PageRequest(limit=5))
    assert not whole.overflow


async def test_times_of_another_scale_are_given_in_tt(plain: Any) -> None:
    page = await pages.page(await rows(plain), PageRequest(columns=["t_min", "s_ra"], limit=1))
    assert page.rows[0][0] == pytest.approx(53000 + 64.184 / 86400, abs=1e-9)
    assert page.rows[0][1] == 83.6


async def test_pages_that_the_service_never_reaches_say_so(plain: Any) -> None:
    found = await rows(plain)
    plain.tap.hard_limit = 50
    page = await pages.page(found, PageRequest(offset=48, limit=5))
    assert page.overflow and len(page.rows) == 2


async def test_far_pages_without_offset_are_refused(plain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MOST_SKIPPED", 20)
    found = await rows(plain)
    with pytest.raises(TooManyRowsError, match="after the first 20"):
        await pages.page(found, PageRequest(offset=15, limit=10))


async def test_counts(full: Any) -> None:
    assert (await asked.count(await rows(full))).count == worlds.COUNT
    energy = Search(energy=Energy(high=1e11))
    assert (await asked.count(await rows(full, energy))).count == 18
    assert (await asked.count(await rows(full, adql=OWN))).count == 40
    counted = await api.count(full.context, "own", OWN)
    assert counted.count == 40 and "COUNT(*)" in counted.adql
    assert await api.release(full.context, "own") is None


async def test_a_number_is_good_for_some_seconds(full: Any) -> None:
    found = await rows(full)
    assert (await asked.recent_count(found)).count == worlds.COUNT
    before = len(full.tap.queries)
    assert (await asked.recent_count(found)).count == worlds.COUNT
    assert len(full.tap.queries) == before


async def test_counts_where_queries_are_not_nested() -> None:
    context = worlds.context(worlds.full(subqueries=False))
    service = context.settings.services[0]
    counted = await asked.count(await asked.own(context, service, OWN))
    assert (counted.count, counted.adql) == (40, OWN)
    context.settings.overview_rows = 10
    with pytest.raises(TooManyRowsError, match="more than 10"):
        await asked.count(await asked.own(context, service, OWN))
    with pytest.raises(QueryRefusedError, match="Subqueries are not known"):
        await pages.page(await asked.own(context, service, OWN), PageRequest())


async def test_an_answer_that_is_no_number(full: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await rows(full)
    monkeypatch.setattr(full.tap, "translated", lambda adql: "SELECT 'many' AS n")
    with pytest.raises(AnswerError, match="with a number"):
        await asked.count(found)


async def test_questions_that_make_no_sense(full: Any) -> None:
    with pytest.raises(AskError, match="not both"):
        await asked.asked(full.context, full.service, Ask())
    with pytest.raises(AskError, match="not both"):
        await asked.asked(full.context, full.service, Ask(search=Search(), adql=OWN))
    with pytest.raises(QueryRefusedError, match="no such column: nono"):
        await rows(full, adql="SELECT nono FROM ivoa.obscore")
    with pytest.raises(ImpossibleError, match="no column zen_pnt"):
        await rows(full, Search(conditions=[Among(field="zenith", values=["1"])]))


async def test_conditions_on_the_extension_choose_identifiers(full: Any) -> None:
    search = Search(
        time=TimeSpan(start=53000.0), energy=Energy(low=1e11), conditions=[Between(field="events", low=100)]
    )
    found = await rows(full, search)
    page = await pages.page(found, PageRequest(columns=["t_min"], limit=3))
    assert "JOIN" not in page.adql
    assert page.adql.count("obs_publisher_did IN (SELECT obs_publisher_did FROM ivoa.obscore_hea WHERE ") == 1
    assert "ev_xel" in page.adql and "t_max >= " in page.adql
    collected = await walked(found, [SortKey(column="t_min")], 7, ["ev_xel"])
    assert len(collected) == (await asked.count(found)).count > 7
    by_extension = await pages.page(found, PageRequest(sort=[SortKey(column="ev_xel")], limit=3))
    assert " IN (SELECT" not in by_extension.adql and "NATURAL JOIN" in by_extension.adql
