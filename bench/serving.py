"""What the proxy and several processes are for: light requests beside heavy ones, files, more workers.

Clients: for heavy and for many small queries ``bench/load.py`` (asyncio, a process of its own); for files
a socket that reads into one buffer; for single requests the standard library, on new connections.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.harness import Figure, paired, ratio
from bench.instance import Bench, wait_for
from instance.account import end
from instance.cluster import free_port
from instance.fleet import Fleet

LOAD = Path(__file__).with_name("load.py")
HEAVY = 32
HEAVY_ROWS = 100_000
HEAVY_QUERIES = (
    "SELECT COUNT(*) AS n, AVG(a.t_min * b.t_max) AS m FROM ctao.obscore AS a"
    " JOIN ctao.obscore AS b ON a.s_ra < b.s_ra AND a.s_dec > b.s_dec",
    "SELECT a.obs_id, a.t_min, b.t_max, a.s_ra, b.s_dec FROM ctao.obscore AS a"
    " JOIN ctao.obscore AS b ON a.s_ra < b.s_ra + 1 AND a.t_min > b.t_min - 1",
)
"""A join that never ends by itself, with aggregates; and one with as many rows as are asked for."""

SECONDS = 20.0
"""How long heavy queries are sent in each round."""

HEAVY_ROUNDS = 3
SIZE = 1_000_000_000
BUFFER = 1 << 20
SMALL = "SELECT TOP 1 obs_id, s_ra, s_dec, t_min, t_max FROM hess_dr.obscore ORDER BY obs_id"
CONNECTIONS = 8
COUNTING = 8.0
"""Seconds for which small queries are counted in each round."""


def figures(bench: Bench) -> Iterator[Figure]:
    """Measure all figures of this part."""
    bench.multiply(HEAVY_ROWS)
    yield responsive(bench)
    with large_files(bench) as (file, bundle):
        yield from products(bench, file, bundle)
    yield two_workers(bench)


def query_url(base: str, query: str, maxrec: int = HEAVY_ROWS) -> str:
    """Give the URL of a synchronous TAP query."""
    values = {"LANG": "ADQL", "QUERY": query, "FORMAT": "votable/b2", "MAXREC": str(maxrec)}
    return f"{base}/tap/sync?{urllib.parse.urlencode(values)}"


def busy(url: str, connections: int, seconds: float) -> subprocess.Popen[str]:
    """Begin to keep a server busy."""
    command = [sys.executable, str(LOAD), url, str(connections), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def counts(process: subprocess.Popen[str]) -> dict[str, int]:
    """Give what `busy` counted."""
    said, _ = process.communicate()
    return {key: int(value) for key, value in json.loads(said).items()}


def waits(base: str, seconds: float) -> list[float]:
    """Ask for /availability for some time; gives how long each answer took, in ms."""
    parts = urllib.parse.urlsplit(base)
    found: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        start = time.perf_counter()
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)
        with contextlib.closing(connection):
            connection.request("GET", "/tap/availability")
            reply = connection.getresponse()
            assert reply.status == http.HTTPStatus.OK
            reply.read()
        found.append(1000 * (time.perf_counter() - start))
        time.sleep(0.02)
    return found


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that so many of all are not above."""
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def under_load(base: str) -> tuple[float, dict[str, int]]:
    """Give the 99th percentile of /availability while heavy queries run, and what became of these."""
    each = HEAVY // len(HEAVY_QUERIES)
    clients = [busy(query_url(base, query), each, SECONDS) for query in HEAVY_QUERIES]
    time.sleep(1)
    found = waits(base, SECONDS - 2)
    answers: dict[str, int] = {}
    for client in clients:
        for key, number in counts(client).items():
            answers[key] = answers.get(key, 0) + number
    time.sleep(1)
    return percentile(found, 0.99), answers


def responsive(bench: Bench) -> Figure:
    """Measure how long /availability takes while heavy queries run."""
    times: dict[str, list[float]] = {"ours": [], "stock": []}
    answers: dict[str, dict[str, int]] = {}
    for name, base in [("ours", bench.url)] * HEAVY_ROUNDS + [("stock", bench.stock_url)]:
        taken, answers[name] = under_load(base)
        times[name].append(taken)
        cancel_queries(bench)
    return Figure(
        f"/availability, 99th percentile, while {HEAVY} heavy TAP queries run",
        "<= 100 ms",
        times["ours"],
        "ms",
        100,
        True,
        times,
        "ms",
        note=f"each round {SECONDS:.0f} s, stock in one round; half of the queries are joins with"
        f" aggregates that do not end, half give {HEAVY_ROWS} rows; heavy answers in the last round:"
        f" ours {answers['ours']}, stock {answers['stock']}",
    )


def cancel_queries(bench: Bench) -> None:
    """End what is left of heavy queries, so that the next round begins as the first one."""
    bench.sql(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'untrusted' AND state = 'active'"
    )
    time.sleep(2)


@contextlib.contextmanager
def large_files(bench: Bench) -> Iterator[tuple[str, str]]:
    """Let the files of the release be large, with random bytes at their ends; gives paths to ask for.

    Yields
    ------
    tuple of str
        Path of one file of `SIZE` bytes, path of a bundle of the others of about that size.
    """
    rows = bench.sql(
        "SELECT DISTINCT source, obs_id FROM hess_dr.links WHERE pieces IS NULL AND release_date IS NULL"
        " AND content_qualifier = 'event-bundle' ORDER BY obs_id"
    ) or bench.sql(
        "SELECT DISTINCT source, obs_id FROM hess_dr.links WHERE pieces IS NULL AND release_date IS NULL"
        " ORDER BY obs_id"
    )
    releases = bench.home / "dachs" / "inputs" / "hess_dr" / "releases"
    (link,) = {releases / source.split("/")[2] / "files" for source, _ in rows}
    before, directory = link.readlink(), bench.home / "large"
    sizes = {
        source: SIZE if number == 0 else SIZE // (len(rows) - 1) for number, (source, _) in enumerate(rows)
    }
    saved = bench.sql("SELECT DISTINCT source, content_length FROM hess_dr.links WHERE pieces IS NULL")
    try:
        for source, size in sizes.items():
            inside = Path(*Path(source).parts[4:])
            _pad(before / inside, directory / inside, size)
        link.unlink()
        link.symlink_to(directory)
        _set_sizes(bench, sizes)
        path = bench.sql(
            f"SELECT access_path FROM hess_dr.links WHERE source = '{rows[0][0]}' AND pieces IS NULL"
        )
        runs = urllib.parse.urlencode([("ID", obs_id) for _, obs_id in rows[1:]])
        yield str(path[0][0]), f"/rd/access/bundle/custom?{runs}"
    finally:
        link.unlink(missing_ok=True)
        link.symlink_to(before)
        _set_sizes(bench, dict(saved))
        shutil.rmtree(directory, ignore_errors=True)


def _pad(source: Path, target: Path, size: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    block = os.urandom(1 << 24)
    with target.open("ab") as opened:
        while (left := size - opened.tell()) > 0:
            opened.write(block[:left])
    target.chmod(0o644)


def _set_sizes(bench: Bench, sizes: dict[str, int]) -> None:
    statement = "UPDATE hess_dr.{} SET content_length = {} WHERE source = '{}' AND pieces IS NULL"
    for source, size in sizes.items():
        for table in ("links", "companions"):
            bench.sql(statement.format(table, size, source))


def fetch(base: str, path: str) -> int:
    """Fetch something and throw it away; gives its number of bytes.

    Raises
    ------
    RuntimeError
        The answer is no success, or too short.
    """
    parts = urllib.parse.urlsplit(base)
    buffer = bytearray(BUFFER)
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode()
        )
        received = connection.recv(BUFFER)
        while b"\r\n\r\n" not in received:
            received += connection.recv(BUFFER)
        head, _, body = received.partition(b"\r\n\r\n")
        total = len(body)
        while size := connection.recv_into(buffer):
            total += size
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    if b" 200 " not in head[:20] or not lengths or int(lengths[0].partition(b":")[2]) != total:
        raise RuntimeError(f"{path}: {head.decode('latin-1')}, and {total} bytes")
    return total


@contextlib.contextmanager
def plain_nginx(directory: Path) -> Iterator[str]:
    """Serve a directory with nginx as it comes; gives its URL."""
    port, place = free_port(), directory / "nginx"
    place.mkdir()
    temporary = "".join(
        f"{name}_temp_path {place}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (place / "conf").write_text(
        f"daemon off; user root; worker_processes 2; pid {place}/pid; events {{}}\n"
        f"http {{ sendfile on; access_log off; {temporary}\n"
        f"server {{ listen 127.0.0.1:{port}; root {directory}; }} }}\n"
    )
    process = subprocess.Popen(["/usr/sbin/nginx", "-c", place / "conf", "-e", place / "log"])
    try:
        wait_for(f"http://127.0.0.1:{port}/nginx/conf", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)
        shutil.rmtree(place)


def products(bench: Bench, file: str, bundle: str) -> Iterator[Figure]:
    """Measure how fast large answers leave, beside a file of that size from nginx as it comes."""
    plain = bench.directory / "plain"
    plain.mkdir()
    largest = max((bench.home / "large").rglob("*.gz"), key=lambda path: path.stat().st_size)
    (plain / "file").hardlink_to(largest)
    size = {file: SIZE, bundle: fetch(bench.url, bundle)}
    stock = bench.stock_url
    with plain_nginx(plain) as bound:
        for what, path in (("static file", file), ("bundle", bundle)):
            times = paired(
                {
                    "ours": lambda path=path: fetch(bench.url, path),
                    "bound": lambda: fetch(bound, "/file"),
                    "stock": lambda path=path: fetch(stock, path),
                }
            )
            times["bound"] = [taken * size[path] / SIZE for taken in times["bound"]]
            yield ratio(
                f"1-GB {what} over loopback, rate beside nginx", ">= 0.5 x", times, 0.5,
                of="bound", to="ours", at_most=False,
                note=f"stock: {statistics.median(times['bound']) / statistics.median(times['stock']):.2f} x",
            )  # fmt: skip
    shutil.rmtree(plain)


def rate(base: str) -> float:
    """Give the number of small TAP queries that are answered in a second."""
    found = counts(busy(query_url(base, SMALL, 10), CONNECTIONS, COUNTING))
    if set(found) - {"200", "bytes"}:
        raise RuntimeError(f"{base}: {found}")
    return found.get("200", 0) / COUNTING


def two_workers(bench: Bench) -> Figure:
    """Measure how many small queries more two workers answer than one."""
    rates: dict[str, list[float]] = {"ours": [], "bound": [], "stock": []}
    with other_fleet(bench, 1) as one, other_fleet(bench, 2) as two:
        for base in (one, two, bench.stock_url):
            while rate(base) < 1:  # resource descriptors are still being read
                time.sleep(1)
        for _ in range(5):
            rates["bound"].append(rate(one))
            rates["ours"].append(rate(two))
            rates["stock"].append(rate(bench.stock_url))
    values = [two / one for two, one in zip(rates["ours"], rates["bound"], strict=True)]
    return Figure(
        "small TAP queries, two workers against one", ">= 1.7 x", values, "x", 1.7, False, rates, "/s",
        note=f"{CONNECTIONS} connections; bound: one worker; client, PostgreSQL and proxy share the cores",
    )  # fmt: skip


@contextlib.contextmanager
def other_fleet(bench: Bench, workers: int) -> Iterator[str]:
    """Serve the same database by another proxy with so many workers; gives its URL."""
    managed = bench.instance
    home = managed.account.make_directory(bench.directory / f"fleet-{workers}")
    managed.account.make_directory(home / "log")
    chosen = dataclasses.replace(
        managed.settings, port=free_port(), workers=workers, light_workers=1, fast_paths=True
    )
    fleet = Fleet(chosen, home, managed.account, managed.cluster, managed.dachs)
    fleet.start()
    try:
        deadline = time.monotonic() + 90
        while not fleet.ready():
            if fleet.dead() or time.monotonic() > deadline:
                raise RuntimeError("the other workers do not come up")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{chosen.port}"
    finally:
        fleet.end()
