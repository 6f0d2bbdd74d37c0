"""Big results: bytes through TAP, against PostgreSQL's own binary COPY of the same query."""

from __future__ import annotations

import contextlib
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator

from bench import memory
from bench.harness import Figure, paired, ratio
from bench.instance import Bench

TABLES = "ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
FORMATS = {
    "BINARY2": "votable/b2",
    "BINARY": "votable",
    "TABLEDATA": "votable/td",
    "CSV": "csv",
    "FITS": "fits",
    "Parquet": "parquet",
}
NO_STOCK = ("Parquet",)
BAR, LIMIT = "<= 2 x binary COPY", 2.0
MEMORY_BAR, MEMORY_LIMIT = "<= 100 MB more", 100.0
ROWS, MANY_ROWS = 100_000, 1_000_000
_PIECE = 1 << 20


class _Nowhere:
    """Takes what COPY sends, and forgets it."""

    def write(self, data: bytes) -> None:
        """Forget it."""


def _fetch(url: str, form: str, rows: int) -> int:
    query = {
        "LANG": "ADQL",
        "MAXREC": str(rows),
        "FORMAT": form,
        "QUERY": f"SELECT TOP {rows} * FROM {TABLES}",
    }
    count = 0
    with urllib.request.urlopen(f"{url}/tap/sync", urllib.parse.urlencode(query).encode()) as reply:
        while piece := reply.read(_PIECE):
            count += len(piece)
    return count


def _copy(bench: Bench, rows: int) -> None:
    """Let PostgreSQL send the rows; polygons, which have no binary form, as their bytes."""
    with contextlib.closing(bench.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {TABLES} LIMIT 0")
        names = [item.name for item in cursor.description]
        chosen = ", ".join(f"{name}::bytea" if name == "s_region" else name for name in names)
        cursor.copy_expert(
            f"COPY (SELECT {chosen} FROM {TABLES} LIMIT {rows}) TO STDOUT (FORMAT BINARY)", _Nowhere()
        )


def figures(bench: Bench) -> Iterator[Figure]:
    """Measure all formats at 10^5 rows, BINARY2 at 10^6, and the server's memory.

    Parameters
    ----------
    bench
        The instance.

    Yields
    ------
    Figure
        Each figure.
    """
    bench.multiply(ROWS)
    binary = FORMATS["BINARY2"]
    for name, form in FORMATS.items():
        barred = name == "BINARY2"
        ways = {
            "ours": lambda form=form: _fetch(bench.url, form, ROWS),
            "bound": lambda: _copy(bench, ROWS),
        }
        times = paired(ways, rounds=7 if barred else 3)
        if name not in NO_STOCK:  # once: it takes up to a minute
            start = time.perf_counter()
            _fetch(bench.stock_url, form, ROWS)
            times["stock"] = [time.perf_counter() - start]
        yield ratio(
            f"TAP, 10^5 rows x all columns, {name}",
            BAR if barred else "",
            times,
            LIMIT if barred else None,
        )
    ours, stock = memory.servers(bench.home), [bench.stock_pid]
    growth = [memory.growth(ours, lambda: _fetch(bench.url, binary, ROWS)) for _ in range(3)]
    alone = [memory.growth(stock, lambda: _fetch(bench.stock_url, binary, ROWS))]
    times = {"ours": growth, "stock": alone}
    yield Figure(
        "server memory, 10^5 rows, BINARY2", MEMORY_BAR, growth, "MB", MEMORY_LIMIT, True, times, "MB",
        note="all workers and the proxy: the sum of their peaks over the sum of what they held before",
    )  # fmt: skip
    bench.multiply(MANY_ROWS)
    ways = {
        "ours": lambda: _fetch(bench.url, binary, MANY_ROWS),
        "bound": lambda: _copy(bench, MANY_ROWS),
    }
    yield ratio("TAP, 10^6 rows x all columns, BINARY2", BAR, paired(ways, rounds=3), LIMIT)
    growth = [memory.growth(ours, lambda: _fetch(bench.url, binary, MANY_ROWS))]
    yield Figure("server memory, 10^6 rows, BINARY2", MEMORY_BAR, growth, "MB", MEMORY_LIMIT)
