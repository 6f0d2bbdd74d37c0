"""The rows of an observatory's observation index: what is known of each run, as columns.

The files of the runs take their keywords from the same rows, so that both agree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from simulate.caldb import THRESHOLD_DIGITS
from simulate.events import background_expectation, source_expectation
from simulate.observatory import (
    ANALYSES,
    FIRST_OBS_ID,
    SITES,
    TARGET_TYPES,
    TARGETS,
    ObservatoryConfig,
    ResponseSet,
    instrument,
)
from simulate.profiles import Target
from simulate.programme import ENTRIES, NO_TARGET, Runs
from simulate.schedule import RunPlan
from simulate.table_stream import TableColumn, row_type

Rows = NDArray[Any]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

OBS_COLUMNS: tuple[TableColumn, ...] = (
    TableColumn("OBS_ID", "K", "", "observation number"),
    TableColumn("TELESCOP", "6A", "", "array that the simulation resembles"),
    TableColumn("INSTRUME", "40A"),
    TableColumn("OBS_MODE", "8A", "", "observation mode"),
    TableColumn("OBJECT", "28A", "", "simulated target"),
    TableColumn("OBJTYPE", "3A", "", "kind of object"),
    TableColumn("RA_OBJ", "D", "deg", "[deg] target"),
    TableColumn("DEC_OBJ", "D", "deg", "[deg] target"),
    TableColumn("RA_PNT", "D", "deg", "[deg] pointing"),
    TableColumn("DEC_PNT", "D", "deg", "[deg] pointing"),
    TableColumn("GLON_PNT", "D", "deg", "[deg] pointing"),
    TableColumn("GLAT_PNT", "D", "deg", "[deg] pointing"),
    TableColumn("ZEN_PNT", "D", "deg", "[deg] zenith angle in the middle of the run"),
    TableColumn("ALT_PNT", "D", "deg", "[deg] altitude in the middle of the run"),
    TableColumn("AZ_PNT", "D", "deg", "[deg] azimuth in the middle of the run"),
    TableColumn("CONV_DEP", "D", "", "0: parallel, negative: divergent"),
    TableColumn("TSTART", "D", "s", "[s] start of the observation, mission time"),
    TableColumn("TSTOP", "D", "s", "[s] end of the observation, mission time"),
    TableColumn("ONTIME", "D", "s", "[s] total good time, with dead time"),
    TableColumn("LIVETIME", "D", "s", "[s] total good time, without dead time"),
    TableColumn("DEADC", "D", "", "LIVETIME/ONTIME"),
    TableColumn("DATE-OBS", "10A", "", "TT"),
    TableColumn("TIME-OBS", "12A", "", "TT"),
    TableColumn("DATE-END", "10A", "", "TT"),
    TableColumn("TIME-END", "12A", "", "TT"),
    TableColumn("N_TELS", "K", "", "number of telescopes"),
    TableColumn("TELLIST", "287A"),
    TableColumn("GEOLON", "D", "deg", "[deg] longitude of the site"),
    TableColumn("GEOLAT", "D", "deg", "[deg] latitude of the site"),
    TableColumn("ALTITUDE", "D", "m", "[m] height of the site"),
    TableColumn("EV_CLASS", "8A", "", "class of the events"),
    TableColumn("EVTYPE", "12A", "", "type of the events"),
    TableColumn("CONFIG", "12A", "", "analysis configuration"),
    TableColumn("ANA_VER", "16A", "", "version of the analysis"),
    TableColumn("QUALITY", "K", "", "0: best"),
    TableColumn("MUONEFF", "D", "", "muon efficiency"),
    TableColumn("EVENT_COUNT", "K"),
    TableColumn("SAFE_ENERGY_LO", "D", "TeV"),
    TableColumn("SAFE_ENERGY_HI", "D", "TeV"),
    TableColumn("PROP_ID", "13A", "", "proposal"),
    TableColumn("PROP_TYP", "3A", "", "kind of proposal"),
    TableColumn("PROP_TTL", "56A"),
    TableColumn("PROP_PI", "20A", "", "invented"),
    TableColumn("RELDATE", "10A", "", "date from which the run is public"),
)
"""Columns of the observation index."""

ROW = row_type(OBS_COLUMNS)

PROPOSAL_NUMBERS = {"KSP": 1, "GO": 41, "DDT": 81}
"""First number of the proposals of each kind; they have one for each target and one for surveys."""

EMBARGO_UNTIL = 2030
"""Year in which the first proposals' data become public; later ones wait for two years."""

EMBARGO_YEARS = 2
"""GO data wait at least until the first of January so many years after the run."""

OBSERVERS = 9
"""Number of the invented observers."""


@dataclass
class RowMaker:
    """Makes rows of the observation index.

    Attributes
    ----------
    config
        The release.
    """

    config: ObservatoryConfig
    _rates: dict[tuple[int, ...], float] = field(default_factory=dict, repr=False)

    def rows(self, runs: Runs) -> Rows:
        """Make the rows of some runs, shape (n,), of type `ROW`; EVENT_COUNT is drawn from its mean."""
        rng = np.random.default_rng([self.config.seed, FIRST_OBS_ID + int(runs.number[0]), 3])
        rows = np.zeros(len(runs), ROW)
        rows["OBS_ID"] = runs.obs_id
        _fill_site(rows, runs)
        _fill_target(rows, runs)
        _fill_times(rows, runs)
        _fill_analysis(rows, runs)
        _fill_proposal(rows, runs)
        # The numbers of the runs rather than dice: even a small release has some of each.
        rows["QUALITY"] = np.where(runs.number % 24 == 17, 2, np.where(runs.number % 12 == 5, 1, 0))
        rows["MUONEFF"] = np.round(rng.normal(1.0, 0.02, len(runs)), 4)
        rows["EVENT_COUNT"] = rng.poisson(self._mean_rates(runs) * rows["LIVETIME"])
        return rows

    def _mean_rates(self, runs: Runs) -> Floats:
        """Compute the mean number of events per second of livetime."""
        keys = np.stack([runs.entry, runs.zenith_bin, runs.target], axis=1)
        found, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        rates = [self._rate(runs, int(i), tuple(map(int, key))) for i, key in zip(first, found, strict=True)]
        return np.asarray(np.array(rates)[inverse.reshape(-1)])

    def _rate(self, runs: Runs, index: int, key: tuple[int, ...]) -> float:
        if key not in self._rates:
            plan = run_plan(runs, index)
            total = 0.0
            for responses in ANALYSES[runs.entry_of(index).analysis]:
                found = instrument(int(runs.site[index]), responses, int(runs.zenith_bin[index]))
                total += float(background_expectation(found, 1.0).sum())
                if not plan.target.is_off:
                    total += float(source_expectation(found, plan, 1.0).sum())
            self._rates[key] = total
        return self._rates[key]


def run_plan(runs: Runs, index: int) -> RunPlan:
    """Describe one of the runs as :mod:`simulate.events` needs it; a field without a source has flux 0."""
    entry = runs.entry_of(index)
    if entry.aim == "source":
        target = TARGETS[int(runs.target[index])]
    else:
        target = Target("field", "offdata", 0.0, 0.0)
    return RunPlan(
        obs_id=int(runs.obs_id[index]),
        target=target,
        ra_pnt_deg=float(runs.ra_pnt[index]),
        dec_pnt_deg=float(runs.dec_pnt[index]),
        altitude_deg=float(runs.altitude[index]),
        azimuth_deg=float(runs.azimuth[index]),
        gtis=runs.gtis_of(index),
    )


def _fill_site(rows: Rows, runs: Runs) -> None:
    for name, values in (
        ("TELESCOP", [p.telescop for p in SITES]),
        ("INSTRUME", [p.instrume for p in SITES]),
        ("N_TELS", [len(p.telescopes) for p in SITES]),
        ("TELLIST", [",".join(p.telescopes) for p in SITES]),
        ("GEOLON", [p.longitude_deg for p in SITES]),
        ("GEOLAT", [p.latitude_deg for p in SITES]),
        ("ALTITUDE", [p.altitude_m for p in SITES]),
    ):
        rows[name] = np.array(values, ROW[name])[runs.site]


def _fill_target(rows: Rows, runs: Runs) -> None:
    rows["OBS_MODE"] = np.array([e.mode for e in ENTRIES], ROW["OBS_MODE"])[runs.entry]
    rows["CONV_DEP"] = np.array([e.conv_dep for e in ENTRIES])[runs.entry]
    aim = np.array([e.aim for e in ENTRIES])[runs.entry]
    source, off = aim == "source", aim == "off"
    names = np.array([t.name for t in TARGETS], ROW["OBJECT"])[runs.target]
    off_names = np.array([f"{t.name} off field" for t in TARGETS], ROW["OBJECT"])[runs.target]
    rows["OBJECT"] = np.where(source, names, np.where(off, off_names, b""))
    rows["OBJTYPE"] = np.where(source, np.array(TARGET_TYPES, ROW["OBJTYPE"])[runs.target], b"")
    for name, degrees in (("RA_OBJ", runs.ra_obj), ("DEC_OBJ", runs.dec_obj)):
        rows[name] = np.where(source | off, degrees, np.nan)
    rows["RA_PNT"], rows["DEC_PNT"] = runs.ra_pnt, runs.dec_pnt
    rows["GLON_PNT"], rows["GLAT_PNT"] = np.nan, np.nan
    fixed = np.isfinite(runs.ra_pnt)
    galactic = SkyCoord(runs.ra_pnt[fixed], runs.dec_pnt[fixed], unit="deg").galactic
    rows["GLON_PNT"][fixed] = np.round(galactic.l.deg, 6) % 360.0
    rows["GLAT_PNT"][fixed] = np.round(galactic.b.deg, 6)
    rows["ALT_PNT"], rows["AZ_PNT"] = runs.altitude, runs.azimuth
    rows["ZEN_PNT"] = np.round(90.0 - runs.altitude, 4)


def _fill_times(rows: Rows, runs: Runs) -> None:
    rows["TSTART"], rows["TSTOP"], rows["ONTIME"] = runs.start, runs.stop, runs.ontime
    epoch = np.datetime64("2000-01-01T12:00:00.000")  # MJDREFI and MJDREFF; a calendar of TT has no leaps
    for ending, seconds in (("OBS", runs.start), ("END", runs.stop)):
        moments = epoch + np.round(seconds * 1000).astype(np.int64).astype("timedelta64[ms]")
        text = np.datetime_as_string(moments, unit="ms").astype("S23")
        letters = text.view("S1").reshape(len(runs), 23)
        rows[f"DATE-{ending}"] = np.ascontiguousarray(letters[:, :10]).view("S10")[:, 0]
        rows[f"TIME-{ending}"] = np.ascontiguousarray(letters[:, 11:]).view("S12")[:, 0]


def _fill_analysis(rows: Rows, runs: Runs) -> None:
    sets = [ANALYSES[e.analysis] for e in ENTRIES]
    analyses = [e.analysis for e in ENTRIES]
    for name, values in (
        ("CONFIG", analyses),
        ("ANA_VER", [f"{analysis}-1.0" for analysis in analyses]),
        ("EV_CLASS", [of_run[0].ev_class for of_run in sets]),
        ("EVTYPE", [",".join(s.ev_type for s in of_run if s.ev_type) for of_run in sets]),
    ):
        rows[name] = np.array(values, ROW[name])[runs.entry]
    keys = np.stack([runs.entry, runs.zenith_bin], axis=1)
    found, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    energies = [_energies(runs, int(i), sets[int(key[0])]) for i, key in zip(first, found, strict=True)]
    low, high, deadc = np.array(energies)[inverse.reshape(-1)].T
    rows["SAFE_ENERGY_LO"], rows["SAFE_ENERGY_HI"] = low, high
    # Rounded, so that headers, which hold 16 digits, have the same numbers.
    rows["DEADC"], rows["LIVETIME"] = np.round(deadc, 9), np.round(rows["ONTIME"] * deadc, 6)


def _energies(runs: Runs, index: int, sets: tuple[ResponseSet, ...]) -> tuple[float, float, float]:
    """Give the safe energy range of a run in TeV, and its share of live time."""
    found = [instrument(int(runs.site[index]), s, int(runs.zenith_bin[index])) for s in sets]
    low = min(round(i.threshold, THRESHOLD_DIGITS) for i in found)
    high = max(i.profile.energy_max_tev for i in found)
    return low, high, found[0].dead_time_correction


def _fill_proposal(rows: Rows, runs: Runs) -> None:
    kinds = np.array([e.proposal or "" for e in ENTRIES])[runs.entry]
    has = kinds != ""
    base = np.array([PROPOSAL_NUMBERS.get(e.proposal or "", 0) for e in ENTRIES])[runs.entry]
    number = base + runs.target - NO_TARGET
    rows["PROP_TYP"] = kinds.astype(ROW["PROP_TYP"])
    year = rows["DATE-OBS"].astype("S4").astype(np.int64)
    keys, inverse = np.unique(np.stack([year, number], axis=1), axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    ids = np.array([f"SIM-{y}-{n:04d}" for y, n in keys], ROW["PROP_ID"])[inverse]
    observers = [f"Simulated Observer {1 + n % OBSERVERS}" for _, n in keys]
    titles = [f"Simulated proposal: gamma rays from {t.name}" for t in TARGETS]
    titles.append("Simulated proposal: survey of the extragalactic sky")  # NO_TARGET counts from the end
    rows["PROP_ID"] = np.where(has, ids, b"")
    rows["PROP_PI"] = np.where(has, np.array(observers, ROW["PROP_PI"])[inverse], b"")
    rows["PROP_TTL"] = np.where(has, np.array(titles, ROW["PROP_TTL"])[runs.target], b"")
    embargo = np.maximum(EMBARGO_UNTIL, year + EMBARGO_YEARS)
    rows["RELDATE"] = np.where(
        kinds == "GO",
        np.char.add(embargo.astype("S4"), b"-01-01"),
        np.where(kinds == "DDT", _next_day(rows["DATE-END"]), b""),
    )


def _next_day(dates: NDArray[np.bytes_]) -> NDArray[np.bytes_]:
    """Give the day after: data of a target of opportunity are public at once."""
    return np.asarray((dates.astype("U10").astype("datetime64[D]") + np.timedelta64(1, "D")).astype("S10"))
