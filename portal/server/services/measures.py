"""What is measured of the services that are asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter, Histogram

from portal.server.errors import PortalError

ASKED = Histogram(
    "explorer_service_seconds",
    "Time that services took to answer.",
    ["service", "kind", "outcome"],
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
CACHE = Counter("explorer_service_cache", "Look-ups of services' descriptions.", ["outcome"])


@contextmanager
def asking(service: str, kind: str) -> Iterator[None]:
    """Measure one request.

    Parameters
    ----------
    service
        Key of the service.
    kind
        What it is for.

    Yields
    ------
    None
        Nothing.
    """
    start, outcome = time.perf_counter(), "gone"
    try:
        yield
        outcome = "answered"
    except PortalError as error:
        outcome = error.code
        raise
    finally:
        ASKED.labels(service, kind, outcome).observe(time.perf_counter() - start)
