"""Where the explorer's parts are, and whether they answer: for those who start it, and those who look at it.

Only the standard library is used here, for the doctor looks, too.
"""

from __future__ import annotations

import contextlib
import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from instance.processes import run_directory
from serving.asking import ask

PATH = "/explorer"
"""Below which the proxy has it."""

SERVER, STORE = "explorer", "explorer's Redis"
"""What people call its processes."""

FACTS = "explorer.json"
SOCKET = "explorer.socket"
PATIENCE = 5.0


@dataclass(frozen=True)
class Places:
    """Files and directories of the explorer of one instance.

    Parameters
    ----------
    home
        The instance's directory.
    """

    home: Path

    @property
    def programs(self) -> Path:
        """What can be made again: environment, code, pages."""
        return self.home / "explorer"

    @property
    def code(self) -> Path:
        """The copy of the code that runs; its user may not be able to read the checkout."""
        return self.programs / "app"

    @property
    def state(self) -> Path:
        """What cannot be made again, or not without logging everybody out."""
        return self.home / "explorer-state"

    @property
    def password(self) -> Path:
        """Password of its role in the database."""
        return self.state / "database-password"

    @property
    def key(self) -> Path:
        """Its secret key."""
        return self.state / "secret-key"

    @property
    def hips(self) -> Path:
        """Its own pictures of the sky, for they show data."""
        return self.state / "hips"

    @property
    def run(self) -> Path:
        """Directory of sockets."""
        return run_directory(self.home)

    @property
    def socket(self) -> Path:
        """Where it answers the proxy."""
        return self.run / SOCKET

    @property
    def store(self) -> Path:
        """Where Redis answers."""
        return self.run / "redis.socket"


@dataclass(frozen=True)
class Facts:
    """What the supervisor notes for others.

    Parameters
    ----------
    phase
        ``preparing``, ``failed`` or ``started``.
    reason
        Why it failed.
    metrics_port
        Port of its metrics; None if there are none.
    """

    phase: str
    reason: str = ""
    metrics_port: int | None = None

    def write(self, run: Path) -> None:
        """Note them in the run directory."""
        partial = run / f"{FACTS}.partial"
        partial.write_text(json.dumps(asdict(self)), encoding="utf-8")
        partial.replace(run / FACTS)

    @classmethod
    def read(cls, run: Path) -> Facts | None:
        """Read them; None if there are none."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            return cls(**json.loads((run / FACTS).read_text(encoding="utf-8")))
        return None


@dataclass(frozen=True)
class Picture:
    """What the supervisor notes of the picture of events.

    Parameters
    ----------
    phase
        ``making``, ``made`` or ``failed``.
    reason
        Why it failed.
    """

    phase: str
    reason: str = ""

    @staticmethod
    def file(run: Path) -> Path:
        """Give where it is noted."""
        return run / "explorer-hips.json"

    def write(self, run: Path) -> None:
        """Note it in the run directory."""
        partial = self.file(run).with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self)), encoding="utf-8")
        partial.replace(self.file(run))

    @classmethod
    def read(cls, run: Path) -> Picture | None:
        """Read it; None if nothing is noted."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            return cls(**json.loads(cls.file(run).read_text(encoding="utf-8")))
        return None

    @property
    def doing(self) -> str:
        """What people are told."""
        told = {"making": "is being made", "made": "is up to date"}
        return told.get(self.phase) or f"NOT up to date: {self.reason}"


def answers(places: Places, timeout: float = PATIENCE) -> bool:
    """Say whether the explorer's server answers."""
    return b"ok" in (ask(places.socket, f"{PATH}/health", timeout) or b"")


def readiness(places: Places, timeout: float = PATIENCE) -> bool:
    """Say whether it has all that it needs."""
    return ask(places.socket, f"{PATH}/ready", timeout) is not None


def store_answers(places: Places, timeout: float = PATIENCE) -> bool:
    """Say whether Redis answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
            asking.settimeout(timeout)
            asking.connect(str(places.store))
            asking.sendall(b"PING\r\n")
            return asking.recv(64).startswith(b"+PONG")
    except OSError:
        return False
