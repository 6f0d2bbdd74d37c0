"""Releases for tests: directories of GADF files with or without index tables, and the rows made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ingest import feed
from ingest.release import Release
from tests import gadf_files

SERVER = "https://vo.example"
PREFIX = "test_dr/releases/one/files"
BASE = {"obs_collection": "TEST-DR1", "simulated": False, "creator_name": "The Testers"}
REGISTRY = {
    "title": "T", "short_name": "T", "description": "D", "creators": ["C"],
    "subjects": ["gamma-ray-astronomy"], "creation_date": "2026-11-23",
    "reference_url": "https://example.org", "rights": "R", "attribution": "A",
    "facility": "Test Observatory", "instrument": "Test array",
}  # fmt: skip
RELEASE_TOML = 'obs_collection = "TEST-DR1"\nsimulated = false\ncreator_name = "The Testers"\n'
REGISTRY_TOML = "[registry]\n" + "".join(f"{key} = {value!r}\n" for key, value in REGISTRY.items()).replace(
    "'2026-11-23'", "2026-11-23"
)


def config(**changes: Any) -> Release:
    """Give a release configuration."""
    return Release.model_validate(BASE | {"files": "*"} | changes)


def identity(vocabulary: str = "talk", access_url: str = "file") -> feed.Identity:
    """Give who publishes it."""
    return feed.Identity("org.example", SERVER, "test_dr", vocabulary, access_url)


class Made:
    """The rows of a release, by role, and the report."""

    def __init__(
        self,
        root: Path,
        release: Release,
        vocabulary: str = "talk",
        access_url: str = "file",
        **options: Any,
    ) -> None:
        self.report = feed.Report("test_dr")
        own = identity(vocabulary, access_url)
        self.all = list(feed.release_rows(root, release, own, prefix=PREFIX, report=self.report, **options))
        self.observations = self.of("observation")
        self.companions = self.of("companion")
        self.links = self.of("link")
        self.provenance = self.of("provenance")

    def of(self, role: str) -> list[dict[str, Any]]:
        """Give the rows of one role."""
        return [row for own, row in self.all if own == role]

    def only(self) -> dict[str, Any]:
        """Give the row of the only event list."""
        (row,) = self.observations
        return row

    def problem(self) -> str:
        """Give why the only observation is not published."""
        assert not self.all
        (failure,) = self.report.failures
        return failure["problem"]


def made(root: Path, *tables: Any, vocabulary: str = "talk", **changes: Any) -> Made:
    """Write one file, ``run.fits``, and make the rows of it."""
    gadf_files.write(root / "run.fits", *tables)
    return Made(root, config(**changes), vocabulary)


def made_of(root: Path, release: Mapping[str, Any] | None = None, **cards: Any) -> Made:
    """The same with changes of the event list's header; it has good time intervals, and no responses."""
    return made(root, gadf_files.events(**cards), gadf_files.gti(), **dict(release or {}))


def write_indexed(root: Path, runs: Iterable[int], *, lists: int = 1, **columns: Any) -> Path:
    """Write a release of runs that share one file of responses, with index tables.

    Parameters
    ----------
    root
        The release's directory.
    runs
        OBS_IDs; a negative one has no event list, and nothing in the HDU index.
    lists
        Event lists of each run, in files of their own, of the event types 1, 2, ...; the first file has
        the good time intervals.
    columns
        Columns of the observation index: name to values, one for each run.
    """
    for name in ("runs", "irf"):
        (root / name).mkdir(parents=True)
    gadf_files.write(root / "irf" / "irf.fits.gz", gadf_files.aeff(), gadf_files.edisp(), gadf_files.psf())
    listed: list[tuple[str, ...]] = []
    ids: list[int] = []
    runs = list(runs)
    for run in runs:
        if run < 0:
            continue
        places = [("gti", "runs", f"{run}.fits")]
        places += [(kind, "irf", "irf.fits.gz") for kind in ("aeff", "edisp", "psf")]
        for number in range(1, lists + 1):
            name = f"{run}.fits" if number == 1 else f"{run}_{number}.fits"
            events = gadf_files.events(OBS_ID=run, EVTYPE=str(number) if lists > 1 else None)
            gadf_files.write(root / "runs" / name, events, *([gadf_files.gti()] if number == 1 else []))
            places.append(("events", "runs", name))
        listed += [(*place, place[0].upper()) for place in places]
        ids += [run] * len(places)
    names = ("HDU_TYPE", "FILE_DIR", "FILE_NAME", "HDU_NAME")
    texts = [
        fits.Column(name, "40A", array=np.array([row[number] for row in listed]))
        for number, name in enumerate(names)
    ]
    _index(root / "hdu-index.fits.gz", "HDU", [fits.Column("OBS_ID", "K", array=np.array(ids)), *texts])
    numbers = [fits.Column("OBS_ID", "K", array=np.abs(np.array(runs)))]
    for name, values in columns.items():
        array = np.array(values)
        numbers.append(fits.Column(name, "40A" if array.dtype.kind == "U" else "D", array=array))
    _index(root / "obs-index.fits.gz", "OBS", numbers)
    return root


def _index(path: Path, kind: str, columns: list[fits.Column]) -> None:
    identity = {"HDUCLASS": "GADF", "HDUCLAS1": "INDEX", "HDUCLAS2": kind} | gadf_files.TIMES
    gadf_files.write(path, gadf_files.table(f"{kind}_INDEX", columns, identity))
