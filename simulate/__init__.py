"""The built-in sample simulator: a small, seeded GADF release that needs no download.

Nothing here is an observation. Every HDU written says that it is simulated, and by
which version; see :mod:`simulate.profiles` for the physics parameters and
:mod:`simulate.responses` for the formulae.
"""

from __future__ import annotations

from simulate.config import SIMULATOR_VERSION, SimulationConfig
from simulate.observatory import CTAO_LIKE, ObservatoryConfig
from simulate.observatory_release import ctao_release_stamp, simulate_ctao_release
from simulate.profiles import CTAO_NORTH_LIKE, CTAO_SOUTH_LIKE, HESS_LIKE, PROFILES, FacilityProfile, Target
from simulate.release import release_stamp, simulate_release

__all__ = [
    "CTAO_LIKE",
    "CTAO_NORTH_LIKE",
    "CTAO_SOUTH_LIKE",
    "HESS_LIKE",
    "PROFILES",
    "SIMULATOR_VERSION",
    "FacilityProfile",
    "ObservatoryConfig",
    "SimulationConfig",
    "Target",
    "ctao_release_stamp",
    "release_stamp",
    "simulate_ctao_release",
    "simulate_release",
]
