"""The energy dispersion: the migration matrix at one offset, with bias and resolution."""

from __future__ import annotations

from typing import Any

import numpy as np

from datalink.previews.page import BLUE, COLOURS, INK, ORANGE, Page, log_axis, outline
from datalink.previews.response import Axis, axis, cube, energy_axis, lit_span
from datalink.previews.tables import Tables
from ingest.arrays import FloatArray
from ingest.performance import CONTAINMENT

OFFSET_DEG = 0.5
"""The offset whose matrix is shown is the nearest one: most sources are observed there."""
SHOWN = 0.8
"""Fraction of the energies that the vertical limits are made for: at the threshold it runs far off."""

MOST_ENERGIES = 120


def paint(page: Page, tables: Tables) -> None:
    """Draw the matrix, and below it bias and resolution.

    Raises
    ------
    ingest.errors.GADFError
        There is no energy dispersion, or it cannot be read.
    """
    table = tables.first("edisp")
    energy, offset = energy_axis(table), axis(table, "THETA", "deg")
    ratio = axis(table, "MIGRA", "")
    index = int(np.argmin(np.abs(offset.middle - OFFSET_DEG)))
    # The offset shown is a small part of the whole: no copy of the rest.
    matrix = cube(table, "MATRIX", "", offset, ratio, energy)[index]
    page.heading = f"Energy dispersion at an offset of {offset.middle[index]:.3g}° from the pointing"
    energy, content, merged = _merged(energy, np.where(matrix > 0, matrix, 0.0) * _widths(ratio)[:, None])
    if merged > 1:
        page.heading += f", mean of {merged} energy bins each"
    total = content.sum(axis=0)
    probability = np.divide(content, total, out=np.full_like(content, np.nan), where=total > 0)
    tail = 0.5 * (1.0 - CONTAINMENT)
    low, median, high = quantiles(ratio, probability, (tail, 0.5, 1.0 - tail))
    span = lit_span(energy, total > 0)
    if page.small or not np.isfinite(median).any():
        grid = page.grid(columns=(1.0, 0.035), wspace=0.06, right=0.83 if page.small else 0.9)
        axes, below = _matrix(page, grid, 0, (ratio, energy), probability), None
    else:
        grid = page.grid(1.9, 1.0, columns=(1.0, 0.018), hspace=0.1, wspace=0.035, right=0.92)
        axes, below = _matrix(page, grid, 0, (ratio, energy), probability), grid[1, 0]
    if np.isfinite(median).any():
        axes.set_ylim(*_shown(ratio, low, high))
    effects = outline(page)
    style = {"color": BLUE, "path_effects": effects}
    axes.plot(energy.log_middle, median, label="median", marker=_dots(median), **style)
    axes.set_xlim(span)
    if page.small:
        return
    for edge, label in ((low, f"central {CONTAINMENT:.0%}"), (high, None)):
        axes.plot(
            energy.log_middle, edge, linestyle="--", linewidth=0.7 * page.measures.line, label=label, **style
        )
    page.legend(axes, loc="upper right")
    if below is not None:
        axes.tick_params(labelbottom=False)
        axes.set_xlabel("")
        _numbers(page, below, energy, median - 1.0, 0.5 * (high - low)).set_xlim(span)


def _merged(energy: Axis, content: FloatArray) -> tuple[Axis, FloatArray, int]:
    """Put neighbouring energies together where there are more of them than can be seen."""
    number = -(-len(energy) // MOST_ENERGIES)
    if number == 1:
        return energy, content, 1
    first = np.arange(0, len(energy), number)
    last = np.minimum(first + number, len(energy)) - 1
    return Axis(energy.low[first], energy.high[last]), np.add.reduceat(content, first, axis=1), number


def _widths(ratio: Axis) -> FloatArray:
    return np.diff(ratio.edges())


def _dots(values: FloatArray) -> str | None:
    return "o" if np.isfinite(values).sum() < 4 else None


def quantiles(ratio: Axis, probability: FloatArray, at: tuple[float, ...]) -> tuple[FloatArray, ...]:
    """Give quantiles of the ratio of measured to true energy.

    Parameters
    ----------
    ratio
        Its bins.
    probability
        Of each bin and energy, shape (n_ratio, n_energy), summing up to one; NaN where unknown.
    at
        Between 0 and 1.

    Returns
    -------
    tuple of numpy.ndarray
        For each of ``at``, shape (n_energy,).
    """
    edges = ratio.edges()
    reached = np.vstack([np.zeros(probability.shape[1]), np.cumsum(probability, axis=0)])
    found = np.full((len(at), probability.shape[1]), np.nan)
    for column in np.flatnonzero(np.isfinite(reached[-1])):
        found[:, column] = np.interp(at, reached[:, column], edges)
    return tuple(found)


def _matrix(page: Page, grid: Any, row: int, over: tuple[Axis, Axis], probability: FloatArray) -> Any:
    ratio, energy = over
    y = "Measured / true energy"
    axes = page.axes(grid[row, 0], "True energy (TeV)", y)
    density = probability / _widths(ratio)[:, None]
    span = energy.edges(log=True)
    log_axis(axes.xaxis, float(span[0]), float(span[-1]), small=page.small)
    if not np.isfinite(density).any():
        page.note("no positive values")
        return axes
    peak = float(np.nanquantile(np.nanmax(density, axis=0), 0.9))
    image = axes.pcolormesh(span, ratio.edges(), density, cmap=COLOURS, vmin=0.0, vmax=peak or 1.0)
    axes.axhline(1.0, color=INK, linewidth=0.4 * page.measures.line)
    extend = "max" if np.nanmax(density) > peak else "neither"
    page.colour_bar(image, grid[row, 1], "Density" if page.small else "Probability density", extend=extend)
    return axes


def _shown(ratio: Axis, low: FloatArray, high: FloatArray) -> tuple[float, float]:
    """Choose limits with room around the central part of most energies."""
    bottom = float(np.nanquantile(low, 1.0 - SHOWN))
    top = float(np.nanquantile(high, SHOWN))
    edges, room = ratio.edges(), max(1.5 * (top - bottom), 0.05)
    return max(min(bottom, 1.0) - room, float(edges[0])), min(max(top, 1.0) + room, float(edges[-1]))


def _numbers(page: Page, place: Any, energy: Axis, bias: FloatArray, resolution: FloatArray) -> Any:
    axes = page.axes(place, "True energy (TeV)", "Relative to true energy")
    x = energy.log_middle
    axes.plot(x, bias, color=ORANGE, linestyle="--", marker=_dots(bias), label="bias (median - 1)")
    axes.plot(
        x,
        resolution,
        color=BLUE,
        marker=_dots(bias),
        label=f"resolution (half of the central {CONTAINMENT:.0%})",
    )
    axes.axhline(0.0, color=INK, linewidth=0.4 * page.measures.line)
    span = energy.edges(log=True)
    log_axis(axes.xaxis, float(span[0]), float(span[-1]), small=page.small)
    shown = np.concatenate([bias, resolution])
    shown = shown[np.isfinite(shown)]
    # A bias of several hundred per cent at the threshold must not flatten the rest.
    low, high = min(float(np.quantile(shown, 0.02)), 0.0), float(np.quantile(shown, 0.9))
    axes.set_ylim(low - 0.05, 1.5 * max(high, 0.1))
    page.legend(axes, loc="upper right", ncols=2)
    return axes
