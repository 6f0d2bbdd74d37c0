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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from ingest import context, gadf, release
from ingest.access import FILE
from ingest.companions import Companions
from ingest.errors import CherenkovVOError, GADFError
from ingest.identifiers import DatasetId
from ingest.mapping import Publication, Row, observation_row
from ingest.naming import Names, shared_ids
from ingest.records import RESPONSES, Deviation, EventList, Observation
from ingest.release import Release
from ingest.sky import Condition
from ingest.vocabulary import Vocabulary

REPORT_VARIABLE = "CHERENKOV_VO_REPORT"
"""Environment variable that names the directory for import reports."""

MOST_DEVIATIONS = 1000
"""Deviations that a report lists; it counts them all."""

BATCH = 200
"""Observations whose sky is computed at once: far quicker than one by one, and little in memory."""

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
    directory: Path, identity: Identity, *, report: Report | None = None, progress: bool = False
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
            root, config, identity, prefix=prefix, report=report, seen=seen, progress=progress
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
    progress: bool = False,
) -> Iterator[tuple[str, Row]]:
    """Yield all rows of one release, as `rows` does.

    Parameters
    ----------
    root, config
        The release's directory and configuration.
    identity, report, progress
        As for `rows`.
    prefix
        The path of `root` below the DaCHS inputs directory.
    seen
        What was published in the collection before: OBS_ID, or the name of a shared file, to its path.
    """
    seen = {} if seen is None else seen
    root = Path(os.path.normpath(root))  # as the reader's paths are; links are kept
    try:
        number, usage = 0, Counter[Path]()
        for source in _sources(root, config):
            number += 1
            usage.update({hdu.path for hdu in source.hdus if hdu.kind in RESPONSES})
    except GADFError as error:
        report.fail(error.path, error)
        return
    report.files += number
    if config.expected_files is not None and number < config.expected_files:
        report.warnings.append(f"{number} observations in {root}, expected {config.expected_files}")
    shared = shared_ids(root, (path for path, uses in usage.items() if uses > 1), seen)
    seen.update({name: f"{prefix}/{path.relative_to(root).as_posix()}" for path, name in shared.items()})
    now = datetime.datetime.now(datetime.UTC)
    publication = Publication(
        config,
        Vocabulary.named(identity.vocabulary),
        Names(identity.authority, identity.collection, root, prefix, shared),
        identity.server,
        now.date(),
        identity.access_url,
    )
    writer = _Writer(publication, report, seen, now)
    read = _observations(_shown(_sources(root, config), number, report, shown=progress), config, report)
    while batch := list(itertools.islice(read, BATCH)):
        yield from writer.write(batch)


def observations(root: Path, config: Release, report: Report) -> Iterator[Observation]:
    """Read all observations of a release, one after the other; those that cannot be read are reported."""
    yield from _observations(_sources(root, config), config, report)


def _sources(root: Path, config: Release) -> Iterator[gadf.Source]:
    return gadf.sources(root, config.files, config.index)


def _observations(sources: Iterable[gadf.Source], config: Release, report: Report) -> Iterator[Observation]:
    for source in sources:
        read = partial(
            gadf.read_source,
            source,
            reference_energy_tev=config.reference_energy_tev,
            reference_offset_deg=config.reference_offset_deg,
        )
        observation = report.attempt(source.paths[0], read)
        if observation is not None:
            yield observation


def _shown(
    sources: Iterator[gadf.Source], number: int, report: Report, *, shown: bool
) -> Iterable[gadf.Source]:
    if not shown:
        return sources
    console = Console(stderr=True)
    return track(
        sources, total=number, description=f"Reading {report.collection}", console=console, transient=True
    )


Mapped = list[tuple[DatasetId, EventList, Row]]


class _Writer:
    """Makes rows of observations, batch by batch, and keeps book of what was published."""

    def __init__(
        self, publication: Publication, report: Report, seen: dict[str, str], now: datetime.datetime
    ) -> None:
        self.publication, self.report, self.seen, self.now = publication, report, seen, now
        self.shared: set[str] = set()

    def write(self, batch: list[Observation]) -> Iterator[tuple[str, Row]]:
        mapped: list[tuple[Observation, Mapped]] = []
        for observation in batch:
            lists = self.report.attempt(observation.path, partial(self._map, observation))
            if lists is not None:
                mapped.append((observation, lists))
        skies = iter(
            context.conditions(
                [(events, self.publication.release, row) for _, lists in mapped for _, events, row in lists]
            )
        )
        for observation, lists in mapped:
            own = [next(skies) for _ in lists]
            made = self.report.attempt(observation.path, partial(self._finish, observation, lists, own))
            if made is None:
                del self.seen[observation.obs_id]
            else:
                self.report.published += 1
                self.report.events += sum(events.n_events or 0 for _, events, _ in lists)
                self.report.note(observation.deviations)
                yield from made

    def _map(self, observation: Observation) -> Mapped:
        names = self.publication.names
        if observation.obs_id in self.seen:
            problem = f"{observation.obs_id} was already read from {self.seen[observation.obs_id]}"
            raise GADFError(observation.path, problem, hdu="EVENTS", keyword="OBS_ID")
        mapped = [
            (dataset, events, observation_row(observation, events, dataset, self.publication))
            for dataset, events in names.event_lists(observation)
        ]
        self.seen[observation.obs_id] = names.source(observation.path)
        return mapped

    def _finish(
        self, observation: Observation, lists: Mapped, skies: list[Condition]
    ) -> list[tuple[str, Row]]:
        companions = Companions(observation, lists, self.publication)
        others = [("companion", row) for row in companions.companion_rows()]
        others += [("link", row) for row in companions.link_rows()]
        others += [("provenance", row) for row in companions.provenance_rows(self.now)]
        for (_, events, row), condition in zip(lists, skies, strict=True):
            row.update(context.context_row(events, self.publication.release, row, condition))
        remarks = context.remarks([deviation.remark for deviation in observation.deviations])
        found = [("observation", row | {"remarks": remarks}) for _, _, row in lists] + others
        return [item for item in found if self._is_new(observation, *item)]

    def _is_new(self, observation: Observation, role: str, row: Row) -> bool:
        """Tell whether a row is to be written: those of shared files come with each observation."""
        if role in ("observation", "link") or row["obs_id"] == observation.obs_id:
            return True
        key = f"{role} {row.get('obs_publisher_did') or row['obs_id']}"
        if key in self.shared:
            return False
        self.shared.add(key)
        return True
