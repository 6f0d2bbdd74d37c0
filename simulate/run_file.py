"""One run as a GADF file with the layout of the H.E.S.S. DL3 DR1."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
from numpy.typing import NDArray

from ingest.constants import FITS_BLOCK
from simulate import tables
from simulate.config import CREATOR, SimulationConfig
from simulate.events import EventList, draw_events
from simulate.responses import Instrument
from simulate.schedule import RunPlan, mission_time
from simulate.tables import ResponseTable

Cards = list[tuple[str, Any, str]]

HDUDOC = "https://github.com/open-gamma-ray-astro/gamma-astro-data-formats"
HDUVERS = "0.2"

ANALYSIS_CONFIG = "simulated_std_fullEnclosure"
"""CONFIG of the effective area: the release has an analysis' name there."""

GZIP_LEVEL = 6
"""Smaller by a per cent at 9, but three times slower."""


@dataclass(frozen=True)
class SimulatedRun:
    """A run: what was planned, the instrument at its zenith angle, and what it saw.

    Attributes
    ----------
    config, plan, instrument, events
        Where it comes from and what is in it.
    muon_efficiency
        ``MUONEFF``: relative optical efficiency, near 1; nothing depends on it.
    """

    config: SimulationConfig
    plan: RunPlan
    instrument: Instrument
    events: EventList
    muon_efficiency: float

    @property
    def livetime(self) -> float:
        """Seconds of good time less the dead time."""
        return self.plan.ontime * self.instrument.dead_time_correction

    @property
    def file_name(self) -> str:
        """Name of the file within the ``data`` directory."""
        return f"{self.config.facility.prefix}_obs_id_{self.plan.obs_id:06d}.fits.gz"

    @property
    def obs_mode(self) -> str:
        """``OBS_MODE``."""
        return "WOBBLE" if self.plan.target.offset_deg > 0 else "POINTING"


def simulate_run(config: SimulationConfig, plan: RunPlan) -> SimulatedRun:
    """Draw one planned run; it depends on the seed and the OBS_ID alone."""
    rng = np.random.default_rng([config.seed, plan.obs_id, 2])
    instrument = Instrument(config.facility, plan.zenith_deg)
    livetime = plan.ontime * instrument.dead_time_correction
    efficiency = round(float(rng.normal(1.0, 0.02)), 4)
    return SimulatedRun(config, plan, instrument, draw_events(instrument, plan, livetime, rng), efficiency)


def split_date(time: Time) -> tuple[str, str]:
    """Give the date and the time of day of an astropy time, ISO 8601, in its own scale."""
    date, clock = str(time.isot).split("T")
    return date, clock


def creation_date(config: SimulationConfig) -> str:
    """Value of DATE: the evening of the first night, so that it does not tell the time of writing."""
    return str(Time(config.facility.first_night_mjd, format="mjd", scale="tt", precision=0).isot)


def label(header: fits.Header, seed: int, origin: str) -> None:
    """Write into a header that its data are simulated, by what and from which seed."""
    header["SIMULATE"] = (True, "these data are simulated")
    header["SIMSEED"] = (seed, "seed of the simulation")
    header["CREATOR"] = (CREATOR, "program that created these data")
    header["ORIGIN"] = (origin, "not an observatory")
    header.add_comment("SIMULATED data, made by the cherenkov-vo sample simulator.")
    header.add_comment("Nothing in this file was observed. Do not use it for science.")


def write_gzip(hdus: fits.HDUList, path: Path) -> None:
    """Write a FITS file, compressed the same way every time: no name and no time in the gzip header."""
    buffer = io.BytesIO()
    hdus.writeto(buffer, output_verify="exception")
    path.write_bytes(gzip.compress(buffer.getvalue(), GZIP_LEVEL, mtime=0))


def hdu_bytes(hdu: fits.BinTableHDU) -> int:
    """Count the bytes of an HDU, header and data, each padded to full FITS blocks."""
    data = int(hdu.header["NAXIS1"]) * int(hdu.header["NAXIS2"])
    return len(hdu.header.tostring()) + -(-data // FITS_BLOCK) * FITS_BLOCK


def build_hdus(run: SimulatedRun) -> fits.HDUList:
    """Make all HDUs of a run: primary, EVENTS, GTI, AEFF, EDISP, PSF, BKG."""
    primary = fits.PrimaryHDU()
    label(primary.header, run.config.seed, run.config.facility.origin)
    instrument = run.instrument
    hdus = [
        primary,
        _events_hdu(run),
        _gti_hdu(run),
        _response_hdu(run, "AEFF", ("EFF_AREA", "AEFF_2D"), tables.aeff_table(instrument), _aeff_cards(run)),
        _response_hdu(run, "EDISP", ("EDISP", "EDISP_2D"), tables.edisp_table(instrument), []),
        _response_hdu(run, "PSF", ("RPSF", "PSF_TABLE"), tables.psf_table(instrument), _psf_cards(run)),
        _response_hdu(
            run, "BKG", ("BKG", "BKG_3D"), tables.background_table(instrument), [("FOVALIGN", "RADEC", "")]
        ),
    ]
    return fits.HDUList(hdus)


def table_hdu(
    name: str, columns: list[fits.Column], cards: Cards, seed: int, origin: str
) -> fits.BinTableHDU:
    """Make a binary table with keywords and the label of simulated data."""
    header = fits.Header()
    for keyword, value, comment in cards:
        header[keyword] = (value, comment)
    hdu = fits.BinTableHDU.from_columns(columns, header=header, name=name)
    label(hdu.header, seed, origin)
    return hdu


def class_cards(*classes: str, version: str = HDUVERS) -> Cards:
    """Give the keywords that say which GADF format an HDU has."""
    cards: Cards = [("HDUCLASS", "GADF", ""), ("HDUDOC", HDUDOC, ""), ("HDUVERS", version, "")]
    cards += [(f"HDUCLAS{n}", value, "") for n, value in enumerate(classes, start=1)]
    return cards


def _name_cards(run: SimulatedRun) -> Cards:
    profile = run.config.facility
    return [
        ("TELESCOP", profile.telescop, "array that the simulation resembles"),
        ("INSTRUME", profile.instrume, ""),
        ("EV_CLASS", "std", ""),
        ("OBS_ID", run.plan.obs_id, "observation number"),
    ]


def _time_cards(run: SimulatedRun, timeref: str) -> Cards:
    profile, plan = run.config.facility, run.plan
    return [
        ("TSTART", plan.tstart, "[s] start of the observation, mission time"),
        ("TSTOP", plan.tstop, "[s] end of the observation, mission time"),
        ("MJDREFI", profile.mjdrefi, "[d] reference time, whole days of MJD"),
        ("MJDREFF", profile.mjdreff, "[d] reference time, fraction of a day"),
        ("TIMEUNIT", "s", ""),
        ("TIMESYS", "TT", "terrestrial time"),
        ("TIMEREF", timeref, ""),
        ("DATE", creation_date(run.config), "fixed: not the time of writing"),
    ]


def _duration_cards(run: SimulatedRun) -> Cards:
    plan, profile = run.plan, run.config.facility
    first, last = (split_date(mission_time(profile, t)) for t in (plan.tstart, plan.tstop))
    return [
        ("TASSIGN", profile.tassign, "where the time reference is assigned"),
        ("TELAPSE", plan.tstop - plan.tstart, "[s] TSTOP - TSTART"),
        ("ONTIME", plan.ontime, "[s] total good time, with dead time"),
        ("LIVETIME", run.livetime, "[s] total good time, without dead time"),
        ("DEADC", run.instrument.dead_time_correction, "LIVETIME/ONTIME"),
        ("DATE-OBS", first[0], "TT"),
        ("TIME-OBS", first[1], "TT"),
        ("DATE-END", last[0], "TT"),
        ("TIME-END", last[1], "TT"),
    ]


def _pointing_cards(run: SimulatedRun) -> Cards:
    plan, target, profile = run.plan, run.plan.target, run.config.facility
    galactic = SkyCoord(plan.ra_pnt_deg, plan.dec_pnt_deg, unit="deg").galactic
    return [
        ("OBJECT", target.name, "simulated target"),
        ("RA_OBJ", target.ra_deg, "[deg] target"),
        ("DEC_OBJ", target.dec_deg, "[deg] target"),
        ("RA_PNT", plan.ra_pnt_deg, "[deg] pointing"),
        ("DEC_PNT", plan.dec_pnt_deg, "[deg] pointing"),
        ("GLON_PNT", round(float(galactic.l.deg), 6), "[deg] pointing"),
        ("GLAT_PNT", round(float(galactic.b.deg), 6), "[deg] pointing"),
        ("ALT_PNT", plan.altitude_deg, "[deg] altitude in the middle of the run"),
        ("AZ_PNT", plan.azimuth_deg, "[deg] azimuth in the middle of the run"),
        ("RADECSYS", "ICRS", "equatorial system"),
        ("EQUINOX", 2000, ""),
        ("CONV_DEP", 0.0, "0 for parallel telescopes"),
        ("CONV_RA", target.ra_deg, "[deg]"),
        ("CONV_DEC", target.dec_deg, "[deg]"),
        ("OBS_MODE", run.obs_mode, ""),
        ("N_TELS", len(profile.telescopes), "number of telescopes"),
        ("TELLIST", ",".join(profile.telescopes), ""),
        ("GEOLAT", profile.latitude_deg, "[deg] latitude of the site"),
        ("GEOLON", profile.longitude_deg, "[deg] longitude of the site"),
        ("ALTITUDE", profile.altitude_m, "[m] height of the site"),
        ("MUONEFF", run.muon_efficiency, "muon efficiency"),
        ("EUNIT", "TeV", ""),
        ("EVTVER", 1.0, "event list version number"),
        ("EXTVER", 1, ""),
    ]


def _events_hdu(run: SimulatedRun) -> fits.BinTableHDU:
    events = run.events
    columns = [
        fits.Column("EVENT_ID", "1K", array=events.event_id),
        fits.Column("TIME", "1D", unit="s", array=events.time),
        fits.Column("RA", "1E", unit="deg", array=events.ra_deg),
        fits.Column("DEC", "1E", unit="deg", array=events.dec_deg),
        fits.Column("ENERGY", "1E", unit="TeV", array=events.energy),
    ]
    cards = [
        *class_cards("EVENTS"),
        *_name_cards(run),
        *_time_cards(run, "local"),
        *_duration_cards(run),
        *_pointing_cards(run),
    ]
    return table_hdu("EVENTS", columns, cards, run.config.seed, run.config.facility.origin)


def _gti_hdu(run: SimulatedRun) -> fits.BinTableHDU:
    starts, stops = np.array(run.plan.gtis).T
    columns = [
        fits.Column("START", "1D", unit="s", array=starts),
        fits.Column("STOP", "1D", unit="s", array=stops),
    ]
    cards = [
        *class_cards("GTI"),
        *_name_cards(run),
        *_time_cards(run, "LOCAL"),
        ("TIMEZERO", 0.0, ""),
        ("EXTVER", 1, ""),
    ]
    return table_hdu("GTI", columns, cards, run.config.seed, run.config.facility.origin)


def _aeff_cards(run: SimulatedRun) -> Cards:
    plan, profile = run.plan, run.config.facility
    return [
        (
            "TELPAT",
            sum(2 ** (n + 1) for n in range(len(profile.telescopes))),
            "telescope pattern, bit n for number n",
        ),
        ("CONFIG", ANALYSIS_CONFIG, "analysis configuration"),
        ("AZIMUTH", plan.azimuth_deg, "[deg] mean azimuth"),
        ("ZENITH", plan.zenith_deg, "[deg] mean zenith angle"),
        ("LO_THRES", run.instrument.threshold, "[TeV]"),
        ("HI_THRES", profile.energy_max_tev, "[TeV]"),
    ]


def _psf_cards(run: SimulatedRun) -> Cards:
    profile = run.config.facility
    return [("LO_THRES", profile.energy_min_tev, "[TeV]"), ("HI_THRES", profile.energy_max_tev, "[TeV]")]


def _response_hdu(
    run: SimulatedRun, name: str, classes: tuple[str, str], table: ResponseTable, extra: Cards
) -> fits.BinTableHDU:
    """Make a response: a table of one row with a vector in each column."""
    columns = response_columns(table)
    cards = [
        (f"CREF{len(columns)}", axes_reference(table), ""),
        *class_cards("RESPONSE", classes[0], "FULL-ENCLOSURE", classes[1]),
        *_name_cards(run),
        *extra,
    ]
    return table_hdu(name, columns, cards, run.config.seed, run.config.facility.origin)


def response_columns(table: ResponseTable) -> list[fits.Column]:
    """Make the columns of a response: the edges of its axes, then its values."""
    columns = []
    for axis in table.axes:
        for suffix, edges in (("LO", axis.low), ("HI", axis.high)):
            row = edges.astype(np.float32)[None, :]
            columns.append(
                fits.Column(f"{axis.name}_{suffix}", f"{len(edges)}E", unit=axis.unit or None, array=row)
            )
    return [*columns, value_column(table.name, table.unit, table.values)]


def value_column(name: str, unit: str, values: NDArray[np.float64]) -> fits.Column:
    """Make the column of a response's values; the shape is that of numpy, last axis fastest."""
    single = values.astype(np.float32)
    dim = "(" + ",".join(str(n) for n in reversed(single.shape)) + ")"
    return fits.Column(name, f"{single.size}E", unit=unit or None, dim=dim, array=single[None])


def axes_reference(table: ResponseTable) -> str:
    """Name the columns of the axes in the order of the values, as CREFn has it."""
    return "(" + ",".join(f"{axis.name}_LO:{axis.name}_HI" for axis in table.axes) + ")"
