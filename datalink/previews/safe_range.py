"""Mark the safe energy range on an energy axis."""

from __future__ import annotations

import math
from typing import Any

from datalink.previews.page import INK, SHADE, Page
from datalink.previews.tables import Table
from ingest.constants import EV_PER_TEV


def of_response(page: Page, table: Table) -> tuple[float, float] | None:
    """Give the safe range in eV: that of the subject, else the response's LO_THRES and HI_THRES in TeV."""
    if page.subject.safe_energy_ev is not None:
        return page.subject.safe_energy_ev
    low, high = table.number("LO_THRES"), table.number("HI_THRES")
    if low is None or high is None:
        return None
    return low * EV_PER_TEV, high * EV_PER_TEV


def mark(page: Page, axes: Any, safe_ev: tuple[float, float] | None) -> None:
    """Shade what is outside the safe range on a logarithmic x axis in TeV; nothing if it is unknown."""
    if safe_ev is None:
        return
    low, high = (value / EV_PER_TEV for value in safe_ev)
    if not (math.isfinite(low) and math.isfinite(high) and 0 <= low < high):
        return
    left, right = axes.get_xlim()
    label: str | None = "outside the safe range"
    for start, stop, edge in ((left, min(low, right), low), (max(high, left), right, high)):
        if stop > start:
            axes.axvspan(
                start,
                stop,
                facecolor=SHADE,
                edgecolor="none",
                zorder=0.5,
                label=None if page.small else label,
            )
            label = None
        if left < edge < right:
            axes.axvline(edge, color=INK, linestyle="--", linewidth=0.6 * page.measures.line, zorder=2.5)
    axes.set_xlim(left, right)
