"""Puts all shims in place; each process that answers queries calls this while it reads userconfig.rd."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gavo import base
from twisted.internet import reactor as _reactor

from serving import logs
from upstream import (
    async_jobs,
    connections,
    descriptors,
    garbage,
    generated_code,
    job_limits,
    regions,
    sync_jobs,
    translation,
    uploads,
)
from upstream.shims import SWITCH, Shim, guarded, wanted

reactor: Any = _reactor

_done: set[str] = set()


def shims() -> Iterator[Shim]:
    """Give all replacements."""
    for module in (regions, async_jobs, generated_code, sync_jobs, translation):
        yield from module.SHIMS


def server_shims() -> Iterator[Shim]:
    """Give replacements in what only the web server has."""
    from upstream import sync_answers  # noqa: PLC0415 - DaCHS is not complete when userconfig.rd is read

    yield from sync_answers.SHIMS


def guards() -> Iterator[Shim]:
    """Give replacements that are for safety."""
    for module in (connections, descriptors, job_limits, uploads):
        yield from module.SHIMS


def server_guards() -> Iterator[Shim]:
    """Give those in what only the web server has."""
    from upstream import doors, error_answers, partial_results, reloading  # noqa: PLC0415 - see `server_shims`

    for module in (doors, error_answers, partial_results, reloading):
        yield from module.SHIMS


def install() -> None:
    """Put everything in place, once per process; userconfig.rd may be read several times."""
    if _done or not (wanted() or guarded()):
        return
    _done.add(SWITCH)
    if wanted():
        logs.install()  # here, because every process of DaCHS comes by
        for shim in shims():
            shim.install()
    if guarded():
        for shim in guards():
            shim.install()
        job_limits.bound_times()
    # userconfig.rd is read before DaCHS knows that it is the server, perhaps not in the reactor's thread.
    reactor.callWhenRunning(reactor.callFromThread, _in_server)


def _in_server() -> None:
    if not base.IS_DACHS_SERVER:
        return
    if guarded():
        from upstream import doors  # noqa: PLC0415 - see `server_shims`

        for shim in server_guards():
            shim.install()
        doors.shut()
    if wanted():
        for shim in server_shims():
            shim.install()
        garbage.spare_resources()
        async_jobs.keep_runner()
