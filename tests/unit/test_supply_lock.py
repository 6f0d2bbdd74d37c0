"""The lock files agree with pyproject.toml, and what is not locked is not installed."""

from __future__ import annotations

import re
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ingest.errors import InstanceError
from instance import packages
from supply import environments, installed
from supply.environments import CHECKOUT, ENVIRONMENTS, Environment, normal, read_lock

CONTENT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, GROUPS = CONTENT["project"], CONTENT["dependency-groups"]
each_environment = pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda known: known.name)


def wanted(environment: Environment) -> list[Requirement]:
    if environment.source.name == "pyproject.toml":
        group = (environment.group,) if environment.group else environment.extras
        return [Requirement(text) for text in packages.requirements(*group)]
    lines = environment.source.read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@each_environment
def test_all_that_is_wanted_is_locked_or_from_debian(environment):
    locked = read_lock(environment.lock)
    for requirement in wanted(environment):
        name = normal(requirement.name)
        entries = [entry for entry in locked if entry.name == name]
        assert bool(entries) != (name in environment.from_debian()), name
        assert all(requirement.specifier.contains(entry.version) for entry in entries), name


@each_environment
def test_every_entry_has_hashes_and_nothing_of_debians_is_locked(environment):
    locked = read_lock(environment.lock)
    assert locked
    assert [entry.name for entry in locked if not entry.hashes] == []
    assert {entry.name for entry in locked} & environment.from_debian() == set()


def test_debians_versions_are_those_that_pyproject_allows():
    debian = read_lock(environments.DEBIAN)
    stated = {
        normal(requirement.name): requirement for requirement in map(Requirement, packages.requirements())
    }
    for entry in debian:
        if entry.name in stated:
            assert stated[entry.name].specifier.contains(entry.version), entry


def test_every_extra_and_every_file_of_versions_belongs_to_an_environment():
    extras = {extra for known in ENVIRONMENTS for extra in known.extras}
    assert extras == set(PROJECT["optional-dependencies"])
    assert {known.group for known in ENVIRONMENTS} - {""} == set(GROUPS)
    files = {path for path in CHECKOUT.glob("requirements/*.txt")} | set(
        CHECKOUT.glob("tests/**/require*.txt")
    )
    assert files == {known.lock for known in ENVIRONMENTS} | {environments.DEBIAN}


def test_what_is_tested_is_what_is_served():
    tested = {(entry.name, entry.version) for entry in read_lock(environments.environment("test").lock)}
    for name in ("instance", "dask"):
        for entry in read_lock(environments.environment(name).lock):
            assert (entry.name, entry.version) in tested, entry


def test_the_explorer_is_tested_with_what_it_runs_with():
    for pair in (("explorer", "explorer-test"), ("jobs", "jobs-test")):
        served, tested = (
            {(entry.name, entry.version) for entry in read_lock(environments.environment(name).lock)}
            for name in pair
        )
        assert served - tested == set()


def test_a_group_stands_alone_and_holds_those_that_it_includes():
    assert set(packages.requirements("explorer")) < set(packages.requirements("explorer-test"))
    assert not any(text.startswith("s3fs") for text in packages.requirements("explorer"))


def test_this_environment_is_as_locked():
    """Nothing but what is locked and what Debian has is installed here."""
    lock = environments.environment("test").lock
    assert installed.complaints(lock, packages.requirements("test")) == []


def test_nothing_is_locked_that_nothing_needs():
    """Going from what pyproject.toml wants, by what the installed packages say they need."""
    locked = {entry.name for entry in read_lock(environments.environment("test").lock)}
    open_ends = [Requirement(text) for text in packages.requirements("test")]
    needed: set[tuple[str, frozenset[str]]] = set()
    while open_ends:
        requirement = open_ends.pop()
        key = (normal(requirement.name), frozenset(requirement.extras))
        if key in needed:
            continue
        needed.add(key)
        try:
            texts = metadata.requires(requirement.name) or []
        except metadata.PackageNotFoundError:
            continue
        for inner in map(Requirement, texts):
            extras = ("", *requirement.extras)
            if not inner.marker or any(inner.marker.evaluate({"extra": extra}) for extra in extras):
                open_ends.append(inner)
    elsewhere = {entry.name for entry in read_lock(environments.environment("test").lock) if entry.marker}
    assert locked - {name for name, _ in needed} - elsewhere == set()


@pytest.mark.parametrize(
    "line", ["numpy>=1", "numpy==1 --hash=md5:00", "numpy==1 --hash=sha256:12", "git+https://x.example/y"]
)
def test_a_line_that_fixes_nothing_is_refused(tmp_path, line):
    lock = tmp_path / "lock.txt"
    lock.write_text(line)
    with pytest.raises(ValueError, match="expected a fixed version"):
        read_lock(lock)


def test_a_package_that_is_too_old_or_absent_is_told(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text("no-such-package==1\npytest==0.1\nalien==2 ; python_version < '3'\n")
    told = installed.complaints(lock, ["numpy>=99"])
    assert re.fullmatch(r"cherenkov-vo needs numpy>=99, but \S+ is installed", told[0])
    assert "no-such-package 1 is locked, but not installed" in told
    assert any(re.match(r"pytest 0.1 is locked, but \S+ is installed", text) for text in told)
    assert not any("alien" in text for text in told)


def wheel(place: Path) -> Path:
    """Write a package, as the index of this machine gives it."""
    path = place / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
        archive.writestr("tiny-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny-1.dist-info/RECORD", "")
    return path


def test_a_file_that_is_not_the_locked_one_is_not_installed(tmp_path):
    """With pip itself, which gets the file from a directory."""
    wheel(tmp_path)
    lock = tmp_path / "lock.txt"
    lock.write_text(f"tiny==1 --hash=sha256:{'0' * 64}\n")
    pip = [packages.SYSTEM_PYTHON, *packages.INSTALL, lock, "--no-index", "--find-links", tmp_path]
    with pytest.raises(
        InstanceError, match=r"not the locked one: .*tiny==1.*Expected sha256 0000.*Got"
    ) as caught:
        packages._venv_command([*pip, "--target", tmp_path / "to"])
    assert "Do not install it" in caught.value.remedy
    assert not (tmp_path / "to").exists()


def test_debians_package_that_is_too_old_has_its_own_remedy(tmp_path):
    lock = tmp_path / "lock.txt"
    lock.write_text("")
    command = [packages.SYSTEM_PYTHON, CHECKOUT / "supply" / "installed.py", lock, "numpy>=99"]
    with pytest.raises(InstanceError, match="needs numpy>=99") as caught:
        packages._venv_command(command)
    assert "apt-get upgrade" in caught.value.remedy
