"""Processes killed while an instance is served: it comes back by itself, or with the next start."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from instance.exits import FAILURE, OK
from instance.releases import COLLECTIONS
from instance.server import answers, processes
from tests.faults import census
from tests.faults.harness import Service, Site, kill, wait_until


@pytest.fixture(scope="module")
def service(stopped: Site) -> Iterator[Service]:
    """Give the complete instance, served again."""
    with stopped.serving() as found:
        found.up()
        for collection in COLLECTIONS:
            assert f"nothing changed since the last import of {collection}\n" in found.said
        yield found


def _recovered(site: Site, *gone: int) -> None:
    """Wait until none of some processes is needed any more, and all that replace them answer."""

    def well() -> bool:
        now, said = site.dachs("serve"), processes(site.instance).values()
        answering = bool(said) and all(pulse.startswith("answers") for pulse in said)
        return answering and not set(gone) & {*now, site.postmaster} and answers(site.instance)

    wait_until(well, "an answer")


@pytest.mark.parametrize("name", ["light-1", "query-1"])
def test_worker(service: Service, expected: census.Census, name: str) -> None:
    worker = service.site.worker(name)
    kill(worker)
    wait_until(lambda: service.site.worker(name) not in (0, worker), "another worker")
    _recovered(service.site, worker)
    assert f"The worker {name} ended unexpectedly; starting it again." in service.said
    assert census.differences(service.site, expected) == []


def test_proxy(service: Service, expected: census.Census) -> None:
    proxy = service.site.proxy
    kill(proxy)
    wait_until(lambda: service.site.proxy not in (0, proxy), "another proxy")
    _recovered(service.site, proxy)
    assert "The proxy ended unexpectedly; starting it again." in service.said
    assert census.differences(service.site, expected) == []


def test_worker_that_hangs(service: Service) -> None:
    worker = service.site.worker("query-1")
    os.kill(worker, signal.SIGSTOP)
    assert answers(service.site.instance)  # light requests do not need it
    wait_until(lambda: service.site.worker("query-1") not in (0, worker), "another worker")
    assert "The worker query-1 does not answer any more; starting it again." in service.said
    _recovered(service.site, worker)
    wait_until(lambda: processes(service.site.instance)["query-1"].startswith("answers"), "its pulse")
    assert census.count(service.site)


def test_postgresql(service: Service, expected: census.Census) -> None:
    postmaster = service.site.postmaster
    servers = service.site.dachs("serve")
    kill(postmaster)
    _recovered(service.site, postmaster, *servers)
    assert "PostgreSQL ended unexpectedly; starting it again." in service.said
    assert census.differences(service.site, expected) == []


def test_postgresql_again_while_workers_start(service: Service, expected: census.Census) -> None:
    site = service.site
    first, servers = site.postmaster, site.dachs("serve")
    kill(first)
    started = wait_until(lambda: set(site.dachs("serve")) - set(servers), "other workers")
    second = site.postmaster
    assert second not in (0, first)
    kill(second)
    _recovered(site, first, second, *servers, *started)
    assert census.differences(site, expected) == []


def test_postgresql_in_the_middle_of_a_long_query(service: Service, expected: census.Census) -> None:
    site = service.site
    endless = "SELECT count(*) FROM generate_series(1, 100000000000)"
    cluster = site.instance.cluster
    asking = subprocess.Popen(
        [cluster.programs / "psql", "-X", "-c", endless, cluster.dsn],
        env=cluster.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    active = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT count(*) FROM generate%'"
    (backend,) = map(int, wait_until(lambda: cluster.sql(active), "the query"))
    postmaster, servers = site.postmaster, site.dachs("serve")
    kill(postmaster)
    _recovered(site, postmaster, *servers)
    assert asking.wait(60) != 0
    assert backend not in site.processes()
    assert census.differences(site, expected) == []


def test_second_serve_says_that_one_runs(service: Service) -> None:
    site = service.site
    supervisor = site.supervisor
    for command in ("serve", "up"):
        done = site.run(command)
        assert done.returncode == OK, done.stderr
        assert site.url in done.stderr
    assert f"Process {supervisor} serves this instance already" in site.run("serve").stderr
    assert site.supervisor == supervisor


def test_ingest_while_served_disturbs_nothing(service: Service, expected: census.Census) -> None:
    site = service.site
    before = (site.supervisor, site.postmaster, site.dachs("serve"))
    for command in ("ingest", "ingest"):
        done = site.run(command)
        assert done.returncode == OK, done.stderr
        for collection in COLLECTIONS:
            assert f"nothing changed since the last import of {collection}\n" in done.stderr
        assert "Importing" not in done.stderr
    assert site.run("status").returncode == OK
    assert (site.supervisor, site.postmaster, site.dachs("serve")) == before
    assert census.differences(site, expected) == []


def test_proxies_are_not_asked_for_our_own_server(service: Service) -> None:
    variables = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    assert service.site.run("status", **variables).returncode == OK
    assert "does not answer" not in service.site.run("doctor", **variables).stderr


def test_everything_at_once(service: Service, expected: census.Census) -> None:
    site = service.site
    for pid in (site.supervisor, *site.dachs("serve"), site.proxy, site.postmaster):
        if pid in site.processes():
            kill(pid)
    service.process.wait(60)
    assert (site.home / "postgres" / "data" / "postmaster.pid").exists()
    done = site.run("status")
    assert done.returncode == FAILURE
    assert "NOT up" in done.stderr
    with site.serving() as again:
        again.up()
        assert "nothing changed since the last import of hess_dr" in again.said
        assert census.differences(site, expected) == []


def test_supervisor_alone_then_up_and_down(stopped: Site, expected: census.Census) -> None:
    site = stopped
    with site.serving() as service:
        service.up()
        kill(site.supervisor)
        wait_until(lambda: not site.dachs("serve"), "the end of the web server")
        assert site.postmaster
    done = site.run("up")
    assert done.returncode == OK, done.stderr
    assert site.run("status").returncode == OK
    assert census.differences(site, expected) == []
    assert site.run("down").returncode == OK
    assert site.processes() == {}
    done = site.run("down")
    assert done.returncode == OK
    assert "Nothing was running." in done.stderr
    assert site.run("status").returncode == FAILURE


def test_down_ends_what_a_killed_supervisor_left(stopped: Site) -> None:
    with stopped.serving() as service:
        service.up()
        kill(stopped.supervisor)
    assert stopped.run("down").returncode == OK
    wait_until(lambda: stopped.processes() == {}, "the end of workers, which end by themselves then")
