"""ADQL is translated once for queries that differ in their literals only.

DaCHS parses, annotates and translates each query anew, and builds the definition of the result's table;
for a one-row query that is most of the work. Here, what came out is kept. A query whose literals alone are
new gets the known translation with its own literals, if and only if DaCHS itself translated two sets
of artificial literals, and the query's own, to texts that differ in these literals only, with the same
description of the result. The tables are looked up in ``dc.tablemeta`` for each query as before, in one
statement, and a translation is forgotten as soon as one of them has another definition.

Queries with uploads, of users' own tables, with comments, or that make tables go DaCHS's way.

Proposal to upstream: keep the annotated tree's result in ``morphADQL``, with placeholders for literals,
which could then be parameters of the statement, too.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gavo import adql, base, rsc
from gavo.adql import morphpg
from gavo.base import meta, parsecontext
from gavo.protocols import adqlglue
from gavo.rsc import metatable

from upstream.shims import Shim
from upstream.templates import CHOICES, Lifted, lift, stand_ins

MOST = 150
"""Translations kept; one of all columns of ObsCore takes some 300 kB."""

NOTED_INFOS = ("sql_query", "query")
_stock: Callable[..., tuple[str, Any]] = adqlglue.morphADQL
_stock_lookup: Callable[..., Any] = metatable.MetaTableHandler.getTableDefForTable
_looked_up = threading.local()


@dataclass(frozen=True)
class Translation:
    """What DaCHS made of queries of one kind.

    Parameters
    ----------
    pieces
        SQL between the literals, and numbers of literals.
    table
        Description of the result; its ``meta_`` lacks the texts of the query.
    sources
        Tables that were looked up; None for names that are no tables of DaCHS's, like those of WITH.
    """

    pieces: tuple[str | int, ...]
    table: Any
    metas: dict[str, Any]
    sources: dict[str, Any]

    def sql(self, values: Sequence[str]) -> str:
        """Give the SQL for these literals."""
        return "".join(
            piece if isinstance(piece, str) else values[piece].replace("%", "%%") for piece in self.pieces
        )


_kept: OrderedDict[Hashable, Translation | int] = OrderedDict()
_lock = threading.Lock()
base.caches.registerCache("getKeptTranslation", _kept, _kept.get)


def find_table(handler: Any, tableName: str) -> Any:  # noqa: N803 - DaCHS's name
    """Give the definition of a table, as DaCHS does, and note it for the translation under way."""
    notes = getattr(_looked_up, "notes", None)
    if notes is None:
        return _stock_lookup(handler, tableName)
    name = (tableName if "." in tableName else f"public.{tableName}").lower()
    notes[name] = None
    notes[name] = found = _stock_lookup(handler, tableName)
    return found


@contextlib.contextmanager
def looking_up() -> Iterator[dict[str, Any]]:
    """Give the tables that are looked up meanwhile in this thread."""
    notes: dict[str, Any] = {}
    _looked_up.notes = notes
    try:
        yield notes
    finally:
        _looked_up.notes = None


def translate(  # noqa: PLR0917 - DaCHS's
    query: str,
    metaProfile: str | None = None,  # noqa: N803 - the names are DaCHS's
    tdsForUploads: Sequence[Any] = (),  # noqa: N803
    maxrec: int | None = None,
    hardLimit: int | None = None,  # noqa: N803
    forUser: str = "anonymous",  # noqa: N803
) -> tuple[str, Any]:
    """Translate ADQL; replaces ``adqlglue.morphADQL``, which says what the arguments are.

    Returns
    -------
    tuple
        SQL, and an empty table.
    """
    stock = functools.partial(
        _stock, metaProfile=metaProfile, maxrec=maxrec, hardLimit=hardLimit, forUser=forUser
    )
    lifted = None if tdsForUploads or not _is_plain(query) else lift(query)
    if lifted is None:
        return stock(query, tdsForUploads=list(tdsForUploads))
    limits = (maxrec, hardLimit, *(base.getConfig("async", key) for key in ("hardMAXREC", "defaultMAXREC")))
    for values, key in ((lifted.values, (lifted.key, limits)), ((), (query, limits))):
        known = _kept.get(key)
        if isinstance(known, Translation):
            if _is_current(known):
                base.ui.notifyInfo(f"Incoming ADQL query: {query}")
                _note_use(key)
                return _result(known, query, values)
            _kept.pop(key, None)
    return _learn(query, lifted, limits, stock)


def _is_plain(query: str) -> bool:
    start = query.lstrip().lower()
    return start.startswith(("select", "with")) and "tap_user" not in start and "tap_upload" not in start


def _learn(
    query: str, lifted: Lifted, limits: tuple[Any, ...], stock: Callable[[str], tuple[str, Any]]
) -> tuple[str, Any]:
    """Let DaCHS translate a query, and keep the result if such a query was seen before."""
    with looking_up() as sources:
        sql, table = stock(query)
    key = (lifted.key, limits)
    seen = _kept.get(key)
    if not isinstance(seen, int):
        _keep(key, 1)
    elif lifted.values and seen == 1:
        pieces = _template(lifted, sql, table, stock)
        _keep(key, 2 if pieces is None else _translation(pieces, table, sources))
    else:
        _keep(key if not lifted.values else (query, limits), _translation((sql,), table, sources))
    return sql, table


def _template(
    lifted: Lifted, sql: str, table: Any, stock: Callable[[str], tuple[str, Any]]
) -> tuple[str | int, ...] | None:
    """Find the literals in the SQL.

    Returns
    -------
    tuple or None
        As in `Translation`; None unless DaCHS treats the literals as mere values.
    """
    described = describe(table)
    tried = []
    for choice in range(CHOICES):
        values = stand_ins(lifted.kinds, choice)
        try:
            made, result = stock(lifted.text(values))
        except Exception:
            return None
        if describe(result) != described:
            return None
        tried.append((values, made))
    values, made = tried[0]
    pieces = _split(made, values)
    candidate = Translation(pieces, None, {}, {})
    used = {piece for piece in pieces if isinstance(piece, int)}
    alike = all(candidate.sql(v) == text for v, text in (*tried, (lifted.values, sql)))
    return pieces if alike and len(used) == len(values) else None


def _split(sql: str, values: Sequence[str]) -> tuple[str | int, ...]:
    pieces: list[str | int] = [sql]
    for number, value in enumerate(values):
        for place in range(len(pieces) - 1, -1, -1):
            piece = pieces[place]
            if isinstance(piece, str):
                parts = piece.split(value.replace("%", "%%"))
                pieces[place : place + 1] = [parts[0], *(p for part in parts[1:] for p in (number, part))]
    return tuple(pieces)


def describe(table: Any) -> tuple[Any, ...]:
    """Give all of a result's description that DaCHS writes out, except for the texts of the query."""
    definition = table.tableDef
    columns = [
        (base.structToXML(column), str(column.stc), getattr(column, "needMunging", False), column.tablehead)
        for column in definition.columns
    ]
    metas = {
        key: [_describe_value(value) for value in _values_of(key, item)] for key, item in table.meta_.items()
    }
    params = [base.structToXML(param) for param in definition.params]
    contributing = [t.getQName() for t in getattr(definition, "contributingTables", [])]
    return columns, params, metas, definition.id, definition.overflowLimit, contributing


def _describe_value(value: Any) -> tuple[Any, ...]:
    """Give a value of metadata with its attributes and what is below it."""
    attributes = {key: item for key, item in vars(value).items() if isinstance(item, str)}
    below = {key: [_describe_value(child) for child in item.children] for key, item in value.meta_.items()}
    return attributes, below


def _values_of(key: str, item: Any) -> list[Any]:
    """Give the values of a meta item, without the texts of a query."""
    return [v for v in item.children if key != "info" or getattr(v, "infoName", "") not in NOTED_INFOS]


def _translation(pieces: tuple[str | int, ...], table: Any, sources: dict[str, Any]) -> Translation:
    return Translation(pieces, copy.copy(table.tableDef), dict(table.meta_), dict(sources))


def _result(known: Translation, query: str, values: Sequence[str]) -> tuple[str, Any]:
    """Give SQL and an empty table, with metadata of their own; columns are shared, as nobody changes them."""
    sql = known.sql(values)
    definition = copy.copy(known.table)
    definition.meta_ = {}
    for key, item in known.metas.items():
        definition.meta_[key] = fresh = meta.MetaItem("")
        fresh.children = _values_of(key, item)
    table = rsc.TableForDef(definition)
    table.addMeta(
        "info",
        "ADQL query translated to local SQL (for debugging)",
        infoName="sql_query",
        infoValue=sql,
    )
    table.addMeta("info", "Original ADQL query", infoName="query", infoValue=query)
    return sql, table


def _is_current(known: Translation) -> bool:
    """Say whether the tables of a translation still have the definitions that it was made with."""
    names = set(known.sources)
    if not names:
        return True
    with base.getTableConn() as connection:
        rows = list(
            connection.query(
                "SELECT lower(tablename), sourcerd, tablename FROM dc.tablemeta"
                " WHERE lower(tablename) IN %(names)s",
                {"names": names},
            )
        )
    there = {name for name, table in known.sources.items() if table is not None}
    if {row[0] for row in rows} != there or len(rows) != len(there):
        return False
    try:
        return all(
            base.caches.getRD(rd).getById(table.split(".")[-1]) is known.sources[name]
            for name, rd, table in rows
        )
    except base.Error:
        return False


def _keep(key: Hashable, value: Translation | int) -> None:
    with _lock:
        _kept[key] = value
        _kept.move_to_end(key)
        while len(_kept) > MOST:
            _kept.popitem(last=False)


def _note_use(key: Hashable) -> None:
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)


SHIMS = (
    Shim(
        metatable.MetaTableHandler,
        "getTableDefForTable",
        find_table,
        (
            (metatable.MetaTableHandler.getTableDefForTable, "2b4d1b154617922a"),
            (parsecontext.getTableDefForTable, "8d06d85805680954"),
        ),
    ),
    Shim(
        adqlglue,
        "morphADQL",
        translate,
        (
            (adqlglue.morphADQL, "d57a39bd45a29f12"),
            (metatable.MetaTableHandler.getTableDefForTable, "2b4d1b154617922a"),
            (parsecontext.getTableDefForTable, "8d06d85805680954"),
            (adqlglue._getTableDescForOutput, "1de788ce6914b64d"),
            (adqlglue._addTableMeta, "0ab8ca8cb1057862"),
            (adqlglue._updateMatchLimits, "4f0cb31b035783ce"),
            (adqlglue.DaCHSFieldInfoGetter, "f25a945f839d614f"),
            (adql.parseAnnotating, "5ecf6a354bdf476a"),
            (morphpg, "3f23755569e9b337"),
            (meta.MetaItem, "a1d096bb0a3cc88a"),
        ),
    ),
)
