"""Fields of view: shapes as services write them, and the part of the sky that they cover."""

from __future__ import annotations

import contextlib
import logging
import math
import re
from collections.abc import Iterable, Sequence

import astropy.units as u
import numpy as np
from astropy.coordinates import Latitude, Longitude
from mocpy import MOC

from portal.server.models.results import Cell, Footprint
from portal.server.services.errors import AskError

LOG = logging.getLogger("portal.services")

FRAMES = {"ICRS", "FK5", "UNKNOWNFRAME"}
"""Frames that are ICRS within what a field of view needs; what has no frame is ICRS, too (ObsCore 1.1)."""

POSITIONS = {"GEOCENTER", "BARYCENTER", "TOPOCENTER", "HELIOCENTER", "LSR", "UNKNOWNREFPOS", "RELOCATABLE"}
FLAVOURS = {"SPHERICAL2", "CARTESIAN2"}
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z")
MAX_CORNERS = 1000
DIGITS = 5
"""Decimals of degrees that are drawn: 0.04 arc seconds."""

MOC_ORDER, MANY, MOC_ORDER_OF_MANY = 8, 1000, 7
"""Cells of 14 arc minutes, or of 27 for more than a thousand different shapes."""


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
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        return None
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
            points = [round(ra, DIGITS) % 360, round(dec, DIGITS), round(radius, DIGITS)]
            return Footprint.model_construct(kind="circle", points=points)
    if kind == "polygon" and 6 <= len(numbers) <= 2 * MAX_CORNERS and len(numbers) % 2 == 0:
        if numbers[:2] == numbers[-2:] and len(numbers) > 6:
            numbers = numbers[:-2]
        if all(-90 <= dec <= 90 for dec in numbers[1::2]):
            points = [round(number, DIGITS) for number in numbers]
            points[::2] = [ra % 360 for ra in points[::2]]
            return Footprint.model_construct(kind="polygon", points=points)
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
    order = MOC_ORDER if len(shapes) <= MANY else MOC_ORDER_OF_MANY
    circles = np.array([points for kind, points in shapes if kind == "circle"], dtype=float)
    polygons = [np.array(points).reshape(-1, 2) for kind, points in shapes if kind == "polygon"]
    parts: list[MOC] = []
    if len(circles):
        parts.append(_circles(circles, order))
    if polygons:
        parts += _polygons(polygons, order)
    if not parts:
        return None
    whole = parts[0] if len(parts) == 1 else parts[0].union(*parts[1:])
    return str(whole.to_string(format="json", fold=0))


def covered(drawn: Sequence[Footprint], most: int) -> str | None:
    """Give the part of the sky that fields of view from outside cover. This computes: call it in a thread.

    Parameters
    ----------
    drawn
        Fields of view, of which nothing is certain yet.
    most
        How many there may be.

    Returns
    -------
    str or None
        A space MOC as JSON; None if they cover nothing.

    Raises
    ------
    AskError
        If there are too many, or if one is none.
    """
    if len(drawn) > most:
        raise AskError(f"The coverage of {len(drawn)} fields of view is too much: {most} are allowed.")
    shapes = []
    for number, given in enumerate(drawn, 1):
        shape = _shape(given.kind, given.points)
        if shape is None:
            raise AskError(f"Number {number} of the fields of view is no {given.kind} in the sky.")
        shapes.append(shape)
    return sky(shapes)


def _circles(circles: np.ndarray, order: int) -> MOC:
    return MOC.from_cones(
        Longitude(circles[:, 0], unit="deg"),
        Latitude(circles[:, 1], unit="deg"),
        radius=circles[:, 2] * u.deg,
        max_depth=order,
        union_strategy="small_cones",
        n_threads=1,
    )


def _polygons(polygons: list[np.ndarray], order: int) -> list[MOC]:
    mocs: list[MOC] = []
    # mocpy takes polygons of the same number of corners together.
    for corners in {len(polygon) for polygon in polygons}:
        alike = [polygon for polygon in polygons if len(polygon) == corners]
        try:
            mocs += _alike(alike, order)
        except (ValueError, RuntimeError, OSError) as error:
            LOG.info("polygons are read one by one: %s", error)
            for polygon in alike:
                # One polygon that is none does not spoil the others.
                with contextlib.suppress(ValueError, RuntimeError, OSError):
                    mocs += _alike([polygon], order)
    return mocs


def _alike(polygons: list[np.ndarray], order: int) -> list[MOC]:
    columns = np.array([column for polygon in polygons for column in polygon.T])
    mocs: list[MOC] = MOC.from_polygons(columns, max_depth=order, n_threads=1)
    return mocs
