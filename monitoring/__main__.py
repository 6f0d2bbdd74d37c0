"""The monitor: ``python -m monitoring OPTIONS``; those are a file (see ``monitoring/options.py``)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from prometheus_client import CollectorRegistry, disable_created_metrics, generate_latest

from monitoring import messages, web
from monitoring.options import Options
from monitoring.readiness import Readiness
from monitoring.requests_log import Requests
from monitoring.state import State

INTERVAL = 1.0
"""Seconds between looks into the log of requests."""


def main() -> None:
    """Serve until told to end."""
    options = Options.load(Path(sys.argv[1]))
    # Prometheus takes the times of creation for further metrics.
    disable_created_metrics()  # type: ignore[no-untyped-call,unused-ignore]
    registry = CollectorRegistry()
    requests = Requests(options.requests, options.kinds, registry)
    readiness = Readiness(options)
    registry.register(State(options, readiness))

    def write() -> bytes:
        requests.catch_up()
        return bytes(generate_latest(registry))

    messages.listen(options.messages, options.home / "log" / "proxy.jsonl")
    web.serve_socket(options.socket, {"/ready": web.ready_page(readiness.look, why=False)})
    if options.metrics:
        pages = {
            "/metrics": web.metrics_page(write),
            "/health": lambda: web.document({"alive": True}),
            "/ready": web.ready_page(readiness.look, why=True),
        }
        web.serve_port(options.port, options.port_file, pages)
    while True:
        time.sleep(INTERVAL)
        requests.catch_up()


if __name__ == "__main__":
    main()
