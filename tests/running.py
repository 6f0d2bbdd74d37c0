"""Running programs for ``make test``, and saying what came of it."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
_telling = threading.Lock()


def say(text: str) -> None:
    """Print at once, so that it stands before what the next program prints."""
    print(text, flush=True)


def run(
    title: str,
    command: Sequence[str | Path],
    *,
    place: Path = CHECKOUT,
    at_once: bool = True,
    **environment: str,
) -> bool:
    """Run one program and say whether it succeeded.

    Parameters
    ----------
    title
        What it is, for people.
    command
        It.
    place
        The directory that it runs in.
    at_once
        Whether what it prints is passed on at once, or in one piece at its end, because others run.
    environment
        Variables that it gets beside those of this process.
    """
    if at_once:
        say(f"\n== {title}")
    start = time.monotonic()
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # Debian brings some for other packages
    done = subprocess.run(
        [str(part) for part in command],
        cwd=place,
        env={**os.environ, **environment},
        stdout=None if at_once else subprocess.PIPE,
        stderr=None if at_once else subprocess.STDOUT,
        check=False,
    )
    with _telling:
        if not at_once:
            say(f"\n== {title}\n{done.stdout.decode(errors='replace')}")
        outcome = "passed" if done.returncode == 0 else "FAILED"
        say(f"== {title}: {outcome} in {time.monotonic() - start:.0f} s")
    return done.returncode == 0


def pytest(python: Path, *arguments: str | Path) -> list[str | Path]:
    """Give the command line of pytest."""
    return [python, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
