"""Preview jobs in DaCHS: what they are told, how they run and end, and what their documents say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from datalink.bundles.plan import NothingLeftError
from datalink.bundles.selection import LeftOut
from datalink.preview import running
from datalink.preview.documents import completed
from datalink.preview.processes import end_process
from datalink.preview.quotas import PYTHON_VARIABLE, VARIABLES, Quotas, python, quotas
from datalink.preview.running import JobFailedError, Running, check, given, told_progress
from portal.jobs.errors import ParameterError
from tests.judges.xsd import DEBIAN_SCHEMATA, Validator

DID = "ivo://test.example/~?tele/1"
DACHS = (
    b"<?xml-stylesheet href='/static/x.xsl' type='text/xsl'?>"
    b'<uws:job version="1.1" xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" '
    b'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    b'<uws:jobId>abc</uws:jobId><uws:ownerId xsi:nil="true"></uws:ownerId><uws:phase>EXECUTING</uws:phase>'
    b'<uws:startTime xsi:nil="true"/><uws:endTime xsi:nil="true"/>'
    b"<uws:executionDuration>60</uws:executionDuration><uws:destruction>2026-12-02T00:09:10Z</uws:destruction>"
    b'<uws:results><uws:result id="log.txt" xlink:href="http://a.example/log.txt"/>'
    b'<uws:result id="map.png" xlink:href="http://a.example/map.png"/></uws:results></uws:job>'
)


def test_parameters_are_sorted() -> None:
    told = {"id": [f" {DID} ", DID, ""], "ra": None, "width": "2", "mode": "", "owner": "x"}
    assert given(told) == ([DID], {"width": "2"})
    assert given({}) == ([], {})


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "ID is missing"),
        ({"id": [f"{DID}{n}" for n in range(3)]}, "3 data sets, and a job takes 2"),
        ({"id": [DID], "width": "99"}, "width=99, expected 0.5 to 10 deg"),
        ({"id": [DID], "width": "10", "binsz": "0.01"}, "make maps of 1,000,000 pixels"),
    ],
)
def test_what_makes_no_sense_is_refused(told: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError) as caught:
        check(told, Quotas(runs=2))
    assert words in str(caught.value)


def test_before_it_runs_something_may_be_missing() -> None:
    check({"width": "2"}, Quotas(), complete=False)
    with pytest.raises(ParameterError):
        check({"width": "none"}, Quotas(), complete=False)


def test_bounds_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    assert quotas() == Quotas()
    monkeypatch.setenv(VARIABLES["runs"], "7")
    assert quotas() == Quotas(runs=7)
    monkeypatch.delenv(PYTHON_VARIABLE, raising=False)
    assert python() is None
    monkeypatch.setenv(PYTHON_VARIABLE, str(tmp_path / "none"))
    assert python() is None
    monkeypatch.setenv(PYTHON_VARIABLE, sys.executable)
    assert python() == Path(sys.executable)


class Job:
    """As much of DaCHS's job as is needed."""

    def __init__(self, directory: Path, **parameters: Any) -> None:
        self.directory, self.jobId, self.owner = directory, "abc", None
        self.parameters = {"id": [DID]} | parameters
        self.executionDuration = 5
        self.phase, self.pid = "EXECUTING", None
        self.results: dict[str, str] = {}

    def getWD(self) -> str:
        return str(self.directory)

    def show(self, path: Path, content_type: str, name: str) -> None:
        (self.directory / name).hardlink_to(path)
        self.results[name] = content_type

    def keep(self, path: Path, content_type: str, name: str) -> None:
        path.replace(self.directory / name)
        self.results[name] = content_type

    def getResults(self) -> list[dict[str, str]]:
        return [{"resultName": name, "resultType": kind} for name, kind in self.results.items()]


@pytest.fixture
def archive() -> Any:
    return SimpleNamespace(size=6, chunks=lambda: iter([b"abc", b"def"]))


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    """Make a program that is called like Python; OUT is where its results go."""

    def make(script: str) -> Path:
        path = tmp_path / "python"
        path.write_text(f'#!/bin/sh\nBUNDLE="$3" OUT="$4"\n{script}\n')
        path.chmod(0o755)
        return path

    return make


LISTED = json.dumps(
    [
        {"name": "map.png", "label": "Map", "content_type": "image/png"},
        {"name": "log.txt", "label": "Log", "content_type": "text/plain"},
    ]
)
GOOD = f"""
echo begin > "$OUT/log.txt"; cat "$BUNDLE" > "$OUT/map.png"
env > "$OUT/../../environment"; echo "$@" > "$OUT/../../arguments"
sleep 0.6; echo "end" >> "$OUT/log.txt"; echo '{LISTED}' > "$OUT/results.json"
"""


def test_a_job_runs_and_leaves_its_results(
    tmp_path: Path, archive: Any, program: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "secret")
    job = Job(tmp_path, width="2")
    Running(job, program(GOOD), Quotas(), lambda *_: archive).work()
    assert (tmp_path / "map.png").read_bytes() == b"abcdef"
    assert (tmp_path / "log.txt").read_text() == "begin\nend\n"
    assert job.results == {"log.txt": "text/plain", "map.png": "image/png"}
    assert not (tmp_path / "work").exists()
    assert "secret" not in (tmp_path / "environment").read_text()
    arguments = (tmp_path / "arguments").read_text()
    assert "--job abc" in arguments and "--max-seconds=5" in arguments and "--max-runs=50" in arguments


def test_a_job_that_cannot_be_done_says_why_and_leaves_its_log(
    tmp_path: Path, archive: Any, program: Callable[[str], Path]
) -> None:
    job = Job(tmp_path)
    script = f'echo x > "$OUT/log.txt"; echo y > "$OUT/map.png"; echo \'{LISTED}\' > "$OUT/results.json"'
    with pytest.raises(JobFailedError, match=r"^No events at all$"):
        failing = program(f"{script}; echo warning >&2; echo No events at all >&2; exit 2")
        Running(job, failing, Quotas(), lambda *_: archive).work()
    assert set(job.results) == {"log.txt", "map.png"}


def test_an_analysis_that_breaks_down(tmp_path: Path, archive: Any, program: Callable[[str], Path]) -> None:
    with pytest.raises(JobFailedError, match="broke down"):
        Running(Job(tmp_path), program("echo /secret/path >&2; exit 1"), Quotas(), lambda *_: archive).work()


def test_a_job_that_takes_too_long_is_ended(
    tmp_path: Path,
    archive: Any,
    program: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "GRACE", 0.5)
    begin = time.monotonic()
    with pytest.raises(JobFailedError, match="longer than the 1 seconds"):
        Running(Job(tmp_path), program("exec sleep 60"), Quotas(seconds=1), lambda *_: archive).work()
    assert time.monotonic() - begin < 10


def test_data_that_are_too_many_or_none(tmp_path: Path, archive: Any, program: Callable[[str], Path]) -> None:
    archive.size = 2**40
    with pytest.raises(JobFailedError, match=r"1024\.0 GiB, and a job takes 4"):
        Running(Job(tmp_path), program("exit 0"), Quotas(), lambda *_: archive).work()

    def nothing(dids: Any, owner: Any) -> Any:
        raise NothingLeftError([LeftOut(DID, "withheld", "These data are proprietary.")])

    with pytest.raises(JobFailedError, match=r"None of the data sets can be used.*proprietary"):
        Running(Job(tmp_path), program("exit 0"), Quotas(), nothing).work()


@pytest.fixture
def group() -> Iterator[subprocess.Popen[bytes]]:
    """Start a process that leads a group, and has a child."""
    script = "import subprocess,sys; print(subprocess.Popen(['sleep','60']).pid, flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", script, "abc"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_job_is_ended_with_all_that_it_started(group: subprocess.Popen[bytes]) -> None:
    assert group.stdout is not None
    child = int(group.stdout.readline())
    # The number of a process that is not this job's any more.
    end_process(SimpleNamespace(pid=group.pid, jobId="another"))
    end_process(SimpleNamespace(pid=None, jobId="abc"))
    assert group.poll() is None
    end_process(SimpleNamespace(pid=group.pid, jobId="abc"))
    assert group.wait(10) == -signal.SIGTERM
    end = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < end:
        time.sleep(0.02)
    assert not is_alive(child)


def test_documents_have_what_dachs_does_not_know(tmp_path: Path) -> None:
    job = Job(tmp_path)
    job.results = {"log.txt": "text/plain; charset=utf-8", "map.png": "image/png"}
    (tmp_path / "log.txt").write_text("12345")
    (tmp_path / "results.json").write_text(LISTED)
    (tmp_path / "work" / "out").mkdir(parents=True)
    (tmp_path / "work" / "out" / "progress.json").write_text('{"fraction": 0.25, "words": "Maps & more"}')
    made = completed(job, DACHS)
    assert made.startswith(b"<?xml-stylesheet")
    assert Validator(DEBIAN_SCHEMATA).errors(made) == []
    text = made.decode()
    assert 'size="5"' in text and 'mime-type="image/png"' in text and 'label="Map"' in text
    assert 'fraction="0.25">Maps &amp; more<' in text
    job.phase = "COMPLETED"
    assert b"jobInfo" not in completed(job, DACHS.decode())


@pytest.mark.parametrize("content", ["", "{", "{}", '{"fraction": "x", "words": ""}'])
def test_odd_progress_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "work" / "out").mkdir(parents=True)
    (tmp_path / "work" / "out" / "progress.json").write_text(content)
    assert told_progress(tmp_path) is None
