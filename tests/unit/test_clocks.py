"""Clocks that jump: durations are measured by one that does not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run import CHECKOUT as PROJECT

WALL = {"time", "time_ns", "ctime", "localtime", "gmtime", "clock_gettime"}
"""Functions of the module time that read the clock on the wall."""

MEANT = {
    "datalink/bundles/lists.py": "lists are kept for days, by their modification times",
    "datalink/previews/cache.py": "access times of files, which order them",
    "instance/archive.py": "the time of a member of an archive",
    "instance/bringup.py": "the moment of the last run, for those who watch over it",
    "instance/doctor/files.py": "ages of files and of the last backup, by their times",
    "instance/doctor/machine.py": "it looks for clocks that are off",
    "instance/rotation.py": "log files are kept for days, by their modification times",
    "portal/server/archives.py": "the time of the members of an archive",
    "portal/server/identity.py": "tokens say when they end by it, and are checked by several processes",
    "portal/server/limits.py": "requests are counted in the same spans of time by several processes",
    "portal/server/sessions.py": "sessions are kept for days, by several processes",
}
"""Where the clock on the wall is meant, and why."""


def _sources() -> Iterator[Path]:
    """Give all modules of the project that are no tests."""
    for path in sorted(PROJECT.rglob("*.py")):
        parts = path.relative_to(PROJECT).parts
        if parts[0] not in ("tests", "bench", "var", ".git") and "node_modules" not in parts:
            yield path


def _readings(path: Path) -> list[int]:
    """Give the lines that read the clock on the wall with the module time."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
        if alias.name in WALL
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "time" and node.attr in WALL:
                found.append(node.lineno)
        elif isinstance(node, ast.Name) and node.id in own:
            found.append(node.lineno)
    return found


def _subtractions(path: Path) -> list[int]:
    """Give the lines that subtract from, or compare, what datetime says that the time is."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for node in ast.walk(tree):
        sides: list[ast.expr] = []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            sides = [node.left, node.right]
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        for side in sides:
            text = ast.unparse(side)
            if (
                text.startswith("datetime.")
                and (".now(" in text or ".utcnow(" in text)
                and "date()" not in text
            ):
                found.append(node.lineno)
    return found


def test_durations_are_measured_by_the_monotonic_clock() -> None:
    read = {path.relative_to(PROJECT).as_posix(): _readings(path) for path in _sources()}
    assert len(read) > 100
    assert {name for name, lines in read.items() if lines} == set(MEANT)


def test_no_module_takes_the_difference_of_dates_for_a_duration() -> None:
    found = {path.relative_to(PROJECT).as_posix(): _subtractions(path) for path in _sources()}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    "text",
    ["import time\nx = time.time() - y", "from time import time as t\nt()", "import time\ntime.time_ns()"],
)
def test_the_search_finds(tmp_path: Path, text: str) -> None:
    path = tmp_path / "module.py"
    path.write_text(text)
    assert _readings(path)


def test_the_search_finds_differences_of_dates(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("if datetime.datetime.now(datetime.UTC) - begun > limit: pass")
    assert _subtractions(path)
