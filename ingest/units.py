"""The rows of one observation, and of many: what every process of an import does with its share.

Nothing here knows of a database or of other observations; who may call itself by an OBS_ID, and whose
rows of a shared file count, is decided where the shares come together.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest import context, gadf, mapping, storage
from ingest.companions import Companions
from ingest.errors import CherenkovVOError, GADFError
from ingest.identifiers import DatasetId
from ingest.mapping import Publication, Row, observation_row
from ingest.records import Deviation, EventList, Observation
from ingest.scan import has_event_list
from ingest.sky import Condition

Mapped = list[tuple[DatasetId, EventList, Row]]
Complete = Callable[[Sequence[tuple[str, Row]]], None]
"""Adds to the rows of one observation, given with their roles, what is no part of the mapping."""


@dataclass
class Unit:
    """What came of one source.

    Attributes
    ----------
    path
        Its first file.
    obs_id
        The observation; None if it could not be read so far.
    rows
        Role and row, and a key if the row is about a file that other observations use, too: the
        file's name, a tab and more. Of all rows with the same key one is to be written.
    events
        Number of its events.
    deviations
        What is not as GADF has it.
    error
        Why it cannot be published.
    other
        The file is no observation, but responses or an index.
    """

    path: Path
    obs_id: str | None = None
    rows: list[tuple[str, Row, str | None]] = field(default_factory=list)
    events: int = 0
    deviations: list[Deviation] = field(default_factory=list)
    error: CherenkovVOError | None = None
    other: bool = False

    def fail(self, error: Exception) -> None:
        """Note why it cannot be published; errors that nobody foresaw must not stop the others."""
        if not isinstance(error, CherenkovVOError):
            error = GADFError(self.path, f"cannot be read ({type(error).__name__}: {error})")
        self.error, self.rows = error, []

    def complete(self, by: Complete | None) -> None:
        """Have somebody add to the rows."""
        if by is not None and self.error is None:
            try:
                by([(role, row) for role, row, _ in self.rows])
            except Exception as error:
                self.fail(error)


def cores() -> int:
    """Give the number of cores that this process may use."""
    return len(os.sched_getaffinity(0))


def make_units(
    sources: Sequence[gadf.Source], publication: Publication, now: datetime.datetime, *, threads: int = 1
) -> list[Unit]:
    """Read and map observations.

    Parameters
    ----------
    sources
        What to read; their sky is computed at once.
    publication
        What the release says.
    now
        When, for the provenance; with a time zone.
    threads
        How many files are read at once.

    Returns
    -------
    list of Unit
        One for each source, in their order.
    """
    units = [Unit(source.paths[0]) for source in sources]
    found: list[tuple[Unit, Observation]] = []
    release = publication.release
    read = gadf.read_sources(
        sources,
        threads=threads,
        reference_energy_tev=release.reference_energy_tev,
        reference_offset_deg=release.reference_offset_deg,
    )
    for unit, source, observation in zip(units, sources, read, strict=True):
        if isinstance(observation, Exception):
            unit.fail(observation)
            unit.other = source.index_path is None and not _expected(source.paths[0])
        else:
            unit.obs_id, unit.path = observation.obs_id, observation.path
            found.append((unit, observation))
    mapping.prepare(events for _, observation in found for events in observation.event_lists)
    mapped: list[tuple[Unit, Observation, Mapped]] = []
    for unit, observation in found:
        try:
            lists = [
                (dataset, events, observation_row(observation, events, dataset, publication))
                for dataset, events in publication.names.event_lists(observation)
            ]
        except Exception as error:
            unit.fail(error)
        else:
            mapped.append((unit, observation, lists))
    skies = iter(
        context.conditions(
            [(events, publication.release, row) for _, _, lists in mapped for _, events, row in lists]
        )
    )
    for unit, observation, lists in mapped:
        own = [next(skies) for _ in lists]
        try:
            _finish(unit, observation, lists, own, publication=publication, now=now)
        except Exception as error:
            unit.fail(error)
    return units


def _expected(path: Path) -> bool:
    """Tell whether a file that could not be read should be an observation."""
    try:
        return has_event_list(storage.status(path))
    except Exception:
        return True


def _finish(
    unit: Unit,
    observation: Observation,
    lists: Mapped,
    skies: Sequence[Condition],
    *,
    publication: Publication,
    now: datetime.datetime,
) -> None:
    companions = Companions(observation, lists, publication)
    others = [("companion", row) for row in companions.companion_rows()]
    others += [("link", row) for row in companions.link_rows()]
    others += [("provenance", row) for row in companions.provenance_rows(now)]
    for (_, events, row), condition in zip(lists, skies, strict=True):
        row.update(context.context_row(events, publication.release, row, condition))
    remarks = context.remarks([deviation.remark for deviation in observation.deviations])
    for role, row in [("observation", row | {"remarks": remarks}) for _, _, row in lists] + others:
        own = role in ("observation", "link") or row["obs_id"] == observation.obs_id
        key = None if own else "\t".join((row["obs_id"], role, row.get("obs_publisher_did") or ""))
        unit.rows.append((role, row, key))
    unit.events = sum(events.n_events or 0 for _, events, _ in lists)
    unit.deviations = list(observation.deviations)


def duplicate(unit: Unit, holder: str) -> GADFError:
    """Give the error of an observation whose OBS_ID another one has.

    Parameters
    ----------
    unit
        The observation.
    holder
        Path of the other one.
    """
    problem = f"{unit.obs_id} was already read from {holder}"
    return GADFError(unit.path, problem, hdu="EVENTS", keyword="OBS_ID")
