"""What the command line tells its user, and the log of the instance."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import Any

from serving import logs

_logs: list[tuple[Path, str]] = []


def record(directory: Path, component: str) -> None:
    """From now on, note in the instance's log what is told.

    Parameters
    ----------
    directory
        Where the logs are.
    component
        Who tells it.
    """
    _logs[:] = [(directory / f"{component}{logs.SUFFIX}", component)]


def say(text: str, level: str = "info") -> None:
    """Print a line of progress to standard error, at once, and note it."""
    print(text, file=sys.stderr, flush=True)
    note(text.strip(), level)


def note(text: str, level: str = "info", **fields: Any) -> None:
    """Write something into the instance's log only, if there is one; without room, without that."""
    for path, component in _logs:
        if text and path.parent.is_dir():
            with contextlib.suppress(OSError):
                logs.append(path, logs.line(level, component, text, fields=fields))


class Step:
    """A step that takes a while: says what it does, and afterwards how long it took."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> Step:
        self.start = time.monotonic()
        say(f"- {self.what} ...")
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            say(f"  done in {time.monotonic() - self.start:.1f} s")
