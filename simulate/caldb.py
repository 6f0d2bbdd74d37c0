"""The responses of a simulated observatory: files that many runs share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from simulate import tables
from simulate.observatory import SITE_SETS, SITES, ZENITH_BINS, ResponseSet, instrument
from simulate.responses import PSF_CORE, PSF_TAIL_WIDTH, Instrument
from simulate.run_file import (
    Cards,
    axes_reference,
    class_cards,
    hdu_bytes,
    label,
    response_columns,
    table_hdu,
    value_column,
    write_gzip,
)
from simulate.tables import ResponseTable

FOLDER = "caldb"
"""Directory of the responses below that of the release."""

HDUVERS = "0.3"
"""Version of GADF that the observatory's files follow."""

PSF_CLASSES = ("psf_table", "psf_3gauss")
"""HDU_CLASS of the point spread functions of each site."""

THRESHOLD_DIGITS = 9
"""Decimals of energies in TeV: headers hold 16 digits, and the index is to have the same numbers."""

ResponseRow = tuple[str, str, str, str, str, int]
"""HDU_TYPE, HDU_CLASS, FILE_DIR, FILE_NAME, HDU_NAME, SIZE: a row of the HDU index but for OBS_ID."""


@dataclass(frozen=True)
class ResponseKey:
    """What tells one response file from another.

    Attributes
    ----------
    site
        Number of the site.
    zenith_deg
        One of `simulate.observatory.ZENITH_BINS`.
    responses
        The selection of events.
    """

    site: int
    zenith_deg: int
    responses: ResponseSet

    @property
    def file_name(self) -> str:
        """Name of the file within `FOLDER`."""
        return f"{SITES[self.site].prefix}_z{self.zenith_deg}_{self.responses.key}.fits.gz"


def response_keys() -> Iterator[ResponseKey]:
    """Go through all response files."""
    for site, sets in enumerate(SITE_SETS):
        for zenith in ZENITH_BINS:
            yield from (ResponseKey(site, zenith, responses) for responses in sets)


def write(key: ResponseKey, directory: Path, seed: int) -> list[ResponseRow]:
    """Write a response file into a directory; give its rows of the HDU index."""
    origin = SITES[key.site].origin
    found = instrument(key.site, key.responses, key.zenith_deg)
    thresholds: Cards = [
        ("LO_THRES", round(found.threshold, THRESHOLD_DIGITS), "[TeV]"),
        ("HI_THRES", found.profile.energy_max_tev, "[TeV]"),
    ]
    psf_class = PSF_CLASSES[key.site]
    psf = _three_gauss_columns(found) if psf_class == "psf_3gauss" else None
    psf_form = ("RPSF", psf_class.upper())
    fov: Cards = [("FOVALIGN", "RADEC", "")]
    area = tables.aeff_table(found)
    hdus = [
        _response(key, "AEFF", ("EFF_AREA", "AEFF_2D"), area, extra=thresholds, seed=seed),
        _response(key, "EDISP", ("EDISP", "EDISP_2D"), tables.edisp_table(found), extra=[], seed=seed),
        _response(key, "PSF", psf_form, tables.psf_table(found), extra=[], seed=seed, columns=psf),
        _response(key, "BKG", ("BKG", "BKG_3D"), tables.background_table(found), extra=fov, seed=seed),
    ]
    primary = fits.PrimaryHDU()
    label(primary.header, seed, origin)
    write_gzip(fits.HDUList([primary, *hdus]), directory / key.file_name)
    classes = ("aeff_2d", "edisp_2d", psf_class, "bkg_3d")
    return [
        (hdu.name.lower(), kind, FOLDER, key.file_name, hdu.name, hdu_bytes(hdu))
        for hdu, kind in zip(hdus, classes, strict=True)
    ]


def _response(
    key: ResponseKey,
    name: str,
    classes: tuple[str, str],
    table: ResponseTable,
    *,
    extra: Cards,
    seed: int,
    columns: list[fits.Column] | None = None,
) -> fits.BinTableHDU:
    """Make a response from a table, or from columns of another form with a reference for each value."""
    profile, responses = SITES[key.site], key.responses
    cards: Cards = []
    if columns is None:
        columns = response_columns(table)
        cards.append((f"CREF{len(columns)}", axes_reference(table), ""))
    cards += [
        *class_cards("RESPONSE", classes[0], "FULL-ENCLOSURE", classes[1], version=HDUVERS),
        ("TELESCOP", profile.telescop, "array that the simulation resembles"),
        ("INSTRUME", profile.instrume, ""),
        ("EV_CLASS", responses.ev_class, "class of the events"),
    ]
    if responses.ev_type:
        cards.append(("EVTYPE", responses.ev_type, "type of the events"))
    cards += [
        ("CONFIG", responses.key, "events that the responses hold for"),
        ("ZENITH", float(key.zenith_deg), "[deg] zenith angle"),
        *extra,
    ]
    return table_hdu(name, columns, cards, seed, profile.origin)


def _three_gauss_columns(found: Instrument) -> list[fits.Column]:
    """Make the columns of a PSF_3GAUSS: two components, and a third that is nought, as in CTA's 1DC.

    ``SCALE * (exp(-r**2 / 2 SIGMA_1**2) + AMPL_2 * exp(-r**2 / 2 SIGMA_2**2))`` is normalised on the flat
    sky; the cut of the formula at the last RAD is left out.
    """
    table = tables.psf_table(found)
    energy, theta, _ = table.axes
    centres = np.sqrt(energy.low * energy.high)
    core = found.psf_width(centres[None, :], theta.low[:, None])
    tail = PSF_TAIL_WIDTH * core
    amplitude = (1 - PSF_CORE) / PSF_CORE * (core / tail) ** 2
    scale = PSF_CORE / (2 * np.pi * np.radians(core) ** 2)
    nought = np.zeros_like(core)
    axes = response_columns(ResponseTable((energy, theta), "SCALE", "sr-1", scale))
    return [
        *axes,
        value_column("SIGMA_1", "deg", core),
        value_column("AMPL_2", "", amplitude),
        value_column("SIGMA_2", "deg", tail),
        value_column("AMPL_3", "", nought),
        value_column("SIGMA_3", "deg", nought),
    ]
