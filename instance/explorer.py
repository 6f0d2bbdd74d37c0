"""The data explorer beside the web server: prepared while that serves, watched, ended.

Whatever happens to it, the VO services go on: a failure becomes a sentence, and another attempt later.
"""

from __future__ import annotations

import itertools
import shutil
import threading
import time

from ingest.errors import CherenkovVOError, InstanceError
from instance import explorer_making
from instance.bringup import Instance
from instance.console import say
from instance.explorer_hips import Hips
from instance.explorer_making import Made
from instance.explorer_parts import FACTS, PATH, SERVER, STORE, Facts, Places
from instance.monitor import Monitor
from instance.processes import Process
from instance.settings import variable_of

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 600.0
"""Seconds before it is prepared again after a failure, at first and at most."""

MAX_RESTARTS, RESTART_WINDOW, RESTART_PAUSE = 5, 60.0, 10.0
"""What ended so often within so many seconds is started again after a pause only."""

AT_ONCE = 3.0
"""Seconds within which a process ends that cannot run at all."""


class Explorer:
    """The explorer of an instance, as its supervisor sees it.

    Parameters
    ----------
    instance
        The instance.
    monitor
        It is told of restarts.
    """

    def __init__(self, instance: Instance, monitor: Monitor) -> None:
        self.instance, self.monitor = instance, monitor
        self.places = Places(instance.home)
        self.wanted = instance.settings.explorer and instance.settings.fast_paths
        self.hips = Hips(instance)
        self.processes: list[Process] = []
        self.made: Made | None = None
        self.failure: Exception | None = None
        self.next, self.pause = 0.0, FIRST_PAUSE
        self.starts: dict[str, list[float]] = {}
        self._preparing: threading.Thread | None = None

    def start(self) -> None:
        """Begin to prepare it, in the background; say so if it is switched off."""
        if self.wanted:
            self._note("preparing")
            self.next = time.monotonic()
            return
        name = "explorer" if not self.instance.settings.explorer else "fast_paths"
        say(f"The explorer is switched off ({variable_of(name)}=no).")

    def look_after(self) -> None:
        """Do what is to be done next: prepare it, start it, or start again what has ended."""
        if not self.wanted or (self._preparing is not None and self._preparing.is_alive()):
            return
        if self._preparing is not None:
            self._preparing = None
            if self.failure is not None:
                self._tell(self.failure)
                return
        try:
            if self.made is None:
                if time.monotonic() >= self.next:
                    self._prepare()
            elif not self.processes:
                self._begin(self.made)
            elif self.made.database_port != self.instance.cluster.port:
                self.end(patiently=False)
                self._prepare()
            else:
                self._watch()
                self.hips.look_after(self.made.environment)
        except Exception as error:
            # Not even a mistake of ours may end what serves everything else.
            self.end(patiently=False)
            self._tell(error)

    def _prepare(self) -> None:
        # What a thread starts ends with it, so that processes which stay are started by the supervisor's own.
        self.made, self.failure = None, None
        self._preparing = threading.Thread(target=self._make, name="explorer", daemon=True)
        self._preparing.start()

    def _make(self) -> None:
        try:
            self.made = explorer_making.make(self.instance)
        except Exception as error:
            self.failure = error

    def _tell(self, error: Exception) -> None:
        known = isinstance(error, CherenkovVOError | OSError)
        text = str(error) if known else f"{type(error).__name__}: {error}"
        reason = f"{' '.join(text.split()).rstrip('.')}."
        say(
            f"The explorer is NOT served, all else is: {reason} Trying again in {self.pause:.0f} s.",
            "warning",
        )
        self._note("failed", reason)
        self.made = None
        self.next = time.monotonic() + self.pause
        self.pause = min(2 * self.pause, LONGEST_PAUSE)

    def _begin(self, made: Made) -> None:
        """Start Redis and the server."""
        if not self.places.run.is_dir():
            raise InstanceError(f"{self.places.run} is not there.", "'make down', then 'make serve'.")
        account, log = self.instance.account, self.instance.home / "log"
        for socket in (self.places.store, self.places.socket):
            socket.unlink(missing_ok=True)
        configuration = self.places.state / "redis.conf"
        configuration.write_text(explorer_making.store_configuration(self.places), encoding="utf-8")
        account.own(configuration)
        store = account.command([explorer_making.STORE_PROGRAM, configuration])
        server = account.command(explorer_making.server_command(made.python))
        self.processes = [
            Process(STORE, store, {"PATH": made.environment["PATH"]}, log / "explorer-redis.log"),
            Process(SERVER, server, made.environment, log / "explorer.log"),
        ]
        for process in self.processes:
            self._start(process)
        self.pause = FIRST_PAUSE
        self._note("started")
        say(f"The explorer is at {self.instance.settings.url}{PATH}/")

    def _start(self, process: Process) -> None:
        now = time.monotonic()
        recent = [moment for moment in self.starts.get(process.name, ()) if now - moment < RESTART_WINDOW]
        self.starts[process.name] = [*recent, now]
        process.start()

    def _watch(self) -> None:
        """Start again what has ended."""
        for process in self.processes:
            if process.runs():
                continue
            recent = self.starts[process.name]
            if len(recent) > MAX_RESTARTS and time.monotonic() - recent[-1] < RESTART_PAUSE:
                continue
            say(f"The {process.name} ended unexpectedly; starting it again.", "warning")
            self.monitor.count_restart(process.name)
            process.end(patiently=False)
            if process.name == STORE and self._cannot_run(recent):
                self._set_aside()
            self._start(process)

    @staticmethod
    def _cannot_run(starts: list[float]) -> bool:
        """Say whether a process ended at once, twice in a row."""
        last = [*starts[-2:], time.monotonic()]
        return len(last) == 3 and all(
            later - earlier < AT_ONCE for earlier, later in itertools.pairwise(last)
        )

    def _set_aside(self) -> None:
        """Put what Redis cannot read aside, and let it begin anew: everybody has to log in again."""
        place = self.places.state / "redis"
        aside = place.with_name("redis-unreadable")
        shutil.rmtree(aside, ignore_errors=True)
        place.rename(aside)
        self.instance.account.make_directory(place, 0o700)
        say(
            f"Redis cannot use its files; they are in {aside}, and all sessions of the explorer end.",
            "warning",
        )

    def _note(self, phase: str, reason: str = "") -> None:
        port = self.made.metrics_port if self.made is not None else None
        if self.places.run.is_dir():
            Facts(phase, reason, port).write(self.places.run)

    def end(self, *, patiently: bool = True) -> None:
        """End its processes, the server first."""
        self.hips.end()
        for process in reversed(self.processes):
            process.end(patiently=patiently)
        self.processes = []
        (self.places.run / FACTS).unlink(missing_ok=True)
