"""All rows of a collection, observation by observation: what its DaCHS grammar asks for.

A file that cannot be published neither stops nor hides the others: it is reported, and the run goes
on. The report is a JSON document, so that whoever started the import can show it and exit with a
code that says so.
"""

from __future__ import annotations

import datetime
import itertools
import json
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from ingest import gadf, release, storage
from ingest.access import FILE
from ingest.errors import CherenkovVOError, GADFError
from ingest.mapping import Publication, Row
from ingest.naming import Names, shared_ids
from ingest.records import RESPONSES, Deviation, Observation
from ingest.release import Release
from ingest.units import Complete, Unit, cores, duplicate, make_units
from ingest.vocabulary import Vocabulary

REPORT_VARIABLE = "CHERENKOV_VO_REPORT"
"""Environment variable that names the directory for import reports."""

MOST_DEVIATIONS = 1000
"""Deviations that a report lists; it counts them all."""

BATCH = 200
"""Observations whose sky is computed at once: far quicker than one by one, and little in memory."""

Result = TypeVar("Result")
Item = TypeVar("Item")

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
    vocabulary
        The vocabulary profile, ``talk`` or ``draft``.
    access_url
        Where the rows of event lists lead, ``file`` or ``datalink``.
    """

    authority: str
    server: str
    collection: str
    vocabulary: str = "talk"
    access_url: str = FILE


@dataclass
class Report:
    """What became of the observations of a collection.

    Attributes
    ----------
    collection
        Its name.
    files, published
        Observations that were tried and published; most releases have one file for each.
    events
        Events in the published ones.
    failures
        Those that are not published, and why.
    warnings
        About a release as a whole.
    deviations
        What was not as GADF has it in published ones, the first thousand of `deviation_count`.
    """

    collection: str
    files: int = 0
    published: int = 0
    events: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    deviations: list[str] = field(default_factory=list)
    deviation_count: int = 0

    def fail(self, path: Path, error: CherenkovVOError) -> None:
        """Note a file that is not published, and why."""
        self.failures.append({"file": path.name, "kind": type(error).__name__, "problem": str(error)})
        log.error("not published: %s", error)

    def note(self, deviations: list[Deviation]) -> None:
        """Note what was not as GADF has it."""
        self.deviation_count += len(deviations)
        room = MOST_DEVIATIONS - len(self.deviations)
        self.deviations += [str(deviation) for deviation in deviations[: max(room, 0)]]

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


def release_files(directory: Path, config: Release) -> Iterator[Path]:
    """Give all files of a release whose change means that its rows may come out differently.

    Parameters
    ----------
    directory, config
        The release's directory and configuration.
    """
    if config.index is None:
        yield from sorted(directory.glob(config.files))
        return
    for suffix in ("fits", "fits.gz"):
        yield from sorted(path for path in directory.rglob(f"*.{suffix}") if path.is_file())


def rows(
    directory: Path,
    identity: Identity,
    *,
    report: Report | None = None,
    complete: Complete | None = None,
    progress: bool = False,
) -> Iterator[tuple[str, Row]]:
    """Yield all rows of a collection with the role of the table that takes them.

    Roles are ``observation`` (the collection's ObsCore table), ``companion`` (responses and bundles),
    ``link`` (DataLink rows) and ``provenance``.

    Parameters
    ----------
    directory
        The collection's directory below the DaCHS inputs directory.
    identity
        Who publishes it, as what.
    report
        Takes counts and failures; without one, they go to the directory that the environment
        variable ``CHERENKOV_VO_REPORT`` names.
    complete
        Adds to the rows of one observation what is no part of the mapping.
    progress
        Draw a progress bar on standard error.

    Raises
    ------
    ConfigError
        A release's configuration cannot be used.
    """
    saved = report is None
    report = report or Report(identity.collection)
    seen: dict[str, str] = {}
    for name, config in release.of_collection(directory).items():
        root = directory / "releases" / name / "files"
        prefix = f"{identity.collection}/releases/{name}/files"
        yield from release_rows(
            root,
            config,
            identity,
            prefix=prefix,
            report=report,
            seen=seen,
            complete=complete,
            progress=progress,
        )
    if saved and REPORT_VARIABLE in os.environ:
        report.save(Path(os.environ[REPORT_VARIABLE]))


def release_rows(
    root: Path,
    config: Release,
    identity: Identity,
    *,
    prefix: str,
    report: Report,
    seen: dict[str, str] | None = None,
    complete: Complete | None = None,
    progress: bool = False,
) -> Iterator[tuple[str, Row]]:
    """Yield all rows of one release, as `rows` does.

    Parameters
    ----------
    root, config
        The release's directory and configuration.
    identity, report, complete, progress
        As for `rows`.
    prefix
        The path of `root` below the DaCHS inputs directory.
    seen
        What was published in the collection before: OBS_ID, or the name of a shared file, to its path.
    """
    seen = {} if seen is None else seen
    root = Path(os.path.normpath(root))  # as the reader's paths are; links are kept
    try:
        found = list(sources_of(root, config))
    except GADFError as error:
        report.fail(error.path, error)
        return
    usage = Counter(path for source in found for path in response_files(source))
    shared = shared_ids(root, (path for path, uses in usage.items() if uses > 1), seen)
    seen.update({name: f"{prefix}/{path.relative_to(root).as_posix()}" for path, name in shared.items()})
    now = datetime.datetime.now(datetime.UTC)
    publication = publication_of(config, identity, root=root, prefix=prefix, shared=shared, today=now.date())
    others, written = 0, set[str | None]()
    shown = iter(shown_progress(found, len(found), report.collection, shown=progress))
    while batch := list(itertools.islice(shown, BATCH)):
        for unit in make_units(batch, publication, now, threads=cores()):
            others += unit.other
            unit.complete(complete)
            yield from _accepted(unit, report, seen, written, publication.names)
    report.files += len(found) - others
    warn_of_number(report, root, config, len(found) - others)


def _accepted(
    unit: Unit, report: Report, seen: dict[str, str], written: set[str | None], names: Names
) -> Iterator[tuple[str, Row]]:
    """Give the rows of an observation that are to be written, and take it into the books."""
    if unit.other:
        return
    if unit.error is None and unit.obs_id in seen:
        unit.error = duplicate(unit, seen[unit.obs_id])
    if unit.error is not None:
        report.fail(unit.path, unit.error)
        return
    assert unit.obs_id is not None
    seen[unit.obs_id] = names.source(unit.path)
    report.published += 1
    report.events += unit.events
    report.note(unit.deviations)
    for role, row, key in unit.rows:
        if key not in written:
            yield role, row
        if key is not None:
            written.add(key)


def response_files(source: gadf.Source) -> set[Path]:
    """Give the files that an observation needs for responses only."""
    return {hdu.path for hdu in source.hdus if hdu.kind in RESPONSES}


def sources_of(root: Path, config: Release) -> Iterator[gadf.Source]:
    """Give what a release has to read; whether a file holds events shows when it is read."""
    if config.index is not None:
        yield from gadf.sources(root, config.files, config.index)
        return
    for entry in storage.listing(root, config.files):
        yield gadf.Source(entry.path.name, (entry.path,))


def publication_of(
    config: Release,
    identity: Identity,
    *,
    root: Path,
    prefix: str,
    shared: Mapping[Path, str],
    today: datetime.date,
) -> Publication:
    """Give what is the same for all rows of a release.

    Parameters
    ----------
    config, identity
        The release's configuration, and who publishes it as what.
    root, prefix
        Its directory, and the path of that below the DaCHS inputs directory.
    shared
        Shared files with their names.
    today
        Day by which it is judged whether data are public.
    """
    return Publication(
        config,
        Vocabulary.named(identity.vocabulary),
        Names(identity.authority, identity.collection, root, prefix, shared),
        identity.server,
        today,
        identity.access_url,
    )


def warn_of_number(report: Report, root: Path, config: Release, number: int) -> None:
    """Note if a release does not have as many observations as it should."""
    if config.expected_files is not None and number < config.expected_files:
        report.warnings.append(f"{number} observations in {root}, expected {config.expected_files}")


def observations(root: Path, config: Release, report: Report) -> Iterator[Observation]:
    """Read all observations of a release, one after the other; those that cannot be read are reported."""
    for source in gadf.sources(root, config.files, config.index):
        read = partial(
            gadf.read_source,
            source,
            reference_energy_tev=config.reference_energy_tev,
            reference_offset_deg=config.reference_offset_deg,
        )
        observation = report.attempt(source.paths[0], read)
        if observation is not None:
            yield observation


def shown_progress(items: Iterable[Item], number: int, collection: str, *, shown: bool) -> Iterable[Item]:
    """Draw a progress bar on standard error while somebody takes one item after the other."""
    if not shown:
        return items
    console = Console(stderr=True)
    return track(items, total=number, description=f"Reading {collection}", console=console, transient=True)
