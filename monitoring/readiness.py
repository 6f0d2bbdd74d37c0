"""Whether the service can do its work now; found out by doing it."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import psycopg2

from monitoring import database
from monitoring.options import Options, read_json
from serving.asking import ask, pulse

PATIENCE = 4.0
"""Seconds for each worker's answer."""

PULSE_PATIENCE = 1.0
"""The same for what a worker says without any thread."""

VALID = 1.0
"""Seconds for which an answer counts: strangers may ask, too, and each look costs a query."""

KINDS = ("light", "query")
"""Kinds of workers of which at least one must answer; as in ``instance/proxy.py``."""

ADQL = "SELECT TOP 1 obs_collection FROM ivoa.obscore"
QUERY = f"/tap/sync?{urlencode({'LANG': 'ADQL', 'FORMAT': 'csv', 'QUERY': ADQL})}"

WELL = ""
ANY_ROW = "SELECT count(*) FROM (SELECT 1 FROM ivoa.obscore LIMIT 1) q"


class Readiness:
    """Looks whether everything works, when asked.

    Parameters
    ----------
    options
        What there is to watch.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.lock = threading.Lock()
        self.found: dict[str, str] = {}
        self.looked = -VALID
        self.checks = {
            "database": self.database,
            "tap": self.tap,
            "workers": self.workers,
            "disk": self.disk,
            "publication": self.publication,
        }
        self.pool = ThreadPoolExecutor(max_workers=len(self.checks))

    def look(self) -> dict[str, str]:
        """Give what is wrong with each thing that is checked; an empty text if it is well."""
        with self.lock:
            if time.monotonic() - self.looked >= VALID:
                asked = {name: self.pool.submit(self._check, name) for name in self.checks}
                self.found = {name: future.result() for name, future in asked.items()}
                self.looked = time.monotonic()
            return dict(self.found)

    def _check(self, name: str) -> str:
        try:
            return self.checks[name]()
        except (OSError, ValueError, psycopg2.Error) as error:
            return f"{type(error).__name__}: {' '.join(str(error).split())}"

    def sockets(self, kind: str) -> list[Path]:
        """Give the sockets of workers of one kind."""
        return sorted(path.with_suffix(".sock") for path in self.options.run.glob(f"{kind}-*.rc"))

    def database(self) -> str:
        """Look whether the database takes a new connection, and has the table that all collections share."""
        ((row,),) = database.rows(self.options.home, ANY_ROW)
        return WELL if row[0] else "ivoa.obscore has no rows"

    def tap(self) -> str:
        """Look whether a worker answers a query on ivoa.obscore."""
        problem = "there is no worker for queries"
        for socket in self.sockets("query"):
            said = _ask(socket, QUERY)
            if said is not None and len(said.split()) >= 2:
                return WELL
            busy = pulse(socket, PULSE_PATIENCE) or {}
            if said is None and busy.get("waiting"):
                return WELL  # it has much to do, which is no fault
            problem = f"{socket.stem} does not answer a query on ivoa.obscore"
        return problem

    def workers(self) -> str:
        """Look whether some worker of each kind answers."""
        lost = [
            kind
            for kind in KINDS
            if not any(pulse(socket, PATIENCE) is not None for socket in self.sockets(kind))
        ]
        return f"no worker of these kinds answers: {', '.join(lost)}" if lost else WELL

    def disk(self) -> str:
        """Look whether there is room."""
        free = shutil.disk_usage(self.options.home).free // 1_000_000
        least = self.options.least_disk
        return WELL if free >= least else f"{free} MB of disk are free, expected {least}"

    def publication(self) -> str:
        """Look whether the last import was published, or is about to be."""
        state = read_json(self.options.home / "state.json")
        if not state.get("served"):
            return "no collection has been imported"
        if state.get("published") or _held(self.options.home / "work.lock"):
            return WELL
        return "the last publication did not end well"


def _ask(socket: Path, url: str) -> bytes | None:
    try:
        return ask(socket, url, PATIENCE)
    except (OSError, ValueError):
        return None


def _held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
