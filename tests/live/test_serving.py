"""The proxy and the processes behind it, as clients see them."""

from __future__ import annotations

import contextlib
import re
import select
import socket
import time
import urllib.parse

import pytest

from instance.bringup import Instance as Managed
from instance.fleet import free_memory, numbers
from instance.server import processes
from instance.settings import load
from tests.live.conftest import Instance

ENDLESS = (
    "SELECT COUNT(*) FROM datalink.response AS a, datalink.response AS b, datalink.response AS c,"
    " datalink.response AS d WHERE a.content_length + b.content_length < c.content_length + d.content_length"
)


@pytest.fixture(scope="module")
def path(instance: Instance) -> str:
    """A file that is sent as it lies on disk."""
    rows = instance.rows("SELECT TOP 1 access_url FROM hess_dr.obscore ORDER BY obs_id")
    return rows[0][0].removeprefix(instance.url)


@pytest.mark.parametrize(
    "path",
    [
        "/.internal/inputs/hess_dr/q.rd",
        "/.internal/inputs/hess_dr/releases/sample/release.toml",
        "/.internal/pictures/",
        "/.internal/send/light-1/0",
        "/.worker",
    ],
)
def test_internal_places_are_not_there_for_clients(instance: Instance, path: str) -> None:
    answer = instance.get(path)
    assert answer.status == 404
    assert instance.get(path, X_Accel_Redirect=path).status == 404


def test_a_file_is_validated_by_the_application(instance: Instance, path: str) -> None:
    whole = instance.get(path)
    tag = whole.headers["ETag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert whole.headers["Access-Control-Allow-Origin"] == "*"
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert len(whole.headers.get_all("Content-Type")) == len(whole.headers.get_all("ETag")) == 1
    assert instance.get(path, If_None_Match=tag).status == 304
    assert (
        instance.get(path, If_None_Match='"other"', If_Modified_Since=whole.headers["Last-Modified"]).status
        == 200
    )
    piece = instance.get(path, Range="bytes=5-9", If_Range=tag)
    assert (piece.status, piece.body, piece.headers["ETag"]) == (206, whole.body[5:10], tag)
    changed = instance.get(path, Range="bytes=5-9", If_Range='"other"')
    assert (changed.status, changed.body) == (200, whole.body)
    beyond = instance.get(path, Range=f"bytes={len(whole.body)}-")
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{len(whole.body)}")


def test_all_processes_answer(instance: Instance) -> None:
    managed = Managed(load())
    queries, light = numbers(managed.settings, 1, free_memory())
    found = processes(managed)
    assert len(found) >= queries + light
    assert all(doing.startswith("answers") for doing in found.values())


def test_too_many_queries_get_an_honest_answer(instance: Instance) -> None:
    managed = Managed(load())
    queries = len([name for name in processes(managed) if name.startswith("query")])
    most = queries * managed.settings.tap_running + managed.settings.tap_waiting
    parts = urllib.parse.urlsplit(instance.url)
    target = "/tap/sync?" + urllib.parse.urlencode({"LANG": "ADQL", "QUERY": ENDLESS})
    with contextlib.ExitStack() as stack:
        asking = []
        for _ in range(most + 6):
            connection = stack.enter_context(socket.create_connection((parts.hostname, parts.port)))
            connection.sendall(
                f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode()
            )
            asking.append(connection)
        refused = []
        deadline = time.monotonic() + 30  # those that wait are refused, too, but only after a minute
        while len(refused) < 6 and time.monotonic() < deadline:
            ready, _, _ = select.select([one for one in asking if one not in refused], [], [], 1)
            refused += ready
        running = "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'untrusted' AND state = 'active'"
        while int(instance.cluster.sql(running)[0]) < most - managed.settings.tap_waiting:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        # While they wait, light requests are answered.
        assert instance.get("/tap/availability").status == 200
        assert len(refused) == 6
        texts = [b"".join(iter(lambda one=one: one.recv(65536), b"")).decode() for one in refused[:6]]
    instance.cluster.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'untrusted'")
    for text in texts:
        assert text.startswith("HTTP/1.1 503 ")
        assert re.search(r"(?mi)^Retry-After: \d+\r$", text)
        assert 'name="QUERY_STATUS" value="ERROR"' in text
    # Those that hung up leave the queue: the next query does not wait for theirs.
    while (
        not (rows := instance.rows("SELECT COUNT(*) FROM hess_dr.obscore"))
        and time.monotonic() < deadline + 60
    ):
        time.sleep(0.5)
    assert rows
    assert all("does not answer" not in doing for doing in processes(managed).values())
