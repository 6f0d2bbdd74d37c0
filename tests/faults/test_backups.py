"""The instance is destroyed, and comes back from its backup as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.errors import InstanceError
from instance import restoring
from instance.exits import EXIT_BUSY, EXIT_DATA, EXIT_DISK, EXIT_ENVIRONMENT, OK
from instance.state import State
from tests.faults import belongings, census
from tests.faults.harness import Site


@pytest.fixture(scope="module")
def copy(stopped: Site, new_site: Callable[..., Site], workshop: Path) -> Site:
    """Give another instance, made from a backup of the undisturbed one while that does not run."""
    made = stopped.run("backup", "--to", str(workshop / "first.tar"))
    assert made.returncode == OK, made.stderr
    assert stopped.processes() == {}
    site = new_site("copy")
    site.port = stopped.port
    site.home.mkdir()
    (site.home / "venv").symlink_to(stopped.home / "venv")
    done = site.run("restore", str(workshop / "first.tar"))
    assert done.returncode == OK, done.stderr
    assert "missing or have changed" not in done.stderr
    assert site.processes() == {}
    return site


@pytest.fixture(scope="module")
def backup(copy: Site, expected: census.Census, workshop: Path) -> Iterator[Path]:
    """Give a backup that was made while the instance was served and had users; it is destroyed then."""
    path = workshop / "second.tar"
    with copy.serving() as service:
        service.up()
        assert service.said.count("nothing changed since the last import") == 2
        assert "Publishing" not in service.said
        assert census.differences(copy, expected) == []
        may = "SELECT has_database_privilege('gavoadmin', 'gavo', 'CREATE')"
        assert copy.instance.cluster.sql(may) == ["t"], "a new collection needs a schema"
        job = belongings.put(copy)
        before = belongings.take(copy, job), census.take(copy)
        done = copy.run("backup", "--to", str(path))
        assert done.returncode == OK, done.stderr
        assert path.stat().st_mode & 0o077 == 0
    _destroy(copy)
    done = copy.run("restore", str(path))
    assert done.returncode == OK, done.stderr
    with copy.serving() as service:
        service.up()
        assert "Bringing" not in service.said
        assert "Publishing" not in service.said
        after = belongings.take(copy, job)
        assert after == before[0]
        assert (after.closed_without, after.closed_with, after.job) == (401, 200, "COMPLETED")
        assert after.result.count(b"\n") > 10
        assert len(after.withdrawn) == 1
        assert census.differences(copy, before[1]) == []
    yield path


def _destroy(site: Site) -> None:
    for path in site.home.iterdir():
        if path.name == "venv":
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _contents(site: Site) -> dict[str, tuple[int, int]]:
    found = {path: path.lstat() for path in site.home.rglob("*") if "venv" not in path.parts}
    return {
        str(path): (status.st_size, status.st_ino)
        for path, status in found.items()
        if path.is_file() and path.suffix != ".lock"
    }


def test_it_comes_back(backup: Path) -> None:
    assert backup.exists()  # all is asserted on the way to it


def test_another_instance_is_not_overwritten(copy: Site, backup: Path) -> None:
    before = _contents(copy)
    done = copy.run("restore", str(backup))
    assert done.returncode == EXIT_BUSY
    assert "There is an instance in" in done.stderr
    assert "FORCE=yes" in done.stderr
    assert _contents(copy) == before


@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_backup_that_is_cut_off_changes_nothing(copy: Site, backup: Path, part: float) -> None:
    before, cut = _contents(copy), backup.with_name("cut.tar")
    content = backup.read_bytes()
    cut.write_bytes(content[: int(len(content) * part)])
    done = copy.run("restore", "--force", str(cut))
    assert done.returncode == EXIT_DATA, done.stderr
    assert "cut off" in done.stderr
    assert "Nothing was changed" in done.stderr
    assert _contents(copy) == before


def test_what_is_there_is_moved_aside_when_asked(copy: Site, backup: Path) -> None:
    (copy.home / "mine.txt").write_text("kept")
    done = copy.run("restore", "--force", str(backup))
    assert done.returncode == OK, done.stderr
    asides = list(copy.home.glob("before-restore-*"))
    assert len(asides) == 1
    assert str(asides[0]) in done.stderr
    assert (asides[0] / "mine.txt").exists()
    assert (asides[0] / "postgres" / "complete").exists()
    with copy.serving() as service:
        service.up()
        assert "Bringing" not in service.said
        busy = copy.run("restore", "--force", str(backup))
        assert busy.returncode == EXIT_BUSY
        assert "make down" in busy.stderr


def test_a_dump_that_the_database_refuses_leaves_what_was_there(
    copy: Site, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.stat().st_ino for path in copy.home.iterdir()}
    monkeypatch.setattr(restoring, "DEFINITIONS", backup.with_name("bad.sql"))
    backup.with_name("bad.sql").write_text("SELECT 1/0;")
    with pytest.raises(InstanceError, match="division by zero"):
        restoring.restore(copy.instance, backup, force=True)
    assert {path: path.stat().st_ino for path in copy.home.iterdir()} == before
    assert copy.processes() == {}


def test_no_room_is_said_before(copy: Site, backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(copy.home)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(InstanceError, match="Only 1 MB are free") as caught:
        restoring.restore(copy.instance, backup, force=True)
    assert caught.value.exit_code == EXIT_DISK
    assert not (copy.home / "restoring").exists()


@pytest.mark.parametrize("what", ["VERSION", "postgresql_version", "installed_version"])
def test_something_older_than_the_backup_is_refused(
    copy: Site, backup: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    if what == "VERSION":
        monkeypatch.setattr(restoring, what, "0.0.1")
    else:
        monkeypatch.setattr(restoring.packages, what, lambda *arguments: "1")
    with pytest.raises(InstanceError) as caught:
        restoring.restore(copy.instance, backup, force=True)
    assert caught.value.exit_code == EXIT_ENVIRONMENT
    assert "newer" in caught.value.remedy


def test_an_older_program_does_not_touch_it(copy: Site, backup: Path) -> None:
    state = State(copy.home / "state.json")
    state.set(version="99.0.0")
    for command in ("serve", "up", "ingest"):
        done = copy.run(command)
        assert done.returncode == EXIT_ENVIRONMENT, done.stderr
        assert "Version 99.0.0 has worked on this instance" in done.stderr
    assert copy.processes() == {}
