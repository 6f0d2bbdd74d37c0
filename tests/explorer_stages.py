"""The explorer's stages of ``make test``: its server, and its pages. ``explorer_story`` has both together."""

from __future__ import annotations

import concurrent.futures
import gzip
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instance import packages, pages
from supply import npm
from tests.running import CHECKOUT, pytest, run, say

LEAST_COVERAGE = 85
"""Per cent of the server's lines that its tests have to reach."""

FIRST_PAGE = 1_000_000
"""Bytes, packed, that a browser may have to get before people can search."""

FIRST = "src/pages/search"
"""What the name of the page begins with that people see first; it may be loaded apart."""

BROWSER = "chromium"
"""Debian's package, and its program; the tests download no browser."""

ENVIRONMENT = "explorer-test"

APART, APART_ENVIRONMENT = ("tests/portal/jobs", "tests/portal/hips"), "jobs-test"
"""Tests of what does not run in the server's environment, and theirs."""

LIVE = "tests/portal/services/test_live.py"
"""Tests of the server's searches that need a running instance: they are of the last stage."""


@dataclass(frozen=True)
class Tools:
    """What the explorer is tested with.

    Parameters
    ----------
    python
        Python with the server's packages and the tests'.
    node
        Directory of Node.
    """

    python: Path
    node: Path

    @property
    def variables(self) -> dict[str, str]:
        """Give the environment in which tests find Node."""
        return {"PATH": f"{self.node}:{os.environ.get('PATH', os.defpath)}"}


def prepare(home: Path) -> Tools:
    """Install what the stages need.

    Parameters
    ----------
    home
        The directory of the operator's instance, in which environments are kept.

    Raises
    ------
    InstanceError
        It cannot be installed.
    """
    packages.ensure_also(packages.STORE, BROWSER)
    python = packages.ensure_venv(home / ENVIRONMENT, ENVIRONMENT)
    node = pages.node_of(python)
    if not is_installed(npm.PROJECT):
        say("Getting the packages of the explorer's pages ...")
        pages.install(npm.PROJECT, node, home / ENVIRONMENT / "npm.log")
    return Tools(python, node)


def is_installed(project: Path) -> bool:
    """Say whether what the lock file names is installed beside it, as npm itself noted."""
    note = project / "node_modules" / ".package-lock.json"
    if not note.exists():
        return False
    wanted, found = (
        {place: entry.get("integrity") for place, entry in _packages(path).items() if place}
        for path in (project / pages.LOCK, note)
    )
    optional = {place for place, entry in _packages(project / pages.LOCK).items() if entry.get("optional")}
    return found.items() <= wanted.items() and wanted.keys() - found.keys() <= optional


def _packages(lock: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return found


def together(wanted: dict[str, Callable[[bool], bool]]) -> dict[str, bool]:
    """Run stages at the same time; each is told whether it is the only one, and may print at once."""
    alone = len(wanted) == 1
    with concurrent.futures.ThreadPoolExecutor() as pool:
        begun = {name: pool.submit(stage, alone) for name, stage in wanted.items()}
        return {name: future.result() for name, future in begun.items()}


def server(tools: Tools, *, at_once: bool) -> bool:
    """Types and tests of the server, and how much of it they reach."""
    mypy = [tools.python, "-m", "mypy", "--cache-dir", os.devnull, "-p", "portal"]
    with tempfile.TemporaryDirectory() as place:
        tests = [
            *pytest(tools.python, "-p", "anyio", "-p", "pytest_cov", "tests/portal"),
            *(f"--ignore={other}" for other in (*APART, LIVE)),
            *("--cov=portal/server", "--cov-report=term:skip-covered", f"--cov-fail-under={LEAST_COVERAGE}"),
        ]
        coverage = {"COVERAGE_FILE": str(Path(place, "coverage")), **tools.variables}
        return all(
            [
                run("types of the explorer", mypy, at_once=at_once),
                run("the explorer's server", tests, at_once=at_once, **coverage),
            ]
        )


def jobs(home: Path, *, at_once: bool) -> bool:
    """Tests of analysis jobs, and of the picture of all events.

    Parameters
    ----------
    home
        The directory of the operator's instance, in which environments are kept.
    at_once
        Whether what they print is passed on at once.

    Raises
    ------
    InstanceError
        Their environment cannot be made.
    """
    python = packages.ensure_venv(home / APART_ENVIRONMENT, APART_ENVIRONMENT)
    tests = {place: pytest(python, "-c", f"{place}/pytest.ini", place) for place in APART}
    return all([run(place, command, at_once=at_once) for place, command in tests.items()])


def web(tools: Tools, *, at_once: bool) -> bool:
    """Style, types and tests of the pages; whether they can be built, and how heavy the first one is."""
    programs = npm.PROJECT / "node_modules" / ".bin"
    with tempfile.TemporaryDirectory() as place:
        built, schema = Path(place, "dist"), Path(place, "schema.ts")
        commands = {
            "style of the pages": ["biome", "ci", "."],
            "types of the pages": ["tsc", "--noEmit"],
            "tests of the pages": ["vitest", "run"],
            "client of the pages": ["openapi-typescript", "../server/openapi.json", "-o", str(schema)],
            "build of the pages": ["vite", "build", "--outDir", str(built), "--emptyOutDir", "--manifest"],
        }
        passed = [
            run(title, [programs / name, *rest], place=npm.PROJECT, at_once=at_once, **tools.variables)
            for title, (name, *rest) in commands.items()
        ]
        return all([*passed, schema.exists() and _is_current(schema), built.exists() and _is_light(built)])


def _is_current(schema: Path) -> bool:
    known = npm.PROJECT / "src" / "api" / "schema.ts"
    if schema.read_text(encoding="utf-8") == known.read_text(encoding="utf-8"):
        return True
    say(f"== {known.relative_to(CHECKOUT)} is not that of the server: FAILED; 'npm run api' writes it")
    return False


def _is_light(built: Path) -> bool:
    size = weight(built)
    outcome = "passed" if size < FIRST_PAGE else "FAILED"
    say(f"== weight of the first page: {size / 1000:.0f} kB packed, below {FIRST_PAGE / 1000:.0f}: {outcome}")
    return size < FIRST_PAGE


def weight(built: Path) -> int:
    """Give the bytes, packed, of all that a browser gets for the first page.

    Parameters
    ----------
    built
        Directory of the built pages, with Vite's manifest.
    """
    manifest = json.loads((built / ".vite" / "manifest.json").read_text(encoding="utf-8"))
    files = {pages.ENTRY, *_needed(manifest)}
    return sum(len(gzip.compress((built / name).read_bytes(), mtime=0)) for name in sorted(files))


def _needed(manifest: dict[str, dict[str, Any]]) -> Iterator[str]:
    waiting, seen = [pages.ENTRY], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        chunk = manifest[name]
        yield from (chunk["file"], *chunk.get("css", ()), *chunk.get("assets", ()))
        waiting += chunk.get("imports", ())
        waiting += [other for other in chunk.get("dynamicImports", ()) if other.startswith(FIRST)]
