"""A release that changes, an instance that follows it, and readers who look on."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import threading
import urllib.error
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from astropy.io import fits

from instance.exits import OK
from instance.releases import COLLECTIONS
from tests.faults import census
from tests.faults.harness import Site, wait_until, words_of

STATES = ("whole", "fewer", "others")
"""What the release may be: all runs; some gone and one changed; others gone and others changed."""

_GONE = {"whole": (), "fewer": (1, 5), "others": (0, 5, 9)}
_CHANGED = {"whole": (), "fewer": (3,), "others": (3, 4, 12)}

TABLES = (
    *(f"{collection}.{table}" for collection in COLLECTIONS for table in ("obscore", "companions")),
    "ivoa.obscore",
    "ivoa.obscore_hea",
    "ivoa.response",
    "ivoa.response_psf",
    "datalink.response",
    "tap_schema.tables",
    "tap_schema.columns",
)
QUERIES = (
    " UNION ALL ".join(f"SELECT '{table}' AS name, COUNT(*) AS n FROM {table}" for table in TABLES),
    """SELECT COUNT(*) AS n, SUM(h.ev_xel) AS events, MIN(o.target_name) AS one, MAX(o.target_name) AS other,
        COUNT(DISTINCT d.access_url) AS links
        FROM ivoa.obscore AS o JOIN ivoa.obscore_hea AS h ON o.obs_publisher_did = h.obs_publisher_did
        JOIN datalink.response AS d ON d.id = o.obs_publisher_did""",
    """SELECT r.resp_product_type, COUNT(*) AS n, SUM(c.ev_xel) AS events,
        COUNT(DISTINCT o.target_name) AS targets
        FROM datalink.response AS d JOIN ivoa.response AS r ON r.resp_publisher_did = d.id
        JOIN ivoa.obscore AS o ON o.obs_publisher_did = r.obs_publisher_did
        JOIN hess_dr.obscore AS c ON c.obs_publisher_did = o.obs_publisher_did
        GROUP BY r.resp_product_type""",
    """SELECT c.target_name, COUNT(*) AS n FROM hess_dr.companions AS k JOIN hess_dr.obscore AS c
        ON c.obs_id = k.obs_id JOIN ivoa.obscore_hea AS h ON h.obs_publisher_did = c.obs_publisher_did
        JOIN ivoa.obscore AS o ON o.obs_publisher_did = k.obs_publisher_did
        JOIN tap_schema.tables AS t ON t.table_name = 'ivoa.obscore' GROUP BY c.target_name""",
)
"""Each looks at several tables at once, in orders of their own."""

PAUSE = 0.1
"""Seconds between an answer and the next question."""

LONG = 600.0
"""Seconds for an ingestion while others read, on a machine that has more to do; only to end what hangs."""

Answers = tuple[tuple[str, ...], ...]


class ChangingRelease:
    """Runs of the H.E.S.S.-like sample, as files that come, go and change.

    Parameters
    ----------
    original
        The sample.
    directory
        Where the release is to be.
    """

    def __init__(self, original: Path, directory: Path) -> None:
        self.directory, self._original = directory, original
        shutil.copytree(original, directory)
        self.become(STATES[0])

    def become(self, state: str) -> None:
        """Have the runs of a state."""
        for number, path in enumerate(sorted((self._original / "data").glob("*.fits.gz"))):
            target = self.directory / "data" / path.name
            if number in _GONE[state]:
                target.unlink(missing_ok=True)
            elif number in _CHANGED[state]:
                with fits.open(path) as found:
                    found["EVENTS"].header["OBJECT"] = f"Object {state}"
                    found.writeto(target, overwrite=True)
            elif not target.exists() or target.stat().st_mtime_ns != path.stat().st_mtime_ns:
                shutil.copy2(path, target)


class Readers:
    """Clients that ask all the time, each one query after the other, and keep the answers.

    Parameters
    ----------
    site
        Whom they ask.
    crash
        Whether something ends under their eyes: then `turned_away` counts, by status code, the answers that
        are none, and lost connections. Otherwise each is a problem.
    """

    def __init__(self, site: Site, *, crash: bool = False) -> None:
        self.site, self.crash = site, crash
        self.seen: list[tuple[int, tuple[str, ...]]] = []
        self.problems: list[str] = []
        self.turned_away = Counter[str]()
        self.told: dict[str, str] = {}
        self._done = threading.Event()

    def _read(self, first: int) -> None:
        number = first
        while not self._done.wait(PAUSE):
            number = (number + 1) % len(QUERIES)
            try:
                self.seen.append((number, answer(self.site, QUERIES[number])))
            except urllib.error.HTTPError as error:
                with error:
                    self._note(str(error.code), error.read().decode(errors="replace"))
            except (OSError, http.client.HTTPException) as error:
                self._note("lost", repr(error))

    def _note(self, kind: str, what: str) -> None:
        if self.crash:
            if kind not in self.told:
                print(f"Turned away, {kind}: {what}")
            self.turned_away[kind] += 1
            self.told[kind] = what
        else:
            self.problems.append(f"{kind}: {what}")

    @contextlib.contextmanager
    def reading(self, number: int = 2) -> Iterator[Readers]:
        """Read while the block runs; each has read at least once after it, and nobody has met an error."""
        threads = [threading.Thread(target=self._read, args=(first,)) for first in range(number)]
        for thread in threads:
            thread.start()
        try:
            yield self
            before = len(self.seen)
            wait_until(lambda: len(self.seen) > before + number or self.problems, "an answer")
        finally:
            self._done.set()
            for thread in threads:
                thread.join()
        assert not self.problems, self.problems[:5]

    def mixtures(self, *states: Answers) -> list[tuple[int, tuple[str, ...]]]:
        """Give the answers that are those of no state."""
        return [(number, said) for number, said in self.seen if said not in [all_[number] for all_ in states]]


def answer(site: Site, query: str) -> tuple[str, ...]:
    """Give the lines of an answer in an order of their own."""
    return tuple(sorted(census.tap(site, query)))


def answers(site: Site) -> Answers:
    """Ask all queries."""
    return tuple(answer(site, query) for query in QUERIES)


class Followed:
    """An instance that follows a changing release.

    Parameters
    ----------
    site
        It is served.
    release
        What it publishes.
    """

    def __init__(self, site: Site, release: ChangingRelease) -> None:
        self.site, self.release = site, release
        self.state = STATES[0]
        self.undisturbed: dict[str, tuple[census.Census, Answers]] = {}

    def know(self, *states: str) -> None:
        """Let nothing disturb it while it takes up states, and remember what it publishes then."""
        for state in states:
            if state not in self.undisturbed:
                self.follow(state)
                self.undisturbed[state] = census.take(self.site), answers(self.site)

    def follow(self, state: str) -> None:
        """Take up a state, undisturbed."""
        self.release.become(state)
        self.ingest()
        self.state = state

    def ingest(self) -> str:
        """Run the ingestion to its end, which must be a good one; gives what it said."""
        done = self.site.run("ingest", "--withdraw", timeout=LONG)
        assert done.returncode == OK, done.stderr
        return done.stderr

    def differences(self) -> list[str]:
        """Compare it with what nothing has disturbed."""
        return census.differences(self.site, self.undisturbed[self.state][0])

    def phase(self, log_start: int) -> str:
        """Say what an ingestion that goes on is doing, by DaCHS's log from a position on."""
        with (self.site.home / "log" / "dachs.log").open("rb") as log:
            log.seek(log_start)
            begun = [line for line in log.read().decode(errors="replace").splitlines() if line[:2] == "$ "]
        if not begun:
            return "looking for changes"
        command = " ".join(begun[-1].split()[2:4])
        if not command.startswith("imp"):
            return command
        changing = (
            "SELECT 1 FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
            " WHERE c.relname = 'provenance' AND l.mode LIKE '%ExclusiveLock' LIMIT 1"
        )
        return f"{command}: {'changing tables' if self.site.instance.cluster.sql(changing) else 'reading'}"


def descendants(pid: int) -> list[int]:
    """Give a process and all that it started, the oldest first."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            parents[int(entry.parent.name)] = int(fields[1])
    found = [pid]
    for one in found:
        found += sorted(child for child, parent in parents.items() if parent == one)
    return found


def kill_all(pids: list[int]) -> None:
    """End processes at one moment, as far as that goes, and wait for their end."""
    assert all(pid > 1 for pid in pids), "0 and -1 would be many"
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    wait_until(lambda: not any(words_of(pid) for pid in pids), "the end of what was killed")
