"""Puts all shims in place; each process that answers queries calls this while it reads userconfig.rd."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from gavo import base
from twisted.internet import reactor as _reactor

from serving import logs
from upstream import async_jobs, garbage, generated_code, regions, sync_jobs, translation
from upstream.shims import Shim

reactor: Any = _reactor

SWITCH = "CHERENKOV_VO_FAST_PATHS"

_done: set[str] = set()


def wanted() -> bool:
    """Say whether the operator wants fast paths; without a word, yes."""
    return os.environ.get(SWITCH, "yes") != "no"


def shims() -> Iterator[Shim]:
    """Give all replacements."""
    for module in (regions, async_jobs, generated_code, sync_jobs, translation):
        yield from module.SHIMS


def server_shims() -> Iterator[Shim]:
    """Give replacements in what only the web server has."""
    from upstream import sync_answers  # noqa: PLC0415 - DaCHS is not complete when userconfig.rd is read

    yield from sync_answers.SHIMS


def install() -> None:
    """Put everything in place, once per process; userconfig.rd may be read several times."""
    if not wanted() or _done:
        return
    logs.install()  # here, because every process of DaCHS comes by
    _done.add(SWITCH)
    for shim in shims():
        shim.install()
    # userconfig.rd is read before DaCHS knows that it is the server, perhaps not in the reactor's thread.
    reactor.callWhenRunning(reactor.callFromThread, _in_server)


def _in_server() -> None:
    if base.IS_DACHS_SERVER:
        for shim in server_shims():
            shim.install()
        garbage.spare_resources()
        async_jobs.keep_runner()
