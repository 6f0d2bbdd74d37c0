"""All combinations of where access_url leads, tried with a collection of its own."""

import pytest

from ingest.access import BOTH, DATALINK, DATALINK_FORMAT, FILE
from instance.bringup import Instance as Managed
from instance.settings import ACCESS_URLS, OBSCORE_ACCESS_URLS, load, variable_of
from tests.live.test_third_collection import (
    RELEASE,
    RESOURCE,
    RUNS,
    THIRD,
    assert_gone,
    count,
    rows,
    visiting,
)

GADF = "application/x-fits-gadf"
COLUMNS = "obs_publisher_did, access_url, access_format, access_estsize"
FORMATS = {FILE: {GADF}, DATALINK: {DATALINK_FORMAT}, BOTH: {GADF, DATALINK_FORMAT}}


@pytest.fixture
def third(instance):
    with visiting(instance, THIRD) as visitor:
        yield visitor


def by_format(instance, table, condition=""):
    """Give identifier, access_url and access_estsize of the rows of a table, by access_format."""
    found = {}
    for row in rows(instance, f"SELECT {COLUMNS} FROM {table} {condition} ORDER BY obs_publisher_did"):
        entry = (row["obs_publisher_did"], row["access_url"], row["access_estsize"])
        found.setdefault(row["access_format"], []).append(entry)
    return found


def test_every_combination(instance, third, monkeypatch):
    before = third.census()
    third.come(RESOURCE, RELEASE)
    documents = [
        (did, f"{instance.url}/{THIRD}/q/dl/dlmeta?ID={did.replace('?', '%3F')}", "10")
        for did, _, _ in by_format(instance, f"{THIRD}.obscore")[GADF]
    ]
    files = by_format(instance, f"{THIRD}.obscore")[GADF]
    assert len(files) == RUNS
    for _, url, estsize in files:
        size = int(instance.get(url.removeprefix(instance.url), method="HEAD").headers["Content-Length"])
        assert int(estsize) == -(-size // 1000)
    wanted = {GADF: files, DATALINK_FORMAT: documents}
    companions = by_format(instance, f"{THIRD}.companions")
    responses = rows(instance, f"SELECT * FROM ivoa.response WHERE obs_publisher_did LIKE '%?{THIRD}/%'")
    assert len(responses) == RUNS * 4
    for own in ACCESS_URLS:
        for site in OBSCORE_ACCESS_URLS:
            monkeypatch.setenv(variable_of("access_url"), own)
            monkeypatch.setenv(variable_of("obscore_access_url"), site)
            Managed(load()).dachs.run("imp", f"{THIRD}/q")
            at = f"WHERE source_table = '{THIRD}.obscore'"
            assert by_format(instance, f"{THIRD}.obscore") == {name: wanted[name] for name in FORMATS[own]}
            expected = {name: wanted[name] for name in FORMATS[site]}
            assert by_format(instance, "ivoa.obscore", at) == expected, (own, site)
            joined = f"ivoa.obscore NATURAL JOIN ivoa.obscore_hea {at}"
            assert count(instance, joined) == RUNS * len(FORMATS[site])
            assert count(instance, f"{joined} AND ev_xel > 0") == RUNS * len(FORMATS[site])
            assert count(instance, f"ivoa.obscore_hea WHERE obs_publisher_did LIKE '%?{THIRD}/%'") == RUNS * 6
            of_others = f"WHERE source_table = '{THIRD}.companions'"
            assert by_format(instance, "ivoa.obscore", of_others) == companions
            assert companions.keys() == {GADF}
            assert responses == rows(
                instance, f"SELECT * FROM ivoa.response WHERE obs_publisher_did LIKE '%?{THIRD}/%'"
            )
    third.drop()
    third.remove()
    assert_gone(third, before)


def test_what_is_internal_is_not_shown(instance):
    assert not instance.rows("SELECT * FROM tap_schema.columns WHERE column_name LIKE 'file_%'")
    assert "Cannot resolve column 'file_url'" in instance.tap(
        "SELECT file_url FROM hess_dr.obscore"
    ).text or ("file_url" not in instance.tap("SELECT TOP 1 * FROM hess_dr.obscore").text.splitlines()[0])
