"""Times between the API's scale, which is TT, and the one that a table declares."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import erfa  # type: ignore[import-untyped]
import numpy as np

SAME = {"ET": "TT", "TDT": "TT", "GMT": "UTC", "IAT": "TAI"}
MJD = 2400000.5

# UTC began in 1960. Limits outside are open ends.
FIRST, LAST = 36934.0, 88069.0

Pair = tuple[np.ndarray, np.ndarray]
"""Days and their fractions, of JD."""


def is_convertible(scale: str | None) -> bool:
    """Tell whether times of a scale can be converted.

    Parameters
    ----------
    scale
        A name as in VOTable's TIMESYS; None if it is not told.

    Returns
    -------
    bool
        Whether `from_tt` and `to_tt` take it.
    """
    return _name(scale) == "TT" or _name(scale) in TO


def from_tt(mjd: float, scale: str | None) -> float:
    """Convert a time.

    Parameters
    ----------
    mjd
        MJD in TT.
    scale
        The other scale; None stands for TT.

    Returns
    -------
    float
        MJD in the other scale.
    """
    name = _name(scale)
    if name not in TO or not FIRST <= mjd <= LAST:
        return mjd
    return float(_mjd(FROM[name](_pair(np.array([mjd]))))[0])


def to_tt(mjd: list[float | None], scale: str | None) -> list[float | None]:
    """Convert times.

    Parameters
    ----------
    mjd
        MJD in the other scale; None is left as it is.
    scale
        The other scale; None stands for TT.

    Returns
    -------
    list
        MJD in TT.
    """
    name = _name(scale)
    places = [i for i, value in enumerate(mjd) if value is not None and FIRST <= value <= LAST]
    if name not in TO or not places:
        return list(mjd)
    values = np.array([mjd[i] for i in places], dtype=float)
    result = list(mjd)
    for place, value in zip(places, _mjd(TO[name](_pair(values))).tolist(), strict=True):
        result[place] = value
    return result


def tcb_to_mjd(days: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Convert times as MOCs have them.

    Parameters
    ----------
    days
        JD in TCB, whole days.
    fractions
        What goes beyond them, in days.

    Returns
    -------
    ndarray
        MJD in TT.
    """
    return _mjd(_from_tcb((days, fractions)))


def _pair(mjd: np.ndarray) -> Pair:
    days = np.floor(mjd)
    return days + MJD, mjd - days


def _mjd(pair: Pair) -> np.ndarray:
    return (pair[0] - MJD) + pair[1]


def _lead(pair: Pair) -> np.ndarray:
    """Give the seconds that TDB is ahead of TT, at the centre of the Earth."""
    lead: np.ndarray = erfa.dtdb(pair[0], pair[1], 0.0, 0.0, 0.0, 0.0)
    return lead


def _to_tcb(pair: Pair) -> Pair:
    return erfa.tdbtcb(*erfa.tttdb(*pair, _lead(pair)))  # type: ignore[no-any-return]


def _from_tcb(pair: Pair) -> Pair:
    barycentric = erfa.tcbtdb(*pair)
    return erfa.tdbtt(*barycentric, _lead(barycentric))  # type: ignore[no-any-return]


def _steady() -> tuple[float, float]:
    """Give the day (JD) of the last leap second, and the seconds that TT has been ahead since then."""
    last = erfa.leap_seconds.get()[-1]
    day = (date(int(last["year"]), int(last["month"]), 1) - date(1858, 11, 17)).days + MJD
    return day, float(last["tai_utc"]) + 32.184


def _to_utc(pair: Pair) -> Pair:
    # erfa warns of years of which it is not known whether they will have leap seconds; none is assumed.
    day, lead = _steady()
    early = erfa.taiutc(*erfa.tttai(np.minimum(pair[0], day), pair[1]))
    is_late = pair[0] > day
    return np.where(is_late, pair[0], early[0]), np.where(is_late, pair[1] - lead / 86400, early[1])


def _from_utc(pair: Pair) -> Pair:
    day, lead = _steady()
    early = erfa.taitt(*erfa.utctai(np.minimum(pair[0], day), pair[1]))
    is_late = pair[0] > day
    return np.where(is_late, pair[0], early[0]), np.where(is_late, pair[1] + lead / 86400, early[1])


def _name(scale: str | None) -> str:
    upper = (scale or "TT").upper()
    return SAME.get(upper, upper)


FROM: dict[str, Callable[[Pair], Pair]] = {
    "UTC": _to_utc,
    "TAI": lambda pair: erfa.tttai(*pair),
    "TCG": lambda pair: erfa.tttcg(*pair),
    "TDB": lambda pair: erfa.tttdb(*pair, _lead(pair)),
    "TCB": _to_tcb,
}
TO: dict[str, Callable[[Pair], Pair]] = {
    "UTC": _from_utc,
    "TAI": lambda pair: erfa.taitt(*pair),
    "TCG": lambda pair: erfa.tcgtt(*pair),
    "TDB": lambda pair: erfa.tdbtt(*pair, _lead(pair)),
    "TCB": _from_tcb,
}
