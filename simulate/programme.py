"""What each run of an observatory looks at, when and how: many runs at a time, as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ingest.constants import SECONDS_PER_DAY
from simulate import sky, sphere
from simulate.observatory import (
    DRIFT_ALTITUDE_DEG,
    FIELD_ALTITUDE_DEG,
    FIRST_OBS_ID,
    MJDREFF,
    MJDREFI,
    OFF_SHIFT_DEG,
    RUNS_PER_SESSION,
    SESSIONS,
    SITES,
    SLEW_START_DEG,
    TARGET_SITES,
    TARGETS,
    ZENITH_BINS,
    Entry,
    ObservatoryConfig,
)
from simulate.schedule import EXTRA_SECONDS, GAP_SECONDS, THREE_GTI_EVERY, TWO_GTI_EVERY
from simulate.timetable import SLOT_SECONDS, Timetable, plan_timetable

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

CHUNK = 8192
"""Runs planned at a time: enough for arrays to be fast, few enough for memory to stay flat."""

SLEW_SECONDS = 120
"""Shortest length of a slew; up to `EXTRA_SECONDS` are added, as to runs."""

MIN_ALTITUDE_DEG = 33.0
"""Targets are above this from the first run of a block to the end of the last."""

NO_TARGET = -1
"""Number of the target of a run that has none."""

ENTRIES: tuple[Entry, ...] = tuple(entry for site in SESSIONS for session in site for entry in session)
"""All entries of all sessions; an entry's number is its place here."""


def _entry_numbers() -> dict[tuple[int, int], int]:
    """Map site and kind of session to the number of the session's first entry."""
    keys = [(site, kind) for site, of_site in enumerate(SESSIONS) for kind in range(len(of_site))]
    return {key: n * RUNS_PER_SESSION for n, key in enumerate(keys)}


_FIRST_ENTRY = _entry_numbers()


@dataclass(frozen=True)
class Runs:
    """Some runs in the order of their starts; arrays have shape (n,) unless said otherwise.

    Attributes
    ----------
    number
        Number within the release, from 0.
    site, entry
        Numbers of the site and of the entry in `ENTRIES`.
    target
        Number of the target in `simulate.observatory.TARGETS`, or `NO_TARGET`.
    turn
        Number of the session at its site.
    start, stop
        Seconds since the epoch, TT.
    gaps
        Start and length of the gaps between good time intervals in seconds, NaN for none;
        shape (n, 2, 2).
    ra_obj, dec_obj
        ICRS position in degrees of what is looked at, NaN if there is no such thing.
    ra_pnt, dec_pnt
        ICRS pointing in degrees, of a slew in the middle; NaN for a drift scan.
    ra_start, dec_start
        ICRS position in degrees where a slew starts, NaN for others.
    altitude, azimuth
        Of the pointing in the middle of the run, degrees, azimuth from north to east.
    """

    number: Integers
    site: NDArray[np.int8]
    entry: NDArray[np.int8]
    target: NDArray[np.int8]
    turn: NDArray[np.int32]
    start: Floats
    stop: Floats
    gaps: Floats
    ra_obj: Floats
    dec_obj: Floats
    ra_pnt: Floats
    dec_pnt: Floats
    ra_start: Floats
    dec_start: Floats
    altitude: Floats
    azimuth: Floats

    def __len__(self) -> int:
        return len(self.number)

    @property
    def obs_id(self) -> Integers:
        """``OBS_ID``."""
        return FIRST_OBS_ID + self.number

    @property
    def ontime(self) -> Floats:
        """Seconds in the good time intervals."""
        return np.asarray(self.stop - self.start - np.nansum(self.gaps[:, :, 1], axis=1))

    @cached_property
    def zenith_bin(self) -> Integers:
        """Zenith angle in degrees of the responses that are nearest."""
        bins = np.array(ZENITH_BINS)
        return np.asarray(bins[np.argmin(np.abs(90.0 - self.altitude[:, None] - bins), axis=1)])

    def entry_of(self, index: int) -> Entry:
        """Give the entry of one of the runs."""
        return ENTRIES[int(self.entry[index])]

    def gtis_of(self, index: int) -> tuple[tuple[float, float], ...]:
        """Give the good time intervals of one of the runs, seconds since the epoch, TT."""
        gaps = [(float(at), float(at + length)) for at, length in self.gaps[index] if np.isfinite(at)]
        starts = [float(self.start[index]), *(end for _, end in gaps)]
        stops = [*(at for at, _ in gaps), float(self.stop[index])]
        return tuple(zip(starts, stops, strict=True))


def mjd(seconds: Floats) -> Floats:
    """Turn seconds since the epoch into MJD, TT."""
    return np.asarray(MJDREFI + MJDREFF + seconds / SECONDS_PER_DAY)


def plan(config: ObservatoryConfig) -> Iterator[Runs]:
    """Lay out all runs of a release in the order of their starts, some thousands at a time.

    Raises
    ------
    ingest.errors.ConfigError
        The nights until 2100 do not suffice.
    """
    table = plan_timetable(config)
    for first in range(0, config.runs, CHUNK):
        yield _plan_chunk(config, table, first, min(first + CHUNK, config.runs))


def entries_of(table: Timetable, first: int, last: int) -> NDArray[np.int8]:
    """Give the numbers of the entries of some runs of a timetable."""
    base = np.zeros((len(SITES), max(len(of_site) for of_site in SESSIONS)), np.int8)
    for (site, kind), number in _FIRST_ENTRY.items():
        base[site, kind] = number
    return np.asarray(base[table.site[first:last], table.kind[first:last]] + table.place[first:last])


def _plan_chunk(config: ObservatoryConfig, table: Timetable, first: int, last: int) -> Runs:
    number = np.arange(first, last)
    site, session, turn = table.site[first:last], table.session[first:last], table.turn[first:last]
    entry = entries_of(table, first, last)
    aim = np.array([e.aim for e in ENTRIES])[entry]
    rng = np.random.default_rng([config.seed, FIRST_OBS_ID + first, 1])
    start = session + table.place[first:last] * SLOT_SECONDS
    lengths = np.where(aim == "slew", SLEW_SECONDS, [SITES[s].run_seconds for s in site])
    stop = start + lengths + rng.integers(0, EXTRA_SECONDS + 1, len(number))
    gaps = _gaps(number, start, stop, aim == "slew", rng)
    blocks = _block_times(entry, session)
    target = _choose_targets(site, aim, entry, turn, blocks)
    ra_obj, dec_obj = _objects(site, aim, target, blocks.mean(axis=1))
    pointing = _pointings(site, aim, entry, (ra_obj, dec_obj), (start + stop) / 2)
    return Runs(number, site, entry, target, turn, start, stop, gaps, ra_obj, dec_obj, *pointing)


def _gaps(number: Integers, start: Floats, stop: Floats, short: Flags, rng: np.random.Generator) -> Floats:
    """Put gaps into some of the runs; the good time intervals before and after are whole seconds."""
    lengths = rng.integers(GAP_SECONDS[0], GAP_SECONDS[1] + 1, (len(number), 2)).astype(np.float64)
    two = (number % TWO_GTI_EVERY == TWO_GTI_EVERY // 2) & ~short
    three = (number % THREE_GTI_EVERY == THREE_GTI_EVERY * 2 // 3) & ~short & ~two
    at = np.full((len(number), 2), np.nan)
    at[two, 0] = (start + np.round((stop - start) / 2))[two]
    for n in (0, 1):
        at[three, n] = (start + np.round((stop - start) * (n + 1) / 3))[three]
    lengths[np.isnan(at)] = np.nan
    return np.stack([at, lengths], axis=-1)


def _block_times(entry: NDArray[np.int8], session: Floats) -> Floats:
    """Give the start and the end of each run's block, seconds since the epoch, shape (n, 2)."""
    bounds = np.empty((len(ENTRIES), 2))
    for base in _FIRST_ENTRY.values():
        blocks = [ENTRIES[base + n].block for n in range(RUNS_PER_SESSION)]
        for n, block in enumerate(blocks):
            first = blocks.index(block)
            bounds[base + n] = first, first + blocks.count(block)
    return np.asarray(session[:, None] + bounds[entry] * SLOT_SECONDS)


def _choose_targets(
    site: NDArray[np.int8],
    aim: NDArray[np.str_],
    entry: NDArray[np.int8],
    turn: NDArray[np.int32],
    blocks: Floats,
) -> NDArray[np.int8]:
    """Choose for each run a target that is up during its block, another one from session to session."""
    target = np.full(len(site), NO_TARGET, np.int8)
    block = np.array([e.block for e in ENTRIES])[entry]
    for number, profile in enumerate(SITES):
        mine = np.flatnonzero((site == number) & np.isin(aim, ("source", "off", "slew")))
        pool = np.array([n for n, s in enumerate(TARGET_SITES) if s == number])
        vectors = sky.unit_vectors([TARGETS[n].ra_deg for n in pool], [TARGETS[n].dec_deg for n in pool])
        lowest = np.full((len(mine), len(pool)), np.inf)
        for edge in (0, 1):
            frames = sky.local_frames(profile, mjd(blocks[mine, edge]))
            up = frames[:, 2, :] @ vectors.T
            lowest = np.minimum(lowest, np.degrees(np.arcsin(np.clip(up, -1, 1))))
        good = lowest > MIN_ALTITUDE_DEG
        # Where nothing is high enough, the highest has to do.
        good[~good.any(axis=1), :] = (lowest == lowest.max(axis=1, keepdims=True))[~good.any(axis=1)]
        wanted = (turn[mine] + block[mine]) % good.sum(axis=1)
        target[mine] = pool[np.argmax(np.cumsum(good, axis=1) > wanted[:, None], axis=1)]
    return target


def _meridian(site: NDArray[np.int8], seconds: Floats, altitude_deg: float) -> tuple[Floats, Floats, Floats]:
    """Give azimuth and ICRS position of the point of the meridian at an altitude, towards the equator."""
    azimuth = np.array([180.0 if p.latitude_deg > 0 else 0.0 for p in SITES])[site]
    ra, dec = np.empty(len(site)), np.empty(len(site))
    for number, profile in enumerate(SITES):
        mine = site == number
        frames = sky.local_frames(profile, mjd(seconds[mine]))
        local = sky.unit_vectors(azimuth[mine], np.full(mine.sum(), altitude_deg))
        ra[mine], dec[mine] = sky.positions((frames.transpose(0, 2, 1) @ local[..., None])[..., 0])
    return azimuth, ra, dec


def _objects(
    site: NDArray[np.int8], aim: NDArray[np.str_], target: NDArray[np.int8], middle: Floats
) -> tuple[Floats, Floats]:
    """Give the positions of what is looked at."""
    ra = np.where(target == NO_TARGET, np.nan, np.array([t.ra_deg for t in TARGETS])[target])
    dec = np.where(target == NO_TARGET, np.nan, np.array([t.dec_deg for t in TARGETS])[target])
    ra = np.where(aim == "off", (ra + OFF_SHIFT_DEG) % 360.0, ra)
    field = aim == "field"
    _, ra_field, dec_field = _meridian(site[field], middle[field], FIELD_ALTITUDE_DEG)
    ra[field], dec[field] = np.round(ra_field, 1) % 360.0, np.round(dec_field, 1)
    return np.round(ra, 6), dec


def _pointings(
    site: NDArray[np.int8],
    aim: NDArray[np.str_],
    entry: NDArray[np.int8],
    objects: tuple[Floats, Floats],
    middle: Floats,
) -> tuple[Floats, ...]:
    """Give the pointing, the start of a slew, altitude and azimuth."""
    slew = aim == "slew"
    ra_start, dec_start = (
        np.where(slew, values, np.nan) for values in _offset(objects, np.full((len(aim), 2), SLEW_START_DEG))
    )
    offsets = np.array([e.offset_deg for e in ENTRIES])[entry]
    ra, dec = _offset(objects, offsets)
    halfway = sky.unit_vectors(ra_start, dec_start) + sky.unit_vectors(*objects)
    ra_half, dec_half = sky.positions(halfway / np.linalg.norm(halfway, axis=-1, keepdims=True))
    ra, dec = np.where(slew, ra_half, ra), np.where(slew, dec_half, dec)
    drift = aim == "drift"
    ra[drift], dec[drift] = np.nan, np.nan
    ra, dec = np.round(ra, 6) % 360.0, np.round(dec, 6)
    altitude, azimuth = np.empty(len(aim)), np.empty(len(aim))
    for number, profile in enumerate(SITES):
        mine = site == number
        frames = sky.local_frames(profile, mjd(middle[mine]))
        local = (frames @ sky.unit_vectors(ra[mine], dec[mine])[..., None])[..., 0]
        azimuth[mine], altitude[mine] = sky.positions(local)
    azimuth[drift], _, _ = _meridian(site[drift], middle[drift], DRIFT_ALTITUDE_DEG)
    altitude[drift] = DRIFT_ALTITUDE_DEG
    # Rounded, so that the last bits of another library do not reach the files.
    return (
        ra,
        dec,
        np.round(ra_start, 6),
        np.round(dec_start, 6),
        np.round(altitude, 4),
        np.round(azimuth, 4) % 360.0,
    )


def _offset(centres: tuple[Floats, Floats], offsets: Floats) -> tuple[Floats, Floats]:
    """Offset positions in the frames around them; all in degrees."""
    return sphere.from_offsets(centres[0], centres[1], offsets[:, 0], offsets[:, 1])


def moving_pointing(runs: Runs, index: int, seconds: Floats) -> tuple[Floats, Floats]:
    """Give where a drift scan or a slew points at times, ICRS, degrees.

    Parameters
    ----------
    runs, index
        The run.
    seconds
        Since the epoch, TT, shape (m,).
    """
    if runs.entry_of(index).aim == "drift":
        site = np.full(len(seconds), runs.site[index])
        _, ra, dec = _meridian(site, seconds, DRIFT_ALTITUDE_DEG)
        return ra, dec
    share = (seconds - runs.start[index]) / (runs.stop[index] - runs.start[index])
    begin = sky.unit_vectors(runs.ra_start[index], runs.dec_start[index])
    end = sky.unit_vectors(runs.ra_obj[index], runs.dec_obj[index])
    arc = np.arccos(np.clip(begin @ end, -1, 1))
    path = np.sin((1 - share) * arc)[:, None] * begin + np.sin(share * arc)[:, None] * end
    return sky.positions(path / np.sin(arc))
