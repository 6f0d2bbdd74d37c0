"""The process that serves metrics and says whether the service is ready: ``python -m monitoring``.

It is not one of the web server's: it goes on while those, or PostgreSQL, are started again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from ingest.errors import InstanceError
from instance import access_log, packages, proxy
from instance.bringup import Instance
from instance.cluster import port_is_free
from instance.exits import EXIT_PORT
from instance.processes import Process, run_directory
from instance.settings import Settings

OPTIONS = "monitor.json"
FACTS = "supervisor.json"
PORT = "metrics.port"
"""Files in the run directory: what the monitor is told, what it is told again and again, and its port."""

LEAST_INTERVAL = 1.0
"""Seconds between two starts."""


def port_of(run: Path) -> int | None:
    """Give the port on which metrics are served; None if they are not."""
    try:
        return int((run / PORT).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


class Monitor:
    """The monitor of an instance, as its supervisor sees it.

    Parameters
    ----------
    instance
        The instance.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.run = run_directory(instance.home)
        self.restarts: dict[str, int] = {}
        self.process: Process | None = None
        self.started = 0.0
        self.told = ""

    def start(self) -> None:
        """Start it, if it does not run and is wanted.

        Raises
        ------
        InstanceError
            Another program has the port that the operator chose for it.
        """
        instance, settings = self.instance, self.instance.settings
        if not settings.fast_paths or (self.process is not None and self.process.runs()):
            return
        if settings.metrics and settings.metrics_port and not port_is_free(settings.metrics_port):
            raise InstanceError(
                f"Port {settings.metrics_port}, for metrics, is taken by another program.",
                "End that, or choose another one with CHERENKOV_VO_METRICS_PORT.",
                exit_code=EXIT_PORT,
            )
        instance.account.make_directory(self.run, 0o700)
        if not settings.metrics:
            (self.run / PORT).unlink(missing_ok=True)
        options = self.run / OPTIONS
        options.write_text(json.dumps(self._options(settings)), encoding="utf-8")
        log = instance.home / "log" / "monitor.log"
        environment = instance.dachs.environment
        command = instance.account.command([instance.dachs.python, "-m", "monitoring", options])
        self.process = Process("monitor", command, environment, log)
        self.process.start()
        self.started = time.monotonic()

    def _options(self, settings: Settings) -> dict[str, object]:
        home = self.instance.home
        return {
            "home": str(home),
            "run": str(self.run),
            "requests": str(home / "log" / access_log.NAME),
            "messages": str(self.run / proxy.MESSAGES),
            "socket": str(self.run / proxy.MONITOR),
            "metrics": settings.metrics,
            "port": settings.metrics_port,
            "port_file": str(self.run / PORT),
            "facts": str(self.run / FACTS),
            "least_disk": settings.least_disk,
            "kinds": [*access_log.KINDS, access_log.OTHER],
            "build": {"dachs": packages.installed_version("python3-gavo") or ""},
        }

    def look_after(self, others: Sequence[Process]) -> None:
        """Start it again if it has ended, and tell it what the supervisor knows of all other processes."""
        late = time.monotonic() - self.started > LEAST_INTERVAL
        if self.process is not None and not self.process.runs() and late:
            self.count_restart("monitor")
            self.start()
        processes = {
            process.name: process.process.pid
            for process in others
            if process.process is not None and process.runs()
        }
        if self.process is not None and self.process.process is not None:
            processes["monitor"] = self.process.process.pid
        facts = {"restarts": self.restarts, "processes": processes}
        text = json.dumps(facts)
        if text != self.told and self.run.is_dir():
            partial = self.run / f"{FACTS}.partial"
            partial.write_text(text, encoding="utf-8")
            partial.replace(self.run / FACTS)
            self.told = text

    def count_restart(self, what: str) -> None:
        """Count that something was started again."""
        self.restarts[what] = self.restarts.get(what, 0) + 1

    def end(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.end()
            self.process = None
