"""A selection's TIME in the clock of a table: its limits, good times, and the keywords that follow them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.time import Time
from astropy.utils import iers

from datalink.cutouts.selection import Interval
from ingest.arrays import FloatArray
from ingest.intervals import seconds
from ingest.keywords import finite
from ingest.times import TimeReference

LIMIT_STEPS = 0.75
"""An MJD in double precision comes in steps, of 0.6 microseconds today: a limit is good to half a step, and
who computed it from an event's time added some rounding. What is so many steps outside counts as inside."""

_DATES = (("TSTART", ("OBS", "BEG")), ("TSTOP", ("END",)))
_SAME_MOMENT_S = 2.0  # dates are written to a second or better


@dataclass(frozen=True)
class Window:
    """A closed interval of time in mission elapsed time.

    Attributes
    ----------
    low, high
        Its ends in the unit of the reference; infinite for an open end.
    reference
        The clock.
    """

    low: float
    high: float
    reference: TimeReference

    @staticmethod
    def of(interval: Interval, reference: TimeReference) -> Window:
        """Bring an interval of MJD in TT to a clock."""
        return Window(
            _elapsed(interval.low, -LIMIT_STEPS, reference),
            _elapsed(interval.high, LIMIT_STEPS, reference),
            reference,
        )

    def holds(self, times: FloatArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell which times lie in it, its ends included."""
        return np.asarray((times >= self.low) & (times <= self.high))

    def clip(self, intervals: FloatArray) -> tuple[FloatArray, np.ndarray[Any, np.dtype[np.bool_]]]:
        """Cut intervals, shape (n, 2).

        Returns
        -------
        tuple
            The intervals with their ends moved into the window, and which of them are left.
        """
        cut = np.column_stack([np.maximum(intervals[:, 0], self.low), np.minimum(intervals[:, 1], self.high)])
        untouched = np.all(cut == intervals, axis=1)
        return cut, (cut[:, 1] > cut[:, 0]) | (untouched & (cut[:, 1] == cut[:, 0]))


def _elapsed(mjd: float, steps: float, reference: TimeReference) -> float:
    if not math.isfinite(mjd):
        return mjd
    limit = Time(mjd, steps * np.spacing(mjd), format="mjd", scale="tt")
    try:
        return float(reference.elapsed(limit))
    except iers.IERSRangeError:
        # Years away from a run in UT1, where a second does not matter.
        return float(replace(reference, scale="utc").elapsed(limit))


def follow(header: fits.Header, window: Window, intervals: FloatArray | None) -> None:
    """Let a header follow a cut in time: TSTART, TSTOP, the dates, TELAPSE, ONTIME, LIVETIME.

    Keywords that are missing stay so; nothing changes if the window leaves everything as it is.

    Parameters
    ----------
    header
        Of an event list or of good time intervals.
    window
        In the clock of the header.
    intervals
        The good time intervals before the cut, disjoint, in this clock, shape (n, 2); None if nothing is
        known of them: ONTIME then shrinks like the time from TSTART to TSTOP.
    """
    start, stop = finite(header, "TSTART"), finite(header, "TSTOP")
    ends = [end for end in (start, stop) if end is not None]
    spans = [] if intervals is None else list(intervals.ravel())
    if all(window.low <= time <= window.high for time in [*ends, *spans]):
        return
    ontime = _ontime(header, window, intervals)
    _limits(header, window, start, stop)
    if "TELAPSE" in header and start is not None and stop is not None:
        header["TELAPSE"] = seconds(float(header["TSTOP"]) - float(header["TSTART"]), window.reference)
    _durations(header, ontime)


def _limits(header: fits.Header, window: Window, start: float | None, stop: float | None) -> None:
    # Outside of the run, an empty interval at its nearer end.
    first = -math.inf if start is None else start
    last = math.inf if stop is None else stop
    begin = min(max(first, window.low), last)
    end = max(min(last, window.high), begin)
    for (keyword, stems), old, new in zip(_DATES, (start, stop), (begin, end), strict=True):
        if old is not None and old != new:
            for stem in stems:
                for joint in ("-", "_", ""):
                    names = f"DATE{joint}{stem}", f"TIME{joint}{stem}"
                    _redate(header, names, window.reference, old, new)
            header[keyword] = new


def _redate(
    header: fits.Header, names: tuple[str, str], reference: TimeReference, old: float, new: float
) -> None:
    """Write a date, and a time of day beside it, in the scale and the form that the old one has."""
    date, time = names
    if not isinstance(header.get(date), str):
        return
    written = header[date].strip()
    beside = header[time].strip() if isinstance(header.get(time), str) else None
    full = written if "T" in written else f"{written}T{beside or '00:00:00'}"
    before, after = reference.time(old), reference.time(new)
    # GADF has dates in TIMESYS, some software writes UTC.
    scales = (reference.scale, "utc", "tt")
    scale = next((name for name in scales if _is(full, name, before)), reference.scale)
    moment = getattr(after, scale)
    moment.precision = 3
    day, _, clock = moment.isot.partition("T")
    header[date] = moment.isot if "T" in written else day
    if beside is not None:
        header[time] = clock


def _is(written: str, scale: str, moment: Time) -> bool:
    try:
        found = Time(written, format="isot", scale=scale)
    except ValueError:
        return False
    return bool(abs((found - moment).sec) < _SAME_MOMENT_S)


def _ontime(header: fits.Header, window: Window, intervals: FloatArray | None) -> float | None:
    """Give the good time in s that a window leaves; None if it cannot be told."""
    if intervals is not None:
        return _length(intervals, window)
    start, stop, whole = (finite(header, name) for name in ("TSTART", "TSTOP", "ONTIME"))
    if start is None or stop is None or whole is None or not stop > start:
        return None
    run = np.array([[start, stop]])
    return whole * _length(run, window) / seconds(stop - start, window.reference)


def _length(intervals: FloatArray, window: Window) -> float:
    cut, left = window.clip(intervals)
    return seconds(float(np.sum(cut[left, 1] - cut[left, 0])), window.reference)


def _durations(header: fits.Header, ontime: float | None) -> None:
    share = live_share(header)
    livetime = None if ontime is None or share is None else ontime * share
    for keyword, value in (("ONTIME", ontime), ("LIVETIME", livetime)):
        if keyword in header:
            if value is None:
                del header[keyword]
            else:
                header[keyword] = value


def live_share(header: Mapping[str, Any]) -> float | None:
    """Give livetime over good time: DEADC, else what LIVETIME and ONTIME say, None without."""
    found = finite(header, "DEADC")
    if found is not None and 0.0 < found <= 1.0:
        return found
    ontime, livetime = finite(header, "ONTIME"), finite(header, "LIVETIME")
    return livetime / ontime if ontime and livetime is not None else None
