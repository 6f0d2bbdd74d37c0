"""The clock on the wall jumps: changes are noticed all the same, readers notice nothing, nobody is ended."""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import time_machine

from ingest.constants import SECONDS_PER_DAY
from instance.exits import OK
from tests.faults import census
from tests.faults.changing import LONG, STATES, Followed, Readers
from tests.faults.harness import Site, wait_until
from tests.thorough import thorough

JUMPS = (-3, 2)[: thorough(1, 2)]
"""Days by which a clock is off: files of the day before yesterday are younger than it then, or it has passed
what is made now."""

JUMPING = """
import sys, threading, time

_sleep = time.sleep

def _set(machine, told, off, traveller):
    with open(told) as file:
        wanted = float(file.read() or off)
    if wanted != off:
        if traveller is not None:
            traveller.stop()
        traveller = machine.travel(time.time() + wanted, tick=True)
        traveller.start()
    return wanted, traveller

def _follow(machine, told, now):
    while True:
        _sleep(0.1)
        now = _set(machine, told, *now)

_begun = []

def begin(library, told):
    if _begun:  # Python may read .pth files twice
        return
    _begun.append(True)
    sys.path.append(library)
    import time_machine
    sys.path.remove(library)
    now = _set(time_machine, told, 0.0, None)
    threading.Thread(target=_follow, args=(time_machine, told, now), daemon=True).start()
"""
"""What an instance's Python programs do then: their clock goes by a file with the seconds that it is off."""

OVER = {"COMPLETED", "ERROR", "ABORTED"}
WORKERS = ("light-1", "query-1")

Clock = Callable[[float], None]


@contextlib.contextmanager
def other_clock(site: Site, place: Path) -> Iterator[Clock]:
    """Give all Python programs of an instance that start from now on a clock on the wall that can be set.

    The clock that durations are measured by is as ever, and so is PostgreSQL's time.
    """
    told = place / "clock"

    def jump(days: float) -> None:
        told.write_text(str(days * SECONDS_PER_DAY), encoding="ascii")
        told.chmod(0o644)

    jump(0)
    packages = next((site.home / "venv" / "lib").glob("python3*/site-packages"))
    ours = packages / "jumping_clock.py", packages / "jumping_clock.pth"
    ours[0].write_text(JUMPING, encoding="utf-8")
    library = Path(time_machine.__file__).parent.parent
    ours[1].write_text(
        f"import jumping_clock; jumping_clock.begin({str(library)!r}, {str(told)!r})\n", "utf-8"
    )
    try:
        yield jump
    finally:
        for path in ours:
            path.unlink()


@pytest.mark.parametrize("days", JUMPS)
def test_an_import_with_a_clock_that_is_off(followed: Followed, workshop: Path, days: float) -> None:
    site, old = followed.site, followed.state
    new = next(state for state in STATES if state != old)
    followed.know(new, old)
    followed.follow(old)
    workers = [site.worker(name) for name in WORKERS]
    with other_clock(site, workshop) as jump, Readers(site).reading() as readers:
        for state, off in ((new, days), (old, 0), (new, days))[: thorough(2, 3)]:
            jump(off)
            followed.release.become(state)
            done = site.run("ingest", "--withdraw", timeout=LONG)
            assert done.returncode == OK, done.stderr
            followed.state = state
            assert followed.differences() == [], f"{off} days off: {state}"
    states = [followed.undisturbed[state][1] for state in (old, new)]
    assert readers.mixtures(*states) == []
    assert [site.worker(name) for name in WORKERS] == workers


def test_a_service_whose_clock_jumps(stopped: Site, expected: census.Census, workshop: Path) -> None:
    with other_clock(stopped, workshop) as jump, stopped.serving() as service:
        service.up()
        pids = [*(stopped.worker(name) for name in WORKERS), stopped.supervisor]
        for days in (*JUMPS, 0):
            jump(days)
            wait_until(lambda days=days: round(_off(stopped)) == days, f"a clock {days} days off")
            with Readers(stopped).reading():
                assert census.differences(stopped, expected) == []
            assert _job(stopped) == "COMPLETED"
            assert json.loads(census.fetch(f"{stopped.url}/ready"))["ready"]
        assert [*(stopped.worker(name) for name in WORKERS), stopped.supervisor] == pids


def _off(site: Site) -> float:
    """Give by how many days the clock of a worker is off, as it says itself."""
    said = census.fetch(f"{site.url}/oai.xml?verb=Identify").decode()
    (moment,) = re.findall(r"responseDate>([^<]+)<", said)
    there = datetime.datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return (there - datetime.datetime.now(datetime.UTC)).total_seconds() / SECONDS_PER_DAY


def _job(site: Site) -> str:
    """Run a query as a job; gives how it ended."""
    form = {"LANG": "ADQL", "QUERY": "SELECT COUNT(*) AS n FROM hess_dr.obscore"}
    with urllib.request.urlopen(f"{site.url}/tap/async", urllib.parse.urlencode(form).encode()) as reply:
        place = reply.url
    with urllib.request.urlopen(f"{place}/phase", b"PHASE=RUN"):
        pass
    wait_until(lambda: census.fetch(f"{place}/phase").decode().strip() in OVER, "the end of a job")
    return census.fetch(f"{place}/phase").decode().strip()
