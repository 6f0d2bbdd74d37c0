"""A disk that fills up while something is written: honest errors, nothing half-written, no lasting harm."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from instance.exits import EXIT_DISK, OK, out_of_space
from tests.faults import census
from tests.faults.changing import LONG, STATES, ChangingRelease, Followed, answers
from tests.faults.harness import Service, Site, wait_until

SIZE = "1200m"
HONEST = {503, 507}
LARGE = "SELECT TOP 3000 a.*, b.id AS other FROM datalink.response AS a, datalink.response AS b"


@contextlib.contextmanager
def small_disk(directory: Path) -> Iterator[None]:
    """Have a file system of limited size at a directory."""
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "none", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(
            f"a full disk cannot be had here, for which it takes root's rights: {done.stderr.strip()}"
        )
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


@pytest.fixture(scope="module")
def harmed_disk(
    new_site: Callable[..., Site], stopped: Site, workshop: Path
) -> Iterator[tuple[Followed, Service]]:
    """Serve an instance on a small disk."""
    disk = workshop / "disk"
    release = ChangingRelease(stopped.home / "releases" / "sample", workshop / "changing-on-small-disk")
    with small_disk(disk):
        site = new_site("disk/site", release=str(release.directory))
        site.home.mkdir()
        (site.home / "venv").symlink_to(stopped.home / "venv")
        with site.serving() as service:
            service.up()
            yield Followed(site, release), service
        site.remove()


@pytest.fixture
def followed(harmed_disk: tuple[Followed, Service]) -> Followed:
    """Give that instance."""
    return harmed_disk[0]


class Ballast:
    """A file that takes all the room there is on an instance's disk."""

    def __init__(self, site: Site) -> None:
        self.path = site.home.parent / "ballast"

    def fill(self, left: int = 0) -> None:
        """Take all room but a number of bytes, while others may write."""
        with self.path.open("ab") as file:
            for _ in range(100):
                status, size = os.statvfs(self.path), os.fstat(file.fileno()).st_size
                more = status.f_bavail * status.f_frsize - left
                if more <= 0:
                    return
                with contextlib.suppress(OSError):  # somebody else was quicker
                    os.posix_fallocate(file.fileno(), size, more)

    def remove(self) -> None:
        """Give all room back."""
        self.path.unlink(missing_ok=True)


@pytest.fixture
def ballast(followed: Followed) -> Iterator[Ballast]:
    """Give what fills the disk; there is room again afterwards."""
    found = Ballast(followed.site)
    yield found
    found.remove()


def fetched(url: str) -> tuple[int, bytes]:
    """Get a document with its status; what breaks off before its end has the status 0."""
    try:
        return 200, census.fetch(url)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except OSError:
        return 0, b""


def query(site: Site, **parameters: str) -> str:
    """Give the URL of a query."""
    text = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": LARGE, "FORMAT": "csv"} | parameters)
    return f"{site.url}/tap/sync?{text}"


def _back(site: Site) -> None:
    """Wait until all is answered again."""
    wait_until(lambda: fetched(query(site, QUERY="SELECT COUNT(*) FROM ivoa.obscore"))[0] == 200, "an answer")


def test_no_room_to_begin_with(followed: Followed, ballast: Ballast) -> None:
    followed.know(*STATES[:2])
    followed.release.become(STATES[0])
    ballast.fill(left=4_000_000)
    done = followed.site.run("ingest", "--withdraw")
    assert done.returncode == EXIT_DISK, done.stderr
    assert "MB are free" in done.stderr
    assert answers(followed.site) == followed.undisturbed[followed.state][1]
    ballast.remove()
    followed.follow(STATES[0])
    assert followed.differences() == []


def test_disk_fills_up_during_an_import(followed: Followed, ballast: Ballast) -> None:
    site = followed.site
    followed.know(*STATES[:2])
    old = followed.state
    new = next(state for state in STATES[:2] if state != old)
    followed.release.become(new)
    log = site.home / "log" / "dachs.log"
    position = log.stat().st_size
    process = site.begin("ingest", "--withdraw")
    wait_until(lambda: "imp" in followed.phase(position) or process.poll() is not None, "the import")
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        ballast.fill()
        time.sleep(0.05)
    _, said = process.communicate(timeout=LONG)
    assert "Traceback" not in said, said
    if process.returncode != OK:  # the room that PostgreSQL has of its own may do
        assert process.returncode == EXIT_DISK, said
        assert out_of_space(said), said
    ballast.remove()
    _back(site)
    assert answers(site) in [followed.undisturbed[state][1] for state in (old, new)]
    followed.ingest()
    followed.state = new
    assert followed.differences() == []


def test_pictures_need_room(followed: Followed, ballast: Ballast) -> None:
    site = followed.site
    cache = site.instance.dachs.root / "cache" / "previews"
    before = set(cache.rglob("*.png"))
    runs = census.tap(site, "SELECT obs_id FROM hess_dr.obscore ORDER BY 1")[:2]
    urls = [f"{site.url}/hess_dr/q/file/custom/{run}/{run}_event-list_energy-spectrum.png" for run in runs]
    status, drawn = fetched(urls[0])
    assert (status, drawn[:4]) == (200, b"\x89PNG")
    ballast.fill()
    assert fetched(urls[0]) == (200, drawn), "what is there is served on"
    status, body = fetched(urls[1])
    assert status in HONEST, body
    assert b"Traceback" not in body
    ballast.remove()
    status, body = fetched(urls[1])
    assert (status, body[:4], body[-8:-4]) == (200, b"\x89PNG", b"IEND")
    assert list((cache / "parts").glob("*")) == []
    for picture in set(cache.rglob("*.png")) - before:  # links tell the lengths of what is drawn
        picture.unlink()


@pytest.mark.parametrize("form", ["csv", "votable", "votable/td", "fits", "json"])
def test_results_of_synchronous_queries_need_room(followed: Followed, ballast: Ballast, form: str) -> None:
    site = followed.site
    count = "SELECT COUNT(*) AS n FROM ivoa.obscore"
    status, good = fetched(query(site, FORMAT="csv", QUERY=count))
    assert status == 200
    status, complete = fetched(query(site, FORMAT=form))
    assert status == 200
    ballast.fill()
    status, body = fetched(query(site, FORMAT=form))
    if status == 200:
        assert len(body) == len(complete), "an answer is complete"
    else:
        assert status in (400, *HONEST), (status, body[:2000])
        assert b'name="QUERY_STATUS" value="ERROR"' in body
        assert b"Traceback" not in body
    ballast.remove()
    _back(site)
    assert fetched(query(site, FORMAT="csv", QUERY=count)) == (200, good)


def _post(url: str, **fields: str) -> tuple[int, str, str]:
    """Send a form; gives status, where it led, and the body."""
    request = urllib.request.Request(url, urllib.parse.urlencode(fields).encode())
    try:
        with census._direct.open(request, timeout=60) as reply:
            return int(reply.status), str(reply.url), reply.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, url, error.read().decode()


def test_results_of_jobs_need_room(followed: Followed, ballast: Ballast) -> None:
    site = followed.site
    over = {"COMPLETED", "ERROR", "ABORTED"}

    def job() -> str:
        status, url, body = _post(f"{site.url}/tap/async", LANG="ADQL", QUERY=LARGE, FORMAT="csv")
        assert status == 200, body
        return url

    def phase(url: str) -> str:
        return fetched(f"{url}/phase")[1].decode().strip()

    first, second = job(), job()
    assert _post(f"{first}/phase", PHASE="RUN")[0] == 200
    wait_until(lambda: phase(first) in over, "the end of a job")
    assert phase(first) == "COMPLETED"
    complete = fetched(f"{first}/results/result")[1]
    ballast.fill()
    started, _, body = _post(f"{second}/phase", PHASE="RUN")
    assert started in (200, *HONEST), body
    assert "Traceback" not in body
    if started == 200:
        wait_until(lambda: phase(second) in over, "the end of a job without room")
    ballast.remove()
    _back(site)
    if phase(second) == "COMPLETED":
        assert len(fetched(f"{second}/results/result")[1]) == len(complete)
    else:
        assert fetched(f"{second}/results/result")[0] == 404, phase(second)
    third = job()
    assert _post(f"{third}/phase", PHASE="RUN")[0] == 200
    wait_until(lambda: phase(third) in over, "the end of a job")
    assert len(fetched(f"{third}/results/result")[1]) == len(complete)


def test_all_is_as_before(followed: Followed) -> None:
    followed.know(followed.state)
    assert followed.differences() == []
    assert followed.site.supervisor
