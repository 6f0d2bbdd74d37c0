"""Against a running instance: what the explorer finds is what pyVO gets by ADQL written here, on its own."""

from __future__ import annotations

import csv
import io
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from astropy.io.votable import parse
from astropy.table import Table
from pyvo.dal.adhoc import DatalinkResults

from portal.server.models.config import FieldKind
from portal.server.models.results import ExportRequest, SortKey
from portal.server.models.search import (
    Among,
    Ask,
    Between,
    Condition,
    Cone,
    Contains,
    Energy,
    Position,
    Search,
    TimeSpan,
)
from portal.server.services import (
    asked,
    capabilities,
    choices,
    exports,
    fields,
    links,
    overview,
    snippets,
    writer,
)
from portal.server.services.errors import ImpossibleError
from tests.portal.services import worlds
from tests.portal.services.live import (
    INSTANCE,
    JOIN,
    all_rows,
    dids,
    direct,
    found_by,
    inside,
    known,
    plain,
    value_of,
)

pytestmark = pytest.mark.skipif(
    INSTANCE is None, reason="CHERENKOV_VO_TEST_INSTANCE names no running instance"
)
TABLES = [JOIN, "ivoa.obscore", "hess_dr.obscore", "ctao.obscore"]


def asked_for(spec: fields.FieldSpec, found: fields.Found, value: Any) -> tuple[Condition, str]:
    """Give a condition on a field, and the same as ADQL by hand."""
    assert found.column is not None
    name = found.column.name
    if spec.kind is FieldKind.CHOICE:
        shown = str(value) if found.column.is_number else "'" + str(value).replace("'", "''") + "'"
        return Among(field=spec.key, values=[str(value)]), f"{name} = {shown}"
    if spec.kind is FieldKind.TEXT:
        part = str(value)[1:6] or str(value)
        quoted = part.replace("'", "''")
        return Contains(field=spec.key, text=part.swapcase()), f"{name} ILIKE '%{quoted}%'"
    if found.column.is_time:
        return Between(field=spec.key, low=53000.0, high=63000.0), (
            f"{name} >= '2003-12-27T00:00:00' AND {name} <= '2031-05-14T00:00:00'"
        )
    low, high = value - abs(value) * 0.05, value + abs(value) * 0.05
    return Between(field=spec.key, low=low, high=high), f"{name} BETWEEN {low!r} AND {high!r}"


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("spec", fields.specs(), ids=lambda spec: spec.key)
def test_every_field_finds_what_adql_finds(table: str, spec: fields.FieldSpec) -> None:
    found = fields.find(known(table).table, spec.key)
    assert found is not None
    if not found.state.available:
        # What is greyed out is not there, and a search for it is refused.
        parts = "', '".join(table.split("+"))
        adql = f"SELECT column_name FROM tap_schema.columns WHERE table_name IN ('{parts}')"
        names = {row["column_name"] for row in direct(adql)}
        assert not names & set(spec.columns)
        with pytest.raises(ImpossibleError):
            found_by(Search(table=table, conditions=[Between(field=spec.key, low=1)]))
        return
    assert found.column is not None
    value = value_of(table, found.column.name, found.column.is_text)
    if value is None:
        # No row has a value: then none may be found.
        value = {FieldKind.RANGE: 1.0}.get(spec.kind, "1" if found.column.is_number else "nothing")
    condition, adql = asked_for(spec, found, value)
    expected = dids(adql, table)
    assert found_by(Search(table=table, conditions=[condition])) == expected
    if value_of(table, found.column.name, found.column.is_text) is not None and not found.column.is_time:
        assert expected


CRAB = Position(ra=83.63, dec=22.01)
PKS = Position(ra=329.7, dec=-30.2)
POINT = "POINT('ICRS', s_ra, s_dec)"


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    ("search", "adql"),
    [
        ({"cone": Cone(positions=[CRAB], radius=5)}, f"1=CONTAINS({POINT}, CIRCLE('ICRS', 83.63, 22.01, 5))"),
        (
            {"cone": Cone(positions=[CRAB, PKS], radius=1)},
            f"(1=CONTAINS({POINT}, CIRCLE('ICRS', 83.63, 22.01, 1)) OR "
            f"1=CONTAINS({POINT}, CIRCLE('ICRS', 329.7, -30.2, 1)))",
        ),
        (
            {"cone": Cone(positions=[CRAB], radius=130)},
            f"DISTANCE({POINT}, POINT('ICRS', 83.63, 22.01)) - 130 <= 0",
        ),
        ({"cone": Cone(positions=[CRAB], radius=180)}, "s_ra IS NOT NULL AND s_dec IS NOT NULL"),
        (
            {"cone": Cone(positions=[CRAB], radius=0.1, what="region")},
            "1=INTERSECTS(s_region, CIRCLE('ICRS', 83.63, 22.01, 0.1))",
        ),
        ({"time": TimeSpan(start=53100, end=53300)}, "t_max >= 53100 AND t_min <= 53300"),
        ({"time": TimeSpan(start=53100, end=53300, how="within")}, "t_min >= 53100 AND t_max <= 53300"),
        ({"time": TimeSpan(start=53300)}, "t_max >= 53300"),
        ({"energy": Energy(low=5e13)}, "em_min <= 1.239841984332e-6 / 5e13"),
        ({"energy": Energy(high=3e11, how="within")}, "em_min >= 1.239841984332e-6 / 3e11"),
    ],
    ids=["cone", "cones", "wide", "all", "region", "overlaps", "within", "open", "energy", "energy-within"],
)
def test_places_times_and_energies(table: str, search: dict[str, Any], adql: str) -> None:
    assert found_by(Search(table=table, **search)) == dids(adql, table)


@pytest.mark.parametrize("table", [JOIN, "hess_dr.obscore", "ctao.obscore"])
def test_energies_and_intervals_of_the_extension(table: str) -> None:
    for how, adql in {
        "overlaps": "energy_max >= 4e11 AND energy_min <= 5e11",
        "contains": "energy_min <= 4e11 AND energy_max >= 5e11",
        "within": "energy_min >= 4e11 AND energy_max <= 5e11",
    }.items():
        energy = Energy(low=4e11, high=5e11, how=how)  # type: ignore[arg-type]
        assert found_by(Search(table=table, energy=energy)) == dids(adql, table)
    spans = [(53091.0, 53092.0), (60950.9, 60951.1)]
    adql = " OR ".join(f"gavo_tmoc_overlaps(t_intervals, {a}, {b}) = 1" for a, b in spans)
    assert found_by(Search(table=table, intervals=spans)) == dids(adql, table)


@pytest.mark.parametrize("text", ["a_b", "100%", "it's", "(x", "[a-z]*", "^$", "a.b|c", "{2}", "O'Neill_1"])
def test_wildcards_are_nothing_special(text: str) -> None:
    rows = direct("SELECT target_name, obs_publisher_did FROM ivoa.obscore")
    expected = Counter(
        row["obs_publisher_did"] for row in rows if text.lower() in str(row["target_name"] or "").lower()
    )
    assert (
        found_by(Search(table="ivoa.obscore", conditions=[Contains(field="target_name", text=text)]))
        == expected
    )


def test_wildcards_find_themselves() -> None:
    search = Search(table="hess_dr.obscore", conditions=[Contains(field="obs_id", text="0")])
    assert found_by(search)
    mode = value_of("hess_dr.obscore", "analysis_mode", True)
    known_ = known("hess_dr.obscore")
    assert "_" in mode
    spec = next(s for s in fields.specs() if s.key == "obs_id")
    assert spec.kind is FieldKind.TEXT and known_.language.function("gavo_match")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "sort",
    [
        [],
        [SortKey(column="t_min")],
        [SortKey(column="target_name", descending=True), SortKey(column="calib_level")],
        [SortKey(column="t_exptime", descending=True)],
    ],
    ids=["none", "time", "two", "down"],
)
def test_pages_together_are_the_whole_answer_sorted(table: str, sort: list[SortKey]) -> None:
    columns = [key.column for key in sort] or ["obs_publisher_did"]

    async def work(context: Any, own: Any) -> list[Any]:
        rows = await asked.searched(context, own, Search(table=table))
        return await all_rows(rows, sort, 37, columns)

    found = inside(work)
    source = table.split("+", maxsplit=1)[0]
    expected = direct(
        f"SELECT obs_publisher_did, {', '.join(k.column for k in sort) or 'obs_id'} FROM {source}"
    )
    assert Counter(row[-1] for row in found) == Counter(row["obs_publisher_did"] for row in expected)
    if sort:
        values = [row[0] for row in found if row[0] is not None]
        ordered = sorted(values, reverse=sort[0].descending)
        # Databases may sort texts by rules of their own; equal ones have to stand together in any case.
        if isinstance(values[0], str):
            assert len([1 for a, b in pairwise(values) if a != b]) == len(set(values)) - 1
        else:
            assert values == ordered


def test_exports_have_all_rows_and_units() -> None:
    search = Search(table="ctao.obscore", time=TimeSpan(start=60000))
    expected = dids("t_max >= 60000", "ctao.obscore")
    assert expected

    async def work(context: Any, own: Any) -> dict[str, bytes]:
        files = {}
        for name in ("votable", "csv", "ecsv", "parquet"):
            rows = await asked.searched(context, own, search)
            made = await exports.export(rows, ExportRequest(format=name))  # type: ignore[arg-type]
            files[name] = b"".join([part async for part in made.content])
        return files

    files = inside(work)
    units = {r["column_name"]: (r["unit"], r["ucd"]) for r in direct(
        "SELECT column_name, unit, ucd FROM tap_schema.columns WHERE table_name = 'ctao.obscore'"
    )}  # fmt: skip
    document = parse(io.BytesIO(files["votable"]))
    table = document.get_first_table()
    assert Counter(str(x) for x in table.array["obs_publisher_did"]) == expected
    for column in table.fields:
        assert (column.unit is None, column.ucd) == (units[column.name][0] is None, units[column.name][1])
    assert {s.timescale for r in document.resources for s in r.time_systems} == {"TT"}
    ecsv = Table.read(files["ecsv"].decode(), format="ascii.ecsv")
    assert Counter(ecsv["obs_publisher_did"]) == expected
    assert str(ecsv["energy_min"].unit) == "eV" and ecsv["energy_min"].meta["ucd"] == units["energy_min"][1]
    lines = list(csv.DictReader(io.StringIO(files["csv"].decode())))
    assert Counter(line["obs_publisher_did"] for line in lines) == expected
    parquet = pq.read_table(io.BytesIO(files["parquet"]))
    assert Counter(parquet.column("obs_publisher_did").to_pylist()) == expected
    assert parquet.schema.field("t_min").metadata[b"unit"] == b"d"
    by_did = {line["obs_publisher_did"]: line for line in lines}
    for row in direct("SELECT obs_publisher_did, t_min, energy_min FROM ctao.obscore WHERE t_max >= 60000"):
        assert float(by_did[row["obs_publisher_did"]]["t_min"]) == row["t_min"]
        assert float(by_did[row["obs_publisher_did"]]["energy_min"]) == row["energy_min"]


def test_an_overview_has_each_row_once() -> None:
    async def work(context: Any, own: Any) -> Any:
        return await overview.overview(await asked.searched(context, own, Search(table=JOIN)))

    seen = inside(work)
    every = direct("SELECT obs_publisher_did, t_min, t_max, s_region FROM ivoa.obscore")
    assert Counter(row.did for row in seen.rows) == Counter(row["obs_publisher_did"] for row in every)
    times = {row["obs_publisher_did"]: (row["t_min"], row["t_max"]) for row in every}
    assert any(row.intervals for row in seen.rows) and seen.moc
    for row in seen.rows:
        assert (row.t_min, row.t_max) == times[row.did]
        for start, end in row.intervals or []:
            # Cells of the coverage are a second long.
            assert times[row.did][0] - 3e-5 <= start < end <= times[row.did][1] + 3e-5


def test_links_are_those_of_the_document() -> None:
    did = direct("SELECT TOP 1 obs_publisher_did FROM hess_dr.obscore ORDER BY obs_publisher_did")[0]

    async def work(context: Any, own: Any) -> Any:
        return await links.links(context, own, did["obs_publisher_did"])

    found = inside(work)
    document = DatalinkResults.from_result_url(found.document_url)
    expected = Counter(
        (row["semantics"], row["access_url"] or None, plain(row["content_length"])) for row in document
    )
    given = Counter(
        (group.semantics, link.access_url, link.content_length)
        for group in found.groups
        for link in group.links
    )
    assert given == Counter(
        {(s, u, n if n is not None and n >= 0 else None): c for (s, u, n), c in expected.items()}
    )
    assert found.groups[0].semantics == "#this"


@pytest.mark.parametrize(
    "spec", [s for s in fields.specs() if s.kind is FieldKind.CHOICE], ids=lambda s: s.key
)
def test_choices_are_those_of_the_table(spec: fields.FieldSpec) -> None:
    async def work(context: Any, own: Any) -> Any:
        return await choices.choices(context, own, "ctao.obscore", spec.key)

    column = fields.find(known("ctao.obscore").table, spec.key)
    assert column is not None and column.column is not None
    name = column.column.name
    rows = direct(
        f"SELECT {name} AS v, COUNT(*) AS n FROM ctao.obscore WHERE {name} IS NOT NULL GROUP BY {name}"
    )
    found = inside(work)
    assert {c.value: c.count for c in found.values} == {str(row["v"]): row["n"] for row in rows}
    assert found.complete


def test_rare_targets_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "MOST_TARGETS", 1)

    async def work(context: Any, own: Any) -> Any:
        context.redis = worlds.Redis()  # where targets are all kept already, nothing would be asked
        return await choices.targets(context, own, JOIN, "cRAb")

    found = inside(work)
    every = direct("SELECT DISTINCT target_name FROM ivoa.obscore WHERE target_name ILIKE '%crab%'")
    assert {target.name for target in found.values} == {row["target_name"] for row in every}
    assert every and found.reason is None


def test_what_is_shown_and_edited_gives_the_same(tmp_path: Path) -> None:
    search = Search(
        table=JOIN, energy=Energy(low=1e13), conditions=[Contains(field="target_name", text="crab")]
    )

    async def work(context: Any, own: Any) -> Any:
        made = await capabilities.known(context, own, JOIN)
        adql = writer.shown(made, writer.possible(made, search))
        rows = await asked.asked(context, own, Ask(adql=adql))
        dids_ = Counter(row[-1] for row in await all_rows(rows, [SortKey(column="t_min")], 20, ["t_min"]))
        return dids_, snippets.snippets(own, adql, 1000)

    found, made = inside(work)
    assert found == found_by(search)
    held: dict[str, Any] = {}
    exec(made.pyvo, held)
    assert Counter(held["rows"]["obs_publisher_did"]) == found
