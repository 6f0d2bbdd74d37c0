"""A simulated release, and bundles made of it as the archive would."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

ROOT = Path(__file__).resolve().parents[3]
DEBIAN = "/usr/bin/python3"
"""The simulator's Python: that of the instance."""
SEED, RUNS = 20_181_101, 24
SIMULATE = """
import sys
from pathlib import Path
from simulate.config import SimulationConfig
from simulate.release import simulate_release
simulate_release(Path(sys.argv[1]), SimulationConfig(runs=int(sys.argv[2]), seed=int(sys.argv[3])))
"""
CRAB = (83.6331, 22.0145)


def did(obs_id: int) -> str:
    return f"ivo://test.example/~?tele/{obs_id}"


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("release") / "hess"
    command = [DEBIAN, "-c", SIMULATE, str(directory), str(RUNS), str(SEED)]
    subprocess.run(command, check=True, cwd=ROOT)
    return directory


@dataclass(frozen=True)
class Indexes:
    """The index tables of the release."""

    obs: Table
    hdu: Table

    def ids(self, name: str) -> list[int]:
        return [int(row["OBS_ID"]) for row in self.obs if row["OBJECT"] == name]


@pytest.fixture(scope="session")
def indexes(release: Path) -> Indexes:
    return Indexes(Table.read(release / "obs-index.fits.gz"), Table.read(release / "hdu-index.fits.gz"))


@pytest.fixture(scope="session")
def crab(indexes: Indexes) -> list[int]:
    found = indexes.ids("Crab Nebula")
    assert len(found) == 3
    return found


def bundle_of(
    release: Path, indexes: Indexes, directory: Path, ids: Iterable[int], without: Iterable[str] = ()
) -> Path:
    """Make a bundle of some runs, without some kinds of HDUs."""
    (directory / "data").mkdir(parents=True)
    wanted, absent = set(ids), set(without)
    obs = indexes.obs[[row["OBS_ID"] in wanted for row in indexes.obs]]
    obs["OBS_PUBLISHER_DID"] = np.array([did(number) for number in obs["OBS_ID"]], dtype="U100")
    obs.write(directory / "obs-index.fits.gz")
    kept = [row["OBS_ID"] in wanted and row["HDU_TYPE"] not in absent for row in indexes.hdu]
    hdu = indexes.hdu[kept]
    hdu.write(directory / "hdu-index.fits.gz")
    for file in {str(row["FILE_NAME"]) for row in hdu}:
        shutil.copy(release / "data" / file, directory / "data")
    return directory


MakeBundle = Callable[..., Path]


@pytest.fixture
def make_bundle(release: Path, indexes: Indexes, tmp_path: Path) -> MakeBundle:
    def make(ids: Iterable[int], *, without: Iterable[str] = (), name: str = "bundle") -> Path:
        return bundle_of(release, indexes, tmp_path / name, ids, without)

    return make


@dataclass(frozen=True)
class Result:
    """What the program left."""

    directory: Path
    status: int
    stderr: str

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / "summary.json").read_text())
        return found

    @property
    def log(self) -> str:
        return (self.directory / "log.txt").read_text()

    @property
    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.directory / "results.json").read_text())
        return found

    def step(self, name: str) -> str:
        found = self.summary["steps"][name]
        return f"{found['state']}: {found['reason']}"


def run_job(bundle: Path, output: Path, *options: str) -> Result:
    """Run the program as the service does."""
    command = [sys.executable, "-m", "portal.jobs", str(bundle), str(output), *options]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    return Result(output, ended.returncode, ended.stderr)


def settings(**values: object) -> list[str]:
    return [f"--set={name}={value}" for name, value in values.items()]


@pytest.fixture(scope="session")
def crab_result(
    release: Path, indexes: Indexes, crab: list[int], tmp_path_factory: pytest.TempPathFactory
) -> Result:
    """The whole analysis of all runs on the simulated Crab Nebula."""
    scratch = tmp_path_factory.mktemp("crab")
    bundle = bundle_of(release, indexes, scratch / "bundle", crab)
    result = run_job(bundle, scratch / "results", "--job=crab")
    assert result.status == 0, result.stderr
    return result
