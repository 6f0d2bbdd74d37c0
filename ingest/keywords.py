"""Keywords under their canonical GADF names, from a header and a row of an observation index."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.coordinates import angular_separation

from ingest.errors import KeywordError, shown
from ingest.records import HDU, LONGEST_ID, Deviation, Keywords
from ingest.times import TimeReference, own_reference

# Earlier GADF, FITS and the column names of the observation index wrote them like this.
_ALIASES = {
    "DATE_OBS": "DATE-OBS",
    "DATEOBS": "DATE-OBS",
    "TIME_OBS": "TIME-OBS",
    "TIMEOBS": "TIME-OBS",
    "DATE_END": "DATE-END",
    "DATEEND": "DATE-END",
    "TIME_END": "TIME-END",
    "TIMEEND": "TIME-END",
    "RADESYS": "RADECSYS",
    "RADESYSA": "RADECSYS",
    "EVCLASS": "EV_CLASS",
    "EVENT_CLASS": "EV_CLASS",
    "EVENT_TYPE": "EVTYPE",
}
_HIGHEST_KM = 10.0
_PLACEHOLDER_DEG = 10.0
_TIME_KEYWORDS = ("MJDREFI", "MJDREFF", "MJDREF", "TIMESYS", "TIMEUNIT", "TIMEZERO")


def canonical(values: Mapping[str, Any], hdu: HDU, notes: list[Deviation]) -> dict[str, Any]:
    """Give keywords under their canonical names, without those that are blank.

    The canonical name wins over another one that says something else, which is noted.
    """
    said = {
        key.upper(): value
        for key, value in values.items()
        if value is not None and (not isinstance(value, str) or value.strip())
    }
    aliases = [key for key in _ALIASES if key in said]
    found = {key: value for key, value in said.items() if key not in _ALIASES} if aliases else said
    for key in aliases:
        name = _ALIASES[key]
        kept = found.setdefault(name, said[key])
        if str(kept).strip() != str(said[key]).strip():
            notes.append(
                Deviation(hdu.path, hdu.name, key, repr(said[key]), f"{name} = {kept!r} used instead")
            )
    return found


def finite(values: Mapping[str, Any], name: str) -> float | None:
    """Give a keyword as a finite number, None if it is none; nothing is noted."""
    value = values.get(name)
    try:
        found = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def obs_id(keywords: Keywords) -> str:
    """Give OBS_ID as text: whole numbers without a fraction, text without blanks around it.

    Raises
    ------
    KeywordError
        It is missing, or neither text nor a whole number.
    """
    value = keywords.get("OBS_ID")
    if isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer():
        return str(int(value))
    text = str(value).strip() if isinstance(value, str) else ""
    if not text or not text.isprintable() or len(text) > LONGEST_ID:
        problem = f"{shown(value)}, expected text of at most {LONGEST_ID} characters or a whole number"
        raise KeywordError(keywords.path, problem, hdu=keywords.hdu, keyword="OBS_ID")
    return text


def merged(header: Mapping[str, Any], row: Mapping[str, Any], hdu: HDU, notes: list[Deviation]) -> Keywords:
    """Give the keywords of an event list: its header, filled up from the observation index.

    Parameters
    ----------
    header
        The event list's, as it is.
    row
        Index row and index header, canonical names.
    hdu
        The event list.
    notes
        Takes the deviations.
    """
    own = canonical(header, hdu, notes)
    _drop_placeholder(own, {**row, **own}, hdu, notes)
    together = {key: value for key, value in row.items() if key not in _TIME_KEYWORDS} | own
    together |= own_reference(own, row)
    _drop_placeholder(together, together, hdu, notes)
    _metres(together, hdu, notes)
    return Keywords(together, hdu.path, hdu.name, notes)


def _is_placeholder(target: Mapping[str, Any], pointing: Mapping[str, Any]) -> bool:
    """Tell whether the target is at 0, 0, where some write no target, though nothing points there."""
    if finite(target, "RA_OBJ") != 0.0 or finite(target, "DEC_OBJ") != 0.0:
        return False
    ra, dec = finite(pointing, "RA_PNT"), finite(pointing, "DEC_PNT")
    if ra is None or dec is None or abs(dec) > 90.0:
        return False
    away = angular_separation(0.0, 0.0, math.radians(ra), math.radians(dec))
    return float(np.rad2deg(away)) > _PLACEHOLDER_DEG


def _drop_placeholder(
    values: dict[str, Any], pointing: Mapping[str, Any], hdu: HDU, notes: list[Deviation]
) -> None:
    if _is_placeholder(values, pointing):
        assumed = f"far from the pointing, taken for no target, as DEC_OBJ = {values['DEC_OBJ']!r}"
        notes.append(Deviation(hdu.path, hdu.name, "RA_OBJ", repr(values["RA_OBJ"]), assumed))
        del values["RA_OBJ"], values["DEC_OBJ"]


def _metres(values: dict[str, Any], hdu: HDU, notes: list[Deviation]) -> None:
    altitude = finite(values, "ALTITUDE")
    if altitude is None or not 0.0 < altitude < _HIGHEST_KM or not {"GEOLAT", "GEOLON"} <= values.keys():
        return
    notes.append(Deviation(hdu.path, hdu.name, "ALTITUDE", repr(values["ALTITUDE"]), "taken as km"))
    values["ALTITUDE"] = altitude * 1000.0


def time_reference(values: Mapping[str, Any], keywords: Keywords) -> TimeReference:
    """Give the time reference of an HDU.

    Parameters
    ----------
    values
        Its time keywords, filled up where others hold for it.
    keywords
        Those of the HDU, for messages and notes.

    Raises
    ------
    KeywordError
        It cannot be made.
    """

    def note(name: str, assumed: str) -> None:
        value = values.get(name)
        found = Deviation(keywords.path, keywords.hdu, name, None if value is None else repr(value), assumed)
        if found not in keywords.notes:
            keywords.notes.append(found)

    try:
        return TimeReference.from_header(values, note)
    except KeyError as error:
        raise KeywordError(keywords.path, "missing", hdu=keywords.hdu, keyword=str(error.args[0])) from error
    except ValueError as error:
        raise KeywordError(keywords.path, str(error), hdu=keywords.hdu) from error
