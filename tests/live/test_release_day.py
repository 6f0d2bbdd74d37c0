"""The day comes from which a run is public: it opens by itself, and closes if that was a mistake."""

from __future__ import annotations

import datetime
import urllib.parse
from collections.abc import Callable, Iterator

import pytest

from tests.live.conftest import Instance

TABLES = ("links", "companions")


@pytest.fixture
def did(instance: Instance) -> str:
    """The identifier of a run that is not public."""
    query = "SELECT TOP 1 obs_publisher_did FROM ctao.obscore WHERE data_rights = 'proprietary' ORDER BY 1"
    return instance.rows(query)[0][0]


@pytest.fixture
def move(instance: Instance, did: str) -> Iterator[Callable[[datetime.date], None]]:
    """Move the day of the run in the database, as if it had been another one at the import."""
    obs_id = did.rpartition("/")[2]
    sql = instance.cluster.sql
    (day,) = set(sql(f"SELECT release_date FROM ctao.links WHERE id = '{did}' AND release_date IS NOT NULL"))

    def moved(to: object) -> None:
        for table in TABLES:
            condition = f"obs_id = '{obs_id}' AND release_date IS NOT NULL"
            sql(f"UPDATE ctao.{table} SET release_date = '{to}' WHERE {condition}")
        for table in ("obscore", "companions"):
            condition = f"obs_id = '{obs_id}' AND obs_release_date IS NOT NULL"
            sql(f"UPDATE ctao.{table} SET obs_release_date = '{to}' WHERE {condition}")

    try:
        yield moved
    finally:
        moved(day)


def statuses(instance: Instance, did: str) -> dict[str, int]:
    """Ask for all that is there of the run, as anybody."""
    rows = instance.rows(f"SELECT access_url FROM datalink.response WHERE id = '{did}'")
    paths = [url.removeprefix(instance.url) for (url,) in rows]
    paths.append(f"/rd/access/cutout/dlget?{urllib.parse.urlencode({'ID': did})}")
    return {path: instance.get(path).status for path in paths}


def today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


def test_a_run_opens_on_its_day_without_an_import(
    instance: Instance, did: str, move: Callable[[datetime.date], None]
) -> None:
    document = f"/ctao/q/dl/dlmeta?{urllib.parse.urlencode({'ID': did})}"
    closed = statuses(instance, did)
    assert set(closed.values()) == {200, 401}
    assert "AuthenticationFault" in instance.get(document).text

    move(today())
    assert set(statuses(instance, did).values()) == {200}
    assert "AuthenticationFault" not in instance.get(document).text
    assert "#cutout" in instance.get(document).text
    condition = f"obs_publisher_did = '{did}'"
    assert instance.rows(f"SELECT data_rights FROM ivoa.obscore WHERE {condition}") == [["public"]]

    # What somebody fetched while it was open is no longer handed out afterwards.
    move(today() + datetime.timedelta(days=1))
    assert statuses(instance, did) == closed
    assert "AuthenticationFault" in instance.get(document).text
