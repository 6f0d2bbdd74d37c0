from __future__ import annotations

import re
from typing import Any

import anyio
import httpx
import pytest

from portal.server.services import capabilities, choices, features, fields
from portal.server.services.errors import (
    AnswerError,
    NotAllowedError,
    NotSearchableError,
    ServiceDownError,
    ServiceError,
)
from portal.server.services.needs import allowed
from tests.portal.services import worlds
from tests.portal.services.sqlite_tap import Column, Service

pytestmark = pytest.mark.anyio


def states(found: Any) -> dict[str, str | None]:
    return {f.key: None if f.state.available else f.state.reason for f in found}


async def test_a_join_is_the_default_and_lacks_what_it_lacks(full: Any) -> None:
    read = await capabilities.read(full.context, full.service, None)
    assert read.table == "ivoa.obscore+ivoa.obscore_hea"
    assert [t.key for t in read.tables] == ["ivoa.obscore+ivoa.obscore_hea", "ivoa.obscore", "sim.obscore"]
    assert [t.has_extension for t in read.tables] == [True, False, True]
    assert set(states(read.features).values()) == {None}
    told = states(read.fields)
    assert told["event_type"] is None
    assert told["zenith"] == (
        "Zenith angle: the table has no column zen_pnt or zen_mean. The table sim.obscore has it."
    )
    assert read.time_scale == "TT"
    assert read.release is None
    assert [c.name for c in read.columns].count("obs_publisher_did") == 1
    ra = next(c for c in read.columns if c.name == "s_ra")
    assert (ra.unit, ra.ucd, ra.datatype, ra.principal) == ("deg", "pos.eq.ra", "double", True)
    assert not next(c for c in read.columns if c.name == "dataproduct_subtype").principal


async def test_a_collections_table_has_all_fields(full: Any) -> None:
    read = await capabilities.read(full.context, full.service, "sim.obscore")
    assert set(states(read.fields).values()) == {None}
    assert {f.key for f in read.fields} == {spec.key for spec in fields.specs()}
    assert next(f for f in read.fields if f.key == "livetime").column == "livetime"


async def test_a_plain_service_says_what_it_lacks(plain: Any) -> None:
    read = await capabilities.read(plain.context, plain.service, None)
    assert read.table == "ivoa.obscore"
    told = states(read.features)
    assert told["cone"] is told["region"] is told["time"] is told["energy"] is None
    assert "t_intervals" in str(told["intervals"])
    assert "OFFSET" in str(told["offset"])
    assert "ivo_nocasematch" in str(told["nocase"])
    unavailable = states(read.fields)
    assert unavailable["tracking_mode"] == "Tracking: the table has no column tracking_mode or tracking_type."
    assert unavailable["target_name"] is not None and unavailable["obs_collection"] is None
    assert read.time_scale == "UTC"
    assert next(f for f in read.fields if f.key == "livetime").column == "t_exptime"


async def test_what_is_known_is_kept(full: Any) -> None:
    await capabilities.read(full.context, full.service, None)
    asked = len(full.tap.queries)
    again = await capabilities.read(full.context, full.service, None)
    assert len(full.tap.queries) == asked
    assert again.table == "ivoa.obscore+ivoa.obscore_hea"
    full.context.redis.is_down = True
    assert (await capabilities.read(full.context, full.service, None)) == again
    assert len(full.tap.queries) > asked


async def test_a_kept_value_of_another_version_is_made_anew(full: Any) -> None:
    first = await capabilities.read(full.context, full.service, None)
    full.context.redis.values = dict.fromkeys(full.context.redis.values, b'{"old": 1}')
    assert await capabilities.read(full.context, full.service, None) == first


@pytest.mark.parametrize("table", [None, "sim.obscore"])
async def test_a_service_that_is_down_is_shown_as_it_was(table: str | None) -> None:
    tap, answers = worlds.full(), [True]

    def handler(request: httpx.Request) -> httpx.Response:
        if not answers[0]:
            raise httpx.ConnectError("down")
        return tap(request)  # type: ignore[no-any-return]

    context = worlds.context(handler)
    service = context.settings.services[0]
    before = await capabilities.read(context, service, table)
    assert before.notice is None
    kept = dict(context.redis.values)
    lasting = {key for key, seconds in context.redis.seconds.items() if seconds == 7 * 86400}
    answers[0] = False
    context.redis.values = {key: value for key, value in kept.items() if key in lasting}
    after = await capabilities.read(context, service, table)
    assert after.notice is not None
    assert re.search(r"as of \d{4}-\d\d-\d\d \d\d:\d\d UTC; the service does not answer", after.notice)
    assert after.model_copy(update={"notice": None}) == before
    # Nothing is asked on such grounds.
    with pytest.raises(ServiceDownError):
        await capabilities.known(context, service, table)
    with pytest.raises(ServiceDownError):
        await capabilities.read(context, service, "ivoa.obscore")
    context.redis.values = dict.fromkeys(context.redis.values, b'{"old": 1}')
    with pytest.raises(ServiceDownError):
        await capabilities.read(context, service, table)
    answers[0] = True
    assert (await capabilities.read(context, service, table)).notice is None


async def test_release_of_the_service(full: Any) -> None:
    full.tap.infos["resource_version"] = "2.1"
    assert (await capabilities.read(full.context, full.service, None)).release == "2.1"


async def test_only_tables_that_the_operator_names() -> None:
    tap = worlds.full()
    context = worlds.context(tap, tables=["sim.obscore", "ivoa.obscore+ivoa.obscore_hea"])
    read = await capabilities.read(context, context.settings.services[0], None)
    assert [t.key for t in read.tables] == ["sim.obscore", "ivoa.obscore+ivoa.obscore_hea"]
    with pytest.raises(NotSearchableError, match=r"no table 'ivoa\.obscore' that can be searched"):
        await capabilities.known(context, context.settings.services[0], "ivoa.obscore")


async def test_a_service_without_obscore() -> None:
    tap = Service({"a.b": [Column("x")]}, {"a.b": []})
    context = worlds.context(tap)
    with pytest.raises(NotSearchableError, match="no table with the columns of ObsCore"):
        await capabilities.tables(context, context.settings.services[0])


async def test_a_listed_table_that_cannot_be_queried(full: Any) -> None:
    await capabilities.tables(full.context, full.service)
    full.tap.db.execute("DROP TABLE sim.obscore")
    with pytest.raises(NotSearchableError, match="does not answer queries on it"):
        await capabilities.known(full.context, full.service, "sim.obscore")


async def test_no_other_service_than_those_allowed(full: Any) -> None:
    assert allowed(full.context, "own").url == full.tap.url
    with pytest.raises(NotAllowedError, match="no service 'else'"):
        allowed(full.context, "else")


async def test_units_that_do_not_fit_make_a_field_unavailable(full: Any) -> None:
    known = await capabilities.known(full.context, full.service, "sim.obscore")
    ontime = fields.find(known.table, "ontime")
    assert ontime is not None and ontime.factor == pytest.approx(1 / 60)
    columns = [c.model_copy(update={"unit": "kg"}) if c.name == "ontime" else c for c in known.table.columns]
    found = fields.find(known.table.model_copy(update={"columns": columns}), "ontime")
    assert found is not None and found.state.reason == "On time: the column ontime is in kg, which is not s."
    texts = [
        c.model_copy(update={"datatype": "char"}) if c.name == "ontime" else c for c in known.table.columns
    ]
    assert "no numbers" in str(fields.find(known.table.model_copy(update={"columns": texts}), "ontime"))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"<capabilities/>", "no TAP in them"),
        (b"Hello", "no XML"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a/>', "entities"),
    ],
)
def test_documents_that_are_none(document: bytes, words: str) -> None:
    with pytest.raises(AnswerError, match=words):
        features.parse(document)


def test_geometry_that_is_not_told_is_taken_for_granted() -> None:
    language = features.parse(worlds.full(geometry=None).capabilities())
    assert language.has_geometry("CIRCLE")
    assert not features.parse(worlds.full(geometry=[]).capabilities()).has_geometry("CIRCLE")
    assert language.hard_limit == 1_000_000


async def test_choices_have_counts(full: Any) -> None:
    found = await choices.choices(full.context, full.service, "sim.obscore", "calib_level")
    assert {c.value: c.count for c in found.values} == {"0": 20, "1": 20, "2": 20}
    assert found.complete
    names = await choices.choices(full.context, full.service, "sim.obscore", "moon_level")
    assert [c.value for c in names.values] == ["Bright", "Dark", "None"]
    asked = len(full.tap.queries)
    await choices.choices(full.context, full.service, "sim.obscore", "moon_level")
    assert len(full.tap.queries) == asked
    empty = await choices.choices(full.context, full.service, "sim.obscore", "target_class")
    assert empty.values == [] and empty.complete


async def test_more_choices_than_are_given(full: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choices, "MOST", 2)
    found = await choices.choices(full.context, full.service, "sim.obscore", "moon_level")
    assert len(found.values) == 2 and not found.complete


async def test_choices_of_what_is_not_there(plain: Any) -> None:
    with pytest.raises(ServiceError, match="no column tracking_mode"):
        await choices.choices(plain.context, plain.service, None, "tracking_mode")
    with pytest.raises(ServiceError, match="no search field 'x'"):
        await choices.choices(plain.context, plain.service, None, "x")


async def test_targets_have_mean_positions(full: Any) -> None:
    found = await choices.targets(full.context, full.service, None, "CR ab")
    assert [t.name for t in found.values] == ["Crab"]
    assert found.values[0].observations == 12 and found.complete
    every = await choices.targets(full.context, full.service, "sim.obscore", "")
    assert {t.name for t in every.values} == {"Crab", "O'Neill 1", "Mrk 421", "100%_sure"}
    assert all(0 <= t.ra < 360 and -90 <= t.dec <= 90 for t in every.values)


async def test_targets_are_where_another_table_says(full: Any) -> None:
    full.tap.db.execute(
        "UPDATE sim.obscore SET ra_obj = 83.6331, dec_obj = 22.0145 WHERE target_name = 'Crab'"
    )
    for table in ("ivoa.obscore", "sim.obscore"):
        (found,) = (await choices.targets(full.context, full.service, table, "crab")).values
        assert (found.ra, found.dec) == pytest.approx((83.6331, 22.0145), abs=1e-6)


async def test_a_target_around_the_origin_of_right_ascension(full: Any) -> None:
    full.tap.db.execute("UPDATE sim.obscore SET ra_obj = NULL")
    full.tap.db.execute("UPDATE ivoa.obscore SET s_ra = 359.5, s_dec = 10 WHERE target_name = 'Crab'")
    full.tap.db.execute("UPDATE ivoa.obscore SET s_ra = 0.5 WHERE target_name = 'Crab' AND obs_id < '20030'")
    (found,) = (await choices.targets(full.context, full.service, "ivoa.obscore", "crab")).values
    assert min(found.ra, 360 - found.ra) < 1e-6
    assert found.dec == pytest.approx(10, abs=0.01)


def few(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only the two most frequent targets be fetched: Mrk 421, and one with wildcards in its name."""
    monkeypatch.setattr(choices, "MOST_TARGETS", 2)
    for table in world.tap.tables:
        if world.tap.tables[table] is not worlds.HEA:
            world.tap.db.execute(
                f"DELETE FROM {table} WHERE target_name IN ('Crab', 'O''Neill 1') AND obs_id > '20010'"
            )


async def names(world: Any, part: str, table: str | None = None) -> list[str]:
    found = await choices.targets(world.context, world.service, table, part)
    return [target.name for target in found.values]


def likes(world: Any) -> list[str]:
    return [query for query in world.tap.queries if "AVG" in query and "match(" in query]


async def test_rare_targets_are_asked_for(full: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    few(full, monkeypatch)
    every = await choices.targets(full.context, full.service, None, "")
    assert {t.name for t in every.values} == {"Mrk 421", "100%_sure"} and not every.complete
    assert likes(full) == []
    found = await choices.targets(full.context, full.service, None, "cRA")
    assert [(t.name, t.observations) for t in found.values] == [("Crab", 3)]
    assert found.complete and found.reason is None
    # The position is the target's, as another table has it, and not that of telescopes beside it.
    (told,) = (await choices.targets(full.context, full.service, "sim.obscore", "crab")).values
    assert (found.values[0].ra, found.values[0].dec) == (told.ra, told.dec)
    before = len(likes(full))
    assert await names(full, "crA") == ["Crab"] and len(likes(full)) == before
    assert all("SELECT TOP 501" in query for query in likes(full))
    assert 60 in full.context.redis.seconds.values()


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("o'neill1", ["O'Neill 1"]),
        ("ONEILL", []),
        ("o'n", ["O'Neill 1"]),
        ("'''", []),
        ("mrk421", ["Mrk 421"]),
        ("%_s", ["100%_sure"]),
        ("c", []),
        ("c_ab", []),
        ("c%b", []),
        ("' OR 1=1 --", []),
    ],
)
async def test_names_are_asked_for_as_they_are(
    full: Any, monkeypatch: pytest.MonkeyPatch, part: str, wanted: list[str]
) -> None:
    few(full, monkeypatch)
    assert await names(full, part, "sim.obscore") == wanted


async def test_targets_that_cannot_be_asked_for(plain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    few(plain, monkeypatch)
    found = await choices.targets(plain.context, plain.service, None, "rk")
    assert [t.name for t in found.values] == ["Mrk 421"] and not found.complete
    assert found.reason is not None and found.reason.startswith(
        "Only the 2 most frequent targets could be looked through. Target: "
    )
    assert "whole search" not in found.reason


@pytest.mark.parametrize("kind", ["fails", "is slow"])
async def test_a_service_that_does_not_tell_names(
    full: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    few(full, monkeypatch)

    async def answer(request: httpx.Request) -> httpx.Response:
        if b"match%28" not in request.content:
            return full.tap(request)  # type: ignore[no-any-return]
        if kind == "is slow":
            await anyio.sleep_forever()
        return httpx.Response(500)

    full.context.http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    monkeypatch.setattr(choices, "PATIENCE", 0.05 if kind == "is slow" else 60)
    found = await choices.targets(full.context, full.service, None, "mrk")
    assert [t.name for t in found.values] == ["Mrk 421"] and not found.complete
    words = {"fails": "failed at the query", "is slow": "did not answer within 0.05 seconds"}[kind]
    assert found.reason is not None
    assert found.reason.startswith(
        f"Only the 2 most frequent targets could be looked through. Own archive {words}"
    )


async def test_a_rare_target_is_found_by_its_name(full: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    few(full, monkeypatch)
    found = await choices.find_target(full.context, full.service, "o'neill1")
    assert found is not None and found.name == "O'Neill 1"
    assert await choices.find_target(full.context, full.service, "neill") is None
