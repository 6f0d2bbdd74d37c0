"""ADQL of the conditions on search fields."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from portal.server.models.search import Among, Between, Condition, Contains
from portal.server.services import features, fields
from portal.server.services.identifiers import literal, number
from portal.server.services.known import Column, Known

if TYPE_CHECKING:
    from portal.server.services.writer import Where

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")
WILDCARDS = re.compile(r"[%_\\]")
SPECIAL = re.compile(r"([.^$*+?()\[\]{}|])")
EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
YEARS = (1, 9998)


class BadValueError(Exception):
    """A condition that the service cannot take, with the reason for people."""


def add(known: Known, condition: Condition, made: Where) -> None:
    """Write a condition.

    Parameters
    ----------
    known
        What is known of the table.
    condition
        The condition.
    made
        Where it goes.

    Raises
    ------
    BadValueError
        If the service cannot take it.
    """
    found = fields.find(known.table, condition.field)
    if found is None:
        raise BadValueError(f"There is no search field '{condition.field[:60]}'.")
    if not found.state.available or found.column is None:
        raise BadValueError(found.state.reason or f"{found.spec.label} is not available.")
    label = found.spec.label
    if isinstance(condition, Among):
        made.add(_among(label, found.column, condition), found.column)
    elif isinstance(condition, Contains):
        made.add(_contains(label, known, found.column, condition.text), found.column)
    else:
        for text in _between(label, found, condition):
            made.add(text, found.column)


def _among(label: str, column: Column, condition: Among) -> str:
    if column.is_number:
        values = [_numeral(label, column, value) for value in condition.values]
    elif column.is_text:
        values = [literal(_clean(label, value)) for value in condition.values]
    else:
        raise BadValueError(f"{label}: the column {column.bare} has no values to choose from.")
    values = list(dict.fromkeys(values))
    return f"{column.sql} = {values[0]}" if len(values) == 1 else f"{column.sql} IN ({', '.join(values)})"


def _numeral(label: str, column: Column, value: str) -> str:
    text = value.strip()
    if column.is_integer and re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return str(int(text))
    if not column.is_integer and re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", text):
        converted = float(text)
        if converted not in (float("inf"), float("-inf")):
            return number(converted)
    kind = "whole number" if column.is_integer else "number"
    raise BadValueError(f"{label}: '{value[:40]}' is no {kind}, but the column {column.bare} has only those.")


def _between(label: str, found: fields.Found, condition: Between) -> list[str]:
    column = found.column
    assert column is not None
    low, high = condition.low, condition.high
    if low is None and high is None:
        raise BadValueError(f"{label}: neither a lower nor an upper bound is given.")
    if low is not None and high is not None and low > high:
        raise BadValueError(f"{label}: the lower bound ({low:g}) is above the upper one ({high:g}).")
    if not (column.is_number or column.is_time):
        raise BadValueError(
            f"{label}: the column {column.bare} has no numbers that could lie between bounds."
        )
    return [
        f"{column.sql} {side} {_bound(label, column, bound, found.factor)}"
        for side, bound in ((">=", low), ("<=", high))
        if bound is not None
    ]


def _bound(label: str, column: Column, bound: float, factor: float) -> str:
    if not column.is_time:
        return number(bound * factor)
    try:
        when = EPOCH + timedelta(days=bound)
    except OverflowError:
        raise BadValueError(f"{label}: MJD {bound:g} is no date.") from None
    return literal(when.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0"))


def _contains(label: str, known: Known, column: Column, text: str) -> str:
    if not column.is_text:
        raise BadValueError(f"{label}: the column {column.bare} has no text.")
    text = _clean(label, text)
    language = known.language
    if WILDCARDS.search(text):
        # LIKE takes these for any characters, and ADQL has no way to say otherwise.
        if language.function(features.REGEX) is None or "\\" in text:
            raise BadValueError(
                f"{label}: the service cannot look for texts with %, _ or \\ in them, "
                "for they stand for other characters there."
            )
        pattern = literal("(?i)" + SPECIAL.sub(r"\\\1", text))
        return f"1={features.REGEX}({pattern}, {column.sql})"
    pattern = literal(f"%{text}%")
    if language.function(features.NOCASE):
        return f"1={features.NOCASE}({column.sql}, {pattern})"
    if language.has_ilike:
        return f"{column.sql} ILIKE {pattern}"
    if language.has_lower:
        return f"LOWER({column.sql}) LIKE LOWER({pattern})"
    raise BadValueError(f"{label}: {features.nocase(language).reason}")


def _clean(label: str, text: str) -> str:
    if CONTROL.search(text):
        raise BadValueError(
            f"{label}: '{CONTROL.sub('?', text)[:40]}' has a line break or another control character."
        )
    return text
