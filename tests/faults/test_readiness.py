"""Readiness, while parts of the service are harmed: it says so within seconds, and liveness stays."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from instance.server import metrics_port
from tests.faults.harness import Site, kill, wait_until
from tests.thorough import thorough


def ask(url: str) -> tuple[int, str | None, dict]:
    """Give status, Retry-After and content; status 0 if nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=30) as reply:
            return reply.status, None, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Retry-After"], json.loads(error.read())
    except OSError:
        return 0, None, {}


def private(site: Site, path: str) -> tuple[int, str | None, dict]:
    return ask(f"http://127.0.0.1:{metrics_port(site.instance)}{path}")


def ready(site: Site) -> bool:
    return ask(f"{site.url}/ready")[0] == private(site, "/ready")[0] == 200


def unready(site: Site, check: str) -> bool:
    """Say whether both ports tell that this is wrong; the public one without a reason."""
    status, retry, content = ask(f"{site.url}/ready")
    if status != 503:
        return False
    assert int(retry or 0) > 0
    assert content == {"ready": False}
    status, _, content = private(site, "/ready")
    return status == 503 and content["checks"][check] != "well"


@contextlib.contextmanager
def stopped_process(pid: int) -> Iterator[None]:
    """Have a process do nothing for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def test_readiness_follows_what_works(stopped: Site) -> None:
    site = stopped
    with site.serving() as service:
        service.up()
        wait_until(lambda: ready(site), "a service that is ready")
        with stopped_process(site.postmaster):
            wait_until(lambda: unready(site, "database"), "the database is missed")
            assert ask(f"{site.url}/health")[0] == private(site, "/health")[0] == 200
        wait_until(lambda: ready(site), "readiness after the database went on")
        with stopped_process(site.worker("query-1")):
            wait_until(lambda: unready(site, "tap"), "the worker is missed")
            assert private(site, "/ready")[2]["checks"]["workers"] != "well"
            assert ask(f"{site.url}/health")[0] == 200
        wait_until(lambda: ready(site), "readiness after the worker went on")
        kill(site.postmaster)
        wait_until(lambda: private(site, "/ready")[0] == 503, "the database is missed")
        assert private(site, "/health")[0] == 200
        wait_until(lambda: ready(site), "readiness after the database was started again")
        kill(site.worker("light-1"))
        wait_until(lambda: site.worker("light-1") and ready(site), "readiness with a new worker")
        port = metrics_port(site.instance)
        facts = json.loads((site.home / "run" / "supervisor.json").read_text())
        kill(facts["processes"]["monitor"])
        wait_until(lambda: private(site, "/health")[0] == 200 and ready(site), "a new monitor")
        assert metrics_port(site.instance) == port
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30).read().decode()
        for process in ("PostgreSQL", "light-1", "monitor"):
            assert f'cherenkov_vo_process_restarts_total{{process="{process}"}} 1.0' in text


@pytest.mark.parametrize("metrics", ("yes", "no")[: thorough(1, 2)])
def test_a_full_disk_is_told(stopped: Site, metrics: str) -> None:
    """Also where there is no port for metrics, and for reasons."""
    site = stopped
    with site.serving(CHERENKOV_VO_LEAST_DISK="1000000000", CHERENKOV_VO_METRICS=metrics) as service:
        service.up()
        assert ask(f"{site.url}/health")[0] == 200
        if metrics == "no":
            assert ask(f"{site.url}/ready")[0] == 503
            assert not (site.home / "run" / "metrics.port").exists()
            return
        wait_until(lambda: unready(site, "disk"), "the disk is missed")
        checks = private(site, "/ready")[2]["checks"]
        assert [name for name, problem in checks.items() if problem != "well"] == ["disk"]
