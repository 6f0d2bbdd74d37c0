"""Time coverage: MOCs in their ASCII form (MOC 2.0, section 4.3) as intervals of MJD in TT."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from portal.server.services import scales

MAX_ORDER = 61
DAY = 86_400_000_000
"""Microseconds: MOCs count those of TCB from JD 0."""

MAX_CELLS = 100_000
CELL = re.compile(r"t?(?:(\d+)/)?(?:(\d+)(?:-(\d+))?)?\Z")

Ranges = list[tuple[int, int]]


def ranges(moc: str) -> Ranges | None:
    """Read a time MOC.

    Parameters
    ----------
    moc
        Its ASCII form.

    Returns
    -------
    list or None
        Ends of intervals in microseconds, sorted and merged; None if it is no time MOC.
    """
    order: int | None = None
    found: Ranges = []
    for word in moc.replace(",", " ").split():
        match = CELL.match(word)
        if match is None:
            return None
        if match.group(1) is not None:
            order = int(match.group(1))
            if order > MAX_ORDER:
                return None
        if match.group(2) is None:
            continue
        first = int(match.group(2))
        last = int(match.group(3)) if match.group(3) is not None else first
        if order is None or last < first or last >> (order + 1) or len(found) >= MAX_CELLS:
            return None
        shift = MAX_ORDER - order
        found.append((first << shift, (last + 1) << shift))
    return _merged(sorted(found))


def intervals(mocs: Sequence[str | None]) -> list[list[tuple[float, float]] | None]:
    """Read the time MOCs of many rows. This computes: call it in a thread.

    Parameters
    ----------
    mocs
        ASCII forms; None where there is none.

    Returns
    -------
    list
        For each row the intervals in MJD (TT), or None.
    """
    read = [None if moc is None else ranges(moc) for moc in mocs]
    ends = [end for found in read if found for pair in found for end in pair]
    if not ends:
        return [None if found is None else [] for found in read]
    micro = np.array(ends, dtype=np.int64)
    converted = iter(_mjd(micro).tolist())
    return [None if found is None else [(next(converted), next(converted)) for _ in found] for found in read]


def _merged(found: Ranges) -> Ranges:
    merged: Ranges = []
    for start, end in found:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _mjd(micro: np.ndarray) -> np.ndarray:
    days, rest = np.divmod(micro, DAY)
    return scales.tcb_to_mjd(days.astype(float), rest / DAY)
