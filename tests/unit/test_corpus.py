"""Damaged and hostile files: each is refused with one clear message, or published soundly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.corpus import structure, values, worker
from tests.fuzzing import judge

LARGEST = 512 << 20
"""Bytes of memory that reading any file may take."""

LONGEST = 800
"""Characters of a message for people."""

ROOT = Path(__file__).parents[2]
OF_ONE_HDU = ("lying", "keyword", "text", "cells", "limits", "intervals")
"""Kinds of damage that are done to one HDU, which the message has to name, or its keyword."""


@pytest.fixture(scope="module")
def corpus():
    return {damaged.name: damaged for damaged in worker.chosen()}


@pytest.fixture(scope="module")
def outcomes():
    """Publish them all in a process of its own, whose memory is measured."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.corpus.worker"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # our own messages, which are in the outcomes, too
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def problems(outcome):
    return [failure["problem"] for failure in outcome["failures"]]


def test_there_are_many_and_all_different(corpus, outcomes):
    everything = list(worker.corpus())
    assert len({damaged.content for damaged in everything}) == len(everything) > 2000
    assert len({damaged.name for damaged in everything}) == len(everything)
    assert [outcome["name"] for outcome in outcomes] == list(corpus)
    assert len(corpus) > 500
    kinds = Counter(name.partition("/")[0] for name in corpus)
    assert len(kinds) >= len((*structure.KINDS, *values.KINDS))


def test_nothing_unforeseen_is_raised_and_nothing_takes_long(outcomes):
    assert [(outcome["name"], outcome["raised"]) for outcome in outcomes if "raised" in outcome] == []
    hidden = [(outcome["name"], problem) for outcome in outcomes for problem in problems(outcome)]
    assert [found for found in hidden if judge.UNFORESEEN.search(found[1])] == []


def test_memory_is_bounded(outcomes):
    assert max(outcome["peak"] for outcome in outcomes) < LARGEST


def test_each_is_published_or_refused_with_one_message(outcomes):
    wrong = [
        outcome["name"]
        for outcome in outcomes
        if len(outcome["failures"]) != (0 if outcome["observations"] else 1)
    ]
    assert wrong == []


def test_what_is_published_is_sound(outcomes):
    assert [(outcome["name"], outcome["faults"]) for outcome in outcomes if outcome["faults"]] == []


def test_what_must_not_be_published_is_not(corpus, outcomes):
    published = [
        outcome["name"] for outcome in outcomes if outcome["rows"] and corpus[outcome["name"]].refused
    ]
    assert published == []


def test_messages_are_for_people(outcomes):
    for outcome in outcomes:
        for problem in problems(outcome):
            assert problem.startswith(worker.NAME), outcome["name"]
            assert problem.isprintable(), outcome["name"]
            assert len(problem) <= LONGEST, (outcome["name"], problem)
            assert "/" + worker.NAME not in problem, outcome["name"]  # no path of this machine


def test_messages_name_what_is_damaged(corpus, outcomes):
    unnamed = []
    for outcome in outcomes:
        damaged = corpus[outcome["name"]]
        kind, *rest = damaged.name.split("/")
        words = [f"HDU {damaged.hdu}", *([damaged.keyword] if damaged.keyword else rest[1:2])]
        for problem in problems(outcome):
            if kind in OF_ONE_HDU and not any(word in problem for word in words):
                unnamed.append((damaged.name, problem))
    assert unnamed == []
