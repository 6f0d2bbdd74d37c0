"""The HDU and observation index files of a release."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.io import fits

from simulate import sphere
from simulate.config import SimulationConfig
from simulate.run_file import HDUDOC, HDUVERS, SimulatedRun, hdu_bytes, label

HduRow = tuple[int, str, str, str, str, str, int]
ObsRow = dict[str, Any]

HDU_COLUMNS = ("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME", "SIZE")

HDU_CLASSES = {
    "aeff": "aeff_2d",
    "bkg": "bkg_3d",
    "edisp": "edisp_2d",
    "events": "events",
    "gti": "gti",
    "psf": "psf_table",
}
"""HDU_TYPE and HDU_CLASS, in the order of the H.E.S.S. DL3 DR1."""

OBS_COLUMNS = {
    "OBS_ID": ("K", ""),
    "RA_PNT": ("E", "deg"),
    "DEC_PNT": ("E", "deg"),
    "GLON_PNT": ("E", "deg"),
    "GLAT_PNT": ("E", "deg"),
    "ZEN_PNT": ("E", "deg"),
    "ALT_PNT": ("E", "deg"),
    "AZ_PNT": ("E", "deg"),
    "OBJECT": ("A", ""),
    "RA_OBJ": ("E", "deg"),
    "DEC_OBJ": ("E", "deg"),
    "OFFSET_OBJ": ("E", "deg"),
    "ONTIME": ("E", "s"),
    "LIVETIME": ("E", "s"),
    "DEADC": ("E", ""),
    "TSTART": ("D", "s"),
    "TSTOP": ("D", "s"),
    "DATE-OBS": ("A", ""),
    "TIME-OBS": ("A", ""),
    "DATE-END": ("A", ""),
    "TIME-END": ("A", ""),
    "N_TELS": ("K", ""),
    "TELLIST": ("A", ""),
    "QUALITY": ("K", ""),
    "MUONEFF": ("E", ""),
    "EVENT_COUNT": ("K", ""),
    "TARGET_NAME": ("A", ""),
    "TARGET_TAG": ("A", ""),
    "TARGET_OFFSET": ("E", "deg"),
    "SAFE_ENERGY_LO": ("E", "TeV"),
    "SAFE_ENERGY_HI": ("E", "TeV"),
}
"""Columns of the observation index with format and unit: those of the H.E.S.S. DL3 DR1."""


def hdu_rows(run: SimulatedRun, hdus: fits.HDUList) -> list[HduRow]:
    """Give the rows of the HDU index for a run whose HDUs have been written."""
    return [
        (run.plan.obs_id, kind, kind_class, "data", run.file_name, kind, hdu_bytes(hdus[kind.upper()]))
        for kind, kind_class in HDU_CLASSES.items()
    ]


def obs_row(run: SimulatedRun, events: fits.Header) -> ObsRow:
    """Give the row of the observation index for a run.

    Parameters
    ----------
    run
        The run.
    events
        Header of its EVENTS, where most of the values are.
    """
    target = run.plan.target
    offset = sphere.separation_deg(run.plan.ra_pnt_deg, run.plan.dec_pnt_deg, target.ra_deg, target.dec_deg)
    own: ObsRow = {
        "ZEN_PNT": run.plan.zenith_deg,
        "OFFSET_OBJ": offset,
        "QUALITY": 0,
        "EVENT_COUNT": len(run.events.time),
        "TARGET_NAME": "Off data" if target.is_off else target.name,
        "TARGET_TAG": target.tag,
        "TARGET_OFFSET": np.nan if target.is_off else offset,
        "SAFE_ENERGY_LO": run.instrument.threshold,
        "SAFE_ENERGY_HI": run.config.facility.energy_max_tev,
    }
    return {name: own[name] if name in own else events[name] for name in OBS_COLUMNS}


def hdu_index(config: SimulationConfig, rows: list[HduRow]) -> fits.HDUList:
    """Make the file ``hdu-index.fits.gz``."""
    formats = ("K", "A", "A", "A", "A", "A", "K")
    columns = [
        _column(name, kind, "", [row[n] for row in rows])
        for n, (name, kind) in enumerate(zip(HDU_COLUMNS, formats, strict=True))
    ]
    return _index_file(config, "HDU", columns)


def obs_index(config: SimulationConfig, rows: list[ObsRow]) -> fits.HDUList:
    """Make the file ``obs-index.fits.gz``; sites and times are described as in the EVENTS."""
    profile = config.facility
    columns = [
        _column(name, kind, unit, [r[name] for r in rows]) for name, (kind, unit) in OBS_COLUMNS.items()
    ]
    hdus = _index_file(config, "OBS", columns)
    header = hdus[1].header
    for keyword, value in (
        ("MJDREFI", profile.mjdrefi),
        ("MJDREFF", profile.mjdreff),
        ("TIMEUNIT", "s"),
        ("TIMESYS", "TT"),
        ("TIMEREF", "local"),
        ("GEOLON", profile.longitude_deg),
        ("GEOLAT", profile.latitude_deg),
        ("ALTITUDE", profile.altitude_m),
        ("TELESCOP", profile.telescop),
        ("INSTRUME", profile.instrume),
    ):
        header[keyword] = value
    return hdus


def _column(name: str, kind: str, unit: str, values: list[Any]) -> fits.Column:
    width = max(len(value) for value in values) if kind == "A" else ""
    return fits.Column(name, f"{width}{kind}", unit=unit or None, array=np.array(values))


def _index_file(config: SimulationConfig, kind: str, columns: list[fits.Column]) -> fits.HDUList:
    table = fits.BinTableHDU.from_columns(columns, name=f"{kind}_INDEX")
    for keyword, value in (
        ("HDUCLASS", "GADF"),
        ("HDUDOC", HDUDOC),
        ("HDUVERS", HDUVERS),
        ("HDUCLAS1", "INDEX"),
        ("HDUCLAS2", kind),
    ):
        table.header[keyword] = value
    primary = fits.PrimaryHDU()
    for hdu in (primary, table):
        label(hdu.header, config.seed, config.facility.origin)
    return fits.HDUList([primary, table])
