"""The effective area over energy and offset."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.ticker import FuncFormatter

from datalink.previews import safe_range
from datalink.previews.page import COLOURS, LINE_STYLES, Page, log_axis, plain, shades
from datalink.previews.response import Axis, axis, cube, decades_below, energy_axis, lit_span, some
from datalink.previews.tables import Tables
from ingest.arrays import FloatArray

DECADES, DECADES_OF_MAP = 5.0, 2.5
"""An area this much below the largest one is nothing to an observer."""


def paint(page: Page, tables: Tables) -> None:
    """Draw curves for some offsets, and a map of energy and offset.

    Raises
    ------
    ingest.errors.GADFError
        There is no effective area, or it cannot be read.
    """
    table = tables.first("aeff")
    energy, offset = energy_axis(table), axis(table, "THETA", "deg")
    area = cube(table, "EFFAREA", "m2", offset, energy)
    cut = " after the directional cut" if _point_like(table.header) else ""
    page.heading = f"Effective area over true energy and offset from the pointing{cut}"
    limits = decades_below(area, DECADES)
    safe = safe_range.of_response(page, table)
    mapped = not page.small and len(offset) > 1 and limits is not None
    grid = (
        page.grid(1.15, 1.0, columns=(1.0, 0.018), hspace=0.12, wspace=0.035, right=0.925)
        if mapped
        else page.grid()
    )
    place = grid[0, 0] if mapped else grid[0]
    axes = page.axes(place, "" if mapped else "True energy (TeV)", "Effective area (m²)")
    span = lit_span(energy, np.any(area > 0, axis=0))
    log_axis(axes.xaxis, *span, small=page.small)
    log_axis(axes.yaxis, *(limits or (1.0, 1e6)), small=page.small)
    _curves(page, axes, (offset, energy), area)
    safe_range.mark(page, axes, safe)
    page.legend(axes, loc="lower right")
    if limits is None:
        page.note("no positive values")
    if mapped and limits is not None:
        axes.tick_params(labelbottom=False)
        _map(page, grid, (offset, energy), area, limits).set_xlim(span)


def _point_like(header: Any) -> bool:
    return str(header.get("HDUCLAS3", "")).strip().upper().replace("_", "-") == "POINT-LIKE"


def _curves(page: Page, axes: Any, over: tuple[Axis, Axis], area: FloatArray) -> None:
    offset, energy = over
    chosen = some(len(offset), 3 if page.small else 5)
    for number, (index, colour) in enumerate(zip(chosen, shades(len(chosen)), strict=True)):
        positive = np.where(area[index] > 0, area[index], np.nan)
        axes.plot(
            energy.log_middle,
            positive,
            color=colour,
            linestyle=LINE_STYLES[number],
            marker="o" if np.isfinite(positive).sum() < 4 else None,
            label=f"{offset.middle[index]:.3g}°",
        )


def _map(
    page: Page, grid: Any, over: tuple[Axis, Axis], area: FloatArray, limits: tuple[float, float]
) -> Any:
    offset, energy = over
    axes = page.axes(grid[1, 0], "True energy (TeV)", "Offset (deg)")
    axes.grid(False)
    span = energy.edges(log=True)
    peak = limits[1] / 2.0
    norm = LogNorm(max(limits[0], peak * 10.0**-DECADES_OF_MAP), peak)
    image = axes.pcolormesh(span, offset.edges(), np.where(area > 0, area, np.nan), cmap=COLOURS, norm=norm)
    log_axis(axes.xaxis, float(span[0]), float(span[-1]), small=page.small)
    bar = page.colour_bar(
        image, grid[1, 1], "Effective area (m²)", extend="min" if norm.vmin > limits[0] else "neither"
    )
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))
    return axes
