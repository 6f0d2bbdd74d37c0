"""The first import, killed at one moment after the other: the last start completes it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest

from instance.exits import OK
from tests.faults import census
from tests.faults.harness import PROGRAM, Service, Site, kill, wait_until

Maker = Callable[..., Site]
BY_MAKE = ("make", "-s", "serve")


@pytest.fixture(scope="module")
def half_made(new_site: Maker, reference: Site) -> Site:
    """Give an instance of which somebody left half a cluster and a state that claims more."""
    site = new_site("interrupted")
    site.take_environment_of(reference)
    data = site.home / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("15\n", encoding="ascii")
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n", encoding="ascii")
    state = '{"imported": ["hess_dr"], "database": 7, "served": 3, "data": "a lot"}'
    (site.home / "state.json").write_text(state, encoding="ascii")
    for name in ("serve.lock", "work.lock"):
        (site.home / name).write_text(str(os.getppid()), encoding="ascii")
    return site


def _interrupt(site: Site, moment: Callable[[Service], object], *command: str) -> None:
    """Kill what was started at a moment, and wait until all that it started is gone or harmless."""
    with site.serving(*command) as service:
        moment(service)
        service.kill()
        wait_until(lambda: not site.supervisor, "the end of what served")


def _logs(site: Site, line: str) -> Callable[[Service], object]:
    """Wait for DaCHS to begin with something that it has not begun with before."""
    log = site.home / "log" / "dachs.log"
    before = log.stat().st_size if log.exists() else 0

    def moment(service: Service) -> None:
        begun = f"$ dachs {line}".encode()
        wait_until(lambda: begun in _tail(log, before) or service.process.poll() is not None, line)
        assert begun in _tail(log, before), service.said

    return moment


def _tail(path: Path, start: int) -> bytes:
    return path.read_bytes()[start:] if path.exists() else b""


@contextlib.contextmanager
def _importing(service: Service) -> Iterator[int]:
    """Let the first import come no further than to the end of its transaction; gives its process."""
    service.wait_for("- Importing hess_dr ...")
    cluster = service.site.instance.cluster
    connection = psycopg2.connect(cluster.dsn, passfile=str(cluster.password_file))
    try:
        with connection.cursor() as cursor:
            # Written when all rows of the collection are.
            cursor.execute("LOCK TABLE ivoa._obscoresources IN SHARE MODE")
        held = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'ivoa._obscoresources'::regclass"
        wait_until(lambda: cluster.sql(held), "a transaction that has written its rows")
        (process,) = service.site.dachs("imp")
        yield process
    finally:
        connection.close()


@pytest.mark.parametrize("command", [BY_MAKE, ()], ids=["make", "program"])
def test_killed_while_the_cluster_is_made(half_made: Site, command: tuple[str, ...]) -> None:
    _interrupt(half_made, lambda service: service.wait_for("- Making the database cluster"), *command)


def test_make_killed_at_the_beginning_of_dachs_init(half_made: Site) -> None:
    _interrupt(half_made, _logs(half_made, "init"), *BY_MAKE)


def test_program_killed_in_the_middle_of_dachs_tables(half_made: Site) -> None:
    _interrupt(half_made, _logs(half_made, "imp rd/hea"), str(PROGRAM), "serve")


def test_make_killed_while_rows_are_written(half_made: Site) -> None:
    with half_made.serving(*BY_MAKE) as service:
        with _importing(service):
            service.kill()
        wait_until(lambda: not half_made.supervisor, "the end of what served")


def test_program_and_import_killed_while_rows_are_written(half_made: Site) -> None:
    with half_made.serving() as service, _importing(service) as importing:
        kill(half_made.supervisor)
        if importing in half_made.processes():
            kill(importing)


def test_a_collection_that_fails_does_not_keep_the_other_from_being_served(half_made: Site) -> None:
    with half_made.serving() as service:
        with _importing(service) as importing:
            kill(importing)
        service.up()
        assert "  hess_dr is NOT imported: " in service.said
        assert census.count(half_made, "ctao.obscore") > 0
        assert census.count(half_made, "ivoa.obscore WHERE obs_publisher_did LIKE '%hess_dr%'") == 0
        assert census.datalink(half_made, census.first_public(half_made, "ctao"), "ctao")
        assert half_made.run("status").returncode == OK
        assert "import: not finished" in half_made.run("doctor").stderr


def test_make_killed_while_coverage_is_computed(half_made: Site) -> None:
    _interrupt(half_made, _logs(half_made, "limits hess_dr/q"), *BY_MAKE)


def test_the_last_start_completes_it(half_made: Site, expected: census.Census) -> None:
    with half_made.serving(*BY_MAKE) as service:
        service.up()
        assert "nothing changed since the last import of ctao\n" in service.said
        assert census.differences(half_made, expected) == []
        service.kill()
        wait_until(lambda: half_made.processes() == {}, "the end of all that make had started")


def test_no_secret_can_be_read_by_others(half_made: Site) -> None:
    secrets = [half_made.home / "postgres", *(half_made.home / "dachs" / "etc").glob("*query")]
    secrets.append(half_made.home / "dachs" / "etc" / "feed")
    assert all(_mode(path) & 0o007 == 0 for path in secrets)


def _mode(path: Path) -> int:
    return path.stat().st_mode
