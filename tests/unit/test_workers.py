"""Observations mapped by other processes: in order, all of them, each once, whoever dies."""

from __future__ import annotations

import datetime
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest import feed, workers
from ingest.errors import ConfigError
from ingest.workers import Alone, ClusterError, Dask, Share, code_version
from tests import gadf_files
from tests.gadf_releases import PREFIX, REGISTRY_TOML, RELEASE_TOML, config, identity
from tests.incremental import LAYOUTS, Collection, afresh

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
RUNS = 40


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Give a collection of many runs, some of which cannot be published."""
    place = tmp_path_factory.mktemp("collections") / "test_dr" / "releases" / "one"
    (place / "files").mkdir(parents=True)
    (place / "release.toml").write_text(RELEASE_TOML + 'files = "*"\n' + REGISTRY_TOML)
    for number in range(RUNS):
        path = place / "files" / f"{number:03d}.fits"
        gadf_files.write(path, gadf_files.events(OBS_ID=number // 2 if number < 4 else number))
    (place / "files" / "900.fits").write_bytes(b"nothing")
    return place.parent.parent


@pytest.fixture(scope="module")
def expected(directory):
    found = afresh(directory)
    assert len(found["observation"]) == RUNS - 2
    return found


def shares(directory, size=1, version=None):
    root = directory / "releases" / "one" / "files"
    publication = feed.publication_of(
        config(), identity(), root=root, prefix=PREFIX, shared={}, today=datetime.date(2026, 1, 1)
    )
    sources = list(feed.sources_of(root, config()))
    now = datetime.datetime.now(datetime.UTC)
    for start in range(0, len(sources), size):
        chosen = tuple(sources[start : start + size])
        yield Share(chosen, publication, LAYOUTS, now, version or code_version())


def flat(results):
    return [
        (made.path.name, made.obs_id, made.lines, made.events, str(made.error))
        for result in results
        for made in result
    ]


def test_processes_give_what_one_gives(directory, expected):
    with workers.workers(RUNS, processes=2) as staff:
        assert not isinstance(staff, Alone)
        assert flat(staff.map(shares(directory, 7))) == flat(Alone().map(shares(directory, 5)))
    assert Collection(directory).update(processes=2).content() == expected


def test_few_are_not_worth_a_process():
    with workers.workers(3, processes=2) as staff:
        assert isinstance(staff, Alone)


def test_shares_are_taken_as_they_are_needed(directory):
    taken = 0

    def counted():
        nonlocal taken
        for share in shares(directory):
            taken += 1
            yield share

    with workers.workers(RUNS, processes=2) as staff:
        results = staff.map(counted())
        next(results)
        assert taken <= 2 * workers.AHEAD + 1
        assert len(list(results)) == RUNS


def test_processes_end_with_who_started_them(directory):
    program = (
        "import os, signal\n"
        "from ingest import workers\n"
        "def main():\n"
        "    with workers.workers(1000, processes=2) as staff:\n"
        "        pids = {staff.pool.submit(os.getpid).result() for _ in range(50)}\n"
        "        print(*pids, flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "if __name__ == '__main__':\n"
        "    main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    pids = done.stdout.split()
    assert pids
    deadline = time.monotonic() + PATIENCE
    while [pid for pid in pids if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < deadline, "a process is left"
        time.sleep(0.1)


def test_a_process_that_is_killed_ends_the_import(directory):
    with workers.workers(RUNS, processes=2) as staff:
        results = staff.map(shares(directory))
        next(results)
        for pid in staff.pool._processes:
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(ClusterError, match="ended by force"):
            list(results)


def test_other_code_is_refused(directory):
    with pytest.raises(ClusterError, match="runs other code than this machine"):
        list(Alone().map(shares(directory, version="other")))


# Dask.


@pytest.fixture
def scheduler(tmp_path):
    """Start a Dask scheduler; gives its address."""
    said = tmp_path / "scheduler.json"
    command = ["-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    with started(*command, "--scheduler-file", str(said)) as process:
        deadline = time.monotonic() + PATIENCE
        while not said.exists() or not said.read_text():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield json.loads(said.read_text())["address"]


class started:  # noqa: N801 - used as a function
    """A Python program with our code; it is ended when the block is left."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments

    def __enter__(self) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen(
            [sys.executable, *self.arguments],
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self.process

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()


def worker(address: str) -> started:
    return started(
        "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
        "--memory-limit", "0",
    )  # fmt: skip


def test_a_cluster_gives_what_one_process_gives(directory, expected, scheduler):
    with worker(scheduler), worker(scheduler):
        assert Collection(directory).update(scheduler=scheduler).content() == expected


def test_a_killed_worker_loses_nothing_and_doubles_nothing(directory, expected, scheduler, monkeypatch):
    killed = []
    known = Dask.map

    with worker(scheduler) as one, worker(scheduler):

        def map_and_kill(self, own):
            self.client.wait_for_workers(2, timeout=PATIENCE)
            for number, result in enumerate(known(self, own)):
                if number == 3:
                    pids = self.client.run(os.getpid).values()
                    assert one.pid in pids
                    os.kill(one.pid, signal.SIGKILL)
                    killed.append(one.wait(PATIENCE))
                yield result

        monkeypatch.setattr(Dask, "map", map_and_kill)
        made = Collection(directory).update(scheduler=scheduler)
    assert killed == [-signal.SIGKILL]
    assert made.content() == expected


def test_nobody_at_the_scheduler_s_address(monkeypatch):
    monkeypatch.setattr(workers, "DASK_PATIENCE", "500ms")
    with pytest.raises(ClusterError, match="no Dask scheduler answers at tcp:"):
        workers.workers(3, scheduler="tcp://127.0.0.1:9").__enter__()


def test_a_scheduler_without_workers(scheduler, monkeypatch):
    monkeypatch.setattr(workers, "DASK_PATIENCE", "1s")
    with pytest.raises(ClusterError, match="has no workers"):
        workers.workers(3, scheduler=scheduler).__enter__()


def test_dask_is_asked_for_but_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match="install the project's extra 'dask'"):
        workers.workers(3, scheduler="tcp://127.0.0.1:9").__enter__()
