"""All rows of a release, file by file: what the DaCHS grammar of a collection asks for.

A file that cannot be published neither stops nor hides the others: it is reported, and the run goes
on. The report is a JSON document, so that whoever started the import can show it and exit with a
code that says so.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from ingest import gadf, mapping
from ingest.errors import CherenkovVOError, GADFError
from ingest.identifiers import DatasetId
from ingest.release import Release

REPORT_VARIABLE = "CHERENKOV_VO_REPORT"
"""Environment variable that names the directory for import reports."""

Result = TypeVar("Result")

log = logging.getLogger("cherenkov_vo.ingest")


@dataclass(frozen=True)
class Identity:
    """Who publishes a release, and as what.

    Attributes
    ----------
    authority
        The IVOA authority, without ``ivo://``.
    server
        The server's URL, without a slash at its end.
    collection
        Name of the collection's schema.
    """

    authority: str
    server: str
    collection: str


@dataclass
class Report:
    """What became of the files of a release."""

    collection: str
    files: int = 0
    published: int = 0
    events: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def fail(self, path: Path, error: CherenkovVOError) -> None:
        """Note a file that is not published, and why."""
        self.failures.append({"file": path.name, "kind": type(error).__name__, "problem": str(error)})
        log.error("not published: %s", error)

    def attempt(self, path: Path, function: Callable[[], Result]) -> Result | None:
        """Do something with a file; if that fails, the file is noted as not published.

        Errors that nobody foresaw are noted like the others: one file must not stop a release.
        """
        try:
            return function()
        except CherenkovVOError as error:
            self.fail(path, error)
        except Exception as error:
            self.fail(path, GADFError(path, f"cannot be read ({type(error).__name__}: {error})"))
        return None

    def save(self, directory: Path) -> None:
        """Write ``<collection>.json`` into a directory, in one step."""
        target = directory / f"{self.collection}.json"
        unfinished = target.with_suffix(".partial")
        unfinished.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        unfinished.replace(target)

    @staticmethod
    def load(directory: Path, collection: str) -> Report | None:
        """Read the report of the last import of a collection; None if there is none."""
        try:
            return Report(**json.loads((directory / f"{collection}.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def event_files(directory: Path, release: Release) -> list[Path]:
    """Give the event files of a release, sorted by name."""
    return sorted(directory.glob(release.files))


def observations(
    directory: Path, release: Release, report: Report, *, progress: bool = False
) -> Iterator[gadf.Observation]:
    """Read all event files of a release; files that cannot be read go to the report.

    Parameters
    ----------
    directory
        The release's data directory.
    release
        Its configuration.
    report
        Takes counts and failures.
    progress
        Draw a progress bar on standard error.
    """
    paths = event_files(directory, release)
    report.files = len(paths)
    if release.expected_files is not None and len(paths) < release.expected_files:
        report.warnings.append(f"{len(paths)} files in {directory}, expected {release.expected_files}")
    seen: dict[str, str] = {}
    for path in _shown(paths, f"Reading {report.collection}") if progress else paths:
        observation = report.attempt(path, partial(_read, path, release, seen))
        if observation is not None:
            yield observation


def _read(path: Path, release: Release, seen: dict[str, str]) -> gadf.Observation:
    """Read one file; ``seen`` tells which file had an observation first."""
    observation = gadf.read(
        path,
        reference_energy_tev=release.reference_energy_tev,
        reference_offset_deg=release.reference_offset_deg,
    )
    obs_id = mapping.observation_id(observation)
    first = seen.setdefault(obs_id, path.name)
    if first != path.name:
        raise GADFError(path, f"{obs_id} was already read from {first}", hdu="EVENTS", keyword="OBS_ID")
    return observation


def _shown(paths: list[Path], what: str) -> Iterable[Path]:
    return track(paths, description=what, console=Console(stderr=True), transient=True)


def rows(
    directory: Path,
    release: Release,
    identity: Identity,
    *,
    report: Report | None = None,
    progress: bool = False,
) -> Iterator[tuple[str, mapping.Row]]:
    """Yield all rows of a release with the role of the table that takes them.

    Roles are ``observation`` (the collection's ObsCore table) and ``link`` (its DataLink rows).

    Parameters
    ----------
    directory
        The release's data directory.
    release
        Its configuration.
    identity
        Who publishes it, as what.
    report
        Takes counts and failures; without one, they go to the directory that the environment
        variable ``CHERENKOV_VO_REPORT`` names.
    progress
        Draw a progress bar on standard error.
    """
    saved = report is None
    report = report or Report(identity.collection)
    for observation in observations(directory, release, report, progress=progress):
        source = f"{identity.collection}/{observation.path.relative_to(directory)}"
        made = report.attempt(observation.path, partial(_map, observation, release, identity, source))
        if made is None:
            continue
        row, links = made
        report.published += 1
        report.events += observation.n_events
        yield "observation", row
        yield from (("link", link) for link in links)
    if saved and REPORT_VARIABLE in os.environ:
        report.save(Path(os.environ[REPORT_VARIABLE]))


def _map(
    observation: gadf.Observation, release: Release, identity: Identity, source: str
) -> tuple[mapping.Row, list[mapping.Row]]:
    dataset = DatasetId(identity.authority, identity.collection, mapping.observation_id(observation))
    row = mapping.observation_row(observation, release, dataset, identity.server)
    return row, mapping.link_rows(observation, release, dataset, source)
