"""The counts map of an event list in ICRS, with field of view, pointing and target.

Two passes over the events: one finds the centre and the size of the map where no pointing and no field
of view are known, one fills the pixels. FK5 of J2000 is taken as ICRS, from which it differs by 25 mas.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.visualization.wcsaxes import WCSAxes
from astropy.wcs import WCS
from matplotlib.colors import LogNorm, Normalize, PowerNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from datalink.previews.page import BLUE, COLOURS, GREEN, INK, QUIET, Page, outline, plain
from datalink.previews.tables import Table, Tables, nice_step
from ingest.arrays import FloatArray

Position = tuple[float, float]

EDGE = 1.12
"""Half the width of a map, relative to the radius of the field."""
ENCLOSED, ENCLOSED_OF_FIELD = 0.97, 0.75
"""Fraction of the events that a map holds at least: where nothing else tells its size, and around a known
field of view. Files have events far outside of the field."""
SMALLEST_RADIUS_DEG = 0.25
LARGEST_GNOMONIC_DEG = 40.0
"""Radius up to which a map is gnomonic; larger ones are zenithal equal-area, which shows the whole sky."""
WITHOUT_TICKS_DEG = 60.0
"""From this radius on, lines of RA and declination may not reach the frame: they are labelled in the map."""
COUNTS_PER_PIXEL = 2.5
"""Aim for the mean over the field: fewer are noise, more would hide structure."""
FEWEST_PIXELS, MOST_PIXELS, MOST_PIXELS_SMALL = 40, 200, 70
SQUARE_ROOT_ABOVE, LOGARITHM_ABOVE = 6.0, 40.0
"""Peak over the median of the filled pixels from which on the colours go with its root or its logarithm."""
_SEPARATION_BINS = 3600


@dataclass(frozen=True)
class Field:
    """What a map covers: centre (ra, dec) and radius in degrees, and the number of events with a position."""

    centre: Position
    radius: float
    events: int


def paint(page: Page, tables: Tables) -> None:
    """Draw the map.

    Raises
    ------
    ingest.errors.GADFError
        There is no event list, or it has no usable columns RA and DEC.
    """
    events = tables.first("events")
    field = find_field(events, page.subject.pointing_deg, page.subject.target_deg, page.subject.fov_deg)
    page.heading = "Counts map"
    if field is None:
        page.note("no events, and no pointing" if not events.rows else "no events with a position")
        return
    shape, step = _pixels(field, small=page.small)
    wcs = make_wcs(field, shape, step)
    counts = fill(events, wcs, shape)
    page.heading = _heading(events.rows, field.events, int(counts.sum()))
    axes = _axes(page, wcs)
    norm, stretch = _norm(counts)
    image = axes.imshow(np.where(counts > 0, counts, np.nan), origin="lower", cmap=COLOURS, norm=norm)
    axes.set_xlim(-0.5, shape - 0.5)
    axes.set_ylim(-0.5, shape - 0.5)
    if field.radius > WITHOUT_TICKS_DEG:
        _write_degrees(page, axes, wcs)
    _bar(page, image, f"Counts per pixel of {step:g}° x {step:g}°{stretch}")
    _marks(page, axes, wcs)
    if not events.rows:
        axes.text(
            0.5,
            0.2,
            "no events",
            transform=axes.transAxes,
            ha="center",
            color=QUIET,
            fontsize=1.3 * page.measures.base,
        )


def _heading(rows: int, placed: int, shown: int) -> str:
    text = f"Counts map, {shown:,} event{'s' if shown != 1 else ''}"
    missing = [(placed - shown, "outside of the map"), (rows - placed, "without a position")]
    parts = [f"{count:,} {where}" for count, where in missing if count]
    return f"{text} ({', '.join(parts)})" if parts else text


def find_field(
    events: Table, pointing: Position | None, target: Position | None, fov_deg: float | None
) -> Field | None:
    """Find out what to show.

    Parameters
    ----------
    events
        The event list.
    pointing, target
        ICRS positions (ra, dec) in degrees; the first that is known is the centre, else the mean of the
        events' directions.
    fov_deg
        Diameter of the field of view in degrees. Around a pointing it is the size of the map, unless a
        larger part of the events would be outside (`ENCLOSED_OF_FIELD`).

    Returns
    -------
    Field or None
        None if nothing tells where to look.
    """
    total, number = np.zeros(3), 0
    for ra, dec in _positions(events):
        number += len(ra)
        total += _vectors(ra, dec).sum(axis=0)
    known = _usable(pointing) or (_usable(target) if not number else None)
    if known is None and not number:
        return None
    centre = known or _direction(total)
    inside = np.zeros(_SEPARATION_BINS)
    towards = _vectors(np.array([centre[0]]), np.array([centre[1]]))[0]
    for ra, dec in _positions(events):
        chord = np.linalg.norm(_vectors(ra, dec) - towards, axis=1)
        away = np.degrees(2.0 * np.arcsin(np.clip(0.5 * chord, 0.0, 1.0)))
        place = np.clip(away / 180.0 * _SEPARATION_BINS, 0, _SEPARATION_BINS - 1).astype(int)
        inside += np.bincount(place, minlength=_SEPARATION_BINS)
    return Field(centre, _radius(inside, None if known is None else fov_deg), number)


def _radius(inside: FloatArray, fov_deg: float | None) -> float:
    """Choose the radius of the field from a histogram of the events' distances."""
    fov = 0.5 * fov_deg if fov_deg is not None and 0 < fov_deg <= 360 else None
    if not inside.any():
        return max(fov or 2.0, SMALLEST_RADIUS_DEG)
    share = np.cumsum(inside) / inside.sum()
    wanted = ENCLOSED if fov is None else ENCLOSED_OF_FIELD
    reach = 180.0 / _SEPARATION_BINS * (1 + float(np.searchsorted(share, wanted)))
    return max(reach, fov or 0.0, SMALLEST_RADIUS_DEG)


def _usable(position: Position | None) -> Position | None:
    if position is None or not all(map(math.isfinite, position)) or abs(position[1]) > 90.0:
        return None
    return position[0] % 360.0, position[1]


def _positions(events: Table) -> Any:
    """Give right ascensions and declinations in degrees, chunk by chunk, without those that are none."""
    for ra, dec in events.chunks(RA="deg", DEC="deg"):
        good = np.isfinite(ra) & (np.abs(dec) <= 90.0)
        yield ra[good], dec[good]


def _vectors(ra: FloatArray, dec: FloatArray) -> FloatArray:
    lon, lat = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _direction(vector: FloatArray) -> Position:
    lon, lat = math.atan2(vector[1], vector[0]), math.atan2(vector[2], math.hypot(vector[0], vector[1]))
    return math.degrees(lon) % 360.0, math.degrees(lat)


def _pixels(field: Field, *, small: bool) -> tuple[int, float]:
    """Give the number of pixels along each side, and their size in degrees."""
    wanted = math.sqrt(field.events / COUNTS_PER_PIXEL / (math.pi / 4)) * EDGE
    number = min(max(wanted, FEWEST_PIXELS), MOST_PIXELS_SMALL if small else MOST_PIXELS)
    width = 2.0 * EDGE * _on_map(field.radius)
    # A step that is a little too small is better than the next one, which may be twice as large.
    step = nice_step(0.85 * width / number, (1.0, 2.0, 2.5, 5.0, 10.0))
    return math.ceil(width / step), step


def _on_map(radius: float) -> float:
    """Give the distance from the centre of a map in degrees of its pixels."""
    if radius <= LARGEST_GNOMONIC_DEG:
        return math.degrees(math.tan(math.radians(radius)))
    return math.degrees(2.0 * math.sin(0.5 * math.radians(radius)))


def make_wcs(field: Field, shape: int, step: float) -> WCS:
    """Make the projection of a square map around the centre of a field, north up and east left."""
    code = "TAN" if field.radius <= LARGEST_GNOMONIC_DEG else "ZEA"
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{code}", f"DEC--{code}"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.crval = list(field.centre)
    wcs.wcs.crpix = [0.5 * (shape + 1)] * 2
    wcs.wcs.cdelt = [-step, step]
    wcs.wcs.radesys = "ICRS"
    wcs.wcs.set()
    return wcs


def fill(events: Table, wcs: WCS, shape: int) -> FloatArray:
    """Count the events in each pixel, shape (shape, shape), first axis upwards."""
    counts = np.zeros(shape * shape)
    for ra, dec in _positions(events):
        x, y = wcs.wcs_world2pix(ra, dec, 0)
        # Gnomonic maps have no other side: what is behind comes out as NaN.
        on = np.isfinite(x) & np.isfinite(y)
        column, row = np.rint(x[on]).astype(int), np.rint(y[on]).astype(int)
        on = (column >= 0) & (column < shape) & (row >= 0) & (row < shape)
        counts += np.bincount(row[on] * shape + column[on], minlength=shape * shape)
    return counts.reshape(shape, shape)


def _axes(page: Page, wcs: WCS) -> Any:
    where = [0.185, 0.165, 0.54, 0.72] if page.small else [0.105, 0.135, 0.54, 0.72]
    axes = WCSAxes(page.figure, where, wcs=wcs)
    page.figure.add_axes(axes)
    for coordinate, label in zip(
        axes.coords,
        ("RA" if page.small else "Right ascension (ICRS)", "Dec" if page.small else "Declination (ICRS)"),
        strict=True,
    ):
        coordinate.set_axislabel(label, minpad=0.8)
        coordinate.set_format_unit(u.deg, decimal=True, show_decimal_unit=True)
        coordinate.set_ticks(number=4 if page.small else 6, size=2.0 * page.measures.line)
        coordinate.set_ticklabel(exclude_overlapping=True, color=INK)
        coordinate.set_ticks_position("bl")
        coordinate.grid(color=QUIET, alpha=0.25, linestyle="-", linewidth=0.3 * page.measures.line)
    return axes


def _write_degrees(page: Page, axes: Any, wcs: WCS) -> None:
    """Write degrees along the lines through the centre of the map."""
    ra, dec = wcs.wcs.crval
    places = [(60.0 * n, dec, f"{60 * n}°") for n in range(6)]
    places += [(ra, 30.0 * n, f"{30 * n}°") for n in (-2, -1, 0, 1, 2)]
    for lon, lat, label in places:
        x, y = wcs.wcs_world2pix([lon], [lat], 0)
        if _within(axes.get_xlim(), x[0]) and _within(axes.get_ylim(), y[0]):
            axes.text(
                x[0],
                y[0],
                label,
                ha="center",
                va="center",
                path_effects=outline(page),
                fontsize=0.9 * page.measures.base,
            )


def _norm(counts: FloatArray) -> tuple[Normalize, str]:
    peak = max(float(counts.max()), 1.0)
    filled = counts[counts > 0]
    contrast = peak / float(np.median(filled)) if filled.size and peak > 10 else 1.0
    if contrast > LOGARITHM_ABOVE:
        return LogNorm(0.7, peak), ", logarithmic scale"
    if contrast > SQUARE_ROOT_ABOVE:
        return PowerNorm(0.5, 0.0, peak), ", square-root scale"
    return Normalize(0.0, peak), ""


def _bar(page: Page, image: Any, label: str) -> None:
    where = [0.75, 0.165, 0.035, 0.72] if page.small else [0.665, 0.135, 0.018, 0.72]
    axes = page.figure.add_axes(where)
    log = isinstance(image.norm, LogNorm)
    ticks = LogLocator(subs=(1.0, 2.0, 5.0)) if log else MaxNLocator(4 if page.small else 8, integer=True)
    written = FuncFormatter(lambda value, _: plain(value))
    bar = page.figure.colorbar(image, cax=axes, ticks=ticks, format=written)
    bar.ax.minorticks_off()
    bar.ax.tick_params(length=1.5 * page.measures.line, pad=2.0)
    bar.outline.set_linewidth(0.4 * page.measures.line)
    bar.set_label("Counts / pixel" if page.small else label, labelpad=2.0 if page.small else 6.0)


def _marks(page: Page, axes: Any, wcs: WCS) -> None:
    """Draw field of view, pointing and target where they are known, and explain them beside the map."""
    subject, effects = page.subject, outline(page)
    pointing, target = _usable(subject.pointing_deg), _usable(subject.target_deg)
    handles = []
    if pointing is not None and subject.fov_deg is not None and 0 < subject.fov_deg < 180:
        x, y = _circle(wcs, pointing, 0.5 * subject.fov_deg)
        dashed = {"color": BLUE, "linestyle": "--"}
        axes.plot(x, y, path_effects=effects, **dashed)
        handles.append(Line2D([], [], label=f"field of view, {subject.fov_deg:.3g}° across", **dashed))
    cross = {"marker": "+", "markeredgecolor": BLUE}
    ring = {"marker": "o", "markeredgecolor": GREEN, "markerfacecolor": "none"}
    name = subject.target_name or "target"
    for position, label, scale, style in ((pointing, "pointing", 2.6, cross), (target, name, 3.4, ring)):
        if position is None:
            continue
        x, y = wcs.wcs_world2pix([position[0]], [position[1]], 0)
        if not (_within(axes.get_xlim(), x[0]) and _within(axes.get_ylim(), y[0])):
            continue
        shared = {"linestyle": "none", "markeredgewidth": page.measures.line} | style
        axes.plot(x, y, markersize=scale * page.measures.marker, path_effects=effects, **shared)
        key_size = 2.0 * page.measures.marker
        handles.append(Line2D([], [], markersize=key_size, label=_shortened(label), **shared))
    if handles and not page.small:
        where = {"loc": "upper left", "bbox_to_anchor": (0.752, 0.862)}
        page.figure.legend(handles=handles, frameon=False, labelspacing=0.9, **where)


def _within(limits: tuple[float, float], value: float) -> bool:
    return bool(limits[0] <= value <= limits[1])


def _shortened(text: str, room: int = 22) -> str:
    printed = "".join(c if c.isprintable() else " " for c in text).strip()
    return printed if len(printed) <= room else printed[: room - 1].rstrip() + "…"


def _circle(wcs: WCS, centre: Position, radius: float) -> tuple[FloatArray, FloatArray]:
    """Give a circle on the sky in pixels."""
    angles = np.linspace(0.0, 360.0, 181) * u.deg
    around = SkyCoord(*centre, unit="deg").directional_offset_by(angles, radius * u.deg)
    x, y = wcs.wcs_world2pix(around.ra.deg, around.dec.deg, 0)
    return np.asarray(x), np.asarray(y)
