"""The cache of pictures and its drawing process."""

import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from astropy.io import fits

from datalink.previews import Subject, cache, painter
from datalink.previews.cache import Key, Previews
from datalink.previews.painter import Painter
from ingest.errors import KeywordError, PreviewError, UnreadableFileError
from tests import gadf_files

SUBJECT = Subject("Run 4711", "a collection", False)
ROOT = Path(__file__).parents[2]


def key(name: str, kind: str = "quick") -> Key:
    return Key.of(name, kind, "full", SUBJECT)


@pytest.fixture
def opened(tmp_path, monkeypatch):
    """Make caches with a process that does as it is told; several of them stand for several servers."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made = []

    def make(**options):
        place = tmp_path / "cache"
        timeout = options.pop("timeout_seconds", 60.0)
        place.mkdir(exist_ok=True)
        stand_in = Painter(place, timeout, module="tests.previews_worker")
        made.append(Previews(place, painter=stand_in, timeout_seconds=timeout, **options))
        return made[-1]

    yield make
    for previews in made:
        previews.close()


def get(previews: Previews, name: str, kind: str = "quick", content: bytes = b"content") -> Path:
    return previews.get(key(name, kind), kind, lambda: content, SUBJECT, "full")


def process_of(path: Path) -> int:
    return int(path.read_bytes().split()[0])


def test_a_picture_is_drawn_once_and_kept(opened):
    previews = opened()
    assert previews.cached(key("a")) is None
    path = get(previews, "a", content=b"SIMPLE")
    assert path.read_bytes() == b"%d full SIMPLE" % process_of(path)
    assert process_of(path) != os.getpid()
    assert previews.cached(key("a")) == path
    drawn = path.stat().st_mtime_ns
    assert previews.get(key("a"), "quick", lambda: pytest.fail("asked again"), SUBJECT, "full") == path
    assert path.stat().st_mtime_ns == drawn
    assert process_of(get(previews, "b")) == process_of(path), "one process for all"


def test_pieces_are_put_together(opened):
    path = opened().get(key("a"), "quick", lambda: iter([b"one ", b"two"]), SUBJECT, "small")
    assert path.read_bytes().endswith(b" small one two")


def test_keys_differ_in_all_parts():
    keys = {
        Key.of(*parts)
        for parts in [
            ("a", "aeff", "full", SUBJECT),
            ("b", "aeff", "full", SUBJECT),
            ("a", "psf", "full", SUBJECT),
            ("a", "aeff", "small", SUBJECT),
            ("a", "aeff", "full", Subject("Run 4711", "a collection", True)),
        ]
    }
    assert len(keys) == 5
    assert Key.of("a", "aeff", "full", SUBJECT) == Key.of(
        "a", "aeff", "full", Subject("Run 4711", "a collection", False)
    )


def test_a_new_version_draws_anew(monkeypatch):
    before = key("a")
    monkeypatch.setattr(cache, "VERSION", cache.VERSION + 1)
    assert key("a") != before


def test_requests_for_the_same_picture_draw_once(opened):
    previews, asked, found = opened(), [], []

    def content():
        asked.append(1)
        time.sleep(0.2)  # the others come meanwhile
        return b"content"

    def request():
        found.append(previews.get(key("a"), "quick", content, SUBJECT, "full"))

    threads = [threading.Thread(target=request) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(asked), len(set(found)), len(found)) == (1, 1, 8)


def test_servers_that_share_a_directory_draw_once(opened):
    asked = []

    def content():
        asked.append(1)
        time.sleep(0.3)
        return b"content"

    servers = [opened(), opened(), opened()]
    threads = [
        threading.Thread(target=server.get, args=(key("a"), "quick", content, SUBJECT, "full"))
        for server in servers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    assert all(server.cached(key("a")) for server in servers)


def test_errors_come_back_as_they_are(opened):
    previews = opened()
    with pytest.raises(KeywordError, match=r"run\.fits, HDU EVENTS, RA: missing"):
        get(previews, "a", "error")

    def gone():
        raise UnreadableFileError("run.fits", "cannot be read (No such file)")

    with pytest.raises(UnreadableFileError, match="No such file"):
        previews.get(key("b"), "quick", gone, SUBJECT, "full")
    assert get(previews, "b").exists(), "what is repaired is drawn"
    assert not list(previews.directory.glob("parts/*"))


@pytest.mark.parametrize(("kind", "problem"), [("die", "ended with -9"), ("hang", "took longer than 0.5 s")])
def test_a_process_that_fails_is_replaced(opened, kind, problem):
    previews = opened(timeout_seconds=0.5)
    first = process_of(get(previews, "a"))
    with pytest.raises(PreviewError, match=problem):
        get(previews, "b", kind)
    assert process_of(get(previews, "c")) != first
    with pytest.raises(PreviewError, match=problem):
        previews.get(key("b", kind), kind, lambda: pytest.fail("tried again at once"), SUBJECT, "full")
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_what_failed_is_tried_again_later(opened, monkeypatch):
    monkeypatch.setattr(cache, "FAILED_SECONDS", 0.0)
    previews = opened()
    with pytest.raises(PreviewError):
        get(previews, "a", "die")
    assert previews.get(key("a", "die"), "quick", lambda: b"better", SUBJECT, "full").exists()


def test_only_so_many_failures_are_remembered(opened, monkeypatch):
    monkeypatch.setattr(cache, "_MOST_FAILURES", 1)
    previews = opened()
    for name in ("a", "b"):
        with pytest.raises(PreviewError):
            get(previews, name, "die")
    assert previews.get(key("a", "die"), "quick", lambda: b"better", SUBJECT, "full").exists()
    with pytest.raises(PreviewError):
        previews.get(key("b", "die"), "quick", lambda: b"better", SUBJECT, "full")


def test_the_process_is_replaced_now_and_then(opened, monkeypatch):
    monkeypatch.setattr(painter, "PICTURES", 2)
    previews = opened()
    processes = [process_of(get(previews, name)) for name in "abc"]
    assert processes[0] == processes[1] != processes[2]


def test_the_oldest_use_goes_first(opened):
    previews = opened(limit_bytes=2500)
    paths = {name: get(previews, name, content=bytes(1000)) for name in "ab"}
    long_ago = time.time_ns() - 10**12
    for age, name in enumerate("ba"):
        os.utime(paths[name], ns=(long_ago + age, long_ago))
    assert previews.cached(key("b")) == paths["b"]
    paths["c"] = get(previews, "c", content=bytes(1000))
    assert [name for name, path in paths.items() if path.exists()] == ["b", "c"]
    get(previews, "d", content=bytes(5000))
    assert [name for name in "abcd" if previews.cached(key(name))] == ["d"], "the newest stays in any case"


def test_what_killed_servers_left_is_swept(opened):
    previews = opened(limit_bytes=1)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, fresh = (previews.directory / "parts" / f"{pid}-{pid}.fits" for pid in (ended.pid, os.getpid()))
    for path in (left, fresh):
        path.write_bytes(b"x")
    os.utime(fresh, (0, 0))  # a clock that jumped does not make it a leftover
    get(previews, "a")
    assert not left.exists()
    assert fresh.exists()


def test_a_directory_that_cannot_be_written_is_an_error(opened):
    previews = opened()
    blocked = previews.directory / "pictures" / key("a").digest[:2]
    blocked.write_bytes(b"in the way")
    with pytest.raises(PreviewError, match="pictures cannot be kept in"):
        get(previews, "a")


def test_a_closed_cache_starts_again(opened):
    previews = opened()
    first = process_of(get(previews, "a"))
    previews.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert process_of(get(previews, "b")) != first


def run_content() -> bytes:
    memory = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), gadf_files.events(), gadf_files.gti()]).writeto(memory)
    return memory.getvalue()


def test_the_real_process_draws(tmp_path):
    previews = Previews(tmp_path / "cache")
    try:
        path = previews.get(
            Key.of("a", "event-rate", "small", SUBJECT), "event-rate", run_content, SUBJECT, "small"
        )
        assert path.read_bytes().startswith(b"\x89PNG")
        with pytest.raises(UnreadableFileError, match="no HDU of the kind psf"):
            previews.get(key("a", "psf"), "psf", run_content, SUBJECT, "full")
        with pytest.raises(UnreadableFileError, match="expected a FITS file"):
            previews.get(key("b", "psf"), "psf", lambda: b"", SUBJECT, "full")
        with pytest.raises(PreviewError, match="no pictures of the kind"):
            previews.get(key("c", "portrait"), "portrait", run_content, SUBJECT, "full")
    finally:
        previews.close()


SERVER = """
import os, sys
from pathlib import Path
from datalink.previews.cache import Key, Previews
from datalink.previews import Subject
subject = Subject("Run 4711", "a collection", False)
content = Path(sys.argv[2]).read_bytes()
previews = Previews(Path(sys.argv[1]))
previews.get(Key.of("a", "event-rate", "small", subject), "event-rate", lambda: content, subject, "small")
children = Path(f"/proc/self/task").glob("*/children")
print(" ".join(path.read_text() for path in children), flush=True)
sys.stdin.read()
"""


def test_the_process_dies_with_a_killed_server(tmp_path):
    (tmp_path / "run.fits").write_bytes(run_content())
    command = [sys.executable, "-c", SERVER, str(tmp_path / "cache"), str(tmp_path / "run.fits")]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as server:
        (worker,) = map(int, server.stdout.readline().split())
        status = Path(f"/proc/{worker}")
        assert os.getpriority(os.PRIO_PROCESS, worker) > os.getpriority(os.PRIO_PROCESS, server.pid)
        server.kill()
        server.wait()
    end = time.monotonic() + 30.0
    while running(status) and time.monotonic() < end:
        time.sleep(0.05)
    assert not running(status)


def running(status: Path) -> bool:
    """Tell whether a process is there and no zombie that nobody has asked for yet."""
    try:
        return (status / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
