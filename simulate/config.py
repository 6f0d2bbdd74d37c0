"""What a simulated release is made from."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.errors import ConfigError
from simulate.profiles import HESS_LIKE, FacilityProfile

SIMULATOR_VERSION = "1.0"
"""Raise it whenever the bytes written change: stamps and CREATOR carry it."""

CREATOR = f"cherenkov-vo simulator {SIMULATOR_VERSION}"
"""Value of the CREATOR keyword."""

DEFAULT_SEED = 20_181_101
"""Any number would do; this one is the month of the H.E.S.S. DL3 DR1."""

MAX_RUNS = 200
"""More than this would not fit the nights of the one simulated year comfortably."""

MAX_SEED = 2**63 - 1
"""The seed is written to an integer keyword."""


@dataclass(frozen=True)
class SimulationConfig:
    """A release: how many runs, of which facility, from which seed.

    Attributes
    ----------
    runs
        Number of runs, 1 to 200.
    seed
        Seed of all random numbers, 0 to 2**63 - 1.
    facility
        The array to simulate.

    Raises
    ------
    ingest.errors.ConfigError
        A value is out of range.
    """

    runs: int = 24
    seed: int = DEFAULT_SEED
    facility: FacilityProfile = HESS_LIKE

    def __post_init__(self) -> None:
        for name, value, low, high in (("runs", self.runs, 1, MAX_RUNS), ("seed", self.seed, 0, MAX_SEED)):
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ConfigError(f"Simulation: {name}={value!r}, expected a whole number {low}..{high}")
        if not isinstance(self.facility, FacilityProfile):
            raise ConfigError(f"Simulation: facility={self.facility!r}, expected a FacilityProfile")
