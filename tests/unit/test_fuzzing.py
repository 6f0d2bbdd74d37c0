"""What fuzzing has found stays mended; and its way of changing files makes readable and unreadable ones."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from ingest import gadf
from ingest.errors import CherenkovVOError
from tests.fuzzing import again, cards, judge

MOST = 512 * 1024 * 1024
"""Bytes that a process which reads files may have."""

FOUND = sorted(again.FOUND.iterdir())


def test_all_of_it_together_in_little_memory():
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzzing.again"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MOST


@pytest.mark.parametrize("found", FOUND, ids=[path.name for path in FOUND])
def test_each_by_itself(tmp_path, found):
    shutil.copyfile(found, tmp_path / "run.fits")
    judge.check(tmp_path / "run.fits")


def test_files_are_changed_in_the_same_way_each_time_and_some_can_be_read(tmp_path):
    content, outcomes = judge.small()["area"], set()
    path = tmp_path / "run.fits"
    for seed in range(60):
        path.write_bytes(cards.changed(content, seed))
        assert path.read_bytes() == cards.changed(content, seed)
        try:
            outcomes.add(type(gadf.read(path)).__name__)
        except CherenkovVOError as error:
            outcomes.add(type(error).__name__)
        judge.check(path)
    assert outcomes == {"Observation", "UnreadableFileError", "KeywordError"}


def test_what_is_wrong_is_noticed(tmp_path, monkeypatch):
    path = tmp_path / "run.fits"
    path.write_bytes(judge.small()["area"])
    judge.check(path)
    monkeypatch.setattr(judge, "faults", lambda row: iter(["s_ra = nan"]))
    with pytest.raises(judge.UnsoundError, match="s_ra = nan"):
        judge.check(path)
    monkeypatch.setattr(gadf, "read", lambda *_, **__: 1 / 0)
    with pytest.raises(judge.UnsoundError, match="ZeroDivisionError"):
        judge.check(path)
