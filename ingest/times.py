"""GADF times to MJD in TT.

GADF gives times as mission elapsed time, relative to MJDREFI + MJDREFF in the scale TIMESYS and
the unit TIMEUNIT (GADF 0.2 and 0.3, "Time"). Everything that we publish is MJD in TT.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.time import Time
from astropy.utils import iers

from ingest.arrays import FloatArray
from ingest.constants import SECONDS_PER_DAY

# An ingestion must not wait for a network: leap seconds come with astropy and the system, at whatever
# age (the last one was at the end of 2016), and nothing in here needs Earth rotation data.
iers.conf.auto_download = False
iers.conf.auto_max_age = None

SCALES = ("tt", "utc", "tai", "tdb", "tcb", "tcg", "ut1")
_UNITS_IN_DAYS = {"s": 1.0 / SECONDS_PER_DAY, "d": 1.0}


@dataclass(frozen=True)
class TimeReference:
    """Zero point, scale and unit of the times in a file.

    Attributes
    ----------
    mjd_int, mjd_frac
        MJDREFI and MJDREFF: the zero point in days.
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
    def from_header(header: Mapping[str, Any]) -> TimeReference:
        """Read MJDREFI, MJDREFF, TIMESYS and TIMEUNIT.

        Raises
        ------
        KeyError
            MJDREFI, MJDREFF or TIMESYS is missing; the key is the keyword.
        ValueError
            A value cannot be used; the message names keyword, value and what was expected.
        """
        mjd = []
        for keyword in ("MJDREFI", "MJDREFF"):
            try:
                mjd.append(float(header[keyword]))
            except (TypeError, ValueError) as error:
                raise ValueError(f"{keyword} = {header[keyword]!r}, expected a number of days") from error
        scale = str(header["TIMESYS"]).strip().lower()
        if scale not in SCALES:
            raise ValueError(f"TIMESYS = {header['TIMESYS']!r}, expected one of {', '.join(SCALES).upper()}")
        unit = str(header.get("TIMEUNIT", "s")).strip().lower()
        if unit not in _UNITS_IN_DAYS:
            raise ValueError(f"TIMEUNIT = {header['TIMEUNIT']!r}, expected 's' or 'd'")
        return TimeReference(mjd[0], mjd[1], scale, unit)

    def time(self, elapsed: float | FloatArray) -> Time:
        """Give mission elapsed times as astropy times in TT.

        Parameters
        ----------
        elapsed
            Times since the zero point, scalar or shape (n,), in ``unit``.
        """
        days = np.asarray(elapsed, dtype=float) * _UNITS_IN_DAYS[self.unit]
        return Time(self.mjd_int, self.mjd_frac + days, format="mjd", scale=self.scale).tt

    def mjd_tt(self, elapsed: float) -> float:
        """Give one mission elapsed time as MJD in TT."""
        return float(self.time(elapsed).mjd)
