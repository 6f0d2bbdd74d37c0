"""Physical constants and conversion factors, each with its source."""

from __future__ import annotations

HC_EV_M = 1.239841984332e-6
"""Planck's constant times the speed of light in eV m: exact in the SI of 2019, CODATA 2022."""

SECONDS_PER_DAY = 86_400.0
"""Seconds in a day of TT: IAU definition."""

EARLIEST_MJD = 40_587.0
"""1970-01-01: before it there was no Cherenkov data set that could be in GADF."""

LATEST_MJD = 88_069.0
"""2100-01-01: a time behind it is a mistake in the file."""

EV_PER_TEV = 1e12
"""SI prefix."""

ARCSEC_PER_DEG = 3600.0
"""Definition of the arc second."""

BYTES_PER_KB = 1000
"""ObsCore 1.1 gives access_estsize in kilobyte; SI prefix."""

FITS_BLOCK = 2880
"""Bytes in a FITS block: FITS standard 4.0, section 3.1."""

FITS_CARD = 80
"""Bytes in a header card: FITS standard 4.0, section 3.2."""

NON_PIXEL_AXIS = -1
"""Axis length of data without pixels: IVOA High-Energy extension, draft of 2026, section 3."""
