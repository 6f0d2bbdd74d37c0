"""The file of one run of an observatory: events and good time intervals for each type of event."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from simulate import sphere
from simulate.caldb import HDUVERS
from simulate.events import (
    EVENT_ID_SHIFT,
    EVENT_ID_STEP,
    EventList,
    draw_background,
    draw_events,
    draw_times,
    single_ra,
)
from simulate.observatory import (
    ANALYSES,
    MJDREFF,
    MJDREFI,
    ORIGIN,
    SITES,
    ObservatoryConfig,
    ResponseSet,
    instrument,
)
from simulate.observatory_index import OBS_COLUMNS, run_plan
from simulate.programme import Runs, moving_pointing
from simulate.responses import Instrument
from simulate.run_file import Cards, class_cards, hdu_bytes, label, table_hdu, write_gzip

FOLDER = "data"
"""Directory of the runs below that of the release."""

TYPE_SHIFT = 31
"""The counters of EVENT_ID of the second type of events begin at 1 shifted by this."""

FileRow = tuple[str, str, str, str, str, int]
"""HDU_TYPE, HDU_CLASS, FILE_DIR, FILE_NAME, HDU_NAME, SIZE: a row of the HDU index but for OBS_ID."""

_NOT_KEYWORDS = ("EVENT_COUNT", "SAFE_ENERGY_LO", "SAFE_ENERGY_HI", "EVTYPE")


def file_name(obs_id: int) -> str:
    """Name the file of a run within `FOLDER`."""
    return f"sim_ctao_obs_id_{obs_id}.fits.gz"


def write_run(
    directory: Path, config: ObservatoryConfig, runs: Runs, index: int, row: np.void
) -> tuple[int, list[list[FileRow]]]:
    """Draw and write one run.

    Parameters
    ----------
    directory
        Where its file goes.
    config, runs, index
        The release, and the run in it.
    row
        Its row of the observation index.

    Returns
    -------
    tuple
        Number of events, and for each response set of its analysis the rows of the HDU index.
    """
    primary = fits.PrimaryHDU()
    label(primary.header, config.seed, ORIGIN)
    hdus, rows, total = [primary], [], 0
    sets = ANALYSES[runs.entry_of(index).analysis]
    name = file_name(int(row["OBS_ID"]))
    for number, responses in enumerate(sets):
        events = _draw(config, runs, index, responses, number)
        suffix = f"_{number + 1}" if len(sets) > 1 else ""
        names = _name_cards(responses, number + 1)
        pair = (
            _events_hdu(f"EVENTS{suffix}", events, row, names, config.seed),
            _gti_hdu(f"GTI{suffix}", runs.gtis_of(index), row, names, config.seed),
        )
        hdus += pair
        total += len(events.time)
        rows.append(
            [
                (kind, kind, FOLDER, name, hdu.name, hdu_bytes(hdu))
                for kind, hdu in zip(("events", "gti"), pair, strict=True)
            ]
        )
    write_gzip(fits.HDUList(hdus), directory / name)
    return total, rows


def _draw(
    config: ObservatoryConfig, runs: Runs, index: int, responses: ResponseSet, number: int
) -> EventList:
    """Draw the events of one type; they depend on the seed, the OBS_ID and the plan of the run alone."""
    plan = run_plan(runs, index)
    rng = np.random.default_rng([config.seed, plan.obs_id, 2, number])
    found = instrument(int(runs.site[index]), responses, int(runs.zenith_bin[index]))
    livetime = plan.ontime * found.dead_time_correction
    if runs.entry_of(index).aim in {"drift", "slew"}:
        events = _draw_moving(found, runs, index, livetime=livetime, rng=rng)
    else:
        events = draw_events(found, plan, livetime, rng)
    return replace(events, event_id=events.event_id + (np.int64(number) << TYPE_SHIFT))


def _draw_moving(
    found: Instrument, runs: Runs, index: int, *, livetime: float, rng: np.random.Generator
) -> EventList:
    """Draw the background along the path of a pointing that moves over the sky; sources are left out."""
    plan = run_plan(runs, index)
    lon, lat, energy = draw_background(found, livetime, rng)
    order = rng.permutation(len(energy))
    time = draw_times(plan, len(order), rng)
    ra_pnt, dec_pnt = moving_pointing(runs, index, time)
    ra, dec = sphere.from_offsets(ra_pnt, dec_pnt, lon[order], lat[order])
    steps = rng.integers(1, EVENT_ID_STEP + 1, len(order), dtype=np.int64)
    return EventList(
        event_id=(np.int64(plan.obs_id) << EVENT_ID_SHIFT) + np.cumsum(steps),
        time=time,
        ra_deg=single_ra(ra),
        dec_deg=dec.astype(np.float32),
        energy=energy[order].astype(np.float32),
    )


def _plain(value: Any) -> Any:
    """Turn a value of a row into one for a header; None for an unknown one."""
    if isinstance(value, bytes):
        return value.decode("ascii") or None
    number = value.item()
    return None if isinstance(number, float) and np.isnan(number) else number


def _row_cards(row: np.void) -> Cards:
    """Give the keywords that are columns of the observation index; unknown ones are left out."""
    cards: Cards = []
    for column in OBS_COLUMNS:
        value = _plain(row[column.name])
        if value is None or column.name in _NOT_KEYWORDS:
            continue
        comment = column.comment
        if column.name in {"RA_PNT", "DEC_PNT"} and row["OBS_MODE"] == b"SLEW":
            comment = "[deg] in the middle of the slew"
        cards.append((column.name, value, comment))
    return cards


def _name_cards(responses: ResponseSet, version: int) -> Cards:
    """Give the keywords that tell an HDU from its like."""
    cards: Cards = [("EXTVER", version, "")]
    if responses.ev_type:
        cards.append(("EVTYPE", responses.ev_type, "type of the events"))
    return cards


_TIME_CARDS: Cards = [
    ("MJDREFI", MJDREFI, "[d] reference time, whole days of MJD"),
    ("MJDREFF", MJDREFF, "[d] reference time, fraction of a day"),
    ("TIMEUNIT", "s", ""),
    ("TIMESYS", "TT", "terrestrial time"),
    ("TIMEREF", "LOCAL", ""),
]


def _events_hdu(name: str, events: EventList, row: np.void, extra: Cards, seed: int) -> fits.BinTableHDU:
    columns = [
        fits.Column("EVENT_ID", "1K", array=events.event_id),
        fits.Column("TIME", "1D", unit="s", array=events.time),
        fits.Column("RA", "1E", unit="deg", array=events.ra_deg),
        fits.Column("DEC", "1E", unit="deg", array=events.dec_deg),
        fits.Column("ENERGY", "1E", unit="TeV", array=events.energy),
    ]
    site = [p.telescop for p in SITES].index(row["TELESCOP"].decode("ascii"))
    cards = [
        *class_cards("EVENTS", version=HDUVERS),
        *extra,
        *_row_cards(row),
        *_TIME_CARDS,
        ("TASSIGN", SITES[site].tassign, "where the time reference is assigned"),
        ("TELAPSE", float(row["TSTOP"] - row["TSTART"]), "[s] TSTOP - TSTART"),
        ("RADESYS", "ICRS", "equatorial system"),
        ("EQUINOX", 2000.0, ""),
        ("EUNIT", "TeV", ""),
    ]
    return table_hdu(name, columns, cards, seed, ORIGIN)


def _gti_hdu(
    name: str,
    gtis: tuple[tuple[float, float], ...],
    row: np.void,
    extra: Cards,
    seed: int,
) -> fits.BinTableHDU:
    starts, stops = np.array(gtis).T
    columns = [
        fits.Column("START", "1D", unit="s", array=starts),
        fits.Column("STOP", "1D", unit="s", array=stops),
    ]
    wanted = ("OBS_ID", "TELESCOP", "INSTRUME", "EV_CLASS", "TSTART", "TSTOP")
    cards = [
        *class_cards("GTI", version=HDUVERS),
        *extra,
        *(card for card in _row_cards(row) if card[0] in wanted),
        *_TIME_CARDS,
    ]
    return table_hdu(name, columns, cards, seed, ORIGIN)
