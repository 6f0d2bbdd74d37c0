"""Bundles of the running instance, as clients get them."""

from __future__ import annotations

import hashlib
import http.client
import io
import itertools
import shutil
import socket
import tarfile
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import memory
from tests.live.conftest import Answer, Instance

SERVICE = "/rd/access/bundle/custom"
BOUNDARY = "0123456789abcdef"
MOST_MEMORY = 50.0
"""MB, of all processes together; a real release is larger than that."""


@pytest.fixture(scope="module")
def runs(instance: Instance) -> list[str]:
    """All data sets of the first collection."""
    rows = instance.rows("SELECT obs_publisher_did FROM hess_dr.obscore ORDER BY obs_publisher_did")
    return [did for (did,) in rows]


@pytest.fixture(scope="module")
def embargoed(instance: Instance) -> str:
    query = "SELECT TOP 1 obs_publisher_did FROM ctao.obscore WHERE data_rights <> 'public' ORDER BY 1"
    return instance.rows(query)[0][0]


def post(instance: Instance, name: str, content: bytes) -> tuple[int, str | None, str]:
    """Upload a file; give status, Location and text, without following it."""
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="f"\r\n'
    kind = "Content-Type: application/octet-stream\r\n\r\n"
    body = f"--{BOUNDARY}\r\n{disposition}{kind}".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(instance.url).netloc, timeout=60)
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    connection.request("POST", SERVICE, body, headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, reply.headers["Location"], text


def get(instance: Instance, *identifiers: str, method: str = "GET", **headers: str) -> Answer:
    query = urllib.parse.urlencode([("ID", identifier) for identifier in identifiers])
    return instance.get(f"{SERVICE}?{query}", method, **headers)


@pytest.fixture(scope="module")
def complete(instance: Instance, runs: list[str]) -> tuple[str, Answer]:
    """The path of the bundle of all runs, and what is there."""
    status, path, _ = post(instance, "LIST", "\n".join(runs).encode())
    assert status == 303
    assert path
    return path, instance.get(path)


def members(content: bytes) -> dict[str, bytes]:
    """Give the members by their names below the top directory."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as opened:
        found = {}
        for member in opened:
            extracted = opened.extractfile(member)
            assert extracted is not None
            found[member.name.partition("/")[2]] = extracted.read()
        return found


def test_a_bundle_of_all_runs(complete: tuple[str, Answer], runs: list[str], instance: Instance) -> None:
    _, answer = complete
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-tar"
    assert int(answer.headers["Content-Length"]) == len(answer.body)
    found = members(answer.body)
    names = list(found)
    assert names[:4] == ["hdu-index.fits.gz", "obs-index.fits.gz", "README.txt", "TERMS.txt"]
    data = [name for name in names if name.startswith("hess_dr/")]
    assert len(data) == len(runs)
    files = {path.name: path for path in instance.data.rglob("*.fits.gz")}
    for name in data:
        assert found[name] == files[Path(name).name].read_bytes()
    assert ("SIMULATED" in found["README.txt"].decode()) == instance.simulated


def test_a_bundle_is_never_in_the_server_s_memory(complete: tuple[str, Answer], instance: Instance) -> None:
    path, answer = complete
    pids, again = memory.servers(instance.home), []
    grown = memory.growth(pids, lambda: again.append(instance.get(path).body))
    assert again == [answer.body]
    assert grown < MOST_MEMORY


def test_the_head_says_what_the_bundle_is(complete: tuple[str, Answer], instance: Instance) -> None:
    path, answer = complete
    head = instance.get(path, "HEAD")
    assert head.body == b""
    for name in ("Content-Length", "ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition"):
        assert head.headers[name] == answer.headers[name]
    assert instance.get(path, If_None_Match=answer.headers["ETag"]).status == 304


def test_an_interrupted_download_is_resumed(complete: tuple[str, Answer], instance: Instance) -> None:
    path, answer = complete
    size = len(answer.body)
    edges = [0, 1, 511, 513, size // 3, size // 3 + 1, size - 10241, size]
    parts = [
        instance.get(path, Range=f"bytes={start}-{stop - 1}", If_Range=answer.headers["ETag"])
        for start, stop in itertools.pairwise(edges)
    ]
    assert {part.status for part in parts} == {206}
    assert b"".join(part.body for part in parts) == answer.body
    assert instance.get(path, Range=f"bytes={size}-").status == 416
    assert instance.get(path, Range="bytes=0-9", If_Range='"another"').body == answer.body


def test_lists_votables_and_parameters_ask_for_the_same(
    complete: tuple[str, Answer], runs: list[str], instance: Instance
) -> None:
    path, answer = complete
    assert post(instance, "LIST", "\r\n".join([*runs[::-1], runs[0]]).encode())[1] == path
    result = instance.tap("SELECT * FROM hess_dr.obscore", FORMAT="votable").body
    assert post(instance, "TABLE", result)[1] == path
    few = get(instance, *runs[:3]).body
    assert get(instance, *[run.rpartition("/")[2] for run in runs[2::-1]], runs[0]).body == few
    assert hashlib.sha256(few).digest() != hashlib.sha256(answer.body).digest()


def test_a_file_that_goes_during_the_download_breaks_it_off(
    complete: tuple[str, Answer], instance: Instance
) -> None:
    path, answer = complete
    link = next((instance.home / "dachs" / "inputs" / "hess_dr" / "releases").glob("*/files"))
    with prepared_without_last_file(link) as leave_out, slow_download(instance, path) as reply:
        start = reply.read(1000)
        leave_out()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            start += reply.read()
        missing = instance.get(path)
        assert missing.status == 503
        assert "ivo://" in missing.text
        assert str(instance.data) not in missing.text
    assert answer.body.startswith(start)
    assert instance.get(path).body == answer.body


@contextmanager
def slow_download(instance: Instance, path: str) -> Iterator[http.client.HTTPResponse]:
    """Begin a download with so small a buffer that the server cannot be far ahead."""
    place = urllib.parse.urlsplit(instance.url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect((place.hostname, place.port))
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {place.netloc}\r\n\r\n".encode())
        reply = http.client.HTTPResponse(connection)
        reply.begin()
        with reply:
            yield reply


@contextmanager
def prepared_without_last_file(link: Path) -> Iterator[Callable[[], None]]:
    """Give what makes the instance see a release without its last file, until the block ends."""
    real = link.resolve()
    copy = link.with_name("files.without-one")
    files = sorted(path for path in real.rglob("*.fits*") if path.is_file())
    last = max(path for path in files if "index" not in path.name)
    for path in files:
        if path != last:
            place = copy / path.relative_to(real)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path)
    try:
        yield lambda: point(link, copy)
    finally:
        point(link, real)
        shutil.rmtree(copy)


def point(link: Path, target: Path) -> None:
    new = link.with_name("files.new")
    new.symlink_to(target)
    new.replace(link)


def test_what_is_not_public_is_left_out_and_named(
    instance: Instance, runs: list[str], embargoed: str
) -> None:
    answer = get(instance, embargoed, runs[0], "no such run")
    assert answer.status == 200
    assert answer.headers["Vary"] == "Authorization"
    found = members(answer.body)
    text = found["LEFT-OUT.txt"].decode()
    assert embargoed in text
    assert "no such run" in text
    number = embargoed.rpartition("/")[2]
    assert not any(number in name for name in found)


REFUSALS = [
    ("", 400),
    ("?ID=", 400),
    ("?ID=ivo%3A%2F%2Fx", 400),
    ("?ID=nothing", 404),
    (f"?ID={'A' * 3000}", 400),
    ("?ID=%00%0a%3Cscript%3E", 400),
    ("/0123456789abcdef0123456789abcdef.tar", 404),
    ("/..%2f..%2fgavo.rc", 404),
    ("/a/b", 404),
]


@pytest.mark.parametrize(("rest", "status"), REFUSALS)
def test_requests_that_lead_nowhere(instance: Instance, rest: str, status: int) -> None:
    answer = instance.get(SERVICE + rest)
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "Traceback" not in answer.text
    assert len(answer.text) < 500


def test_data_that_are_not_public_need_a_right(instance: Instance, embargoed: str) -> None:
    answer = get(instance, embargoed)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert embargoed in answer.text
    assert post(instance, "TABLE", b"<VOTABLE/>")[0] == 400
