"""The search fields, which are data, and whether a table has them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from astropy import units
from pydantic import ConfigDict, Field, TypeAdapter

from portal.server.models.base import Model
from portal.server.models.config import Availability, FieldInfo, FieldKind
from portal.server.services import features, states
from portal.server.services.known import Column, Language, Table

FILE = Path(__file__).with_name("fields.toml")


class FieldSpec(Model):
    """A search field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    group: Literal["observation", "programme", "conditions", "data"]
    label: str
    kind: FieldKind
    unit: str | None = None
    description: str
    columns: list[str] = Field(min_length=1)


@dataclass(frozen=True)
class Found:
    """A search field in a table."""

    spec: FieldSpec
    column: Column | None
    factor: float
    state: Availability

    @property
    def info(self) -> FieldInfo:
        """The field as the API gives it."""
        return FieldInfo(
            key=self.spec.key,
            group=self.spec.group,
            label=self.spec.label,
            kind=self.spec.kind,
            unit=self.spec.unit,
            description=self.spec.description,
            column=None if self.column is None else self.column.bare,
            state=self.state,
        )


@cache
def specs() -> tuple[FieldSpec, ...]:
    """Give all search fields.

    Returns
    -------
    tuple of FieldSpec
        In the order in which forms show them.
    """
    with FILE.open("rb") as file:
        content = tomllib.load(file)
    return tuple(TypeAdapter(list[FieldSpec]).validate_python(content["field"]))


def find(table: Table, key: str) -> Found | None:
    """Give a field of a table.

    Parameters
    ----------
    table
        The table.
    key
        The field's key.

    Returns
    -------
    Found or None
        None if no field is called so.
    """
    spec = next((spec for spec in specs() if spec.key == key), None)
    return None if spec is None else _find(table, spec)


def elsewhere(table: Table, every: list[Table]) -> dict[str, list[str]]:
    """Find out which other tables have the fields that a table lacks.

    Parameters
    ----------
    table
        The table.
    every
        All tables of the service.

    Returns
    -------
    dict
        Keys of tables by keys of fields; fields that no table has are not in it.
    """
    found = {
        spec.key: [other.key for other in every if other.first(spec.columns) is not None]
        for spec in specs()
        if table.first(spec.columns) is None
    }
    return {key: tables for key, tables in found.items() if tables}


def all_of(table: Table, language: Language, others: dict[str, list[str]]) -> list[FieldInfo]:
    """Give all fields and whether a table has them.

    Parameters
    ----------
    table
        The table.
    language
        What the service's ADQL can do.
    others
        Other tables that have fields, as `elsewhere` gives them.

    Returns
    -------
    list of FieldInfo
        Each with the reason if it cannot be used.
    """
    infos = []
    for spec in specs():
        info = _find(table, spec).info
        if info.state.available and spec.kind is FieldKind.TEXT:
            info = info.model_copy(update={"state": features.nocase(language)})
        if tables := others.get(spec.key):
            reason = f"{info.state.reason} {_having(tables)}"
            info = info.model_copy(update={"state": states.no(reason)})
        infos.append(info)
    return infos


def _find(table: Table, spec: FieldSpec) -> Found:
    column = table.first(spec.columns)
    if column is None:
        sought = " or ".join(spec.columns)
        return Found(spec, None, 1.0, states.no(f"{spec.label}: the table has no column {sought}."))
    if spec.kind is FieldKind.TEXT and not column.is_text:
        return Found(spec, column, 1.0, states.no(f"{spec.label}: the column {column.bare} has no text."))
    if spec.kind is FieldKind.CHOICE and not (column.is_text or column.is_number):
        return Found(
            spec,
            column,
            1.0,
            states.no(f"{spec.label}: the column {column.bare} has no values to choose from."),
        )
    if spec.kind is FieldKind.RANGE and not (column.is_number or column.is_time):
        return Found(spec, column, 1.0, states.no(f"{spec.label}: the column {column.bare} has no numbers."))
    factor = 1.0
    if column.is_number and spec.unit and column.unit:
        converted = _factor(spec.unit, column.unit)
        if converted is None:
            reason = f"{spec.label}: the column {column.bare} is in {column.unit}, which is not {spec.unit}."
            return Found(spec, column, 1.0, states.no(reason))
        factor = converted
    return Found(spec, column, factor, states.YES)


def _having(tables: list[str]) -> str:
    *first, last = tables
    return f"The tables {', '.join(first)} and {last} have it." if first else f"The table {last} has it."


@cache
def _factor(unit: str, other: str) -> float | None:
    """Give what a number in the one unit has to be multiplied with to be in the other."""
    if unit == other:
        return 1.0
    parsed = [units.Unit(text, format="vounit", parse_strict="silent") for text in (unit, other)]
    try:
        return float(parsed[0].to(parsed[1]))
    except (units.UnitConversionError, AttributeError, TypeError):
        return None
