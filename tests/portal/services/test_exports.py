"""Files with all rows that were found: whole or said to be cut, and with what is told of their columns."""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow.parquet as pq
import pytest
from astropy.io.votable import parse
from astropy.table import Table

from portal.server.models.results import ExportRequest, SortKey
from portal.server.models.search import Cone, Position, Search
from portal.server.services import asked, exports
from portal.server.services.errors import ChangedError, TooManyRowsError
from tests.portal.services import worlds
from tests.portal.services.asking import OWN, rows

pytestmark = pytest.mark.anyio


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
