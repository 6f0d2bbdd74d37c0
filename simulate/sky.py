"""The sky over a site at many times at once.

As in :mod:`simulate.schedule`, places are mean ones and UT1 is a fixed distance from TT: the same on
every computer, whatever Earth orientation tables it has, and good to 0.02 degrees today and to about half a
degree in 2100, when nobody knows yet how far the Earth will have turned.
"""

from __future__ import annotations

import erfa  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ingest.constants import JD_OF_MJD_0, SECONDS_PER_DAY
from simulate.profiles import FacilityProfile

Floats = NDArray[np.float64]

TT_MINUS_UT1_DAYS = 69.184 / SECONDS_PER_DAY
"""TT - UTC since 2017 (IERS Bulletin C); UT1 is taken as UTC."""


def unit_vectors(ra_deg: ArrayLike, dec_deg: ArrayLike) -> Floats:
    """Turn positions in degrees, shape (...), into unit vectors, shape (..., 3)."""
    ra, dec = np.radians(ra_deg), np.radians(dec_deg)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def positions(vectors: Floats) -> tuple[Floats, Floats]:
    """Turn unit vectors, shape (..., 3), into longitudes in [0, 360) and latitudes, degrees."""
    longitude = np.degrees(np.arctan2(vectors[..., 1], vectors[..., 0])) % 360.0
    latitude = np.degrees(np.arcsin(np.clip(vectors[..., 2], -1, 1)))
    # The remainder of a tiny negative number is rounded to the full circle.
    return np.where(longitude >= 360.0, 0.0, longitude), latitude


def local_sidereal_deg(profile: FacilityProfile, mjd_tt: Floats) -> Floats:
    """Compute the mean sidereal time of a site in degrees at times given as MJD in TT, shape (n,)."""
    greenwich = erfa.gmst06(JD_OF_MJD_0, mjd_tt - TT_MINUS_UT1_DAYS, JD_OF_MJD_0, mjd_tt)
    return np.asarray(np.degrees(greenwich) + profile.longitude_deg)


def local_frames(profile: FacilityProfile, mjd_tt: Floats) -> Floats:
    """Compute the rotations from ICRS to the axes north, east, up of a site.

    Parameters
    ----------
    profile
        Gives the site.
    mjd_tt
        Times, MJD in TT, shape (n,).

    Returns
    -------
    numpy.ndarray
        Shape (n, 3, 3); the longitude of a rotated vector is the azimuth from north to east. The
        transposed matrices turn back.
    """
    sidereal = np.radians(local_sidereal_deg(profile, mjd_tt))
    sin, cos, nought = np.sin(sidereal), np.cos(sidereal), np.zeros_like(sidereal)
    latitude = np.radians(profile.latitude_deg)
    north = np.stack([-np.sin(latitude) * cos, -np.sin(latitude) * sin, nought + np.cos(latitude)], -1)
    east = np.stack([-sin, cos, nought], -1)
    up = np.stack([np.cos(latitude) * cos, np.cos(latitude) * sin, nought + np.sin(latitude)], -1)
    axes = np.stack([north, east, up], axis=1)
    return np.asarray(axes @ erfa.pmat06(JD_OF_MJD_0, mjd_tt))


def sun(mjd_tt: Floats) -> tuple[Floats, Floats]:
    """Give right ascension and declination of the Sun in degrees at times as MJD in TT, mean place of date.

    Aberration (0.006 degrees) is left out.
    """
    heliocentric, _ = erfa.epv00(JD_OF_MJD_0, mjd_tt)
    towards = -np.asarray(heliocentric["p"])
    of_date = (erfa.pmat06(JD_OF_MJD_0, mjd_tt) @ towards[..., None])[..., 0]
    return positions(of_date / np.linalg.norm(of_date, axis=-1, keepdims=True))
