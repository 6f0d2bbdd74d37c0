"""The event rate over time, within the good time intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.dates import AutoDateLocator, num2date
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from datalink.previews.page import BAND, BLUE, Page
from datalink.previews.tables import Table, Tables
from ingest.arrays import FloatArray
from ingest.constants import EARLIEST_MJD, LATEST_MJD, MJD_OF_1970, SECONDS_PER_DAY
from ingest.times import TimeReference, own_reference

WIDTHS_S = (
    1.0,
    2.0,
    5.0,
    10.0,
    20.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1200.0,
    1800.0,
    3600.0,
    7200.0,
    21600.0,
    86400.0,
)
"""Widths that bins of time are about to have."""
BINS, BINS_SMALL = 60, 30
COUNTS_PER_BIN = 25.0
"""Aim: a rate is then known to a fifth."""
MOST_BINS = 20_000
"""Of all intervals together."""
MOST_ERROR_BARS = 400
_SHORT = {"second": "s", "minute": "min", "hour": "h"}


@dataclass(frozen=True)
class Rates:
    """Counts in bins of time.

    Attributes
    ----------
    start, stop
        Edges in seconds of mission elapsed time, shape (n,); no bin reaches over a gap.
    counts
        Events in each, shape (n,).
    outside
        Events outside of all bins, or without a time.
    width
        What the bins' widths are near to, in seconds.
    """

    start: FloatArray
    stop: FloatArray
    counts: FloatArray
    outside: int
    width: float


def paint(page: Page, tables: Tables) -> None:
    """Draw the rate.

    Raises
    ------
    ingest.errors.GADFError
        There is no event list, or it has no usable column TIME, or the GTI has no usable START and STOP.
    """
    events = tables.first("events")
    clock = _clock(page, events)
    gti = tables.gti_of(events)
    intervals = good_intervals(gti, events, clock)
    known = len(intervals) > 0
    if not known:
        intervals = _whole(events)
    axes = page.axes(page.grid()[0], "", "")
    if not len(intervals):
        page.heading = "Event rate"
        axes.set_xticks([])
        axes.set_yticks([])
        page.note("no events, and no times")
        return
    clock = _believable(clock, float(intervals[0, 0]), float(intervals[-1, 1]))
    rates = bin_events(events, intervals, BINS_SMALL if page.small else BINS)
    page.heading = _heading(rates, intervals, known=known)
    _draw(page, axes, rates, _Clock(clock, float(intervals[0, 0])), intervals if known else None)


def _heading(rates: Rates, intervals: FloatArray, *, known: bool) -> str:
    total = int(rates.counts.sum())
    text = f"Event rate, {total:,} event{'s' if total != 1 else ''}"
    good = float(np.sum(intervals[:, 1] - intervals[:, 0]))
    text += f" in {good:,.4g} s" + (" of good time" if known else ", good time intervals unknown")
    text += f", bins of about {rates.width:g} s, without dead-time correction"
    return text + (f"; {rates.outside:,} outside" if rates.outside else "")


def _clock(page: Page, table: Table) -> TimeReference | None:
    """Give what the times in a table refer to; None if it does not say so."""
    if page.subject.time_reference is not None:
        return page.subject.time_reference
    return _reference(table.header)


def _reference(header: Any) -> TimeReference | None:
    try:
        return TimeReference.from_header(header, lambda keyword, assumed: None)
    except (KeyError, ValueError):
        return None


def _believable(clock: TimeReference | None, first: float, last: float) -> TimeReference | None:
    """Give the clock if its dates make sense for these seconds of mission elapsed time, else None."""
    if clock is None:
        return None
    clock = clock.usable(first / _seconds(clock.unit), lambda keyword, assumed: None)
    ends = clock.time(np.array([first, last]) / _seconds(clock.unit)).mjd
    return clock if EARLIEST_MJD <= ends[0] <= ends[1] <= LATEST_MJD else None


def good_intervals(gti: Table | None, events: Table, clock: TimeReference | None) -> FloatArray:
    """Give the good time intervals in seconds on the clock of the events, sorted and merged.

    Parameters
    ----------
    gti, events
        The tables; without a GTI table there are no intervals.
    clock
        That of the events; None if it is unknown, and then that of the GTI is taken to be the same.

    Returns
    -------
    numpy.ndarray
        Shape (n, 2).
    """
    if gti is None:
        return np.empty((0, 2))
    unit = _unit(gti)
    parts = [np.stack(chunk, axis=-1) for chunk in gti.chunks(START=unit, STOP=unit)]
    values = np.concatenate(parts) if parts else np.empty((0, 2))
    values = values[np.isfinite(values).all(axis=1)]
    own = _reference(own_reference(gti.header, events.header))
    values = values * _seconds(unit)
    if own is not None and clock is not None and len(values):
        zero = clock.elapsed(own.time(0.0)) * (SECONDS_PER_DAY if clock.unit == "d" else 1.0)
        # A second's fraction of rounding is no other zero point.
        values = values + (float(zero) if abs(float(zero)) > 1e-3 else 0.0)
    values = values[values[:, 1] > values[:, 0]]
    return _merged(values[np.argsort(values[:, 0])])


def _merged(values: FloatArray) -> FloatArray:
    if not len(values):
        return values
    reach = np.maximum.accumulate(values[:, 1])
    new = np.flatnonzero(np.append(True, values[1:, 0] > reach[:-1]))
    return np.stack([values[new, 0], reach[np.append(new[1:] - 1, len(values) - 1)]], axis=-1)


def _unit(table: Table) -> str:
    written = str(table.header.get("TIMEUNIT", "s")).strip().lower()
    return "d" if written in ("d", "day", "days") else "s"


def _seconds(unit: str) -> float:
    return SECONDS_PER_DAY if unit == "d" else 1.0


def _times(events: Table) -> Any:
    unit = _unit(events)
    for (time,) in events.chunks(TIME=unit):
        yield time * _seconds(unit)


def _whole(events: Table) -> FloatArray:
    """Give the time from the first to the last event, or from TSTART to TSTOP, as one interval."""
    low, high = np.inf, -np.inf
    for time in _times(events):
        usable = time[np.isfinite(time)]
        if usable.size:
            low, high = min(low, float(usable.min())), max(high, float(usable.max()))
    factor = _seconds(_unit(events))
    start, stop = events.number("TSTART"), events.number("TSTOP")
    if start is not None and stop is not None and start * factor <= min(low, stop * factor) and stop > start:
        low, high = start * factor, max(high, stop * factor)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.array([[low, high]]) if low < high else np.empty((0, 2))


def bin_events(events: Table, intervals: FloatArray, most: int) -> Rates:
    """Count events in bins that fill each interval evenly.

    Parameters
    ----------
    events
        The event list.
    intervals
        Seconds on the events' clock, sorted, shape (n, 2).
    most
        About how many bins to make.
    """
    lengths = intervals[:, 1] - intervals[:, 0]
    wanted = max(lengths.sum() / most, lengths.sum() * COUNTS_PER_BIN / max(events.rows, 1))
    wanted = min(max(wanted, lengths.sum() / MOST_BINS), lengths.sum())
    width = next((w for w in WIDTHS_S if w >= wanted * (1 - 1e-9)), wanted)
    if lengths.sum() < WIDTHS_S[0]:
        width = wanted
    pieces = np.maximum(np.rint(lengths / width), 1).astype(int)
    which = np.repeat(np.arange(len(lengths)), pieces)
    number = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    step = (lengths / pieces)[which]
    start = intervals[which, 0] + number * step
    stop = np.where(number == pieces[which] - 1, intervals[which, 1], start + step)
    counts, outside = np.zeros(len(start)), 0
    for time in _times(events):
        place = np.searchsorted(start, time, side="right") - 1
        # The last moment of an interval belongs to it, as its first one does.
        inside = (place >= 0) & (time <= stop[place])
        counts += np.bincount(place[inside], minlength=len(start))
        outside += int(np.sum(~inside))
    return Rates(start, stop, counts, outside, float(width))


@dataclass(frozen=True)
class _Clock:
    """Turns mission elapsed seconds into positions on the time axis."""

    reference: TimeReference | None
    first: float

    def place(self, seconds: FloatArray) -> FloatArray:
        """Give Matplotlib's dates (days since 1970) in TT, or minutes since the start if that is unknown."""
        if self.reference is None:
            return np.asarray((seconds - self.first) / 60.0)
        in_unit = seconds / _seconds(self.reference.unit)
        return np.asarray(self.reference.time(in_unit).mjd - MJD_OF_1970)


def _draw(page: Page, axes: Any, rates: Rates, clock: _Clock, intervals: FloatArray | None) -> None:
    start, stop = clock.place(rates.start), clock.place(rates.stop)
    unit, seconds = _unit_of_rate(rates)
    axes.set_ylabel(f"Events / {_SHORT[unit]}" if page.small else f"Events per {unit}")
    length = (rates.stop - rates.start) / seconds
    rate, error = rates.counts / length, np.sqrt(rates.counts) / length
    if intervals is not None:
        left, right = clock.place(intervals[:, 0]), clock.place(intervals[:, 1])
        top = axes.get_xaxis_transform()
        axes.bar(left, 1.0, right - left, align="edge", color=BAND, transform=top, zorder=0.5, linewidth=0)
    axes.hlines(rate, start, stop, color=BLUE, linewidth=page.measures.line)
    if len(rate) <= MOST_ERROR_BARS and not page.small:
        axes.errorbar(
            0.5 * (start + stop), rate, yerr=error, fmt="none", ecolor=BLUE, elinewidth=1.0, alpha=0.7
        )
    high = float(np.max(rate + error)) if len(rate) else 0.0
    axes.set_ylim(0.0, 1.15 * high if high > 0 else 1.0)
    margin = 0.03 * (stop[-1] - start[0])
    axes.set_xlim(start[0] - margin, stop[-1] + margin)
    _label_times(page, axes, clock)
    if intervals is not None and not page.small:
        axes.legend(handles=[Patch(color=BAND, label="good time intervals")], loc="lower right")
    if not rates.counts.any():
        page.note("no events")


def _unit_of_rate(rates: Rates) -> tuple[str, float]:
    """Choose a unit of time in which the mean rate is no small fraction."""
    mean = rates.counts.sum() / np.sum(rates.stop - rates.start)
    if mean >= 0.1 or not mean:
        return "second", 1.0
    return ("minute", 60.0) if mean * 60.0 >= 0.1 else ("hour", 3600.0)


def _label_times(page: Page, axes: Any, clock: _Clock) -> None:
    if clock.reference is None:
        axes.set_xlabel(
            "Minutes since start"
            if page.small
            else "Time since the start (min); the file does not say when that was"
        )
        axes.xaxis.set_major_locator(MaxNLocator(4 if page.small else 8))
        return
    left, right = axes.get_xlim()
    axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=4 if page.small else 9))
    pattern = "%H:%M:%S" if right - left < 4 / 1440 else "%H:%M" if right - left < 1.5 else "%Y-%m-%d"
    if page.small and pattern == "%H:%M:%S":
        axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=3))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: num2date(value).strftime(pattern)))
    days = [num2date(value).strftime("%Y-%m-%d") for value in (left, right)]
    label = days[0] if days[0] == days[1] else f"{days[0]} to {days[1]}"
    if pattern == "%Y-%m-%d":
        label = "Date"
    axes.set_xlabel(
        f"{label} (TT)"
        if page.small
        else f"{'Time on ' if label != 'Date' else ''}{label}, Terrestrial Time (TT)"
    )
