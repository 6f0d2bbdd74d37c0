"""Offsets on the sphere around a position, as rotations."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def from_offsets(
    ra0_deg: ArrayLike, dec0_deg: ArrayLike, lon_deg: ArrayLike, lat_deg: ArrayLike
) -> tuple[Floats, Floats]:
    """Turn field of view coordinates into right ascension and declination.

    Parameters
    ----------
    ra0_deg, dec0_deg
        Centre of the field, or one for each offset, degrees.
    lon_deg, lat_deg
        Longitude (growing east) and latitude (growing north) of the frame whose origin
        is the centre; degrees, any shape.

    Returns
    -------
    tuple
        Right ascension in [0, 360) and declination, degrees, same shape.
    """
    lon, lat, dec0 = np.radians(lon_deg), np.radians(lat_deg), np.radians(dec0_deg)
    x, y, z = np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)
    ra = np.asarray(ra0_deg) + np.degrees(np.arctan2(y, x * np.cos(dec0) - z * np.sin(dec0)))
    dec = np.degrees(np.arcsin(np.clip(x * np.sin(dec0) + z * np.cos(dec0), -1, 1)))
    ra = ra % 360.0
    # The remainder of a tiny negative number is rounded to the full circle.
    return np.where(ra >= 360.0, 0.0, ra), np.asarray(dec)


def to_offsets(
    ra0_deg: float, dec0_deg: float, ra_deg: ArrayLike, dec_deg: ArrayLike
) -> tuple[Floats, Floats]:
    """Turn right ascension and declination into field of view coordinates.

    The inverse of :func:`from_offsets`; all in degrees, any shape.
    """
    dra, dec, dec0 = np.radians(np.asarray(ra_deg) - ra0_deg), np.radians(dec_deg), np.radians(dec0_deg)
    x, y, z = np.cos(dec) * np.cos(dra), np.cos(dec) * np.sin(dra), np.sin(dec)
    lon = np.degrees(np.arctan2(y, x * np.cos(dec0) + z * np.sin(dec0)))
    lat = np.degrees(np.arcsin(np.clip(z * np.cos(dec0) - x * np.sin(dec0), -1, 1)))
    return np.asarray(lon), np.asarray(lat)


def polar_offsets(radius_deg: ArrayLike, angle_rad: ArrayLike) -> tuple[Floats, Floats]:
    """Turn an angular distance and a position angle (north through east) into offsets.

    Returns longitude and latitude in degrees of the frame of :func:`from_offsets`.
    """
    radius = np.radians(radius_deg)
    lon = np.arctan2(np.sin(radius) * np.sin(angle_rad), np.cos(radius))
    lat = np.arcsin(np.sin(radius) * np.cos(angle_rad))
    return np.degrees(lon), np.degrees(lat)


def separation_deg(ra1_deg: float, dec1_deg: float, ra2_deg: float, dec2_deg: float) -> float:
    """Angular distance of two positions; all in degrees."""
    lon, lat = np.radians(to_offsets(ra1_deg, dec1_deg, ra2_deg, dec2_deg))
    return float(
        np.degrees(np.arctan2(np.hypot(np.cos(lat) * np.sin(lon), np.sin(lat)), np.cos(lat) * np.cos(lon)))
    )
