from __future__ import annotations

import asyncio
import math
import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.server.models.search import (
    Among,
    Between,
    Cone,
    Contains,
    Energy,
    Position,
    Search,
    TimeSpan,
)
from portal.server.services import capabilities, conditions, identifiers, writer
from portal.server.services.errors import AskError, ImpossibleError
from portal.server.services.known import Known
from tests.portal.services import worlds

LITERAL = re.compile(r"'(?:[^']|'')*'")
READABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(
    lambda text: not conditions.CONTROL.search(text)
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)


@cache
def known(table: str | None = "sim.obscore", is_plain: bool = False, **changes: object) -> Known:
    tap = worlds.plain(**changes) if is_plain else worlds.full(**changes)
    context = worlds.context(tap)
    return asyncio.run(capabilities.known(context, context.settings.services[0], None if is_plain else table))


def where(search: Search, of: Known | None = None) -> str:
    return writer.possible(of or known(), search).text


def parsed(adql: str) -> tuple[str, list[str]]:
    """Give a query with its literals replaced, and the texts that these stand for."""
    texts = [literal[1:-1].replace("''", "'") for literal in LITERAL.findall(adql)]
    return LITERAL.sub("?", adql), texts


@given(st.text(max_size=80))
def test_literals_parse_back(text: str) -> None:
    literal = identifiers.literal(text)
    assert LITERAL.fullmatch(literal)
    assert literal[1:-1].replace("''", "'") == text


@given(FINITE)
def test_numbers_parse_back_and_are_numbers_of_adql(value: float) -> None:
    text = identifiers.number(value)
    assert float(text) == value
    assert re.fullmatch(r"-?(\d+(\.\d+)?)([eE][+-]?\d+)?", text)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_other_numbers_are_refused(value: float) -> None:
    with pytest.raises(AskError, match="finite"):
        identifiers.number(value)


@given(st.lists(READABLE, min_size=1, max_size=5, unique=True))
def test_any_texts_among_which_a_column_is(texts: list[str]) -> None:
    shape, found = parsed(where(Search(conditions=[Among(field="obs_collection", values=texts)])))
    assert found == texts
    expected = "?" if len(texts) == 1 else "(" + ", ".join("?" * len(texts)) + ")"
    assert shape == f"\nWHERE obs_collection {'=' if len(texts) == 1 else 'IN'} {expected}"


@given(READABLE)
def test_any_text_that_a_column_contains(text: str) -> None:
    search = Search(conditions=[Contains(field="target_name", text=text)])
    if "\\" in text:
        with pytest.raises(ImpossibleError):
            where(search)
        return
    shape, found = parsed(where(search))
    if "%" in text or "_" in text:
        assert shape == "\nWHERE 1=gavo_match(?, target_name)"
        assert re.fullmatch(found[0], text) and found[0].startswith("(?i)")
    else:
        assert shape == "\nWHERE 1=ivo_nocasematch(target_name, ?)"
        assert found == [f"%{text}%"]


@given(st.text(max_size=20))
def test_control_characters_are_refused_with_the_reason(text: str) -> None:
    search = Search(conditions=[Among(field="obs_collection", values=["a\n" + text])])
    with pytest.raises(ImpossibleError, match="line break"):
        where(search)


@given(st.text(min_size=1, max_size=30))
def test_names_are_plain_or_delimited(name: str) -> None:
    written = identifiers.name(name)
    assert identifiers.REGULAR.match(written) or identifiers.DELIMITED.match(written)
    if not identifiers.DELIMITED.match(name):
        assert identifiers.bare(written) == name


def test_reserved_words_are_delimited() -> None:
    assert identifiers.name("size") == '"size"'
    assert identifiers.name('"Mixed Case"') == '"Mixed Case"'
    assert identifiers.table('ivoa."J/A+A".size') == 'ivoa."J/A+A"."size"'
    assert identifiers.table("ivoa.obscore") == "ivoa.obscore"


def test_cones() -> None:
    two = [Position(ra=83.6, dec=22), Position(ra=10, dec=-5.5)]
    assert where(Search(cone=Cone(positions=two, radius=5))) == (
        "\nWHERE (1=CONTAINS(POINT('ICRS', s_ra, s_dec), CIRCLE('ICRS', 83.6, 22, 5))"
        "\n    OR 1=CONTAINS(POINT('ICRS', s_ra, s_dec), CIRCLE('ICRS', 10, -5.5, 5)))"
    )
    assert where(Search(cone=Cone(positions=two[:1], radius=2, what="region"))) == (
        "\nWHERE 1=INTERSECTS(s_region, CIRCLE('ICRS', 83.6, 22, 2))"
    )
    assert where(Search(cone=Cone(positions=two[1:], radius=120))) == (
        "\nWHERE 0=CONTAINS(POINT('ICRS', s_ra, s_dec), CIRCLE('ICRS', 190, 5.5, 60))"
    )
    assert (
        where(Search(cone=Cone(positions=two, radius=180)))
        == "\nWHERE s_ra IS NOT NULL AND s_dec IS NOT NULL"
    )


def test_times() -> None:
    assert (
        where(Search(time=TimeSpan(start=53000, end=53001.5)))
        == "\nWHERE t_max >= 53000\n  AND t_min <= 53001.5"
    )
    within = Search(time=TimeSpan(start=53000, end=53001, how="within"))
    assert where(within) == "\nWHERE t_min >= 53000\n  AND t_max <= 53001"
    assert where(Search(time=TimeSpan(end=53001))) == "\nWHERE t_min <= 53001"


def test_times_of_a_table_in_utc_are_converted() -> None:
    text = where(Search(time=TimeSpan(start=53000.5)), known(is_plain=True))
    assert float(text.split()[-1]) == pytest.approx(53000.5 - 64.184 / 86400, abs=1e-9)


def test_a_scale_that_is_not_known_is_said() -> None:
    strange = known().model_copy(update={"time_scale": "LOCAL"})
    with pytest.raises(ImpossibleError, match="scale LOCAL"):
        where(Search(time=TimeSpan(start=1)), strange)
    untold = known().model_copy(update={"time_scale": None})
    assert where(Search(time=TimeSpan(start=1)), untold) == "\nWHERE t_max >= 1"


def test_energies() -> None:
    low, high = Energy(low=1e12), Energy(high=1e13)
    both = {"low": 1e12, "high": 1e13}
    assert where(Search(energy=low)) == "\nWHERE energy_max >= 1000000000000"
    assert where(Search(energy=high)) == "\nWHERE energy_min <= 10000000000000"
    assert where(Search(energy=Energy(**both))) == (
        "\nWHERE 1=gavo_energy_overlaps(energy_min, energy_max, 1000000000000, 10000000000000)"
    )
    assert where(Search(energy=Energy(**both, how="contains"))) == (
        "\nWHERE energy_min <= 1000000000000\n  AND energy_max >= 10000000000000"
    )
    assert where(Search(energy=Energy(**both, how="within"))) == (
        "\nWHERE energy_min >= 1000000000000\n  AND energy_max <= 10000000000000"
    )


@pytest.mark.parametrize(
    ("how", "first", "second"),
    [
        ("overlaps", ("em_min", "<="), ("em_max", ">=")),
        ("contains", ("em_max", ">="), ("em_min", "<=")),
        ("within", ("em_max", "<="), ("em_min", ">=")),
    ],
)
def test_energies_as_wavelengths(how: str, first: tuple[str, str], second: tuple[str, str]) -> None:
    text = where(Search(energy=Energy(low=1e12, high=1e13, how=how)), known(is_plain=True))  # type: ignore[arg-type]
    words = text.replace("WHERE", "").replace("AND", "").split()
    assert (words[0], words[1]) == first and (words[3], words[4]) == second
    assert float(words[2]) == pytest.approx(1.239841984332e-18)
    assert float(words[5]) == pytest.approx(1.239841984332e-19)


def test_intervals() -> None:
    assert where(Search(intervals=[(53000, 53001), (53002, 53003)])) == (
        "\nWHERE (1=gavo_tmoc_overlaps(t_intervals, 53000, 53001)"
        "\n    OR 1=gavo_tmoc_overlaps(t_intervals, 53002, 53003))"
    )


def test_numbers_among_which_a_column_is() -> None:
    text = where(Search(conditions=[Among(field="calib_level", values=["2", " 03 ", "2"])]))
    assert text == "\nWHERE calib_level IN (2, 3)"
    with pytest.raises(ImpossibleError, match="no whole number"):
        where(Search(conditions=[Among(field="calib_level", values=["1 OR 1=1"])]))
    with pytest.raises(ImpossibleError, match="is no number"):
        where(Search(conditions=[Among(field="zenith", values=["nan"])]))
    assert where(Search(conditions=[Among(field="zenith", values=["1.50"])])) == "\nWHERE zen_pnt = 1.5"


def test_bounds_are_converted_to_the_columns_unit() -> None:
    text = where(Search(conditions=[Between(field="ontime", low=600, high=1200)]))
    assert text == "\nWHERE ontime >= 10\n  AND ontime <= 20"


def test_bounds_of_a_date() -> None:
    text = where(Search(conditions=[Between(field="obs_release_date", low=53000.5)]))
    assert text == "\nWHERE obs_release_date >= '2003-12-27T12:00:00'"
    with pytest.raises(ImpossibleError, match="no date"):
        where(Search(conditions=[Between(field="obs_release_date", low=1e9)]))


@pytest.mark.parametrize(
    ("search", "part", "reason"),
    [
        (Search(time=TimeSpan()), "time", "neither"),
        (Search(time=TimeSpan(start=2, end=1)), "time", "above the upper one"),
        (Search(energy=Energy()), "energy", "neither"),
        (Search(energy=Energy(low=2, high=1)), "energy", "above the upper one"),
        (Search(intervals=[]), "intervals", "none in the list"),
        (Search(intervals=[(1, 2), (4, 3)]), "intervals", "number 2 ends before"),
        (Search(conditions=[Between(field="zenith")]), "conditions.zenith", "neither"),
        (
            Search(conditions=[Between(field="zenith", low=3, high=2)]),
            "conditions.zenith",
            "above the upper one",
        ),
        (Search(conditions=[Between(field="target_name", low=3)]), "conditions.target_name", "no numbers"),
        (Search(conditions=[Contains(field="zenith", text="a")]), "conditions.zenith", "no text"),
        (
            Search(conditions=[Among(field="obs_release_date", values=["a"])]),
            "conditions.obs_release_date",
            "choose",
        ),
        (Search(conditions=[Among(field="nothing", values=["a"])]), "conditions.nothing", "no search field"),
    ],
)
def test_parts_that_make_no_sense_are_told(search: Search, part: str, reason: str) -> None:
    made = writer.where(known(), search)
    assert [ignored.part for ignored in made.impossible] == [part]
    assert reason in made.impossible[0].reason
    assert made.conditions == []
    with pytest.raises(ImpossibleError) as caught:
        writer.possible(known(), search)
    assert caught.value.detail == {"impossible": [made.impossible[0].model_dump()]}


def test_all_that_a_plain_service_lacks_is_told_at_once() -> None:
    search = Search(
        time=TimeSpan(start=53000),
        intervals=[(1, 2)],
        conditions=[
            Among(field="event_type", values=["std"]),
            Contains(field="target_name", text="Crab"),
            Among(field="obs_collection", values=["SIM"]),
        ],
    )
    made = writer.where(known(is_plain=True), search)
    assert [i.part for i in made.impossible] == [
        "intervals",
        "conditions.event_type",
        "conditions.target_name",
    ]
    assert len(made.conditions) == 2


def test_a_service_without_geometry() -> None:
    made = writer.where(
        known(is_plain=True, geometry=()), Search(cone=Cone(positions=[Position(ra=1, dec=1)], radius=1))
    )
    assert "POINT, CIRCLE and CONTAINS" in made.impossible[0].reason
    region = Cone(positions=[Position(ra=1, dec=1)], radius=1, what="region")
    made = writer.where(known(is_plain=True, geometry=()), Search(cone=region))
    assert "INTERSECTS" in made.impossible[0].reason


@pytest.mark.parametrize(
    ("strings", "text"),
    [
        (("ILIKE", "LOWER"), "\nWHERE target_name ILIKE '%it''s%'"),
        (("LOWER",), "\nWHERE LOWER(target_name) LIKE LOWER('%it''s%')"),
    ],
)
def test_ways_to_disregard_case(strings: tuple[str, ...], text: str) -> None:
    search = Search(conditions=[Contains(field="target_name", text="it's")])
    assert where(search, known(is_plain=True, strings=strings)) == text
    wild = Search(conditions=[Contains(field="target_name", text="100%")])
    with pytest.raises(ImpossibleError, match="stand for other characters"):
        where(wild, known(is_plain=True, strings=strings))


def test_only_the_tables_that_are_needed() -> None:
    join = known("ivoa.obscore+ivoa.obscore_hea")
    obscore = [join.table.find("obs_id")]
    energy = [join.table.find("energy_min")]
    assert None not in obscore + energy
    assert join.table.source([], obscore) == "ivoa.obscore"  # type: ignore[arg-type]
    assert join.table.source([], energy) == "ivoa.obscore NATURAL LEFT OUTER JOIN ivoa.obscore_hea"  # type: ignore[arg-type]
    assert join.table.source(energy, energy) == "ivoa.obscore NATURAL JOIN ivoa.obscore_hea"  # type: ignore[arg-type]
    shown = writer.shown(join, writer.where(join, Search(energy=Energy(low=1))))
    assert shown == "SELECT *\nFROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea\nWHERE energy_max >= 1"


@pytest.mark.parametrize(
    ("adql", "checked"),
    [
        ("SELECT * FROM t;  \n", "SELECT * FROM t"),
        ("select ';--' from t -- a comment; with 'quotes\nwhere x = 1", "select ';--' from t \nwhere x = 1"),
        ("WITH a AS (SELECT 1 FROM t) SELECT * FROM a", "WITH a AS (SELECT 1 FROM t) SELECT * FROM a"),
        ("SELECT TOP 5 * FROM t ORDER BY x", "SELECT TOP 5 * FROM t ORDER BY x"),
        (
            "SELECT * FROM (SELECT x FROM t ORDER BY x) AS q",
            "SELECT * FROM (SELECT x FROM t ORDER BY x) AS q",
        ),
    ],
)
def test_queries_that_are_taken(adql: str, checked: str) -> None:
    assert identifiers.checked(adql) == checked


@pytest.mark.parametrize(
    ("adql", "words"),
    [
        ("", "one SELECT"),
        ("DELETE FROM t", "one SELECT"),
        ("-- SELECT", "one SELECT"),
        ("SELECT * FROM t; DROP TABLE t", "without semicolons"),
        ("SELECT * FROM t) AS q UNION (SELECT * FROM s", "closes more"),
        ("SELECT * FROM (t", "opens more"),
        ("SELECT 'a FROM t", "not closed"),
        ('SELECT "a FROM t', "not closed"),
        ("SELECT * FROM t ORDER BY x", "Leave out ORDER BY"),
    ],
)
def test_queries_that_are_refused(adql: str, words: str) -> None:
    with pytest.raises(AskError, match=words):
        identifiers.checked(adql)


@given(st.text("SELECTFROM ()';\"-\n,*", max_size=40))
def test_what_is_taken_stays_within_its_parentheses(text: str) -> None:
    try:
        checked = identifiers.checked("SELECT " + text)
    except AskError:
        return
    depths = [token.depth for token in identifiers.tokens(f"(\n{checked}\n) AS q") if token.kind != "space"]
    assert depths[0] == 0 and min(depths[1:-3]) >= 1 and depths[-3:] == [0, 0, 0]
    assert not any(token.text == ";" and token.kind == "other" for token in identifiers.tokens(checked))
