"""The column table ``rd/columns.csv``: read here, and nowhere else retyped."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from ingest.errors import ConfigError

COLUMN_TABLE = Path(__file__).resolve().parent.parent / "rd" / "columns.csv"
"""The table file; it lies beside the packages, in the checkout and in a deployed instance."""

INTEGER_TYPES = ("smallint", "integer", "bigint")


@dataclass(frozen=True)
class Column:
    """One row of the column table.

    ``group`` says where the column goes: ``hea`` is the High-Energy extension, ``obscore`` the
    optional ObsCore 1.1 columns that we fill. ``source`` names the document that defines it.
    """

    group: str
    name: str
    type: str
    unit: str
    ucd: str
    utype: str
    description: str
    source: str


@cache
def load(path: Path = COLUMN_TABLE) -> tuple[Column, ...]:
    """Read the whole column table.

    Raises
    ------
    ConfigError
        A row has missing or surplus fields, or a name occurs twice.
    """
    with path.open(newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    columns = []
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ConfigError(f"{path.name}, line {number}: expected {len(Column.__annotations__)} fields")
        columns.append(Column(**row))
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{path.name}: column {name!r} is defined twice")
    return tuple(columns)


def in_group(group: str) -> tuple[Column, ...]:
    """Give the columns of one group, in the order of the table.

    Raises
    ------
    ConfigError
        There is no such group.
    """
    found = tuple(column for column in load() if column.group == group)
    if not found:
        known = sorted({column.group for column in load()})
        raise ConfigError(f"no column group {group!r}; known are {', '.join(known)}")
    return found


def rd_items(group: str, *, integers: bool = False) -> Iterator[dict[str, str]]:
    """Yield the columns of a group as the items of a DaCHS ``LOOP``.

    Integer columns come apart from the others, because their definition has one more element, the
    value that stands for NULL in a VOTable.
    """
    for column in in_group(group):
        if (column.type in INTEGER_TYPES) is integers:
            yield asdict(column)
