"""ADQL of a search: every part of it, or the reason why a part is impossible."""

from __future__ import annotations

from dataclasses import dataclass, field

from portal.server.models.config import Availability
from portal.server.models.search import Cone, Energy, Ignored, Search, TimeSpan
from portal.server.services import conditions, features, scales
from portal.server.services.conditions import BadValueError
from portal.server.services.errors import ImpossibleError
from portal.server.services.identifiers import number
from portal.server.services.known import Column, Known

HC = 1.239841984332e-6
"""Planck constant times speed of light in eV m: exact in the SI of 2019, rounded as in CODATA 2022."""


@dataclass
class Where:
    """The conditions of a search, and what they need."""

    conditions: list[str] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    needs: list[tuple[Column, ...]] = field(default_factory=list)
    """What each of the conditions needs."""
    impossible: list[Ignored] = field(default_factory=list)

    def refuse(self, part: str, reason: str | None) -> None:
        """Note that a part is impossible."""
        self.impossible.append(Ignored(part=part, reason=reason or "The service cannot do that."))

    def add(self, condition: str, *columns: Column) -> None:
        """Add a condition."""
        self.conditions.append(condition)
        self.columns.extend(columns)
        self.needs.append(columns)

    @property
    def text(self) -> str:
        """What stands after the tables; empty if there is no condition."""
        return "" if not self.conditions else "\nWHERE " + "\n  AND ".join(self.conditions)


def where(known: Known, search: Search) -> Where:
    """Write the conditions of a search.

    Parameters
    ----------
    known
        What is known of the table.
    search
        The search.

    Returns
    -------
    Where
        Conditions for the possible parts, and all that is impossible.
    """
    made = Where()
    if search.cone is not None:
        _cone(known, search.cone, made)
    if search.time is not None:
        _time(known, search.time, made)
    if search.intervals is not None:
        _intervals(known, search.intervals, made)
    if search.energy is not None:
        _energy(known, search.energy, made)
    for condition in search.conditions:
        part = f"conditions.{condition.field}"
        try:
            conditions.add(known, condition, made)
        except BadValueError as error:
            made.refuse(part, str(error))
    return made


def possible(known: Known, search: Search) -> Where:
    """Write the conditions of a search that is possible as a whole.

    Parameters
    ----------
    known
        What is known of the table.
    search
        The search.

    Returns
    -------
    Where
        All conditions.

    Raises
    ------
    ImpossibleError
        If a part is impossible.
    """
    made = where(known, search)
    if made.impossible:
        raise ImpossibleError(made.impossible)
    return made


def shown(known: Known, made: Where) -> str:
    """Write a search as people are shown it: with all columns, so that it can be edited.

    Parameters
    ----------
    known
        What is known of the table.
    made
        Its conditions.

    Returns
    -------
    str
        The query.
    """
    source = known.table.source(made.columns, known.table.columns)
    return f"SELECT *\nFROM {source}{made.text}"


def _is_possible(state: Availability, part: str, made: Where) -> bool:
    if not state.available:
        made.refuse(part, state.reason)
    return state.available


def _cone(known: Known, cone: Cone, made: Where) -> None:
    table = known.table
    if cone.what == "pointing":
        if not _is_possible(features.cone(table, known.language), "cone", made):
            return
        columns = [c for c in (table.find("s_ra"), table.find("s_dec")) if c is not None]
        place, function = f"POINT('ICRS', {columns[0].sql}, {columns[1].sql})", "CONTAINS"
    else:
        if not _is_possible(features.region(table, known.language), "cone", made):
            return
        columns = [c for c in (table.find("s_region"),) if c is not None]
        place, function = columns[0].sql, "INTERSECTS"
    if cone.radius >= 180:
        made.add(" AND ".join(f"{column.sql} IS NOT NULL" for column in columns), *columns)
        return
    tests = []
    for position in cone.positions:
        if cone.radius <= 90:
            circle = f"CIRCLE('ICRS', {number(position.ra)}, {number(position.dec)}, {number(cone.radius)})"
            tests.append(f"1={function}({place}, {circle})")
        else:
            # Not every service knows circles above a hemisphere: what lies in the rest is left out.
            other = (
                f"{number((position.ra + 180) % 360)}, {number(-position.dec)}, {number(180 - cone.radius)}"
            )
            tests.append(f"0=CONTAINS({place}, CIRCLE('ICRS', {other}))")
    made.add(_any(tests), *columns)


def _time(known: Known, span: TimeSpan, made: Where) -> None:
    if not _is_possible(features.time(known.table, known.time_scale), "time", made):
        return
    scale = known.time_scale
    if scale is not None and not scales.is_convertible(scale):
        made.refuse(
            "time", f"Time: the table's times are in the scale {scale}, which cannot be converted from TT."
        )
        return
    if (reason := _bounds(span.start, span.end)) is not None:
        made.refuse("time", f"Time: {reason}")
        return
    first, last = known.table.find("t_min"), known.table.find("t_max")
    assert first is not None and last is not None
    after, before = (last, first) if span.how == "overlaps" else (first, last)
    if span.start is not None:
        made.add(f"{after.sql} >= {number(scales.from_tt(span.start, scale))}", after)
    if span.end is not None:
        made.add(f"{before.sql} <= {number(scales.from_tt(span.end, scale))}", before)


def _intervals(known: Known, intervals: list[tuple[float, float]], made: Where) -> None:
    if not _is_possible(features.intervals(known.table, known.language), "intervals", made):
        return
    if not intervals:
        made.refuse("intervals", "Intervals: there is none in the list.")
        return
    wrong = [i for i, (start, end) in enumerate(intervals, 1) if start > end]
    if wrong:
        made.refuse("intervals", f"Intervals: number {wrong[0]} ends before it starts.")
        return
    column = known.table.find("t_intervals")
    function = known.language.function(*features.TMOC)
    assert column is not None and function is not None
    tests = [f"1={function}({column.sql}, {number(start)}, {number(end)})" for start, end in intervals]
    made.add(_any(tests), column)


def _energy(known: Known, energy: Energy, made: Where) -> None:
    if not _is_possible(features.energy(known.table), "energy", made):
        return
    if (reason := _bounds(energy.low, energy.high)) is not None:
        made.refuse("energy", f"Energy: {reason}")
        return
    found = features.energies(known.table)
    assert found is not None
    low, high, is_wave = found
    function = known.language.function(*features.ENERGIES)
    if not is_wave and energy.how == "overlaps" and function and energy.low and energy.high:
        made.add(
            f"1={function}({low.sql}, {high.sql}, {number(energy.low)}, {number(energy.high)})", low, high
        )
        return
    # Which end of the observation's range has to be on which side of the bounds.
    sides = {"overlaps": (">=", "<="), "contains": ("<=", ">="), "within": (">=", "<=")}[energy.how]
    ends = (high, low) if energy.how == "overlaps" else (low, high)
    for bound, column, side in zip((energy.low, energy.high), ends, sides, strict=True):
        if bound is None:
            continue
        if is_wave:
            # em_min belongs to the highest energy, em_max to the lowest, and large energies are short waves.
            other = high if column is low else low
            made.add(f"{other.sql} {'<=' if side == '>=' else '>='} {number(HC / bound)}", other)
        else:
            made.add(f"{column.sql} {side} {number(bound)}", column)


def _bounds(low: float | None, high: float | None) -> str | None:
    if low is None and high is None:
        return "neither a lower nor an upper bound is given."
    if low is not None and high is not None and low > high:
        return f"the lower bound ({low:g}) is above the upper one ({high:g})."
    return None


def _any(tests: list[str]) -> str:
    return tests[0] if len(tests) == 1 else "(" + "\n    OR ".join(tests) + ")"
