"""When the runs of an observatory take place: sessions of six runs in the dark part of the nights.

The Moon is ignored, so that some runs have it above the horizon and some have not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.constants import LATEST_MJD, SECONDS_PER_DAY
from ingest.errors import ConfigError
from simulate import sky
from simulate.observatory import MJDREFF, MJDREFI, RUNS_PER_SESSION, SESSIONS, SITES, ObservatoryConfig
from simulate.profiles import FacilityProfile

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

SLOT_SECONDS = 1320.0
"""Time from the start of one run to the next: the longest run (1212 s) and pointing anew."""

DARK_DEG = -18.5
"""The Sun is below this at the ends of the dark time: half a degree of margin to astronomical
darkness, as the Sun is taken where it is at midnight."""

FIRST_SPAN = 330
"""Nights over which a small release is spread."""


@dataclass(frozen=True)
class Timetable:
    """All runs in the order of their starts; all arrays have shape (n,).

    Attributes
    ----------
    site
        Number of the site, see `simulate.observatory.SITES`.
    session
        Start of the run's session, seconds since the epoch, TT.
    kind
        Which of the site's `SESSIONS` it is.
    turn
        Number of the session at its site.
    place
        Number of the run within the session.
    """

    site: NDArray[np.int8]
    session: Floats
    kind: NDArray[np.int8]
    turn: NDArray[np.int32]
    place: NDArray[np.int8]


def plan_timetable(config: ObservatoryConfig) -> Timetable:
    """Lay out all runs; a small release is spread over the best part of a year, a large one takes more.

    Raises
    ------
    ingest.errors.ConfigError
        The nights until 2100 do not suffice.
    """
    sessions = -(-config.runs // RUNS_PER_SESSION)
    number = np.arange(config.runs) // RUNS_PER_SESSION
    site, turn = (number % len(SITES)).astype(np.int8), (number // len(SITES)).astype(np.int32)
    start = np.empty(config.runs)
    for n, profile in enumerate(SITES):
        wanted = len(range(n, sessions, len(SITES)))
        if wanted:
            start[site == n] = session_starts(profile, wanted, late=n == 0)[turn[site == n]]
    kinds = np.array([len(of_site) for of_site in SESSIONS])
    place = (np.arange(config.runs) % RUNS_PER_SESSION).astype(np.int8)
    order = np.argsort(start + place * SLOT_SECONDS, kind="stable")
    kind = (turn % kinds[site]).astype(np.int8)
    return Timetable(site[order], start[order], kind[order], turn[order], place[order])


def session_starts(profile: FacilityProfile, wanted: int, *, late: bool) -> Floats:
    """Choose the starts of a number of sessions at a site.

    Parameters
    ----------
    profile
        The site.
    wanted
        How many.
    late
        Whether to take the last session of a night rather than the first, where there is a choice: so
        that a site in the east overlaps with one in the west.

    Returns
    -------
    numpy.ndarray
        Whole seconds since the epoch, TT, in order, shape (wanted,).

    Raises
    ------
    ingest.errors.ConfigError
        The nights until 2100 do not suffice.
    """
    nights, last = FIRST_SPAN, int(LATEST_MJD) - profile.first_night_mjd - 1
    available, count = _all_sessions(profile, nights)
    if wanted <= nights:
        chosen = np.arange(wanted) * nights // wanted
        ends = np.cumsum(count)
        return np.asarray(available[ends[chosen] - (1 if late else count[chosen])])
    if wanted <= len(available):
        return np.asarray(available[np.arange(wanted) * len(available) // wanted])
    while len(available) < wanted and nights < last:
        nights = min(last, nights * (wanted // len(available) + 1))
        available, _ = _all_sessions(profile, nights)
    if len(available) < wanted:
        raise ConfigError(
            f"Simulation: {wanted} sessions at {profile.telescop}; expected at most {len(available)}, "
            "which fit the nights until 2100"
        )
    return available[:wanted]


def _all_sessions(profile: FacilityProfile, nights: int) -> tuple[Floats, Integers]:
    """Give the starts of all sessions that fit a number of nights, in order, and their number in each."""
    evening = profile.first_night_mjd + np.arange(nights, dtype=np.float64)
    mean_midnight = evening + 1 - profile.longitude_deg / 360 + sky.TT_MINUS_UT1_DAYS
    ra, dec = sky.sun(mean_midnight)
    past = (sky.local_sidereal_deg(profile, mean_midnight) - ra) % 360 - 180
    latitude, dec = np.radians(profile.latitude_deg), np.radians(dec)
    cosine = np.sin(np.radians(DARK_DEG)) - np.sin(latitude) * np.sin(dec)
    cosine = np.clip(cosine / (np.cos(latitude) * np.cos(dec)), -1, 1)
    dark = (180 - np.degrees(np.arccos(cosine))) / 180 * SECONDS_PER_DAY
    length = RUNS_PER_SESSION * SLOT_SECONDS
    count = (dark // length).astype(np.int64)
    midnight = (mean_midnight - past / 360 - MJDREFI - MJDREFF) * SECONDS_PER_DAY
    first = np.repeat(midnight - count * length / 2, count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.round(first + within * length), count
