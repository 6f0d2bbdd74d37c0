"""The point spread function as containment radii over energy."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from datalink.previews import safe_range
from datalink.previews.containment import FRACTIONS, Containment, containment
from datalink.previews.page import INK, Page, log_axis, shades
from datalink.previews.response import decades_below, some
from datalink.previews.tables import Tables

DECADES = 2.5
_STYLES = ("-", "--")


def paint(page: Page, tables: Tables) -> None:
    """Draw the radii for some offsets.

    Raises
    ------
    ingest.errors.GADFError
        There is no point spread function, or it cannot be read.
    """
    table = tables.first("psf")
    theta = next((one for one in tables.tables if one is not table and one.has("THETA")), None)
    found = containment(table, theta)
    page.heading = "Point spread function: radius that contains a fraction of the gamma rays"
    axes = page.axes(
        page.grid()[0], "True energy (TeV)", "PSF radius (deg)" if page.small else "Containment radius (deg)"
    )
    log_axis(axes.xaxis, *found.span_tev, small=page.small)
    limits = decades_below(found.radius_deg, DECADES)
    log_axis(axes.yaxis, *(limits or (0.01, 1.0)), small=page.small)
    if limits is None:
        page.note("no containment radii: nothing positive")
        return
    _curves(page, axes, found)
    safe_range.mark(page, axes, page.subject.safe_energy_ev)


def _curves(page: Page, axes: Any, found: Containment) -> None:
    if found.offset_deg is None:
        chosen, labels = [0], [""]
    else:
        chosen = some(len(found.offset_deg), 2 if page.small else 4)
        labels = [f"offset {found.offset_deg[index]:.3g}°" for index in chosen]
    colours = shades(len(chosen))
    for index, colour in zip(chosen, colours, strict=True):
        for radius, style in zip(found.radius_deg[:, index], _STYLES, strict=True):
            dots = "o" if np.isfinite(radius).sum() < 4 else None
            axes.plot(found.energy_tev, radius, color=colour, linestyle=style, marker=dots)
    handles = [
        Line2D([], [], color=INK, linestyle=style, label=f"{fraction:.0%}")
        for fraction, style in zip(FRACTIONS, _STYLES, strict=True)
    ]
    handles += [
        Line2D([], [], color=colour, label=label.removeprefix("offset ") if page.small else label)
        for colour, label in zip(colours, labels, strict=True)
        if label
    ]
    tight = (
        {"handlelength": 1.6, "labelspacing": 0.2, "borderpad": 0.3} if page.small else {"handlelength": 2.6}
    )
    axes.legend(handles=handles, loc="upper right", ncols=2 if len(handles) > 3 else 1, **tight)
