"""A collection's tables, filled and changed by COPY within DaCHS's transaction.

``dachs imp <collection>/q`` makes the tables and fills them before their indexes are made. ``dachs imp
<collection>/q update`` changes what changed: one transaction deletes the rows of observations that
changed and copies the new ones in, so readers see all of it or nothing, and nobody waits.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from gavo import base, rsc

from ingest.changes import Options
from ingest.collecting import LEDGER, ROLES, Collector
from ingest.copying import Layout, Spool
from ingest.difference import Difference
from ingest.ledger import Ledger
from rd import metadata, unions

OPTIONS_VARIABLE = "CHERENKOV_VO_INGEST"
"""Environment variable with `Options` as JSON, and ``definitions`` if views are to be made again."""

TABLES = {
    "observation": "obscore",
    "companion": "companions",
    "link": "links",
    "provenance": "provenance",
    LEDGER: "ledger",
}


def asked() -> dict[str, Any]:
    """Give what whoever started DaCHS asks for."""
    return dict(json.loads(os.environ.get(OPTIONS_VARIABLE, "{}")))


def options() -> Options:
    """Give what is asked for of an import."""
    return Options(**{name: value for name, value in asked().items() if name != "definitions"})


def layouts(resource: Any) -> dict[str, Layout]:
    """Give the tables of a collection's RD by the roles of their rows."""
    found = {}
    for role, name in TABLES.items():
        definition = resource.getById(name)
        columns = tuple((str(column.name), str(column.type)) for column in definition)
        own = {"source_table": definition.getQName()} if role in ("observation", "companion") else {}
        found[role] = Layout(definition.getQName(), columns, own)
    return found


_collected: dict[str, tuple[Spool, Difference]] = {}
"""By collection, what was read for tables that are about to be made anew."""


def replace(table: Any, collection: str) -> None:
    """Prepare for tables to be dropped, which others read, when the first of them is about to be.

    Parameters are those of `load`. Where an import makes them anew, all files are read before: who asks
    for the tables waits no longer than it takes to fill and to index them.
    """
    if metadata.fast_paths() and OPTIONS_VARIABLE in os.environ:
        _collected[collection] = collect(collection, layouts(table.tableDef.rd), Ledger(), options())
    unions.hold(table.connection, [*unions.site_views(table.connection), *unions.own_relations(table)])
    unions.leave_all(table)


def load(table: Any, collection: str) -> None:
    """Fill the tables of a collection, which are new and empty, unless DaCHS's own way is to do it.

    Parameters
    ----------
    table
        One of them, in the transaction that makes them.
    collection
        The collection.
    """
    if not metadata.fast_paths():
        return
    made = layouts(table.tableDef.rd)
    spool, found = _collected.pop(collection, None) or collect(collection, made, Ledger(), options())
    try:
        _fill(found, made, table.connection)
    finally:
        spool.close()


def update(table: Any, collection: str) -> None:
    """Change the tables of a collection to what its files say by now.

    Parameters are those of `load`.
    """
    connection, made = table.connection, layouts(table.tableDef.rd)
    ledger = Ledger.read(connection, collection)

    spool, found = collect(collection, made, ledger, options())
    try:
        if not ledger.entries:  # filled in DaCHS's own way: nothing is known of these rows
            for layout in made.values():
                connection.execute(f"DELETE FROM {layout.name}")  # noqa: S608 - names from the RD
        if not found.empty:
            _delete(connection, made, found)
            _fill(found, made, connection)
    finally:
        spool.close()
    if asked().get("definitions"):
        remake_views(table)


def collect(
    collection: str, made: dict[str, Layout], ledger: Ledger, asked_for: Options
) -> tuple[Spool, Difference]:
    """Read what changed; the spool, which is to be closed, has the new rows."""
    spool = Spool([*ROLES, LEDGER], Path(base.getConfig("tempDir")))
    try:
        collector = Collector(
            metadata.directory(collection),
            metadata.identity(collection),
            made,
            ledger,
            asked_for,
            complete=metadata.lengths_of(collection),
            progress=sys.stderr.isatty(),
        )
        return spool, collector.collect(spool)
    except BaseException:
        spool.close()
        raise


def _fill(found: Difference, made: dict[str, Layout], connection: Any) -> None:
    for role, layout in made.items():
        found.spool.fill(role, layout, connection)


def _delete(connection: Any, made: dict[str, Layout], found: Difference) -> None:
    """Delete the rows that go, and take up what the ledger has to say of those that stay."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE gone (obs_id text) ON COMMIT DROP")
        cursor.execute("CREATE TEMP TABLE gone_lines (release_name text, source_name text) ON COMMIT DROP")
        columns = ", ".join(f"{name} {kind}" for name, kind in KEPT.columns)
        cursor.execute(f"CREATE TEMP TABLE kept_lines ({columns}) ON COMMIT DROP")
    temporary = Spool(("gone", "gone_lines", "kept_lines"), Path(base.getConfig("tempDir")))
    try:
        _note(temporary, found)
        for layout in (GONE, GONE_LINES, KEPT):
            temporary.fill(layout.name, layout, connection)
            connection.execute(f"ANALYZE {layout.name}")
    finally:
        temporary.close()
    for role in ROLES:
        name = made[role].name
        connection.execute(f"DELETE FROM {name} AS t USING gone WHERE t.obs_id = gone.obs_id")  # noqa: S608
    ledger = made[LEDGER].name
    match = "t.release_name = l.release_name AND t.source_name = l.source_name"
    connection.execute(f"DELETE FROM {ledger} AS t USING gone_lines AS l WHERE {match}")  # noqa: S608
    changes = ", ".join(f"{name} = l.{name}" for name, _ in KEPT.columns[2:])
    connection.execute(f"UPDATE {ledger} AS t SET {changes} FROM kept_lines AS l WHERE {match}")  # noqa: S608


GONE = Layout("gone", (("obs_id", "text"),))
GONE_LINES = Layout("gone_lines", (("release_name", "text"), ("source_name", "text")))
KEPT = Layout(
    "kept_lines",
    (
        ("release_name", "text"),
        ("source_name", "text"),
        ("files", "text"),
        ("context", "text"),
        ("outcome", "text"),
        ("problem", "text"),
        ("shared", "text"),
        ("vanished", "boolean"),
    ),
)


def _note(temporary: Spool, found: Difference) -> None:
    for obs_id in sorted(found.gone):
        temporary.write(GONE.name, GONE.line({"obs_id": obs_id}))
    for release, source in sorted(found.lines):
        temporary.write(GONE_LINES.name, GONE_LINES.line({"release_name": release, "source_name": source}))
    for entry in found.kept:
        row = {name: getattr(entry, name, None) for name, _ in KEPT.columns}
        row |= {"release_name": entry.release, "source_name": entry.source}
        temporary.write(KEPT.name, KEPT.line(row))


def remake_views(table: Any) -> None:
    """Make the site's views over a collection anew: URLs and texts in them come from settings.

    In the same transaction, after the rows: who reads the views waits for its end, which is near.
    """
    unions.hold(table.connection, unions.site_views(table.connection))
    unions.leave_all(table)
    for definition in table.tableDef.rd.tables:
        if definition.onDisk:
            own = rsc.TableForDef(definition, connection=table.connection, create=False)
            own.cleanFromMeta()
            own.addToMeta()
            for phase in ("afterMeta", "postCreation"):
                definition.getRunner()(own, phase)
