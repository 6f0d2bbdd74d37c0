from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow.parquet as pq
import pytest
from astropy.io.votable import parse
from astropy.table import Table

from portal.server.models.results import ExportRequest, PageRequest, SortKey
from portal.server.models.search import Among, Ask, Between, Cone, Energy, Position, Search, TimeSpan
from portal.server.services import api, asked, choices, exports, overview, pages
from portal.server.services.errors import (
    AnswerError,
    AskError,
    ChangedError,
    ImpossibleError,
    QueryRefusedError,
    TooManyRowsError,
)
from tests.portal.services import worlds

pytestmark = pytest.mark.anyio

OWN = "SELECT obs_publisher_did, target_name, t_min, s_ra FROM ivoa.obscore WHERE calib_level > 0"


async def rows(world: Any, search: Search | None = None, adql: str | None = None) -> asked.Asked:
    ask = Ask(search=search, adql=adql) if adql or search else Ask(search=Search())
    return await asked.asked(world.context, world.service, ask)


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


async def exported(found: asked.Asked, request: ExportRequest) -> tuple[bytes, exports.Export]:
    made = await exports.export(found, request)
    return b"".join([part async for part in made.content]), made


async def votable(found: asked.Asked, **request: Any) -> Any:
    content, made = await exported(found, ExportRequest(format="votable", **request))
    return parse(io.BytesIO(content)), made


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PIECE", 11)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("sort", [[], [SortKey(column="target_name", descending=True)]])
async def test_votable_has_all_rows_and_what_is_told_of_columns(full: Any, sort: list[SortKey]) -> None:
    found = await rows(full, Search(table="sim.obscore"))
    document, made = await votable(found, sort=sort)
    table = document.get_first_table()
    dids = [str(did) for did in table.array["obs_publisher_did"]]
    assert len(dids) == len(set(dids)) == worlds.COUNT == made.rows and not made.truncated
    if not sort:
        assert dids == sorted(dids)
    ra = next(f for f in table.fields if f.name == "s_ra")
    assert (str(ra.unit), ra.ucd, ra.description) == ("deg", "pos.eq.ra", "Where it pointed, <ICRS> & so on.")
    assert document.resources[0].time_systems[0].timescale == "TT"
    assert next(f for f in table.fields if f.name == "t_min").ref == document.resources[0].time_systems[0].ID
    assert [r.utype for r in document.resources] == [None, "adhoc:service"]
    assert table.array.mask["s_ra"].sum() == 1
    assert [i.value for i in document.resources[0].infos if i.name == "QUERY_STATUS"] == ["OK"]


@pytest.mark.usefixtures("small_pieces")
async def test_votable_says_that_it_is_cut(full: Any) -> None:
    full.context.settings.export_rows = 25
    document, made = await votable(await rows(full))
    assert made.truncated and made.rows == 25 == len(document.get_first_table().array)
    statuses = [i.value for i in document.resources[0].infos if i.name == "QUERY_STATUS"]
    assert statuses[-1] == "OVERFLOW"
    for name in ("csv", "ecsv", "parquet"):
        with pytest.raises(TooManyRowsError, match="60 rows, but at most 25") as caught:
            await exported(await rows(full), ExportRequest(format=name))  # type: ignore[arg-type]
        assert caught.value.detail == {"count": 60, "export_rows": 25}


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("world", ["full", "plain"])
async def test_csv(world: str, request: pytest.FixtureRequest) -> None:
    found = await rows(request.getfixturevalue(world), Search(table="ivoa.obscore"))
    content, made = await exported(found, ExportRequest(format="csv"))
    lines = list(csv.DictReader(io.StringIO(content.decode())))
    assert len(lines) == worlds.COUNT and made.filename == "observations.csv"
    assert lines[7]["s_ra"] == "" and lines[1]["target_name"] == "O'Neill 1"
    assert float(lines[3]["t_min"]) == 53001.0 and lines[3]["calib_level"] == "0"


@pytest.mark.usefixtures("small_pieces")
async def test_ecsv_is_read_by_astropy(full: Any) -> None:
    content, _ = await exported(await rows(full, Search(table="sim.obscore")), ExportRequest(format="ecsv"))
    table = Table.read(content.decode(), format="ascii.ecsv")
    assert len(table) == worlds.COUNT
    assert str(table["s_ra"].unit) == "deg" and table["s_ra"].meta["ucd"] == "pos.eq.ra"
    assert str(table["s_ra"].dtype) == "float64" and str(table["n_tels"].dtype) == "int32"
    assert table["s_ra"].description == "Where it pointed, <ICRS> & so on."
    assert table.meta["time_scales"] == "t_min: TT, t_max: TT"
    assert table["s_ra"].mask.sum() == 1 and list(table["obs_id"][:2]) == ["20000", "20001"]


@pytest.mark.usefixtures("small_pieces")
async def test_parquet_is_read_by_arrow(full: Any) -> None:
    content, made = await exported(
        await rows(full, Search(table="sim.obscore")), ExportRequest(format="parquet")
    )
    table = pq.read_table(io.BytesIO(content))
    assert table.num_rows == worlds.COUNT and made.media_type == "application/vnd.apache.parquet"
    ra = table.schema.field("s_ra")
    assert ra.metadata[b"unit"] == b"deg" and ra.metadata[b"ucd"] == b"pos.eq.ra"
    assert table.column("s_ra").null_count == 1
    described = table.schema.metadata[b"IVOA.VOTable-Parquet.content"]
    (inner,) = parse(io.BytesIO(described)).iter_tables()
    assert [f.name for f in inner.fields] == table.column_names


@pytest.mark.parametrize("name", ["votable", "csv", "ecsv", "parquet"])
async def test_files_without_rows(full: Any, name: str) -> None:
    nothing = Search(cone=Cone(positions=[Position(ra=0, dec=89)], radius=0.1))
    content, made = await exported(await rows(full, nothing), ExportRequest(format=name))  # type: ignore[arg-type]
    assert made.rows == 0 and content
    if name == "votable":
        assert len(parse(io.BytesIO(content)).get_first_table().array) == 0
    if name == "ecsv":
        assert len(Table.read(content.decode(), format="ascii.ecsv")) == 0
    if name == "parquet":
        assert pq.read_table(io.BytesIO(content)).num_rows == 0


@pytest.mark.usefixtures("small_pieces")
async def test_columns_of_a_file(full: Any) -> None:
    found = await rows(full)
    content, _ = await exported(found, ExportRequest(format="csv", columns=["t_min"]))
    assert content.splitlines()[0] == b"t_min,obs_publisher_did"
    content, _ = await exported(await rows(full, adql=OWN), ExportRequest(format="csv"))
    assert content.splitlines()[0] == b"obs_publisher_did,target_name,t_min,s_ra"
    assert len(content.splitlines()) == 41


@pytest.mark.usefixtures("small_pieces")
async def test_a_data_set_with_two_rows_is_not_torn(full: Any) -> None:
    full.tap.db.execute(
        "UPDATE ivoa.obscore SET obs_publisher_did = 'ivo://example/~?010' WHERE obs_id = '20011'"
    )
    document, _ = await votable(await rows(full, Search(table="ivoa.obscore")))
    assert len(document.get_first_table().array) == worlds.COUNT
    full.tap.db.execute("UPDATE ivoa.obscore SET obs_publisher_did = 'same'")
    with pytest.raises(ChangedError, match="too many rows of one identifier"):
        await exported(await rows(full, Search(table="ivoa.obscore")), ExportRequest(format="csv"))


@pytest.mark.usefixtures("small_pieces")
async def test_files_of_a_service_that_cannot_skip(plain: Any) -> None:
    found = await rows(plain)
    document, _ = await votable(found)
    assert len(document.get_first_table().array) == worlds.COUNT
    with pytest.raises(TooManyRowsError, match="without sorting"):
        await exported(found, ExportRequest(format="csv", sort=[SortKey(column="t_min")]))


@pytest.mark.usefixtures("small_pieces")
async def test_rows_that_vanish_break_the_file_off(full: Any) -> None:
    made = await exports.export(await rows(full), ExportRequest(format="csv"))
    full.tap.db.execute("DELETE FROM ivoa.obscore WHERE obs_id > '20040'")
    with pytest.raises(ChangedError, match="41 rows, but had counted 60"):
        async for _ in made.content:
            pass


@pytest.mark.usefixtures("small_pieces")
async def test_a_service_that_gives_less_at_a_time(full: Any) -> None:
    found = await rows(full)
    full.tap.hard_limit = 4
    document, _ = await votable(found)
    assert len(document.get_first_table().array) == worlds.COUNT
    document, _ = await votable(found, sort=[SortKey(column="t_min")])
    assert len(document.get_first_table().array) == worlds.COUNT


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
