"""Counting requests: the proxy writes a line for each, which is read as the file grows."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import BinaryIO

from prometheus_client import CollectorRegistry, Counter, Histogram

METHODS = ("GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS")
OTHER = "other"
REFUSED = "503"

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0)
"""Upper limits of latencies in seconds: from a DataLink document to an archive of a whole release."""

PIECE = 1 << 20


class Follower:
    """Reads what is added to a file, also when it is put aside and a new one takes its place.

    Parameters
    ----------
    path
        The file; what is in it at first is passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rest = b""
        self.file = self._opened()
        if self.file is not None:
            self.file.seek(0, os.SEEK_END)

    def _opened(self) -> BinaryIO | None:
        self.rest = b""
        try:
            return self.path.open("rb")
        except OSError:
            return None

    def close(self) -> None:
        """Read no more."""
        if self.file is not None:
            self.file.close()

    def _replaced(self) -> bool:
        assert self.file is not None
        try:
            there = self.path.stat()
        except OSError:
            return False
        here = os.fstat(self.file.fileno())
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino)

    def lines(self) -> list[bytes]:
        """Give the lines that were added."""
        if self.file is None:
            self.file = self._opened()
        found: list[bytes] = []
        while self.file is not None:
            replaced = self._replaced()  # looked at before: what is read then is all of the old file
            while piece := self.file.read(PIECE):
                *whole, self.rest = (self.rest + piece).split(b"\n")
                found += whole
            if not replaced:
                break
            self.file.close()
            self.file = self._opened()
        return found


class Requests:
    """Numbers and latencies of requests.

    Parameters
    ----------
    path
        The proxy's log.
    kinds
        Kinds of endpoints; all else is taken for the last.
    registry
        Where the metrics are found.
    """

    def __init__(self, path: Path, kinds: tuple[str, ...], registry: CollectorRegistry) -> None:
        self.follower, self.kinds = Follower(path), kinds
        self.lock = threading.Lock()
        self.number = Counter(
            "cherenkov_vo_http_requests_total",
            "Requests that were answered, by kind of endpoint, method, and class of status.",
            ["kind", "method", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "cherenkov_vo_http_request_duration_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ["kind"],
            buckets=BUCKETS,
            registry=registry,
        )
        self.bytes = Counter(
            "cherenkov_vo_http_response_bytes_total",
            "Bytes of answers' bodies that were sent.",
            ["kind"],
            registry=registry,
        )
        self.refused = Counter(
            "cherenkov_vo_tap_queries_refused_total",
            "Synchronous TAP queries that were refused because too many were running and waiting.",
            registry=registry,
        )
        self.broken = Counter(
            "cherenkov_vo_access_log_lines_unreadable_total",
            "Lines of the log of requests that could not be read.",
            registry=registry,
        )
        for kind in kinds:
            self.seconds.labels(kind)
            self.bytes.labels(kind)
            self.number.labels(kind, "GET", "2xx")

    def catch_up(self) -> None:
        """Count what has been answered since the last time."""
        with self.lock:
            for line in self.follower.lines():
                try:
                    fields = json.loads(line)["fields"]
                    self._count(fields, float(fields["seconds"]), int(fields["bytes"]))
                except (ValueError, KeyError, TypeError):
                    self.broken.inc()

    def _count(self, fields: dict[str, object], seconds: float, size: int) -> None:
        kind = str(fields["kind"])
        kind = kind if kind in self.kinds else self.kinds[-1]
        method = str(fields["method"])
        status = str(fields["status"])
        group = f"{status[0]}xx" if len(status) == 3 and status[0] in "12345" else OTHER
        self.number.labels(kind, method if method in METHODS else OTHER, group).inc()
        self.seconds.labels(kind).observe(seconds)
        self.bytes.labels(kind).inc(size)
        if kind == "tap_sync" and status == REFUSED:
            self.refused.inc()
