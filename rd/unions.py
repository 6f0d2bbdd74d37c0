"""TAP tables that many collections feed: views over what each of them contributes.

DaCHS builds ``ivoa.obs_radio`` in this way. Here one table, ``ivoa._union_sources``, holds the SQL
fragments of all such views, and the RDs call :func:`join`, :func:`leave` and :func:`rebuild`.

A collection is imported in one transaction. Before it changes a view or drops a table it waits, with
:func:`hold`, until it has all of them alone: readers see all of the old state or all of the new, and wait in
between. DaCHS's own way (setting fast_paths) cuts the transaction once: when a collection's first table is
dropped, the collection is taken out of all views and that is committed, for its import keeps the tables
for long.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping
from typing import Any

import psycopg2.errors
from gavo import base, rsc
from gavo.protocols import obscore

SOURCES = "rd/unions#_union_sources"
OBSCORE_SOURCES = "ivoa._obscoresources"
"""DaCHS's own table of this kind, for ``ivoa.obscore``."""

LONGEST_PAUSE = 2.0
"""Seconds between two attempts to have all views alone; readers go on meanwhile."""

MARGIN = 60.0
"""Seconds beyond what a job may take, before an import gives up on those who read."""


def _sources(connection: Any) -> Any:
    return rsc.TableForDef(base.resolveCrossId(SOURCES), connection=connection, create=True)


def join(
    table: Any,
    view_id: str,
    expressions: Mapping[str, str] | None = None,
    *,
    source: str | None = None,
    where: str | None = None,
    reads: Iterable[str] = (),
) -> None:
    """Note what a table contributes to a view.

    Parameters
    ----------
    table
        The DaCHS table.
    view_id
        Cross-RD id of the view, such as ``rd/hea#obscore_hea``.
    expressions
        SQL for columns of the view that are not just a column of the same name in the table.
    source
        SQL for what follows FROM; the table itself if it is not given.
    where
        SQL of a condition; all rows count without one.
    reads
        Qualified names of the other tables that the SQL reads.
    """
    expressions = expressions or {}
    columns = ", ".join(
        f"CAST({expressions.get(column.name, column.name)} AS {column.type}) AS {column.name}"
        for column in base.resolveCrossId(view_id)
    )
    name = table.tableDef.getQName()
    condition = f" WHERE {where}" if where else ""
    _sources(table.connection).addRow(
        {
            "view_id": view_id,
            "table_name": name,
            "reads": " ".join(sorted({name, *reads})),
            "fragment": f"SELECT {columns} FROM {source or name}{condition}",  # noqa: S608 - SQL of the RDs
            "sourcerd": table.tableDef.rd.sourceId,
        }
    )


def hea_expressions(table: Any) -> dict[str, str]:
    """Give the SQL that the mixins of ``rd/hea`` were told for columns of the extension.

    They leave it in properties ``hea_<column>`` of the table's definition.
    """
    definition = table.tableDef
    return {
        column.name: definition.expand(definition.getProperty(f"hea_{column.name}"))
        for column in base.resolveCrossId("rd/hea#obscore_healpix")
        if definition.getProperty(f"hea_{column.name}", None) is not None
    }


def collection_tables(table: Any) -> list[str]:
    """Give the qualified names of the tables behind the links and responses of a table's collection."""
    schema = table.tableDef.rd.schema
    return [f"{schema}.{name}" for name in ("obscore", "companions", "links", "provenance")]


def response_source(table: Any, kind: str | None = None) -> dict[str, Any]:
    """Give arguments of :func:`join` for the pairs of event list and response in a table's collection.

    Parameters
    ----------
    table
        A table of the collection.
    kind
        The dataproduct_type of the responses; None is all of them.
    """
    schema = table.tableDef.rd.schema
    expressions = {f"resp_{name}": f"o.{name}" for name in ("s_ra", "s_dec", "s_region", "t_intervals")}
    expressions |= {
        f"resp_{name}": f"r.{name}" for name in ("access_url", "access_format", "energy_min", "energy_max")
    }
    expressions |= {
        name: f"o.{name}" for name in ("obs_id", "target_name", "facility_name", "instrument_name")
    }
    expressions |= {
        "obs_publisher_did": "o.obs_publisher_did",
        "resp_publisher_did": "r.obs_publisher_did",
        "resp_product_type": "r.dataproduct_type",
    }
    return {
        "expressions": expressions,
        "source": f"{schema}.links AS l JOIN {schema}.obscore AS o ON o.obs_publisher_did = l.id"
        f" JOIN {schema}.companions AS r ON r.obs_publisher_did = l.dataset",
        "where": "l.semantics = '#calibration'" + (f" AND r.dataproduct_type = '{kind}'" if kind else ""),
        "reads": collection_tables(table),
    }


def site_views(connection: Any) -> list[str]:
    """Give the qualified names of all views that collections feed, in the state of this transaction."""
    querier = base.UnmanagedQuerier(connection)
    names = {"ivoa.obscore"}
    if querier.getTableType("ivoa._union_sources"):
        found = connection.query("SELECT DISTINCT view_id FROM ivoa._union_sources")
        names |= {base.resolveCrossId(view_id).getQName() for (view_id,) in found}
    return sorted(name for name in names if querier.getTableType(name) == "VIEW")


def own_relations(table: Any) -> list[str]:
    """Give the qualified names of what the RD of a table has in the database."""
    querier = base.UnmanagedQuerier(table.connection)
    names = [definition.getQName() for definition in table.tableDef.rd.tables if definition.onDisk]
    return sorted(name for name in names if querier.getTableType(name))


def hold(connection: Any, names: Iterable[str]) -> None:
    """Wait until nobody reads some tables and views, and have them alone until the transaction ends.

    Who reads takes its locks in an order of its own, so whatever order is taken here, one could wait for the
    other for ever; PostgreSQL would end one of them after deadlock_timeout. Here the import gives way before
    that: it lets go of all of them, and tries again later.

    Parameters
    ----------
    connection
        That of the import.
    names
        Qualified names; those that are not there are left out.

    Raises
    ------
    gavo.base.ReportableError
        Somebody has read them for longer than a query may take.
    """
    querier = base.UnmanagedQuerier(connection)
    kinds = {name: querier.getTableType(name) for name in names}
    statements = [_lock(name, kind) for name, kind in kinds.items() if kind]
    ((limit,),) = connection.query("SELECT setting::int FROM pg_settings WHERE name = 'deadlock_timeout'")
    end = time.monotonic() + base.getConfig("async", "defaultExecTime") + MARGIN
    pause = 0.05
    while not _try_to_hold(connection, statements, limit / 2000):
        if time.monotonic() > end:
            raise base.ReportableError(
                f"Queries have been reading {', '.join(kinds)} for too long; nothing was changed."
            )
        time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        pause = min(2 * pause, LONGEST_PAUSE)


def _lock(name: str, kind: str) -> str:
    # LOCK would take the tables behind a view, too, those of other collections among them.
    return f"ALTER VIEW {name} OWNER TO CURRENT_USER" if kind == "VIEW" else f"LOCK TABLE {name}"


def _try_to_hold(connection: Any, statements: Iterable[str], seconds: float) -> bool:
    end = time.monotonic() + seconds
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT hold")
        try:
            for statement in statements:
                left = max(1, round(1000 * (end - time.monotonic())))
                cursor.execute(f"SET LOCAL lock_timeout = {left}")
                cursor.execute(statement)
        except (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected):
            cursor.execute("ROLLBACK TO SAVEPOINT hold")
            return False
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
        cursor.execute("RELEASE SAVEPOINT hold")
    return True


def leave(table: Any) -> None:
    """Withdraw all that reads a table, which is about to be dropped, and make those views anew."""
    connection, name = table.connection, table.tableDef.getQName()
    _withdraw(connection, "%(name)s = ANY(string_to_array(reads, ' '))", {"name": name})
    _withdraw_from_obscore(connection, "tablename = %(name)s", {"name": name})


def leave_all(table: Any) -> None:
    """Withdraw all that the RD of a table contributes, before its first table is dropped."""
    parameters = {"rd": table.tableDef.rd.sourceId}
    _withdraw(table.connection, "sourcerd = %(rd)s", parameters)
    _withdraw_from_obscore(table.connection, "sourcerd = %(rd)s", parameters)


def _withdraw(connection: Any, condition: str, parameters: dict[str, str]) -> None:
    if not base.UnmanagedQuerier(connection).getTableType("ivoa._union_sources"):
        return
    gone = connection.query(
        f"DELETE FROM ivoa._union_sources WHERE {condition} RETURNING view_id",  # noqa: S608 - from above
        parameters,
    )
    for view_id in sorted({view_id for (view_id,) in gone}):
        rebuild(connection, view_id)


def _withdraw_from_obscore(connection: Any, condition: str, parameters: dict[str, str]) -> None:
    if not base.UnmanagedQuerier(connection).getTableType(OBSCORE_SOURCES):
        return
    gone = connection.query(
        f"DELETE FROM {OBSCORE_SOURCES} WHERE {condition} RETURNING tablename",  # noqa: S608 - from above
        parameters,
    )
    if list(gone):
        _rebuild_obscore(connection)


def _rebuild_obscore(connection: Any) -> None:
    """Make ivoa.obscore anew; where it is a table, it stays until ``dachs imp //obscore create``."""
    if not base.getConfig("ivoa", "materialiseObscore"):
        obscore.createObscoreView(connection)


def without_commits(definition: Any) -> None:
    """Take the script out of a table's definition by which DaCHS takes the table out of ivoa.obscore.

    It commits; of a collection's tables that is good for the first one only. :func:`leave` does the
    same without.
    """
    kept = [script for script in definition.scripts if script.name != "removeTableFromObscoreSources"]
    if len(kept) == len(definition.scripts):
        raise base.StructureError(f"{definition.id} does not mix in //obscore#publishObscoreLike")
    definition.scripts[:] = kept


def join_obscore_again(table: Any, shown: Mapping[str, str], other: Mapping[str, str] | None = None) -> None:
    """Have a table that feeds ivoa.obscore feed it a second time, with other access columns.

    Parameters
    ----------
    table
        The DaCHS table; it mixes in ``//obscore#publishObscoreLike``.
    shown
        The SQL for access_url, access_format and access_estsize that it gave the mixin, as ``url``,
        ``format`` and ``size``.
    other
        The same for the second row of each data set, which there is only if it has such a URL; None
        for no such rows.
    """
    if other is None:
        return
    clause = table.tableDef.expand(table.tableDef.getProperty("obscoreClause"))
    for name, column, of_type in (
        ("url", "access_url", "text"),
        ("format", "access_format", "text"),
        ("size", "access_estsize", "bigint"),
    ):
        before, after = (f"CAST({sql[name]} AS {of_type}) AS {column}" for sql in (shown, other))
        if clause.count(before) != 1:
            raise base.StructureError(f"DaCHS does not write {column} of ivoa.obscore as expected")
        clause = clause.replace(before, after)
    name = table.tableDef.getQName()
    sources = base.resolveCrossId("//obscore#_obscoresources")
    rsc.TableForDef(sources, connection=table.connection).addRow(
        {
            # By the RD, not by this name, it is taken out again: see leave_all.
            "tableName": f"{name} again",
            "sourcerd": table.tableDef.rd.sourceId,
            "sqlFragment": f"SELECT {clause} FROM {name} WHERE {other['url']} IS NOT NULL",  # noqa: S608
        }
    )


def rebuild(connection: Any, view_id: str) -> None:
    """Make a view from the fragments of all its tables; without any it is empty."""
    view = base.resolveCrossId(view_id)
    fragments = [
        fragment
        for (fragment,) in connection.query(
            "SELECT fragment FROM ivoa._union_sources WHERE view_id=%(view)s ORDER BY table_name",
            {"view": view_id},
        )
    ]
    if not fragments:
        nulls = ", ".join(f"CAST(NULL AS {column.type}) AS {column.name}" for column in view)
        fragments = [f"SELECT {nulls} WHERE FALSE"]
    name = view.getQName()
    connection.execute(f"DROP VIEW IF EXISTS {name} CASCADE")
    union = " UNION ALL ".join(f"({fragment})" for fragment in fragments)
    connection.execute(f"CREATE VIEW {name} AS ({union})")
    rsc.TableForDef(view, connection=connection).updateMeta()


def recover(connection: Any) -> None:
    """Drop the fragments that read tables that are gone, and make all views anew, ivoa.obscore, too.

    After an import that failed, ``dachs imp -m`` of its RD before this brings its tables back.
    """
    querier = base.UnmanagedQuerier(connection)
    entries = list(connection.query("SELECT view_id, table_name, reads FROM ivoa._union_sources"))
    for view_id, table_name, reads in entries:
        if not all(querier.getTableType(name) for name in reads.split()):
            connection.execute(
                "DELETE FROM ivoa._union_sources WHERE view_id=%(view)s AND table_name=%(table)s",
                {"view": view_id, "table": table_name},
            )
    for view_id in sorted({view_id for view_id, _, _ in entries}):
        rebuild(connection, view_id)
    _rebuild_obscore(connection)
