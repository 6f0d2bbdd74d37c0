"""TAP tables that many collections feed: views over what each of them contributes.

DaCHS builds ``ivoa.obs_radio`` in this way. Here one table, ``ivoa._union_sources``, holds the SQL
fragments of all such views, and the RDs call :func:`join`, :func:`leave` and :func:`rebuild`.
"""

from __future__ import annotations

from typing import Any

from gavo import base, rsc

SOURCES = "rd/unions#_union_sources"


def _sources(connection: Any) -> Any:
    return rsc.TableForDef(base.resolveCrossId(SOURCES), connection=connection, create=True)


def join(table: Any, view_id: str, **expressions: str) -> None:
    """Note what a table contributes to a view.

    Parameters
    ----------
    table
        The DaCHS table.
    view_id
        Cross-RD id of the view, such as ``rd/hea#obscore_hea``.
    **expressions
        SQL for columns of the view that are not just a column of the same name in the table.
    """
    columns = ", ".join(
        f"CAST({expressions.get(column.name, column.name)} AS {column.type}) AS {column.name}"
        for column in base.resolveCrossId(view_id)
    )
    name = table.tableDef.getQName()
    _sources(table.connection).addRow(
        {
            "view_id": view_id,
            "table_name": name,
            "fragment": f"SELECT {columns} FROM {name}",  # noqa: S608 - names come from the RDs
            "sourcerd": table.tableDef.rd.sourceId,
        }
    )


def leave(table: Any, view_id: str) -> None:
    """Withdraw a table that is about to be dropped from a view, and make the view anew."""
    if not table.getTableType("ivoa._union_sources"):
        return
    table.connection.execute(
        "DELETE FROM ivoa._union_sources WHERE view_id=%(view)s AND table_name=%(table)s",
        {"view": view_id, "table": table.tableDef.getQName()},
    )
    rebuild(table.connection, view_id)


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
    """Drop the fragments of tables that are gone, and make all views anew."""
    querier = base.UnmanagedQuerier(connection)
    entries = list(connection.query("SELECT view_id, table_name FROM ivoa._union_sources"))
    for view_id, table_name in entries:
        if not querier.getTableType(table_name):
            connection.execute(
                "DELETE FROM ivoa._union_sources WHERE view_id=%(view)s AND table_name=%(table)s",
                {"view": view_id, "table": table_name},
            )
    for view_id in sorted({view_id for view_id, _ in entries}):
        rebuild(connection, view_id)
