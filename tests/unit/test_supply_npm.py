"""The packages of the explorer's pages: fixed, with hashes, and with licences that somebody looked at."""

from __future__ import annotations

import dataclasses
import json

import pytest

from supply import licences, npm

GOOD = npm.Package("good", "1.0.0", f"sha512-{'A' * 86}==", "MIT", "", tool=False)


def test_all_that_is_locked_is_fixed_and_may_be_used():
    packages = npm.read()
    assert npm.complaints(packages) == []
    locked = {(package.name, package.version) for package in packages}
    assert npm.wanted().items() - locked == set(), "'npm install' writes the lock file anew"


def test_the_page_of_licences_has_them_all():
    assert npm.tables(npm.read()) in licences.PAGE.read_text(), "'make licences'"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"integrity": ""}, "expected a SHA-512 hash"),
        ({"integrity": "sha1-abc"}, "expected a SHA-512 hash"),
        ({"source": "git+ssh://git@host.example/a.git"}, "not from the registry"),
        ({"licence": "GPL-3"}, "licence 'GPL-3'"),
        ({"licence": ""}, "licence ''"),
        ({"licence": "MPL-2.0"}, "licence 'MPL-2.0'"),
        ({"licence": "MIT AND GPL-3"}, "licence"),
    ],
)
def test_what_may_not_be_in_the_pages_is_told(change, message):
    (told,) = npm.complaints([dataclasses.replace(GOOD, **change)])
    assert told.startswith("good 1.0.0: ")
    assert message in told


def test_what_is_well():
    tool = dataclasses.replace(GOOD, tool=True, licence="MPL-2.0")
    choice = dataclasses.replace(GOOD, licence="(GPL-3 OR MIT)")
    sky = dataclasses.replace(GOOD, name="aladin-lite", licence="GPL-3")
    assert npm.complaints([GOOD, tool, choice, sky]) == []


def test_ranges_and_other_lock_files_are_refused(tmp_path):
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"a": "1.2.3", "b": "^1.0.0"}}))
    with pytest.raises(ValueError, match="expected fixed versions of b"):
        npm.wanted(tmp_path)
    (tmp_path / "package-lock.json").write_text(json.dumps({"lockfileVersion": 1}))
    with pytest.raises(ValueError, match="version 3"):
        npm.read(tmp_path / "package-lock.json")
