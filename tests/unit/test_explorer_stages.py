"""How the explorer is tested: what its first page weighs, and whether npm's packages are there."""

from __future__ import annotations

import gzip
import json
import threading
from pathlib import Path

import pytest

from tests import explorer_stages

TEXTS = {
    "index.html": b"<html>",
    "main.js": b"main" * 100,
    "main.css": b"css" * 50,
    "shared.js": b"shared" * 70,
    "search.js": b"search" * 60,
    "picture.svg": b"<svg/>",
    "results.js": b"heavy" * 10_000,
}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Pages as Vite builds them: the first is loaded apart, as is another, heavier one."""
    for name, text in TEXTS.items():
        (tmp_path / name).write_bytes(text)
    manifest = {
        "index.html": {
            "file": "main.js",
            "css": ["main.css"],
            "imports": ["_shared"],
            "dynamicImports": ["src/pages/search.tsx", "src/pages/results.tsx"],
        },
        "_shared": {"file": "shared.js", "imports": ["index.html"]},
        "src/pages/search.tsx": {"file": "search.js", "assets": ["picture.svg"], "imports": ["_shared"]},
        "src/pages/results.tsx": {"file": "results.js"},
    }
    (tmp_path / ".vite").mkdir()
    (tmp_path / ".vite" / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_the_first_page_is_all_that_is_needed_for_it_and_each_file_counts_once(built):
    packed = {name: len(gzip.compress(text, mtime=0)) for name, text in TEXTS.items()}
    assert explorer_stages.weight(built) == sum(packed.values()) - packed["results.js"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    packages = {
        "": {"name": "pages"},
        "node_modules/a": {"version": "1.0.0", "integrity": "sha512-a"},
        "node_modules/b": {"version": "1.0.0", "integrity": "sha512-b", "optional": True},
    }
    (tmp_path / "package-lock.json").write_text(json.dumps({"packages": packages}))
    (tmp_path / "node_modules").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("there", "whole"),
    [
        ({"a": "sha512-a", "b": "sha512-b"}, True),
        ({"a": "sha512-a"}, True),
        ({"b": "sha512-b"}, False),
        ({"a": "sha512-other"}, False),
        ({"a": "sha512-a", "c": "sha512-c"}, False),
    ],
)
def test_what_npm_installed_is_what_is_locked(project, there, whole):
    assert not explorer_stages.is_installed(project)
    note = {"packages": {f"node_modules/{name}": {"integrity": text} for name, text in there.items()}}
    (project / "node_modules" / ".package-lock.json").write_text(json.dumps(note))
    assert explorer_stages.is_installed(project) == whole


def test_two_stages_run_at_the_same_time_and_one_alone():
    met = threading.Barrier(2, timeout=60)

    def stage(alone: bool) -> bool:
        return not alone and met.wait() >= 0

    assert explorer_stages.together({"a": stage, "b": stage}) == {"a": True, "b": True}
    assert explorer_stages.together({"a": lambda alone: not alone}) == {"a": False}
