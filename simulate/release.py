"""A whole simulated release: the files of the runs, the two indexes and a README."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from simulate.config import SIMULATOR_VERSION, SimulationConfig
from simulate.indexes import HduRow, ObsRow, hdu_index, hdu_rows, obs_index, obs_row
from simulate.place import STAMP_NAME, place
from simulate.run_file import build_hdus, simulate_run, write_gzip
from simulate.schedule import plan_runs

__all__ = ["STAMP_NAME", "release_stamp", "simulate_release"]

README = """\
SIMULATED gamma-ray data. Nothing in this directory was observed.
-----------------------------------------------------------------

Made by the sample simulator of cherenkov-vo, version {version}, from the seed {seed}.

Profile:     {key} ({origin})
Runs:        {runs}, OBS_ID {first} to {last}
Layout:      GADF 0.2: EVENTS, GTI, AEFF_2D, EDISP_2D, PSF_TABLE and BKG_3D for each run

How: for each run a target that is up in the dark is taken from a list, and the altitude
it has then gives the effective area, the energy dispersion, the point spread function
and the background rate, all of them simple formulae. Gamma rays from a source with about
the published spectrum and a background of cosmic rays are drawn through them with
Poisson numbers. The positions of the targets are real, the Moon, the weather and the
performance are not. The responses resemble those of an array of this kind but are not
those of any instrument.

Do not use these files for science. The same version and seed give the same bytes.
"""


def release_stamp(config: SimulationConfig) -> str:
    """Name a release by what it is made from.

    Returns
    -------
    str
        The simulator's version and a SHA-256 of the whole configuration: releases with
        the same stamp have the same content.
    """
    described = json.dumps(asdict(config), sort_keys=True)
    digest = hashlib.sha256(described.encode()).hexdigest()
    return f"cherenkov-vo simulator {SIMULATOR_VERSION} sha256:{digest}"


def simulate_release(
    directory: Path, config: SimulationConfig, progress: Callable[[int, int], None] | None = None
) -> list[Path]:
    """Write a simulated release, or find that it is there already.

    The release is written to a temporary directory beside the one asked for and renamed
    when it is complete. A release of another configuration or version is replaced.

    Parameters
    ----------
    directory
        Where it goes: missing (parents are made), empty, or with an earlier simulated release.
    config
        What to simulate.
    progress
        Called with the number of runs written and of all runs, from (0, n) to (n, n); for
        a release that is already there only with (n, n).

    Returns
    -------
    list of Path
        The runs' files in order of OBS_ID, then ``hdu-index.fits.gz``,
        ``obs-index.fits.gz`` and ``README.txt``.

    Raises
    ------
    ingest.errors.ConfigError
        The directory is not a directory, or holds something other than a simulated
        release; or no target of the profile is ever up in the dark.
    OSError
        A file cannot be written.
    """
    report = progress or (lambda done, total: None)
    names = _release_names(config)

    def write(new: Path) -> None:
        (new / "data").mkdir()
        _write_release(new, config, report)

    if not place(directory, release_stamp(config), names, write):
        report(config.runs, config.runs)
    return [directory / name for name in names]


def _release_names(config: SimulationConfig) -> list[str]:
    profile = config.facility
    files = [f"{profile.prefix}_obs_id_{profile.first_obs_id + n:06d}.fits.gz" for n in range(config.runs)]
    return [*(f"data/{name}" for name in files), "hdu-index.fits.gz", "obs-index.fits.gz", "README.txt"]


def _write_release(directory: Path, config: SimulationConfig, report: Callable[[int, int], None]) -> None:
    hdu_table: list[HduRow] = []
    obs_table: list[ObsRow] = []
    report(0, config.runs)
    for done, plan in enumerate(plan_runs(config), start=1):
        run = simulate_run(config, plan)
        hdus = build_hdus(run)
        write_gzip(hdus, directory / "data" / run.file_name)
        hdu_table += hdu_rows(run, hdus)
        obs_table.append(obs_row(run, hdus["EVENTS"].header))
        report(done, config.runs)
    write_gzip(hdu_index(config, hdu_table), directory / "hdu-index.fits.gz")
    write_gzip(obs_index(config, obs_table), directory / "obs-index.fits.gz")
    profile = config.facility
    text = README.format(
        version=SIMULATOR_VERSION,
        seed=config.seed,
        key=profile.key,
        origin=profile.origin,
        runs=config.runs,
        first=profile.first_obs_id,
        last=profile.first_obs_id + config.runs - 1,
    )
    (directory / "README.txt").write_text(text, encoding="ascii")
