"""Times between the API's scale, which is TT, and the one that a table declares."""

from __future__ import annotations

import numpy as np
from astropy.time import Time

KNOWN = frozenset({"TT", "TAI", "UTC", "TDB", "TCB", "TCG", "UT1"})
SAME = {"ET": "TT", "TDT": "TT", "GMT": "UTC", "IAT": "TAI"}

# UTC began in 1960; its leap seconds are known until they are not. Limits outside are open ends.
FIRST, LAST = 36934.0, 88069.0


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
    return _name(scale) in KNOWN


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
    if name == "TT" or name not in KNOWN or not FIRST <= mjd <= LAST:
        return mjd
    day, part = divmod(mjd, 1.0)
    return float(getattr(Time(day, part, format="mjd", scale="tt"), name.lower()).mjd)


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
    if name == "TT" or name not in KNOWN or not places:
        return list(mjd)
    values = np.array([mjd[i] for i in places], dtype=float)
    days = np.floor(values)
    converted = Time(days, values - days, format="mjd", scale=name.lower()).tt.mjd
    result = list(mjd)
    for place, value in zip(places, converted.tolist(), strict=True):
        result[place] = value
    return result


def _name(scale: str | None) -> str:
    upper = (scale or "TT").upper()
    return SAME.get(upper, upper)
