"""A backup is complete or refused; what is restored is put in place whole, also if that is interrupted."""

from __future__ import annotations

import errno
import io
import os
import random
import tomllib
from pathlib import Path

import pytest

from ingest import PROJECT_VERSION
from ingest.errors import InstanceError
from instance import archive, swap, version
from instance.exits import EXIT_DATA, EXIT_DISK, EXIT_ENVIRONMENT
from instance.state import State

ROOT = Path(__file__).resolve().parents[2]
CONTENTS = {"a": b"1" * 700, "b/c": os.urandom(3000), "b/empty": b""}


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "backup.tar"
    with archive.writing(path) as writer:
        for name, content in CONTENTS.items():
            writer.add_stream(name, io.BytesIO(content), len(content))
        writer.finish({"version": "1"})
    return path


def test_it_reads_as_it_was_written(whole: Path, tmp_path: Path) -> None:
    assert whole.stat().st_mode & 0o777 == 0o600
    assert list(whole.parent.iterdir()) == [whole]
    assert archive.verify(whole)["version"] == "1"
    archive.unpack(whole, "b/", tmp_path / "out")
    assert (tmp_path / "out" / "c").read_bytes() == CONTENTS["b/c"]


def test_every_way_to_cut_it_off_is_noticed(whole: Path) -> None:
    content = whole.read_bytes()
    end = content.rindex(b"manifest.sha256") + 512 + 64
    for length in [0, *range(1, end, 97)]:
        whole.write_bytes(content[:length])
        with pytest.raises(archive.DamagedBackupError) as caught:
            archive.verify(whole)
        assert caught.value.exit_code == EXIT_DATA
        assert "Nothing was changed" in caught.value.remedy


def test_a_changed_byte_in_a_content_is_noticed(whole: Path) -> None:
    content = whole.read_bytes()
    starts = [content.index(CONTENTS["b/c"]) + offset for offset in random.Random(1).sample(range(3000), 50)]
    for place in [*starts, content.index(b'"format"'), content.index(b"1" * 700) + 3]:
        whole.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(archive.DamagedBackupError):
            archive.verify(whole)


@pytest.mark.parametrize("content", [b"", b"no archive" * 500, b"\0" * 20480])
def test_something_else_is_no_backup(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(archive.DamagedBackupError):
        archive.verify(path)


def test_another_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FORMAT", 99)
    with archive.writing(tmp_path / "new.tar") as writer:
        writer.finish({})
    monkeypatch.undo()
    with pytest.raises(archive.DamagedBackupError, match="its format is 99, expected 1"):
        archive.verify(tmp_path / "new.tar")


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "b.tar").write_text("the backup before")
    with pytest.raises(InstanceError) as caught, archive.writing(tmp_path / "b.tar") as writer:
        writer.finish({})
    assert caught.value.exit_code == EXIT_DISK
    assert [path.read_text() for path in tmp_path.iterdir()] == ["the backup before"]


def _staged(home: Path) -> None:
    for name in ("postgres/data", "releases/mine", "venv", "state.json"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("old")
    new = home / swap.STAGING / swap.NEW
    for name in ("postgres/data", "dachs/etc/dsn", "releases/theirs", "state.json"):
        (new / name).parent.mkdir(parents=True, exist_ok=True)
        (new / name).write_text("new")


def test_what_is_not_complete_is_not_put_in_place(tmp_path: Path) -> None:
    _staged(tmp_path)
    assert not swap.finish(tmp_path)
    assert (tmp_path / "state.json").read_text() == "old"


@pytest.mark.parametrize("moves", range(7))
def test_an_interrupted_restore_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int) -> None:
    _staged(tmp_path)
    swap.plan(tmp_path, f"{swap.BEFORE}1")
    left = [moves]
    for name in ("rename", "replace"):
        original = getattr(Path, name)

        def move(self: Path, target: Path, original: object = original) -> Path:
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            return original(self, target)  # type: ignore[operator]

        monkeypatch.setattr(Path, name, move)
    if moves < 6:
        with pytest.raises(KeyboardInterrupt):
            swap.finish(tmp_path)
        left[0] = -1
    assert swap.finish(tmp_path)
    found = {str(p.relative_to(tmp_path)): p.read_text() for p in tmp_path.rglob("*") if p.is_file()}
    assert found == {
        "before-restore-1/postgres/data": "old",
        "before-restore-1/state.json": "old",
        "postgres/data": "new",
        "dachs/etc/dsn": "new",
        "state.json": "new",
        "releases/mine": "old",
        "releases/theirs": "new",
        "venv": "old",
    }


def test_the_project_has_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == PROJECT_VERSION == version.VERSION


@pytest.mark.parametrize(("last", "refused"), [("0.1.0", False), (PROJECT_VERSION, False), ("99.0.0", True)])
def test_an_older_version_does_not_touch_it(tmp_path: Path, last: str, refused: bool) -> None:
    state = State(tmp_path / "state.json")
    version.refuse_downgrade(state)
    state.set(version=last, database="x")
    if refused:
        with pytest.raises(InstanceError, match="is older") as caught:
            version.refuse_downgrade(state)
        assert caught.value.exit_code == EXIT_ENVIRONMENT
    else:
        version.refuse_downgrade(state)
