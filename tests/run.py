"""All tests, with one command and from nothing: ``make test``.

Style and types; unit tests and property tests; then, for the built-in samples and, where they are at
hand, for the real releases, one private instance on free ports in a temporary directory, which the
live tests and the foreign judges share; another one with the other vocabulary, for those judges that
look at it; the explorer, its server and its pages, apart and together in a browser; last, what happens
when processes are killed. Only the standard library is used here: the
environments are made on the way.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))
sys.dont_write_bytecode = True

from ingest.errors import InstanceError  # noqa: E402
from instance import packages, settings  # noqa: E402
from instance.cluster import free_port  # noqa: E402
from instance.releases import SHARED, SHARED_CTA  # noqa: E402
from instance.settings import NONE_WORD, SAMPLE_WORD  # noqa: E402
from supply import environments  # noqa: E402
from tests import explorer_stages, explorer_story  # noqa: E402
from tests.judges import environment as judges  # noqa: E402
from tests.running import pytest, run, say  # noqa: E402
from tests.thorough import VARIABLE  # noqa: E402

STAGES = (
    *("style", "unit", "properties", "sample", "draft", "real"),
    *("portal", "jobs", "web", "explorer", "faults"),
)
VERSIONS = "versions"
"""The stage that makes environments with the oldest and the newest versions: not among the default ones."""
FUZZ = "fuzz"
"""The stage that fuzzes the reader: not among the default ones either."""

TEMPORARY = "cherenkov-vo-test-"
START_PATIENCE = 300.0
AUTHORITY = "test.cherenkov.example"
VOCABULARY_TESTS = ("tests/judges/test_usecases.py", "tests/judges/test_datalink.py")
"""Judges' tests that must pass with either vocabulary."""


def style(python: Path) -> bool:
    """Lint, formatting, types."""
    commands: list[tuple[str, list[str | Path]]] = [
        ("ruff check", [python, "-m", "ruff", "check", "--no-cache", "."]),
        ("ruff format", [python, "-m", "ruff", "format", "--no-cache", "--check", "."]),
        ("mypy", [python, "-m", "mypy", "--cache-dir", os.devnull]),
    ]
    return all([run(title, command) for title, command in commands])


def clear_leftovers() -> None:
    """Remove what earlier runs left that were killed; their processes end with them."""
    for path in Path(tempfile.gettempdir()).glob(f"{TEMPORARY}*"):
        pid = path.name.removeprefix(TEMPORARY).split("-")[0]
        with contextlib.suppress(FileNotFoundError):  # another run that begins removes it, too
            ours = path.stat().st_uid == os.geteuid()
            if pid.isdigit() and not Path("/proc", pid).exists() and ours:
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def temporary_directory() -> Iterator[Path]:
    """Give a directory that the services' user can enter, and remove it."""
    path = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY}{os.getpid()}-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def served(
    directory: Path, release: str, challenge: str = NONE_WORD, vocabulary: str = "talk", **more: str
) -> Iterator[dict[str, str]]:
    """Serve a private instance; gives the environment that tells tests where it is.

    Parameters
    ----------
    directory
        Where the instance goes.
    release, challenge
        Directories of the H.E.S.S. release (or ``sample``) and of CTA's first data challenge (or
        ``none``).
    vocabulary
        The vocabulary profile.
    more
        Further variables; without, there is no explorer.

    Raises
    ------
    InstanceError
        It does not come up.
    """
    port = free_port()
    # The environment of the operator's own instance: made once, and no network is needed after that.
    venv = packages.ensure_venv(settings.home_of(settings.load())).parent.parent
    (directory / "instance").mkdir(exist_ok=True)
    (directory / "instance" / "venv").symlink_to(venv)
    environment = {
        "CHERENKOV_VO_INSTANCE": str(directory / "instance"),
        "CHERENKOV_VO_PORT": str(port),
        "CHERENKOV_VO_AUTHORITY": AUTHORITY,
        "CHERENKOV_VO_DOWNLOAD": "no",
        "CHERENKOV_VO_SECURITY_CONTACT": "security@test.cherenkov.example",
        # All that an operator may have set otherwise.
        "CHERENKOV_VO_CTAO_RUNS": str(settings.Settings.ctao_runs),
        "CHERENKOV_VO_VOCABULARY": vocabulary,
        "CHERENKOV_VO_FAST_PATHS": "yes",
        "CHERENKOV_VO_ACCESS_URL": settings.Settings.access_url,
        "CHERENKOV_VO_OBSCORE_ACCESS_URL": settings.Settings.obscore_access_url,
        "CHERENKOV_VO_EXPLORER": "no",
        settings.HESS_VARIABLE: release,
        settings.CTA_VARIABLE: challenge,
        **more,
    }
    # The server ends when this process ends, however it ends.
    server = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", "--", CHECKOUT / "bin" / "cherenkov-vo", "serve"],
        env={**os.environ, **environment},
    )
    try:
        _wait(server, environment)
        yield environment
    finally:
        server.terminate()
        server.wait(60)


def _wait(server: subprocess.Popen[bytes], environment: dict[str, str]) -> None:
    deadline = time.monotonic() + START_PATIENCE
    status = [CHECKOUT / "bin" / "cherenkov-vo", "status"]
    while True:
        time.sleep(1.0)
        if server.poll() is not None or time.monotonic() > deadline:
            raise InstanceError("The test instance does not come up.")
        asked = subprocess.run(status, env={**os.environ, **environment}, capture_output=True, check=False)
        if asked.returncode == 0:
            return


def describe(directory: Path, environment: dict[str, str], judge: judges.Judges) -> Path:
    """Write down, for the tests, where the instance is and what it publishes."""
    home = Path(environment["CHERENKOV_VO_INSTANCE"])
    release, challenge = environment[settings.HESS_VARIABLE], environment[settings.CTA_VARIABLE]
    simulated = release == SAMPLE_WORD
    content = {
        "url": f"http://localhost:{environment['CHERENKOV_VO_PORT']}",
        "authority": AUTHORITY,
        "data": str(home / "releases" / "sample" if simulated else release),
        "simulated": simulated,
        "obs_collection": "SIMULATED-HESS-LIKE" if simulated else "HESS-DL3-DR1",
        "schemata": "/usr/lib/python3/dist-packages/gavo/resources/schemata",
        "stilts": str(judge.stilts),
        "home": str(home),
        "vocabulary": environment["CHERENKOV_VO_VOCABULARY"],
        "ctao": {
            "simulated": str(home / "releases" / "ctao-sample"),
            "cta-1dc": None if challenge == NONE_WORD else challenge,
        },
    }
    path = directory / "instance.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def live(name: str, python: Path, judge: judges.Judges, release: str, challenge: str = NONE_WORD) -> bool:
    """Run live tests and judges against an instance with the given releases."""
    with temporary_directory() as directory, served(directory, release, challenge) as environment:
        instance = {**environment, "CHERENKOV_VO_TEST_INSTANCE": str(describe(directory, environment, judge))}
        passed = run(f"live tests, {name}", pytest(python, "tests/live"), **instance)
        return run(f"foreign judges, {name}", judge_command(judge), **instance) and passed


def draft(judge: judges.Judges) -> bool:
    """Run the judges that look at terms against an instance with the other vocabulary."""
    with (
        temporary_directory() as directory,
        served(directory, SAMPLE_WORD, vocabulary="draft") as environment,
    ):
        instance = {**environment, "CHERENKOV_VO_TEST_INSTANCE": str(describe(directory, environment, judge))}
        return run("foreign judges, draft vocabulary", judge_command(judge, VOCABULARY_TESTS), **instance)


def judge_command(judge: judges.Judges, tests: Sequence[str] = ("tests/judges",)) -> list[str | Path]:
    """Give the command line of judges' tests, which run in an environment of their own."""
    return [*pytest(judge.python), "-c", "tests/judges/pytest.ini", *tests]


def real_release() -> str | None:
    """Give the directory of the real release if there is one on this machine, and it is wanted."""
    if named := settings.load().hess_dl3_dr1:
        return None if named == SAMPLE_WORD else named
    return str(SHARED) if SHARED.is_dir() else None


def data_challenge() -> str:
    """Give the directory of CTA's first data challenge if there is one on this machine, else ``none``."""
    named = settings.load().cta_1dc
    if named:
        return named
    return str(SHARED_CTA) if SHARED_CTA.is_dir() else NONE_WORD


def fuzz(home: Path, seconds: int) -> bool:
    """Feed the reader with files that a fuzzer makes; what it finds stays for the next time."""
    python = packages.ensure_venv(home / "fuzz", "fuzz")
    place = home / "fuzz" / "found"
    place.mkdir(exist_ok=True)
    say(f"The files go to {place}.")
    return run("fuzzing", ["nice", python, "-m", "tests.fuzzing", str(seconds), place])


def versions(home: Path) -> bool:
    """Run the unit tests with the oldest versions that pyproject.toml allows, and with the newest."""
    results = []
    for name, source in (
        ("minimum", [*packages.HASHED, "--requirement", environments.environment("minimum").lock]),
        # What the lock says does not count here; Debian's packages stay, as in the service.
        ("newest", ["--only-binary", ":all:", *packages.requirements("test")]),
    ):
        place = home / "versions" / name
        python = place / "bin" / "python"
        made = run(
            f"environment, {name} versions",
            [packages.SYSTEM_PYTHON, "-m", "venv", "--clear", "--system-site-packages", place],
        ) and run(f"packages, {name} versions", [python, "-m", "pip", "install", "--quiet", *source])
        results.append(
            made and run(f"unit tests, {name} versions", pytest(python, *_NOT_LOCKED, "tests/unit"))
        )
    return all(results)


_NOT_LOCKED = [
    f"--deselect=tests/unit/test_supply_lock.py::{test}"
    for test in ("test_this_environment_is_as_locked", "test_nothing_is_locked_that_nothing_needs")
]
"""Tests of what the test environment has, which these environments are not."""


def explorer(wanted: Sequence[str], home: Path) -> dict[str, bool]:
    """Run the explorer's stages: its server and its pages at the same time, then both together."""
    apart: dict[str, Callable[[bool], bool]] = {
        "portal": lambda alone: explorer_stages.server(tools, at_once=alone),
        "jobs": lambda alone: explorer_stages.jobs(home, at_once=alone),
        "web": lambda alone: explorer_stages.web(tools, at_once=alone),
    }
    if not set(wanted) & {*apart, "explorer"}:
        return {}
    tools = explorer_stages.prepare(home)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        made = pool.submit(explorer_story.make, home, tools) if "explorer" in wanted else None
        results = explorer_stages.together({name: act for name, act in apart.items() if name in wanted})
    if made is not None:
        made.result()
        with temporary_directory() as directory:
            release = real_release() or SAMPLE_WORD
            results["explorer"] = explorer_story.explorer(home, tools, directory, release, served)
    return results


def run_stages(wanted: Sequence[str], home: Path, python: Path) -> tuple[dict[str, bool], dict[str, str]]:
    """Run stages; give which passed, and why some did not run."""
    results: dict[str, bool] = {}
    not_run: dict[str, str] = {}
    if "style" in wanted:
        results["style"] = style(python)
    for stage, title in (("unit", "unit tests"), ("properties", "property tests")):
        if stage in wanted:
            results[stage] = run(title, pytest(python, f"tests/{stage}"))
    if judged := [stage for stage in STAGES if stage in wanted and stage in ("sample", "draft", "real")]:
        judge = judges.ensure(home / "judges", report=say)
        for stage in judged:
            if stage == "draft":
                results[stage] = draft(judge)
            elif stage == "sample":
                results[stage] = live("sample", python, judge, SAMPLE_WORD)
            elif release := real_release():
                results[stage] = live("real releases", python, judge, release, data_challenge())
            else:
                not_run[stage] = "the real release is not on this machine ('make fetch-data'), or not wanted"
    last = {VERSIONS: versions, "faults": lambda _: run("faults", pytest(python, "tests/faults"))}
    results |= explorer(wanted, home)
    results |= {stage: act(home) for stage, act in last.items() if stage in wanted}
    return results, not_run


def main() -> int:
    """Run the stages that are asked for; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "stages", nargs="*", help=f"of {', '.join(STAGES)} (default: these), {VERSIONS}, {FUZZ}"
    )
    parser.add_argument("--seconds", type=int, default=1800, help=f"how long {FUZZ} goes on")
    parser.add_argument("--thorough", action="store_true", help="do all harm there is; takes an hour or more")
    options = parser.parse_args()
    wanted = options.stages or list(STAGES)
    if options.thorough:
        os.environ[VARIABLE] = "1"
    if unknown := set(wanted) - {*STAGES, VERSIONS, FUZZ}:
        parser.error(f"no such stage: {', '.join(sorted(unknown))}")
    start = time.monotonic()
    clear_leftovers()
    packages.ensure_packages()
    home = settings.home_of(settings.load())
    home.mkdir(parents=True, exist_ok=True)
    python = packages.ensure_venv(home / "test", "test")
    results, not_run = run_stages(wanted, home, python)
    if FUZZ in wanted:
        results[FUZZ] = fuzz(home, options.seconds)
    say(f"\n{time.monotonic() - start:.0f} s in all")
    for stage, passed in results.items():
        say(f"  {stage:10} {'passed' if passed else 'FAILED'}")
    for stage, reason in not_run.items():
        say(f"  {stage:10} NOT RUN: {reason}")
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InstanceError as error:
        say(f"{error.problem} {error.remedy}")
        sys.exit(error.exit_code)
