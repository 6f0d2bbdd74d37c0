"""Words of ADQL: literals, numbers, names, and the parts of a query."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from portal.server.services.errors import AskError

REGULAR = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
DELIMITED = re.compile(r'"(?:[^"]|"")+"\Z')
TABLE_PARTS = re.compile(r'"(?:[^"]|"")+"|[^.]+')
TOKEN = re.compile(
    r"(?P<comment>--[^\n\r]*)"
    r"|(?P<literal>'(?:[^']|'')*')"
    r'|(?P<delimited>"(?:[^"]|"")*")'
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<space>\s+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
# Reserved words of ADQL 2.1 (section 2.1.2) that a column may well be called.
WORDS = """
abs absolute acos action add all allocate alter and any are area as asc asin assertion at atan atan2
authorization avg begin between bit bit_length both box by cascade cascaded case cast catalog
ceiling centroid char char_length character check circle close coalesce collate collation column
commit connect connection constraint constraints contains continue convert coord1 coord2 coordsys
corresponding cos count create cross current current_date current_time current_timestamp
current_user cursor date day deallocate decimal declare default deferrable deferred degrees delete
desc describe descriptor diagnostics disconnect distance distinct domain double drop else end
end-exec escape except exception exec execute exists exp external extract false fetch first float
floor for foreign found from full get global go goto grant group having hour identity ilike
immediate in in_unit indicator initially inner input insensitive insert int integer intersect
intersects interval into is isolation join key language last leading left level like local log log10
lower match max min minute mod module month names national natural nchar next no not null nullif
numeric octet_length of offset on only open option or order outer output overlaps pad partial pi
point polygon position power precision prepare preserve primary prior privileges procedure public
radians rand read real references region relative restrict revoke right rollback round rows schema
scroll second section select session session_user set sign sin size smallint some space sql sqlcode
sqlerror sqlstate sqrt substring sum system_user table tablesample tan temporary then time timestamp
timezone_hour timezone_minute to top trailing transaction translate translation trim true truncate
union unique unknown update upper usage user using value values varchar varying view when whenever
where with work write year zone
"""
RESERVED = frozenset(WORDS.split())


class Token(NamedTuple):
    """A part of a query."""

    kind: str
    text: str
    depth: int


def literal(text: str) -> str:
    """Write a string.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    str
        The literal, in single quotes.
    """
    return "'" + text.replace("'", "''") + "'"


def number(value: float) -> str:
    """Write a number.

    Parameters
    ----------
    value
        A finite number.

    Returns
    -------
    str
        The shortest decimal number that is this one.

    Raises
    ------
    AskError
        If it is not finite.
    """
    if not math.isfinite(value):
        raise AskError("A number of the search is not finite.")
    text = repr(value)
    return text.removesuffix(".0") if "e" not in text else text


def name(column: str) -> str:
    """Write a column's name.

    Parameters
    ----------
    column
        The name as TAP_SCHEMA has it, delimited or not.

    Returns
    -------
    str
        The same, delimited where it has to be.
    """
    if DELIMITED.match(column):
        return column
    if REGULAR.match(column) and column.lower() not in RESERVED:
        return column
    return '"' + column.replace('"', '""') + '"'


def bare(column: str) -> str:
    """Give a name without its delimiters.

    Parameters
    ----------
    column
        The name as TAP_SCHEMA has it.

    Returns
    -------
    str
        The name as results have it.
    """
    return column[1:-1].replace('""', '"') if DELIMITED.match(column) else column


def table(text: str) -> str:
    """Write a table's name.

    Parameters
    ----------
    text
        The name as TAP_SCHEMA has it: up to three parts.

    Returns
    -------
    str
        The same, with parts delimited where they have to be.
    """
    return ".".join(name(part) for part in TABLE_PARTS.findall(text))


def tokens(adql: str) -> Iterator[Token]:
    """Take a query apart.

    Parameters
    ----------
    adql
        The query.

    Yields
    ------
    Token
        Its parts, with the number of parentheses that are open around them.
    """
    depth = 0
    for match in TOKEN.finditer(adql):
        kind, text = str(match.lastgroup), match.group()
        if text == ")" and kind == "other":
            depth -= 1
        yield Token(kind, text, depth)
        if text == "(" and kind == "other":
            depth += 1


def checked(adql: str) -> str:
    """Check a query that people wrote, and give it without comments.

    Only what could make it something else than one query is refused; the service judges everything else.

    Parameters
    ----------
    adql
        The query.

    Returns
    -------
    str
        One SELECT, fit to stand in parentheses.

    Raises
    ------
    AskError
        If it is not one SELECT.
    """
    parts = [part for part in tokens(adql) if part.kind != "comment"]
    while parts and (parts[-1].kind == "space" or parts[-1].text == ";"):
        parts.pop()
    words = [part for part in parts if part.kind != "space"]
    if not words or words[0].text.upper() not in {"SELECT", "WITH"}:
        raise AskError("The query has to be one SELECT.")
    for part in words:
        if part.kind == "other" and part.text == ";":
            raise AskError("The query has to be one SELECT, without semicolons.")
        if part.kind == "other" and part.text in "'\"":
            raise AskError(f"A quotation mark ({part.text}) of the query is not closed.")
        if part.depth < 0:
            raise AskError("The query closes more parentheses than it opens.")
    if sum((p.text == "(") - (p.text == ")") for p in words if p.kind == "other"):
        raise AskError("The query opens more parentheses than it closes.")
    outer = [part.text.upper() for part in words if part.depth == 0 and part.kind == "word"]
    ordered = any(a == "ORDER" and b == "BY" for a, b in pairwise(outer))
    if ordered and "TOP" not in outer:
        raise AskError(
            "Leave out ORDER BY: rows are sorted as a whole by the heads of the result's columns. "
            "(With TOP it may stay.)"
        )
    return "".join(part.text for part in parts).strip()
