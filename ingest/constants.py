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

MEV_PER_TEV = 1e6
"""SI prefixes."""

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

GPS_BEHIND_TAI = 19.0
"""GPS time is TAI - 19 s, exactly: IS-GPS-200, section 3.3.4 (set to UTC in January 1980)."""

SUN_LIMIT_DEG = -12.0
"""Highest altitude of the Sun for a sky brightness: end of nautical twilight; the model has no twilight."""

MOON_HORIZON_DEG = -0.833
"""Altitude of the Moon's centre at rise and set, without refraction: 34' of refraction and a radius of 16',
as almanacs have it (Meeus, Astronomical Algorithms, chapter 15)."""

LOWEST_POINTING_DEG = 5.0
"""Lowest pointing altitude for a sky brightness: nearer to the horizon the model was not compared with data
(Krisciunas & Schaefer 1991)."""

LEAST_MOON_SEPARATION_DEG = 0.25
"""Krisciunas & Schaefer 1991 (PASP 103, 1033), equation 19: closer to its centre is the Moon's own disk."""

EXTINCTION_V = 0.172
"""Extinction in V in magnitudes per air mass: Krisciunas & Schaefer 1991, the value of Mauna Kea (2800 m)."""

DARK_ZENITH_V = 21.6
"""Dark sky at the zenith in V, mag arcsec-2: Krisciunas & Schaefer 1991, 79 nL on Mauna Kea, rounded."""

LONGEST_NIGHT_D = 0.75
"""A longer run in days is no single night, and means over it say nothing: nights below 57 degrees of
latitude (all Cherenkov telescopes) last less than 18 h."""

SHORT_RUN_D = 1.0 / 24.0
"""Runs up to this length in days are averaged from three samples, longer ones from nine."""

JD_OF_MJD_0 = 2_400_000.5
"""Julian date at which MJD is 0: IAU 1997, resolution B1."""

MJD_OF_1970 = 40_587.0
"""MJD of 1970-01-01, from which Matplotlib counts its dates: IAU 1997, resolution B1."""

MJD_LIMITS = (0.0, 100_000.0)
"""1858-11-17 to 2132-09-01: an MJD outside is no MJD, but a Julian date or seconds."""

MOST_IN_MEMORY = 128 * 1024 * 1024
"""Bytes of one file that are held at once: unpacked, of a gzipped or odd file; else of one table. With what
is computed of them, and the libraries, a process stays below 512 MB."""

LONGEST_HEADER = 4 * 1024 * 1024
"""Bytes of a header; GADF's have some thousands."""

LARGEST_ELAPSED = 1e12
"""Mission elapsed time, in either unit, beyond which nothing is computed: 30,000 years of seconds."""
