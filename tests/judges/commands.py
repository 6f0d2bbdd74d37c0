"""Running the programs that build the judges' environment, with all they say in a log."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

_OFFLINE = re.compile(
    r"temporary failure (in name resolution|resolving)|could not resolve|name or service not known"
    r"|(could not|cannot|unable to|failed to) (connect|initiate)|network is unreachable|no route to host"
    r"|connection (refused|timed out|broken|failed|reset)|failed to establish a new connection"
    r"|newconnectionerror|nameresolutionerror|connecttimeout|read timed out",
    re.IGNORECASE,
)


class CommandError(Exception):
    """A program ended with an error.

    Parameters
    ----------
    output
        All that it said; as a string, the error is the last complaint in it.
    """

    def __init__(self, output: str) -> None:
        self.out_of_reach = _OFFLINE.search(output) is not None
        """Whether the cause is that there is no network, or nobody answers there."""
        super().__init__(_last_complaint(output))


def _last_complaint(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    complaints = [line for line in lines if re.match(r"(E|W|ERROR|Err):|Err:\d", line)]
    return (complaints or lines or ["no output"])[-1]


def run(command: Sequence[str | Path], log: Path) -> str:
    """Run a program, in English and undisturbed by the caller's Python.

    Parameters
    ----------
    command
        The program and its arguments.
    log
        The file to which the command and its output are added.

    Returns
    -------
    str
        Its output, errors included.

    Raises
    ------
    CommandError
        If it fails or does not exist.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=_clean_environment(),
            # If we are killed, our children go on for a while and then still hold the lock.
            close_fds=False,
            check=False,
        )
    except OSError as error:
        raise CommandError(f"E: {words[0]}: {error.strerror}") from error
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"$ {shlex.join(words)}\n{done.stdout}\n")
    if done.returncode:
        raise CommandError(done.stdout)
    return done.stdout


def _clean_environment() -> dict[str, str]:
    """Return our environment without what would lead another Python astray, in English."""
    astray = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LANGUAGE", "CLASSPATH"}
    return {name: value for name, value in os.environ.items() if name not in astray} | {"LC_ALL": "C.UTF-8"}
