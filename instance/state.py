"""What an instance remembers between runs, and who works on it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ingest.errors import InstanceError
from instance.console import say
from instance.exits import EXIT_BUSY, EXIT_DISK, EXIT_ENVIRONMENT

MINIMAL_DISK = 500_000_000
"""Bytes that must be free at first: a cluster, DaCHS root and virtual environment take 350 MB."""

MINIMAL_DISK_LATER = 50_000_000
"""Bytes that must be free for an instance that is there already to start."""


def make_home(home: Path) -> None:
    """Create the directory of an instance, for everybody to enter.

    Raises
    ------
    InstanceError
        There is no right to, or no room.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        if home.stat().st_mode & 0o777 != 0o755:
            home.chmod(0o755)
        with tempfile.TemporaryFile(dir=home):
            pass
        free = shutil.disk_usage(home).free
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise InstanceError(
            f"The instance's directory {home} cannot be made or written to: {error.strerror}.",
            "Choose another with CHERENKOV_VO_INSTANCE.",
            exit_code=EXIT_DISK if full else EXIT_ENVIRONMENT,
        ) from error
    needed = MINIMAL_DISK_LATER if (home / "postgres" / "complete").exists() else MINIMAL_DISK
    if free < needed:
        raise InstanceError(
            f"Only {free // 1_000_000} MB are free where {home} lies; {needed // 1_000_000} MB are needed.",
            "Make room, or choose another place with CHERENKOV_VO_INSTANCE.",
            exit_code=EXIT_DISK,
        )


class State:
    """A small JSON file; every change is written at once and in one step."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Any]:
        """Give all that is remembered; a damaged file counts as an empty one."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def get(self, key: str) -> Any:
        """Give one value, or None."""
        return self.read().get(key)

    def set(self, **values: Any) -> None:
        """Remember values; None forgets one."""
        content = self.read() | values
        content = {key: value for key, value in content.items() if value is not None}
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
        partial.replace(self.path)


def fingerprint(*parts: str | Path | Iterable[Path]) -> str:
    """Give a digest of texts, of files' contents, and of lists of files' names, sizes and times."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(part.encode())
        elif isinstance(part, Path):
            digest.update(part.read_bytes())
        else:
            for path in sorted(part):
                status = path.stat()
                digest.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
        digest.update(b"\0")
    return digest.hexdigest()


def holder(path: Path) -> int | None:
    """Give the process id of who holds a lock, or None. Locks of dead processes do not count."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = path.read_text(encoding="ascii").strip()
        return int(text) if text.isdigit() else -1
    finally:
        os.close(descriptor)
    return None


@contextlib.contextmanager
def lock(path: Path, patience: float, what: str) -> Iterator[None]:
    """Hold a lock that the kernel frees when the process ends, however it ends.

    Parameters
    ----------
    path
        The lock's file.
    patience
        Seconds to wait for somebody else.
    what
        What the lock is for, for messages.

    Raises
    ------
    InstanceError
        Somebody else still holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    deadline = time.monotonic() + patience
    told = False
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise InstanceError(
                        f"Another process ({holder(path)}) is at {what}.",
                        "Wait for it, or end it with 'make down'.",
                        exit_code=EXIT_BUSY,
                    ) from None
                if not told:
                    say(f"Waiting for process {holder(path)}, which is at {what} ...")
                    told = True
                time.sleep(0.2)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)
