"""The data explorer over a million rows: first pages, map, first paint, and a crowd of people.

It is measured alone (``make bench-explorer``), on an instance with the explorer and a login provider. What
asks runs in the explorer's own environment, in processes of its own: ``explorer_searches``,
``explorer_browser``, ``explorer_frames`` and ``explorer_crowd`` print what they measured as JSON. They share
the cores with the servers.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import instance, memory
from bench.harness import Figure
from bench.instance import CHECKOUT, Bench
from instance import packages, settings
from instance.cluster import free_port
from tests import explorer_stages, explorer_story

ROWS = int(os.environ.get("CHERENKOV_VO_BENCH_ROWS", "1000000"))
"""Rows of the service; fewer are for those who work on this file."""

SECONDS = float(os.environ.get("CHERENKOV_VO_BENCH_SECONDS", "300"))
"""How long the crowd stays."""

USERS = 50
WARMING = 60.0
"""Seconds for which they come first, until caches and pools are full."""

CALM = 30.0
"""Seconds after they have gone, until what they leave is looked at."""

FIRST_PAGE, FIRST_PAINT = 1.0, 1.5
WEIGHT = 1.0
FRAMES = 30.0
GROWTH = 100.0
FAR = "further down"
"""Pages that are not the first one, for which nothing was promised."""

PARTLY = 0.05
"""The part of all rows' bytes that one search may move."""

LOG = Path("log") / "access.jsonl"


@dataclass(frozen=True)
class Place:
    """What is measured.

    Parameters
    ----------
    bench
        The instance.
    tools
        What drives its explorer.
    """

    bench: Bench
    tools: explorer_stages.Tools

    @property
    def url(self) -> str:
        """The instance, by the name that pages are served under."""
        return self.bench.instance.settings.url

    def ask(self, program: str, **values: Any) -> dict[str, Any]:
        """Run a measuring program; gives what it found."""
        told = {"url": self.url, "browser": f"/usr/bin/{explorer_stages.BROWSER}", **values}
        done = subprocess.run(
            ["setpriv", "--pdeathsig", "TERM", "--", self.tools.python, "-m", f"bench.{program}"],
            input=json.dumps(told),
            stdout=subprocess.PIPE,
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            text=True,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def servers(self) -> list[int]:
        """Give the processes of the explorer and of the services that it asks."""
        return [*memory.servers(self.bench.home), *self.explorers()]

    def explorers(self) -> list[int]:
        """Give the processes of the explorer: its server and Redis.

        Raises
        ------
        RuntimeError
            Not both of them are there.
        """
        found = memory.named(self.bench.home, "portal.server")
        store = memory.named(self.bench.home, "redis")
        if len(found) != 1 or len(store) != 1:
            raise RuntimeError(f"{self.bench.home}: the explorer's processes are {found} and {store}")
        return found + store


@contextlib.contextmanager
def served() -> Iterator[Bench]:
    """Serve an instance with the explorer and a login provider, until its picture of all events is there."""
    home = settings.home_of(settings.load())
    tools = explorer_stages.prepare(home)
    explorer_story.make(home, tools)
    venv = packages.ensure_venv(home).parent.parent

    def lend(place: Path) -> None:
        """Give the instance what the operator's has: installing it is not measured."""
        explorer_story.lend(home, tools, place)
        (place / "venv").symlink_to(venv)

    port = free_port()
    with explorer_story.provider(tools, f"http://localhost:{port}") as (issuer, _):
        variables = {
            "CHERENKOV_VO_PORT": str(port),
            "CHERENKOV_VO_EXPLORER": "yes",
            "CHERENKOV_VO_EXPLORER_RESOLVER": "none",
            **explorer_story.login(issuer),
        }
        with instance.served(lend, **variables) as bench:
            root = f"{bench.instance.settings.url}/explorer"
            explorer_story.wait_for(f"{root}/ready", "the explorer")
            explorer_story.wait_for(f"{root}/hips/own/properties", "the picture of all events")
            yield bench


def figures(bench: Bench) -> Iterator[Figure]:
    """Measure all of it.

    Parameters
    ----------
    bench
        The instance, with the explorer.

    Yields
    ------
    Figure
        Each figure.
    """
    place = Place(bench, explorer_stages.prepare(settings.home_of(settings.load())))
    yield from paints(place)
    bench.multiply(ROWS)
    yield from searches(place)
    yield from clicks(place)
    yield from moved(place)
    yield from frames(place)
    yield from crowd(place)


def paints(place: Place) -> Iterator[Figure]:
    """Measure the first page: when something is seen, when it can be used, and what it weighs."""
    found = place.ask("explorer_browser", what="paint")
    for name, what, bar in (
        ("first-paint", "first paint of the first page, nothing in the browser's cache", True),
        ("first-contentful-paint", "first contentful paint of it", True),
        ("form", "its search form is there", False),
    ):
        yield Figure(
            what, f"< {FIRST_PAINT} s" if bar else "", found[name], "s", FIRST_PAINT if bar else None,
            times={"ours": found[name]},
        )  # fmt: skip
    yield Figure("weight of the first page, packed", f"< {WEIGHT:.0f} MB", found["weight"], "MB", WEIGHT)


def searches(place: Place) -> Iterator[Figure]:
    """Measure first pages through the explorer's API, beside the same query asked by TAP."""
    found = place.ask("explorer_searches")
    rows = f"{place.bench.rows:,} rows"
    for name, times in found.items():
        bar = ("<= 1 s", FIRST_PAGE) if times.pop("barred") else ("", None)
        yield Figure(f"explorer's API, {name}, {rows}", bar[0], times["ours"], "s", bar[1], times=times)


def clicks(place: Place) -> Iterator[Figure]:
    """Measure how long people wait in the browser."""
    found = place.ask("explorer_browser", what="clicks")
    for name, times in found.items():
        bar = ("<= 1 s", FIRST_PAGE) if FAR not in name else ("", None)
        yield Figure(
            f"in the browser, {name}, {place.bench.rows:,} rows", bar[0], times, "s", bar[1],
            times={"ours": times},
        )  # fmt: skip


def moved(place: Place) -> Iterator[Figure]:
    """Measure what a search of everything moves and holds: neither is anything like all rows."""
    whole = place.bench.sql(
        "SELECT sum(pg_table_size(c.oid)) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace"
        " WHERE relname = 'obscore' AND relkind = 'r' AND nspname IN ('hess_dr', 'ctao')"
    )
    table = float(whole[0][0]) / 1e6
    bytes_of: dict[str, list[float]] = {"tap": [], "explorer": []}
    growth: list[float] = []
    for _ in range(3):
        log = place.bench.home / LOG
        before = log.stat().st_size
        pids = place.servers()
        growth.append(memory.growth(pids, lambda: place.ask("explorer_browser", what="look")))
        with log.open(encoding="utf-8") as opened:
            opened.seek(before)
            noted = [json.loads(line)["fields"] for line in opened if line.endswith("\n")]
        for name, kinds in (("tap", ("tap_sync",)), ("explorer", ("explorer",))):
            bytes_of[name].append(sum(one["bytes"] for one in noted if one["kind"] in kinds) / 1e6)
    for name, what in (
        ("tap", "what the TAP service gives the explorer"),
        ("explorer", "what the browser gets"),
    ):
        share = [moved / table for moved in bytes_of[name]]
        yield Figure(
            f"{what} for a search of all rows with map and plots, a page 500,000 rows further down, and one"
            " sorted otherwise: share of the table", f"<= {PARTLY}", share, "x", PARTLY,
            times={"ours": bytes_of[name], "bound": [table]}, times_unit="MB",
        )  # fmt: skip
    yield Figure(
        "memory of all servers while that is looked at", f"<= {GROWTH:.0f} MB more", growth, "MB", GROWTH,
        note="explorer, Redis, DaCHS's workers and the proxy: the sum of their peaks over the sum of what"
        " they held before",
    )  # fmt: skip


def frames(place: Place) -> Iterator[Figure]:
    """Measure frames while the map is dragged and zoomed, beside a map with a single field of view."""
    found = place.ask("explorer_frames", did=_known(place.bench)["runs"][0]["did"])
    for gesture in ("dragged", "zoomed"):
        times = {"ours": found[gesture]["full"], "bound": found[gesture]["empty"]}
        yield Figure(
            f"map of {found['footprints']:,} fields of view while it is {gesture}",
            f"> {FRAMES:.0f} frames/s", times["ours"], "frames/s", FRAMES, False, times, "frames/s",
            note=f"frames that were drawn, with the map's layer drawn anew; bound: the same with"
            f" {found['alone']} field of view; slowest frame, median of the rounds:"
            f" {statistics.median(found[gesture]['slowest']):.0f} ms",
        )  # fmt: skip


def crowd(place: Place) -> Iterator[Figure]:
    """Measure what many people at once notice, and what stays in the servers afterwards."""
    bench = place.bench
    groups: dict[str, Callable[[], list[int]]] = {
        "the explorer": place.explorers,
        "DaCHS and proxy": lambda: memory.servers(bench.home),
    }

    def held() -> dict[str, tuple[float, int]]:
        return {name: _held(pids()) for name, pids in groups.items()}

    known = _known(bench)
    place.ask("explorer_crowd", users=USERS, seconds=WARMING, **known)  # caches and pools fill
    time.sleep(CALM)
    before = held()
    found = place.ask("explorer_crowd", users=USERS, seconds=SECONDS, **known)
    time.sleep(CALM)
    after = held()
    yield Figure(
        f"{USERS} people for {SECONDS:.0f} s: wrong answers and refusals", "none",
        [len(found["errors"])], "", 0,
        note="; ".join([
            f"{found['activities']} activities, {found['requests']} requests", *found["errors"][:3]
        ]),
    )  # fmt: skip
    rate = found["requests"] / found["seconds"]
    yield Figure(
        f"{USERS} people: requests answered", "", [rate], "/s", times={"ours": [rate]}, times_unit="/s"
    )
    for name, times in sorted(found["times"].items()):
        worst = sorted(times)[int(0.95 * (len(times) - 1))]
        yield Figure(
            f"{USERS} people: {name}", "", times, "s",
            note=f"{len(times)} times, 95 of 100 within {worst:.2f} s",
        )  # fmt: skip
    for name in groups:
        yield Figure(
            f"memory of {name} after that", "", [after[name][0] - before[name][0]], "MB more",
            times={"ours": [after[name][0]], "bound": [before[name][0]]}, times_unit="MB",
            note=f"bound: before; open descriptors {before[name][1]} before, {after[name][1]} after",
        )  # fmt: skip


def _held(pids: list[int]) -> tuple[float, int]:
    """Give the memory of processes in MB, and how many descriptors they have open."""
    return sum(memory.of_process(pid, "VmRSS") for pid in pids), sum(map(memory.descriptors, pids))


def _known(bench: Bench) -> dict[str, Any]:
    """Tell the crowd what it will find: data sets that have files, with what is known of them."""
    rows = bench.sql(
        "SELECT obs_publisher_did, s_ra, s_dec, t_min FROM ctao.obscore WHERE obs_id NOT LIKE '%~%'"
        " AND dataproduct_type = 'event-list' AND data_rights = 'public' ORDER BY obs_publisher_did"
    )
    return {
        "rows": int(bench.sql("SELECT count(*) FROM ivoa.obscore")[0][0]),
        "runs": [{"did": did, "ra": ra, "dec": dec, "t_min": t_min} for did, ra, dec, t_min in rows],
    }
