"""The directional cut of point-like responses over energy."""

from __future__ import annotations

import numpy as np

from datalink.previews.page import LINE_STYLES, Page, log_axis, shades
from datalink.previews.response import axis, cube, energy_axis, some
from datalink.previews.tables import Tables


def paint(page: Page, tables: Tables) -> None:
    """Draw the cut for some offsets.

    Raises
    ------
    ingest.errors.GADFError
        There is no directional cut, or it cannot be read.
    """
    table = tables.first("rad_max")
    energy, offset = energy_axis(table), axis(table, "THETA", "deg")
    radius = cube(table, "RAD_MAX", "deg", offset, energy)
    page.heading = "Directional cut: largest distance of events from the source"
    axes = page.axes(
        page.grid()[0],
        "Energy (TeV)" if page.small else "Measured energy (TeV)",
        "Cut (deg)" if page.small else "RAD_MAX (deg)",
    )
    span = energy.edges(log=True)
    chosen = some(len(offset), 3 if page.small else 5)
    for number, (index, colour) in enumerate(zip(chosen, shades(len(chosen)), strict=True)):
        positive = np.where(radius[index] > 0, radius[index], np.nan)
        style = {"color": colour, "linestyle": LINE_STYLES[number], "linewidth": page.measures.line}
        axes.stairs(positive, span, baseline=None, label=f"{offset.middle[index]:.3g}°", **style)
    log_axis(axes.xaxis, float(span[0]), float(span[-1]), small=page.small)
    shown = radius[np.isfinite(radius) & (radius > 0)]
    axes.set_ylim(0.0, 1.5 * float(shown.max()) if shown.size else 1.0)
    page.legend(axes, loc="upper right", title="" if page.small else "Offset")
    if not shown.size:
        page.note("no positive values")
