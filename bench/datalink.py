"""DataLink: documents for different identifiers over connections that are kept, and one for many."""

from __future__ import annotations

import contextlib
import itertools
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from bench.harness import ROUNDS, Figure, ratio
from bench.instance import Bench

COLLECTION = "ctao"
COPIES = 20_000
"""Event lists with links: more than are asked for, so that nobody asks for the same one again."""

CONNECTIONS = 8
SECONDS = 4.0
STOCK_SECONDS = 2.0
TOGETHER = 500
"""As many identifiers as the service answers at once."""

SERVICE = f"/{COLLECTION}/q/dl/dlmeta"


def figures(bench: Bench) -> Iterator[Figure]:
    """Yield the figures of DataLink."""
    identifiers = _identifiers(bench)
    mine = itertools.cycle(identifiers)
    ours, stock = [], []
    for count in range(ROUNDS + 1):
        rates = (
            rate(bench.url, mine, SECONDS),
            rate(bench.stock_url, mine, STOCK_SECONDS),
        )
        if count:
            ours.append(rates[0])
            stock.append(rates[1])
    yield Figure(
        f"DataLink, one ID, {len(identifiers):,} different ones, {CONNECTIONS} connections",
        ">= 500 requests/s with two workers",
        ours,
        "/s",
        500,
        at_most=False,
        times={"ours": ours, "stock": stock},
        times_unit="/s",
        note="Stock is this service by DaCHS's own core in one process. The client runs on the same cores.",
    )
    yield _together(bench, identifiers)


def _together(bench: Bench, identifiers: Sequence[str]) -> Figure:
    """Measure one request for many identifiers, others in each round."""
    mine = itertools.cycle(identifiers)
    times: dict[str, list[float]] = {"ours": [], "stock": []}
    for _ in range(ROUNDS):
        query = "&".join(f"ID={quote(name, safe='')}" for name in itertools.islice(mine, TOGETHER))
        for name, url in (("ours", bench.url), ("stock", bench.stock_url)):
            start = time.perf_counter()
            with contextlib.closing(Connection(url)) as connection:
                connection.post(SERVICE, query)
                while not connection.receive():
                    pass
            times[name].append(time.perf_counter() - start)
    return ratio(f"DataLink, {TOGETHER} IDs in one request", "", times, None, to="stock")


def _identifiers(bench: Bench) -> list[str]:
    """Give event lists with links, and make more if there are few."""
    bench.multiply(COPIES)
    text = (Path(__file__).parent / "datalink_links.sql").read_text(encoding="utf-8")
    known = f"SELECT id FROM {COLLECTION}.links WHERE semantics = '#this'"
    missing = COPIES - len(bench.sql(known))
    if missing > 0:
        bench.sql(f"{text}; SELECT pg_temp.link_copies('{COLLECTION}', {missing})")
        bench.sql(f"ANALYZE {COLLECTION}.links; ANALYZE {COLLECTION}.provenance")
    # Copies of a run's second event list have names that are no identifiers.
    found = bench.sql(f"{known} AND id NOT LIKE '%/events-%~%' ORDER BY hashtext(id)")
    return [str(name) for (name,) in found]


def rate(url: str, identifiers: Iterator[str], seconds: float) -> float:
    """Ask for one document after the other over some connections.

    Returns
    -------
    float
        Documents per second.

    Raises
    ------
    RuntimeError
        An answer is no document, or none comes.
    """
    selector = selectors.DefaultSelector()
    connections = [Connection(url) for _ in range(CONNECTIONS)]
    done = 0
    start = time.perf_counter()
    try:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.ask(f"{SERVICE}?ID={quote(next(identifiers), safe='')}")
        while (now := time.perf_counter()) < start + seconds:
            ready = selector.select(timeout=30)
            if not ready:
                raise RuntimeError(f"{url} does not answer")
            for key, _ in ready:
                if key.data.receive():
                    done += 1
                    key.data.ask(f"{SERVICE}?ID={quote(next(identifiers), safe='')}")
        return done / (now - start)
    finally:
        for connection in connections:
            connection.close()
        selector.close()


class Connection:
    """A connection that is kept, and understands just as much of HTTP as these answers need.

    Parameters
    ----------
    url
        The server's.
    """

    def __init__(self, url: str) -> None:
        split = urlsplit(url)
        self.host = split.netloc
        self.socket = socket.create_connection((split.hostname or "", split.port or 80), timeout=120)
        self.buffer = b""

    def ask(self, path: str) -> None:
        """Send a request."""
        self.buffer = b""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode("ascii"))

    def post(self, path: str, form: str) -> None:
        """Send a form: URLs must not be as long as hundreds of identifiers."""
        self.buffer = b""
        header = (
            f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: {len(form)}\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        )
        self.socket.sendall((header + form).encode("ascii"))

    def receive(self) -> bool:
        """Take what has come, and tell whether it is the whole answer.

        Raises
        ------
        RuntimeError
            It is no DataLink document, or the server hung up.
        """
        received = self.socket.recv(1 << 20)
        self.buffer += received
        header, _, body = self.buffer.partition(b"\r\n\r\n")
        if not received or not header.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"{self.host} says {header[:200]!r}")
        # The end of the document, in chunks or not.
        whole = body.removesuffix(b"\r\n0\r\n\r\n").endswith(b"</VOTABLE>")
        chunked = b"transfer-encoding: chunked" in header.lower()
        if not whole or (chunked and not body.endswith(b"0\r\n\r\n")):
            return False
        if b"<TD>#this</TD>" not in body or b'value="OK"' not in body:
            raise RuntimeError(f"{self.host} gave another document than expected")
        return True

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
