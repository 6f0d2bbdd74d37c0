"""How bright moonlight makes the sky: the model of Krisciunas & Schaefer (1991, PASP 103, 1033).

All angles are in degrees, brightnesses in nanolamberts of the V band; arguments broadcast.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ingest.arrays import FloatArray
from ingest.constants import DARK_ZENITH_V, EXTINCTION_V, LEAST_MOON_SEPARATION_DEG

LEVELS = {
    "None": "The Moon is below the horizon during the whole run.",
    "Dark": "The Moon is up, and the sky at the pointing less than 2 times as bright as without it.",
    "Moderate": "Moonlight makes the sky at the pointing from 2 to below 5 times as bright.",
    "Bright": "Moonlight makes the sky at the pointing at least 5 times as bright.",
}
"""The values of ``moon_level`` and what they mean."""

_MODERATE, _BRIGHT = 2.0, 5.0


def nanolambert(magnitude: ArrayLike) -> FloatArray:
    """Convert V magnitudes per square arcsecond to nanolamberts (equation 1)."""
    return np.asarray(34.08 * np.exp(20.7233 - 0.92104 * np.asarray(magnitude, dtype=float)))


def magnitude(brightness: ArrayLike) -> FloatArray:
    """Convert nanolamberts to V magnitudes per square arcsecond (equation 1)."""
    return np.asarray((20.7233 - np.log(np.asarray(brightness, dtype=float) / 34.08)) / 0.92104)


def air_mass(zenith: ArrayLike) -> FloatArray:
    """Give the optical path length for scattering along a zenith angle (equation 3); 1 at the zenith."""
    return np.asarray(1.0 / np.sqrt(1.0 - 0.96 * np.sin(np.radians(zenith)) ** 2))


def dark_sky(zenith: ArrayLike) -> FloatArray:
    """Give the brightness of the moonless sky at a zenith angle (equation 2)."""
    path = air_mass(zenith)
    return np.asarray(nanolambert(DARK_ZENITH_V) * 10.0 ** (-0.4 * EXTINCTION_V * (path - 1.0)) * path)


def illuminated_fraction(phase: ArrayLike) -> FloatArray:
    """Give the illuminated fraction of the Moon's disk from its phase angle."""
    return np.asarray(0.5 * (1.0 + np.cos(np.radians(phase))))


def scattering(separation: ArrayLike) -> FloatArray:
    """Give the scattering function at an angle from the Moon (equations 19 and 21); NaN inside its disk.

    Rayleigh scattering, and Mie scattering, which changes its form at 10 degrees.
    """
    angle = np.asarray(separation, dtype=float)
    rayleigh = 10.0**5.36 * (1.06 + np.cos(np.radians(angle)) ** 2)
    near = np.maximum(angle, LEAST_MOON_SEPARATION_DEG)
    mie = np.where(angle < 10.0, 6.2e7 / near**2, 10.0 ** (6.15 - angle / 40.0))
    return np.where(angle < LEAST_MOON_SEPARATION_DEG, np.nan, rayleigh + mie)


def moonlight(phase: ArrayLike, separation: ArrayLike, moon: ArrayLike, sky: ArrayLike) -> FloatArray:
    """Give the brightness that the Moon adds to the sky (equations 15 and 20).

    Parameters
    ----------
    phase
        Phase angle of the Moon in degrees, 0 at full Moon.
    separation
        Between the Moon and the place in the sky, in degrees.
    moon, sky
        Zenith angles of the Moon and of the place in the sky, in degrees.

    Returns
    -------
    numpy.ndarray
        Nanolamberts; NaN inside the Moon's disk.
    """
    angle = np.abs(np.asarray(phase, dtype=float))
    outside = 10.0 ** (-0.4 * (3.84 + 0.026 * angle + 4e-9 * angle**4))
    arrives = 10.0 ** (-0.4 * EXTINCTION_V * air_mass(moon))
    scattered = 1.0 - 10.0 ** (-0.4 * EXTINCTION_V * air_mass(sky))
    return np.asarray(scattering(separation) * outside * arrives * scattered)


def levels(ratio: ArrayLike, moon_up: ArrayLike) -> Any:
    """Give the terms of `LEVELS`.

    Parameters
    ----------
    ratio
        Brightness of the sky with moonlight over that without, averaged over each run, shape (n,); NaN
        where undefined.
    moon_up
        Whether the Moon was above the horizon at any time of each run, shape (n,).

    Returns
    -------
    numpy.ndarray
        Objects, shape (n,): terms, or None where the ratio is NaN.
    """
    value = np.asarray(ratio, dtype=float)
    cases = [np.isnan(value), ~np.asarray(moon_up, dtype=bool), value < _MODERATE, value < _BRIGHT]
    terms = [np.array(term, dtype=object) for term in (None, "None", "Dark", "Moderate")]
    return np.select(cases, terms, np.array("Bright", dtype=object))
