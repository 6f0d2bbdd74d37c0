"""Publish damaged files, one after the other, in a process of its own: ``python -m tests.corpus.worker``.

Each goes through the whole of reading and mapping, and for each there is a line of JSON: what became of it,
in how much time, and how large the process had ever been afterwards.
"""

from __future__ import annotations

import hashlib
import json
import math
import resource
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest.constants import MJD_LIMITS
from tests.corpus import structure, values
from tests.corpus.made import Damaged
from tests.gadf_releases import Made, config
from tests.thorough import thorough

SECONDS = 20
"""For one file; a good one takes some hundredths of a second."""

LARGEST = 4 << 30
"""Bytes of address space beyond which nothing is to be had, to protect the machine."""

NAME = "run.fits"
NUMEROUS = ("lying", "keyword", "cells", "flipped")
"""Kinds of damage of which there are hundreds."""
RANGES = {
    "s_ra": (0.0, 360.0), "ra_pnt": (-360.0, 720.0), "s_dec": (-90.0, 90.0), "dec_pnt": (-90.0, 90.0),
    "t_min": MJD_LIMITS, "t_max": MJD_LIMITS, "t_exptime": (0.0, math.inf), "s_fov": (0.0, 360.0),
    "energy_min": (0.0, math.inf), "energy_max": (0.0, math.inf), "em_min": (0.0, math.inf),
    "em_max": (0.0, math.inf), "ev_xel": (0, math.inf), "alt_pnt": (-90.0, 90.0),
}  # fmt: skip


def corpus() -> Iterator[Damaged]:
    """Give all damaged files, each content once."""
    seen: set[bytes] = set()
    for kind in (*structure.KINDS, *values.KINDS):
        for damaged in kind():
            digest = hashlib.sha256(damaged.content).digest()
            if digest not in seen:
                seen.add(digest)
                yield damaged


def chosen() -> Iterator[Damaged]:
    """Give those that are tried: all where all harm is done, else every third of the most frequent kinds."""
    for number, damaged in enumerate(corpus()):
        if damaged.name.partition("/")[0] not in NUMEROUS or number % thorough(3, 1) == 0:
            yield damaged


def faults(row: dict[str, Any]) -> Iterator[str]:
    """Tell what a row must not have."""
    for column, value in row.items():
        if isinstance(value, float) and not math.isfinite(value):
            yield f"{column} = {value}"
        if isinstance(value, str) and "\0" in value:
            yield f"{column} has a NUL"
        low, high = RANGES.get(column, (-math.inf, math.inf))
        if isinstance(value, int | float) and not low <= value <= high:
            yield f"{column} = {value}"
    for low_name, high_name in (("t_min", "t_max"), ("energy_min", "energy_max"), ("em_min", "em_max")):
        low, high = row.get(low_name), row.get(high_name)
        if low is not None and high is not None and low > high:
            yield f"{low_name} = {low} > {high}"


class TooSlowError(BaseException):
    """A file takes too long; no handler of errors must take it for one of its own."""


def _late(number: int, frame: object) -> None:
    raise TooSlowError


def peak() -> int:
    """Give the largest size of this program so far, in bytes; ``getrusage`` counts its parent too."""
    said = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(said["VmHWM"].split()[0]) * 1024


def judged(damaged: Damaged, directory: Path) -> dict[str, Any]:
    """Publish one file, and say what came of it."""
    path = directory / NAME
    path.write_bytes(damaged.content)
    start = time.monotonic()
    signal.alarm(SECONDS)
    found: dict[str, Any] = {"name": damaged.name}
    try:
        made = Made(directory, config())
        found["rows"] = len(made.all)
        found["observations"] = len(made.observations)
        found["deviations"] = made.report.deviation_count
        found["failures"] = made.report.failures
        found["faults"] = [fault for _, row in made.all for fault in faults(row)]
    except BaseException as error:
        found["raised"] = repr(error)
    finally:
        signal.alarm(0)
    found["seconds"] = time.monotonic() - start
    found["peak"] = peak()
    path.unlink()
    return found


def main() -> None:
    """Publish them all; the first and the last are undamaged."""
    warnings.simplefilter("error")
    signal.signal(signal.SIGALRM, _late)
    resource.setrlimit(resource.RLIMIT_AS, (LARGEST, LARGEST))
    with tempfile.TemporaryDirectory() as name:
        for damaged in chosen():
            print(json.dumps(judged(damaged, Path(name))), flush=True)


if __name__ == "__main__":
    sys.exit(main())
