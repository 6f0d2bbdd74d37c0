"""Workers killed while clients ask: the service goes on at once, and another worker comes."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import threading
import time
import urllib.error
import urllib.parse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from instance.processes import pulse
from tests.faults import census
from tests.faults.changing import Followed
from tests.faults.harness import Site, wait_until
from tests.thorough import thorough

BOUND = 5.0
"""Seconds within which a worker is started again and the service answers: what is promised."""

CLIENTS, MANY = 4, 24
KILLS = thorough(1, 10)
ADQL = "SELECT COUNT(*) AS n FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
PATHS = {
    "light-1": "/hess_dr/q/cone/scs.xml?RA=83.6&DEC=22&SR=5",
    "query-1": "/tap/sync?" + urllib.parse.urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": ADQL}),
}


def end(pid: int) -> None:
    """End a process, which must be one: 0 and -1 would be many."""
    assert pid > 1
    os.kill(pid, signal.SIGKILL)


def settled(site: Site) -> None:
    """Wait until all workers answer, after what an earlier test did to them."""
    wait_until(
        lambda: all(pulse(site.home / "run" / f"{name}.sock") is not None for name in PATHS), "all workers"
    )


def fetched(site: Site, path: str) -> bytes:
    """Get a document, but for the moment when it was made, and numbers that DaCHS gives to equal systems."""
    found = re.sub(rb"20\d\d-\d\d-\d\dT[\d:.]+Z?", b"", census.fetch(site.url + path))
    return re.sub(rb'"(ts|system)-\d\d"', rb'"\1"', found)


@dataclass
class Load:
    """Clients that ask the same all the time.

    Attributes
    ----------
    site, path, expected
        Whom, what, and the answer.
    good
        Moments of good answers.
    failed
        What else came, with its moment.
    """

    site: Site
    path: str
    expected: bytes
    good: list[float] = field(default_factory=list)
    failed: list[tuple[float, str]] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        """Ask until told to end."""
        while not self.done.is_set():
            try:
                body = fetched(self.site, self.path)
            except urllib.error.HTTPError as error:
                with error:
                    told, said = error.headers.get("Retry-After"), error.read()
                self.failed.append((time.monotonic(), f"{error.code}, Retry-After: {told}: {said!r}"))
            except (OSError, http.client.HTTPException) as error:
                # Also an answer that its worker had begun, and no client takes for a whole one.
                self.failed.append((time.monotonic(), f"lost: {error}"))
            else:
                if body == self.expected:
                    self.good.append(time.monotonic())
                else:
                    self.failed.append((time.monotonic(), f"another answer: {body!r}"))

    def wrong(self) -> list[str]:
        """Give the failures that are not honest."""
        return [what for _, what in self.failed if not what.startswith(("503, Retry-After: 3", "lost: "))]


@pytest.fixture
def load(followed: Followed, request: pytest.FixtureRequest) -> Iterator[Load]:
    """Have clients ask what a worker answers."""
    site, path = followed.site, PATHS[request.param]
    settled(site)
    found = Load(site, path, fetched(site, path))
    threads = [threading.Thread(target=found.ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(found.good) > CLIENTS, "answers")
    yield found
    found.done.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(("load", "name"), [(name, name) for name in PATHS], indirect=["load"])
def test_kill_under_load(load: Load, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    site, started, answering = load.site, [], []
    for _ in range(KILLS):
        worker, failures = site.worker(name), len(load.failed)
        moment = time.monotonic()
        end(worker)
        wait_until(lambda gone=worker: site.worker(name) not in (0, gone), "another worker")
        started.append(time.monotonic() - moment)
        served = wait_until(lambda since=moment: [at for at in load.good if at > since + 0.1], "an answer")
        assert served[0] - moment < BOUND
        wait_until(lambda: pulse(site.home / "run" / f"{name}.sock") is not None, "its pulse")
        answering.append(time.monotonic() - moment)
        # Only what was in that worker, and at once.
        lost = load.failed[failures:]
        assert len(lost) <= CLIENTS, (len(lost), lost[0], lost[-1], site.proxy_said())
        assert all(at - moment < BOUND for at, _ in lost)
    assert load.wrong() == []
    assert max(started) < BOUND
    with capsys.disabled():
        print(
            f"\n{name}: {KILLS} kills; started after {_spread(started)}; answers after {_spread(answering)}"
        )


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    return "/".join(f"{ordered[at]:.2f}" for at in (0, len(ordered) // 2, -1)) + " s (min/median/max)"


@contextlib.contextmanager
def unattended(site: Site) -> Iterator[None]:
    """Let nobody start what ends."""
    supervisor = site.supervisor
    assert supervisor > 1
    os.kill(supervisor, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


@pytest.mark.parametrize("name", PATHS)
def test_other_workers_do_its_work_until_it_is_back(followed: Followed, name: str) -> None:
    site = followed.site
    settled(site)
    expected = fetched(site, PATHS[name])
    worker = site.worker(name)
    with unattended(site):
        end(worker)
        moment = time.monotonic()
        assert fetched(site, PATHS[name]) == expected
        assert time.monotonic() - moment < BOUND
    wait_until(lambda: site.worker(name) not in (0, worker), "another worker")


def test_all_are_answered_by_one_that_was_away_before(followed: Followed) -> None:
    """The proxy must not try that one with a single request first, and refuse the others meanwhile."""
    site, path = followed.site, PATHS["query-1"]
    settled(site)
    expected, workers = fetched(site, path), [site.worker(name) for name in PATHS]

    def status(_: int) -> str:
        try:
            return "good" if fetched(site, path) == expected else "another answer"
        except urllib.error.HTTPError as error:
            with error:
                return str(error.code)

    with ThreadPoolExecutor(MANY) as clients:
        with unattended(site):
            for worker in workers:
                end(worker)
            assert set(clients.map(status, range(MANY))) == {"503"}
        wait_until(lambda: not {site.worker(name) for name in PATHS} & {0, *workers}, "other workers")
        settled(site)
        with unattended(site):
            end(site.worker("query-1"))
            assert set(clients.map(status, range(MANY))) == {"good"}
    settled(site)


def test_a_worker_that_ends_often_does_not_end_the_service(followed: Followed) -> None:
    site, killed = followed.site, set[int]()
    settled(site)
    while len(killed) < 7:
        worker = wait_until(lambda: {site.worker("query-1")} - {0} - killed, "another worker").pop()
        end(worker)
        killed.add(worker)
        assert census.count(site) > 0
    assert site.supervisor
    wait_until(lambda: pulse(site.home / "run" / "query-1.sock") is not None, "its pulse")
