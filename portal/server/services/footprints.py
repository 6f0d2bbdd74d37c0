"""Fields of view: shapes as services write them, and the part of the sky that they cover."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable, Sequence

import astropy.units as u
import numpy as np
from astropy.coordinates import Latitude, Longitude
from mocpy import MOC

from portal.server.models.results import Cell, Footprint

LOG = logging.getLogger("portal.services")

FRAMES = {"ICRS", "FK5", "UNKNOWNFRAME"}
"""Frames that are ICRS within what a field of view needs; what has no frame is ICRS, too (ObsCore 1.1)."""

POSITIONS = {"GEOCENTER", "BARYCENTER", "TOPOCENTER", "HELIOCENTER", "LSR", "UNKNOWNREFPOS", "RELOCATABLE"}
FLAVOURS = {"SPHERICAL2", "CARTESIAN2"}
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z")
MAX_CORNERS = 1000
MOC_ORDER = 7
"""Cells of 27 arc minutes."""


def footprint(value: Cell, xtype: str | None) -> Footprint | None:
    """Read a field of view.

    Parameters
    ----------
    value
        STC-S, DALI's circle or polygon as text or as numbers, or None.
    xtype
        The column's xtype, which says what bare numbers are.

    Returns
    -------
    Footprint or None
        None if it is none of these.
    """
    if isinstance(value, list):
        numbers = [float(item) for item in value if isinstance(item, (int, float))]
        kind = (xtype or "").lower()
        return _shape(kind if kind in {"circle", "polygon"} else _guess(numbers), numbers)
    if not isinstance(value, str):
        return None
    words = value.split()
    kind = ""
    if words and not NUMBER.match(words[0]):
        kind = words.pop(0).lower()
    elif (xtype or "").lower() in {"circle", "polygon"}:
        kind = str(xtype).lower()
    while words and not NUMBER.match(words[0]):
        word = words.pop(0).upper()
        if word not in FRAMES | POSITIONS | FLAVOURS:
            return None
    if not all(NUMBER.match(word) for word in words):
        return None
    numbers = [float(word) for word in words]
    return _shape(kind or _guess(numbers), numbers)


def circle(ra: float | None, dec: float | None, diameter: float | None) -> Footprint | None:
    """Make the field of view of a row that has none but its size.

    Parameters
    ----------
    ra, dec
        The middle, in degrees.
    diameter
        The size as ObsCore's s_fov has it: a diameter in degrees.

    Returns
    -------
    Footprint or None
        None if something is missing.
    """
    if ra is None or dec is None or diameter is None:
        return None
    return _shape("circle", [ra, dec, diameter / 2])


def _guess(numbers: Sequence[float]) -> str:
    return "circle" if len(numbers) == 3 else "polygon"


def _shape(kind: str, numbers: list[float]) -> Footprint | None:
    if not all(math.isfinite(number) for number in numbers):
        return None
    if kind == "circle" and len(numbers) == 3:
        ra, dec, radius = numbers
        if -90 <= dec <= 90 and 0 < radius <= 180:
            return Footprint(kind="circle", points=[ra % 360, dec, radius])
    if kind == "polygon" and 6 <= len(numbers) <= 2 * MAX_CORNERS and len(numbers) % 2 == 0:
        if numbers[:2] == numbers[-2:] and len(numbers) > 6:
            numbers = numbers[:-2]
        if all(-90 <= dec <= 90 for dec in numbers[1::2]):
            points = [n % 360 if i % 2 == 0 else n for i, n in enumerate(numbers)]
            return Footprint(kind="polygon", points=points)
    return None


def sky(footprints: Iterable[Footprint | None]) -> str | None:
    """Give the part of the sky that fields of view cover. This computes: call it in a thread.

    Parameters
    ----------
    footprints
        Fields of view.

    Returns
    -------
    str or None
        A space MOC as JSON; None if there are none.
    """
    shapes = {(f.kind, tuple(f.points)) for f in footprints if f is not None}
    circles = np.array([points for kind, points in shapes if kind == "circle"], dtype=float)
    polygons = [np.array(points).reshape(-1, 2) for kind, points in shapes if kind == "polygon"]
    parts: list[MOC] = []
    if len(circles):
        parts.append(_circles(circles))
    if polygons:
        parts += _polygons(polygons)
    if not parts:
        return None
    whole = parts[0] if len(parts) == 1 else parts[0].union(*parts[1:])
    return str(whole.to_string(format="json", fold=0))


def _circles(circles: np.ndarray) -> MOC:
    return MOC.from_cones(
        Longitude(circles[:, 0], unit="deg"), Latitude(circles[:, 1], unit="deg"), circles[:, 2] * u.deg,
        max_depth=MOC_ORDER, union_strategy="small_cones", n_threads=1,
    )  # fmt: skip


def _polygons(polygons: list[np.ndarray]) -> list[MOC]:
    try:
        mocs: list[MOC] = MOC.from_polygons(polygons, max_depth=MOC_ORDER, n_threads=1)
    except (ValueError, RuntimeError, OSError) as error:
        # One polygon that is none spoils all: they are taken one by one.
        LOG.info("polygons are read one by one: %s", error)
        mocs = [moc for polygon in polygons if (moc := _polygon(polygon)) is not None]
    return mocs


def _polygon(polygon: np.ndarray) -> MOC | None:
    try:
        return MOC.from_polygon(
            Longitude(polygon[:, 0], unit="deg"), Latitude(polygon[:, 1], unit="deg"), max_depth=MOC_ORDER
        )
    except (ValueError, RuntimeError, OSError):
        return None
