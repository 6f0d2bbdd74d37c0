"""A whole simulated release of an observatory: runs, shared responses, and the indexes that join them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulate import caldb, observatory_run
from simulate.caldb import HDUVERS, ResponseRow
from simulate.config import SIMULATOR_VERSION
from simulate.observatory import (
    ANALYSES,
    CTAO_LIKE,
    FIRST_OBS_ID,
    MJDREFF,
    MJDREFI,
    ORIGIN,
    SITES,
    ObservatoryConfig,
)
from simulate.observatory_index import OBS_COLUMNS, RowMaker
from simulate.observatory_run import FileRow, file_name, write_run
from simulate.place import place
from simulate.programme import Runs, plan
from simulate.run_file import Cards, class_cards
from simulate.table_stream import TableColumn, row_type, write_table

Rows = NDArray[Any]
Report = Callable[[int, int], None]
ResponseRows = dict[tuple[int, int, str], list[ResponseRow]]

HDU_COLUMNS = (
    TableColumn("OBS_ID", "K"),
    TableColumn("HDU_TYPE", "6A"),
    TableColumn("HDU_CLASS", "10A"),
    TableColumn("FILE_DIR", "5A"),
    TableColumn("FILE_NAME", "38A"),
    TableColumn("HDU_NAME", "8A"),
    TableColumn("SIZE", "K"),
)
"""Columns of the HDU index."""

HDU_ROW = row_type(HDU_COLUMNS)

README = """\
SIMULATED gamma-ray data. Nothing in this directory was observed.
-----------------------------------------------------------------

Made by the sample simulator of cherenkov-vo, version {version}, from the seed {seed}.

Observatory: {facility} ({origin}), sites {sites}
Runs:        {runs}, OBS_ID {first} to {last}, in the order of their starts{files}
Layout:      GADF {hduvers}: obs-index.fits.gz, hdu-index.fits.gz, data/ (EVENTS and GTI of each run),
             caldb/ (AEFF_2D, EDISP_2D, PSF_TABLE or PSF_3GAUSS, BKG_3D for each site, zenith angle
             of 20, 40 or 60 degrees, and selection of events; many runs share them)

How: a programme of wobble, on-source and ON/OFF observations, raster maps, surveys, drift scans,
slews, convergent and divergent pointing (CONV_DEP is positive and negative) is laid out over the
dark part of the nights; the Moon is ignored, so that some runs have it above the horizon. Gamma rays
from a source with about the published spectrum and a background of cosmic rays are drawn with Poisson
numbers through the responses nearest in zenith angle, all of them simple formulae. Runs with two
types of events have EVENTS_1 and GTI_1, EVENTS_2 and GTI_2, and responses for each (EVTYPE). Drift
scans have no RA_PNT and DEC_PNT; those of a slew are of its middle. Proposals, observers and the
dates from which runs are public (RELDATE) are invented.

Do not use these files for science. The same version, seed and number of runs give the same bytes.
"""


def ctao_release_stamp(config: ObservatoryConfig) -> str:
    """Name a release by what it is made from: releases with the same stamp have the same content."""
    described = json.dumps([CTAO_LIKE, asdict(config), [asdict(p) for p in SITES]], sort_keys=True)
    digest = hashlib.sha256(described.encode()).hexdigest()
    return f"cherenkov-vo simulator {SIMULATOR_VERSION} sha256:{digest}"


def simulate_ctao_release(
    directory: Path, config: ObservatoryConfig, progress: Report | None = None
) -> list[Path]:
    """Write a simulated release of a whole observatory, or find that it is there already.

    Parameters
    ----------
    directory
        Where it goes: missing (parents are made), empty, or with an earlier simulated release, which
        is replaced once the new one is complete.
    config
        What to simulate.
    progress
        Called with the number of runs written and of all runs, from (0, n) to (n, n); for
        a release that is already there only with (n, n).

    Returns
    -------
    list of Path
        The runs' files in order of OBS_ID (none with `metadata_only`), those of the responses, then
        ``hdu-index.fits.gz``, ``obs-index.fits.gz`` and ``README.txt``.

    Raises
    ------
    ingest.errors.ConfigError
        The directory is not a directory, or holds something other than a simulated release.
    OSError
        A file cannot be written.
    """
    report = progress or (lambda done, total: None)
    names = _names(config)
    stamp = ctao_release_stamp(config)
    if not place(directory, stamp, names, lambda new: _Writer(new, config, report).write()):
        report(config.runs, config.runs)
    return [directory / name for name in names]


def _names(config: ObservatoryConfig) -> list[str]:
    runs = range(0 if config.metadata_only else config.runs)
    files = [f"{observatory_run.FOLDER}/{file_name(FIRST_OBS_ID + n)}" for n in runs]
    responses = [f"{caldb.FOLDER}/{key.file_name}" for key in caldb.response_keys()]
    return [*files, *responses, "hdu-index.fits.gz", "obs-index.fits.gz", "README.txt"]


class _Templates:
    """Rows of the HDU index that runs with the same site, zenith angle and analysis share."""

    def __init__(self, responses: ResponseRows) -> None:
        self._responses = responses
        self._made: dict[tuple[int, int], Rows] = {}

    def rows_of(self, runs: Runs, index: int) -> list[list[ResponseRow]]:
        """Give the rows of one of the runs for each response set of its analysis."""
        sets = ANALYSES[runs.entry_of(index).analysis]
        return [self._responses[int(runs.site[index]), int(runs.zenith_bin[index]), s.key] for s in sets]

    def rows(self, runs: Runs) -> Rows:
        """Make the rows of the responses of many runs."""
        keys = np.stack([runs.entry, runs.zenith_bin], axis=1)
        _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        shared = [
            _hdu_rows(0, [row for rows in self.rows_of(runs, int(index)) for row in rows]) for index in first
        ]
        lengths = np.array([len(rows) for rows in shared])
        starts = (np.cumsum(lengths) - lengths)[inverse.reshape(-1)]
        lengths = lengths[inverse.reshape(-1)]
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        rows = np.concatenate(shared)[np.repeat(starts, lengths) + within]
        rows["OBS_ID"] = np.repeat(runs.obs_id, lengths)
        return np.asarray(rows)


def _hdu_rows(obs_id: int, rows: list[FileRow]) -> Rows:
    return np.array([(obs_id, *row) for row in rows], HDU_ROW)


@dataclass
class _Writer:
    """Writes one release into an empty directory."""

    directory: Path
    config: ObservatoryConfig
    report: Report

    def write(self) -> None:
        """Write everything."""
        self.report(0, self.config.runs)
        (self.directory / caldb.FOLDER).mkdir()
        responses = {
            (key.site, key.zenith_deg, key.responses.key): caldb.write(
                key, self.directory / caldb.FOLDER, self.config.seed
            )
            for key in caldb.response_keys()
        }
        templates = _Templates(responses)
        if self.config.metadata_only:
            self._write_metadata(templates)
        else:
            self._write_runs(templates)
        self._write_readme()

    def _write_metadata(self, templates: _Templates) -> None:
        """Write the indexes without runs, a piece at a time."""
        maker, length = RowMaker(self.config), 0

        def observations() -> Iterator[Rows]:
            nonlocal length
            for runs in plan(self.config):
                yield maker.rows(runs)
                length += len(templates.rows(runs))
                self.report(int(runs.number[-1]) + 1, self.config.runs)

        self._write_obs_index(observations())
        # Planned once more rather than kept: so memory stays flat.
        self._write_hdu_index(length, (templates.rows(runs) for runs in plan(self.config)))

    def _write_runs(self, templates: _Templates) -> None:
        """Write the runs, and the indexes with what the files hold."""
        folder = self.directory / observatory_run.FOLDER
        folder.mkdir()
        maker, pieces = RowMaker(self.config), []

        def observations() -> Iterator[Rows]:
            for runs in plan(self.config):
                rows = maker.rows(runs)
                for index, row in enumerate(rows):
                    count, files = write_run(folder, self.config, runs, index, row)
                    rows["EVENT_COUNT"][index] = count
                    pairs = zip(files, templates.rows_of(runs, index), strict=True)
                    pieces.append(
                        _hdu_rows(int(row["OBS_ID"]), [r for pair in pairs for part in pair for r in part])
                    )
                    self.report(int(runs.number[index]) + 1, self.config.runs)
                yield rows

        self._write_obs_index(observations())
        self._write_hdu_index(sum(map(len, pieces)), pieces)

    def _write_obs_index(self, pieces: Iterable[Rows]) -> None:
        cards: Cards = [
            ("MJDREFI", MJDREFI, "[d] reference time, whole days of MJD"),
            ("MJDREFF", MJDREFF, "[d] reference time, fraction of a day"),
            ("TIMEUNIT", "s", ""),
            ("TIMESYS", "TT", "terrestrial time"),
            ("TIMEREF", "LOCAL", ""),
            ("RADESYS", "ICRS", "equatorial system"),
        ]
        self._write_index("OBS", OBS_COLUMNS, self.config.runs, pieces, cards)

    def _write_hdu_index(self, length: int, pieces: Iterable[Rows]) -> None:
        self._write_index("HDU", HDU_COLUMNS, length, pieces, [])

    def _write_index(
        self,
        kind: str,
        columns: tuple[TableColumn, ...],
        length: int,
        pieces: Iterable[Rows],
        cards: Cards,
    ) -> None:
        write_table(
            self.directory / f"{kind.lower()}-index.fits.gz",
            name=f"{kind}_INDEX",
            columns=columns,
            cards=[*class_cards("INDEX", kind, version=HDUVERS), *cards],
            length=length,
            pieces=pieces,
            seed=self.config.seed,
            origin=ORIGIN,
        )

    def _write_readme(self) -> None:
        runs = self.config.runs
        text = README.format(
            version=SIMULATOR_VERSION,
            seed=self.config.seed,
            facility=CTAO_LIKE,
            origin=ORIGIN,
            sites=" and ".join(profile.telescop for profile in SITES),
            runs=runs,
            first=FIRST_OBS_ID,
            last=FIRST_OBS_ID + runs - 1,
            files="; metadata only, no events" if self.config.metadata_only else "",
            hduvers=HDUVERS,
        )
        (self.directory / "README.txt").write_text(text, encoding="ascii")
