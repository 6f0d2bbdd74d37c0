"""How much memory a server needs for an answer: the peaks of all its processes (proc(5), Linux)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path


def of_process(pid: int, what: str) -> float:
    """Give a process's memory in MB: ``VmRSS`` as it is, ``VmHWM`` its peak."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1000
    raise ValueError(f"/proc/{pid}/status: no {what}")


def growth(pids: Sequence[int], function: Callable[[], object]) -> float:
    """Give by how many MB processes' peaks are, in sum, above what they held before something was done."""
    before = 0.0
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")  # resets the peak
        before += of_process(pid, "VmRSS")
    function()
    return sum(of_process(pid, "VmHWM") for pid in pids) - before


def descriptors(pid: int) -> int:
    """Count a process's open files and connections."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def named(home: Path, word: str) -> list[int]:
    """Find the processes of an instance in whose command line a word is, or whose directory is there."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (place / "cmdline").read_text(encoding="utf-8", errors="replace")
            if word in words and str(home) in words + str((place / "cwd").readlink()):
                found.append(int(place.name))
    return found


def servers(home: Path) -> list[int]:
    """Find the processes of an instance that answer requests: the workers and the proxy.

    Raises
    ------
    RuntimeError
        Not all of them are there.
    """
    found, masters = [], set()
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (place / "cmdline").read_text(encoding="utf-8", errors="replace")
            if str(home) in words and ("serving.worker" in words or "nginx: master" in words):
                found.append(int(place.name))
                if "nginx: master" in words:
                    masters.add(place.name)
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (place / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
            if parent in masters:
                found.append(int(place.name))
    if len(found) < 4 or not masters:  # two workers, nginx, and a process of its own
        raise RuntimeError(f"{home}: not all of its processes were found")
    return found
