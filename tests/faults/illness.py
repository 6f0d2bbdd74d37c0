"""How faults are brought about and put right: what the modules of illnesses share."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from instance import doctor
from instance.state import State
from tests.faults.harness import Site, wait_until


@dataclasses.dataclass
class Case:
    """An instance that is served, and what one illness may use."""

    site: Site
    patch: pytest.MonkeyPatch
    directory: Path

    @property
    def home(self) -> Path:
        """Give its directory."""
        return self.site.home

    @property
    def state(self) -> State:
        """Give what it remembers."""
        return State(self.home / "state.json")

    def sql(self, statement: str) -> list[str]:
        """Ask its database as superuser."""
        return self.site.instance.cluster.sql(statement)


Look = Callable[[], list[doctor.Diagnosis]]
Illness = Callable[[Case], "contextlib.AbstractContextManager[Look | None]"]
ILLNESSES: dict[str, Illness] = {}


def illness(key: str) -> Callable[[Callable[[Case], Iterator[Look | None]]], None]:
    """Note how a fault is brought about; what is yielded, if anything, asks the doctor in another way."""

    def note(function: Callable[[Case], Iterator[Look | None]]) -> None:
        ILLNESSES[key] = contextlib.contextmanager(function)

    return note


def with_settings(case: Case, **changes: Any) -> Look:
    """Ask the doctor about the instance with other settings."""
    return lambda: doctor.examine(dataclasses.replace(case.site.instance.settings, **changes))


def away(path: Path) -> Iterator[None]:
    """Take a file or directory away, and bring it back."""
    aside = path.with_name(f"{path.name}-away")
    path.rename(aside)
    yield
    if path.is_dir():
        shutil.rmtree(path)
    aside.rename(path)


def until_it_is_well(case: Case) -> None:
    """Wait until the doctor finds nothing any more, after what takes a moment to pass."""
    settings = case.site.instance.settings
    wait_until(lambda: not [found for found in doctor.examine(settings) if found.remedy], "a recovery")


def with_mode(path: Path, mode: int) -> Iterator[None]:
    before = path.stat().st_mode & 0o777
    path.chmod(mode)
    yield
    path.chmod(before)


def with_state(case: Case, **values: Any) -> Iterator[None]:
    before = case.state.path.read_text(encoding="utf-8")
    case.state.set(**values)
    yield
    case.state.path.write_text(before, encoding="utf-8")


def with_dpkg(case: Case, package: str, answer: str) -> None:
    """Let Debian's package system say something else about a package."""
    program = case.directory / "dpkg-query"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *" {package}") printf "{answer}";;'
        ' *) exec /usr/bin/dpkg-query "$@";; esac\n'
    )
    program.chmod(0o755)
    case.patch.setenv("PATH", f"{case.directory}:{os.environ['PATH']}")
