"""The web server's processes: DaCHS alone, or several of it behind a proxy."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from ingest.errors import InstanceError
from instance import access_log, priorities, proxy, replicas
from instance.account import Account
from instance.cluster import Cluster
from instance.dachs import Dachs
from instance.processes import Process, run_directory
from instance.settings import Settings
from serving import logs

PROXY = "proxy"
"""What the process is called that takes the public port."""

PULSE_INTERVAL = 2.0
UNRESPONSIVE = 30.0
"""Seconds without an answer after which a worker is replaced. An event loop waits for one lock only."""

NICENESS = 5
"""How far workers for queries stand behind all others."""

MEMORY_OF_WORKER = 220_000_000
"""Bytes that a DaCHS process takes with its RDs read, measured."""

MOST_BY_ITSELF = 8
"""Workers of a kind, at most, if the operator names no number."""


def numbers(settings: Settings, cores: int, memory: int) -> tuple[int, int]:
    """Decide how many workers there are for queries, and for all else.

    Parameters
    ----------
    settings
        The operator's choices; 0 leaves it to the machine.
    cores
        Of the machine.
    memory
        Bytes that are free.

    Returns
    -------
    tuple of int
        Workers for queries, workers for the rest.
    """
    # A query keeps two cores busy, one in Python and one in the database, which gets half of the memory.
    fitting = max(1, min(cores // 2, memory // (4 * MEMORY_OF_WORKER), MOST_BY_ITSELF))
    queries = settings.workers or fitting
    return queries, settings.light_workers or queries


def free_memory() -> int:
    """Give the bytes that are free, as Linux estimates them."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


class Fleet:
    """All processes of the web server.

    Parameters
    ----------
    settings, home, account, cluster, dachs
        The instance's.
    """

    def __init__(
        self, settings: Settings, home: Path, account: Account, cluster: Cluster, dachs: Dachs
    ) -> None:
        self.settings, self.home, self.account = settings, home, account
        self.cluster, self.dachs = cluster, dachs
        self.run = run_directory(home)
        self.processes: list[Process] = []
        self._pulse = threading.Thread(target=self._feel_pulses, name="pulse", daemon=True)

    def start(self) -> None:
        """Start everything, or what has ended of it, at once; does not wait until it answers."""
        if self.processes:
            for process in self.dead():
                process.end(patiently=False)  # what a killed nginx has left behind keeps its port
                process.start()
            return
        if not self.settings.fast_paths:
            command = self.dachs.server()
            self.processes = [Process("web server", command, self.dachs.environment, self.dachs.log)]
        else:
            self.processes = list(self._with_proxy())
        for process in self.processes:
            process.start()
        if not self._pulse.is_alive() and self._pulse.ident is None:
            self._pulse.start()

    def _with_proxy(self) -> Iterator[Process]:
        self.account.make_directory(self.run, 0o700)
        if self.run.stat().st_uid != self.account.uid or self.run.is_symlink():
            raise InstanceError(f"{self.run} belongs to somebody else.", "Remove it, and start again.")
        for stale in (*self.run.glob("*.sock"), *self.run.glob("*.rc")):
            stale.unlink()
        upstreams = self.upstreams()
        for upstream in upstreams:
            for number, socket in enumerate(upstream.sockets):
                yield self._worker(upstream.kind, number, socket)
        running = self.settings.tap_running * sum(
            len(upstream.sockets) for upstream in upstreams if upstream.kind != proxy.LIGHT
        )
        text = proxy.configuration(
            self.settings,
            self.run,
            upstreams,
            self._files(),
            running + self.settings.tap_waiting,
            self.home / "log",
        )
        (self.run / "nginx.conf").write_text(text, encoding="utf-8")
        log = self.home / "log" / "proxy.log"
        command = self.account.command(proxy.command(self.run, log))
        requests = log.with_name(access_log.NAME)
        for path in (log, requests):
            path.touch()
        self.account.own(self.run, log, requests)
        yield Process(PROXY, command, {"PATH": os.defpath, "TZ": "UTC"}, log)

    def upstreams(self) -> list[proxy.Upstream]:
        """Give the workers that there are to be."""
        queries, light = numbers(self.settings, os.cpu_count() or 1, free_memory())
        found = [(proxy.LIGHT, light), (proxy.QUERY, queries)]
        if self.settings.replicas:
            found.append((proxy.PRIMARY, 1))
        return [proxy.Upstream(kind, proxy.sockets_of(self.run, kind, number)) for kind, number in found]

    def _waiting(self) -> int:
        """Give how many queries may wait in one worker, with those that could run at once."""
        queries, _ = numbers(self.settings, os.cpu_count() or 1, free_memory())
        return -(-self.settings.tap_waiting // queries) + self.settings.tap_running

    def _files(self) -> dict[str, Path]:
        """Give the directories whose files the proxy sends once the application allowed it."""
        return {"inputs": self.dachs.deployment.inputs, "pictures": self.dachs.root / "cache" / "previews"}

    def _worker(self, kind: str, number: int, socket: Path) -> Process:
        arguments = ["nice", "-n", str(NICENESS)] if kind != proxy.LIGHT else []
        arguments += [str(self.dachs.python), "-m", "serving.worker", str(socket)]
        arguments += ["--queries", str(self.settings.tap_running), "--waiting", str(self._waiting())]
        if kind == proxy.LIGHT:
            arguments.append("--guests")
        profiles = self.dachs.root / "etc"
        if kind == proxy.QUERY and self.settings.replicas:
            arguments.append("--replica")
            profiles = replicas.write_profiles(self.dachs, self.settings, number, socket.stem)
        custom = self._custom(socket.stem, profiles)
        known = ":".join(f"{name}={directory}" for name, directory in self._files().items())
        environment = self.dachs.environment | {
            "GAVOCUSTOM": str(custom),
            "CHERENKOV_VO_PROXY_FILES": known,
        }
        environment |= logs.variable(self.home / "log", socket.stem, queries=self.settings.log_queries)
        return Process(
            f"worker {socket.stem}", self.account.command(arguments), environment, self.dachs.log, socket
        )

    def _custom(self, name: str, profiles: Path) -> Path:
        """Write what is a worker's own in DaCHS's configuration.

        It listens on a free port of this machine, too, which nobody uses: DaCHS insists on one.
        """
        logs = self.account.make_directory(self.dachs.root / "logs" / name)
        self.account.own(logs.parent)
        path = self.run / f"{name}.rc"
        path.write_text(
            f"[general]\nlogDir: {logs}\n\n[db]\nprofilePath: {profiles}\n\n"
            "[web]\nserverPort: 0\nbindAddress: 127.0.0.1\n",
            encoding="utf-8",
        )
        return path

    def ready(self) -> bool:
        """Say whether all processes answer."""
        return all(process.answers() for process in self.processes)

    def dead(self) -> list[Process]:
        """Give the processes that ended."""
        return [process for process in self.processes if not process.runs()]

    def silent(self) -> list[Process]:
        """Give the processes that run, but have not answered for long."""
        late = time.monotonic() - UNRESPONSIVE
        return [process for process in self.processes if process.runs() and process.seen < late]

    def reload(self) -> None:
        """Let all DaCHS processes read their resources again."""
        for process in self._workers():
            process.signal(signal.SIGHUP)

    def favour_light(self) -> None:
        """Put long queries of strangers behind everything else in the database."""
        if self.settings.fast_paths:
            priorities.lower_queries(self.cluster.process())

    def _workers(self) -> list[Process]:
        """Give all processes but the proxy."""
        return [process for process in self.processes if process.name != PROXY]

    def kill_workers(self) -> None:
        """End what has lost the database at once: whatever it still said while it ends would be wrong.

        The proxy tells whoever asks to come again.
        """
        for process in self._workers():
            process.end(patiently=False)
        if not any(process.runs() for process in self.processes):
            self.end()

    def end(self) -> None:
        """End all processes, the proxy first: nothing new comes then."""
        for process in reversed(self.processes):
            process.signal(signal.SIGTERM)
        for process in reversed(self.processes):
            process.end()
        self.processes = []

    def _feel_pulses(self) -> None:
        while True:
            time.sleep(PULSE_INTERVAL)
            for process in list(self.processes):
                process.feel_pulse()
