"""Downloading a release, against a real HTTP server in this process."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import socket
import tarfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from ingest.errors import InstanceError
from instance import exits, fetch
from tests.unit import record_server
from tests.unit.record_server import MEMBERS, NAME, RECORD, TAR, Zenodo, link, make_tar


@pytest.fixture
def zenodo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Zenodo]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    with record_server.serve() as state:
        yield state


def get(zenodo: Zenodo, folder: Path, **options: Any) -> Path:
    options = {"retries": 2, "backoff": 0.001, **options}
    return fetch.fetch_release(folder / "dr1", record_url=zenodo.url + RECORD, **options)


def fail(zenodo: Zenodo, folder: Path, code: int = exits.EXIT_DATA, **options: Any) -> InstanceError:
    with pytest.raises(InstanceError) as caught:
        get(zenodo, folder, **options)
    error = caught.value
    assert error.exit_code == code
    assert error.problem.endswith(".")
    assert error.remedy.endswith(".")
    assert not (folder / "dr1").exists()
    return error


def check(release: Path) -> None:
    for name, content in MEMBERS.items():
        assert (release / name.removeprefix("hess_dl3_dr1/")).read_bytes() == content
    assert not release.with_name("dr1.partial").exists()


@pytest.mark.parametrize("shape", ["current", "legacy", "download", "invenio", "autumn 2023"])
def test_a_fresh_download_in_every_shape_of_the_record(zenodo: Zenodo, tmp_path: Path, shape: str) -> None:
    zenodo.shape = shape
    release = get(zenodo, tmp_path)
    assert release == tmp_path.resolve() / "dr1"
    check(release)
    assert zenodo.sent == [len(TAR)]
    assert zenodo.agents == {fetch.USER_AGENT}
    stamp = json.loads((release / fetch.STAMP).read_text())
    assert stamp == {"record": "1421099", "files": {NAME: f"md5:{hashlib.md5(TAR).hexdigest()}"}}


def test_a_second_call_asks_nothing(zenodo: Zenodo, tmp_path: Path) -> None:
    get(zenodo, tmp_path)
    zenodo.asked.clear()
    assert get(zenodo, tmp_path) == tmp_path.resolve() / "dr1"
    assert zenodo.asked == []


def test_an_interrupted_download_is_resumed_by_the_next_call(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.drops = [400_000]
    error = fail(zenodo, tmp_path, retries=0)
    assert "broke off" in error.problem
    (part,) = (tmp_path / "dr1.partial").glob("*.part")
    kept = part.stat().st_size
    assert 400_000 - fetch.CHUNK <= kept <= 400_000
    zenodo.sent.clear()
    check(get(zenodo, tmp_path))
    assert zenodo.sent == [len(TAR) - kept]
    assert zenodo.downloads()[-1] == f"bytes={kept}-"


def test_dropped_connections_are_resumed_within_a_call(zenodo: Zenodo, tmp_path: Path) -> None:
    # More drops than retries: each brings some headway, so none of them counts.
    zenodo.drops = [200_000, 150_000, 100_000, 100_000]
    check(get(zenodo, tmp_path, retries=1))
    assert len(zenodo.downloads()) == 5
    assert sum(zenodo.sent) <= len(TAR) + 4 * fetch.CHUNK


def test_a_server_that_always_drops_is_given_up(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.honours_range = False
    zenodo.drops = [100_000] * 9
    assert "broke off" in fail(zenodo, tmp_path, retries=2).problem
    assert len(zenodo.downloads()) == 4


def test_a_server_without_range_starts_over(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.honours_range = False
    zenodo.drops = [400_000]
    check(get(zenodo, tmp_path))
    assert zenodo.sent == [400_000, len(TAR)]


@pytest.mark.parametrize("honours", [True, False])
def test_a_file_changed_on_the_server_starts_over(zenodo: Zenodo, tmp_path: Path, honours: bool) -> None:
    zenodo.drops = [400_000]
    fail(zenodo, tmp_path, retries=0)
    zenodo.etag, zenodo.honours_if_range = '"two"', honours
    zenodo.sent.clear()
    check(get(zenodo, tmp_path))
    assert zenodo.sent[-1] == len(TAR)


def test_a_file_changed_in_the_record_starts_over(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.drops = [400_000]
    fail(zenodo, tmp_path, retries=0)
    zenodo.files[NAME] = make_tar({**MEMBERS, "hess_dl3_dr1/README": b"new"})
    check(get(zenodo, tmp_path))
    assert zenodo.downloads()[-1] is None


def test_a_weak_etag_is_compared_but_not_sent(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.etag = 'W/"one"'
    zenodo.drops = [400_000]
    check(get(zenodo, tmp_path))
    assert sum(zenodo.sent) <= len(TAR) + fetch.CHUNK


def test_a_damaged_part_is_dropped_and_loaded_once_more(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.drops = [400_000]
    fail(zenodo, tmp_path, retries=0)
    (part,) = (tmp_path / "dr1.partial").glob("*.part")
    part.write_bytes(b"\0" * part.stat().st_size)
    check(get(zenodo, tmp_path))
    assert zenodo.sent[-1] == len(TAR)


def test_a_part_that_is_too_long_is_dropped(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.drops = [400_000]
    fail(zenodo, tmp_path, retries=0)
    (part,) = (tmp_path / "dr1.partial").glob("*.part")
    part.write_bytes(b"\0" * (len(TAR) + 1))
    check(get(zenodo, tmp_path))


def test_a_wrong_checksum_is_tried_twice(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.wrong = {NAME: "0" * 32}
    error = fail(zenodo, tmp_path)
    assert "checksum" in error.problem
    assert "0" * 32 in error.problem
    assert zenodo.sent == [len(TAR), len(TAR)]
    assert not list((tmp_path / "dr1.partial").glob("*.part"))


def test_a_size_that_differs_from_the_record(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.record = zenodo.describe()
    zenodo.record["files"][0]["size"] += 1
    assert f"{len(TAR)} bytes on the server" in fail(zenodo, tmp_path).problem


def test_busy_answers_are_waited_out(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.states = [503, 429]
    check(get(zenodo, tmp_path))


@pytest.mark.parametrize(
    ("states", "remedy"),
    [([503] * 9, "later"), ([404], "withdrawn"), ([410], "withdrawn"), ([403], "blocked"), ([400], "later")],
)
def test_refusals(zenodo: Zenodo, tmp_path: Path, states: list[int], remedy: str) -> None:
    zenodo.states = list(states)
    error = fail(zenodo, tmp_path)
    assert f"HTTP {states[0]}" in error.problem
    assert remedy in error.remedy


def test_a_missing_file(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.record = zenodo.describe()
    zenodo.files = {}
    assert "HTTP 404" in fail(zenodo, tmp_path).problem


def test_an_unreachable_server(zenodo: Zenodo, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    zenodo.url = f"http://127.0.0.1:{port}"
    error = fail(zenodo, tmp_path)
    assert error.problem == f"127.0.0.1:{port} cannot be reached."
    assert "network" in error.remedy
    zenodo.url = "no address"
    assert "cannot be reached" in fail(zenodo, tmp_path).problem


ENTRY = {"key": "a.tar.gz", "size": 1, "checksum": "md5:00", "links": {"self": "x"}}


@pytest.mark.parametrize(
    "record",
    [
        b"<html>Log in to the network</html>",
        [],
        {},
        {"files": {"enabled": False}},
        {"files": "many"},
        {"files": [{**ENTRY, "key": "../evil"}]},
        {"files": [{**ENTRY, "key": ".hidden"}]},
        {"files": [{**ENTRY, "key": "a/b"}]},
        {"files": [{**ENTRY, "key": 7}]},
        {"files": [{**ENTRY, "checksum": None}]},
        {"files": [{**ENTRY, "checksum": "crc:00"}]},
        {"files": [{**ENTRY, "size": "big"}]},
        {"files": [{"key": "a.tar.gz"}]},
        {"files": [ENTRY, ENTRY]},
    ],
)
def test_records_that_cannot_be_used(zenodo: Zenodo, tmp_path: Path, record: Any) -> None:
    zenodo.record = record
    assert "not a usable Zenodo record" in fail(zenodo, tmp_path).problem


@pytest.mark.parametrize(
    "hostile",
    [
        make_tar({**MEMBERS, "../evil": b"!"}),
        make_tar({**MEMBERS, "hess_dl3_dr1/../../../evil": b"!"}),
        make_tar({**MEMBERS, "/evil": b"!"}),
        make_tar(MEMBERS, link("hess_dl3_dr1/passwd", "/etc/passwd")),
        make_tar(MEMBERS, link("hess_dl3_dr1/up", "../../../evil")),
        make_tar(MEMBERS, link("hess_dl3_dr1/hard", "/etc/passwd", tarfile.LNKTYPE)),
        make_tar(MEMBERS, link("a", "b"), link("b", "a")),
        make_tar(MEMBERS, link("hess_dl3_dr1/pipe", "", tarfile.FIFOTYPE)),
        make_tar(MEMBERS, link("hess_dl3_dr1/device", "", tarfile.CHRTYPE)),
    ],
)
def test_hostile_members_are_refused(zenodo: Zenodo, tmp_path: Path, hostile: bytes) -> None:
    zenodo.files = {NAME: hostile}
    assert "no plain file inside the archive" in fail(zenodo, tmp_path).problem
    assert not list(tmp_path.rglob("evil"))
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]


def test_links_between_members_become_files(zenodo: Zenodo, tmp_path: Path) -> None:
    inside = link("hess_dl3_dr1/copy", "hdu-index.fits.gz")
    zenodo.files = {NAME: make_tar(MEMBERS, inside, link("hess_dl3_dr1/empty", "", tarfile.DIRTYPE))}
    release = get(zenodo, tmp_path)
    assert (release / "copy").read_bytes() == b"hdu"
    assert not (release / "copy").is_symlink()


# Cut off before the end marker, so that reading it comes to the checksum of gzip, which is wrong.
BAD_GZIP = gzip.compress(gzip.decompress(make_tar({"a": b"b" * 512}))[:1024])[:-8] + b"\0" * 8
DAMAGED = {
    "no archive": b"no archive",
    "cut off": TAR[:-50_000],
    "deflate": TAR[:20] + b"\xff" * 200,
    "gzip": BAD_GZIP,
    "no tar": gzip.compress(b"\1" * 2000),
}


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED)
def test_damaged_archives(zenodo: Zenodo, tmp_path: Path, damaged: bytes) -> None:
    zenodo.files = {NAME: damaged}
    assert "not a readable tar archive" in fail(zenodo, tmp_path).problem


def test_an_archive_without_a_release(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.files = {NAME: make_tar({"a/hdu-index.fits.gz": b"", "b/obs-index.fits.gz": b""})}
    assert "holds no release" in fail(zenodo, tmp_path).problem


def test_a_nested_release_and_loose_files(zenodo: Zenodo, tmp_path: Path) -> None:
    nested = {f"a/b/{name}": content for name, content in MEMBERS.items()}
    zenodo.files = {"README.txt": b"terms of use", NAME: make_tar(nested), "nothing": b""}
    release = get(zenodo, tmp_path)
    check(release)
    assert (release / "README.txt").read_bytes() == b"terms of use"
    assert (release / "nothing").read_bytes() == b""


def test_a_whole_file_is_not_loaded_again(zenodo: Zenodo, tmp_path: Path) -> None:
    zenodo.files = {"first.txt": b"whole", NAME: TAR}
    zenodo.drops = [5, 400_000]
    fail(zenodo, tmp_path, retries=0)
    zenodo.asked.clear()
    check(get(zenodo, tmp_path))
    assert not [path for path, _ in zenodo.asked if "first.txt" in path]


def full(free: int) -> Any:
    usage = namedtuple("usage", "total used free")
    return lambda _path: usage(10**12, 10**12 - free, free)


def test_a_disk_too_small(zenodo: Zenodo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", full(fetch.SPARE_BYTES + 2 * len(TAR) - 1))
    error = fail(zenodo, tmp_path, exits.EXIT_DISK)
    assert "are needed" in error.problem
    assert zenodo.downloads() == []
    monkeypatch.setattr(shutil, "disk_usage", full(fetch.SPARE_BYTES + 2 * len(TAR)))
    check(get(zenodo, tmp_path))


def test_an_archive_that_would_burst(zenodo: Zenodo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zenodo.files = {NAME: make_tar({**MEMBERS, "zeros": b"\0" * 5_000_000})}
    monkeypatch.setattr(shutil, "disk_usage", full(fetch.SPARE_BYTES + 3_000_000))
    assert "are needed" in fail(zenodo, tmp_path, exits.EXIT_DISK).problem


def test_a_disk_that_fills_up(zenodo: Zenodo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", no_space)
    assert "No space left" in fail(zenodo, tmp_path, exits.EXIT_DISK).problem


def test_a_place_that_cannot_be_written(zenodo: Zenodo, tmp_path: Path) -> None:
    (tmp_path / "dr1.partial").write_text("a file in the way")
    assert "cannot be written" in fail(zenodo, tmp_path).problem


def test_an_empty_target_is_used(zenodo: Zenodo, tmp_path: Path) -> None:
    (tmp_path / "dr1").mkdir()
    check(get(zenodo, tmp_path))


@pytest.mark.parametrize("stamp", [None, "{", "[]", '{"record": "7"}', '{"record": "1421099"}'])
def test_a_foreign_target_is_left_alone(zenodo: Zenodo, tmp_path: Path, stamp: str | None) -> None:
    target = tmp_path / "dr1"
    target.mkdir()
    (target / "mine").write_text("keep")
    if stamp:
        (target / fetch.STAMP).write_text(stamp)
    with pytest.raises(InstanceError, match="not a complete download"):
        get(zenodo, tmp_path)
    assert (target / "mine").read_text() == "keep"
    assert zenodo.asked == []


def test_lines_where_there_is_no_terminal(
    zenodo: Zenodo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    get(zenodo, tmp_path)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == ""
    assert 9 <= len(lines) <= 10
    assert lines[0].startswith(f"{NAME}: 10 % of 70")
    assert lines[-1].startswith(f"{NAME}: 100 %")
    assert "\x1b" not in err


def test_a_bar_in_the_display_of_the_caller(zenodo: Zenodo, tmp_path: Path) -> None:
    text = io.StringIO()
    with Progress(console=Console(file=text, force_terminal=True, width=100)) as progress:
        get(zenodo, tmp_path, progress=progress)
        (task,) = progress.tasks
        assert task.finished
        assert task.description == NAME
    assert "% of" not in text.getvalue()


def test_every_exit_code_has_a_meaning() -> None:
    codes = {value for name, value in vars(exits).items() if name.isupper() and isinstance(value, int)}
    assert codes == set(exits.MEANINGS) == set(range(9))
