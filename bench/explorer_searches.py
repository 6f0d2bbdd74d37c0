"""First pages through the explorer's API, beside the same query by TAP: a program of ``bench/explorer.py``.

Reads where the instance is as JSON, and prints the seconds, by search, as JSON. No search is asked twice
through the API, so that no answer can come from a cache; the bound is the query of that page, asked right
afterwards.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx

ROUNDS = 15
LIMIT = 50
DEEP = 500_000
COLUMNS = [
    "obs_publisher_did", "obs_id", "target_name", "dataproduct_type", "t_min", "t_exptime", "s_ra", "s_dec",
    "s_fov", "energy_min", "energy_max", "obs_collection", "instrument_name", "access_estsize",
]  # fmt: skip
"""What the pages show first."""

Chance = random.Random
Asked = dict[str, Any]


def cone(chance: Chance, radius: float = 5.0) -> Asked:
    """Draw a place in the sky."""
    position = {"ra": round(chance.uniform(0, 359), 3), "dec": round(chance.uniform(-80, 80), 3)}
    return {"cone": {"positions": [position], "radius": radius, "what": "pointing"}}


def year(chance: Chance) -> Asked:
    """Draw a year."""
    start = round(chance.uniform(55000, 61000), 2)
    return {"time": {"start": start, "end": start + 365, "how": "overlaps"}}


def energy(chance: Chance) -> Asked:
    """Draw a range of energies."""
    low = round(10 ** chance.uniform(10, 12), 3)
    return {"energy": {"low": low, "high": 10 * low, "how": "overlaps"}}


def _nothing(_: Chance) -> Asked:
    return {}


def _page(search: Asked, **changes: Any) -> Asked:
    return {"search": search, "sort": [], "offset": 0, "limit": LIMIT, "columns": COLUMNS, **changes}


PAGES: dict[str, Callable[[Chance], Asked]] = {
    # Another number of rows each time: else the answer could be kept somewhere.
    "nothing set": lambda chance: _page({}, limit=chance.randint(40, 60)),
    "cone of 5 deg": lambda chance: _page(cone(chance)),
    "a year": lambda chance: _page(year(chance)),
    "a decade of energies": lambda chance: _page(energy(chance)),
    "half a million rows further down": lambda chance: _page(
        {}, offset=DEEP + LIMIT * chance.randint(0, 999)
    ),
    "sorted by time": lambda chance: _page(
        {}, limit=chance.randint(40, 60), sort=[{"column": "t_min", "descending": True}]
    ),
    "a year, sorted by target": lambda chance: _page(
        year(chance), sort=[{"column": "target_name", "descending": False}]
    ),
}
"""Requests for a page of rows; for these there is a bar."""

COUNTS: dict[str, Callable[[Chance], Asked]] = {
    "nothing set": _nothing,
    "cone of 5 deg": cone,
    "a year": year,
}
OTHERS = {"count": "exact number of rows", "overview": "map and plots"}


class Asker:
    """Somebody with a session.

    Parameters
    ----------
    url
        The instance's URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(timeout=120, trust_env=False)
        self.word = self.client.get(f"{url}/explorer/api/me").raise_for_status().json()["csrf"]

    def api(self, what: str, body: Asked) -> tuple[float, dict[str, Any]]:
        """Ask the explorer; gives the seconds until the whole answer was there, and it."""
        start = time.perf_counter()
        reply = self.client.post(
            f"{self.url}/explorer/api/services/own/{what}", json=body, headers={"X-CSRF-Token": self.word}
        )
        taken = time.perf_counter() - start
        answer: dict[str, Any] = reply.raise_for_status().json()
        return taken, answer

    def tap(self, adql: str) -> float:
        """Ask the TAP service; gives the seconds until the whole answer was there."""
        form = {"LANG": "ADQL", "FORMAT": "votable/b2", "MAXREC": "20000", "QUERY": adql}
        start = time.perf_counter()
        reply = self.client.post(f"{self.url}/tap/sync", data=form)
        taken = time.perf_counter() - start
        reply.raise_for_status()
        return taken


def measure(url: str) -> dict[str, dict[str, Any]]:
    """Measure all pages, counts and overviews.

    Returns
    -------
    dict
        For each: seconds of ``ours``, of the ``bound`` where the query is known, and if there is a bar.
    """
    asker, chance = Asker(url), random.Random(int(time.time()))
    found: dict[str, dict[str, Any]] = {}
    for number in range(ROUNDS + 1):
        for name, draw in PAGES.items():
            ours, page = asker.api("page", draw(chance))
            bound = asker.tap(page["adql"])
            if number:  # the first round finds out what the service can
                times = found.setdefault(
                    f"page, {name}", {"ours": [], "bound": [], "barred": "further" not in name}
                )
                times["ours"].append(ours)
                times["bound"].append(bound)
    for what, title in OTHERS.items():
        for name, draw in COUNTS.items():
            times = {"ours": [], "barred": False}
            for _ in range(3):
                times["ours"].append(asker.api(what, {"search": draw(chance)})[0])
                time.sleep(11 if name == "nothing set" else 0)  # a number is kept for some seconds
            found[f"{title}, {name}"] = times
    return found


if __name__ == "__main__":
    print(json.dumps(measure(json.load(sys.stdin)["url"])))
