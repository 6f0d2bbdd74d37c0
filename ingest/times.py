"""GADF times to MJD in TT.

GADF gives times as mission elapsed time, relative to MJDREFI + MJDREFF in the scale TIMESYS and
the unit TIMEUNIT (GADF 0.2 and 0.3, "Time"). Everything that we publish is MJD in TT.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from astropy.time import Time, TimeDelta
from astropy.utils import iers

from ingest.arrays import FloatArray
from ingest.constants import GPS_BEHIND_TAI, SECONDS_PER_DAY

# An ingestion must not wait for a network: leap seconds come with astropy and the system, at whatever
# age (the last one was at the end of 2016), and UT1 comes from the tables in astropy.
iers.conf.auto_download = False
iers.conf.auto_max_age = None

SCALES = ("tt", "utc", "tai", "tdb", "tcb", "tcg", "ut1")
# The other names of FITS 4.0, table 30.
_SYNONYMS = {"tdt": "tt", "iat": "tai", "gmt": "utc", "et": "tt", "gps": "tai"}
# A day count and a place are no scales; GADF before 0.2 had the former among its examples.
_NO_SCALES = ("", "local", "mjd", "jd", "tjd")
_UNITS = {name: "s" for name in ("s", "sec", "secs", "second", "seconds")} | {
    name: "d" for name in ("d", "day", "days")
}
_UNITS_IN_DAYS = {"s": 1.0 / SECONDS_PER_DAY, "d": 1.0}
_REALISATION = re.compile(r"\(.*\)$")
_REFERENCES = ("MJDREFI", "MJDREFF", "MJDREF")

Note = Callable[[str, str], None]
"""Takes keyword and assumption where something is not as GADF has it."""


@dataclass(frozen=True)
class TimeReference:
    """Zero point, scale and unit of the times in a file.

    Attributes
    ----------
    mjd_int, mjd_frac
        The zero point in days, MJDREFI and MJDREFF, shifted by TIMEZERO.
    scale
        Lower-case name of an astropy time scale.
    unit
        ``s`` or ``d``.
    """

    mjd_int: float
    mjd_frac: float
    scale: str
    unit: str = "s"

    @staticmethod
    def from_header(header: Mapping[str, Any], note: Note) -> TimeReference:
        """Read MJDREFI, MJDREFF (or MJDREF), TIMESYS, TIMEUNIT and TIMEZERO.

        Raises
        ------
        KeyError
            There is no zero point; the key is the keyword.
        ValueError
            A value cannot be used; the message names keyword, value and what was expected.
        """
        whole, fraction = _zero_point(header, note)
        scale, shift = _scale(header, note)
        unit = _unit(header)
        zero = _days(header, "TIMEZERO") if "TIMEZERO" in header else 0.0
        if zero:
            note("TIMEZERO", "added to all times")
        return TimeReference(whole, fraction + shift + zero * _UNITS_IN_DAYS[unit], scale, unit)

    def time(self, elapsed: float | FloatArray) -> Time:
        """Give mission elapsed times as astropy times in TT.

        Seconds are SI seconds in every scale, as Gammapy has it: leap seconds count in UTC.

        Parameters
        ----------
        elapsed
            Times since the zero point, scalar or shape (n,), in ``unit``.
        """
        days = np.asarray(elapsed, dtype=float) * _UNITS_IN_DAYS[self.unit]
        with _quiet():
            found = self._zero() + TimeDelta(days, format="jd")
            if self.scale == "ut1":
                _orient(found)
            return found.tt

    def moments(self, elapsed: list[float]) -> list[datetime.datetime]:
        """Give mission elapsed times as UTC dates and times of Python, for documents that want these."""
        known = [_PREPARED.get((self, value)) for value in elapsed]
        utc = [instant.utc for instant in known if instant is not None and instant.utc is not None]
        if len(utc) == len(elapsed):
            return utc
        with _quiet():
            return list(self.time(np.array(elapsed)).utc.to_datetime(datetime.UTC))

    def elapsed(self, times: Time) -> FloatArray:
        """Give astropy times as mission elapsed times in ``unit``, the inverse of :meth:`time`."""
        with _quiet():
            if self.scale == "ut1":
                times = times.utc
                _orient(times)
            days = (getattr(times, self.scale) - self._zero()).jd
        return np.asarray(days / _UNITS_IN_DAYS[self.unit], dtype=float)

    def mjd_tt(self, elapsed: float) -> float:
        """Give one mission elapsed time as MJD in TT."""
        known = _PREPARED.get((self, elapsed))
        return known.mjd if known else float(self.time(elapsed).mjd)

    def usable(self, elapsed: float, note: Note) -> TimeReference:
        """Give the reference itself, or one in UTC if this is UT1 at a time without Earth rotation data."""
        if self.scale != "ut1":
            return self
        utc = replace(self, scale="utc")
        days = self.mjd_frac + elapsed * _UNITS_IN_DAYS[self.unit]
        with _quiet():
            when = Time(self.mjd_int, days, format="mjd", scale="utc")
            # Whether astropy raises, warns or extrapolates there depends on its version.
            _, status = when.get_delta_ut1_utc(return_status=True)
        if np.any(np.isin(status, (iers.TIME_BEFORE_IERS_RANGE, iers.TIME_BEYOND_IERS_RANGE))):
            note("TIMESYS", "taken as UTC, within 0.9 s: no Earth rotation data for this time")
            return utc
        return self

    def _zero(self) -> Time:
        return Time(self.mjd_int, self.mjd_frac, format="mjd", scale=self.scale)


class Instant(NamedTuple):
    """One time in several forms.

    Attributes
    ----------
    mjd
        MJD in TT.
    microseconds
        Since JD 0 in TCB, as in time MOCs.
    utc
        As Python has it; None in a leap second, which it has not.
    """

    mjd: float
    microseconds: int
    utc: datetime.datetime | None


_PREPARED: dict[tuple[TimeReference, float], Instant] = {}


def prepare(wanted: Iterable[tuple[TimeReference, float]]) -> None:
    """Compute many times at once, which is far quicker than one by one; they replace those of the last call.

    What cannot be computed is left out: it is met again, and reported, when it is asked for.

    Parameters
    ----------
    wanted
        Mission elapsed times, each with its reference.
    """
    from mocpy.tmoc import times_to_microseconds  # noqa: PLC0415 - it loads matplotlib and networkx

    _PREPARED.clear()
    by_reference: dict[TimeReference, set[float]] = {}
    for reference, elapsed in wanted:
        if math.isfinite(elapsed):
            by_reference.setdefault(reference, set()).add(elapsed)
    for reference, values in by_reference.items():
        if reference.scale == "ut1":  # what one time gets depends on the others there
            continue
        ordered = sorted(values)
        with contextlib.suppress(Exception), _quiet():
            times = reference.time(np.array(ordered))
            columns = times.mjd.tolist(), times_to_microseconds(times).tolist(), _moments(times)
            for elapsed, *forms in zip(ordered, *columns, strict=True):
                _PREPARED[reference, elapsed] = Instant(*forms)


def _moments(times: Time) -> list[datetime.datetime | None]:
    try:
        # Without a time zone, which astropy makes anew for each.
        return [moment.replace(tzinfo=datetime.UTC) for moment in times.utc.to_datetime()]
    except ValueError:
        return [None] * len(times)


def prepared(reference: TimeReference, elapsed: FloatArray) -> list[Instant] | None:
    """Give prepared times, shape (n,); None if one of them is not."""
    found = [_PREPARED.get((reference, value)) for value in elapsed.tolist()]
    instants = [instant for instant in found if instant is not None]
    return instants if len(instants) == len(found) else None


def _orient(times: Time) -> None:
    """Tell times their UT1 - UTC; beyond the tables, where `usable` has been, that is their first or last."""
    table = iers.earth_orientation_table.get()
    times.delta_ut1_utc, _ = table.ut1_utc(times.jd1, times.jd2, return_status=True)


@contextmanager
def _quiet() -> Iterator[None]:
    # "dubious year": UTC so far from today that its leap seconds are not known.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="ERFA function")
        yield


def own_reference(header: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Give the time keywords of a header, filled up from another's.

    MJDREFI, MJDREFF and MJDREF belong together: a header with one of them takes none of the others'.
    """
    wanted = {key: defaults[key] for key in ("TIMESYS", "TIMEUNIT") if key in defaults}
    if not any(key in header for key in _REFERENCES):
        wanted |= {key: defaults[key] for key in (*_REFERENCES, "TIMEZERO") if key in defaults}
    return wanted | {
        key: header[key] for key in (*_REFERENCES, "TIMESYS", "TIMEUNIT", "TIMEZERO") if key in header
    }


def _zero_point(header: Mapping[str, Any], note: Note) -> tuple[float, float]:
    if "MJDREFI" not in header and "MJDREF" in header:
        fraction, whole = math.modf(_days(header, "MJDREF"))
        note("MJDREF", "taken for MJDREFI and MJDREFF")
        return whole, fraction
    whole = _days(header, "MJDREFI")
    if "MJDREFF" not in header:
        note("MJDREFF", "taken as 0")
        return whole, 0.0
    return whole, _days(header, "MJDREFF")


def _days(header: Mapping[str, Any], keyword: str) -> float:
    try:
        found = float(header[keyword])
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{keyword} = {header[keyword]!r}, expected a number")
    return found


def _scale(header: Mapping[str, Any], note: Note) -> tuple[str, float]:
    """Give the scale and what to add to the zero point in days."""
    # FITS 4.0, section 9.2.1: a realisation may follow in parentheses, as in TT(TAI).
    name = _REALISATION.sub("", str(header.get("TIMESYS", "")).strip()).strip().lower()
    if name in _NO_SCALES:
        note("TIMESYS", "taken as TT")
        return "tt", 0.0
    if name == "et":
        note("TIMESYS", "taken as TT, which continues it")
    if name == "gps":
        note("TIMESYS", "taken as TAI - 19 s")
    scale = _SYNONYMS.get(name, name)
    if scale not in SCALES:
        raise ValueError(f"TIMESYS = {header['TIMESYS']!r}, expected one of {', '.join(SCALES).upper()}")
    return scale, GPS_BEHIND_TAI / SECONDS_PER_DAY if name == "gps" else 0.0


def _unit(header: Mapping[str, Any]) -> str:
    unit = _UNITS.get(str(header.get("TIMEUNIT", "s")).strip().lower() or "s")
    if unit is None:
        raise ValueError(f"TIMEUNIT = {header['TIMEUNIT']!r}, expected 's' or 'd'")
    return unit
