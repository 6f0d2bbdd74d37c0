"""The ledger of a collection: what each source was, and what came of it, at the last import.

It is a table beside those that it tells of, and changes in the same transactions; so it cannot say
anything else than they.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ingest.feed import MOST_DEVIATIONS, Report, warn_of_number
from ingest.mapping import Row
from ingest.release import Release

PUBLISHED, STALE, FAILED, OTHER, RELEASE = "published", "stale", "failed", "other", "release"
"""Outcomes: it has rows; it has those of a former version, as it cannot be published as it is; it cannot be
published; it is no observation; the line is about its release."""

WHOLE = ""
"""Name of the line about a release."""

BATCH = 20_000
NAMED = 5
"""Vanished sources that a report names."""

_READ = "release_name, source_name, files, context, obs_id, outcome, shared, vanished, problem"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a ledger, without what only reports want.

    Attributes
    ----------
    release, source
        Name of the release, and of the source in it: a file's path, or the OBS_ID in an index.
    files
        What it was read from (see `ingest.listing`).
    context
        Digest of all else that shapes its rows.
    obs_id
        The observation; None if that is unknown.
    outcome
        What came of it.
    shared
        Name of a shared file to the keys of the rows about it that come from this source, as JSON;
        None without any.
    vanished
        It was published and is there no more.
    problem
        Why it cannot be published, as JSON; None if it can.
    """

    release: str
    source: str
    files: str
    context: str
    obs_id: str | None
    outcome: str
    shared: str | None = None
    vanished: bool = False
    problem: str | None = None

    @property
    def published(self) -> bool:
        """Whether it has rows."""
        return self.outcome in (PUBLISHED, STALE)

    @property
    def owned(self) -> dict[str, list[str]]:
        """Give what it tells of shared files."""
        return json.loads(self.shared) if self.shared else {}


@dataclass
class Ledger:
    """A ledger as it was read; by release, then by source."""

    entries: dict[str, dict[str, Entry]] = field(default_factory=dict)

    def of_release(self, name: str) -> Mapping[str, Entry]:
        """Give the lines of a release."""
        return self.entries.get(name, {})

    @staticmethod
    def read(connection: Any, collection: str) -> Ledger:
        """Read the ledger of a collection.

        Parameters
        ----------
        connection
            One of psycopg2's.
        collection
            The schema.
        """
        found = Ledger()
        for row in _stream(connection, f"SELECT {_READ} FROM {collection}.ledger"):  # noqa: S608
            entry = Entry(*row)
            found.entries.setdefault(entry.release, {})[entry.source] = entry
        return found


def exists(connection: Any, collection: str) -> bool:
    """Tell whether a collection has a ledger with anything in it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{collection}.ledger"])
        if not cursor.fetchone()[0]:
            return False
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {collection}.ledger)")  # noqa: S608
        return bool(cursor.fetchone()[0])


def revision(connection: Any, collection: str) -> str:
    """Give something that is another after each change of a collection, and the same in a copy of it."""
    # A clock that was put back may give the same time twice, and a restored row has another transaction.
    lines = "string_agg(concat_ws(' ', release_name, batch), ', ' ORDER BY release_name)"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {lines} FROM {collection}.ledger WHERE source_name = ''")  # noqa: S608
        return str(cursor.fetchone()[0])


def _stream(connection: Any, query: str, parameters: Any = None) -> Iterator[tuple[Any, ...]]:
    # A cursor on the server: results may be larger than memory should be.
    with connection.cursor("cherenkov_vo_ledger") as cursor:
        cursor.itersize = BATCH
        cursor.execute(query, parameters)
        yield from cursor


@dataclass(frozen=True, slots=True)
class Noted:
    """What the lines that one import writes have in common.

    Attributes
    ----------
    written
        When that is: UTC, without a time zone.
    batch
        What no other import has.
    """

    written: datetime.datetime
    batch: str = field(default_factory=lambda: uuid.uuid4().hex)


def row_of(entry: Entry, noted: Noted, **report: Any) -> Row:
    """Give an entry as a row of its table.

    Parameters
    ----------
    entry
        It.
    noted
        The import that writes it.
    **report
        ``problem``, ``events``, ``deviation_count`` and ``deviations``, as far as there are any.
    """
    return {
        "release_name": entry.release,
        "source_name": entry.source,
        "files": entry.files,
        "context": entry.context,
        "obs_id": entry.obs_id,
        "outcome": entry.outcome,
        "shared": entry.shared,
        "vanished": entry.vanished,
        "written": noted.written,
        "batch": noted.batch,
        "problem": entry.problem,
        "events": 0,
        "deviation_count": 0,
        "deviations": None,
    } | report


def report_of(connection: Any, collection: str, releases: Mapping[str, tuple[Any, Release]]) -> Report:
    """Give the report of a whole collection.

    Parameters
    ----------
    connection, collection
        Where its ledger is.
    releases
        Name to directory and configuration of each release.
    """
    report = Report(collection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT release_name, count(*) FILTER (WHERE outcome IN (%s, %s, %s)),"  # noqa: S608 - a schema's name
            " count(*) FILTER (WHERE outcome IN (%s, %s)), coalesce(sum(events), 0),"
            f" coalesce(sum(deviation_count), 0) FROM {collection}.ledger WHERE source_name <> ''"
            " GROUP BY 1 ORDER BY 1",
            [PUBLISHED, STALE, FAILED, PUBLISHED, STALE],
        )
        for name, files, published, events, deviations in cursor.fetchall():
            report.files += files
            report.published += published
            report.events += int(events)
            report.deviation_count += int(deviations)
            if name in releases:
                warn_of_number(report, *releases[name], files)
    in_order = ' ORDER BY release_name COLLATE "C", source_name COLLATE "C"'
    problems = f"SELECT problem FROM {collection}.ledger WHERE problem IS NOT NULL{in_order}"  # noqa: S608
    report.failures = [json.loads(text) for (text,) in _stream(connection, problems)]
    _warn_of_vanished(report, connection, in_order)
    noted = f"SELECT deviations FROM {collection}.ledger WHERE deviation_count > 0{in_order} LIMIT %s"  # noqa: S608
    for (text,) in _stream(connection, noted, [MOST_DEVIATIONS]):
        report.deviations += json.loads(text)
        if len(report.deviations) >= MOST_DEVIATIONS:
            break
    del report.deviations[MOST_DEVIATIONS:]
    return report


def _warn_of_vanished(report: Report, connection: Any, in_order: str) -> None:
    query = f"SELECT source_name FROM {report.collection}.ledger WHERE vanished{in_order}"  # noqa: S608
    names = [PurePosixPath(name).name for (name,) in _stream(connection, query)]
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        report.warnings.append(
            f"{len(names)} observations are gone, or lack a file they had, but are still published"
            f" ({', '.join(names[:NAMED])}{more}); 'make ingest WITHDRAW=yes' takes them back"
        )
