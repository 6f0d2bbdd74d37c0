"""Sun, Moon, zenith angle and moonlit sky brightness of Cherenkov observations.

Positions come from astropy with its built-in ephemeris, without refraction. The brightness of the sky
is the model of Krisciunas & Schaefer (1991, PASP 103, 1033) in the V band, see ``ingest.moonlight``;
``docs/moonlight.md`` says what it can be trusted for.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import erfa  # type: ignore[import-untyped]
import numpy as np
from astropy import units as u
from astropy.coordinates import GCRS, ICRS, AltAz, CartesianRepresentation, EarthLocation, get_sun
from astropy.coordinates.erfa_astrom import ErfaAstrom, erfa_astrom
from astropy.time import Time
from astropy.utils import iers
from astropy.utils.exceptions import AstropyWarning

import ingest.times  # noqa: F401  (it keeps astropy from downloading Earth rotation data)
from ingest import moonlight
from ingest.arrays import FloatArray
from ingest.constants import (
    EARLIEST_MJD,
    LATEST_MJD,
    LONGEST_NIGHT_D,
    LOWEST_POINTING_DEG,
    MOON_HORIZON_DEG,
    SHORT_RUN_D,
    SUN_LIMIT_DEG,
)

_CHUNK = 4096  # runs per call of astropy: bounds memory, and is past the point where larger is faster
_SIMPSON = {3: np.array([1, 4, 1]) / 6, 9: np.array([1, 4, 2, 4, 2, 4, 2, 4, 1]) / 24}


@dataclass(frozen=True)
class Site:
    """Where a telescope stands.

    Attributes
    ----------
    longitude_deg, latitude_deg
        Geodetic (WGS 84), longitude eastwards, from -360 to 360.
    height_m
        Above the ellipsoid, from -500 to 9000.

    Raises
    ------
    ValueError
        A value is not finite or outside these ranges.
    """

    longitude_deg: float
    latitude_deg: float
    height_m: float

    def __post_init__(self) -> None:
        limits = {"longitude_deg": (-360, 360), "latitude_deg": (-90, 90), "height_m": (-500, 9000)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} = {value!r}, expected a number from {low} to {high}")


@dataclass(frozen=True)
class Condition:
    """The sky during one run; None where it is not known or not defined.

    Attributes are as in `Conditions`.
    """

    sun_alt_deg: float | None = None
    moon_alt_deg: float | None = None
    moon_phase_deg: float | None = None
    moon_illumination: float | None = None
    moon_separation_deg: float | None = None
    pointing_alt_deg: float | None = None
    zenith_deg: float | None = None
    sky_brightness: float | None = None
    sky_ratio: float | None = None
    moon_level: str | None = None


@dataclass(frozen=True)
class Conditions:
    """The sky during n runs: arrays of shape (n,), NaN (in `moon_level`, None) for unknown or undefined.

    Attributes
    ----------
    sun_alt_deg
        Altitude of the Sun at the middle of the run.
    moon_alt_deg
        Altitude of the Moon at the middle of the run, as seen from the site.
    moon_phase_deg
        Phase angle at the middle of the run: 0 at full, 180 at new Moon.
    moon_illumination
        Illuminated fraction of the Moon's disk at the middle of the run, from 0 to 1.
    moon_separation_deg
        Between the pointing and the Moon at the middle of the run, also when the Moon is down.
    pointing_alt_deg
        Altitude of the pointing at the middle of the run.
    zenith_deg
        Mean zenith angle of the pointing over the run.
    sky_brightness
        V magnitude per square arcsecond at the pointing, of the brightness averaged over the run.
    sky_ratio
        Brightness with moonlight over brightness without, averaged over the run.
    moon_level
        One of `ingest.moonlight.LEVELS`.
    """

    sun_alt_deg: FloatArray
    moon_alt_deg: FloatArray
    moon_phase_deg: FloatArray
    moon_illumination: FloatArray
    moon_separation_deg: FloatArray
    pointing_alt_deg: FloatArray
    zenith_deg: FloatArray
    sky_brightness: FloatArray
    sky_ratio: FloatArray
    moon_level: Any

    @staticmethod
    def unknown(number: int) -> Conditions:
        """Give conditions of a number of runs of which nothing is known."""
        blanks = {item.name: np.full(number, np.nan) for item in fields(Conditions)}
        return Conditions(**(blanks | {"moon_level": np.full(number, None)}))

    def __len__(self) -> int:
        return len(self.sun_alt_deg)

    def row(self, index: int) -> Condition:
        """Give one run's conditions as Python values, None for NaN."""
        values = {}
        for item in fields(self):
            value = getattr(self, item.name)[index]
            if item.name != "moon_level":
                value = None if math.isnan(value) else float(value)
            values[item.name] = value
        return Condition(**values)

    def _put(self, where: Any, part: dict[str, Any]) -> None:
        for name, values in part.items():
            getattr(self, name)[where] = values


def conditions(
    site: Site,
    start: FloatArray,
    stop: FloatArray,
    *,
    icrs: tuple[FloatArray, FloatArray] | None = None,
    altaz: tuple[FloatArray, FloatArray] | None = None,
) -> Conditions:
    """Give the sky conditions of runs at one site.

    Parameters
    ----------
    site
        Where the telescopes stand.
    start, stop
        First and last moment of each run, MJD in TT, shape (n,); NaN where unknown. Runs that end before
        they start, are longer than 18 h, or lie outside 1970 to 2100 count as unknown.
    icrs
        Right ascension and declination of the pointing in degrees (ICRS), each of shape (n,); NaN where
        unknown.
    altaz
        Altitude, and azimuth from north through east, in degrees, each of shape (n,), of a pointing that
        is fixed to the ground (a drift scan). Taken where `icrs` is not finite.

    Returns
    -------
    Conditions
        Arrays of shape (n,).

    Raises
    ------
    ValueError
        The arrays differ in shape, or are not of one dimension.
    """
    runs = _columns(start, stop, icrs, altaz)
    found = Conditions.unknown(len(runs[0]))
    begin, end = runs[:2]
    length = end - begin
    usable = (begin >= EARLIEST_MJD) & (end <= LATEST_MJD) & (length >= 0) & (length <= LONGEST_NIGHT_D)
    location = EarthLocation.from_geodetic(
        site.longitude_deg * u.deg, site.latitude_deg * u.deg, site.height_m * u.m
    )
    for samples, wanted in ((3, length <= SHORT_RUN_D), (9, length > SHORT_RUN_D)):
        chosen = np.flatnonzero(usable & wanted)
        for first in range(0, len(chosen), _CHUNK):
            where = chosen[first : first + _CHUNK]
            with _quiet():
                found._put(where, _observe(location, [values[where] for values in runs], samples))
    return found


def condition(
    site: Site | None,
    start: float | None,
    stop: float | None,
    *,
    icrs: tuple[float, float] | None = None,
    altaz: tuple[float, float] | None = None,
) -> Condition:
    """Give the sky conditions of one run; the parameters are as in `conditions`, None where unknown."""
    if site is None or start is None or stop is None:
        return Condition()
    radec = None if icrs is None else (np.array([icrs[0]]), np.array([icrs[1]]))
    horizontal = None if altaz is None else (np.array([altaz[0]]), np.array([altaz[1]]))
    return conditions(site, np.array([start]), np.array([stop]), icrs=radec, altaz=horizontal).row(0)


def _columns(
    start: FloatArray,
    stop: FloatArray,
    icrs: tuple[FloatArray, FloatArray] | None,
    altaz: tuple[FloatArray, FloatArray] | None,
) -> list[FloatArray]:
    """Give start, stop, right ascension, declination, altitude and azimuth, each of shape (n,)."""
    nothing = np.full(np.shape(start), np.nan)
    arrays = [start, stop, *(icrs or (nothing, nothing)), *(altaz or (nothing, nothing))]
    runs = [np.asarray(values, dtype=float) for values in arrays]
    if any(values.shape != runs[0].shape or values.ndim != 1 for values in runs):
        raise ValueError(f"arrays of shapes {[values.shape for values in runs]}, expected one shape (n,)")
    return runs


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the warnings for times outside of the tables of Earth rotation and leap seconds.

    There, UT1 - UTC is 0 and the pole its mean of 50 years: below 15 arcsec, which is nothing to us.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        warnings.simplefilter("ignore", erfa.ErfaWarning)
        yield


def _utc(mjd_tt: FloatArray) -> Time:
    """Give times in UTC that know their UT1 - UTC.

    Left alone, astropy gives it up for a whole array as soon as one of its times is outside the table,
    and what a run gets would depend on the other runs.
    """
    times = Time(mjd_tt, format="mjd", scale="tt").utc
    ut1_utc, status = iers.earth_orientation_table.get().ut1_utc(times, return_status=True)
    times.delta_ut1_utc = np.where(status < 0, 0.0, ut1_utc.to_value(u.s))
    return times


def _observe(location: EarthLocation, runs: list[FloatArray], samples: int) -> dict[str, Any]:
    """Give the columns of `Conditions` for some runs, each sampled at so many evenly spaced times."""
    start, stop, ra, dec, alt, az = (values[:, np.newaxis] for values in runs)
    times = _utc(start + (stop - start) * np.linspace(0.0, 1.0, samples))
    frame = AltAz(obstime=times, location=location)
    # What depends on time and place only is the same for all bodies.
    astrometry = erfa_astrom.get().apco(frame)
    sun, moon = _sun_and_moon(times, location, astrometry)
    pointing = _pointing(frame, (ra, dec), (alt, az), astrometry)
    sun_alt, moon_alt, pointing_alt = (_altitude(vector) for vector in (sun, moon, pointing))
    phase = _angle(sun - moon, -moon)
    separation = _angle(pointing, moon)
    middle = samples // 2
    weights = _SIMPSON[samples]
    dark = moonlight.dark_sky(90.0 - pointing_alt)
    light = moonlight.moonlight(phase, separation, 90.0 - moon_alt, 90.0 - pointing_alt)
    moon_up = moon_alt > MOON_HORIZON_DEG
    light = np.where(moon_up, light, 0.0)
    defined = np.all((sun_alt <= SUN_LIMIT_DEG) & (pointing_alt >= LOWEST_POINTING_DEG), axis=1)
    total = np.where(defined, _mean(dark + light, weights), np.nan)
    ratio = np.where(defined, 1.0 + _mean(light / dark, weights), np.nan)
    return {
        "sun_alt_deg": sun_alt[:, middle],
        "moon_alt_deg": moon_alt[:, middle],
        "moon_phase_deg": phase[:, middle],
        "moon_illumination": moonlight.illuminated_fraction(phase[:, middle]),
        "moon_separation_deg": separation[:, middle],
        "pointing_alt_deg": pointing_alt[:, middle],
        "zenith_deg": _mean(90.0 - pointing_alt, weights),
        "sky_brightness": moonlight.magnitude(total),
        "sky_ratio": ratio,
        "moon_level": moonlight.levels(ratio, moon_up.any(axis=1)),
    }


class _Known(ErfaAstrom):  # type: ignore[misc]
    """Gives the astrometry of observed frames that was computed before; astropy's way to do that."""

    def __init__(self, astrometry: Any) -> None:
        self._astrometry = astrometry

    def apco(self, frame_or_coord: Any) -> Any:
        """Give it, whatever frame of the same times and place it is asked for."""
        return self._astrometry


def _sun_and_moon(times: Time, location: EarthLocation, astrometry: Any) -> tuple[FloatArray, FloatArray]:
    """Give vectors from the site to Sun and Moon in au, horizontal axes, shape (*times.shape, 3).

    The Moon comes from the series that astropy's ``get_body`` uses, geocentric and without light time
    (0.7 arcsec); ``get_body`` evaluates the Earth's orbit six times on top, which takes ten times longer.
    """
    tt = times.tt
    moon = np.moveaxis(np.asarray(erfa.moon98(tt.jd1, tt.jd2)["p"]), -1, 0)
    sun = get_sun(times).cartesian.xyz.to_value(u.au)
    both = CartesianRepresentation(np.stack([sun, moon], axis=-1), unit=u.au)
    # With one more axis in the times, astropy does what depends on the time only once for both.
    later = times[..., np.newaxis]
    with erfa_astrom.set(_Known(astrometry[..., np.newaxis])):
        seen = GCRS(both, obstime=later).transform_to(AltAz(obstime=later, location=location))
    vectors = np.moveaxis(seen.cartesian.xyz.to_value(u.au), 0, -1)
    return vectors[..., 0, :], vectors[..., 1, :]


def _pointing(
    frame: AltAz, icrs: tuple[FloatArray, FloatArray], altaz: tuple[FloatArray, FloatArray], astrometry: Any
) -> FloatArray:
    """Give unit vectors of the pointing, horizontal axes, shape (*frame.shape, 3); NaN where unknown."""
    (ra, dec), (alt, az), shape = icrs, altaz, frame.obstime.shape
    fixed = AltAz(alt=np.where(np.abs(alt) <= 90.0, alt, np.nan) * u.deg, az=az * u.deg)
    vectors = np.moveaxis(fixed.cartesian.xyz.value, 0, -1)
    tracked = (np.isfinite(ra) & (np.abs(dec) <= 90.0))[:, 0]
    result = np.broadcast_to(vectors, (*shape, 3)).copy()
    if tracked.any():
        target = ICRS(
            ra=np.broadcast_to(ra[tracked], (tracked.sum(), shape[1])) * u.deg,
            dec=np.broadcast_to(dec[tracked], (tracked.sum(), shape[1])) * u.deg,
        )
        with erfa_astrom.set(_Known(astrometry[tracked])):
            seen = target.transform_to(AltAz(obstime=frame.obstime[tracked], location=frame.location))
        result[tracked] = np.moveaxis(seen.cartesian.xyz.to_value(u.one), 0, -1)
    return result


def _mean(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Average over the samples of each run; not by ``@``, whose last bit depends on the number of runs."""
    return np.asarray(np.sum(values * weights, axis=1))


def _altitude(vectors: FloatArray) -> FloatArray:
    """Give the altitude of vectors on horizontal axes in degrees."""
    return np.asarray(np.degrees(np.arctan2(vectors[..., 2], np.hypot(vectors[..., 0], vectors[..., 1]))))


def _angle(first: FloatArray, second: FloatArray) -> FloatArray:
    """Give the angle between vectors in degrees; good for small and for large ones."""
    across = np.linalg.norm(np.cross(first, second), axis=-1)
    return np.asarray(np.degrees(np.arctan2(across, np.sum(first * second, axis=-1))))
