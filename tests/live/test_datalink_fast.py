"""DataLink documents made the fast way are those that DaCHS's own core makes, whatever happens.

A request with an Origin is answered by DaCHS's core; its answers come in chunks, ours have a length.
"""

from __future__ import annotations

import base64
import datetime
import gzip
import json
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from instance.bringup import Instance as Managed
from instance.settings import load
from tests.live.conftest import Answer, Instance

PASSWORD = "only-for-tests"
USER, GROUP = "tester_links_fast", "ctao"
COLLECTIONS = ("hess_dr", "ctao")
VOTABLE = "{http://www.ivoa.net/xml/VOTable/v1.3}"


def path_of(*identifiers: str, service: str = "/rd/access", **more: str) -> str:
    pairs = [*(("ID", identifier) for identifier in identifiers), *more.items()]
    return f"{service}/dl/dlmeta?{urllib.parse.urlencode(pairs)}"


def is_fast(answer: Answer) -> bool:
    return answer.headers["Content-Length"] is not None


def document(answer: Answer) -> list[tuple[str, dict[str, str], str]]:
    """Give all elements of a document in their order, but for the time."""
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"] == "application/x-votable+xml;content=datalink"
    assert answer.headers["Vary"] == "User-Agent, Authorization"
    elements = []
    for element in ET.fromstring(answer.text).iter():
        attributes = dict(element.attrib)
        if attributes.get("name") == "request_date":
            assert datetime.datetime.fromisoformat(attributes.pop("value")).tzinfo is not None
        elements.append((element.tag, attributes, element.text or ""))
    return elements


def both(instance: Instance, path: str) -> tuple[Answer, Answer]:
    """Ask both ways; they must agree."""
    fast = instance.get(path)
    stock = instance.get(path, Origin="http://example.org")
    assert document(fast) == document(stock), path
    assert not is_fast(stock)
    return fast, stock


def rows_of(answer: Answer) -> list[list[str]]:
    tree = ET.fromstring(answer.text)
    return [[cell.text or "" for cell in row] for row in tree.iter(f"{VOTABLE}TR")]


@pytest.fixture(scope="module")
def identifiers(instance: Instance) -> dict[str, list[str]]:
    """All data sets of each collection."""
    return {
        name: [
            row[0]
            for table in ("obscore", "companions")
            for row in instance.rows(f"SELECT obs_publisher_did FROM {name}.{table} ORDER BY 1")
        ]
        for name in COLLECTIONS
    }


@pytest.fixture(scope="module")
def runs(instance: Instance) -> list[str]:
    """Public event lists with links."""
    query = "SELECT obs_publisher_did FROM ctao.obscore WHERE data_rights = 'public' ORDER BY 1"
    return [row[0] for row in instance.rows(query)]


@pytest.fixture(scope="module")
def embargoed(instance: Instance) -> str:
    query = "SELECT TOP 1 obs_publisher_did FROM ctao.obscore WHERE data_rights = 'proprietary' ORDER BY 1"
    return instance.rows(query)[0][0]


@pytest.fixture
def user() -> Iterator[Managed]:
    """A user without rights, and what gives him some."""
    dachs = Managed(load()).dachs
    dachs.run("admin", "adduser", USER, PASSWORD)
    try:
        yield dachs
    finally:
        dachs.run("admin", "deluser", USER)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_every_data_set_has_the_document_that_dachs_makes(
    instance: Instance, identifiers: dict[str, list[str]], collection: str
) -> None:
    ordinary = []
    for number, identifier in enumerate(identifiers[collection]):
        service = f"/{collection}/q" if number % 2 else "/rd/access"
        fast, _ = both(instance, path_of(identifier, service=service))
        if not is_fast(fast):
            ordinary.append(identifier)
    # The bundle of a run stands for its event lists; that is left to DaCHS.
    assert [name for name in ordinary if not name.endswith("/event-bundle")] == []
    assert len(ordinary) < len(identifiers[collection])


def test_several_data_sets_share_a_document(instance: Instance, identifiers: dict[str, list[str]]) -> None:
    chosen = [
        name
        for collection in COLLECTIONS
        for name in identifiers[collection][::7]
        if not name.endswith("/event-bundle")
    ]
    assert len(chosen) > 15
    fast, _ = both(instance, path_of(*chosen))
    assert is_fast(fast)
    assert {row[0] for row in rows_of(fast)} == set(chosen)


def test_a_form_is_as_good_as_a_url(instance: Instance, runs: list[str]) -> None:
    def posted(**headers: str) -> Answer:
        form = urllib.parse.urlencode([("ID", run) for run in runs]).encode()
        request = urllib.request.Request(f"{instance.url}/ctao/q/dl/dlmeta", form, headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return Answer(reply.status, reply.headers, reply.read())

    fast, stock = posted(), posted(Origin="http://example.org")
    assert is_fast(fast)
    assert not is_fast(stock)
    assert document(fast) == document(stock)
    assert {row[0] for row in rows_of(fast)} == set(runs)


@pytest.mark.parametrize(
    "identifiers",
    [
        ["ivo://somewhere.else/~?ctao/1"],
        ["ivo://{authority}/~?ctao/no-such-run"],
        ["ivo://{authority}/~?nothing/1"],
        ["ivo://"],
        [""],
        ["{run}", "ivo://{authority}/~?ctao/no-such-run"],
        ["{run}", "{run}"],
        ["{run}", "\u00e9\ufffd<&"],
        ["{obs_id}"],
    ],
)
def test_what_leads_nowhere_is_answered_as_dachs_does(
    instance: Instance, runs: list[str], identifiers: list[str]
) -> None:
    values = {"authority": instance.authority, "run": runs[0], "obs_id": runs[0].rpartition("/")[2]}
    both(instance, path_of(*(identifier.format(**values) for identifier in identifiers)))


@pytest.mark.parametrize("more", [{"RESPONSEFORMAT": "votable"}, {"MAXREC": "2"}, {"foo": "bar"}])
def test_other_parameters_are_answered_as_dachs_does(
    instance: Instance, runs: list[str], more: dict[str, str]
) -> None:
    path = path_of(runs[0], **more)
    answers = instance.get(path), instance.get(path, Origin="http://example.org")
    assert answers[0].status == answers[1].status
    if answers[0].status == 200:
        fast, _ = both(instance, path)
        assert not is_fast(fast)
    else:
        assert answers[0].body == answers[1].body


def test_one_collections_service_does_not_know_anothers_data(instance: Instance, runs: list[str]) -> None:
    fast, _ = both(instance, path_of(runs[0], service="/hess_dr/q"))
    assert "NotFoundFault" in rows_of(fast)[0][3]


def test_who_takes_gzip_gets_it(instance: Instance, runs: list[str]) -> None:
    plain = instance.get(path_of(runs[0]))
    packed = instance.get(path_of(runs[0]), Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    unpacked = Answer(packed.status, packed.headers, gzip.decompress(packed.body))
    assert document(unpacked) == document(plain)


def test_rights_count_at_once(instance: Instance, embargoed: str, user: Managed) -> None:
    login = {"Authorization": f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"}

    def faults(**headers: str) -> list[str]:
        rows = rows_of(instance.get(path_of(embargoed), **headers))
        return sorted({row[3].partition(":")[0] for row in rows if row[3]})

    fast, _ = both(instance, path_of(embargoed))
    assert is_fast(fast)
    assert faults() == ["AuthenticationFault"]
    assert faults(**login) == ["AuthorizationFault"]
    user.run("admin", "addtogroup", USER, GROUP)
    assert faults(**login) == []
    assert faults() == ["AuthenticationFault"]
    user.run("admin", "delfromgroup", USER, GROUP)
    assert faults(**login) == ["AuthorizationFault"]


CHANGES = {
    "another description": ("description = description || ' & <more>'", "semantics = '#this'", True),
    "not ASCII": ("description = 'Gr\u00f6\u00dfe \u03a9'", "semantics = '#this'", True),
    "open from tomorrow": ("access_groups = 'ctao', release_date = current_date + 2", "true", True),
    "open since yesterday": ("access_groups = 'ctao', release_date = current_date - 2", "true", True),
    "one response closed": (
        "access_groups = 'ctao', release_date = NULL",
        "semantics = '#calibration'",
        False,
    ),
    "a file gone": ("source = 'nowhere', pieces = NULL", "semantics = '#package'", False),
    "a length made by other code": ("lengths_basis = 'other'", "true", False),
    "no length of the archive": ("archive_length = NULL", "true", False),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_in_the_tables_is_in_the_next_document(
    instance: Instance, runs: list[str], change: str
) -> None:
    assignment, condition, stays_fast = CHANGES[change]
    sql, run = instance.cluster.sql, runs[1]
    before, _ = both(instance, path_of(run))
    assert is_fast(before)
    saved = "".join(sql(f"SELECT json_agg(l) FROM ctao.links AS l WHERE id = '{run}'"))
    try:
        sql(f"UPDATE ctao.links SET {assignment} WHERE id = '{run}' AND {condition}")
        after, _ = both(instance, path_of(run))
        assert is_fast(after) == stays_fast
        same = change in ("open since yesterday", "a length made by other code", "no length of the archive")
        assert (rows_of(after) == rows_of(before)) == same
    finally:
        sql(f"DELETE FROM ctao.links WHERE id = '{run}'")
        quoted = json.dumps(json.loads(saved)).replace("'", "''")
        sql(f"INSERT INTO ctao.links SELECT * FROM json_populate_recordset(NULL::ctao.links, '{quoted}')")
    again, _ = both(instance, path_of(run))
    assert rows_of(again) == rows_of(before)


def test_lost_connections_are_made_again(instance: Instance, runs: list[str]) -> None:
    ended = instance.cluster.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'EXECUTE asked%'"
    )
    assert ended
    assert rows_of(instance.get(path_of(runs[0])))
    both(instance, path_of(runs[0]))
    assert is_fast(instance.get(path_of(runs[0])))


def test_stored_lengths_are_those_of_what_is_sent(instance: Instance, runs: list[str]) -> None:
    for run in runs[:3]:
        rows = rows_of(instance.get(path_of(run)))
        made = [row for row in rows if row[5] == "#documentation" or row[6] == "application/x-tar"]
        assert len(made) == 3
        for row in made:
            answer = instance.get(row[1].removeprefix(instance.url))
            assert (answer.status, len(answer.body)) == (200, int(row[7]))
