"""Runs of a bundle: unpack it, read it, and say of each run whether it can be used."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from gammapy.data import DataStore, FixedPointingInfo, Observation

from portal.jobs.errors import BundleError
from portal.jobs.parameters import Parameters

OBS_INDEX, HDU_INDEX = "obs-index.fits.gz", "hdu-index.fits.gz"
README, LEFT_OUT = "README.txt", "LEFT-OUT.txt"
RESPONSES = ("aeff", "edisp", "psf", "bkg")
MAX_UNPACKED = 20 * 2**30
"""Bytes that an archive may grow to."""


@dataclass(frozen=True)
class LeftOut:
    """A run or data set that is not used, and why."""

    did: str
    reason: str


@dataclass(frozen=True)
class Run:
    """An event list that can be used.

    Attributes
    ----------
    did
        Its `obs_publisher_did`, or its `OBS_ID` if the index has no such column.
    obs_id
        `OBS_ID`; runs of several types of events share it.
    observation
        Events, good times and responses.
    pointing
        In the middle of the run.
    responses
        Which of `RESPONSES` can be read.
    simulated
        Whether its header says that nobody observed it.
    point_like
        Whether its responses hold for one cut on the direction only.
    """

    did: str
    obs_id: int
    observation: Any
    pointing: SkyCoord
    responses: frozenset[str]
    simulated: bool
    point_like: bool

    @property
    def livetime(self) -> float:
        """Seconds."""
        return float(self.observation.observation_live_time_duration.to_value("s"))

    @property
    def start(self) -> float:
        """Begin of the first good time, MJD in TT."""
        return float(self.observation.gti.time_start[0].tt.mjd)

    @property
    def name(self) -> str:
        """The run, without the type of events."""
        return f"{self.obs_id}@{self.start:.5f}"


@dataclass(frozen=True)
class Bundle:
    """What was read.

    Attributes
    ----------
    runs, left_out
        Those that can be used, and those that cannot.
    objects
        Names (None if unknown) and positions of the runs' objects, that of most runs first.
    simulated
        Whether any of the data are.
    """

    runs: tuple[Run, ...]
    left_out: tuple[LeftOut, ...]
    objects: tuple[tuple[str | None, SkyCoord], ...]
    simulated: bool


def unpack(archive: Path, directory: Path) -> Path:
    """Unpack a bundle's tar archive.

    Returns
    -------
    pathlib.Path
        The directory of the bundle.

    Raises
    ------
    BundleError
        It is no such archive, is cut off, or would grow too large.
    """
    tops = set()
    total = 0
    try:
        with tarfile.open(archive, mode="r|") as tar:
            for member in tar:
                parts = PurePosixPath(member.name).parts
                # Debian 12's Python has no extraction filters yet.
                if not member.isfile() or len(parts) < 2 or ".." in parts or parts[0] == "/":
                    raise BundleError(f"{member.name[:200]!r} is nothing that bundles have")
                total += member.size
                if total > MAX_UNPACKED:
                    raise BundleError(f"The bundle has more than {MAX_UNPACKED >> 30} GiB")
                content = tar.extractfile(member)
                assert content is not None
                path = directory.joinpath(*parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    shutil.copyfileobj(content, file, 2**20)
                tops.add(parts[0])
        _check_end(archive)
    except (tarfile.TarError, EOFError, FileExistsError) as error:
        raise BundleError(f"The bundle is no complete tar archive: {error}") from error
    if len(tops) != 1:
        raise BundleError(f"The bundle has {len(tops)} top directories, expected one")
    return directory / tops.pop()


def _check_end(archive: Path) -> None:
    """Look for the two empty blocks at the end: Python takes a header that is cut off for the end."""
    end = 2 * tarfile.BLOCKSIZE
    with archive.open("rb") as file:
        file.seek(-min(end, archive.stat().st_size), os.SEEK_END)
        if file.read() != bytes(end):
            raise tarfile.ReadError("its end is missing")


def read_bundle(directory: Path) -> Bundle:
    """Read all runs of an unpacked bundle.

    Raises
    ------
    BundleError
        There are no index tables, or they cannot be read.
    """
    indexes = [directory, *sorted(path for path in directory.glob("index-*") if path.is_dir())]
    if not (directory / OBS_INDEX).is_file() or not (directory / HDU_INDEX).is_file():
        raise BundleError(f"The bundle has no {OBS_INDEX} and {HDU_INDEX}")
    runs: list[Run] = []
    left_out = list(_said(directory / LEFT_OUT))
    objects: list[tuple[str, float, float]] = []
    for index in indexes:
        store, table = _open(index)
        for row in table:
            objects += _object(row)
            found = _read_run(store, row)
            if isinstance(found, Run):
                runs.append(found)
            else:
                left_out.append(found)
    runs.sort(key=lambda run: run.start)
    simulated = any(run.simulated for run in runs) or _readme_says_simulated(directory / README)
    return Bundle(tuple(runs), tuple(left_out), _by_frequency(objects), simulated)


def _open(index: Path) -> tuple[Any, Table]:
    try:
        store = DataStore.from_dir(index, hdu_table_filename=HDU_INDEX, obs_table_filename=OBS_INDEX)
        return store, store.obs_table
    except Exception as error:  # whatever reads FITS may raise
        raise BundleError(f"The index tables in {index.name} cannot be read: {error}") from error


def _said(path: Path) -> Iterator[LeftOut]:
    """Repeat what the archive left out: lines of an identifier, a tab and a reason."""
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        did, tab, reason = line.partition("\t")
        if tab:
            yield LeftOut(did, f"Not sent by the archive: {reason}")


def _readme_says_simulated(path: Path) -> bool:
    return path.is_file() and "SIMULATED" in path.read_text(encoding="utf-8", errors="replace")


def _object(row: Any) -> list[tuple[str, float, float]]:
    """Give name and position of the object of a row; nothing if it has none."""
    if not {"RA_OBJ", "DEC_OBJ"} <= set(row.colnames):
        return []
    ra, dec = float(row["RA_OBJ"]), float(row["DEC_OBJ"])
    if not (0 <= ra <= 360 and -90 <= dec <= 90):  # NaN is neither
        return []
    name = str(row["OBJECT"]).strip() if "OBJECT" in row.colnames else ""
    return [(name, ra, dec)]


def _by_frequency(objects: list[tuple[str, float, float]]) -> tuple[tuple[str | None, SkyCoord], ...]:
    return tuple(
        (name or None, SkyCoord(ra, dec, unit="deg", frame="icrs"))
        for (name, ra, dec), _ in Counter(objects).most_common()
    )


def _read_run(store: Any, row: Any) -> Run | LeftOut:
    obs_id = int(row["OBS_ID"])
    did = str(row["OBS_PUBLISHER_DID"]) if "OBS_PUBLISHER_DID" in row.colnames else str(obs_id)
    try:
        observation: Observation = store.obs(obs_id, required_irf="all-optional", require_events=True)
        if observation.pointing is None:
            observation = _with_pointing(observation)
        events = _in_good_times(observation)
        header = events.table.meta
        livetime = observation.observation_live_time_duration
        pointing = observation.get_pointing_icrs(observation.tmid)
    except Exception as error:  # a broken file can break any reader
        return LeftOut(did, f"Cannot be read: {type(error).__name__}: {error}"[:400])
    if len(events.table) == 0:
        return LeftOut(did, "Has no events")
    if not livetime > 0 * u.s:
        return LeftOut(did, "Has no live time")
    responses = frozenset(kind for kind in RESPONSES if _readable(observation, kind))
    aeff = observation.aeff if "aeff" in responses else None
    return Run(
        did,
        obs_id,
        observation,
        pointing,
        responses,
        bool(header.get("SIMULATE")),
        bool(aeff is not None and aeff.is_pointlike),
    )


def _with_pointing(observation: Any) -> Observation:
    """Take the pointing from the header of the events: Gammapy 2.1 misses it if their EXTVER is not 1."""
    parts = {name: getattr(observation, name) for name in (*RESPONSES, "rad_max", "events", "gti")}
    pointing = FixedPointingInfo.from_fits_header(observation.events.table.meta)
    location = observation.observatory_earth_location
    return Observation(obs_id=observation.obs_id, pointing=pointing, location=location, **parts)


def _in_good_times(observation: Any) -> Any:
    """Take events out that are in no good time: Gammapy would count them, but not their time."""
    events, gti = observation.events, observation.gti
    times = (events.time - gti.time_ref).to_value("s")
    starts, stops = gti.met_start.to_value("s"), gti.met_stop.to_value("s")
    good = np.zeros(len(times), dtype=bool)
    for start, stop in zip(starts, stops, strict=True):
        good |= (times >= start) & (times <= stop)
    if not good.all():
        observation.events = events.select_row_subset(good)
    return observation.events


def _readable(observation: Any, kind: str) -> bool:
    try:
        return getattr(observation, kind) is not None
    except Exception:  # a broken response is no response
        return False


def choose(
    bundle: Bundle, target: SkyCoord, parameters: Parameters, most: int
) -> tuple[list[Run], list[LeftOut]]:
    """Choose the runs to use.

    Parameters
    ----------
    bundle, target, parameters
        What was read, where to look, and how far from it a run may point.
    most
        Runs that a job may use; the nearest ones are.

    Returns
    -------
    tuple
        The runs in the order of their starts, and the others with the reason.
    """
    left_out = []
    near = []
    for run in bundle.runs:
        offset = run.pointing.separation(target).deg
        if offset > parameters.max_offset:
            left_out.append(
                LeftOut(
                    run.did,
                    f"Points {offset:.2f} deg from the target; max_offset is {parameters.max_offset:g}",
                )
            )
        else:
            near.append((offset, run))
    near.sort(key=lambda pair: pair[0])
    left_out += [
        LeftOut(run.did, f"A job uses {most} runs, and others point nearer to the target")
        for _, run in near[most:]
    ]
    return sorted((run for _, run in near[:most]), key=lambda run: run.start), left_out
