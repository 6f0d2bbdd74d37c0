"""What map and plots get of all rows that were found."""

from __future__ import annotations

from typing import Any

import pytest

from portal.server.models.search import Search, TimeSpan
from portal.server.services import choices, overview
from portal.server.services.errors import AskError, QueryRefusedError
from tests.portal.services import worlds
from tests.portal.services.asking import OWN, rows

pytestmark = pytest.mark.anyio


async def test_an_overview_has_what_map_and_plots_need(full: Any) -> None:
    seen = await overview.overview(await rows(full, Search(table="sim.obscore")))
    assert seen.total == len(seen.rows) == worlds.COUNT and not seen.truncated
    first, seventh, second = seen.rows[0], seen.rows[7], seen.rows[1]
    assert (first.did, first.obs_id, first.product) == ("ivo://example/~?000", "20000", "event-list")
    assert first.region is not None and first.region.points == [83.6, -60.0, 2.5]
    assert (first.target_dec, first.zenith, first.livetime, first.events) == (-60.5, 10.0, 1000.0, 0)
    assert first.size == 100_000, "ObsCore has kbyte"
    assert first.intervals is not None and len(first.intervals) == 1
    start, end = first.intervals[0]
    assert end - start == pytest.approx(1.25 * 2**30 / 86400e6, abs=1e-9)
    assert second.intervals is not None and seen.rows[2].intervals is None
    # Neither region nor position; and a region that is made of the diameter s_fov.
    assert seventh.ra is None and seventh.region is None
    assert seen.rows[17].region is not None and seen.rows[17].region.points[2] == 2.5
    assert seen.moc is not None and seen.moc.startswith("{")


async def test_targets_are_where_another_table_says(full: Any, plain: Any) -> None:
    seen = await overview.overview(await rows(full, Search(table="ivoa.obscore")))
    told = {row.target_name: (row.target_ra, row.target_dec) for row in seen.rows if row.ra is not None}
    assert {row.target_ra for row in seen.rows if row.ra is None} == {None}
    by_name = {
        target.name: (target.ra, target.dec) for target in await choices.placed(full.context, full.service)
    }
    assert told == {name: by_name.get(name, (None, None)) for name in told} and by_name
    # Nobody says it, and the mean of pointings is no target.
    seen = await overview.overview(await rows(plain, Search()))
    assert {row.target_ra for row in seen.rows} == {None}


async def test_a_document_of_links_says_nothing_of_the_datas_size(full: Any) -> None:
    full.tap.db.execute(
        "UPDATE sim.obscore SET access_format = 'application/x-votable+xml;content=datalink' "
        "WHERE obs_publisher_did = 'ivo://example/~?001'"
    )
    seen = await overview.overview(await rows(full, Search(table="sim.obscore")))
    assert [row.size for row in seen.rows[:3]] == [100_000, None, 102_000]


async def test_an_overview_of_plain_obscore(plain: Any) -> None:
    seen = await overview.overview(await rows(plain, Search(time=TimeSpan(end=53005))))
    assert not seen.truncated and len(seen.rows) == seen.total == 10
    assert seen.rows[0].energy_min == pytest.approx(1e11)
    assert seen.rows[0].energy_max == pytest.approx(1e14)
    assert seen.rows[0].t_min == pytest.approx(53000 + 64.184 / 86400, abs=1e-9)
    assert seen.rows[0].intervals is None and seen.rows[0].events is None
    assert seen.rows[0].livetime == 1000.0


async def test_an_overview_that_is_cut_says_so(full: Any) -> None:
    full.context.settings.overview_rows = 10
    seen = await overview.overview(await rows(full))
    assert (len(seen.rows), seen.total, seen.truncated) == (10, worlds.COUNT, True)


async def test_an_overview_of_own_adql(full: Any) -> None:
    seen = await overview.overview(await rows(full, adql=OWN))
    assert len(seen.rows) == 40 and seen.rows[0].energy_min is None and seen.moc is None
    with pytest.raises(AskError, match="no column obs_publisher_did") as caught:
        await overview.overview(await rows(full, adql="SELECT s_ra FROM ivoa.obscore"))
    assert caught.value.code == "no_identifier"


async def test_an_overviews_error_is_the_services(full: Any) -> None:
    found = await rows(full)
    full.tap.db.execute("DROP TABLE ivoa.obscore")
    with pytest.raises(QueryRefusedError, match="no such table"):
        await overview.overview(found)
