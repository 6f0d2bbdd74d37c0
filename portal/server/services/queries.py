"""ADQL that gives rows, in an order, with as little work for the service as may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from portal.server.services import identifiers
from portal.server.services.known import KEY, Column, Table
from portal.server.services.writer import Where

FEW = 20_000
"""Rows for which it is better not to join all before they are sorted."""


class Order(NamedTuple):
    """A column to sort by."""

    column: Column
    descending: bool = False


@dataclass(frozen=True)
class Cut:
    """Which rows of the sorted answer are wanted.

    Parameters
    ----------
    limit
        Rows at most.
    offset
        Rows to skip.
    extra
        A further condition.
    """

    limit: int
    offset: int = 0
    extra: str | None = None


def source(table: Table, own: str | None, where: Where, columns: Sequence[Column]) -> str:
    """Write what stands behind FROM.

    Parameters
    ----------
    table
        The table.
    own
        People's own ADQL, whose result the table is; None if it is the service's.
    where
        Conditions on the table.
    columns
        Columns that are selected or sorted by.

    Returns
    -------
    str
        A table, a join, or the query in parentheses.
    """
    return f"(\n{own}\n) AS q" if own is not None else table.source(where.columns, list(columns))


def selecting(
    table: Table,
    own: str | None,
    where: Where,
    columns: Sequence[Column],
    *,
    order: Sequence[Order],
    cut: Cut,
) -> str:
    """Write the query that gives rows.

    Parameters
    ----------
    table
        The table.
    own
        People's own ADQL, whose result the table is; None if it is the service's.
    where
        Conditions on the table.
    columns
        What to select.
    order
        What to sort by.
    cut
        Which of the sorted rows.

    Returns
    -------
    str
        ADQL.
    """
    listed = ", ".join(column.sql for column in columns)
    sorted_by = [o.column for o in order]
    main = table.parts[0]
    if own is None and cut.limit <= FEW and all(column.table == main for column in sorted_by):
        where = _inside(table, where)
    needed = [*where.columns, *sorted_by]
    if own is None and all(c.table == main for c in needed) and any(c.table != main for c in columns):
        # The join is made for the few rows that are wanted, not for all before they are sorted.
        inside = [c for c in [*columns, *sorted_by, table.find(KEY)] if c is not None and c.table == main]
        inner = _one(source(table, None, where, inside), where, _unique(inside), order, cut)
        joined = " ".join(f"NATURAL LEFT OUTER JOIN {identifiers.table(part)}" for part in table.parts[1:])
        return f"SELECT TOP {cut.limit} {listed}\nFROM (\n{inner}\n) AS q {joined}{_ordering(order)}"
    return _one(source(table, own, where, [*columns, *sorted_by]), where, listed, order, cut)


def _inside(table: Table, where: Where) -> Where:
    """Have conditions on another table choose among identifiers, where they can.

    Planners know little of the size of joins of views: sorting one they sort all of it, for fifty rows, too.
    """
    main, *extensions = table.parts
    key = table.find(KEY)
    if key is None or key.table != main:
        return where
    made = Where()
    chosen: dict[str, list[str]] = {}
    for condition, columns in zip(where.conditions, where.needs, strict=True):
        tables = {column.table for column in columns}
        if len(tables) == 1 and (other := tables.pop()) in extensions:
            chosen.setdefault(other, []).append(condition)
        else:
            made.add(condition, *columns)
    for other, conditions in chosen.items():
        inner = f"FROM {identifiers.table(other)} WHERE {' AND '.join(conditions)}"
        made.add(f"{key.sql} IN (SELECT {key.sql} {inner})", key)
    return made


def _one(tables: str, where: Where, listed: str, order: Sequence[Order], cut: Cut) -> str:
    conditions = where.text
    if cut.extra is not None:
        conditions += f"\n  AND {cut.extra}" if conditions else f"\nWHERE {cut.extra}"
    skipping = f"\nOFFSET {cut.offset}" if cut.offset else ""
    return f"SELECT TOP {cut.limit} {listed}\nFROM {tables}{conditions}{_ordering(order)}{skipping}"


def _ordering(order: Sequence[Order]) -> str:
    sorting = ", ".join(o.column.sql + (" DESC" if o.descending else "") for o in order)
    return f"\nORDER BY {sorting}" if sorting else ""


def _unique(columns: Sequence[Column]) -> str:
    return ", ".join({column.bare.lower(): column.sql for column in columns}.values())
