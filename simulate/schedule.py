"""When each run takes place and where it points: targets that are up in dark nights.

Altitudes come from mean places (astropy's precession and Greenwich mean sidereal time)
with UT1 taken as UTC and without refraction, nutation or aberration: good to 0.02
degrees, and the same on every computer whatever Earth orientation tables it has. The
Moon is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from astropy.coordinates import FK5, SkyCoord, get_sun
from astropy.time import Time
from numpy.typing import NDArray

from ingest.constants import SECONDS_PER_DAY
from ingest.errors import ConfigError
from simulate import sphere
from simulate.config import SimulationConfig
from simulate.profiles import FacilityProfile, Target

Floats = NDArray[np.float64]

SUN_ALTITUDE_DEG = -18.0
"""The Sun is below this: astronomical darkness."""

SLOT_SECONDS = 1920.0
"""Time from the start of one run to the next: the longest run (1800 s) and a slew."""

SLOTS_PER_NIGHT = 27
"""Slots around local midnight: 14.4 hours, longer than any night at the sites known."""

RUNS_PER_VISIT = 3
"""Consecutive runs on one target."""

NIGHTS_SPANNED = 360
"""Visits are spread over a year, so that every right ascension has its turn."""

IDLE_STRIDE = 5
"""Nights to go on after one in which nothing can be observed: the sky hardly changes from one to the next."""

EXTRA_SECONDS = 12
"""Runs last up to this much longer than the profile says: real ones vary alike."""

TWO_GTI_EVERY, THREE_GTI_EVERY = 6, 11
"""Each so-manieth run has that many good time intervals (first the 4th and the 8th run)."""

GAP_SECONDS = (60, 240)
"""Shortest and longest gap between good time intervals: a passing cloud."""

_TT_MINUS_UTC_DAYS = 64.184 / SECONDS_PER_DAY  # of 1999 to 2005; only places the slots of a night


@dataclass(frozen=True)
class RunPlan:
    """One run before anything is drawn.

    Attributes
    ----------
    obs_id
        Number of the run.
    target
        What is observed.
    ra_pnt_deg, dec_pnt_deg
        Pointing, ICRS, degrees.
    altitude_deg, azimuth_deg
        Of the pointing in the middle of the run, degrees, azimuth from north to east.
    gtis
        Good time intervals, seconds since the profile's epoch, TT, in order.
    """

    obs_id: int
    target: Target
    ra_pnt_deg: float
    dec_pnt_deg: float
    altitude_deg: float
    azimuth_deg: float
    gtis: tuple[tuple[float, float], ...]

    @property
    def tstart(self) -> float:
        """Start of the run, seconds since the profile's epoch, TT."""
        return self.gtis[0][0]

    @property
    def tstop(self) -> float:
        """End of the run, seconds since the profile's epoch, TT."""
        return self.gtis[-1][1]

    @property
    def ontime(self) -> float:
        """Seconds in the good time intervals."""
        return sum(stop - start for start, stop in self.gtis)

    @property
    def zenith_deg(self) -> float:
        """Zenith angle in the middle of the run, degrees."""
        return 90.0 - self.altitude_deg


def mission_time(profile: FacilityProfile, seconds: float) -> Time:
    """Turn seconds since the profile's epoch into an astropy time, scale TT."""
    days = profile.mjdreff + seconds / SECONDS_PER_DAY
    return Time(float(profile.mjdrefi), days, format="mjd", scale="tt", precision=3)


def horizontal(
    profile: FacilityProfile, mjd_tt: Floats, ra_deg: Floats, dec_deg: Floats
) -> tuple[Floats, Floats]:
    """Compute altitude and azimuth (from north to east) of ICRS positions at the site.

    Parameters
    ----------
    profile
        Gives the site.
    mjd_tt
        Times, MJD in TT, shape (n,); all within some days of each other.
    ra_deg, dec_deg
        ICRS positions in degrees, shape (n,) or anything that broadcasts with it.

    Returns
    -------
    tuple
        Altitude and azimuth in degrees, shape (..., n).
    """
    times = Time(mjd_tt, format="mjd", scale="tt")
    times.delta_ut1_utc = 0.0
    sidereal = times.sidereal_time("mean", "greenwich").deg + profile.longitude_deg
    mean_place = SkyCoord(ra_deg, dec_deg, unit="deg").transform_to(FK5(equinox=times[0]))
    hour_angle = np.radians(sidereal - mean_place.ra.deg)
    dec, lat = np.radians(mean_place.dec.deg), np.radians(profile.latitude_deg)
    up = np.sin(dec) * np.sin(lat) + np.cos(dec) * np.cos(lat) * np.cos(hour_angle)
    north = np.sin(dec) * np.cos(lat) - np.cos(dec) * np.sin(lat) * np.cos(hour_angle)
    east = -np.cos(dec) * np.sin(hour_angle)
    return np.degrees(np.arcsin(np.clip(up, -1, 1))), np.degrees(np.arctan2(east, north)) % 360.0


def sun_altitude(profile: FacilityProfile, mjd_tt: Floats) -> Floats:
    """Compute the altitude of the Sun in degrees at times given as MJD in TT, shape (n,)."""
    sun = get_sun(Time(mjd_tt, format="mjd", scale="tt"))
    return horizontal(profile, mjd_tt, sun.ra.deg, sun.dec.deg)[0]


def plan_runs(config: SimulationConfig) -> list[RunPlan]:
    """Lay out all runs of a release in order of time and OBS_ID.

    Raises
    ------
    ingest.errors.ConfigError
        None of the profile's targets is ever up in the dark.
    """
    profile = config.facility
    visits = -(-config.runs // RUNS_PER_VISIT)
    stride = max(1, NIGHTS_SPANNED // visits)
    night, idle = profile.first_night_mjd, 0
    seen = [0] * len(profile.targets)
    plans: list[RunPlan] = []
    while len(plans) < config.runs:
        wanted = min(RUNS_PER_VISIT, config.runs - len(plans))
        found = _choose_visit(profile, night, wanted, seen)
        if found is None:
            night, idle = night + IDLE_STRIDE, idle + IDLE_STRIDE
            if idle > NIGHTS_SPANNED:
                raise ConfigError(
                    f"Facility profile {profile.key}: no target is above {profile.min_altitude_deg} degrees "
                    "in a dark night; expected at least one that is"
                )
            continue
        index, starts = found
        for start in starts:
            plans.append(_plan_run(config, len(plans), profile.targets[index], seen[index], start))
            seen[index] += 1
        night, idle = night + stride, 0
    return plans


def _night_edges(profile: FacilityProfile, night_mjd: int) -> Floats:
    """Give the edges of the slots around the night's local mean midnight, MJD in TT."""
    midnight = night_mjd + 1 - profile.longitude_deg / 360 + _TT_MINUS_UTC_DAYS
    slots: Floats = (np.arange(SLOTS_PER_NIGHT + 1) - SLOTS_PER_NIGHT / 2).astype(np.float64)
    return np.asarray(midnight + slots * (SLOT_SECONDS / SECONDS_PER_DAY), dtype=np.float64)


def _choose_visit(
    profile: FacilityProfile, night_mjd: int, wanted: int, seen: list[int]
) -> tuple[int, list[float]] | None:
    """Choose the least observed target that is up for `wanted` slots: its index and their starts."""
    edges = _night_edges(profile, night_mjd)
    dark = sun_altitude(profile, edges) < SUN_ALTITUDE_DEG
    if not dark.any():
        return None
    # The pointing is up to an offset lower than the target itself.
    lowest = np.array([[profile.min_altitude_deg + t.offset_deg] for t in profile.targets])
    ra = np.array([[t.ra_deg] for t in profile.targets])
    dec = np.array([[t.dec_deg] for t in profile.targets])
    altitude, _ = horizontal(profile, edges, ra, dec)
    good_edges = dark & (altitude > lowest)
    good_slots = good_edges[:, :-1] & good_edges[:, 1:]
    for index in sorted(range(len(seen)), key=lambda i: (seen[i], i)):
        windows = [
            first
            for first in range(SLOTS_PER_NIGHT - wanted + 1)
            if good_slots[index, first : first + wanted].all()
        ]
        if windows:
            best = max(windows, key=lambda first: float(altitude[index, first : first + wanted + 1].min()))
            return index, [float(edges[best + k]) for k in range(wanted)]
    return None


def _plan_run(config: SimulationConfig, number: int, target: Target, turn: int, start_mjd: float) -> RunPlan:
    profile = config.facility
    obs_id = profile.first_obs_id + number
    lon, lat = sphere.polar_offsets(target.offset_deg, np.pi / 2 * (turn % 4))
    ra_pnt, dec_pnt = sphere.from_offsets(target.ra_deg, target.dec_deg, lon, lat)
    ra, dec = round(float(ra_pnt), 6), round(float(dec_pnt), 6)
    gtis = _good_times(config, number, start_mjd)
    middle = (mission_time(profile, (gtis[0][0] + gtis[-1][1]) / 2)).mjd
    altitude, azimuth = horizontal(profile, np.array([middle]), np.array([ra]), np.array([dec]))
    return RunPlan(
        obs_id=obs_id,
        target=target,
        ra_pnt_deg=ra,
        dec_pnt_deg=dec,
        # Rounded, so that the last bits of another astropy do not reach the files.
        altitude_deg=round(float(altitude[0]), 4),
        azimuth_deg=round(float(azimuth[0]), 4) % 360.0,
        gtis=gtis,
    )


def _good_times(config: SimulationConfig, number: int, start_mjd: float) -> tuple[tuple[float, float], ...]:
    """Split a run into good time intervals of whole seconds since the epoch."""
    profile = config.facility
    rng = np.random.default_rng([config.seed, profile.first_obs_id + number, 1])
    start = round((start_mjd - profile.mjdrefi - profile.mjdreff) * SECONDS_PER_DAY)
    stop = start + profile.run_seconds + int(rng.integers(0, EXTRA_SECONDS + 1))
    pieces = 1
    if number % TWO_GTI_EVERY == TWO_GTI_EVERY // 2:
        pieces = 2
    elif number % THREE_GTI_EVERY == THREE_GTI_EVERY * 2 // 3:
        pieces = 3
    edges = np.linspace(start, stop, pieces + 1)
    intervals: list[tuple[float, float]] = []
    begin = float(start)
    for edge in edges[1:-1]:
        # The gap begins where the next interval would, so no interval gets too short.
        intervals.append((begin, float(round(edge))))
        begin = intervals[-1][1] + float(rng.integers(GAP_SECONDS[0], GAP_SECONDS[1] + 1))
    intervals.append((begin, float(stop)))
    return tuple(intervals)
