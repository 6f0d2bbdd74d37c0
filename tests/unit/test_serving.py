"""The queue before TAP queries, the sender of long answers, and what the proxy may send."""

import http.client
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest
from twisted.internet import defer
from twisted.internet.task import Clock

from ingest.errors import ConfigError, InstanceError, UnreadableFileError
from instance import fleet, priorities, processes, proxy, settings
from serving import accel, sender, worker
from serving.queue import CHECK_INTERVAL, Queue
from serving.sender import FilePart, Promise, Sender, send


class Asking:
    """Stands for a request in the queue."""

    def __init__(self):
        self.over = defer.Deferred()
        self.events = []

    def notifyFinish(self):
        return self.over

    def enter(self, queue):
        queue.enter(self, lambda: self.events.append("go"), lambda: self.events.append("refused"))
        return self


@pytest.fixture
def clock():
    return Clock()


def test_so_many_run_and_the_others_wait_in_order(clock):
    queue = Queue(2, 60, lambda: 0, clock)
    asking = [Asking().enter(queue) for _ in range(4)]
    assert [one.events for one in asking] == [["go"], ["go"], [], []]
    asking[1].over.callback(None)
    assert [one.events for one in asking] == [["go"], ["go"], ["go"], []]
    assert (len(queue.running), len(queue.waiting)) == (2, 1)


def test_when_too_many_wait_others_are_refused_at_once(clock):
    queue = Queue(1, 60, lambda: 0, clock, most=2)
    asking = [Asking().enter(queue) for _ in range(5)]
    assert [each.events for each in asking] == [["go"], [], [], ["refused"], ["refused"]]


def test_who_hangs_up_leaves_the_queue(clock):
    queue = Queue(1, 60, lambda: 0, clock)
    asking = [Asking().enter(queue) for _ in range(3)]
    asking[1].over.errback(ConnectionError())
    asking[0].over.callback(None)
    assert [one.events for one in asking] == [["go"], [], ["go"]]
    clock.advance(61)
    assert asking[1].events == []


def test_who_waits_too_long_is_refused(clock):
    queue = Queue(1, 60, lambda: 0, clock)
    first, second = (Asking().enter(queue) for _ in range(2))
    clock.advance(61)
    assert (first.events, second.events) == (["go"], ["refused"])
    assert not queue.waiting
    first.over.callback(None)
    assert second.events == ["refused"]


def test_queries_whose_clients_have_gone_still_count(clock):
    working = [1]
    queue = Queue(1, 60, lambda: working[0], clock)
    asking = Asking().enter(queue)
    clock.advance(CHECK_INTERVAL)
    assert asking.events == []
    working[0] = 0
    clock.advance(CHECK_INTERVAL)
    assert asking.events == ["go"]


def test_files_are_sent_by_parts(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, [b"<", FilePart(tmp_path / "a", 2, 3), b">"])
        assert theirs.recv(100) == b"<234>"


@pytest.mark.parametrize(("name", "why"), [("a", "ends after 10 bytes"), ("none", "No such file")])
def test_files_that_are_short_or_gone_are_told(tmp_path, name, why):
    (tmp_path / "a").write_bytes(b"0123456789")
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(UnreadableFileError, match=why):
        send(ours, [FilePart(tmp_path / name, 8, 3)])


class ByUnixSocket(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def asked(path, url):
    connection = ByUnixSocket(path)
    connection.request("GET", url)
    reply = connection.getresponse()
    try:
        return reply.status, dict(reply.getheaders()), reply.read()
    finally:
        connection.close()


@pytest.fixture
def sending(tmp_path):
    made = Sender(tmp_path / "s.sock")
    made.start()
    return made, tmp_path / "s.sock"


def test_a_promise_is_kept_once(sending):
    made, path = sending
    errors = []
    promise = Promise(
        206, (("Content-Length", "3"), ("ETag", '"x"')), (part for part in (b"a", b"bc")), errors.append
    )
    name = made.promise(promise)
    status, headers, body = asked(path, f"/{name}")
    assert (status, body, headers["ETag"]) == (206, b"abc", '"x"')
    assert asked(path, f"/{name}")[0] == 404
    assert asked(path, "/nonsense")[0] == 404
    assert errors == []


def test_an_answer_that_breaks_off_is_too_short_and_reported(sending):
    made, path = sending
    errors = []

    def segments():
        yield b"a"
        raise ValueError("broken")

    name = made.promise(Promise(200, (("Content-Length", "3"),), segments(), errors.append))
    with pytest.raises(http.client.IncompleteRead):
        asked(path, f"/{name}")
    assert [str(error) for error in errors] == ["broken"]


def test_without_a_proxy_nothing_is_promised():
    assert not sender.has_proxy()
    assert sender.promised(Promise(200, (), (part for part in ()), print)) is None


def test_places_are_those_of_known_directories_only():
    known = {"inputs": Path("/a/inputs")}
    assert accel.place_of(Path("/a/inputs/c/50% x.gz"), known) == "/.internal/inputs/c/50%25%20x.gz"
    assert accel.place_of(Path("/a/other/x"), known) is None
    assert accel.place_of(Path("/a/inputs/../other"), known) is None
    assert accel.place_of(Path("/a/inputs/x"), {}) is None
    assert accel.roots({accel.ROOTS_VARIABLE: "a=/x:b=/y"}) == {"a": Path("/x"), "b": Path("/y")}
    assert accel.roots({}) == {}


@pytest.mark.parametrize(
    ("arguments", "files", "primary"),
    [
        ({"QUERY": ["SELECT 1"]}, {}, False),
        ({"query": ["SELECT * INTO tap_user.x FROM y"]}, {}, True),
        ({"Upload": ["t,http://x.example"]}, {}, True),
        ({"QUERY": ["SELECT pinto FROM y"]}, {"t": object()}, True),
        ({"QUERY": ["SELECT pinto FROM y"]}, {}, False),
    ],
)
def test_what_writes_goes_to_the_primary_database(arguments, files, primary):
    request = SimpleNamespace(args={name.encode(): [] for name in arguments}, strargs=arguments, files=files)
    assert worker.needs_primary(request) is primary


def test_workers_follow_the_machine_unless_told():
    chosen = settings.Settings()
    memory = 16_000_000_000
    assert fleet.numbers(chosen, 2, memory) == (1, 1)
    assert fleet.numbers(chosen, 8, memory) == (4, 4)
    assert fleet.numbers(chosen, 64, memory) == (8, 8)
    assert fleet.numbers(chosen, 64, 1_000_000_000) == (1, 1)
    assert fleet.numbers(settings.Settings(workers=3), 2, memory) == (3, 3)
    assert fleet.numbers(settings.Settings(workers=3, light_workers=1), 2, memory) == (3, 1)


def test_sockets_have_short_paths(tmp_path):
    assert processes.run_directory(Path("/a")) == Path("/a/run")
    deep = tmp_path / ("x" * 100)
    place = processes.run_directory(deep)
    assert len(str(place / processes.LONGEST_NAME)) <= processes.LONGEST_SOCKET
    assert place != processes.run_directory(tmp_path / ("y" * 100))


@pytest.mark.parametrize("name", ['a"b', "a$b", "a\\b"])
def test_directories_that_nginx_cannot_have_are_refused(name):
    upstreams = [
        proxy.Upstream(kind, (Path("/r") / f"{kind}-1.sock",)) for kind in (proxy.LIGHT, proxy.QUERY)
    ]
    with pytest.raises(InstanceError, match="nginx"):
        proxy.configuration(
            settings.Settings(), Path("/r"), upstreams, {"inputs": Path("/") / name}, 5, Path("/l")
        )


def test_replicas_are_host_and_port():
    assert settings.replica_addresses("a.example:5432 [::1]:1") == [("a.example", 5432), ("::1", 1)]
    assert settings.replica_addresses("") == []
    for text in ("a.example", "a:b", "a:1,b:2"):
        with pytest.raises(ConfigError, match="replicas"):
            settings.Settings(replicas=text)


@pytest.mark.parametrize(
    ("title", "role", "leader"),
    [
        ("postgres: untrusted gavo 127.0.0.1(43798) SELECT", "untrusted", None),
        ("postgres: parallel worker for PID 12 ", None, "12"),
        ("postgres: cluster: untrusted gavo [local] idle", "untrusted", None),
        ("postgres: gavo gavo 127.0.0.1(1) idle", "gavo", None),
    ],
)
def test_titles_of_postgresql(title, role, leader):
    found = priorities._TITLE.match(title)
    assert found
    assert (found["role"], found["leader"]) == (role, leader)
