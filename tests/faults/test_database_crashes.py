"""PostgreSQL killed, and stopped as by a power cut, during an ingestion and during queries."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
import urllib.error
from collections.abc import Callable, Iterator

import psycopg2
import pytest

from instance.exits import OK
from instance.server import CHANGED
from tests.faults import census
from tests.faults.changing import LONG, QUERIES, STATES, Followed, Readers, answers
from tests.faults.harness import Site, kill, wait_until
from tests.faults.test_random_kills import SEED
from tests.thorough import thorough

CRASHES = thorough(1, 8)
LONGEST_WAIT = 8.0
"""Seconds of an ingestion among which the crash is placed: starting, reading, changing tables, publishing."""


def _power_cut(site: Site) -> None:
    """Stop PostgreSQL without any writing, as pg_ctl has it for emergencies.

    It does not wait: it may miss that the database is started anew at once, and wait for the end of that.
    """
    cluster = site.instance.cluster
    done = cluster._run("pg_ctl", "stop", "-W", "-m", "immediate", "-D", cluster.data)
    assert done.returncode == 0, done.stderr


def _kill(site: Site) -> None:
    kill(site.postmaster)


WAYS = {"kill -9": _kill, "immediate stop": _power_cut}


@contextlib.contextmanager
def _halfway(site: Site) -> Iterator[None]:
    """Let an import come no further than to the last of a collection's tables; others it has changed then."""
    cluster = site.instance.cluster
    connection = psycopg2.connect(cluster.dsn, passfile=str(cluster.password_file))
    try:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE hess_dr.provenance IN SHARE MODE")
        yield
    finally:
        connection.close()


def _running(site: Site) -> set[int]:
    """Give the processes that come back as others when the database ended."""
    return {site.postmaster, *site.dachs("serve")}


def _back(site: Site, gone: set[int]) -> None:
    """Wait until database and web server are other processes, and queries are answered.

    Those of before answer for a moment, too, once the database is back.
    """

    def well() -> bool:
        now = _running(site)
        try:
            return 0 not in now and not now & gone and census.count(site) > 0
        except (urllib.error.HTTPError, OSError):
            return False

    wait_until(well, "the database and the web server")


@pytest.mark.parametrize("way", WAYS)
def test_database_ends_during_an_ingestion(followed: Followed, way: str) -> None:
    followed.know(*STATES[:2])
    site, chance = followed.site, random.Random(f"{SEED} {way}")
    for number in range(CRASHES):
        old = followed.state
        new = next(state for state in STATES[:2] if state != old)
        followed.release.become(new)
        log = site.home / "log" / "dachs.log"
        position, moment = log.stat().st_size, chance.uniform(0.0, LONGEST_WAIT)
        with contextlib.ExitStack() as stack:
            if number == 0:  # at least once while tables change, which is too short to be hit by chance
                stack.enter_context(_halfway(site))
            process = site.begin("ingest", "--withdraw")
            if number == 0:
                wait_until(lambda start=position: "changing" in followed.phase(start), "rows that change")
            else:
                time.sleep(moment)
            gone = _running(site)
            WAYS[way](site)
        context = f"seed {SEED}, {number}, after {moment:.1f} s"
        _, said = process.communicate(timeout=LONG)
        assert "Traceback" not in said, said
        assert process.returncode == OK or "cherenkov-vo: " in said, said
        _back(site, gone)
        seen = answers(site)
        assert seen in [followed.undisturbed[state][1] for state in (old, new)], context
        followed.ingest()
        followed.state = new
        assert followed.differences() == [], context


@pytest.mark.parametrize("way", WAYS)
def test_database_ends_during_queries(followed: Followed, way: str) -> None:
    followed.know(STATES[0])
    site = followed.site
    readers = Readers(site, crash=True)
    with readers.reading(4):
        wait_until(lambda: len(readers.seen) > 8, "answers")
        gone, proxy = _running(site), site.proxy
        WAYS[way](site)
        _back(site, gone)
    assert site.proxy == proxy != 0, "it tells those who ask meanwhile to come again"
    assert readers.mixtures(followed.undisturbed[followed.state][1]) == []
    assert set(readers.turned_away) <= {"503", "lost"}, (readers.turned_away, readers.told)
    assert followed.differences() == []


def _kill_a_backend(site: Site, chance: random.Random) -> None:
    """Kill a process of PostgreSQL that serves a worker; the postmaster stays, and ends all others."""
    cluster = site.instance.cluster
    with contextlib.suppress(psycopg2.OperationalError, ProcessLookupError), contextlib.ExitStack() as stack:
        connection = psycopg2.connect(cluster.dsn, passfile=str(cluster.password_file))
        stack.callback(connection.close)
        cursor = stack.enter_context(connection.cursor())
        cursor.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        if found := cursor.fetchall():
            os.kill(chance.choice(found)[0], signal.SIGKILL)


def _settled(readers: Readers) -> Callable[[], bool]:
    """Give who says whether all queries have been answered, more than once, since one was turned away."""
    away, mark = -1, 0

    def settled() -> bool:
        nonlocal away, mark
        if sum(readers.turned_away.values()) != away:
            away, mark = sum(readers.turned_away.values()), len(readers.seen)
        return len(readers.seen) > mark + 3 * len(QUERIES)

    return settled


def test_backends_are_killed_while_descriptors_are_read(followed: Followed) -> None:
    """No worker is started anew by that, so each has to find all that it needs when the database is back."""
    followed.know(STATES[0])
    site, chance = followed.site, random.Random(SEED)
    before = _running(site)
    readers = Readers(site, crash=True)
    with readers.reading(4):
        for _ in range(thorough(4, 40)):
            os.kill(site.supervisor, CHANGED)
            for _ in range(4):
                time.sleep(chance.uniform(0.0, 1.0))
                _kill_a_backend(site, chance)
        wait_until(_settled(readers), "answers to all queries")
    assert site.postmaster in before
    assert readers.mixtures(followed.undisturbed[followed.state][1]) == []
    assert set(readers.turned_away) <= {"503", "lost"}, (readers.turned_away, readers.told)
    assert followed.differences() == []


def test_database_ends_again_before_queries_are_limited(followed: Followed) -> None:
    """It may end at any moment of coming back, also as soon as it runs."""
    site = followed.site
    for _ in range(thorough(2, 3)):
        first, gone = site.postmaster, _running(site)
        kill(first)
        second = wait_until(lambda gone=first: {site.postmaster} - {0, gone}, "PostgreSQL").pop()
        kill(second)
        _back(site, gone | {second})
    assert site.supervisor
    followed.know(followed.state)
    assert followed.differences() == []
