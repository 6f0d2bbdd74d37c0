"""What the command line tells its user."""

from __future__ import annotations

import sys
import time


def say(text: str) -> None:
    """Print a line of progress to standard error, at once."""
    print(text, file=sys.stderr, flush=True)


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
