"""What DataLink documents say, from one query: identifiers to descriptors with the sizes of their links."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from datalink import catalogue, pictures
from datalink.bundles.selection import THIS
from datalink.files import ANONYMOUS, EventList, File, today
from datalink.files import ORDER as FILE_ORDER
from datalink.parts import parse
from datalink.service import ORDER, TAR, Links

EVENT_COLUMNS = (
    "s_region, energy_min, energy_max, t_min, t_max, em_min, em_max, s_ra, s_dec, s_fov, facility_name,"
    " target_name, safe_energy_lo, safe_energy_hi, obs_collection, obs_title, ra_obj, dec_obj"
)
"""What of an event list is told in service descriptors, or in its pictures."""

REMEMBERED = 20_000
"""Lists of source files that a server remembers: some megabytes."""


class UnusualError(Exception):
    """The document has to be made the ordinary way."""


def query(collection: str) -> str:
    """Give the SQL for a collection: one row for each identifier asked for that is a data set.

    Links and files come as JSON, in the orders of `service.rows_of` and `catalogue.resolve`.
    """
    events = ", ".join(f"o.{name}" for name in EVENT_COLUMNS.split(", "))
    return f"""
        SELECT asked, o.obs_id AS obs_id, k.obs_id AS own_obs_id, {events},
          (SELECT json_agg(row_to_json(d) ORDER BY array_position('{_array(ORDER)}', d.semantics),
              d.content_qualifier, d.local_semantics, d.id, d.access_path)
            FROM {collection}.datalinks AS d WHERE d.id = asked) AS links,
          (SELECT json_agg(row_to_json(f) ORDER BY array_position('{_array(FILE_ORDER)}', f.semantics),
              f.content_qualifier, f.dataset)
            FROM (
              SELECT l.dataset, COALESCE(c.obs_id, l.obs_id) AS obs_id, l.semantics, l.content_qualifier,
                l.content_type, l.description, l.access_path, l.source, l.pieces, l.content_length, l.hdus,
                l.access_groups, l.release_date, l.archive_length, l.lengths_basis
              FROM {collection}.links AS l
              LEFT JOIN {collection}.companions AS c ON c.obs_publisher_did = l.dataset
              WHERE l.id = asked
            ) AS f) AS files,
          (SELECT row_to_json(f) FROM (
              SELECT k.obs_publisher_did AS dataset, k.obs_id, '#this' AS semantics,
                k.dataproduct_type AS content_qualifier, k.access_format AS content_type,
                k.obs_title AS description, k.access_path, k.source, k.pieces, k.content_length, k.hdus,
                k.access_groups, k.release_date
            ) AS f) AS file,
          p.path_stem, p.json_length, p.votable_length, p.lengths_basis
        FROM unnest($1) AS asked
        LEFT JOIN {collection}.obscore AS o ON o.obs_publisher_did = asked
        LEFT JOIN {collection}.companions AS k ON k.obs_publisher_did = asked
        LEFT JOIN {collection}.provenance AS p ON p.obs_id = COALESCE(o.obs_id, k.obs_id)
        WHERE o.obs_id IS NOT NULL OR k.obs_id IS NOT NULL
    """  # noqa: S608 - a plain name, and constants


def _array(values: Sequence[str]) -> str:
    return "{" + ",".join(values) + "}"


def found(
    identifier: str, row: Mapping[str, Any], collection: str, basis: str
) -> tuple[Links, dict[str, int]]:
    """Make what `service.entries` takes from a row of the database.

    Parameters
    ----------
    identifier, row
        What was asked for, and what the database said.
    collection
        Its schema.
    basis
        What stored lengths must have been computed from, see `datalink.lengths`.

    Returns
    -------
    Links
        The descriptor.
    dict
        Sizes of what is made when it is asked for: access_path to number of bytes.

    Raises
    ------
    UnusualError
        A length has to be computed, a file is gone, or the like.
    """
    files = [File.of(_dated(file), collection) for file in row["files"] or ()]
    events: tuple[EventList, ...] = ()
    others: tuple[File, ...] = ()
    if row["obs_id"] is not None:
        events = (EventList(identifier, collection, row["obs_id"], row, tuple(files)),)
    else:
        others = (File.of(_dated(row["file"]), collection),)
    links = {(link["access_path"], link["semantics"]): _dated(link) for link in row["links"] or ()}
    rows = list(links.values())
    sizes = _documents(row, rows, basis) | pictures.sizes(events, others)
    for link in rows:
        if link["content_type"] == TAR:
            length = _archive(row["files"], files, basis)
            if length is not None:
                sizes[link["access_path"]] = length
    return Links(identifier, rows, events, others, ANONYMOUS), sizes


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    """Make a date of what is a text in JSON."""
    if row["release_date"] is not None:
        row["release_date"] = datetime.date.fromisoformat(row["release_date"])
    return row


def _documents(row: Mapping[str, Any], links: Sequence[Mapping[str, Any]], basis: str) -> dict[str, int]:
    if not any(link["semantics"] == "#documentation" for link in links):
        return {}
    if row["lengths_basis"] != basis or row["json_length"] is None:
        raise UnusualError("the lengths of provenance documents have to be computed")
    return {f"{row['path_stem']}.json": row["json_length"], f"{row['path_stem']}.xml": row["votable_length"]}


def _archive(rows: Sequence[Mapping[str, Any]], files: Sequence[File], basis: str) -> int | None:
    """Give the length of the archive with everything of an event list.

    It was computed for somebody who may have all files; for others there is no archive if the event list
    itself is closed, and another one if something else is.
    """
    day = today()
    closed = {file.semantics for file in files if not file.access.open_to(ANONYMOUS, day)}
    if THIS in closed:
        return None
    stored = next((row for row in rows if row["semantics"] == THIS), None)
    if stored is None or stored["lengths_basis"] != basis or stored["archive_length"] is None:
        raise UnusualError("the length of the archive has to be computed")
    if closed:
        raise UnusualError("an archive without some files")
    inputs = str(catalogue.inputs())
    if not all(_is_there(inputs, file) for file in files):
        raise UnusualError("a file is gone")
    return int(stored["archive_length"])


def _is_there(inputs: str, file: File) -> bool:
    """Tell whether the sources of a file can be found, as `datalink.parts.content` does."""
    sources = (file.source,) if file.pieces is None else _sources(file.pieces)
    try:
        found = [os.stat(f"{inputs}/{source}") for source in sources]  # noqa: PTH116 - half as slow
    except OSError:
        return False
    return file.pieces is not None or found[0].st_size == file.size


@lru_cache(maxsize=REMEMBERED)
def _sources(pieces: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(piece.source for piece in parse(pieces)))
