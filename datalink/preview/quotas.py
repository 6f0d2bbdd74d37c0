"""What preview jobs may take, as the operator says."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PREFIX = "CHERENKOV_VO_EXPLORER_JOB"
"""What the names of the variables begin with; see ``instance/explorer_settings.py``."""

PYTHON_VARIABLE = f"{PREFIX}S_PYTHON"
"""The Python that has Gammapy."""

DAYS_KEPT = 7
"""For which a job and its results stay if nobody says otherwise."""

BUNDLE_BYTES = 4 * 2**30
"""Of the data that a job may work on."""

GRACE = 30
"""Seconds that the analysis has to write down what it has when its time is over."""


@dataclass(frozen=True)
class Quotas:
    """The bounds.

    Attributes
    ----------
    running, waiting
        Jobs that run at once, and that may wait for that.
    runs, seconds, memory
        Data sets, seconds and mebibytes of memory of a job.
    """

    running: int = 1
    waiting: int = 20
    runs: int = 50
    seconds: int = 1800
    memory: int = 6144


VARIABLES = {
    "running": f"{PREFIX}S_RUNNING",
    "waiting": f"{PREFIX}S_WAITING",
    "runs": f"{PREFIX}_RUNS",
    "seconds": f"{PREFIX}_SECONDS",
    "memory": f"{PREFIX}_MEMORY",
}


def quotas() -> Quotas:
    """Read the bounds from the environment; what is not there is as in the settings."""
    given = {name: os.environ.get(variable) for name, variable in VARIABLES.items()}
    return Quotas(**{name: int(value) for name, value in given.items() if value})


def python() -> Path | None:
    """Give the Python that runs the analysis; None if there is none."""
    named = os.environ.get(PYTHON_VARIABLE)
    path = Path(named) if named else None
    return path if path is not None and os.access(path, os.X_OK) else None
