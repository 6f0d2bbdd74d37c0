"""Sending what is made while it is sent, with twisted."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Protocol

from twisted.internet import interfaces, reactor, threads
from twisted.python.failure import Failure
from zope.interface import implementer

from datalink.conditions import Conditions, answer
from serving import promises, sender

Report = Callable[[Failure], None]


class Body(Protocol):
    """What can be sent from any byte on, such as an archive.

    Attributes
    ----------
    size
        In bytes.
    modified
        When it changed last, seconds since 1970.
    etag
        Another one for other bytes.
    """

    @property
    def size(self) -> int: ...  # noqa: D102 - see above
    @property
    def modified(self) -> float: ...  # noqa: D102
    @property
    def etag(self) -> str: ...  # noqa: D102

    def chunks(self, start: int, stop: int) -> Generator[bytes, None, None]:
        """Give the bytes from `start` to `stop` (exclusive)."""

    def segments(self, start: int, stop: int) -> sender.Segments:
        """Give what these are made of: bytes, or where they lie."""


@implementer(interfaces.IPushProducer)
class Stream:
    """Sends chunks to a client as fast as the client takes them, and reads each in a thread.

    At most one chunk is in memory beside what the connection buffers. If reading fails, the connection is
    aborted: the client was promised a number of bytes, and must see that it did not get them.

    Parameters
    ----------
    request
        The request; status and headers are set.
    chunks
        What to send.
    report
        Called with what went wrong if reading fails.
    """

    def __init__(self, request: Any, chunks: Generator[bytes, None, None], report: Report) -> None:
        self.request, self.chunks, self.report = request, chunks, report
        self.paused = self.reading = self.stopped = False

    def start(self) -> None:
        """Begin to send."""
        self.request.notifyFinish().addErrback(lambda _: self.stopProducing())
        self.request.registerProducer(self, True)
        self.resumeProducing()

    def pauseProducing(self) -> None:  # noqa: N802 - twisted's name
        """Wait: the connection's buffer is full."""
        self.paused = True

    def resumeProducing(self) -> None:  # noqa: N802 - twisted's name
        """Go on: the connection has room."""
        self.paused = False
        self._read()

    def stopProducing(self) -> None:  # noqa: N802 - twisted's name
        """Give up: the client has gone."""
        self.stopped = True
        if not self.reading:
            self._close()

    def _read(self) -> None:
        if self.paused or self.reading or self.stopped:
            return
        self.reading = True
        threads.deferToThread(next, self.chunks, None).addCallbacks(self._write, self._fail)

    def _write(self, chunk: bytes | None) -> None:
        self.reading = False
        if self.stopped:
            self._close()
        elif chunk is None:
            self.request.unregisterProducer()
            self.request.finish()
        else:
            self.request.write(chunk)
            self._read()

    def _fail(self, failure: Failure) -> None:
        self.reading = False
        self.report(failure)
        if not self.stopped:
            self.stopped = True
            self.request.channel.transport.abortConnection()

    def _close(self) -> None:
        # Closing the files it has open is quick; a generator that runs in a thread cannot be closed.
        self.chunks.close()


def send(request: Any, body: Body, media_type: str, *, private: bool, report: Report) -> None:
    """Answer a GET or HEAD, with everything or with the part that is asked for.

    Parameters
    ----------
    request
        The request; nothing is sent of it yet.
    body
        What to send.
    media_type
        What it is.
    private
        Whether no cache on the way may keep it.
    report
        Called with what went wrong if reading fails later.
    """
    names = ("range", "if-range", "if-none-match", "if-modified-since")
    conditions = Conditions(*(request.getHeader(name) for name in names))
    how = answer(conditions, body.size, body.etag, body.modified)
    request.setResponseCode(how.status)
    request.setHeader("content-type", media_type)
    request.setHeader("access-control-expose-headers", "Content-Disposition, Content-Range, ETag")
    request.setHeader("cache-control", "private, no-cache" if private else "no-cache")
    for header, value in how.headers:
        request.setHeader(header.lower(), value)
    if request.method == b"HEAD" or how.start == how.stop:
        request.write(b"")
        request.finish()
    elif sender.has_proxy():
        segments = body.segments(how.start, how.stop)
        promises.have_sent(request, how.status, media_type, segments, lambda error: _told(report, error))
    else:
        Stream(request, body.chunks(how.start, how.stop), report).start()


def _told(report: Report, error: Exception) -> None:
    """Report from another thread."""
    reactor.callFromThread(report, Failure(error))  # type: ignore[attr-defined]
