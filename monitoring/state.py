"""Metrics that are looked up when somebody asks for them."""

from __future__ import annotations

import os
import platform
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import psycopg2
from prometheus_client.core import CounterMetricFamily as Counters
from prometheus_client.core import GaugeMetricFamily as Gauges
from prometheus_client.core import Metric

from monitoring import database
from monitoring.options import Options, read_json
from monitoring.readiness import Readiness
from serving.asking import pulse

PREFIX = "cherenkov_vo"
PHASES = ("PENDING", "QUEUED", "EXECUTING", "COMPLETED", "ERROR", "ABORTED", "HELD", "SUSPENDED", "ARCHIVED")
"""Phases of UWS 1.1, section 2.1.3."""

RESULTS = ("done", "unchanged", "failed")
CACHES = {"previews": "dachs/cache/previews", "jobs": "dachs/state/uwsjobs", "logs": "log"}
WALK_INTERVAL = 60.0
"""Seconds for which sizes of directories count."""

PULSE_PATIENCE = 2.0
PAGE = os.sysconf("SC_PAGE_SIZE")


class State:
    """Looks up what there is to know of an instance.

    Parameters
    ----------
    options
        What there is to watch.
    readiness
        Says what works.
    """

    def __init__(self, options: Options, readiness: Readiness) -> None:
        self.options, self.readiness = options, readiness
        self.lock = threading.Lock()
        self.walked = -WALK_INTERVAL
        self.sizes: dict[str, tuple[int, int]] = {}

    def collect(self) -> Iterable[Metric]:
        """Give all metrics."""
        yield from self._build()
        yield from self._readiness()
        yield from self._processes()
        yield from self._workers()
        yield from self._imports()
        yield from self._disk()
        yield from self._database()

    def _build(self) -> Iterator[Metric]:
        labels = {
            "python": platform.python_version(),
            "astropy": metadata.version("astropy"),
        } | self.options.build
        build = Gauges(f"{PREFIX}_build_info", "Versions; the value is 1.", labels=list(labels))
        build.add_metric(list(labels.values()), 1)
        yield build

    def _readiness(self) -> Iterator[Metric]:
        found = self.readiness.look()
        ready = Gauges(f"{PREFIX}_ready", "Whether the service can do its work.")
        ready.add_metric([], float(not any(found.values())))
        checks = Gauges(f"{PREFIX}_ready_check", "Whether a part of the service works.", labels=["check"])
        for name, problem in found.items():
            checks.add_metric([name], float(not problem))
        yield from (ready, checks)

    def _processes(self) -> Iterator[Metric]:
        facts = read_json(self.options.facts)
        known = {_label(name): pid for name, pid in facts.get("processes", {}).items()}
        restarts = Counters(
            f"{PREFIX}_process_restarts",
            "Times that the supervisor started a process again.",
            labels=["process"],
        )
        counts = {_label(name): count for name, count in facts.get("restarts", {}).items()}
        for name in sorted({*known, *counts, "PostgreSQL"}):
            restarts.add_metric([name], counts.get(name, 0))
        memory = Gauges(
            f"{PREFIX}_process_resident_memory_bytes", "Memory that a process has.", labels=["process"]
        )
        for name, pid in known.items():
            try:
                pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
            except (OSError, ValueError, IndexError):
                continue
            memory.add_metric([name], pages * PAGE)
        yield from (restarts, memory)

    def _workers(self) -> Iterator[Metric]:
        up = Gauges(f"{PREFIX}_worker_up", "Whether a worker answers.", labels=["worker"])
        running = Gauges(
            f"{PREFIX}_tap_queries_running", "Synchronous TAP queries that run.", labels=["worker"]
        )
        waiting = Gauges(
            f"{PREFIX}_tap_queries_waiting", "Synchronous TAP queries that wait.", labels=["worker"]
        )
        for path in sorted(self.options.run.glob("*.rc")):
            said = pulse(path.with_suffix(".sock"), PULSE_PATIENCE)
            up.add_metric([path.stem], float(said is not None))
            if said:
                running.add_metric([path.stem], said["running"])
                waiting.add_metric([path.stem], said["waiting"])
        yield from (up, running, waiting)

    def _imports(self) -> Iterator[Metric]:
        observations = Gauges(
            f"{PREFIX}_import_observations",
            "Observations of a collection at its last import: published, or failed.",
            labels=["collection", "outcome"],
        )
        deviations = Gauges(
            f"{PREFIX}_import_deviations", "Deviations from GADF in published files.", labels=["collection"]
        )
        events = Gauges(f"{PREFIX}_published_events", "Events in published files.", labels=["collection"])
        for path in sorted((self.options.home / "reports").glob("*.json")):
            report = read_json(path)
            observations.add_metric([path.stem, "published"], report.get("published", 0))
            observations.add_metric([path.stem, "failed"], len(report.get("failures", ())))
            deviations.add_metric([path.stem], report.get("deviation_count", 0))
            events.add_metric([path.stem], report.get("events", 0))
        yield from (observations, deviations, events)
        yield from self._last_imports()

    def _last_imports(self) -> Iterator[Metric]:
        name = f"{PREFIX}_import_last"
        moment = Gauges(f"{name}_timestamp_seconds", "When the last import ended.", labels=["collection"])
        seconds = Gauges(f"{name}_duration_seconds", "Time that the last import took.", labels=["collection"])
        result = Gauges(
            f"{name}_result", "How the last import ended: 1 for that.", labels=["collection", "result"]
        )
        imports = read_json(self.options.home / "state.json").get("imports", {})
        for collection, last in sorted(imports.items()):
            moment.add_metric([collection], last["ended"])
            seconds.add_metric([collection], last["seconds"])
            for word in RESULTS:
                result.add_metric([collection, word], float(word == last["result"]))
        yield from (moment, seconds, result)

    def _disk(self) -> Iterator[Metric]:
        usage = shutil.disk_usage(self.options.home)
        free = Gauges(f"{PREFIX}_disk_free_bytes", "Free disk where the instance lies.")
        free.add_metric([], usage.free)
        with self.lock:
            if time.monotonic() - self.walked >= WALK_INTERVAL:
                self.sizes = {name: _size(self.options.home / path) for name, path in CACHES.items()}
                self.walked = time.monotonic()
            sizes = dict(self.sizes)
        size = Gauges(f"{PREFIX}_directory_size_bytes", "What lies in a directory.", labels=["directory"])
        files = Gauges(f"{PREFIX}_directory_files", "Files in a directory.", labels=["directory"])
        for name, (total, number) in sizes.items():
            size.add_metric([name], total)
            files.add_metric([name], number)
        yield from (free, size, files)

    def _database(self) -> Iterator[Metric]:
        schemas = [
            name for name in read_json(self.options.home / "state.json").get("served", ()) if _plain(name)
        ]
        up = Gauges(f"{PREFIX}_database_up", "Whether the database answers.")
        tables = database.TABLES.format(schemas=",".join(schemas))
        asked = (database.SIZE, database.LIMIT, database.CONNECTIONS, database.JOBS, tables)
        found: list[list[tuple[Any, ...]]] = [[] for _ in asked]
        try:
            found = database.rows(self.options.home, *asked)
            up.add_metric([], 1)
        except (OSError, ValueError, psycopg2.Error):
            up.add_metric([], 0)
        yield up
        yield from _of_database(found)


def _of_database(found: list[list[tuple[Any, ...]]]) -> Iterator[Metric]:
    size = Gauges(f"{PREFIX}_database_size_bytes", "Size of the database on disk.")
    limit = Gauges(f"{PREFIX}_database_connections_limit", "Connections that the database takes.")
    for family, values in ((size, found[0]), (limit, found[1])):
        for (value,) in values:
            family.add_metric([], value)
    used = Gauges(
        f"{PREFIX}_database_connections", "Connections to the database.", labels=["account", "state"]
    )
    for account, state, number in found[2]:
        used.add_metric([account, state], number)
    jobs = Gauges(f"{PREFIX}_tap_jobs", "Asynchronous TAP jobs by phase.", labels=["phase"])
    by_phase = dict(found[3])
    for phase in PHASES if found[0] else ():
        jobs.add_metric([phase], by_phase.get(phase, 0))
    rows = Gauges(
        f"{PREFIX}_table_rows", "Rows of a table, as PostgreSQL estimates.", labels=["collection", "table"]
    )
    ingested = Counters(
        f"{PREFIX}_rows_ingested",
        "Rows that imports wrote, since PostgreSQL's statistics began.",
        labels=["collection"],
    )
    written: dict[str, int] = {}
    for schema, table, there, inserted in found[4]:
        rows.add_metric([schema, table], there)
        written[schema] = written.get(schema, 0) + inserted
    for schema, number in written.items():
        ingested.add_metric([schema], number)
    yield from (size, limit, used, jobs, rows, ingested)


def _label(name: str) -> str:
    return name.removeprefix("worker ")


def _plain(name: object) -> bool:
    return isinstance(name, str) and name.replace("_", "").isalnum() and name.isascii()


def _size(directory: Path) -> tuple[int, int]:
    total = number = 0
    for base, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(f"{base}/{name}").st_size
            except OSError:
                continue
            number += 1
    return total, number
