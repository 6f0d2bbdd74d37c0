"""Good time intervals and the start and end of an observation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ingest.arrays import FloatArray
from ingest.constants import LARGEST_ELAPSED, SECONDS_PER_DAY
from ingest.errors import KeywordError, shown
from ingest.fits_files import convert
from ingest.keywords import finite, time_reference
from ingest.records import HDU, Deviation, Keywords
from ingest.scan import EventFacts, GTITable
from ingest.times import TimeReference, own_reference

ONTIME_TOLERANCE_S = 1.05
"""ONTIME is rounded to whole seconds in some files, TSTART and TSTOP to milliseconds."""
_TIME_TOLERANCE_S = 1e-3


def seconds(value: float, reference: TimeReference) -> float:
    """Give a duration in the reference's unit in seconds."""
    return value * (SECONDS_PER_DAY if reference.unit == "d" else 1.0)


def good_times(
    hdu: HDU, table: GTITable, defaults: Mapping[str, Any], reference: TimeReference, notes: list[Deviation]
) -> FloatArray:
    """Give sorted, disjoint good time intervals in the time reference of the event list.

    Parameters
    ----------
    hdu, table
        The GTI table.
    defaults
        Time keywords of the event list, for those that the table has none of.
    reference
        That of the event list.
    notes
        Takes the deviations.

    Returns
    -------
    numpy.ndarray
        Shape (n, 2), mission elapsed time.

    Raises
    ------
    KeywordError
        There is no START or STOP of numbers, a unit or a time keyword cannot be used, or a time lies beyond
        all measure.
    """
    own = reference
    time_keywords = own_reference(hdu.header, defaults)
    if time_keywords != own_reference(defaults, {}):
        own = time_reference(time_keywords, Keywords({}, hdu.path, hdu.name, notes))
    intervals = _columns(hdu, table, own)
    intervals = _sensible(hdu, intervals, notes)
    if own != reference and intervals.size:
        own = own.usable(
            float(intervals[0, 0]), lambda name, text: notes.append(_note(hdu, name, None, text))
        )
        intervals = reference.elapsed(own.time(intervals)).reshape(-1, 2)
    return _merged(hdu, intervals, notes)


def _note(hdu: HDU, keyword: str | None, value: str | None, assumed: str) -> Deviation:
    return Deviation(hdu.path, hdu.name, keyword, value, assumed)


def _columns(hdu: HDU, table: GTITable, reference: TimeReference) -> FloatArray:
    sides = []
    for name, values, written in zip(("START", "STOP"), (table.start, table.stop), table.units, strict=True):
        if values is None or values.ndim != 1:
            raise KeywordError(hdu.path, "no such column of numbers", hdu=hdu.name, keyword=name)
        converted = convert(values, written, reference.unit)
        if converted is None:
            problem = f"unit {written!r}, expected one like {reference.unit!r}"
            raise KeywordError(hdu.path, problem, hdu=hdu.name, keyword=name)
        sides.append(converted)
    return np.column_stack(sides)


def _sensible(hdu: HDU, intervals: FloatArray, notes: list[Deviation]) -> FloatArray:
    good = np.all(np.isfinite(intervals), axis=1) & (intervals[:, 1] >= intervals[:, 0])
    if not good.all():
        value = f"{np.count_nonzero(~good)} of {good.size} intervals"
        notes.append(_note(hdu, None, value, "not finite or ending before they start, left out"))
    found = np.asarray(intervals[good])
    if found.size and np.abs(found).max() > LARGEST_ELAPSED:
        problem = (
            f"an interval reaches from {found.min():.7g} to {found.max():.7g},"
            f" expected at most {LARGEST_ELAPSED:g} from 0"
        )
        raise KeywordError(hdu.path, problem, hdu=hdu.name)
    return found


def _merged(hdu: HDU, intervals: FloatArray, notes: list[Deviation]) -> FloatArray:
    if len(intervals) < 2 or np.all(intervals[1:, 0] >= intervals[:-1, 1]):
        return intervals
    found = intervals[np.lexsort((intervals[:, 1], intervals[:, 0]))]
    reach = np.maximum.accumulate(found[:, 1])
    starts = np.concatenate([[True], found[1:, 0] >= reach[:-1]])
    ends = np.concatenate([starts[1:], [True]])
    merged = np.column_stack([found[starts, 0], reach[ends]])
    notes.append(_note(hdu, None, f"{len(intervals)} unsorted or overlapping intervals", "sorted and merged"))
    return np.asarray(merged)


def limits(
    values: dict[str, Any],
    intervals: FloatArray,
    facts: EventFacts | None,
    *,
    reference: TimeReference,
    hdu: HDU,
    notes: list[Deviation],
) -> None:
    """See to it that TSTART and TSTOP are numbers: of the header, the intervals, or the events.

    Raises
    ------
    KeywordError
        None of them has it.
    """
    for side, name in enumerate(("TSTART", "TSTOP")):
        if finite(values, name) is not None:
            continue
        found, origin = None, ""
        if len(intervals):
            found, origin = (
                float(intervals[0, 0] if side == 0 else intervals[:, 1].max()),
                "good time intervals",
            )
        elif facts is not None and facts.times is not None:
            times = convert(np.asarray(facts.times), facts.time_unit, reference.unit)
            found, origin = (None if times is None else float(times[side])), "times of the events"
        written = values.get(name)
        if found is None:
            raise KeywordError(hdu.path, f"{shown(written)}, expected a number", hdu=hdu.name, keyword=name)
        notes.append(
            _note(hdu, name, None if written is None else shown(written), f"taken from the {origin}")
        )
        values[name] = found


def whole_observation(
    values: Mapping[str, Any], reference: TimeReference, hdu: HDU, notes: list[Deviation]
) -> FloatArray:
    """Give the one interval TSTART to TSTOP where ONTIME says that it was good, none else; shape (n, 2)."""
    start, stop, ontime = (finite(values, name) for name in ("TSTART", "TSTOP", "ONTIME"))
    whole = start is not None and stop is not None and ontime is not None and stop > start
    if whole and abs(seconds(stop - start, reference) - ontime) <= ONTIME_TOLERANCE_S:  # type: ignore[operator]
        notes.append(Deviation(hdu.path, None, None, None, "no good time intervals, TSTART to TSTOP taken"))
        return np.array([[start, stop]], dtype=float)
    notes.append(Deviation(hdu.path, None, None, None, "no good time intervals"))
    return np.empty((0, 2))


def check_inside(
    intervals: FloatArray,
    values: Mapping[str, Any],
    reference: TimeReference,
    hdu: HDU,
    notes: list[Deviation],
) -> None:
    """Note intervals that begin before TSTART or end behind TSTOP; they are kept."""
    start, stop = finite(values, "TSTART"), finite(values, "TSTOP")
    if not len(intervals) or start is None or stop is None:
        return
    early = seconds(start - float(intervals[0, 0]), reference)
    late = seconds(float(intervals[:, 1].max()) - stop, reference)
    for name, beyond in (("START", early), ("STOP", late)):
        if beyond > _TIME_TOLERANCE_S:
            value = f"{beyond:.3f} s beyond T{name}"
            notes.append(_note(hdu, name, value, "kept, outside of TSTART to TSTOP"))
