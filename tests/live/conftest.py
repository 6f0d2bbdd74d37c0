"""Tests against one running instance, made by tests/run.py."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from instance import settings
from instance.account import service_account
from instance.cluster import Cluster
from instance.dachs import Dachs
from instance.packages import venv_python

VARIABLE = "CHERENKOV_VO_TEST_INSTANCE"


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


@dataclass(frozen=True)
class Instance:
    """The instance under test."""

    url: str
    home: Path
    data: Path
    authority: str
    simulated: bool

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask for a path; error statuses are answers, too."""
        request = urllib.request.Request(self.url + path, method=method)
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return Answer(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read())

    def tap(self, query: str, **parameters: str) -> Answer:
        """Run a synchronous TAP query."""
        values = {"LANG": "ADQL", "QUERY": query, "FORMAT": "csv"} | parameters
        return self.get(f"/tap/sync?{urllib.parse.urlencode(values)}")

    def rows(self, query: str) -> list[list[str]]:
        """Give the rows of a query's CSV answer."""
        lines = self.tap(query).text.splitlines()
        return [line.split(",") for line in lines[1:]]

    @property
    def cluster(self) -> Cluster:
        return Cluster(self.home, service_account())


@pytest.fixture(scope="session")
def instance() -> Instance:
    if VARIABLE not in os.environ:
        pytest.exit(f"{VARIABLE} is not set: run these tests with 'make test'", returncode=2)
    said = json.loads(Path(os.environ[VARIABLE]).read_text(encoding="utf-8"))
    return Instance(said["url"], Path(said["home"]), Path(said["data"]), said["authority"], said["simulated"])


@pytest.fixture(scope="session")
def obs_id(instance: Instance) -> str:
    """Some observation of the release."""
    return instance.rows("SELECT TOP 1 obs_id FROM hess_dr.obscore ORDER BY obs_id")[0][0]


@pytest.fixture(scope="session")
def in_dachs(instance: Instance) -> Callable[..., Any]:
    """Give who runs a program as DaCHS's processes run, and gives what that prints last, as JSON."""
    account = service_account()
    dachs = Dachs(settings.load(), instance.home, account, instance.cluster)

    def run_program(text: str, *arguments: str, fast_paths: str = "yes", guards: str = "yes") -> Any:
        done = subprocess.run(
            account.command([venv_python(instance.home), "-", *arguments]),
            env=dachs.environment | {"CHERENKOV_VO_FAST_PATHS": fast_paths, "CHERENKOV_VO_GUARDS": guards},
            cwd="/",
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run_program
