"""What all clients share: what is published, what a quiet instance answered, and who did what."""

from __future__ import annotations

import dataclasses
import datetime
import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.load.asking import Answer, Web
from tests.load.published import Interface, Link, all_interfaces, files_on_disk, links, links_of, rows
from tests.load.reducing import digest, look


@dataclasses.dataclass(frozen=True)
class Quiet:
    """What the quiet instance answered; the body itself is needed for ranges."""

    status: int
    digest: str
    media_type: str
    tag: str
    modified: str
    body: bytes


class World:
    """One instance, as known before the load.

    Parameters
    ----------
    port, home
        Where it is.
    """

    def __init__(self, port: int, home: Path) -> None:
        self.port, self.home = port, home
        web = Web(port)
        self.interfaces: set[Interface] = all_interfaces(web)
        self.observations = rows(
            web,
            "SELECT obs_publisher_did, obs_id, obs_collection, s_ra, s_dec, t_min, t_max FROM ivoa.obscore"
            " WHERE s_ra IS NOT NULL AND dataproduct_type = 'event-list' ORDER BY obs_publisher_did",
        )
        self.closed = {
            row["obs_publisher_did"]
            for row in rows(
                web,
                "SELECT obs_publisher_did FROM ivoa.obscore WHERE data_rights <> 'public'"
                f" OR obs_release_date > '{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%S}'",
            )
        }
        self.tables = [row["table_name"] for row in rows(web, "SELECT table_name FROM tap_schema.tables")]
        self.links: list[Link] = links(web)
        self.files = files_on_disk(home)
        self.targets: dict[str, list[str]] = defaultdict(list)
        self.quiet: dict[str, Quiet] = {}
        self.followed: dict[tuple[str, str], int] = defaultdict(int)
        self._decks: dict[str, list[str]] = defaultdict(list)
        self._chance, self._lock = random.Random(2), threading.Lock()
        self.jobs = threading.BoundedSemaphore(6)

    def deal(self, kind: str, cards: Sequence[str]) -> str:
        """Give the next of some cards; they are shuffled when all have been given."""
        with self._lock:
            deck = self._decks[kind]
            if not deck:
                deck += self._chance.sample(list(cards), len(cards))
            return deck.pop()

    def choose_links(self, few: int) -> list[Link]:
        """Choose some links of each kind that there is, in each collection, at random but always the same."""
        kinds: dict[tuple[str, ...], list[Link]] = defaultdict(list)
        for link in self.links:
            collection = link.identifier.partition("?")[2].partition("/")[0]
            kinds[collection, link.semantics, link.media_type, link.qualifier].append(link)
        chance = random.Random(1)
        return [link for found in kinds.values() for link in chance.sample(found, min(few, len(found)))]

    def learn(self, kind: str, targets: Iterable[str], *more: int) -> None:
        """Ask the quiet instance, twice, and note what it says: status 200, or one of some more."""
        web = Web(self.port)
        for target in targets:
            path = web.path_of(target)
            if path not in self.quiet:
                first, second = (look(web.ask(path)) for _ in range(2))
                said = digest(first.expect(200, *more))
                second.check(digest(second) == said, "a second answer is another one, without any load")
                header = first.headers.get
                self.quiet[path] = Quiet(
                    first.status, said, header("Content-Type", ""), header("ETag", ""),
                    header("Last-Modified", ""), first.body,
                )  # fmt: skip
            self.targets[kind].append(path)

    def learn_links(self, kind: str, chosen: Iterable[Link]) -> None:
        """Learn what links lead to: to data, or to a refusal if these are not for everybody."""
        for link in chosen:
            self.learn(kind, [link.url], *((401,) if link.identifier in self.closed else ()))

    def document(self, target: str) -> bytes:
        """Give a document that leads to others."""
        return Web(self.port).ask(target).expect(200).body

    def services(self) -> list[Link]:
        """Give the rows of DataLink documents that lead to services, and those of the documents alone."""
        found = []
        for target in self.targets["DataLink"]:
            quiet = self.quiet[target]
            if quiet.status == 200 and b"adhoc:service" in quiet.body:
                found += links_of(quiet.body)
        return found


class Client:
    """One of many: what it may do, with chances of its own.

    Parameters
    ----------
    world
        What it shares.
    seed
        Of its chances.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.chance = world, random.Random(seed)
        self.web = Web(world.port)

    def one_of(self, kind: str) -> str:
        """Choose a target: all have their turn, in an order of their own, whoever asks."""
        return self.world.deal(kind, self.world.targets[kind])

    def same(self, target: str) -> Answer:
        """Ask for a target; the answer must be the quiet instance's."""
        answer = look(self.web.ask(target))
        return self.compare(answer, target)

    def compare(self, answer: Answer, target: str) -> Answer:
        """Check that an answer is what the quiet instance said to a target."""
        quiet = self.world.quiet[self.web.path_of(target)]
        answer.expect(quiet.status)
        said = answer.headers.get("Content-Type", "")
        answer.check(said == quiet.media_type, f"Content-Type, expected {quiet.media_type}")
        return answer.check(digest(answer) == quiet.digest, "not what the quiet instance answered")


Behaviour = Callable[[Client], None]
