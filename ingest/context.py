"""Columns under GADF's own keywords, and the sky during the observation.

Clients read the first (Gammapy looks for ``tstart``, ``ra_pnt``, ...); observers select on the second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.coordinates import angular_separation

from ingest import sky
from ingest.mapping import SECONDS_PER_UNIT, Row, position
from ingest.records import EventList
from ingest.release import Release

LONGEST_REMARKS = 2000
"""Characters of remarks on one row; the report of the import has all of them."""

UNKNOWN_QUALITY = -1
"""GADF 0.3, observation index, QUALITY: -1 is 'unknown quality'."""

_TEXTS = {
    "date_obs": "DATE-OBS",
    "time_obs": "TIME-OBS",
    "date_end": "DATE-END",
    "time_end": "TIME-END",
    "object": "OBJECT",
    "tellist": "TELLIST",
}
_NUMBERS: dict[str, tuple[str, float, float]] = {
    "tstart": ("TSTART", -1e12, 1e12),
    "tstop": ("TSTOP", -1e12, 1e12),
    "ontime": ("ONTIME", 0.0, 1e9),
    "livetime": ("LIVETIME", 0.0, 1e9),
    "deadc": ("DEADC", 0.0, 1.0),
    "ra_obj": ("RA_OBJ", -360.0, 720.0),
    "dec_obj": ("DEC_OBJ", -90.0, 90.0),
    "ra_pnt": ("RA_PNT", -360.0, 720.0),
    "dec_pnt": ("DEC_PNT", -90.0, 90.0),
    "alt_pnt": ("ALT_PNT", -90.0, 90.0),
    "az_pnt": ("AZ_PNT", -360.0, 720.0),
    "conv_dep": ("CONV_DEP", -1e12, 1e12),
    "muoneff": ("MUONEFF", 0.0, 100.0),
    "nsblevel": ("NSBLEVEL", 0.0, 1e12),
}
_INTEGERS: dict[str, tuple[str, int, int]] = {
    "n_tels": ("N_TELS", 1, 10_000),  # 0 is a placeholder: nothing is observed without telescopes
    "quality": ("QUALITY", -(2**31) + 1, 2**31 - 1),
}


def context_row(events: EventList, release: Release, row: Row, condition: sky.Condition) -> Row:
    """Give the columns of the group ``context``, without ``remarks``.

    Parameters
    ----------
    events, release
        What the files and the release say.
    row
        The event list's ObsCore row.
    condition
        The sky during the observation.
    """
    keywords = events.keywords
    found: Row = {name: keywords.text(keyword) for name, keyword in _TEXTS.items()}
    for name, (keyword, low, high) in _NUMBERS.items():
        found[name] = keywords.number(keyword, low=low, high=high)
    for name, (keyword, least, most) in _INTEGERS.items():
        number = keywords.number(keyword, low=least, high=most)
        found[name] = None if number is None else int(number)
    for name in ("tstart", "tstop"):
        found[name] *= SECONDS_PER_UNIT[events.time_reference.unit]
    if found["quality"] == UNKNOWN_QUALITY:
        found["quality"] = None
    if position(events) is None:
        found |= {"ra_pnt": None, "dec_pnt": None}
    found |= _zero_point(events) | _angles(events, row) | _responses(events) | _site_columns(events, release)
    for name in ("type", "title", "contact"):
        own = getattr(release.keywords, f"proposal_{name}")
        found[f"proposal_{name}"] = keywords.text(own) if own else None
    return found | {
        "zen_mean": condition.zenith_deg,
        "moon_level": condition.moon_level,
        "sky_brightness": condition.sky_brightness,
        "moon_alt": condition.moon_alt_deg,
        "moon_sep": condition.moon_separation_deg,
        "moon_illumination": condition.moon_illumination,
        "sun_alt": condition.sun_alt_deg,
    }


def _zero_point(events: EventList) -> Row:
    reference = events.time_reference
    whole, fraction = divmod(reference.mjd_int + reference.mjd_frac, 1.0)
    if float(reference.mjd_int).is_integer():  # as the file has it, to the last digit
        whole, fraction = reference.mjd_int, reference.mjd_frac
    return {"mjdrefi": int(whole), "mjdreff": float(fraction), "timesys": reference.scale.upper()}


def _angles(events: EventList, row: Row) -> Row:
    keywords = events.keywords
    zenith = keywords.number("ZEN_PNT", low=0.0, high=180.0)
    altitude = keywords.number("ALT_PNT", low=-90.0, high=90.0)
    if zenith is None and altitude is not None:
        zenith = 90.0 - altitude
    offset = keywords.number("OFFSET_OBJ", low=0.0, high=180.0)
    target = [keywords.number(name, low=-360.0, high=720.0) for name in ("RA_OBJ", "DEC_OBJ")]
    pointing = [keywords.number(name, low=-360.0, high=720.0) for name in ("RA_PNT", "DEC_PNT")]
    known = [value for value in pointing + target if value is not None]
    if offset is None and len(known) == 4 and position(events) is not None:
        offset = float(np.rad2deg(angular_separation(*np.deg2rad(known))))
    return {"zen_pnt": zenith, "offset_obj": offset}


def _responses(events: EventList) -> Row:
    safe = events.safe_energy_tev or (None, None)
    enclosures = {response.enclosure for response in events.responses if response.enclosure}
    return {
        "safe_energy_lo": safe[0],
        "safe_energy_hi": safe[1],
        "enclosure": enclosures.pop() if len(enclosures) == 1 else None,
    }


def site(events: EventList, release: Release) -> sky.Site | None:
    """Give the site: the release's, or that of the headers; None if neither says all of it."""
    if release.site is not None:
        return sky.Site(release.site.longitude_deg, release.site.latitude_deg, release.site.height_m)
    keywords = events.keywords
    longitude = keywords.number("GEOLON", low=-360.0, high=360.0)
    latitude = keywords.number("GEOLAT", low=-90.0, high=90.0)
    height = keywords.number("ALTITUDE", low=-500.0, high=9000.0)
    if longitude is None or latitude is None or height is None:
        return None
    return sky.Site(longitude, latitude, height)


def _site_columns(events: EventList, release: Release) -> Row:
    found = site(events, release)
    if found is None:
        return {"geolon": None, "geolat": None, "altitude": None}
    return {"geolon": found.longitude_deg, "geolat": found.latitude_deg, "altitude": found.height_m}


def conditions(lists: Sequence[tuple[EventList, Release, Row]]) -> list[sky.Condition]:
    """Compute the sky during many observations at once, site by site.

    Parameters
    ----------
    lists
        Event lists with their release and their ObsCore row.
    """
    found = [sky.Condition()] * len(lists)
    by_site: dict[sky.Site, list[int]] = defaultdict(list)
    for number, (events, release, _) in enumerate(lists):
        place = site(events, release)
        if place is not None:
            by_site[place].append(number)
    for place, numbers in by_site.items():
        columns = np.array([_pointing(lists[number][0], lists[number][2]) for number in numbers]).T
        start, stop, ra, dec, alt, az = columns
        there = sky.conditions(place, start, stop, icrs=(ra, dec), altaz=(alt, az))
        for index, number in enumerate(numbers):
            found[number] = there.row(index)
    return found


def _pointing(events: EventList, row: Row) -> list[float]:
    """Give start, stop (MJD, TT), RA, Dec, altitude and azimuth (deg), NaN for unknown."""
    fixed: tuple[Any, Any] = (None, None)
    if position(events) is None:
        fixed = (
            events.keywords.number("ALT_PNT", low=-90.0, high=90.0),
            events.keywords.number("AZ_PNT", low=-360.0, high=720.0),
        )
    values = (row["t_min"], row["t_max"], row["s_ra"], row["s_dec"], *fixed)
    return [np.nan if value is None else float(value) for value in values]


def remarks(texts: Sequence[str]) -> str | None:
    """Join remarks for a row; None if there are none."""
    joined = "; ".join(texts)
    if len(joined) > LONGEST_REMARKS:
        joined = f"{joined[: LONGEST_REMARKS - 4]} ..."
    return joined or None
