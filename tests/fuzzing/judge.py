"""What must come of any file: an error of ours, or sound rows."""

from __future__ import annotations

import re
from pathlib import Path

from ingest import cards, scan
from tests import gadf_files
from tests.corpus.made import written
from tests.corpus.worker import faults
from tests.gadf_releases import Made, config

UNFORESEEN = re.compile(r"cannot be read \(\w*(Error|Exception|Warning|Interrupt)\w*: ")
"""How a report tells of an error that nobody foresaw: see `ingest.units.Unit.fail`."""

MEMORY = re.compile(r"MemoryError|[Uu]nable to allocate")


class UnsoundError(AssertionError):
    """A file gives what it must not give."""


def small() -> dict[str, bytes]:
    """Give small good files, by name; the others have long responses."""
    lists = gadf_files.events(energies=(1.0, 2.0)), gadf_files.gti()
    return {
        "area": written(*lists, gadf_files.aeff()),
        "cut": written(*lists, gadf_files.rad_max(HDUCLAS3="POINT-LIKE")),
        "king": written(*lists, gadf_files.psf_king()),
        "rate": written(*lists, gadf_files.bkg()),
        "drift": written(
            gadf_files.events(energies=(1.0, 2.0), OBS_MODE="DRIFT", RA_PNT=None, DEC_PNT=None), lists[1]
        ),
        "unlimited": written(gadf_files.events(energies=(1.0, 2.0), TSTART=None, TSTOP=None)),
        "universal": written(gadf_files.events(energies=(1.0, 2.0), TIMESYS="UT1"), gadf_files.gti()),
    }


def forget() -> None:
    """Empty what the reader remembers of files."""
    cards._KNOWN.clear()
    for remembered in (cards._parsed, scan._holds_events, scan._remembered):
        remembered.cache_clear()


def check(path: Path) -> None:
    """Publish a file, the only one of its directory.

    Raises
    ------
    UnsoundError
        Its rows have what they must not have, or its refusal is no clear message.
    """
    made = Made(path.parent, config())
    found = [fault for _, row in made.all for fault in faults(row)]
    if found:
        raise UnsoundError("; ".join(found))
    for failure in made.report.failures:
        problem = failure["problem"]
        if not problem.startswith(path.name) or "\n" in problem or len(problem) > 1000:
            raise UnsoundError(f"no clear message: {problem!r}")
        if UNFORESEEN.search(problem) or MEMORY.search(problem):
            raise UnsoundError(problem)
    if not made.all and not made.report.failures and made.report.files:
        raise UnsoundError("neither published nor refused")
