"""Serving: DaCHS and PostgreSQL watched over by one process, in the foreground or detached."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

from ingest.errors import InstanceError
from instance import rotation, version
from instance.bringup import Instance
from instance.console import say
from instance.explorer import Explorer
from instance.fleet import Fleet
from instance.monitor import Monitor
from instance.processes import Process
from instance.server import CHANGED, STOP_PATIENCE, answers, require_port, welcome
from instance.state import fingerprint, lock

START_PATIENCE = 90.0
"""Seconds for the web server to answer for the first time; it takes about three."""

WATCH_INTERVAL = 0.2
MAX_RESTARTS = 5
RESTART_WINDOW = 60.0
PAUSE = 10.0
"""Seconds before what ended `MAX_RESTARTS` times in `RESTART_WINDOW` is started again, or what cannot be."""

DATABASE = "PostgreSQL"
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Supervisor:
    """Keeps PostgreSQL and the web server's processes running until it is told to end.

    Parameters
    ----------
    instance
        What to serve; it must have been brought up.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.dachs = instance.dachs
        self.cluster = instance.cluster
        self.fleet = Fleet(instance.settings, instance.home, instance.account, self.cluster, self.dachs)
        self.ending = threading.Event()
        self.changed = threading.Event()
        self.code = ""
        self.served = False
        self.restarts: dict[str, list[float]] = {}
        self.monitor = Monitor(instance)
        self.explorer = Explorer(instance, self.monitor)
        self.rotation = rotation.Rotation(instance.settings, instance.home / "log")

    def stop_on_signal(self, number: int, frame: FrameType | None) -> None:
        """Note that it is time to end."""
        self.ending.set()

    def heed_signals(self) -> None:
        """From now on, signals that ask to end do so between two steps."""
        for number in SIGNALS:
            signal.signal(number, self.stop_on_signal)

    def heed_changes(self) -> None:
        """From now on, be told of changes; without this the signal would end the process."""
        signal.signal(CHANGED, lambda number, frame: self.changed.set())

    def _take_up_changes(self) -> None:
        """Let the web server read its resources again; new code needs new processes."""
        self.changed.clear()
        self.explorer.hips.changed()
        if self._code() == self.code:
            self.fleet.reload()
        else:
            say("The code changed; starting the web server again.")
            self.fleet.end()
            self.start_server()

    def _code(self) -> str:
        return fingerprint(*self.dachs.deployment.served_files())

    def start_server(self) -> None:
        """Start the web server, or what has ended of it, and wait for its first answer.

        Raises
        ------
        InstanceError
            The port is taken, or the server ends at once or does not answer.
        """
        code = self._code()
        if self.fleet.processes and code != self.code:
            self.fleet.end()
        if not self.fleet.processes:
            require_port(self.instance)
        self.code = code
        self._limit_queries()
        if not self.ending.is_set():
            self.monitor.start()
            self.fleet.start()
            self.wait_until_ready()

    def _limit_queries(self) -> None:
        """Limit what queries may take; PostgreSQL may end before that, or come back from such an end."""
        deadline = time.monotonic() + START_PATIENCE
        while not self.ending.is_set():
            try:
                self.cluster.limit_queries(self.instance.settings)
                return
            except InstanceError:
                if self.cluster.process() is None:
                    self._revive_database()
                elif time.monotonic() > deadline:
                    raise
                else:
                    time.sleep(WATCH_INTERVAL)

    def wait_until_ready(self) -> None:
        """Wait for the first answers of all processes of the web server.

        Once it has served, a process that ends is started again, and one that is slow is left to `watch`.
        """
        deadline = time.monotonic() + START_PATIENCE
        while not (self.fleet.ready() and answers(self.instance)):
            if self.ending.is_set():
                return
            if self.cluster.process() is None:  # it may end more than once in a row
                self._revive_database()
                self.start_server()
                return
            dead, late = self.fleet.dead(), time.monotonic() > deadline
            if self.served and late:
                return
            if not self.served and (dead or late):
                raise InstanceError(
                    "The web server does not come up.", f"The whole story is in {self._logs()}."
                )
            for process in dead:
                self._restart(process, "ended unexpectedly")
            time.sleep(0.2)
        self.served = True

    def watch(self) -> None:
        """Restart what dies or does not answer any more, until told to end."""
        while not self.ending.wait(WATCH_INTERVAL):
            if self.cluster.process() is None and not self._too_often(DATABASE):
                self._revive_database()
                self.start_server()
            for process in self.fleet.dead():
                if not self._too_often(_named(process)):
                    self._restart(process, "ended unexpectedly")
            for process in self.fleet.silent():
                self._restart(process, "does not answer any more")
            if self.changed.is_set():
                self._take_up_changes()
            self.fleet.favour_light()
            self.explorer.look_after()
            self.monitor.look_after([*self.fleet.processes, *self.explorer.processes])
            self.rotation.look_after(self.fleet)

    def _revive_database(self) -> None:
        """Start PostgreSQL again; the processes that need it end, for their connections are lost."""
        self._note_restart(DATABASE, "ended unexpectedly")
        while not self.ending.is_set():
            try:
                self.cluster.start()
                break
            except InstanceError as error:  # on a full disk, say
                if not self.served:
                    raise
                say(f"{error.problem} Trying again in {PAUSE:.0f} s.")
                self.ending.wait(PAUSE)
        self.dachs.point_to_cluster()
        self.fleet.kill_workers()

    def _restart(self, process: Process, why: str) -> None:
        self._note_restart(_named(process), why)
        process.end(patiently=False)
        process.start()

    def _too_often(self, what: str) -> bool:
        """Say whether something ended so often that the next attempt has to wait: the rest is served on."""
        now = time.monotonic()
        recent = [moment for moment in self.restarts.get(what, ()) if now - moment < RESTART_WINDOW]
        return len(recent) >= MAX_RESTARTS and now - recent[-1] < PAUSE

    def _note_restart(self, what: str, why: str) -> None:
        say(f"{what} {why}; starting it again.", "warning")
        self.monitor.count_restart(what.removeprefix("The "))
        now = time.monotonic()
        before = self.restarts.get(what, [])
        self.restarts[what] = [moment for moment in before if now - moment < RESTART_WINDOW] + [now]
        if len(self.restarts[what]) > MAX_RESTARTS and not self.served:
            raise InstanceError(
                f"{what} does not stay up.", f"The whole story is in {self._logs()} and {self.cluster.log}."
            )

    def _logs(self) -> str:
        return " and ".join(dict.fromkeys(str(process.log) for process in self.fleet.processes))

    def close(self) -> None:
        """End the web server, then PostgreSQL."""
        self.fleet.end()
        self.explorer.end()
        self.monitor.end()
        self.cluster.stop()


def _named(process: Process) -> str:
    return f"The {process.name}"


def serve(instance: Instance) -> None:
    """Bring the instance up and serve it until this process is told to end.

    Raises
    ------
    InstanceError
        It cannot be brought up or served.
    """
    instance.make_home()
    with lock(instance.serve_lock, STOP_PATIENCE, "serving this instance"):
        require_port(instance)
        supervisor = Supervisor(instance)
        supervisor.heed_changes()
        try:
            instance.bring_up()
            supervisor.heed_signals()
            supervisor.start_server()
            if not supervisor.ending.is_set():
                instance.state.set(serving=version.VERSION)
                say(welcome(instance))
                supervisor.explorer.start()
            supervisor.watch()
        finally:
            supervisor.heed_signals()  # impatience must not leave PostgreSQL behind
            supervisor.close()
            say("Stopped.")
