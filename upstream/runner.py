"""The process from which asynchronous jobs are forked: everything is loaded before there is a job.

It is started by `upstream.async_jobs` with two file descriptors: a socket over which it gets the
ids of jobs and says which process runs each, and a pipe on which it tells of the end of each. A job's
process does what ``dachs taprun`` does. It ends when the web server does; jobs under way go on, as they
do with DaCHS.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from gavo import (
    adql,
    base,
    rscdesc,  # noqa: F401 - base.caches gets its functions by this
)
from gavo.base import sqlsupport
from gavo.protocols import tap, taprunner, uws
from gavo.registry import findPublishedRDs
from gavo.user import logui, plainui
from gavo.utils import parsetricks

from serving import logs
from upstream import descriptors

MOST_OF_ID = 200
"""Bytes of a job's id; DaCHS's have ten."""

PATIENCE = 10.0
"""Seconds until the server has written down that a job is executed, and by which process."""

READY = b"ready"
EXAMPLE = "SELECT TOP 1 a FROM b.c WHERE 1=CONTAINS(POINT(ra, dec), CIRCLE(1, 2, 3)) AND d BETWEEN 1 AND 2"


def load() -> None:
    """Load what queries need, and leave no open connection to the database.

    Raises
    ------
    SystemExit
        The site's own descriptor cannot be read; jobs must not do without it.
    """
    descriptors.install_early()
    logui.LoggingUI(base.ui)
    if not logs.install(component="jobs"):
        plainui.StingyPlainUI(base.ui)
    base.DEBUG = False
    try:
        descriptors.site_descriptor()
    except Exception as error:
        base.ui.notifyError(f"No process for asynchronous jobs: etc/userconfig.rd cannot be read ({error}).")
        sys.exit(1)
    for resource in ("//tap", "//obscore", *findPublishedRDs()):
        try:
            base.caches.getRD(resource)
        except Exception as error:
            base.ui.notifyWarning(f"Not loaded for asynchronous jobs: {resource} ({error})")
    tap.WORKER_SYSTEM.parameterGrammar  # noqa: B018 - made when first asked for
    parsetricks.pyparseString(adql.getGrammar(), EXAMPLE)
    for reference in sqlsupport.CustomConnectionPool.knownPools:
        if (pool := reference()) is not None:
            pool.closeall()
            pool.stale = True
    sqlsupport.CustomConnectionPool.knownPools = []
    gc.collect()
    gc.freeze()


def serve(control: socket.socket, ends: int) -> None:
    """Fork a process for each job that is asked for, until nobody can ask any more.

    Parameters
    ----------
    control
        Job ids come from here; process ids go there.
    ends
        Lines "job status" are written to this descriptor when a process is done.
    """
    wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    running: dict[int, str] = {}
    control.send(READY)
    while True:
        ready, _, _ = select.select([control.fileno(), wake], [], [])
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
            for pid, status in _ended():
                os.write(ends, f"{running.pop(pid, '')} {status}\n".encode())
        if control.fileno() in ready:
            job = control.recv(MOST_OF_ID).decode()
            if not job:
                return
            pid = os.fork()
            if pid == 0:
                _become_job(job, control, (ends, wake, waker))
            running[pid] = job
            control.send(str(pid).encode())


def _ended() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _become_job(job: str, control: socket.socket, descriptors: tuple[int, ...]) -> None:
    """Run a job in this process, and end it."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        logs.always["job"] = job
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        for descriptor in descriptors:
            os.close(descriptor)
        code = run_job(job)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException as error:
        base.ui.notifyError(f"TAP job {job} failed: {error}")
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def run_job(job: str) -> int:
    """Do what ``dachs taprun`` does with a job, once the server has written down who does it.

    Returns
    -------
    int
        The exit code.
    """
    deadline = time.monotonic() + PATIENCE
    while not _is_ours(job):
        if time.monotonic() > deadline:
            return 1
        time.sleep(0.003)
    # The server looks after the queue when it hears of the end; here, a job would be started cold.
    tap.WORKER_SYSTEM.checkProcessQueue = lambda: None
    sys.argv = ["dachs taprun", "--", job]
    taprunner.main()
    return 0


def _is_ours(job: str) -> bool:
    try:
        record: Any = tap.WORKER_SYSTEM.getJob(job)
    except uws.JobNotFound:
        return False
    return bool(record.phase == uws.EXECUTING and record.pid == os.getpid())


def main() -> None:
    """Load, and serve; the descriptors are the arguments."""
    os.umask(0o02)
    control, ends = (int(argument) for argument in sys.argv[1:3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    load()
    with socket.socket(fileno=control) as connection, contextlib.suppress(BrokenPipeError):
        serve(connection, ends)


if __name__ == "__main__":
    main()
