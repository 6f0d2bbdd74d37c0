"""Many clients at once: threads that choose what to do, and a book of what came of it."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict

from tests.load import downloads, protocols
from tests.load.asking import BusyError, Web, WrongAnswerError
from tests.load.world import Behaviour, Client, World

BEHAVIOURS: dict[str, tuple[int, Behaviour]] = protocols.BEHAVIOURS | downloads.BEHAVIOURS

WITH_JOBS = {"TAP async", "TAP abandoned", "cut-out job"}
"""Few clients do these at once: else all would soon wait for the two jobs that run."""

PAUSE = 0.1
"""Mean of the seconds that clients think."""

MOST_SHOWN = 5


class Book:
    """What happened: seconds of all that went well, by kind; 503s; and all that was wrong."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.busy: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.refusals: Counter[str] = Counter()
        self.asked: set[str] = set()
        self.requests = 0
        self._lock = threading.Lock()

    def well(self, kind: str, seconds: float) -> None:
        """Note that something went well."""
        with self._lock:
            self.seconds[kind].append(seconds)

    def bad(self, kind: str, why: str) -> None:
        """Note that something was wrong."""
        with self._lock:
            self.wrong.append(f"[{kind}] {why}")

    def refused(self, kind: str, request: str) -> None:
        """Note an honest 503."""
        with self._lock:
            self.busy[kind] += 1
            self.refusals[request.splitlines()[0].partition("?")[0]] += 1

    def merge(self, web: Web) -> None:
        """Note what a client asked for."""
        with self._lock:
            self.asked |= web.asked
            self.requests += web.requests

    def verdict(self) -> str:
        """Show the first of what was wrong."""
        shown = "\n\n".join(self.wrong[:MOST_SHOWN])
        return f"{len(self.wrong)} wrong answers, the first:\n\n{shown}"


def _live(client: Client, until: float, over: threading.Event, book: Book) -> None:
    names = list(BEHAVIOURS)
    weights = [BEHAVIOURS[name][0] for name in names]
    while time.monotonic() < until and not over.is_set():
        name = client.chance.choices(names, weights)[0]
        mine = name not in WITH_JOBS or client.world.jobs.acquire(blocking=False)
        if not mine:
            continue
        begun = time.monotonic()
        try:
            BEHAVIOURS[name][1](client)
            book.well(name, time.monotonic() - begun)
        except BusyError as error:
            book.refused(name, str(error))
            over.wait(min(error.seconds, max(0.0, until - time.monotonic())))
        except WrongAnswerError as error:
            book.bad(name, str(error))
        except Exception as error:  # what the checks themselves could not read is wrong, too
            book.bad(name, repr(error))
        finally:
            if name in WITH_JOBS:
                client.world.jobs.release()
        over.wait(client.chance.expovariate(1 / PAUSE))
    book.merge(client.web)


def crowd(world: World, clients: int, seconds: float, seed: int) -> Book:
    """Let clients do as they like for some time; gives what came of it when the last has ended."""
    book, over = Book(), threading.Event()
    until, chance = time.monotonic() + seconds, random.Random(seed)
    threads = [
        threading.Thread(
            target=_live, args=(Client(world, chance.getrandbits(32)), until, over, book), daemon=True
        )
        for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return book


def each_once(world: World, seed: int) -> Book:
    """Have one client do everything, one after the other: what is wrong then is not the load's fault."""
    book, client = Book(), Client(world, seed)
    for name, (_, act) in BEHAVIOURS.items():
        begun = time.monotonic()
        try:
            act(client)
            book.well(name, time.monotonic() - begun)
        except (WrongAnswerError, BusyError) as error:
            book.bad(name, str(error))
    book.merge(client.web)
    return book
