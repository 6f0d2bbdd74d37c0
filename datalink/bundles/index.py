"""GADF index tables (hdu-index, obs-index), written so that the same content gives the same bytes.

After GADF 0.3, "Data storage". What the tables of all runs share stands in the header (zero point of the
times, site), what differs in columns of the same name.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord

from datalink.bundles.fits_table import Column, table_file
from ingest.arrays import FloatArray
from ingest.constants import SECONDS_PER_DAY

HDU_INDEX, OBS_INDEX = "hdu-index.fits.gz", "obs-index.fits.gz"
"""Names of the files, as clients look for them."""

HDUDOC = "https://github.com/open-gamma-ray-astro/gamma-astro-data-formats"
HDUVERS = "0.3"

GZIP_LEVEL = 6

UNKNOWN_QUALITY = -1
"""GADF 0.3, observation index, QUALITY."""

NULL_COUNT = -1
"""Stands for NULL in columns that count something (TNULL)."""

COMMON_ZERO_MJD = 51_544
"""Zero point of the times in an index of runs that do not share one: 2000-01-01, TT."""

INDEXED = ("events", "gti", "aeff", "edisp", "psf", "bkg", "rad_max")
"""HDU_TYPE in GADF 0.3, in the order of the rows; other HDUs are not listed."""

_LONGEST_NUMBER = 18
"""Digits of an OBS_ID that fit into 64 bits."""


@dataclass(frozen=True)
class Entry:
    """One row of the HDU index.

    Attributes
    ----------
    obs_id
        OBS_ID of the observation.
    kind, form
        HDU_TYPE and HDU_CLASS; without a form, the kind stands for it.
    directory
        Of the file, relative to that of the index.
    file_name, hdu_name
        The file, and EXTNAME of the HDU in it.
    size
        Of the file, in bytes.
    """

    obs_id: int
    kind: str
    form: str | None
    directory: str
    file_name: str
    hdu_name: str
    size: int


@dataclass(frozen=True)
class Run:
    """One row of the observation index.

    Attributes
    ----------
    obs_id
        OBS_ID.
    keywords
        What is known, by the columns of a collection's ``obscore``: GADF's keywords in lower case
        (``tstart``, ``ra_pnt``, ...) and ObsCore's names. What is missing or None is NULL.
    """

    obs_id: int
    keywords: Mapping[str, Any] = field(repr=False)


def numbers(obs_ids: Iterable[str]) -> dict[str, int] | None:
    """Give OBS_ID as GADF has it, an integer; None if one of them is none."""
    found = {obs_id: obs_id for obs_id in obs_ids}
    if all(re.fullmatch(rf"[0-9]{{1,{_LONGEST_NUMBER}}}", obs_id) for obs_id in found):
        return {obs_id: int(obs_id) for obs_id in found}
    return None


def hdu_index(entries: Sequence[Entry]) -> bytes:
    """Write ``hdu-index.fits.gz``.

    Parameters
    ----------
    entries
        At least one; written in the order of OBS_ID and `INDEXED`, else as they come.

    Returns
    -------
    bytes
        A gzipped FITS file with the table HDU_INDEX.
    """
    rows = sorted(entries, key=lambda entry: (entry.obs_id, INDEXED.index(entry.kind)))
    columns = [
        Column("OBS_ID", np.array([row.obs_id for row in rows], np.int64)),
        _text("HDU_TYPE", [row.kind for row in rows]),
        _text("HDU_CLASS", [row.form or row.kind for row in rows]),
        _text("FILE_DIR", [row.directory for row in rows]),
        _text("FILE_NAME", [row.file_name for row in rows]),
        _text("HDU_NAME", [row.hdu_name for row in rows]),
        Column("SIZE", np.array([row.size for row in rows], np.int64), "byte"),
    ]
    return _file("HDU", columns, {})


@dataclass(frozen=True)
class _Source:
    """Where a column comes from: its name in the collection's table, and how it is written."""

    key: str
    write: Callable[[str, list[Any]], Column]
    required: bool = False


def obs_index(runs: Sequence[Run]) -> bytes:
    """Write ``obs-index.fits.gz``.

    Parameters
    ----------
    runs
        At least one; written in the order of OBS_ID.

    Returns
    -------
    bytes
        A gzipped FITS file with the table OBS_INDEX. TSTART and TSTOP count from the runs' own zero
        point if they share one, else from 2000-01-01 TT; columns that GADF does not require are
        left out where nothing is known.
    """
    rows = sorted(runs, key=lambda run: run.obs_id)
    cells = [dict(run.keywords) for run in rows]
    header = _times(cells)
    sources = dict(_COLUMNS)
    for keyword, key in _IN_THE_HEADER.items():
        values = {cell.get(key) for cell in cells}
        if len(values) > 1:
            sources[keyword] = _OTHERWISE[keyword]
        elif values != {None}:
            header[keyword] = values.pop()
    columns = [Column("OBS_ID", np.array([run.obs_id for run in rows], np.int64))]
    for name, source in sources.items():
        values_of = [cell.get(source.key) for cell in cells]
        if source.required or any(value is not None for value in values_of):
            columns.append(source.write(name, values_of))
    columns[3:3] = _galactic(cells)
    return _file("OBS", columns, header)


def _times(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the keywords of the times; where runs differ in them, refer all times to one zero point."""
    zeros = {(cell.get("mjdrefi"), cell.get("mjdreff"), cell.get("timesys")) for cell in cells}
    common = zeros.pop()
    if zeros or None in common:
        common = (COMMON_ZERO_MJD, 0.0, "TT")
        for cell in cells:
            for name, mjd in (("tstart", "t_min"), ("tstop", "t_max")):
                when = cell.get(mjd)
                # An MJD as a double is exact to 1 microsecond.
                elapsed = None if when is None else round((when - COMMON_ZERO_MJD) * SECONDS_PER_DAY, 6)
                cell[name] = elapsed
    keywords = dict(zip(("MJDREFI", "MJDREFF", "TIMESYS"), common, strict=True))
    return keywords | {"TIMEUNIT": "s", "TIMEREF": "LOCAL"}


def _galactic(cells: list[dict[str, Any]]) -> list[Column]:
    ra, dec = (np.radians(_floats([cell.get(key) for cell in cells])) for key in ("ra_pnt", "dec_pnt"))
    x, y, z = _to_galactic() @ np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    longitude = np.degrees(np.arctan2(y, x)) % 360.0
    latitude = np.degrees(np.arctan2(z, np.hypot(x, y)))
    return [Column("GLON_PNT", longitude, "deg"), Column("GLAT_PNT", latitude, "deg")]


@cache
def _to_galactic() -> FloatArray:
    """Give the rotation from ICRS, as astropy does it; astropy itself takes milliseconds for a position."""
    axes = SkyCoord(x=[1.0, 0, 0], y=[0.0, 1, 0], z=[0.0, 0, 1], unit="pc", representation_type="cartesian")
    return np.asarray(axes.galactic.cartesian.xyz.value, float)


def _floats(values: list[Any]) -> FloatArray:
    return np.array([np.nan if value is None else float(value) for value in values], float)


def _real(unit: str | None = None) -> Callable[[str, list[Any]], Column]:
    def write(name: str, values: list[Any]) -> Column:
        return Column(name, _floats(values), unit)

    return write


def _integer(null: int, *, declared: bool) -> Callable[[str, list[Any]], Column]:
    def write(name: str, values: list[Any]) -> Column:
        found = np.array([null if value is None else int(value) for value in values], np.int64)
        return Column(name, found, null=null if declared else None)

    return write


def _text(name: str, values: list[Any]) -> Column:
    found = [b"" if value is None else str(value).encode("ascii", "replace") for value in values]
    width = max(1, *map(len, found))
    return Column(name, np.array(found, f"S{width}"))


_DEG, _S, _COUNT = _real("deg"), _real("s"), _integer(NULL_COUNT, declared=True)
_COLUMNS = {
    "RA_PNT": _Source("ra_pnt", _DEG, required=True),
    "DEC_PNT": _Source("dec_pnt", _DEG, required=True),
    "ZEN_PNT": _Source("zen_pnt", _DEG, required=True),
    "ALT_PNT": _Source("alt_pnt", _DEG, required=True),
    "AZ_PNT": _Source("az_pnt", _DEG, required=True),
    "OBS_MODE": _Source("obs_mode", _text, required=True),
    "OBJECT": _Source("object", _text),
    "RA_OBJ": _Source("ra_obj", _DEG),
    "DEC_OBJ": _Source("dec_obj", _DEG),
    "OFFSET_OBJ": _Source("offset_obj", _DEG),
    "ONTIME": _Source("ontime", _S, required=True),
    "LIVETIME": _Source("livetime", _S, required=True),
    "DEADC": _Source("deadc", _real(), required=True),
    "TSTART": _Source("tstart", _S, required=True),
    "TSTOP": _Source("tstop", _S, required=True),
    "DATE-OBS": _Source("date_obs", _text),
    "TIME-OBS": _Source("time_obs", _text),
    "DATE-END": _Source("date_end", _text),
    "TIME-END": _Source("time_end", _text),
    "N_TELS": _Source("n_tels", _COUNT, required=True),
    "TELLIST": _Source("tellist", _text, required=True),
    "QUALITY": _Source("quality", _integer(UNKNOWN_QUALITY, declared=False), required=True),
    "CONV_DEP": _Source("conv_dep", _real()),
    "MUONEFF": _Source("muoneff", _real()),
    "NSBLEVEL": _Source("nsblevel", _real()),
    "EVENT_COUNT": _Source("ev_xel", _COUNT),
    "EVENT_TYPE": _Source("event_type", _text),
    "TARGET_NAME": _Source("target_name", _text),
    "SAFE_ENERGY_LO": _Source("safe_energy_lo", _real("TeV")),
    "SAFE_ENERGY_HI": _Source("safe_energy_hi", _real("TeV")),
    "OBS_COLLECTION": _Source("obs_collection", _text),
    "OBS_NAME": _Source("obs_id", _text),
    "OBS_PUBLISHER_DID": _Source("obs_publisher_did", _text),
}
# What GADF has in the header of this table, or of the event lists, for all runs.
_IN_THE_HEADER = {
    "GEOLON": "geolon",
    "GEOLAT": "geolat",
    "ALTITUDE": "altitude",
    "TELESCOP": "facility_name",
    "INSTRUME": "instrument_name",
}
_OTHERWISE = {
    "GEOLON": _Source("geolon", _DEG),
    "GEOLAT": _Source("geolat", _DEG),
    "ALTITUDE": _Source("altitude", _real("m")),
    "TELESCOP": _Source("facility_name", _text),
    "INSTRUME": _Source("instrument_name", _text),
}


def _file(kind: str, columns: list[Column], more: Mapping[str, Any]) -> bytes:
    """Write a table to a gzipped FITS file, without the time of day anywhere."""
    cards = {"HDUCLASS": "GADF", "HDUDOC": HDUDOC, "HDUVERS": HDUVERS, "HDUCLAS1": "INDEX", "HDUCLAS2": kind}
    keywords = {keyword: _printable(value) for keyword, value in (cards | dict(more)).items()}
    return gzip.compress(table_file(f"{kind}_INDEX", columns, keywords), GZIP_LEVEL, mtime=0)


def _printable(value: Any) -> Any:
    return value.encode("ascii", "replace").decode() if isinstance(value, str) else value
