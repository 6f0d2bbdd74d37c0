"""One undisturbed instance, and others to do harm to, all below one temporary directory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults import census
from tests.faults.changing import ChangingRelease, Followed
from tests.faults.harness import Service, Site, wait_until
from tests.run import clear_leftovers, temporary_directory


@pytest.fixture(scope="session")
def workshop() -> Iterator[Path]:
    """Give a directory that the services' user can enter."""
    clear_leftovers()
    with temporary_directory() as path:
        yield path


@pytest.fixture(scope="session")
def new_site(workshop: Path) -> Iterator[Callable[..., Site]]:
    """Give a maker of instances; whatever is left of them is removed at the end."""
    made: list[Site] = []

    def make(name: str, **options: str) -> Site:
        made.append(Site(workshop / name, **options))
        return made[-1]

    yield make
    for site in made:
        site.remove()


@pytest.fixture(scope="session", autouse=True)
def first_start(new_site: Callable[..., Site]) -> Iterator[Service]:
    """Bring an instance up from nothing, while the tests that need none run."""
    with new_site("reference").serving() as service:
        yield service


@pytest.fixture(scope="session")
def reference(first_start: Service) -> Site:
    """Give the instance whose import nothing disturbed, as soon as it has its environment."""
    mark = first_start.site.home / "venv" / "complete-base"
    wait_until(lambda: mark.exists() or first_start.process.poll() is not None, "a virtual environment")
    return first_start.site


@pytest.fixture(scope="session")
def expected(first_start: Service) -> census.Census:
    """Give what an undisturbed instance publishes."""
    first_start.up()
    return census.take(first_start.site)


@pytest.fixture(scope="session")
def stopped(first_start: Service, expected: census.Census) -> Site:
    """Give the complete instance after it was asked to end, to be served anew."""
    site = first_start.site
    first_start.stop()
    assert first_start.process.returncode == 0, first_start.said
    assert site.processes() == {}
    return site


@pytest.fixture(scope="session")
def harmed(
    new_site: Callable[..., Site], stopped: Site, workshop: Path
) -> Iterator[tuple[Followed, Service]]:
    """Serve an instance whose release changes, for several modules of tests to do harm to."""
    release = ChangingRelease(stopped.home / "releases" / "sample", workshop / "changing")
    site = new_site("harmed", release=str(release.directory))
    site.take_environment_of(stopped)
    with site.serving() as service:
        service.up()
        yield Followed(site, release), service


@pytest.fixture
def followed(harmed: tuple[Followed, Service]) -> Followed:
    """Give that instance, which is up."""
    return harmed[0]
