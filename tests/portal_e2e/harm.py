"""Harm done to what the explorer stands on, and undone: processes halted, killed, and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.portal_e2e.place import ROOT, Place

PATIENCE = 90.0
"""Seconds until something is back; the machine may be busy."""


def processes(home: Path | str, word: str) -> list[int]:
    """Give the processes whose command line has both a directory and a word."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(home) in line and word in line:
                found.append(int(entry.name))
    return found


def kill(*pids: int) -> None:
    """Kill processes; those that have ended meanwhile are as good."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def halted(*pids: int) -> Iterator[None]:
    """Let processes stand still for a while."""
    assert pids, "nothing to halt"
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def unattended(place: Place) -> Iterator[None]:
    """Halt the instance's supervisor: what is killed stays away until the end."""
    with halted(*processes(place.home, "-m instance serve")):
        yield


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds.

    Raises
    ------
    AssertionError
        It never does.
    """
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{what} within {PATIENCE:g} s"
        time.sleep(0.3)


def answers(url: str, **parameters: str) -> bool:
    """Say whether a URL is answered well."""
    try:
        return httpx.get(url, params=parameters, timeout=10).is_success
    except httpx.HTTPError:
        return False


def _lives(pid: int) -> bool:
    # One that has ended, and that nobody has asked about yet, has no command line.
    try:
        return bool(Path("/proc", str(pid), "cmdline").read_bytes())
    except OSError:
        return False


def stop_database(place: Place) -> None:
    """End the instance's database server at once, as ``pg_ctl stop -m immediate`` does."""
    server = int((place.home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    os.kill(server, signal.SIGQUIT)
    wait_until(lambda: not _lives(server), "the database has ended")


@contextlib.contextmanager
def no_provider(place: Place) -> Iterator[None]:
    """End the login provider, and start another one in its place, which remembers nobody."""
    description = f"{place.issuer}/.well-known/openid-configuration"
    kill(place.provider["pid"])
    wait_until(lambda: not answers(description), "the provider is away")
    try:
        yield
    finally:
        place.provider["pid"] = _started(place.provider)
        wait_until(lambda: answers(description), "the provider is back")


_kept: list[subprocess.Popen[bytes]] = []
"""Processes that end with the tests, not with what started them."""


def _started(provider: dict[str, Any]) -> int:
    process = subprocess.Popen(
        provider["command"], cwd=ROOT, env={**os.environ, **provider["variables"]}, stdin=subprocess.DEVNULL
    )
    _kept.append(process)
    return process.pid
