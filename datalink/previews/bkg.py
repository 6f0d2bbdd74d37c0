"""The background rate over the field of view and over energy: BKG_2D and BKG_3D."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from datalink.previews.page import COLOURS, LINE_STYLES, Page, log_axis, shades
from datalink.previews.response import Axis, axis, cube, decades_below, energy_axis, some
from datalink.previews.tables import Table, Tables
from ingest.arrays import FloatArray
from ingest.constants import MEV_PER_TEV

UNIT = "s-1 MeV-1 sr-1"
SR_PER_DEG2 = float(np.radians(1.0) ** 2)
DECADES = 8.0
RINGS = 4


@dataclass(frozen=True)
class Background:
    """A background rate.

    Attributes
    ----------
    energy
        TeV.
    rate
        In s-1 MeV-1 sr-1, shape (n_energy, n_y, n_x) or (n_energy, n_offset).
    over
        Axes of the field of view in degrees: (x, y) or (offset,).
    """

    energy: Axis
    rate: FloatArray
    over: tuple[Axis, ...]

    def integrated(self) -> FloatArray:
        """Give the rate over all energies in s-1 deg-2, shape as that of the field of view."""
        width = np.diff(self.energy.edges(log=True)) * MEV_PER_TEV
        total = np.tensordot(width, np.where(np.isfinite(self.rate), self.rate, 0.0), axes=1)
        return np.asarray(total * SR_PER_DEG2)

    def curves(self, most: int) -> tuple[list[str], list[FloatArray]]:
        """Give rates over energy at some offsets, averaged over rings, with their names."""
        if len(self.over) == 1:
            chosen = some(len(self.over[0]), most)
            return [f"{self.over[0].middle[n]:.3g}°" for n in chosen], [self.rate[:, n] for n in chosen]
        x, y = (one.middle for one in self.over)
        away = np.hypot(x[None, :], y[:, None])
        lit = np.any(self.rate > 0, axis=0)
        # Corners of a square field belong to no ring.
        reach = min(float(np.abs(x).max()), float(np.abs(y).max()), float(away.max(where=lit, initial=0.0)))
        edges = np.linspace(0.0, reach * 1.0001 or 1.0, most + 1)
        names, rates = [], []
        for low, high in pairwise(edges):
            ring = (away >= low) & (away < high)
            if ring.any():
                names.append(f"{low:.2g} to {high:.2g}°")
                rates.append(np.nanmean(self.rate[:, ring], axis=1))
        return names, rates


def paint(page: Page, tables: Tables) -> None:
    """Draw the rate over the field of view, and over energy.

    Raises
    ------
    ingest.errors.GADFError
        There is no background, or it cannot be read.
    """
    table = tables.first("bkg")
    found = read(table)
    flat = len(found.over) == 2
    span = found.energy.edges(log=True)
    between = f"{float(f'{span[0]:.3g}'):g} to {float(f'{span[-1]:.3g}'):g} TeV"
    page.heading = f"Background rate, {between}{_aligned(table)}"
    limits = decades_below(found.rate, DECADES)
    if page.small:
        if flat and limits is not None:
            grid = page.grid(columns=(1.0, 0.06), left=0.13, right=0.79, wspace=0.08)
            _field(page, (grid[0, 0], grid[0, 1]), found)
        else:
            _spectra(page, page.grid()[0], found, limits)
        return
    if not flat:
        grid = page.grid(1.0, 1.0, hspace=0.32)
        _profile(page, grid[0], found)
        _spectra(page, grid[1], found, limits)
        return
    grid = page.grid(columns=(1.25, 0.04, 0.4, 1.0), wspace=0.06, left=0.07, right=0.97)
    map_axes = _field(page, (grid[0, 0], grid[0, 1]), found)
    axes = _spectra(page, grid[0, 3], found, limits)
    box = map_axes.get_position()
    axes.set_position([axes.get_position().x0, box.y0, axes.get_position().width, box.height])


def read(table: Table) -> Background:
    """Read a background rate.

    Raises
    ------
    ingest.errors.KeywordError
        A column is missing or makes no sense, or the form is none of GADF's.
    """
    energy = energy_axis(table)
    name = "BGD" if table.has("BGD") and not table.has("BKG") else "BKG"
    if table.has("DETX_LO"):
        x, y = axis(table, "DETX", "deg"), axis(table, "DETY", "deg")
        return Background(energy, cube(table, name, UNIT, energy, y, x), (x, y))
    offset = axis(table, "THETA", "deg")
    return Background(energy, cube(table, name, UNIT, energy, offset), (offset,))


def _aligned(table: Table) -> str:
    """Tell how the field of view is turned; GADF's default is ALTAZ."""
    written = str(table.header.get("FOVALIGN", "")).strip().upper()
    axes = {"RADEC": "right ascension and declination", "ALTAZ": "azimuth and altitude"}.get(written)
    return f"; field of view aligned with {axes}" if axes else ""


def _field(page: Page, places: tuple[Any, Any], found: Background) -> Any:
    x, y = found.over
    axes = page.axes(places[0], "DETX (deg)", "DETY (deg)")
    rate = found.integrated()
    image = axes.pcolormesh(x.edges(), y.edges(), rate, cmap=COLOURS, vmin=0.0, vmax=float(rate.max()) or 1.0)
    axes.set_aspect("equal", adjustable="box")
    axes.grid(False)
    label = "Bkg. rate (s⁻¹ deg⁻²)" if page.small else "Rate (s⁻¹ deg⁻²)"
    ticks = MaxNLocator(4 if page.small else 8)
    bar = page.colour_bar(image, places[1], label, ticks=ticks)
    bar.ax.yaxis.get_major_formatter().set_powerlimits((-3, 4))
    # As high as the map, which keeps its shape whatever the place it has.
    axes.apply_aspect()
    box = axes.get_position()
    bar.ax.set_position([box.x1 + 0.02, box.y0, bar.ax.get_position().width, box.height])
    return axes


def _profile(page: Page, place: Any, found: Background) -> None:
    (offset,) = found.over
    axes = page.axes(place, "Offset (deg)", "Rate (s⁻¹ deg⁻²)")
    rate = found.integrated()
    edges = offset.edges()
    axes.stairs(rate, edges, color=shades(1)[0], linewidth=page.measures.line, fill=False)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0.0, 1.1 * float(rate.max()) or 1.0)


def _spectra(page: Page, place: Any, found: Background, limits: tuple[float, float] | None) -> Any:
    axes = page.axes(
        place,
        "Energy (TeV)" if page.small else "Measured energy (TeV)",
        "Bkg. (s⁻¹ MeV⁻¹ sr⁻¹)" if page.small else "Rate (s⁻¹ MeV⁻¹ sr⁻¹)",
    )
    span = found.energy.edges(log=True)
    log_axis(axes.xaxis, float(span[0]), float(span[-1]), small=page.small)
    log_axis(axes.yaxis, *(limits or (1e-10, 1.0)), small=page.small)
    if limits is None:
        page.note("no positive values")
        return axes
    names, rates = found.curves(2 if page.small else RINGS)
    for number, (name, rate, colour) in enumerate(zip(names, rates, shades(len(names)), strict=True)):
        positive = np.where(rate > 0, rate, np.nan)
        dots = "o" if np.isfinite(positive).sum() < 4 else None
        axes.plot(
            found.energy.log_middle,
            positive,
            color=colour,
            linestyle=LINE_STYLES[number],
            label=name,
            marker=dots,
        )
    page.legend(axes, loc="upper right", title="" if page.small else "Offset")
    return axes
