"""Many clients of all kinds at once, for long: no wrong answer, nothing that leaks."""

from __future__ import annotations

import dataclasses
import time
import urllib.parse
from collections.abc import Iterator

import pytest

from datalink.bundles import lists
from tests.faults.harness import Site
from tests.load import downloads, protocols, telling, watching
from tests.load.crowd import BEHAVIOURS, Book, crowd, each_once
from tests.load.watching import Sample, Watch
from tests.load.world import World
from tests.thorough import thorough

CLIENTS = 64
SECONDS = thorough(45, 600)
WARM_UP = thorough(10, 60)
"""Seconds of the same load before anything is measured: pools fill, caches too."""

SEED = 20260601
FEW = thorough(2, 4)
"""Links of each kind that are followed."""

MOST_GROWTH = thorough(15, 5) / 100
"""Part of its memory by which the instance may grow over the second half: a robust slope times that time.

In the short form that half is so short that pools and caches still fill.
"""

MORE_DESCRIPTORS, MORE_CONNECTIONS, MORE_THREADS = 24, 6, 12
"""So many more may be left afterwards than before: pools of connections and threads that keep some."""

PAUSE = thorough(5, 80)
"""Seconds before a quiet sample: nginx keeps connections for the next request, at most for 75."""

SETTLE = 150.0
"""Seconds until all that a load has opened must be closed."""

STANDARDS = {
    "ivo://ivoa.net/std/tap": "TAP sync",
    "ivo://ivoa.net/std/tap#aux": "TAP sync",
    protocols.SCS: "cone search",
    downloads.LINKS: "DataLink",
    "ivo://ivoa.net/std/registry": "OAI",
    "ivo://ivoa.net/std/dali#examples": "page",
    **dict.fromkeys(protocols.VOSI["VOSI"], "VOSI"),
}
"""Who uses capabilities of each standard."""


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What came of the load."""

    world: World
    book: Book
    before: Sample
    samples: list[Sample]
    after: Sample


@pytest.fixture(scope="module")
def site(stopped: Site) -> Iterator[Site]:
    """Serve the complete instance again."""
    with stopped.serving() as service:
        service.up()
        yield stopped


@pytest.fixture(scope="module")
def world(site: Site) -> World:
    """Have the quiet instance answer all that clients will ask."""
    found = World(site.port, site.home)
    protocols.prepare(found, thorough(4, 8))
    downloads.prepare(found, FEW)
    return found


@pytest.fixture(scope="module")
def loaded(site: Site, world: World, pytestconfig: pytest.Config) -> Loaded:
    """Load it, and look on; the figures are printed, whatever comes of the tests."""
    crowd(world, CLIENTS, WARM_UP, SEED)
    before = calm(site, None)
    begun = time.monotonic()
    with Watch(site) as watch:
        book = crowd(world, CLIENTS, SECONDS, SEED + 1)
        seconds = time.monotonic() - begun
    during = [sample for sample in watch.samples if sample.at < begun + SECONDS]
    found = Loaded(world, book, before, during, calm(site, before))
    figures = telling.table(book, seconds, before, during, found.after)
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n{CLIENTS} clients, {SECONDS} s\n{figures}")
    return found


def calm(site: Site, before: Sample | None) -> Sample:
    """Wait until nothing that the load opened is open any more, or does not go; gives a sample."""
    deadline = time.monotonic() + SETTLE
    time.sleep(PAUSE)
    while True:
        sample = watching.take(site)
        quiet = not (left_over(before, sample) if before else sample.queries)
        if quiet or time.monotonic() > deadline:
            return sample
        time.sleep(1.0)


def left_over(before: Sample, after: Sample) -> list[str]:
    """Say what is more than before, beyond what pools keep."""
    found = []
    for what, more in (
        ("descriptors", MORE_DESCRIPTORS),
        ("connections", MORE_CONNECTIONS),
        ("threads", MORE_THREADS),
        ("spooled", 0),
    ):
        # A process of PostgreSQL's keeps the files of all tables that it has read: connections are counted.
        then, now = (sample.total(what, watching.POSTGRES) for sample in (before, after))
        if now > then + more:
            found.append(f"{what}: {now}, expected at most {then} + {more}")
    if after.queries:
        found.append(f"queries: {after.queries} still run")
    # One process stays that draws pictures.
    if after.jobs > max(before.jobs, 1):
        found.append(f"processes of jobs: {after.jobs}, {before.jobs} before")
    return found


def test_all_that_is_published_has_users(world: World) -> None:
    unknown = {
        (one.standard, one.kind, one.url)
        for one in world.interfaces
        if one.standard not in STANDARDS and not (one.standard == "" and one.kind == "WebBrowser")
    }
    assert not unknown
    assert set(STANDARDS.values()) <= BEHAVIOURS.keys()
    assert {link.semantics for link in world.links} <= downloads.SEMANTICS.keys()
    documents = world.services()
    unfollowed = {link.semantics for link in documents if link.url} - downloads.SEMANTICS.keys()
    assert not unfollowed
    services = {(link.semantics, link.standard.lower()) for link in documents if link.service}
    assert services
    assert services <= downloads.SERVICES.keys()
    assert set(downloads.SERVICES.values()) <= BEHAVIOURS.keys()


def test_everything_works_for_one_client(world: World) -> None:
    book = each_once(world, SEED)
    assert not book.wrong, book.verdict()
    assert book.seconds.keys() == BEHAVIOURS.keys()


def test_no_wrong_answer(loaded: Loaded) -> None:
    assert not loaded.book.wrong, loaded.book.verdict()


def test_everything_was_used(loaded: Loaded) -> None:
    book, world = loaded.book, loaded.world
    assert BEHAVIOURS.keys() == book.seconds.keys()
    paths = {path.partition("?")[0] for path in book.asked}
    published = {urllib.parse.urlsplit(one.url).path for one in world.interfaces}
    published |= {urllib.parse.urlsplit(link.service).path for link in world.services() if link.service}
    unused = {place for place in published if not any(f"{path}/".startswith(f"{place}/") for path in paths)}
    assert not unused
    kinds = {(link.semantics, link.media_type) for link in world.links}
    assert kinds == set(world.followed)


def test_memory_is_flat_in_the_second_half(loaded: Loaded) -> None:
    half = loaded.samples[len(loaded.samples) // 2 :]
    grown, there = watching.growth(half), half[0].total("memory")
    assert grown < MOST_GROWTH * there, f"{grown:.0f} kB more than {there}"


def test_no_process_had_to_be_started_again(loaded: Loaded) -> None:
    assert loaded.after.lasting == loaded.before.lasting


def test_some_data_are_closed_and_refused(world: World) -> None:
    refused = {path for path, quiet in world.quiet.items() if quiet.status == 401}
    assert world.closed
    assert refused


def test_lists_for_bundles_are_kept_once(loaded: Loaded, site: Site) -> None:
    kept = list((site.home / "dachs" / "state" / lists.FOLDER).iterdir())
    assert 0 < len(kept) <= len(set(loaded.world.targets["bundle"]))


def test_nothing_stays_open(loaded: Loaded) -> None:
    assert left_over(loaded.before, loaded.after) == []
