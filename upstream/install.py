"""Puts all shims in place; each process that answers queries calls this while it reads userconfig.rd."""

from __future__ import annotations

import os
from collections.abc import Iterator

from upstream import regions
from upstream.shims import Shim

SWITCH = "CHERENKOV_VO_FAST_PATHS"

_done: set[str] = set()


def wanted() -> bool:
    """Say whether the operator wants fast paths; without a word, yes."""
    return os.environ.get(SWITCH, "yes") != "no"


def shims() -> Iterator[Shim]:
    """Give all replacements."""
    yield from regions.SHIMS


def install() -> None:
    """Put everything in place, once per process; userconfig.rd may be read several times."""
    if not wanted() or _done:
        return
    _done.add(SWITCH)
    for shim in shims():
        shim.install()
