"""The explorer's last stage: an instance with it, a plain TAP service, a login provider, and a browser."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import InstanceError
from instance import packages, pages
from instance.account import service_account
from instance.cluster import free_port
from tests.explorer_stages import BROWSER, LIVE, Tools
from tests.running import CHECKOUT, pytest, run

PATIENCE = 300.0
"""Seconds for anything to come up."""

VARIABLE = "CHERENKOV_VO_TEST_EXPLORER"
"""Names, for the tests, the file that says where everything is."""

TESTS = "tests/portal_e2e"
PROVIDER = CHECKOUT / "tests" / "portal" / "provider" / "provider.mjs"
CLIENT, SECRET = "explorer", "a secret: of 100% (tests)"
"""What the provider of the tests calls the explorer, and the secret that goes with it."""

GROUP, RIGHT = "ctao-members", "members"
"""A group of that provider's, and the group of the archive that it stands for."""

ACCOUNT = "explorer:a-password-of-tests"
"""User and password with which the explorer asks the archive on behalf of that group."""

Served = Callable[..., AbstractContextManager[dict[str, str]]]


@dataclass(frozen=True)
class Neighbours:
    """What the explorer talks to beside its own archive.

    Parameters
    ----------
    plain
        URL of a TAP service with plain ObsCore.
    plain_home
        Directory of that service, by which its processes are known.
    issuer
        The OpenID provider.
    provider
        Its process, and how another one is started in its place: what the tests of faults need.
    """

    plain: str
    plain_home: Path
    issuer: str
    provider: dict[str, object]


def explorer(home: Path, tools: Tools, directory: Path, release: str, served: Served) -> bool:
    """Run the tests that need all of it, once `make` has been called.

    Parameters
    ----------
    home
        The directory of the operator's instance, in which environments are kept.
    tools
        What the explorer is tested with.
    directory
        An empty one, for everything that is made.
    release
        Directory of the H.E.S.S. release, or ``sample``.
    served
        Serves an instance, as in ``tests/run.py``.
    """
    lend(home, tools, directory / "instance")
    port = free_port()
    url = f"http://localhost:{port}"
    with neighbours(home, tools, directory, url) as others:
        variables = {
            "CHERENKOV_VO_PORT": str(port),
            "CHERENKOV_VO_EXPLORER": "yes",
            "CHERENKOV_VO_EXPLORER_SERVICES": f"plain={others.plain}",
            "CHERENKOV_VO_EXPLORER_RESOLVER": "none",
            **login(others.issuer),
            "CHERENKOV_VO_EXPLORER_GROUP_RIGHTS": f"{GROUP}={RIGHT}",
            "CHERENKOV_EXPLORER_SERVICE_ACCOUNTS": json.dumps({RIGHT: ACCOUNT}),
        }
        with served(directory, release, **variables) as environment:
            wait_for(f"{url}/explorer/ready", "the explorer")
            wait_for(f"{others.plain}/availability", "the plain TAP service")
            place = _describe(directory, environment, url, others)
            searches = pytest(tools.python, "-p", "anyio", LIVE)
            story = pytest(tools.python, TESTS)
            return all(
                [
                    run("the explorer's searches", searches, CHERENKOV_VO_TEST_INSTANCE=str(place)),
                    run("the explorer's story", story, **{VARIABLE: str(place)}, **tools.variables),
                ]
            )


def make(home: Path, tools: Tools) -> None:
    """Make what takes long, in the operator's instance: pages, and the environment of jobs."""
    (home / "explorer").mkdir(exist_ok=True)
    pages.ensure(home, service_account(), tools.node, home / "explorer" / "build.log")
    packages.ensure_venv(home / "jobs", "jobs")


def lend(home: Path, tools: Tools, instance: Path) -> None:
    """Give an instance what `make` made.

    Parameters
    ----------
    home
        The directory of the operator's instance, in which environments are kept.
    tools
        What the explorer is tested with.
    instance
        Directory of the instance, which need not be there yet.
    """
    # The tests' environment has all that the server's has, in the same versions, as a unit test says.
    tested = tools.python.parent.parent
    mark, stamp = packages.mark_of(tested.parent, "explorer")
    mark.write_text(stamp, encoding="ascii")
    lent = {name: home / name for name in ("explorer/dist", "explorer/dist.digest", "jobs/venv")}
    for name, path in {"explorer/venv": tested, **lent}.items():
        (instance / name).parent.mkdir(parents=True, exist_ok=True)
        (instance / name).symlink_to(path)


@contextlib.contextmanager
def neighbours(home: Path, tools: Tools, directory: Path, url: str) -> Iterator[Neighbours]:
    """Serve what the explorer of an instance talks to; they end when this process ends, however it ends."""
    place = directory / "plain"
    place.mkdir()
    venv = packages.ensure_venv(home)
    (place / "venv").symlink_to(venv.parent.parent)
    plain = free_port()
    with (
        _running([venv, "-m", "tests.portal.plain", place, str(plain)]),
        provider(tools, url) as (issuer, again),
    ):
        yield Neighbours(f"http://localhost:{plain}/tap", place, issuer, again)


@contextlib.contextmanager
def provider(tools: Tools, url: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Serve the login provider of the tests.

    Parameters
    ----------
    tools
        What the explorer is tested with.
    url
        URL of the instance whose explorer it logs in to.

    Yields
    ------
    tuple
        The issuer; its process, and how another one is started in its place.
    """
    port = free_port()
    told = {
        "PROVIDER_PORT": str(port),
        "PROVIDER_CALLBACKS": json.dumps([f"{url}/explorer/auth/callback"]),
        "PROVIDER_AFTER_LOGOUT": json.dumps([f"{url}/explorer/"]),
    }
    with _running([tools.node / "node", PROVIDER], **told) as running:
        again: dict[str, object] = {"pid": running.pid, "command": running.args, "variables": told}
        yield f"http://127.0.0.1:{port}", again


@contextlib.contextmanager
def _running(command: list[str | Path], **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "--", *map(str, command)],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables},
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def wait_for(url: str, what: str) -> None:
    """Wait until a URL is answered well.

    Raises
    ------
    InstanceError
        It never is.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10):
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise InstanceError(f"{what} does not come up: {error}") from error
            time.sleep(0.5)


def login(issuer: str) -> dict[str, str]:
    """Give the variables that let an instance's explorer know the provider."""
    return {
        "CHERENKOV_VO_EXPLORER_OIDC_ISSUER": issuer,
        "CHERENKOV_VO_EXPLORER_OIDC_CLIENT_ID": CLIENT,
        "CHERENKOV_EXPLORER_OIDC_CLIENT_SECRET": SECRET,
    }


def _describe(directory: Path, environment: dict[str, str], url: str, others: Neighbours) -> Path:
    """Write down, for the tests, where everything is."""
    content = {
        "url": url,
        "explorer": f"{url}/explorer/",
        "tap": f"{url}/tap",
        "plain": others.plain,
        "plain_home": str(others.plain_home),
        "issuer": others.issuer,
        "provider": others.provider,
        "users": {"anna": [GROUP, "staff"], "ben": []},
        "right": RIGHT,
        "account": ACCOUNT,
        "home": environment["CHERENKOV_VO_INSTANCE"],
        "browser": f"/usr/bin/{BROWSER}",
    }
    path = directory / "explorer.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path
