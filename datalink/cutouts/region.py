"""Which positions lie in a circle or in a polygon on the sky, borders included."""

from __future__ import annotations

from collections.abc import Sequence

import astropy.units as u
import numpy as np
from astropy.coordinates import ICRS, SkyCoord
from numpy.typing import NDArray

from ingest.arrays import FloatArray

BoolArray = NDArray[np.bool_]

BORDER_DEG = 1e-12
"""What is this close to a border lies on it: some ten times the rounding of angles in double precision."""

LEAST_COSINE = 0.01
"""Cosine of the largest angle, 89.4 degrees, between the corners of a polygon and its middle: beyond, the
gnomonic projection that tells inside from outside ends."""

_STEPS = 300


def in_circle(ra: FloatArray, dec: FloatArray, circle: tuple[float, float, float]) -> BoolArray:
    """Tell which positions are not farther from a point than a radius.

    Parameters
    ----------
    ra, dec
        Degrees, ICRS, shape (n,); what is not finite, or no declination, is nowhere.
    circle
        Right ascension, declination and radius in degrees.

    Returns
    -------
    numpy.ndarray
        Shape (n,).
    """
    centre = SkyCoord(circle[0] * u.deg, circle[1] * u.deg, frame=ICRS)
    somewhere = np.isfinite(ra) & (np.abs(dec) <= 90.0)
    found = np.zeros(len(ra), dtype=bool)
    positions = SkyCoord(ra[somewhere] * u.deg, dec[somewhere] * u.deg, frame=ICRS)
    found[somewhere] = centre.separation(positions).deg <= circle[2] + BORDER_DEG
    return found


class SkyPolygon:
    """A polygon of great circles that fits into a hemisphere; what it holds is its smaller side.

    Parameters
    ----------
    corners
        ``(ra, dec)`` in degrees, ICRS, in either direction around; at least three different ones. Corners
        that repeat their neighbour do not count.

    Raises
    ------
    ValueError
        It has fewer corners, does not fit, crosses itself, or has no area; the message says which.
    """

    def __init__(self, corners: Sequence[tuple[float, float]]) -> None:
        vectors = unit_vectors(np.array([corner[0] for corner in corners], dtype=float),
                               np.array([corner[1] for corner in corners], dtype=float))  # fmt: skip
        apart = np.linalg.norm(vectors - np.roll(vectors, 1, axis=0), axis=1) > np.radians(BORDER_DEG)
        self.corners = vectors[apart]
        if len(self.corners) < 3:
            raise ValueError("expected at least three different corners")
        self.middle = _middle(self.corners)
        if np.min(self.corners @ self.middle) < LEAST_COSINE:
            raise ValueError("larger than a hemisphere, expected a polygon that fits into one")
        self.axes = _axes(self.middle)
        x, y = self._projected(self.corners)
        if _crosses_itself(x, y):
            raise ValueError("crosses itself, expected a simple polygon")
        if _twice_area(x, y) <= np.radians(BORDER_DEG) * max(np.ptp(x), np.ptp(y)):
            raise ValueError("has no area, expected corners that are not on one great circle")

    def holds(self, ra: FloatArray, dec: FloatArray) -> BoolArray:
        """Tell which positions lie inside or on the border.

        Parameters
        ----------
        ra, dec
            Degrees, ICRS, shape (n,); what is not finite, or no declination, is nowhere.
        """
        found = np.zeros(len(ra), dtype=bool)
        somewhere = np.isfinite(ra) & (np.abs(dec) <= 90.0)
        positions = unit_vectors(ra[somewhere], dec[somewhere])
        reach = np.min(self.corners @ self.middle) - np.radians(BORDER_DEG)
        near = positions @ self.middle >= reach
        there = np.flatnonzero(somewhere)[near]
        found[there] = self._surrounds(positions[near]) | self._touches(positions[near])
        return found

    def _projected(self, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Project onto the plane that touches the sphere in the middle: great circles become straight."""
        height = vectors @ self.middle
        return vectors @ self.axes[0] / height, vectors @ self.axes[1] / height

    def _surrounds(self, positions: FloatArray) -> BoolArray:
        """Tell which positions have an odd number of sides to their right in the plane."""
        x, y = self._projected(positions)
        odd = np.zeros(len(positions), dtype=bool)
        x_corner, y_corner = self._projected(self.corners)
        for x1, y1, x2, y2 in zip(
            x_corner, y_corner, np.roll(x_corner, -1), np.roll(y_corner, -1), strict=True
        ):
            if y1 != y2:
                odd ^= ((y1 > y) != (y2 > y)) & (x < x1 + (y - y1) * ((x2 - x1) / (y2 - y1)))
        return odd

    def _touches(self, positions: FloatArray) -> BoolArray:
        """Tell which positions lie on a side."""
        border = np.radians(BORDER_DEG)
        on = np.zeros(len(positions), dtype=bool)
        for start, end in zip(self.corners, np.roll(self.corners, -1, axis=0), strict=True):
            pole = np.cross(start, end)
            pole /= np.linalg.norm(pole)
            along = (positions @ np.cross(pole, start) >= -border) & (
                positions @ np.cross(end, pole) >= -border
            )
            on |= along & (np.abs(positions @ pole) <= border)
        return on


def unit_vectors(ra: FloatArray, dec: FloatArray) -> FloatArray:
    """Give unit vectors of positions in degrees, shape (n, 3)."""
    ra, dec = np.radians(ra), np.radians(dec)
    flat = np.cos(dec)
    return np.column_stack([flat * np.cos(ra), flat * np.sin(ra), np.sin(dec)])


def _middle(corners: FloatArray) -> FloatArray:
    """Give about the centre of the smallest cap around the corners, by steps towards the farthest one."""
    found = np.mean(corners, axis=0)
    for step in range(_STEPS):
        farthest = corners[np.argmin(corners @ found)]
        found = found + (farthest - found) / (step + 2.0)
    length = np.linalg.norm(found)
    return np.asarray(found / length) if length > 0.0 else corners[0]


def _axes(middle: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give two directions that make a right-handed system with the middle."""
    least = np.zeros(3)
    least[np.argmin(np.abs(middle))] = 1.0
    first = np.cross(middle, least)
    first /= np.linalg.norm(first)
    return first, np.cross(middle, first)


def _twice_area(x: FloatArray, y: FloatArray) -> float:
    return float(abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))))


def _crosses_itself(x: FloatArray, y: FloatArray) -> bool:
    """Tell whether two sides of a polygon in the plane cross, other than in a corner."""
    points = np.column_stack([x, y])
    ends = np.roll(points, -1, axis=0)

    def side(start: FloatArray, end: FloatArray, point: FloatArray) -> FloatArray:
        along, away = end - start, point - start
        return np.asarray(np.sign(along[..., 0] * away[..., 1] - along[..., 1] * away[..., 0]))

    for start, end in zip(points, ends, strict=True):
        across = side(start, end, points) * side(start, end, ends) < 0
        back = side(points, ends, start) * side(points, ends, end) < 0
        if np.any(across & back):
            return True
    return False
