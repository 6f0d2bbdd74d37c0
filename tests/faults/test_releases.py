"""Releases that change, hold broken files, or take turns; the server runs all the while."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

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


def _obs_id(path: Path) -> str:
    with gzip.open(path) as unpacked:
        return str(fits.getheader(unpacked, "EVENTS")["OBS_ID"])


def test_broken_files_do_not_stop_the_others(service: Service, sample: list[Path]) -> None:
    site = service.site
    assert f"{GOOD} of {GOOD + 2} files published" in service.said
    for name in ("broken_cut.fits.gz", "broken_text.fits.gz"):
        assert len([line for line in service.said.splitlines() if f"NOT published: {name}" in line]) == 1
    assert "2 files could not be published" in service.said
    assert [census.count(site, table) for table in ("hess_dr.obscore", "ivoa.obscore")] == [GOOD, GOOD]
    assert {line.split(",")[0] for line in census.tap(site, census.ROWS)} == {
        _obs_id(path) for path in sample[:GOOD]
    }


def test_no_row_of_the_former_release_is_left(service: Service, sample: list[Path]) -> None:
    products = set(service.site.instance.cluster.sql("SELECT accref FROM dc.products"))
    assert products <= {f"hess_dr/data/{path.name}" for path in sample[:GOOD]}
    assert len(census.tap(service.site, "SELECT DISTINCT id FROM datalink.response")) == GOOD
    assert not [line for line in census.tap(service.site, census.LINKS) if "SIMULATED" in line]
    collections = census.tap(service.site, "SELECT DISTINCT obs_collection FROM ivoa.obscore")
    assert collections == ["HESS-DL3-DR1"]
    assert "imulated" not in "".join(census.records(service.site))


def test_ingest_says_with_its_exit_code_that_files_failed(service: Service) -> None:
    done = service.site.run("ingest")
    assert done.returncode == EXIT_DATA
    assert "nothing changed" in done.stderr


def test_a_killed_import_leaves_what_was_published(service: Service, release: Path) -> None:
    site = service.site
    rows = census.tap(site, census.ROWS)
    working = site.begin("ingest", "--force")
    (importing,) = wait_until(lambda: site.dachs("imp"), "an import")
    kill(importing)
    message = working.communicate()[1]
    assert working.returncode == FAILURE
    assert "'dachs imp hess_dr/q' failed" in message
    assert census.tap(site, census.ROWS) == rows


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
    assert (site.supervisor, site.postmaster, site.dachs("serve")) == before
    assert census.count(site) == census.count(site, "ivoa.obscore_hea") == GOOD + 1
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
