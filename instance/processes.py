"""One process that an instance serves with: started, watched, ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from instance.account import end
from serving.asking import ask, pulse

__all__ = ["READY_PATH", "Process", "pulse", "run_directory", "sockets"]

READY_PATH = "/tap/availability"

LONGEST_SOCKET = 107
"""Characters of a Unix socket's path: sun_path of unix(7) without its last byte."""

LONGEST_NAME = "primary-1000-send.sock"


def run_directory(home: Path) -> Path:
    """Give the directory for sockets: in the instance, unless its path is too long for them."""
    inside = home / "run"
    if len(str(inside / LONGEST_NAME)) <= LONGEST_SOCKET:
        return inside
    return Path(tempfile.gettempdir()) / f"cherenkov-vo-{sha256(str(home).encode()).hexdigest()[:16]}"


def sockets(run: Path) -> list[Path]:
    """Give the sockets of the workers that were started last, whether they listen already or not."""
    return sorted(settings.with_suffix(".sock") for settings in run.glob("*.rc"))


class Process:
    """A process of an instance.

    Parameters
    ----------
    name
        What people call it.
    command, environment
        How it is started.
    log
        Where its output goes.
    socket
        The Unix socket on which it answers; None for the proxy, or where there is none.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        environment: Mapping[str, str],
        log: Path,
        socket: Path | None = None,
    ) -> None:
        self.name, self.command, self.environment = name, command, environment
        self.log, self.socket = log, socket
        self.process: subprocess.Popen[Any] | None = None
        self.seen = 0.0

    def start(self) -> None:
        """Start it; does not wait until it answers. Its children are in a process group of its own."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.seen = time.monotonic()

    def runs(self) -> bool:
        """Say whether it runs."""
        return self.process is not None and self.process.poll() is None

    def answers(self, timeout: float = 5.0) -> bool:
        """Say whether it says that it is available; without a socket, whether it runs."""
        if self.socket is None:
            return self.runs()
        return b"true" in (ask(self.socket, READY_PATH, timeout) or b"")

    def feel_pulse(self) -> None:
        """Note if it answers; that needs none of its threads."""
        if self.socket is None or pulse(self.socket) is not None:
            self.seen = time.monotonic()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.process is not None and self.runs():
            self.process.send_signal(number)

    def end(self, *, patiently: bool = True) -> None:
        """End it, and what it has left behind in its process group."""
        if self.process is None:
            return
        if patiently:
            end(self.process)
        self._kill_group()
        self.process.wait()
        self.process = None

    def _kill_group(self) -> None:
        # Workers of a killed nginx would keep its port.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.process is not None:
                os.killpg(self.process.pid, signal.SIGKILL)
