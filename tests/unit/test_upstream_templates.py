"""Which literals of a query are lifted out, and which stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upstream.templates import CHOICES, lift, stand_ins

NUMBERS = st.one_of(
    st.integers(0, 10**12).map(str),
    st.floats(0, 1e6).map(lambda value: f"{value:.4f}"),
    st.floats(1, 1e20).map(lambda value: f"{value:.2e}"),
    st.integers(0, 999).map(lambda value: f".{value}"),
    st.integers(0, 999).map(lambda value: f"{value}."),
)
STRINGS = st.text(st.characters(min_codepoint=0x20, exclude_characters="'\\\x7f-", max_codepoint=0x7E)).map(
    lambda text: f"'{text}'"
)


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("SELECT * FROM a.b WHERE did = 'ivo://x?y' AND n<5", ("'ivo://x?y'", "5")),
        ("SELECT * FROM a.b WHERE did='it''s'", ("'it''s'",)),
        ("SELECT * FROM t WHERE a BETWEEN 1 AND -2.5 AND b > 1e3", ("1", "2.5", "1e3")),
        ("SELECT * FROM t WHERE a IN ('x', 'y') OR b LIKE 'c%'", ("'x'", "'y'", "'c%'")),
        (
            "SELECT * FROM t WHERE 1=CONTAINS(POINT('ICRS', ra, dec), CIRCLE('ICRS', 10., -.5, 0.1))",
            ("10.", ".5", "0.1"),
        ),
        ("SELECT * FROM t WHERE DISTANCE(ra, dec, 1.5, 2) < 0.1 ORDER BY 1", ("1.5", "2", "0.1")),
    ],
)
def test_what_is_lifted(query, values):
    assert lift(query).values == values


@pytest.mark.parametrize(
    "query",
    [
        "SELECT TOP 5 a, 7 AS b FROM t ORDER BY 2 OFFSET 3",
        "SELECT * FROM t WHERE 1=CONTAINS(p, q) OR CONTAINS(p, q)=0",
        "SELECT * FROM t WHERE a = 5*b OR a < 1+2 OR 3 > c",
        "SELECT * FROM t WHERE a = 'x' || 'y' OR f(a, 'x', 5)=1",
        "SELECT * FROM t WHERE gavo_to_mjd('2000-01-01') > t_min",
        "SELECT * FROM t WHERE a > 5@{km}",
        "SELECT * FROM t WHERE POINT('GALACTIC', a, b)=c",
        "SELECT count(*) FROM t GROUP BY a HAVING count(*) > 3",
    ],
)
def test_what_stays(query):
    assert lift(query).values == ()


@pytest.mark.parametrize(
    "query",
    ["SELECT a FROM t -- 'x", "SELECT 'a\tb' FROM t", "SELECT 'open FROM t", "SELECT /* 1 */ a FROM t"],
)
def test_what_is_left_to_the_grammar(query):
    assert lift(query) is None


@given(STRINGS, NUMBERS, NUMBERS)
def test_queries_of_one_kind_are_alike(name, low, high):
    """The text comes back, and queries that differ in literals only have the same key."""
    pattern = 'SELECT * FROM t WHERE name={} AND "T min" BETWEEN {} AND {}'
    query = pattern.format(name, low, high)
    lifted = lift(query)
    assert lifted.values == (name, low, high)
    assert lifted.text(lifted.values) == query
    assert lifted.key == lift(pattern.format("'a'", "1", "2.5")).key


@given(st.lists(st.sampled_from(["string", "number"]), max_size=8))
def test_stand_ins_are_different(kinds):
    made = [value for choice in range(CHOICES) for value in stand_ins(kinds, choice)]
    assert len(set(made)) == len(made)
    for one in range(CHOICES):
        values = stand_ins(kinds, one)
        assert not any(a in b for a in values for b in values if a != b)
