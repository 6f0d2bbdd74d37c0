"""The instance that the benchmark measures: our services, and DaCHS as it comes, on one database."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2

from bench.harness import Figure
from instance import settings
from instance.account import end
from instance.bringup import Instance
from instance.cluster import free_port
from instance.releases import SHARED
from instance.settings import NONE_WORD, SAMPLE_WORD

CHECKOUT = settings.CHECKOUT
COLLECTION = "ctao"
"""The collection whose event lists are multiplied."""

START_PATIENCE = 300.0
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Bench:
    """One private instance in a temporary directory, with a stock DaCHS beside it.

    Attributes
    ----------
    url
        Our services, as clients reach them.
    stock_url
        A DaCHS process with ``fast_paths`` off on the same database.
    rows
        Event lists in ``ctao.obscore`` at the moment.
    release
        Directory of the real H.E.S.S. release, else of the built-in sample.
    real
        Whether it is the real one.
    reference
        Figures of small queries at a million rows, by name, for comparison.
    home
        The instance's directory.
    environment
        Environment for ``bin/cherenkov-vo``.
    """

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.directory, self.environment = directory, environment
        self.reference: dict[str, Figure] = {}
        chosen = settings.load({**os.environ, **environment})
        self.instance = Instance(chosen)
        self.home = self.instance.home
        self.url = chosen.local_url
        self.real = chosen.hess_dl3_dr1 != SAMPLE_WORD
        self.release = Path(chosen.hess_dl3_dr1) if self.real else self.home / "releases" / "sample"
        self._stock: subprocess.Popen[bytes] | None = None
        self.stock_port = free_port()
        self.rows = self._count()

    @property
    def stock_url(self) -> str:
        """A stock DaCHS on the same database; it is started when first asked for."""
        if self._stock is None:
            self._start_stock()
        return f"http://127.0.0.1:{self.stock_port}"

    @property
    def stock_pid(self) -> int:
        """The stock DaCHS's process id."""
        assert self.stock_url
        assert self._stock is not None
        return self._stock.pid

    def connect(self) -> Any:
        """Open a connection to the database as its owner."""
        cluster = self.instance.cluster
        return psycopg2.connect(cluster.dsn, passfile=str(cluster.password_file))

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement, commit, and give its rows."""
        with contextlib.closing(self.connect()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    def command(self, *arguments: str, **environment: str) -> str:
        """Run ``bin/cherenkov-vo`` on the instance and give what it printed."""
        done = subprocess.run(
            [CHECKOUT / "bin" / "cherenkov-vo", *arguments],
            env={**os.environ, **self.environment, **environment},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return done.stdout

    def multiply(self, rows: int) -> None:
        """Make sure that ``ctao.obscore`` has at least so many event lists: simulated metadata only."""
        if self.rows >= rows:
            return
        text = (CHECKOUT / "bench" / "multiply.sql").read_text(encoding="utf-8")
        with contextlib.closing(self.connect()) as connection:
            with connection, connection.cursor() as cursor:
                cursor.execute("SET maintenance_work_mem = '512MB'")
                cursor.execute(text)
                cursor.execute("SELECT pg_temp.multiply(%s, %s)", (COLLECTION, rows))
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"VACUUM ANALYZE {COLLECTION}.obscore")
        self.rows = self._count()

    def _count(self) -> int:
        return int(self.sql(f"SELECT count(*) FROM {COLLECTION}.obscore")[0][0])

    def _start_stock(self) -> None:
        dachs = self.instance.dachs
        text = re.sub(r"(?m)^serverPort:.*$", f"serverPort: {self.stock_port}", dachs.rc.read_text())
        text = re.sub(r"(?m)^bindAddress:.*$", "bindAddress: 127.0.0.1", text)
        rc = self.directory / "stock.rc"
        rc.write_text(text)
        environment = dachs.environment | {
            "GAVOSETTINGS": str(rc),
            settings.variable_of("fast_paths"): "no",
        }
        with (self.directory / "stock.log").open("ab") as log:
            self._stock = subprocess.Popen(dachs.server(), env=environment, cwd="/", stdout=log, stderr=log)
        wait_for(f"http://127.0.0.1:{self.stock_port}/tap/availability", self._stock)

    def close(self) -> None:
        """End the stock DaCHS."""
        if self._stock is not None:
            end(self._stock)


def wait_for(url: str, process: subprocess.Popen[bytes], patience: float = START_PATIENCE) -> None:
    """Wait until a server answers.

    Raises
    ------
    RuntimeError
        It ends, or does not answer in time.
    """
    deadline = time.monotonic() + patience
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException), _direct.open(url, timeout=5) as reply:
            reply.read()
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{url} does not answer")
        time.sleep(0.2)


@contextlib.contextmanager
def served(prepare: Callable[[Path], None] | None = None, **changes: str) -> Iterator[Bench]:
    """Make an instance on free ports in a temporary directory, serve it, and remove it.

    Parameters
    ----------
    prepare
        Is given the directory in which the instance will be, before it is made.
    **changes
        Environment variables for the instance beside the usual ones.
    """
    named = settings.load().hess_dl3_dr1
    release = named or (str(SHARED) if SHARED.is_dir() else SAMPLE_WORD)
    with tempfile.TemporaryDirectory(prefix="cherenkov-vo-bench-", ignore_cleanup_errors=True) as temporary:
        directory = Path(temporary)
        directory.chmod(0o755)
        environment = {
            "CHERENKOV_VO_INSTANCE": str(directory / "instance"),
            "CHERENKOV_VO_PORT": str(free_port()),
            "CHERENKOV_VO_AUTHORITY": "bench.cherenkov.example",
            "CHERENKOV_VO_DOWNLOAD": "no",
            "CHERENKOV_VO_EXPLORER": "no",
            settings.HESS_VARIABLE: release,
            settings.CTA_VARIABLE: NONE_WORD,
            **changes,
        }
        if prepare is not None:
            prepare(directory / "instance")
        server = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", CHECKOUT / "bin" / "cherenkov-vo", "serve"],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_for(f"http://127.0.0.1:{environment['CHERENKOV_VO_PORT']}/tap/availability", server)
            bench = Bench(directory, environment)
            with contextlib.closing(bench):
                yield bench
        finally:
            server.terminate()
            server.wait(60)
