"""Releases that change, hold broken files, or take turns; the server runs all the while."""

from __future__ import annotations

import contextlib
import gzip
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from astropy.io import fits

from instance.exits import EXIT_DATA, FAILURE, OK
from tests.faults import census
from tests.faults.harness import Service, Site, kill, wait_until

GOOD = 4


@pytest.fixture(scope="module")
def sample(stopped: Site) -> list[Path]:
    """Give the files of the built-in sample."""
    return sorted((stopped.home / "releases" / "sample" / "data").glob("*.fits.gz"))


@pytest.fixture(scope="module")
def release(workshop: Path, sample: list[Path]) -> Path:
    """Give a release with good files and two broken ones among them."""
    data = workshop / "release" / "data"
    data.mkdir(parents=True)
    for path in sample[:GOOD]:
        shutil.copy(path, data)
    whole = sample[GOOD].read_bytes()
    (data / "broken_cut.fits.gz").write_bytes(whole[: len(whole) // 2])
    (data / "broken_text.fits.gz").write_text("These are not the events you look for.\n", encoding="ascii")
    return data.parent


@pytest.fixture(scope="module")
def service(stopped: Site, release: Path, expected: census.Census) -> Iterator[Service]:
    """Give the instance of the other tests, which publishes another release now."""
    stopped.release = str(release)
    with stopped.serving() as found:
        yield found.up()
    stopped.release = "sample"


def _other_collection(rows: list[str]) -> list[str]:
    """Give the identifiers of the data sets that nothing here is to touch."""
    return [line.split(",")[1] for line in rows if "~?ctao/" in line]


def _obs_id(path: Path) -> str:
    with gzip.open(path) as unpacked:
        return str(fits.getheader(unpacked, "EVENTS")["OBS_ID"])


def test_broken_files_do_not_stop_the_others(service: Service, sample: list[Path]) -> None:
    site = service.site
    assert f"{GOOD} of {GOOD + 2} observations published" in service.said
    assert "Importing ctao" not in service.said, "the other collection did not change"
    for name in ("broken_cut.fits.gz", "broken_text.fits.gz"):
        assert len([line for line in service.said.splitlines() if f"NOT published: {name}" in line]) == 1
    assert "2 observations could not be published" in service.said
    assert census.count(site) == GOOD
    wanted = {_obs_id(path) for path in sample[:GOOD]}
    for query in (
        "SELECT obs_id FROM hess_dr.obscore",
        "SELECT obs_id FROM ivoa.obscore WHERE obs_publisher_did LIKE '%~?hess_dr/%'",
    ):
        assert set(census.tap(site, query)) == wanted


def test_no_row_of_the_former_release_is_left(service: Service, sample: list[Path]) -> None:
    files = service.site.instance.cluster.sql("SELECT DISTINCT source FROM hess_dr.links")
    assert set(files) == {f"hess_dr/releases/hess-dl3-dr1/files/data/{path.name}" for path in sample[:GOOD]}
    assert len(service.site.instance.cluster.sql("SELECT DISTINCT id FROM hess_dr.links")) == GOOD
    collections = census.tap(service.site, "SELECT DISTINCT obs_collection FROM hess_dr.obscore")
    assert collections == ["HESS-DL3-DR1"]
    records = census.records(service.site)
    assert "imulated observations in the form of the H.E.S.S." not in "".join(records)
    assert "H.E.S.S. DL3 public test data release 1" in "".join(records)
    assert not (service.site.home / "dachs" / "inputs" / "hess_dr" / "releases" / "sample").exists()


def test_the_other_collection_is_as_it_was(service: Service, expected: census.Census) -> None:
    now, before = (_other_collection(rows) for rows in (census.tap(service.site, census.ROWS), expected.rows))
    assert now
    assert now == before


def test_ingest_says_with_its_exit_code_that_files_failed(service: Service) -> None:
    done = service.site.run("ingest")
    assert done.returncode == EXIT_DATA
    assert "nothing changed" in done.stderr


@contextlib.contextmanager
def _locked(site: Site, table: str) -> Iterator[None]:
    """Let nobody write a table, though all may read it."""
    cluster = site.instance.cluster
    connection = psycopg2.connect(cluster.dsn, passfile=str(cluster.password_file))
    try:
        connection.cursor().execute(f"LOCK TABLE {table} IN SHARE MODE")
        yield
    finally:
        connection.close()


def _writes(site: Site) -> list[str]:
    """Tell whether a transaction has changed the observations of the collection."""
    return site.instance.cluster.sql(
        "SELECT 1 FROM pg_locks WHERE mode = 'RowExclusiveLock' AND granted"
        " AND relation = 'hess_dr.obscore'::regclass"
    )


@pytest.mark.parametrize("moment", [lambda site: True, _writes], ids=["at its beginning", "as it writes"])
def test_a_killed_import_leaves_what_was_published(
    service: Service, release: Path, moment: Callable[[Site], object]
) -> None:
    site = service.site
    rows, links = census.tap(site, census.ROWS), census.tap(site, census.LINKS)
    with _locked(site, "hess_dr.ledger"):  # which it writes last
        working = site.begin("ingest", "--force")
        (importing,) = wait_until(lambda: site.dachs("imp"), "an import")
        wait_until(lambda: moment(site), "its moment")
        kill(importing)
    message = working.communicate()[1]
    assert working.returncode == FAILURE
    assert "'dachs imp hess_dr/q update' failed" in message
    assert census.tap(site, census.ROWS) == rows
    assert census.tap(site, census.LINKS) == links
    assert "Not everything could be imported and published." in message


def test_an_import_whose_end_nobody_saw_is_published_by_the_next(
    service: Service, sample: list[Path]
) -> None:
    site = service.site
    release = Path(site.release)
    shutil.copy(sample[-1], release / "data")
    working = site.begin("ingest")
    wait_until(lambda: census.count(site) == GOOD + 1, "the new rows")
    kill(working.pid)
    working.communicate()
    for importing in site.dachs("imp"):
        kill(importing)
    done = site.run("ingest")
    assert "Publishing to the registry" in done.stderr
    assert census.count(site) == GOOD + 1
    (release / "data" / sample[-1].name).unlink()
    assert "nothing changed" not in site.run("ingest", "--withdraw").stderr.split("ctao:")[0]
    assert census.count(site) == GOOD


def test_a_changed_release_shows_without_a_restart(
    service: Service, release: Path, sample: list[Path]
) -> None:
    site, data = service.site, release / "data"
    gone, new = sample[0], sample[GOOD]
    assert len(census.datalink(site, _obs_id(gone))) > 1
    before = (site.supervisor, site.postmaster, site.dachs("serve"))
    for name in (gone.name, "broken_cut.fits.gz", "broken_text.fits.gz"):
        (data / name).unlink()
    for path in sample[GOOD : GOOD + 2]:
        shutil.copy(path, data)
    done = site.run("ingest")
    assert done.returncode == OK, done.stderr
    assert "1 observations are gone" in done.stderr
    assert census.count(site) == GOOD + 2
    done = site.run("ingest", "--withdraw")
    assert done.returncode == OK, done.stderr
    assert (site.supervisor, site.postmaster, site.dachs("serve")) == before
    assert "Importing ctao" not in done.stderr
    assert census.count(site) == GOOD + 1
    assert len(census.datalink(site, _obs_id(new))) > 1
    assert "NotFoundFault" not in str(census.datalink(site, _obs_id(new)))
    assert census.tap(site, f"SELECT obs_id FROM ivoa.obscore WHERE obs_id = '{_obs_id(gone)}'") == []
    assert "NotFoundFault" in str(census.datalink(site, _obs_id(gone)))


def test_and_back_to_the_sample(service: Service, expected: census.Census) -> None:
    site = service.site
    service.stop()
    site.release = "sample"
    with site.serving() as again:
        again.up()
        assert census.differences(site, expected) == []
