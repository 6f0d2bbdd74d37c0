"""Asynchronous TAP jobs that start at once.

DaCHS starts ``dachs taprun`` for each job, which loads Python, DaCHS and all resources that the query needs
before it does anything: about two seconds. Here, the server keeps a process that has loaded all that
(`upstream.runner`) and forks a process for each job. A job still has a process of its own, whose id is
in the job's record, that gets the same signals, and whose death is noticed as before. If that process
is not ready, or is gone, jobs start in DaCHS's way.

Proposal to upstream: such a process as a second implementation of
``ProcessBasedUWSTransitions._startJobTwisted``.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from typing import Any

from gavo import base
from gavo.protocols import tap, taprunner, uws
from twisted.internet import reactor as _reactor

from upstream.runner import READY
from upstream.shims import Shim

reactor: Any = _reactor

FIRST = 4.0
"""Seconds after the start of the server, which has its own resources to load before."""

ANSWER_PATIENCE = 2.0
"""Seconds to wait for a process id; a fork takes 10 to 50 ms."""

_stock_start = uws.ProcessBasedUWSTransitions._startJobTwisted


class Runner:
    """A process that forks jobs, as the server sees it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ends, their_ends = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "upstream.runner", str(theirs.fileno()), str(their_ends)],
                pass_fds=(theirs.fileno(), their_ends),
                stdin=subprocess.DEVNULL,
            )
        finally:
            theirs.close()
            os.close(their_ends)
        threading.Thread(target=self._wait_until_ready, daemon=True).start()
        threading.Thread(target=self._hear_of_ends, args=(ends,), daemon=True).start()

    def start(self, job: str) -> int | None:
        """Have a job run.

        Returns
        -------
        int or None
            The id of its process; None if there is none.
        """
        if not self._ready.is_set():
            return None
        with self._lock:
            try:
                self._control.settimeout(ANSWER_PATIENCE)
                self._control.send(job.encode())
                answer = self._control.recv(32)
            except OSError:
                answer = b""
        if not answer:
            # A late answer must not be taken for that of another job.
            self.end()
            return None
        return int(answer)

    @property
    def gone(self) -> bool:
        """Whether there will be no answers any more."""
        return self._process.poll() is not None

    def end(self) -> None:
        """Let the process end; jobs that it started go on."""
        self._ready.clear()
        self._control.close()

    def _wait_until_ready(self) -> None:
        try:
            if self._control.recv(32) == READY:
                self._ready.set()
        except OSError:
            return

    def _hear_of_ends(self, ends: int) -> None:
        """Look after jobs whose process is done, as DaCHS does when a process has ended."""
        with os.fdopen(ends, encoding="ascii") as lines:
            for line in lines:
                reactor.callFromThread(reactor.callInThread, job_ended, line.split()[0])
        self._process.wait()


def job_ended(job: str) -> None:
    """See to it that a job whose process is gone has an end, and that the next one starts."""
    uws._UWSBackendProtocol(job, tap.WORKER_SYSTEM).processEnded(None)
    tap.WORKER_SYSTEM._processQueue()


class Keeper(dict[str, Runner]):
    """Holds the process; DaCHS takes this for a cache, and empties it when it reloads everything."""

    NAME = "runner"

    def __delitem__(self, name: str) -> None:
        runner = self.pop(name, None)
        if runner is not None:
            runner.end()
            self[name] = Runner()

    def start(self) -> None:
        """Have a process."""
        self[self.NAME] = Runner()

    def process_for(self, job: str) -> int | None:
        """Give the id of a process that runs a job, or None; then there will be one for the next job."""
        runner = self.get(self.NAME)
        if runner is None:
            return None
        pid = None if runner.gone else runner.start(job)
        if pid is None and runner.gone:
            self.start()
        return pid


_keeper = Keeper()


def start_job(transitions: Any, wjob: Any) -> None:
    """Start a queued job; replaces ``_startJobTwisted`` for TAP.

    Parameters
    ----------
    transitions
        DaCHS's rules.
    wjob
        The job, open for changes.
    """
    pid = _keeper.process_for(str(wjob.jobId))
    if pid is None:
        _stock_start(transitions, wjob)
    else:
        wjob.change(pid=pid, phase=uws.EXECUTING)


def keep_runner() -> None:
    """Have a process for jobs soon; called in the server."""
    base.caches.registerCache("getJobRunner", _keeper, _keeper.get)
    reactor.callLater(FIRST, _keeper.start)


SHIMS = (
    Shim(
        tap.TAPTransitions,
        "_startJobTwisted",
        start_job,
        (
            (uws.ProcessBasedUWSTransitions, "5c9dc67e009fa0ac"),
            (uws._UWSBackendProtocol, "9880f52a24e8d046"),
            (uws.UWSWithQueueing, "2c1a53b08b2161be"),
            (tap.TAPTransitions, "eaa6fb37b691a4ad"),
            (taprunner.main, "7643d431fa3d4d83"),
            (taprunner._runInThread, "612594b56d7a1087"),
        ),
    ),
)
