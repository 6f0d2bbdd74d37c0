"""The ingestion killed at random moments while others read: old or new, never a mixture, never a rest."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.changing import STATES, Followed, Readers, descendants, kill_all
from tests.faults.harness import wait_until
from tests.thorough import thorough

SEED = int(os.environ.get("CHERENKOV_VO_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
KILLS = thorough(2, 50)
VICTIMS = ("all", "all", "program", "what it started")
"""Whom a kill hits: all of it half of the time."""

MOST_IN_A_ROW = 4
"""Kills, at most, before an ingestion may run to its end."""

RECORD = "CHERENKOV_VO_TEST_RECORD"
"""Environment variable with the name of a file that gets what was seen, if anybody wants to know."""


def _length_of_a_run(followed: Followed) -> tuple[float, float]:
    """Take the time until publication, and of all of an ingestion, after looking at undisturbed states."""
    followed.know(*STATES[: thorough(2, 3)])
    new = next(state for state in followed.undisturbed if state != followed.state)
    followed.release.become(new)
    start = time.monotonic()
    with followed.site.begin("ingest", "--withdraw") as process:
        until, said = 0.0, ""
        assert process.stderr is not None
        for line in process.stderr:
            said += line
            if "Publishing" in line:
                until = time.monotonic() - start
        assert process.wait(60) == 0, said
    assert until, said
    followed.state = new
    return until, time.monotonic() - start


def _kill(followed: Followed, process: subprocess.Popen[str], victims: str) -> None:
    family = descendants(process.pid)
    chosen = {"all": family, "program": family[:1], "what it started": family[1:]}[victims]
    kill_all(chosen)
    process.communicate()
    names = ("imp", "limits", "pub")
    wait_until(lambda: not any(followed.site.dachs(name) for name in names), "the end of DaCHS's commands")


def test_kills_at_random_moments(followed: Followed, capsys: pytest.CaptureFixture[str]) -> None:
    chance, site = random.Random(SEED), followed.site
    seen, series = Counter[str](), 0
    record: list[dict[str, float | str]] = []
    until_publication, whole = _length_of_a_run(followed)
    while len(record) < KILLS:
        old = followed.state
        new = chance.choice([state for state in followed.undisturbed if state != old])
        followed.release.become(new)
        said, series = [], series + 1
        with Readers(site).reading() as readers:
            for _ in range(min(chance.randint(1, MOST_IN_A_ROW), KILLS - len(record))):
                moment = chance.uniform(0.0, (until_publication, whole)[len(record) % 2])
                victims = chance.choice(VICTIMS)
                phase = _kill_after(followed, moment, victims)
                record.append({"moment": round(moment, 2), "phase": phase, "victims": victims})
                said.append(f"kill {len(record)}, after {moment:.2f} s, {phase}: {victims}")
            said.append(followed.ingest())
            followed.state = new
        states = [followed.undisturbed[state][1] for state in (old, new)]
        context = "\n".join([f"seed {SEED}, {old} -> {new}", *said])
        assert readers.mixtures(*states) == [], context
        found = followed.differences()
        assert not found, "\n".join([context, *found])
        olds = sum(answer == states[0][query] for query, answer in readers.seen)
        seen.update(old=olds, new=len(readers.seen) - olds)
    phases = Counter(str(kill["phase"]) for kill in record)
    with capsys.disabled():
        print(f"\n{KILLS} kills in {series} series, seed {SEED}: {dict(phases)}; answers: {dict(seen)}")
    if path := os.environ.get(RECORD):
        Path(path).write_text(json.dumps({"seed": SEED, "kills": record, "seen": seen}), encoding="utf-8")


def _kill_after(followed: Followed, moment: float, victims: str) -> str:
    """Begin an ingestion and kill it at a moment; gives what it was doing."""
    position = (followed.site.home / "log" / "dachs.log").stat().st_size
    process = followed.site.begin("ingest", "--withdraw")
    time.sleep(moment)
    phase = followed.phase(position) if process.poll() is None else "done"
    _kill(followed, process, victims)
    return phase
