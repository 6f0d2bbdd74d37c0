import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import IdentifierError
from ingest.identifiers import DatasetId, parse

authorities = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._~-]{2,20}", fullmatch=True)
collections = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
observations = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)
parts = st.none() | st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True)


@given(authorities, collections, observations, parts)
def test_what_is_built_is_parsed_back(authority, collection, obs_id, part):
    dataset = DatasetId(authority, collection, obs_id, part)
    assert parse(str(dataset)) == dataset


@given(authorities, collections, observations, parts)
def test_identifiers_are_plain_uris(authority, collection, obs_id, part):
    text = str(DatasetId(authority, collection, obs_id, part))
    assert set(text) <= set(string.ascii_letters + string.digits + "-._~:/?%")


def test_the_form():
    assert str(DatasetId("org.example", "hess_dr", "20136")) == "ivo://org.example/~?hess_dr/20136"
    assert str(DatasetId("org.example", "hess_dr", "a/b", "aeff")) == "ivo://org.example/~?hess_dr/a%2Fb/aeff"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20136",
        "ivo://org.example/~?hess_dr",
        "ivo://org.example/~?hess_dr/",
        "ivo://org.example/~?hess_dr/1/aeff/more",
        "ivo://org.example/~?Hess/1",
        "ivo://org.example/other?hess_dr/1",
        "ivo://o/~?hess_dr/1",
        "ivo://org.example/~?hess_dr/%ff",
        "ivo://org.example/~?hess_dr/%31",
        "ivo://org.example/~?hess_dr/1#fragment",
        "http://org.example/~?hess_dr/1",
    ],
)
def test_other_forms_are_refused(text):
    with pytest.raises(IdentifierError):
        parse(text)


@given(st.text())
def test_nothing_else_comes_out_of_parsing(text):
    try:
        dataset = parse(text)
    except IdentifierError:
        return
    assert str(dataset) == text
