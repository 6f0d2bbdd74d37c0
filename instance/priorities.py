"""Long queries of strangers stand behind everything else on the processor.

PostgreSQL has no priorities, but each connection has a process. Those of TAP queries that live longer than
the interval between two looks are made to yield; what takes milliseconds is never touched. A process cannot
get its priority back, so a connection that is kept for further queries stays behind.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

ROLE = "untrusted"
"""DaCHS's role for queries that strangers wrote."""

NICENESS = 10

_TITLE = re.compile(
    r"postgres: (?:[^:]*: )?(?:parallel worker for PID (?P<leader>\d+)|(?P<role>\S+) \S+ \S+)"
)
"""Titles that PostgreSQL gives its processes."""


def lower_queries(postmaster: int | None) -> None:
    """Lower the priority of connections of strangers, and of their parallel workers.

    Parameters
    ----------
    postmaster
        Process id of PostgreSQL; None if it does not run here.
    """
    if postmaster is None:
        return
    titles = {pid: _TITLE.match(title(pid)) for pid in _children(postmaster)}
    strangers = {pid for pid, found in titles.items() if found and found["role"] == ROLE}
    helpers = {
        pid
        for pid, found in titles.items()
        if found and found["leader"] and int(found["leader"]) in strangers
    }
    for pid in strangers | helpers:
        with contextlib.suppress(OSError):
            if os.getpriority(os.PRIO_PROCESS, pid) < NICENESS:
                os.setpriority(os.PRIO_PROCESS, pid, NICENESS)


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
    return []


def title(pid: int) -> str:
    """Give the command line of a process; nothing if it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0 ")
    return ""
