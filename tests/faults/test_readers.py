"""Imports that make views and tables anew under the eyes of readers: they wait, and see old or new."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from ingest import ledger
from instance.imports import Mark
from instance.releases import COLLECTIONS
from tests.faults import census
from tests.faults.changing import LONG, STATES, Followed, Readers
from tests.faults.harness import wait_until
from tests.thorough import thorough

HELD = "ALTER VIEW %"
"""What an import asks of PostgreSQL first that wants all views for itself."""


def _forget(followed: Followed, **parts: str) -> None:
    """Have the next import find that the collections were imported under other circumstances."""
    state = followed.site.instance.state
    marks = {name: Mark.read(text) for name, text in state.get("imported").items()}
    assert set(marks) == set(COLLECTIONS)
    changed = {name: dataclasses.replace(mark, **parts).text() for name, mark in marks.items() if mark}
    state.set(imported=changed, published=None)  # as nothing was published after such an import


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"definitions": "other"}, "Bringing hess_dr up to date"),
        ({"structure": "other"}, "Importing hess_dr"),
    ],
    ids=["views", "tables"],
)
def test_joins_while_all_is_made_anew(followed: Followed, parts: dict[str, str], said: str) -> None:
    followed.know(*STATES[:2])
    for number in range(thorough(1, 10)):
        old = followed.state
        new = next(state for state in STATES[:2] if state != old)
        followed.release.become(new)
        _forget(followed, **parts)
        with Readers(followed.site).reading(3) as readers:
            assert said in followed.ingest()
        followed.state = new
        answers = [followed.undisturbed[state][1] for state in (old, new)]
        assert readers.mixtures(*answers) == [], number
        assert {all_[0] for all_ in answers} & {answer for _, answer in readers.seen}
        assert followed.differences() == []


@pytest.fixture
def reader(followed: Followed) -> Iterator[Any]:
    """Give a connection to the database that can hold what it reads."""
    cluster = followed.site.instance.cluster
    connection = psycopg2.connect(cluster.dsn, passfile=str(cluster.password_file))
    yield connection
    connection.close()


def test_who_reads_one_view_can_read_the_next(followed: Followed, reader: Any) -> None:
    """The import gives way: neither waits for the other, and third parties are hardly held up."""
    site = followed.site
    followed.know(STATES[0])
    _forget(followed, definitions="other")
    asked = f"SELECT 1 FROM pg_stat_activity WHERE query LIKE '{HELD}' AND wait_event_type = 'Lock'"
    with reader.cursor() as cursor:
        cursor.execute("SET statement_timeout = '20s'")
        cursor.execute("SELECT count(*) FROM ivoa.obscore")
        process = site.begin("ingest", "--withdraw")
        wait_until(lambda: site.instance.cluster.sql(asked) or process.poll() is not None, "the import")
        assert process.poll() is None
        for view in ("datalink.response", "ivoa.response", "ivoa.obscore_hea", "ivoa.obscore"):
            cursor.execute(f"SELECT count(*) FROM {view}")
            assert cursor.fetchone()[0] > 0
            time.sleep(0.3)
            assert census.count(site, view) > 0
    assert process.poll() is None
    reader.rollback()
    _, said = process.communicate(timeout=LONG)
    assert process.returncode == 0, said
    assert followed.differences() == []


def test_a_change_is_noticed_whatever_the_clock_says(followed: Followed, reader: Any) -> None:
    """A clock that was put back may give a moment twice; the ledger is another all the same."""
    before = ledger.revision(reader, "hess_dr")
    with reader.cursor() as cursor:
        cursor.execute("UPDATE hess_dr.ledger SET written = '2001-01-01'")
    assert ledger.revision(reader, "hess_dr") == before
    reader.rollback()
    followed.know(STATES[0])
    for state in STATES[1::-1]:
        followed.follow(state)
        assert ledger.revision(reader, "hess_dr") != before
        reader.rollback()
    assert followed.differences() == []
