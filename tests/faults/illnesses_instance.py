"""Faults of the machine, the settings and the files of an instance.

Each is really brought about, and put right; where it can be, as the doctor advises.
"""

from __future__ import annotations

import os
import resource
import shutil
import time
from collections.abc import Iterator

import pytest

from instance import doctor
from instance.doctor import files, machine
from tests.faults.illness import (
    Case,
    Look,
    away,
    illness,
    until_it_is_well,
    with_dpkg,
    with_mode,
    with_state,
)

FUTURE = 7200.0
ONE_HOUR = 3600


@illness("settings-unusable")
def _(case: Case) -> Iterator[Look]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHERENKOV_VO_PORT", "http")
        yield doctor.diagnose


@illness("package-missing")
def _(case: Case) -> Iterator[None]:
    with_dpkg(case, "nginx", "un |")
    yield


@illness("dachs-too-old")
def _(case: Case) -> Iterator[None]:
    with_dpkg(case, "python3-gavo", "ii |2.9+dfsg-1")
    yield


@illness("venv-missing")
def _(case: Case) -> Iterator[None]:
    yield from away(case.home / "venv")


@illness("venv-incomplete")
def _(case: Case) -> Iterator[None]:
    link = case.home / "venv"
    target = link.readlink()
    link.unlink()
    (link / "bin").mkdir(parents=True)
    yield
    shutil.rmtree(link)
    link.symlink_to(target)


@illness("disk-low")
def _(case: Case) -> Iterator[None]:
    usage = shutil.disk_usage(case.home)._replace(free=1_000_000)
    case.patch.setattr(shutil, "disk_usage", lambda path: usage)
    yield


@illness("memory-low")
def _(case: Case) -> Iterator[None]:
    case.patch.setattr(machine, "available_memory", lambda: 100_000_000)
    yield


@illness("descriptors-low")
def _(case: Case) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@illness("clock-off")
def _(case: Case) -> Iterator[None]:
    path = case.state.path
    os.utime(path, (time.time() + FUTURE,) * 2)
    yield
    os.utime(path)


@illness("instance-missing")
def _(case: Case) -> Iterator[None]:
    yield from away(case.home / "postgres" / "complete")


@illness("unfinished")
def _(case: Case) -> Iterator[None]:
    yield from with_state(case, published=None)


@illness("state-damaged")
def _(case: Case) -> Iterator[None]:
    before = case.state.path.read_text(encoding="utf-8")
    case.state.path.write_text(before[: len(before) // 2], encoding="utf-8")
    yield
    case.state.path.write_text(before, encoding="utf-8")


@illness("newer-version")
def _(case: Case) -> Iterator[None]:
    yield from with_state(case, version="99.0.0")


@illness("older-version")
def _(case: Case) -> Iterator[None]:
    yield from with_state(case, serving="0.1.0")


@illness("home-closed")
def _(case: Case) -> Iterator[None]:
    # Who is not root runs the services in person: the directory has to be somebody else's.
    case.patch.setattr(os, "geteuid", lambda: 0)
    yield from with_mode(case.home, 0o700)
    case.patch.undo()
    until_it_is_well(case)  # the proxy may have found no worker just now, and asks them again a second later


@illness("database-open")
def _(case: Case) -> Iterator[None]:
    yield from with_mode(case.home / "postgres" / "data", 0o755)


@illness("secret-open")
def _(case: Case) -> Iterator[None]:
    yield from with_mode(case.home / "dachs" / "etc" / "feed", 0o644)


@illness("configuration-changed")
def _(case: Case) -> Iterator[None]:
    path = case.home / "gavo.rc"
    before = path.read_text(encoding="utf-8")
    path.write_text(before + "[async]\nmaxTAPRunning: 99\n", encoding="utf-8")
    yield
    path.write_text(before, encoding="utf-8")


@illness("vocabulary-missing")
def _(case: Case) -> Iterator[None]:
    yield from away(case.home / "dachs" / "cache" / files.cache_name("uat"))


@illness("leftovers")
def _(case: Case) -> Iterator[None]:
    path = case.home / "releases" / "sample" / "data" / "x.fits.partial"
    path.touch()
    os.utime(path, (time.time() - ONE_HOUR,) * 2)
    yield
    path.unlink()


@illness("restore-interrupted")
def _(case: Case) -> Iterator[None]:
    path = case.home / files.STAGING
    path.mkdir()
    yield
    path.rmdir()


@illness("spool-closed")
def _(case: Case) -> Iterator[None]:
    yield from with_mode(case.home / "dachs" / "tmp", 0o500)


@illness("backup-old")
def _(case: Case) -> Iterator[None]:
    yield from with_state(case, backup={"time": time.time() - 30 * 86400, "path": str(case.home)})
