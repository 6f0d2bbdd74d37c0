"""Sending what is made while it is sent."""

import pytest
from twisted.internet import defer
from twisted.python.failure import Failure

from datalink import streaming
from datalink.bundles.archive import Archive, Member
from datalink.streaming import Stream


class Request:
    """Stands for a twisted request; pauses the producer after each write if it is told to."""

    def __init__(self, slow=False):
        self.slow, self.sent, self.events = slow, [], []
        self.channel = self.transport = self
        self.gone = defer.Deferred()
        self.producer = None

        self.method, self.code, self.asked, self.headers = b"GET", None, {}, {}

    def getHeader(self, name):
        return self.asked.get(name)

    def setResponseCode(self, code):
        self.code = code

    def setHeader(self, name, value):
        self.headers[name] = value

    def notifyFinish(self):
        return self.gone

    def registerProducer(self, producer, streaming):
        assert streaming
        self.producer = producer

    def unregisterProducer(self):
        self.producer = None

    def write(self, chunk):
        self.sent.append(chunk)
        if self.slow:
            self.producer.pauseProducing()

    def finish(self):
        self.events.append("finish")

    def abortConnection(self):
        self.events.append("abort")


@pytest.fixture
def threads(monkeypatch):
    """Collect what would run in threads; each is run when the test wants it."""
    waiting = []

    def later(function, *arguments):
        result = defer.Deferred()
        waiting.append((result, function, arguments))
        return result

    monkeypatch.setattr(streaming.threads, "deferToThread", later)
    return waiting


def run(threads):
    result, function, arguments = threads.pop(0)
    try:
        found = function(*arguments)
    except Exception:
        found = Failure()
    result.callback(found)


def run_all(threads):
    while threads:
        run(threads)


class Source:
    """Three chunks, one of them broken if wanted; notes that it was closed."""

    def __init__(self, broken=False):
        self.closed, self.made, self.broken = False, 0, broken

    def chunks(self):
        try:
            for number in range(3):
                if self.broken and number == 1:
                    raise OSError("gone")
                self.made += 1
                yield b"%d" % number
        finally:
            self.closed = True


def start(request, source, reports=None):
    stream = Stream(request, source.chunks(), (reports if reports is not None else []).append)
    stream.start()
    return stream


def test_everything_is_sent_in_order(threads):
    request, source = Request(), Source()
    start(request, source)
    run_all(threads)
    assert request.sent == [b"0", b"1", b"2"]
    assert request.events == ["finish"]
    assert request.producer is None
    assert source.closed


def test_one_chunk_is_read_at_a_time(threads):
    request = Request()
    stream = start(request, Source())
    stream.resumeProducing()
    assert len(threads) == 1


def test_a_slow_client_gets_no_more_than_it_takes(threads):
    request, source = Request(slow=True), Source()
    stream = start(request, source)
    run_all(threads)
    assert source.made == 1
    for number in (2, 3):
        stream.resumeProducing()
        run_all(threads)
        assert source.made == number
    stream.resumeProducing()
    run_all(threads)
    assert request.events == ["finish"]


def test_an_error_aborts_the_connection_and_is_reported(threads):
    request, source, reports = Request(), Source(broken=True), []
    start(request, source, reports)
    run_all(threads)
    assert request.sent == [b"0"]
    assert request.events == ["abort"]
    assert [str(report.value) for report in reports] == ["gone"]
    assert threads == []


def test_reading_ends_when_the_client_leaves(threads):
    request, source = Request(slow=True), Source()
    start(request, source)
    run_all(threads)
    request.gone.errback(Failure(ConnectionError()))
    assert source.closed
    assert request.events == []


def test_a_client_that_leaves_while_a_chunk_is_read_gets_nothing_more(threads):
    request, source = Request(), Source()
    start(request, source)
    request.gone.errback(Failure(ConnectionError()))
    assert not source.closed  # a thread is at it
    run_all(threads)
    assert source.closed
    assert request.sent == []
    assert request.events == []


def test_an_error_after_the_client_left_aborts_nothing(threads):
    request, source, reports = Request(slow=True), Source(broken=True), []
    stream = start(request, source, reports)
    run_all(threads)
    stream.resumeProducing()
    stream.stopProducing()
    run_all(threads)
    assert request.events == []
    assert len(reports) == 1


def archive():
    return Archive([Member.of_bytes("m", bytes(range(100)), 1e9)])


def send(threads, method=b"GET", private=False, **asked):
    request = Request()
    request.method, request.asked = method, {name.replace("_", "-"): value for name, value in asked.items()}
    streaming.send(request, archive(), "application/x-tar", private=private, report=lambda failure: None)
    run_all(threads)
    assert request.events == ["finish"]
    return request


def test_an_archive_is_sent_with_all_that_is_known_of_it(threads):
    request, whole = send(threads), archive()
    assert request.code == 200
    assert b"".join(request.sent) == b"".join(whole.chunks())
    assert request.headers["content-length"] == str(whole.size)
    assert request.headers["content-type"] == "application/x-tar"
    assert request.headers["etag"] == f'"{whole.etag}"'
    assert request.headers["cache-control"] == "no-cache"
    assert send(threads, private=True).headers["cache-control"] == "private, no-cache"


def test_a_part_of_an_archive_is_sent(threads):
    request = send(threads, range="bytes=512-611")
    assert request.code == 206
    assert b"".join(request.sent) == bytes(range(100))


@pytest.mark.parametrize(
    ("method", "asked", "code"),
    [
        (b"HEAD", {}, 200),
        (b"HEAD", {"range": "bytes=0-9"}, 206),
        (b"GET", {"if_none_match": f'"{archive().etag}"'}, 304),
        (b"GET", {"range": "bytes=999999-"}, 416),
    ],
)
def test_nothing_is_read_where_nothing_is_to_be_sent(threads, method, asked, code):
    request = send(threads, method, **asked)
    assert request.code == code
    assert b"".join(request.sent) == b""
