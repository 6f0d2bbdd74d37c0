"""Selective queries on energies and times: how long the search takes beside fetching what it finds.

Ours is the SQL that our TAP makes of a query for what overlaps an interval of energy or time. The bound
is the SQL of a query for the same rows by their identifiers. Both select all columns, over one open
connection, and all rows are fetched.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from bench.harness import Figure, ratio
from bench.instance import Bench
from bench.queries import PER_ROUND, ROUNDS, Client, Side, in_turn, translated

ROWS = 1_000_000
LIMIT = 10.0
TABLES = ("ctao.obscore", "ivoa.obscore NATURAL JOIN ivoa.obscore_hea")
ENERGIES = "1 = gavo_energy_overlaps(energy_min, energy_max, {value!r}, {value!r} * 10)"
TIMES = "1 = gavo_tmoc_overlaps(t_intervals, {value!r}, {value!r} + 0.5)"
QUANTITIES = {
    "energy": (ENERGIES, "energy_max", 0.9998, 0.99995),
    "TMOC": (TIMES, "t_min", 0.2, 0.8),
}
"""Name: condition, the column that its values come from, and their smallest and largest percentile."""


def figures(bench: Bench) -> Iterator[Figure]:
    """Measure both quantities, in a collection's own table and in the site's views."""
    bench.multiply(ROWS)
    client = Client(bench.url)
    for name, (condition, column, low, high) in QUANTITIES.items():
        values = _values(bench, column, low, high)
        for table in TABLES:
            yield _figure(bench, client, name, table, [condition.format(value=value) for value in values])


def _values(bench: Bench, column: str, low: float, high: float) -> list[float]:
    """Give as many values of a column as there are queries, evenly spread between two percentiles."""
    count = PER_ROUND * (ROUNDS + 1)
    shares = [low + (high - low) * number / (count - 1) for number in range(count)]
    ((found,),) = bench.sql(
        f"SELECT percentile_disc(ARRAY{shares}) WITHIN GROUP (ORDER BY {column}) FROM ctao.obscore"
    )
    return [float(value) for value in found]


def _figure(bench: Bench, client: Client, name: str, table: str, conditions: list[str]) -> Figure:
    searches, fetches, plans = [], [], set()
    counts: list[int] = []
    for condition in conditions:
        search = translated(client, f"SELECT * FROM {table} WHERE {condition}")
        found = bench.sql(f"SELECT obs_publisher_did FROM ({search}) AS found")
        identifiers = ", ".join(f"'{did}'" for (did,) in found) or "''"
        searches.append(search)
        fetches.append(
            translated(client, f"SELECT * FROM {table} WHERE obs_publisher_did IN ({identifiers})")
        )
        counts.append(len(found))
        plans.add(_indexes(bench, search))
    with contextlib.closing(bench.connect()) as connection, connection.cursor() as cursor:

        def ask(statement: str) -> list[Any]:
            cursor.execute(statement)
            rows: list[Any] = cursor.fetchall()
            connection.rollback()
            return rows

        times = in_turn({"ours": Side(ask, searches), "bound": Side(ask, fetches)})
    return ratio(
        f"SQL of a query for what overlaps in {name}, {table}, {bench.rows:,} rows",
        f"<= {LIMIT:.0f} x fetching these rows by identifier",
        times,
        LIMIT,
        note=f"{min(counts)} to {max(counts)} rows found; indexes on ctao.obscore in the plans:"
        f" {'; '.join(sorted(plans))}",
    )


def _indexes(bench: Bench, statement: str) -> str:
    """Tell by which indexes a statement gets the rows of the large table."""
    plan = "\n".join(line for (line,) in bench.sql(f"EXPLAIN {statement}"))
    if re.search(r"Seq Scan on (ctao\.)?obscore\b.*rows=\d{6,}", plan):
        return "none"
    own = {
        name
        for (name,) in bench.sql(
            "SELECT indexname::text FROM pg_indexes WHERE schemaname = 'ctao' AND tablename = 'obscore'"
        )
    }
    found = own.intersection(re.findall(r"Index (?:Only )?Scan (?:using|on) (\S+)", plan))
    return ", ".join(sorted(found)) or "none"
