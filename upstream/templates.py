"""ADQL queries with their literals lifted out, so that queries that differ in these only are known as one.

A literal is lifted only where it is a plain value: what a column is compared with, a member of an
IN list, a bound of BETWEEN, a coordinate or a radius. Everything else (limits, function arguments, the
1 in ``1=CONTAINS(...)``, names of coordinate systems) stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>'(?:[^']|'')*')
    |(?P<quoted>"(?:[^"]|"")*")
    |(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<operator><=|>=|<>|!=|.)""",
    re.VERBOSE | re.DOTALL,
)
COMPARISONS = ("=", "<>", "!=", "<", ">", "<=", ">=")
SHAPES = ("POINT", "CIRCLE", "DISTANCE", "BOX", "POLYGON")
ENDS = ("AND", "OR", "ORDER", "GROUP", "HAVING", "OFFSET", "UNION", "INTERSECT", "EXCEPT")
"""Words that may follow a condition."""

PLAIN = re.compile(r"[^\x00-\x1f\x7f-\xa0\\]*")
"""Strings that the parser takes as they are; it expands tabs, and DaCHS replaces fixed spaces."""

MOST_DIGITS = 30


@dataclass(frozen=True)
class Token:
    """A part of a query's text."""

    kind: str
    text: str


@dataclass(frozen=True)
class Lifted:
    """A query without its literals.

    Parameters
    ----------
    parts
        The text between the literals; one part more than there are literals.
    kinds
        For each literal ``string`` or ``number``.
    values
        The literals as they were written.
    """

    parts: tuple[str, ...]
    kinds: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def key(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What queries of one kind have in common."""
        return self.parts, self.kinds

    def text(self, values: Sequence[str]) -> str:
        """Give the query with other literals."""
        return self.parts[0] + "".join(v + p for v, p in zip(values, self.parts[1:], strict=True))


def lift(query: str) -> Lifted | None:
    """Take the literals out of an ADQL query.

    Parameters
    ----------
    query
        The text.

    Returns
    -------
    Lifted or None
        None if the text has things in it (comments, unknown characters) after which one cannot know what
        is a literal without the grammar.
    """
    tokens = [Token(str(match.lastgroup), match[0]) for match in TOKEN.finditer(query)]
    if "--" in query or "/*" in query or not _strings_are_plain(tokens):
        return None
    spots = set(_spots([(i, token) for i, token in enumerate(tokens) if token.kind != "space"]))
    parts, kinds, values = [""], [], []
    for position, token in enumerate(tokens):
        if position in spots:
            kinds.append(token.kind)
            values.append(token.text)
            parts.append("")
        else:
            parts[-1] += token.text
    return Lifted(tuple(parts), tuple(kinds), tuple(values))


def _strings_are_plain(tokens: list[Token]) -> bool:
    """Say whether no quote is left alone, and no string has characters that DaCHS changes."""
    return all(
        token.text not in ("'", '"') and (token.kind != "string" or PLAIN.fullmatch(token.text))
        for token in tokens
    )


def _spots(tokens: list[tuple[int, Token]]) -> list[int]:
    """Give the positions of literals that can be lifted; space has been left out of the tokens."""
    found = []
    openers: list[str] = []
    closed = ""
    for place, (position, token) in enumerate(tokens):
        before = [t for _, t in tokens[max(0, place - 5) : place]]
        after = tokens[place + 1][1] if place + 1 < len(tokens) else None
        function = openers[-1] if openers else ""
        if token.text == "(":
            openers.append(before[-1].text.upper() if before and before[-1].kind == "name" else "")
        elif token.text == ")":
            closed = openers.pop() if openers else ""
        elif token.kind in ("string", "number") and _may_lift(token, before, after, function, closed):
            found.append(position)
    return found


def _may_lift(token: Token, before: list[Token], after: Token | None, function: str, closed: str) -> bool:
    if len(token.text) > MOST_DIGITS and token.kind == "number":
        return False
    if token.kind == "number" and before and before[-1].text in "+-":
        before = before[:-1]
    if not before or not _ends_here(after):
        return False
    last = before[-1]
    if last.text in ("(", ","):
        return function == "IN" or (function in SHAPES and token.kind == "number")
    return _is_bound(before) or _is_compared(before, token, closed)


def _ends_here(after: Token | None) -> bool:
    """Say whether a literal is the whole of a value, and no part of an expression."""
    return after is None or after.text in (")", ",", ";") or after.text.upper() in ENDS


def _is_bound(before: list[Token]) -> bool:
    """Say whether the tokens before a literal are those of a bound of ``column BETWEEN``."""
    words = [token.text.upper() for token in before]
    if words[-1] == "BETWEEN":
        return len(before) > 1 and before[-2].kind in ("name", "quoted")
    if words[-1] == "AND" and "BETWEEN" in words:
        return len(words) - 1 - words.index("BETWEEN") <= 3
    return False


def _is_compared(before: list[Token], token: Token, closed: str) -> bool:
    """Say whether a literal is compared with a column, or with a distance."""
    if len(before) < 2:
        return False
    operator, other = before[-1].text.upper(), before[-2]
    if operator == "LIKE":
        return token.kind == "string" and other.kind in ("name", "quoted") and other.text.upper() != "NOT"
    if operator not in COMPARISONS:
        return False
    return other.kind in ("name", "quoted") or (
        other.text == ")" and closed == "DISTANCE" and token.kind == "number"
    )


STRINGS = ("'q7 Zx%{n}  é'", "''' k{n}%%-w '", "'{n}'")
NUMBERS = ("{n}0918273", "0{n}64.5070", "0{n}.64E+05", "{n}.", ".{n}0e-7")
"""Of all forms that the grammar knows, and none as a program would write it."""

CHOICES = len(NUMBERS)


def stand_ins(kinds: Sequence[str], choice: int) -> list[str]:
    """Give literals of these kinds that differ from each other and are not normalised by chance.

    Parameters
    ----------
    kinds
        As in `Lifted`.
    choice
        From 0 to `CHOICES` - 1: sets that have nothing in common.
    """
    forms = {"string": STRINGS[choice % len(STRINGS)], "number": NUMBERS[choice]}
    return [forms[kind].format(n=700 + 10 * number + choice) for number, kind in enumerate(kinds)]
