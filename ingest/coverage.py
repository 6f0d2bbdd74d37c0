"""Coverage of a data set on the sky and in time."""

from __future__ import annotations

import math
from collections.abc import Iterable

import astropy.units as u
import numpy as np
from astropy.coordinates import FK5, SkyCoord
from astropy.time import Time

from ingest.arrays import FloatArray

TMOC_ORDER = 41
"""Order of the time MOCs: cells of 2**(61 - 41) microseconds, 1.05 s (MOC 2.0, section 4.2)."""

POLYGON_CORNERS = 24
"""Corners of the polygon that stands for a round field of view; its area is 1.1 % short."""

BOX_STEP_DEG = 5.0
"""Distance of corners along the sides of a box: great circles then follow a parallel within 0.06 degrees."""

LARGEST_BOX_DEG = 120.0
"""In a wider box, the great circle on the side of the pole would leave the parallel too far behind."""

NEAREST_POLE_DEG = 89.9
"""A box ends there: at the pole all corners would be one point."""

_MOST_ORDER = 61
# Of time MOCs: cells of 1 microsecond (MOC 2.0, section 4.2).
_RAD, _DEG = math.pi / 180.0, 180.0 / math.pi
_TURN = 360.0 * _RAD
_CORNERS = np.arange(POLYGON_CORNERS) * (360.0 / POLYGON_CORNERS) * _RAD
_COS_CORNERS, _SIN_CORNERS = np.cos(_CORNERS), np.sin(_CORNERS)
_AT_POLE = 1e-12  # sine of the distance from a pole at which all meridians would meet


def time_moc(starts: Time, stops: Time) -> str:
    """Write good time intervals as a time MOC.

    Parameters
    ----------
    starts, stops
        Ends of the intervals, shape (n,), any scale; the MOC itself is in TCB, as MOC 2.0 demands.

    Returns
    -------
    str
        The MOC in the ASCII form of MOC 2.0, section 5.2.
    """
    from mocpy.tmoc import times_to_microseconds  # noqa: PLC0415 - it loads matplotlib and networkx

    ends = (np.atleast_1d(times_to_microseconds(times)).tolist() for times in (starts, stops))
    return moc_of_microseconds(list(zip(*ends, strict=True)))


def moc_of_microseconds(intervals: Iterable[tuple[int, int]]) -> str:
    """Write intervals as a time MOC of `TMOC_ORDER`.

    Parameters
    ----------
    intervals
        Start and end, which does not belong to it, in microseconds since JD 0 in TCB. Cells that are
        partly covered count.

    Returns
    -------
    str
        The MOC in the ASCII form of MOC 2.0, section 5.2.
    """
    shift = _MOST_ORDER - TMOC_ORDER
    spans: list[tuple[int, int]] = []
    for start, stop in sorted((start >> shift, -(-stop >> shift)) for start, stop in intervals):
        if spans and start <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(stop, spans[-1][1])
        elif stop > start:
            spans.append((start, stop))
    by_order: dict[int, list[list[int]]] = {}
    for start, stop in spans:
        first = start
        while first < stop:
            # The largest cell that begins here and ends in time.
            level = min(
                ((first & -first).bit_length() or _MOST_ORDER + 1) - 1, (stop - first).bit_length() - 1
            )
            number = first >> level
            found = by_order.setdefault(TMOC_ORDER - level, [])
            if found and found[-1][1] == number - 1:
                found[-1][1] = number
            else:
                found.append([number, number])
            first += 1 << level
    by_order.setdefault(TMOC_ORDER, [])
    return " ".join(
        f"{order}/" + " ".join(str(low) if low == high else f"{low}-{high}" for low, high in by_order[order])
        for order in sorted(by_order)
    )


def to_icrs(ra: float, dec: float, frame: str, equinox: float) -> tuple[float, float]:
    """Bring an equatorial position to ICRS.

    FK5 of equinox J2000.0 is taken as ICRS: the frames agree within 25 mas, far below the
    pointing accuracy of a Cherenkov telescope, and what we publish then equals what the header
    says to the last digit.

    Parameters
    ----------
    ra, dec
        Position in degrees.
    frame
        ``ICRS`` or ``FK5`` in any case.
    equinox
        Equinox in Julian years; it matters for FK5 only.

    Returns
    -------
    tuple of float
        Right ascension in [0, 360) and declination, degrees.

    Raises
    ------
    ValueError
        The frame is neither of the two.
    """
    moved = to_icrs_all(np.array([ra], dtype=float), np.array([dec], dtype=float), frame, equinox)
    return float(moved[0][0]), float(moved[1][0])


def to_icrs_all(ra: FloatArray, dec: FloatArray, frame: str, equinox: float) -> tuple[FloatArray, FloatArray]:
    """Bring equatorial positions to ICRS, as `to_icrs`; what is no declination stays as it is.

    Parameters
    ----------
    ra, dec
        Degrees, shape (n,).
    frame, equinox
        As in `to_icrs`.

    Raises
    ------
    ValueError
        The frame is neither of the two.
    """
    name = frame.strip().upper()
    if name not in ("ICRS", "FK5"):
        raise ValueError(f"{frame!r}, expected ICRS or FK5")
    ra, dec = ra % 360.0, dec.copy()
    good = np.isfinite(ra) & (np.abs(dec) <= 90.0)
    if name == "FK5" and equinox != 2000.0 and good.any():
        there = FK5(equinox=Time(equinox, format="jyear"))
        moved = SkyCoord(ra[good] * u.deg, dec[good] * u.deg, frame=there).icrs
        ra[good], dec[good] = moved.ra.deg, moved.dec.deg
    return ra, dec


def circle_polygon(ra: float, dec: float, radius: float) -> list[float]:
    """Approximate a circle on the sky by a polygon with its corners on the circle.

    Parameters
    ----------
    ra, dec
        Centre in degrees, ICRS.
    radius
        Radius in degrees, below 90.

    Returns
    -------
    list of float
        ``ra1, dec1, ra2, dec2, ...`` in degrees, as DALI 1.1 writes polygons.
    """
    # As astropy's directional_offset_by, to the last digit, but without the making of coordinate objects.
    distance, latitude = radius * _RAD, dec * _RAD
    # numpy's functions, not those of math, whose last digits differ.
    cos_a, sin_a = np.cos(distance), np.sin(distance)
    cos_c, sin_c = np.sin(latitude), np.cos(latitude)
    cos_b = cos_c * cos_a + sin_c * sin_a * _COS_CORNERS
    turned = np.arctan2(sin_a * _SIN_CORNERS * sin_c, cos_a - cos_b * cos_c)
    if sin_c < _AT_POLE:
        turned = (90.0 + cos_c * (90.0 - _CORNERS * _DEG)) * _RAD
    longitudes = (ra % 360.0) * _RAD + turned
    longitudes = longitudes - longitudes // _TURN * _TURN
    longitudes[longitudes >= _TURN] -= _TURN
    longitudes[longitudes < 0.0] += _TURN
    corners = zip((longitudes * _DEG).tolist(), (np.arcsin(cos_b) * _DEG).tolist(), strict=True)
    return [value for corner in corners for value in corner]


def box_polygon(ra_low: float, ra_high: float, dec_low: float, dec_high: float) -> list[float] | None:
    """Draw a box in right ascension and declination as a polygon on the sphere.

    The side towards the equator gets corners every few degrees and follows the parallel; the one towards
    the pole is a great circle, which bulges beyond the parallel, because pg_sphere wants convex polygons.

    Parameters
    ----------
    ra_low, ra_high
        Degrees, ra_low below ra_high; ra_high may be beyond 360.
    dec_low, dec_high
        Degrees.

    Returns
    -------
    list of float or None
        ``ra1, dec1, ra2, dec2, ...`` in degrees, ICRS; None if the box is wider than 120 degrees, or
        has no area.
    """
    if ra_high - ra_low > LARGEST_BOX_DEG or ra_high <= ra_low or dec_high <= dec_low:
        return None
    low, high = max(dec_low, -NEAREST_POLE_DEG), min(dec_high, NEAREST_POLE_DEG)
    number = max(2, int(np.ceil((ra_high - ra_low) / BOX_STEP_DEG)) + 1)
    ends, along = np.array([ra_low, ra_high]), np.linspace(ra_low, ra_high, number)
    lower = [(float(ra % 360.0), low) for ra in (ends if dec_low <= 0 else along)]
    upper = [(float(ra % 360.0), high) for ra in (ends if dec_high >= 0 else along)[::-1]]
    return [value for corner in lower + upper for value in corner]
