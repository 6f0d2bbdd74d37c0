"""The counts spectrum of an event list: a histogram over measured energy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalink.previews.page import BLUE, INK, Page, log_axis
from datalink.previews.safe_range import mark
from datalink.previews.tables import Table, Tables
from ingest.arrays import FloatArray

BINS_PER_DECADE = 20
_LOWEST, _HIGHEST = -9, 9
"""Powers of ten of the energies in TeV that have bins: 1 meV to 1 ZeV, wider than any instrument."""


def paint(page: Page, tables: Tables) -> None:
    """Draw the spectrum.

    Raises
    ------
    ingest.errors.GADFError
        There is no event list, or it has no usable column ENERGY.
    """
    counts, total = count(tables.first("events"))
    filled = np.flatnonzero(counts)
    axes = page.axes(page.grid()[0], "Energy (TeV)", "Counts" if page.small else "Counts per bin")
    page.heading = _heading(int(counts.sum()), total)
    if not filled.size:
        log_axis(axes.xaxis, 0.01, 100.0, small=page.small)
        log_axis(axes.yaxis, 0.6, 10.0, small=page.small)
        mark(page, axes, page.subject.safe_energy_ev)
        page.note("no events" if not total else "no events with a positive energy")
        return
    counts, edges = _rebinned(counts, filled)
    page.heading += f", {round(1.0 / math.log10(edges[1] / edges[0])):d} bins per decade"
    _bars(page, axes, counts, edges)


def count(events: Table) -> tuple[FloatArray, int]:
    """Count events in fine logarithmic bins of energy.

    Returns
    -------
    tuple
        Counts, shape (n,), of events with a positive finite energy; and the number of all events.
    """
    size = (_HIGHEST - _LOWEST) * BINS_PER_DECADE
    counts = np.zeros(size)
    for (energy,) in events.chunks(ENERGY="TeV"):
        usable = energy[np.isfinite(energy) & (energy > 0)]
        # A bin edge such as 1 TeV belongs to the bin above it, also where its logarithm is rounded down.
        place = np.floor((np.log10(usable) - _LOWEST) * BINS_PER_DECADE + 1e-9)
        counts += np.bincount(np.clip(place, 0, size - 1).astype(int), minlength=size)
    return counts, events.rows


def _rebinned(counts: FloatArray, filled: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Take coarser bins for fewer events; give counts and edges in TeV around the filled ones."""
    merge = next((n for n, enough in ((1, 5000), (2, 200), (4, 0)) if counts.sum() >= enough), 4)
    first, last = int(filled[0]) // merge, int(filled[-1]) // merge + 1
    merged = counts[first * merge : last * merge].reshape(-1, merge).sum(axis=1)
    edges = 10.0 ** (_LOWEST + np.arange(first, last + 1) * merge / BINS_PER_DECADE)
    return merged, edges


def _heading(usable: int, total: int) -> str:
    text = f"Counts spectrum, {usable:,} events" if usable != 1 else "Counts spectrum, 1 event"
    return text if usable == total else f"{text} ({total - usable:,} without a positive energy left out)"


def _bars(page: Page, axes: Any, counts: FloatArray, edges: FloatArray) -> None:
    log_axis(axes.xaxis, edges[0] / 1.3, edges[-1] * 1.3, small=page.small)
    log_axis(axes.yaxis, 0.6, 2.5 * counts.max(), small=page.small)
    axes.stairs(counts, edges, fill=True, color=BLUE, alpha=0.25, baseline=0.6)
    axes.stairs(counts, edges, color=BLUE, baseline=0.6, linewidth=page.measures.line)
    if not page.small:
        shown = counts > 0
        middle = np.sqrt(edges[1:] * edges[:-1])[shown]
        error = np.sqrt(counts[shown])
        below = np.minimum(error, counts[shown] - 0.3)
        axes.errorbar(
            middle,
            counts[shown],
            yerr=(below, error),
            fmt="none",
            ecolor=INK,
            elinewidth=1.2,
            label="statistical error √N",
        )
    mark(page, axes, page.subject.safe_energy_ev)
    page.legend(axes, loc="upper right")
