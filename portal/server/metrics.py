"""Figures for Prometheus, on a port of their own that is not for users."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
METHODS = {"GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"}


class Metrics:
    """All figures. Labels have few values each: no path, user or query is one."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self.requests = Counter(
            "explorer_requests_total", "Requests.", ["operation", "method", "status"], registry=registry
        )
        self.latency = Histogram(
            "explorer_request_seconds",
            "Seconds until the last byte of an answer.",
            ["operation"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_progress = Gauge(
            "explorer_requests_in_progress", "Requests being answered.", registry=registry
        )
        self.upstream = Histogram(
            "explorer_upstream_seconds",
            "Seconds that other services took, by kind (tap, datalink, resolver, uws, identity, bundle).",
            ["kind", "service", "outcome"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.cache = Counter(
            "explorer_cache_total", "Look-ups in caches.", ["cache", "result"], registry=registry
        )
        self.sessions = Counter("explorer_sessions_total", "Sessions begun.", ["kind"], registry=registry)
        self.logins = Counter("explorer_logins_total", "Logins.", ["outcome"], registry=registry)
        self.jobs = Counter(
            "explorer_jobs_total", "Jobs that came to a phase.", ["runner", "phase"], registry=registry
        )
        self.limited = Counter(
            "explorer_limited_total", "Requests refused as too many.", ["kind"], registry=registry
        )
        self.ready = Gauge(
            "explorer_part_ready", "Whether a part answered when last asked.", ["part"], registry=registry
        )

    @contextmanager
    def asking(self, kind: str, service: str) -> Iterator[None]:
        """Time a request to another service.

        Parameters
        ----------
        kind
            What kind of service it is.
        service
            Its key.

        Yields
        ------
        None
            While it is asked; an exception counts as failure.
        """
        began, outcome = time.perf_counter(), "failed"
        try:
            yield
            outcome = "ok"
        finally:
            self.upstream.labels(kind, service, outcome).observe(time.perf_counter() - began)

    def serve(self, bind: str, port: int) -> tuple[int, Callable[[], None]]:
        """Serve the figures.

        Parameters
        ----------
        bind
            Address to listen at.
        port
            Port; 0 for any.

        Returns
        -------
        tuple[int, Callable[[], None]]
            The port, and what ends it.
        """
        server, thread = start_http_server(port, bind, self.registry)

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return server.server_port, stop
