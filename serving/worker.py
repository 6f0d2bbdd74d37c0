"""One of several DaCHS processes behind a proxy: ``python -m serving.worker``.

It is DaCHS's own server, started as DaCHS's command line does; added are a Unix socket that the proxy
connects to, the queue before TAP queries, and the sender of long answers.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serving import logs, sender
from serving.queue import Queue
from serving.sockets import listen

PULSE = b"/.worker"
"""Path that says, without any thread, what the process is doing. The proxy refuses it to others."""

QUERIES = re.compile(rb"/(tap|__system__/tap/run(/tap)?)/sync")
"""Paths of synchronous TAP queries."""

JOBS = re.compile(rb"/(tap|__system__/tap/run(/tap)?)/async")
"""Paths at which jobs are made."""

SPARE_THREADS = 2
"""Threads of a process with queries beside those that run the queries."""

PATIENCE = 60.0
"""Seconds that a query waits for its turn."""

SETTLED_AFTER = 8.0
"""Seconds after the start until the resource descriptors have been read, with a margin."""

COLLECT_INTERVAL = 300.0
"""Seconds between looks for garbage among what stays, such as descriptors that were read again."""

RETRY_AFTER = 30
"""Seconds after which clients should come again: half of what a query may take."""

CROWDED = "Too many queries are waiting here; please come again in half a minute, or use /tap/async."

CONFIGURED_WITHIN = 30.0
"""Seconds in which etc/userconfig.rd must have been read; it takes one if the database answers."""

CONFIGURE_INTERVAL = 1.0

PRIMARY = "@primary"
"""Place of the proxy that takes what a read-only copy of the database cannot do."""


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    found = argparse.ArgumentParser(description="Serve as one of several DaCHS processes.")
    found.add_argument("socket", type=Path, help="Unix socket to listen on")
    found.add_argument("--queries", type=int, default=0, help="TAP queries that run at once")
    found.add_argument("--waiting", type=int, default=1000, help="TAP queries that wait for their turn")
    found.add_argument("--guests", action="store_true", help="these come only while other workers are away")
    found.add_argument("--replica", action="store_true", help="the database of queries is read-only")
    return found


def needs_primary(request: Any) -> bool:
    """Say whether a TAP query writes: tables that are uploaded, or kept for their user."""
    names = {bytes(name).upper() if isinstance(name, bytes) else name.upper() for name in request.args}
    if request.files or names & {b"UPLOAD", "UPLOAD"}:
        return True
    queries = [text for name, texts in request.strargs.items() if name.upper() == "QUERY" for text in texts]
    return any(re.search(r"\binto\b", str(text), re.IGNORECASE) for text in queries)


def request_class(base: type, queue: Queue | None, *, replica: bool) -> type:
    """Make the class of requests.

    Parameters
    ----------
    base
        DaCHS's class.
    queue
        Where TAP queries wait.
    replica
        Whether the database is read-only.
    """

    class Request(base):  # type: ignore[misc]
        """A request that may have to wait."""

        def process(self) -> None:
            """Do what the request asks for; threads that do it know its number."""
            from twisted.python import context  # noqa: PLC0415 - after DaCHS

            context.call(  # type: ignore[no-untyped-call]
                {logs.NUMBER: logs.request_id(self)}, self._process
            )

        def _process(self) -> None:
            if self.method == b"POST" and JOBS.fullmatch(self.path):
                self.notifyFinish().addCallback(_note_job, self)
            if self.path == PULSE:
                _tell_pulse(self, queue)
            elif queue is None or not QUERIES.fullmatch(self.path):
                super().process()
            elif replica and needs_primary(self):
                self.setHeader("x-accel-redirect", PRIMARY)
                self.finish()
            else:
                queue.enter(self, self._proceed, lambda: _refuse(self))

        def _proceed(self) -> None:
            from twisted.python import context  # noqa: PLC0415 - after DaCHS

            context.call(  # type: ignore[no-untyped-call]
                {logs.NUMBER: logs.request_id(self)}, super().process
            )

    return Request


def _note_job(result: Any, request: Any) -> None:
    """Write down which job came of a request; its own lines name the job."""
    for place in request.responseHeaders.getRawHeaders("location") or ():
        # DaCHS adds the query string, with all that was asked for.
        job = str(place).partition("?")[0].rpartition("/")[2]
        logs.ours.info("a job was made", extra=logs.about(request, job=job))


def _tell_pulse(request: Any, queue: Queue | None) -> None:
    said = {"running": len(queue.running), "waiting": len(queue.waiting)} if queue else {}
    body = json.dumps(said).encode()
    request.setHeader("content-type", "application/json")
    request.setHeader("content-length", str(len(body)))
    request.write(body)
    request.finish()


def _refuse(request: Any) -> None:
    from gavo.protocols import dali  # noqa: PLC0415 - DaCHS is imported when its settings are known

    request.setHeader("retry-after", str(RETRY_AFTER))
    dali.serveDALIError(request, CROWDED, httpStatus=503)


def _busy() -> int:
    """Give the number of threads that work."""
    from twisted.internet import reactor  # noqa: PLC0415 - DaCHS chooses it

    return len(reactor.getThreadPool().working)  # type: ignore[attr-defined]


def spare_collector(clock: Any) -> None:
    """Keep what stays in memory out of the garbage collector's way, from now on.

    DaCHS runs a full collection with every tenth request, which looks through all resource descriptors:
    a tenth of a second in which nothing else happens. What has become garbage since is found now and then.

    Parameters
    ----------
    clock
        twisted's reactor, or what stands for it.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    clock.callLater(COLLECT_INTERVAL, spare_collector, clock)


def configure(proceed: Callable[[], None], clock: Any, deadline: float) -> None:
    """Go on once etc/userconfig.rd has been read; end if it cannot be.

    It brings all that is safer than in DaCHS, so nothing is answered without it.

    Parameters
    ----------
    proceed
        What to do then.
    clock
        twisted's reactor, or what stands for it.
    deadline
        When to give up, by that clock: the supervisor starts another process.
    """
    from gavo import base  # noqa: PLC0415 - DaCHS is imported when its settings are known

    from upstream import descriptors  # noqa: PLC0415

    try:
        descriptors.site_descriptor()
    except Exception as error:
        if clock.seconds() < deadline:
            clock.callLater(CONFIGURE_INTERVAL, configure, proceed, clock, deadline)
            return
        base.ui.notifyError(f"This process ends: etc/userconfig.rd cannot be read ({error}).")
        clock.stop()
    else:
        proceed()


def begin(options: argparse.Namespace) -> None:
    """Add what is ours to DaCHS's server; called when that is about to run.

    Parameters
    ----------
    options
        What `parser` found.
    """
    from gavo.web import common, root  # noqa: PLC0415 - read before DaCHS did, it patches twisted otherwise
    from twisted.internet import reactor  # noqa: PLC0415 - DaCHS chooses it

    logs.install_in_server()
    queue = None
    if options.queries:
        queue = Queue(options.queries, PATIENCE, _busy, reactor, options.waiting)
    if queue is not None and not options.guests:
        reactor.suggestThreadPoolSize(options.queries + SPARE_THREADS)  # type: ignore[attr-defined]
    reactor.callLater(SETTLED_AFTER, spare_collector, reactor)  # type: ignore[attr-defined]
    sender.begin(options.socket)
    root.site.requestFactory = request_class(common.Request, queue, replica=options.replica)
    listen(options.socket, root.site)


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to end."""
    options = parser().parse_args(arguments)
    from gavo.user import cli  # noqa: PLC0415 - DaCHS reads its settings here
    from twisted.internet import reactor  # noqa: PLC0415 - after DaCHS

    # By default, twisted's timers go by the clock on the wall, which may jump: nothing would end for days.
    reactor.seconds = time.monotonic  # type: ignore[attr-defined]
    deadline = reactor.seconds() + CONFIGURED_WITHIN  # type: ignore[attr-defined]
    reactor.callWhenRunning(configure, lambda: begin(options), reactor, deadline)  # type: ignore[attr-defined]
    from upstream import descriptors  # noqa: PLC0415 - before DaCHS reads any

    descriptors.install_early()
    sys.argv = ["dachs", "serve", "start", "-f"]
    cli.main()


if __name__ == "__main__":
    main()
