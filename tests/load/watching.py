"""What an instance holds while it is used: memory, descriptors, threads, connections, spooled files."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import statistics
import threading
import time
from collections import defaultdict
from pathlib import Path

from instance.processes import run_directory
from tests.faults.harness import Site, words_of

INTERVAL = 3
"""Seconds between two samples."""

CONNECTIONS = """SELECT usename || ' ' || COUNT(*) FROM pg_stat_activity
    WHERE usename IS NOT NULL AND pid <> pg_backend_pid() AND usename <> 'owner' GROUP BY usename"""

POSTGRES = "PostgreSQL"
GROUPS = (
    ("nginx", ("nginx:",)),
    ("light workers", ("serving.worker", "/light-")),
    ("query workers", ("serving.worker", "/query-")),
    ("runners", ("upstream.runner",)),
    ("monitor", ("monitoring",)),
    ("supervisor", ("instance serve",)),
    (POSTGRES, ("postgres",)),
)
JOBS = "jobs and others"
"""Processes that come and go."""

BUSY = """SELECT COUNT(*) FROM pg_stat_activity
    WHERE usename IN ('gavo', 'untrusted') AND state <> 'idle'"""


@dataclasses.dataclass(frozen=True)
class Sample:
    """One moment.

    Attributes
    ----------
    at
        Seconds, monotonic.
    memory, descriptors, threads
        Proportional set sizes in kB, and numbers, by group of processes.
    connections
        Numbers of connections to the database by role.
    spooled
        Numbers of files by directory.
    lasting
        Process numbers of what is to run all the time: workers, the proxy, and whoever watches them.
    jobs, queries
        Numbers of processes that come and go, and of queries that run.
    """

    at: float
    memory: dict[str, int]
    descriptors: dict[str, int]
    threads: dict[str, int]
    connections: dict[str, int]
    spooled: dict[str, int]
    lasting: frozenset[int]
    jobs: int
    queries: int

    def total(self, what: str, *but: str) -> int:
        """Sum up one of the numbers, without processes that come and go, and without other groups."""
        numbers: dict[str, int] = getattr(self, what)
        return sum(number for group, number in numbers.items() if group not in {JOBS, *but})


def group_of(words: list[str]) -> str:
    """Give the group of a process."""
    line = " ".join(words)
    return next((name for name, marks in GROUPS if all(mark in line for mark in marks)), JOBS)


def family(site: Site) -> dict[int, str]:
    """Find the groups of all processes of an instance, with their children."""
    found = site.processes()
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children[parent].append(int(entry.name))
    new = [child for pid in found for child in children[pid]]
    while new:
        pid = new.pop()
        if pid not in found and pid != os.getpid():
            found[pid] = words_of(pid)
            new += children[pid]
    groups = {pid: group_of(words) for pid, words in found.items()}
    runners = {pid for pid, group in groups.items() if group == "runners"}
    # What runs a job is a copy of the runner, and looks like it.
    return groups | {child: JOBS for pid in runners for child in children[pid]}


def take(site: Site) -> Sample:
    """Take a sample."""
    memory: dict[str, int] = defaultdict(int)
    descriptors: dict[str, int] = defaultdict(int)
    threads: dict[str, int] = defaultdict(int)
    processes = family(site)
    for pid, group in processes.items():
        place = Path(f"/proc/{pid}")
        with contextlib.suppress(OSError):  # it may be gone by now
            sizes = dict(
                line.split(":", 1)
                for line in (place / "smaps_rollup").read_text().splitlines()
                if ":" in line
            )
            here = int(sizes["Pss"].split()[0])
            opened = len(list((place / "fd").iterdir()))
            memory[group] += here
            descriptors[group] += opened
            threads[group] += len(list((place / "task").iterdir()))
    roles = [line.rpartition(" ") for line in site.instance.cluster.sql(CONNECTIONS)]
    return Sample(
        time.monotonic(), memory, descriptors, threads,
        {role: int(number) for role, _, number in roles}, spooled(site),
        frozenset(pid for pid, group in processes.items() if group not in {JOBS, POSTGRES}),
        sum(group == JOBS for group in processes.values()),
        int(site.instance.cluster.sql(BUSY)[0]),
    )  # fmt: skip


def spooled(site: Site) -> dict[str, int]:
    """Count the files in the directories for what passes through."""
    run, root = run_directory(site.home), site.home / "dachs"
    places = {f"run/{name}": run / name for name in ("bodies", "proxy", "fastcgi", "uwsgi", "scgi")}
    places |= {"uwsjobs": root / "state" / "uwsjobs", "tmp": root / "tmp"}
    places |= {"pgsql_tmp": site.instance.cluster.data / "base" / "pgsql_tmp"}
    return {name: sum(1 for _ in place.rglob("*")) for name, place in places.items() if place.is_dir()}


class Watch:
    """Takes samples in a thread until told to end."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.samples: list[Sample] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *what: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.is_set():
            self.samples.append(take(self.site))
            self._over.wait(INTERVAL)


def growth(samples: list[Sample]) -> float:
    """Give by how many kB memory grows over some samples: their span times the median of all slopes."""
    points = [(sample.at, sample.total("memory")) for sample in samples]
    slopes = [
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for number, earlier in enumerate(points)
        for later in points[number + 1 :]
    ]
    return statistics.median(slopes) * (points[-1][0] - points[0][0]) if slopes else 0.0
