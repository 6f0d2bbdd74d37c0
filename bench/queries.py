"""What our services add to the time of the SQL: small TAP queries, cone searches, asynchronous jobs.

SQL time is that of the statement that DaCHS sends to PostgreSQL (it says which in its answer), over a
connection that is open, with all rows fetched. Each round runs several queries with other identifiers
and positions, the same ones on all sides.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import statistics
import time
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

from bench.harness import Figure, added, paired, ratio
from bench.instance import Bench

ROUNDS = 9
PER_ROUND = 12
"""Queries that one round runs on each side; its time is the median of these."""

RADIUS = 0.1
SIZES = (105, 100_000, 1_000_000)
REFERENCE_SIZE = 1_000_000
"""Rows for which the bars hold."""

TAP_BAR, CONE_BAR = 20.0, 25.0
WARM_PATIENCE = 60.0
"""Seconds that a server has to load what asynchronous jobs need."""

IDENTIFIER = "SELECT * FROM {table} WHERE obs_publisher_did = '{did}'"
CONE = (
    "SELECT * FROM {table} WHERE 1=CONTAINS(POINT('ICRS', s_ra, s_dec), "
    "CIRCLE('ICRS', {ra:.5f}, {dec:.5f}, {radius}))"
)
JOB = "SELECT TOP 1 obs_id FROM ctao.obscore"


class Client:
    """One connection to a server that stays open, as scripts that ask often have it."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(urllib.parse.urlparse(url).netloc, timeout=120)

    def get(self, path: str) -> bytes:
        """Ask for a path and give the whole answer."""
        self.connection.request("GET", path)
        return self._read()

    def post(self, path: str, **values: str) -> tuple[bytes, str]:
        """Send a form; give the answer and where one is sent to."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self.connection.request("POST", path, urllib.parse.urlencode(values), headers)
        reply = self.connection.getresponse()
        return reply.read(), urllib.parse.urlparse(reply.getheader("Location", "")).path

    def tap(self, query: str) -> bytes:
        """Run a synchronous query."""
        return self.get("/tap/sync?" + urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query}))

    def cone(self, ra: float, dec: float) -> bytes:
        """Run a Simple Cone Search of all columns."""
        return self.get(f"/ctao/q/cone/scs.xml?RA={ra:.5f}&DEC={dec:.5f}&SR={RADIUS}")

    def job(self, query: str) -> None:
        """Run an asynchronous job, from its start to its end, and remove it."""
        _, path = self.post("/tap/async", LANG="ADQL", QUERY=query)
        self.post(f"{path}/phase", PHASE="RUN")
        while (phase := self.get(f"{path}/phase")) in (b"QUEUED", b"EXECUTING"):
            time.sleep(0.005)
        if phase != b"COMPLETED":
            raise RuntimeError(f"The job ended as {phase!r}")
        self.connection.request("DELETE", path)
        self._read()

    def _read(self) -> bytes:
        reply = self.connection.getresponse()
        answer = reply.read()
        if reply.status not in (200, 303):
            raise RuntimeError(f"HTTP status {reply.status}: {answer[:500]!r}")
        return answer


class Side:
    """A series of queries on one side: each call takes the next ones."""

    def __init__(self, ask: Callable[[Any], object], items: list[Any]) -> None:
        self.ask, self.items = ask, items
        self.place = 0

    def __call__(self) -> float:
        """Ask some times, and give the median in seconds."""
        times = []
        for _ in range(PER_ROUND):
            item = self.items[self.place % len(self.items)]
            self.place += 1
            start = time.perf_counter()
            self.ask(item)
            times.append(time.perf_counter() - start)
        return statistics.median(times)


def in_turn(sides: dict[str, Side]) -> dict[str, list[float]]:
    """Measure all sides, round by round, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for count in range(ROUNDS + 1):
        for name, side in sides.items():
            middle = side()
            if count:
                times[name].append(middle)
    return times


def translated(client: Client, query: str) -> str:
    """Give the SQL that DaCHS makes of a query, as its answer tells."""
    document = client.tap(query).decode()
    match = re.search(r'<INFO[^>]*name="sql_query"[^>]*value="([^"]*)"', document)
    if match is None:
        raise RuntimeError(f"No SQL in the answer to {query}")
    text = match[1]
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        text = text.replace(entity, character)
    return text.replace("%%", "%")


def runs(bench: Bench) -> list[dict[str, Any]]:
    """Give identifiers and positions of event lists from all over the table."""
    rows = bench.sql(
        "SELECT obs_publisher_did, s_ra, s_dec FROM ctao.obscore"
        " WHERE dataproduct_type = 'event-list' AND s_ra IS NOT NULL"
        f" ORDER BY hashtext(obs_publisher_did) LIMIT {PER_ROUND * (ROUNDS + 1)}"
    )
    return [{"did": did, "ra": ra, "dec": dec, "radius": RADIUS} for did, ra, dec in rows]


def tap_times(bench: Bench, pattern: str, table: str, items: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Measure a TAP query on our services, the stock DaCHS, and PostgreSQL."""
    ours, stock = Client(bench.url), Client(bench.stock_url)
    queries = [pattern.format(table=table, **item) for item in items]
    statements = {query: translated(stock, query) for query in queries}
    with contextlib.closing(bench.connect()) as connection, connection.cursor() as cursor:

        def ask_database(query: str) -> None:
            cursor.execute(statements[query])
            cursor.fetchall()
            connection.rollback()

        return in_turn(
            {
                "ours": Side(ours.tap, queries),
                "bound": Side(ask_database, queries),
                "stock": Side(stock.tap, queries),
            }
        )


def cone_times(bench: Bench, items: list[dict[str, Any]]) -> dict[str, list[float]]:
    """Measure a Simple Cone Search; its SQL is taken to be that of the same cone in TAP."""
    ours, stock = Client(bench.url), Client(bench.stock_url)
    statements = [
        translated(stock, CONE.format(table="ctao.obscore", **item)) for item in items[: 3 * PER_ROUND]
    ]
    with contextlib.closing(bench.connect()) as connection, connection.cursor() as cursor:

        def ask_database(statement: str) -> None:
            cursor.execute(statement)
            cursor.fetchall()
            connection.rollback()

        return in_turn(
            {
                "ours": Side(lambda item: ours.cone(item["ra"], item["dec"]), items),
                "bound": Side(ask_database, statements),
                "stock": Side(lambda item: stock.cone(item["ra"], item["dec"]), items),
            }
        )


def wait_until_warm(client: Client) -> None:
    """Run jobs until one is fast, or patience ends."""
    deadline = time.monotonic() + WARM_PATIENCE
    slowest = 0.0
    while time.monotonic() < deadline:
        start = time.perf_counter()
        client.job(JOB)
        taken = time.perf_counter() - start
        slowest = max(slowest, taken)
        if taken < slowest / 3:
            return


def job_figure(bench: Bench) -> Figure:
    """Measure how long an asynchronous job takes that has nothing to do."""
    ours, stock = Client(bench.url), Client(bench.stock_url)
    wait_until_warm(ours)
    times = paired({"ours": lambda: ours.job(JOB), "stock": lambda: stock.job(JOB)})
    return ratio(
        "asynchronous TAP job of one row, from its start to its end, against stock",
        "starts fast",
        times,
        None,
        to="stock",
        note="Includes the client's polling, which is every 5 ms.",
    )


def figures_at(bench: Bench, size: int) -> Iterator[tuple[str, Figure]]:
    """Measure all small queries at one number of rows.

    Yields
    ------
    tuple
        A name that is the same for all sizes, and the figure.
    """
    items = runs(bench)
    rows = f"{bench.rows:,} rows"
    bars = size == REFERENCE_SIZE
    tap_bar = (f"<= {TAP_BAR:.0f} ms over SQL", TAP_BAR) if bars else ("", None)
    cone_bar = (f"<= {CONE_BAR:.0f} ms over SQL", CONE_BAR) if bars else ("", None)
    for table in ("ivoa.obscore", "ctao.obscore"):
        times = tap_times(bench, IDENTIFIER, table, items)
        yield (
            f"id {table}",
            added(f"TAP sync, {table}, one row by identifier, {rows}", tap_bar[0], times, tap_bar[1]),
        )
        times = tap_times(bench, CONE, table, items)
        yield (
            f"cone {table}",
            added(f"TAP sync, {table}, cone of 0.1 deg, {rows}", cone_bar[0], times, cone_bar[1]),
        )
    times = cone_times(bench, items)
    yield "scs", added(f"SCS, cone of 0.1 deg, {rows}", cone_bar[0], times, cone_bar[1])


def figures(bench: Bench) -> Iterator[Figure]:
    """Measure TAP, SCS and jobs at all sizes."""
    yield job_figure(bench)
    for size in SIZES:
        bench.multiply(size)
        for name, figure in figures_at(bench, size):
            yield figure
            if size == REFERENCE_SIZE:
                bench.reference[name] = figure
