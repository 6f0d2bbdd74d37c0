"""From identifiers to event lists and their files: what the database knows, for all collections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gavo import base

from datalink.files import ORDER, EventList, Fault, File, Found
from datalink.parts import Content, content
from ingest import release
from ingest.errors import IdentifierError
from ingest.identifiers import parse
from ingest.naming import EVENT_BUNDLE
from ingest.provenance import Facts
from ingest.release import Release

MAX_ID_LENGTH = 1000
"""Longer identifiers are refused unread; ours are below 100 characters."""

SHOWN = 60
"""So many characters of a senseless identifier are shown to whoever sent it."""


@dataclass
class _Wanted:
    """What is asked for of one collection."""

    datasets: dict[str, str] = field(default_factory=dict)
    """obs_publisher_did to the identifier that came."""
    observations: dict[str, str] = field(default_factory=dict)
    """obs_id to the identifier that came."""


def collections() -> list[str]:
    """Give the schemas of the collections that are published here."""
    with base.getTableConn() as connection:
        found = connection.query(
            "SELECT table_name FROM ivoa._union_sources WHERE view_id = 'rd/links#response'"
            " ORDER BY table_name"
        )
        return [str(name).partition(".")[0] for (name,) in found]


@dataclass(frozen=True)
class Resolved:
    """What one identifier stands for: event lists, or other data sets."""

    event_lists: tuple[EventList, ...] = ()
    files: tuple[File, ...] = ()


def resolve(identifiers: Iterable[str], collection: str | None = None) -> dict[str, Resolved | Fault]:
    """Find out what each identifier stands for.

    Parameters
    ----------
    identifiers
        Data set identifiers (obs_publisher_did), or obs_ids alone: those stand for the event lists of
        the observation, or without any for its other data sets. The identifier of a run's bundle stands
        for its event lists, too.
    collection
        Look in this one only.
    """
    asked = list(dict.fromkeys(identifiers))
    known = [name for name in collections() if collection in (None, name)]
    wanted: dict[str, _Wanted] = {name: _Wanted() for name in known}
    found: dict[str, Resolved | Fault] = {}
    for identifier in asked:
        fault = _sort_in(identifier, wanted, collection)
        if fault is not None:
            found[identifier] = fault
    lists: dict[str, list[EventList]] = {}
    files: dict[str, list[File]] = {}
    for name in known:
        _look_up(name, wanted[name], lists, files)
    for identifier in asked:
        if identifier in lists or identifier in files:
            found[identifier] = _unambiguous(identifier, lists.get(identifier, []), files.get(identifier, []))
        elif identifier not in found:
            where = collection or "any collection"
            message = f"No data set with this identifier in {where}"
            found[identifier] = Fault(shown(identifier), "NotFoundFault", message)
    return {identifier: found[identifier] for identifier in asked}


def find(identifiers: Iterable[str], collection: str | None = None) -> Found:
    """Find out what identifiers stand for, all together.

    Parameters are those of `resolve`.

    Returns
    -------
    Found
        Event lists and files each once, in the order asked for.
    """
    lists: dict[str, EventList] = {}
    files: dict[str, File] = {}
    faults: list[Fault] = []
    for resolved in resolve(identifiers, collection).values():
        if isinstance(resolved, Fault):
            faults.append(resolved)
        else:
            lists |= {found.did: found for found in resolved.event_lists}
            files |= {found.dataset: found for found in resolved.files}
    return Found(tuple(lists.values()), tuple(files.values()), tuple(faults))


def shown(identifier: str) -> str:
    """Give as much of an identifier as may be shown to whoever sent it."""
    short = identifier if len(identifier) <= MAX_ID_LENGTH else f"{identifier[:SHOWN]}..."
    return "".join(letter if letter.isprintable() else "?" for letter in short)


def _sort_in(identifier: str, wanted: dict[str, _Wanted], collection: str | None) -> Fault | None:
    if not identifier or len(identifier) > MAX_ID_LENGTH or not identifier.isprintable():
        return Fault(shown(identifier[:SHOWN]), "UsageFault", "ID is no data set identifier")
    if not identifier.startswith("ivo:"):
        for some in wanted.values():
            some.observations[identifier] = identifier
        return None
    try:
        dataset = parse(identifier)
    except IdentifierError as error:
        return Fault(identifier, "UsageFault", str(error))
    if dataset.authority != base.getConfig("ivoa", "authority") or dataset.collection not in wanted:
        where = collection or "any collection"
        return Fault(identifier, "NotFoundFault", f"No data set with this identifier in {where}")
    wanted[dataset.collection].datasets[identifier] = identifier
    return None


def _look_up(
    name: str, wanted: _Wanted, event_lists: dict[str, list[EventList]], files: dict[str, list[File]]
) -> None:
    if not wanted.datasets and not wanted.observations:
        return
    runs = dict(wanted.observations)
    for identifier in wanted.datasets:
        dataset = parse(identifier)
        if dataset.part == EVENT_BUNDLE:
            runs[dataset.obs_id] = identifier
    with base.getTableConn() as connection:
        asked = {"datasets": list(wanted.datasets), "observations": list(runs)}
        rows = list(
            connection.queryToDicts(
                f"SELECT * FROM {name}.obscore"  # noqa: S608 - a plain name
                " WHERE obs_publisher_did = ANY(%(datasets)s) OR obs_id = ANY(%(observations)s)"
                " ORDER BY obs_publisher_did",
                asked,
            )
        )
        of_lists = _files_of(connection, name, [row["obs_publisher_did"] for row in rows])
        for row in rows:
            did, obs_id = row["obs_publisher_did"], row["obs_id"]
            found = EventList(did, name, obs_id, row, tuple(of_lists.get(did, ())))
            for asking in {wanted.datasets.get(did), runs.get(obs_id)}:
                if asking is not None:
                    event_lists.setdefault(asking, []).append(found)
        rest = [did for did in wanted.datasets if did not in event_lists]
        alone = [obs_id for obs_id in wanted.observations if obs_id not in event_lists]
        for row in _companions(connection, name, rest, alone):
            file = File.of(row, name)
            for asking in {wanted.datasets.get(file.dataset), wanted.observations.get(file.obs_id)}:
                if asking is not None and asking not in event_lists:
                    files.setdefault(asking, []).append(file)


def _files_of(connection: Any, name: str, datasets: list[str]) -> dict[str, list[File]]:
    found: dict[str, list[File]] = {}
    rows = connection.queryToDicts(
        "SELECT l.*, COALESCE(c.obs_id, l.obs_id) AS own_obs_id"  # noqa: S608 - a plain name
        f" FROM {name}.links AS l LEFT JOIN {name}.companions AS c ON c.obs_publisher_did = l.dataset"
        " WHERE l.id = ANY(%(datasets)s)"
        " ORDER BY l.id, array_position(%(order)s, l.semantics), l.content_qualifier, l.dataset",
        {"datasets": datasets, "order": list(ORDER)},
    )
    for row in rows:
        found.setdefault(row["id"], []).append(File.of(row | {"obs_id": row["own_obs_id"]}, name))
    return found


def _companions(
    connection: Any, name: str, datasets: list[str], observations: list[str]
) -> list[Mapping[str, Any]]:
    return list(
        connection.queryToDicts(
            "SELECT obs_publisher_did AS dataset, obs_id, '#this' AS semantics,"  # noqa: S608 - a plain name
            " dataproduct_type AS content_qualifier, access_format AS content_type, obs_title AS description,"
            " access_path, source, pieces, content_length, hdus, access_groups, release_date"
            f" FROM {name}.companions"
            " WHERE obs_publisher_did = ANY(%(datasets)s) OR obs_id = ANY(%(observations)s)"
            " ORDER BY obs_publisher_did",
            {"datasets": datasets, "observations": observations},
        )
    )


def _unambiguous(identifier: str, lists: list[EventList], files: list[File]) -> Resolved | Fault:
    if len({found.collection for found in lists} | {found.collection for found in files}) > 1:
        message = "More than one collection has an observation of this name; give its obs_publisher_did"
        return Fault(shown(identifier), "UsageFault", message)
    return Resolved(tuple(lists), () if lists else tuple(files))


def at_path(collection: str, path: str) -> File | None:
    """Give the file that is served at a path of a collection; None if there is none.

    Parameters
    ----------
    collection
        One of `collections`.
    path
        From the server's root, percent-encoded as in the tables.
    """
    columns = "content_type, description, access_path, source, pieces, content_length, hdus"
    query = (
        "SELECT dataset, obs_id, semantics, content_qualifier,"  # noqa: S608 - a plain name
        f" {columns}, access_groups, release_date FROM {collection}.links"
        " WHERE access_path = %(path)s AND semantics = '#this'"
        " UNION ALL SELECT obs_publisher_did, obs_id, '#this', dataproduct_type, access_format, obs_title,"
        " access_path, source, pieces, content_length, hdus, access_groups, release_date"
        f" FROM {collection}.companions WHERE access_path = %(path)s"
    )
    with base.getTableConn() as connection:
        found = list(connection.queryToDicts(query, {"path": path}))
    return File.of(found[0], collection) if found else None


def facts(collection: str, obs_ids: Iterable[str]) -> dict[str, Facts]:
    """Give the provenance of observations or shared files, as far as it is known.

    Parameters
    ----------
    collection
        One of `collections`.
    obs_ids
        As the data sets have them.
    """
    with base.getTableConn() as connection:
        found = connection.query(
            f"SELECT obs_id, facts FROM {collection}.provenance WHERE obs_id = ANY(%(obs_ids)s)",  # noqa: S608
            {"obs_ids": list(obs_ids)},
        )
        return {obs_id: Facts.from_text(text) for obs_id, text in found}


def bytes_of(file: File) -> Content:
    """Give the bytes of a file.

    Raises
    ------
    UnreadableFileError
        A file behind it is gone or is not what was imported.
    """
    return content(inputs(), file, origin())


def inputs() -> Path:
    """Give the DaCHS inputs directory."""
    return Path(base.getConfig("inputsDir"))


def origin() -> str:
    """Give who publishes here, for ORIGIN in the headers of files that we put together."""
    return f"ivo://{base.getConfig('ivoa', 'authority')}"


def releases(collection: str) -> dict[str, Release]:
    """Give the configurations of a collection's releases."""
    return release.of_collection(inputs() / collection)
