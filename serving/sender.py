"""Sending long answers to the proxy past the event loop, with the system's sendfile.

What is sent is promised first: the request that asks for it is answered with an internal place, where the
proxy then gets it, from a socket of our own. Each answer has a thread, which sleeps in the kernel most of
the time.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from pathlib import Path

from ingest.errors import UnreadableFileError
from serving.accel import PREFIX

BUFFER = 1 << 20
"""Bytes that the kernel may hold for the proxy."""

PATIENCE = 600.0
"""Seconds without any progress after which the client is given up."""

PROMISES_KEPT = 60.0
"""Seconds within which the proxy must come; it does at once."""

MOST_OF_HEAD = 1 << 16
"""Bytes of a request's head: the proxy passes on what the client sent, which DaCHS has accepted."""


@dataclass(frozen=True)
class FilePart:
    """Bytes of a file on disk.

    Attributes
    ----------
    path
        Where it lies.
    offset, size
        First byte, and number of bytes.
    """

    path: Path
    offset: int
    size: int


Segments = Generator[bytes | FilePart, None, None]


@dataclass(frozen=True)
class Promise:
    """An answer that is sent when the proxy asks for it.

    Attributes
    ----------
    status
        HTTP status.
    headers
        Names and values; Content-Length must be among them.
    segments
        The body.
    report
        Called with what went wrong when that breaks off.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    segments: Segments
    report: Callable[[Exception], object]

    def head(self) -> bytes:
        """Give the first lines of the answer."""
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}"]
        own = (("Date", formatdate(usegmt=True)), ("Connection", "close"))
        lines += [f"{name}: {value}" for name, value in (*self.headers, *own)]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Sender:
    """Serves promises on a Unix socket.

    Parameters
    ----------
    path
        Of the socket; what an earlier process left there is removed.
    """

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._promises: dict[str, tuple[float, Promise]] = {}
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(128)

    def start(self) -> None:
        """Begin to serve, in a thread that ends with the process."""
        threading.Thread(target=self._accept, name="sender", daemon=True).start()

    def promise(self, promise: Promise) -> str:
        """Note an answer; gives the name under which the proxy gets it, once."""
        name, now = secrets.token_hex(16), time.monotonic()
        with self._lock:
            late = [key for key, (until, _) in self._promises.items() if until < now]
            forgotten = [self._promises.pop(key)[1] for key in late]
            self._promises[name] = (now + PROMISES_KEPT, promise)
        for other in forgotten:
            other.segments.close()
        return name

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            name = _asked(connection)
            with self._lock:
                _, promise = self._promises.pop(name, (0.0, None))
            if promise is None:
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                return
            try:
                connection.sendall(promise.head())
                send(connection, promise.segments)
            except OSError:
                pass  # the client has gone
            except Exception as error:  # whatever it is, the answer is too short, and seen to be
                promise.report(error)
            finally:
                promise.segments.close()


def _asked(connection: socket.socket) -> str:
    """Read the head of a request; give the last part of its path."""
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(MOST_OF_HEAD)
        if not received or len(head) > MOST_OF_HEAD:
            return ""
        head += received
    words = head.split(b"\r\n", 1)[0].split(b" ")
    return words[1].rpartition(b"/")[2].decode("ascii", "replace") if len(words) == 3 else ""


def send(connection: socket.socket, segments: Iterable[bytes | FilePart]) -> None:
    """Send all segments; files go from the page cache to the socket without passing through Python.

    Raises
    ------
    UnreadableFileError
        A file is gone, or shorter than it was.
    OSError
        The other side has gone.
    """
    for segment in segments:
        if isinstance(segment, bytes):
            connection.sendall(segment)
            continue
        try:
            opened = segment.path.open("rb", buffering=0)
        except OSError as error:
            raise UnreadableFileError(segment.path, f"cannot be read ({error.strerror})") from error
        with opened:
            sent = connection.sendfile(opened, segment.offset, segment.size)
        if sent != segment.size:
            raise UnreadableFileError(
                segment.path, f"ends after {segment.offset + sent} bytes, expected {segment.size} more"
            )


_ours: list[tuple[str, Sender]] = []


def begin(worker: Path) -> None:
    """Begin to send for this process.

    Parameters
    ----------
    worker
        The socket on which it takes requests.
    """
    made = Sender(socket_of(worker))
    made.start()
    _ours[:] = [(worker.stem, made)]


def socket_of(worker: Path) -> Path:
    """Give the socket of a worker's sender."""
    return worker.with_name(f"{worker.stem}-send.sock")


def promised(promise: Promise) -> str | None:
    """Give the proxy's internal place of an answer; None in a process that has no proxy before it."""
    for name, ours in _ours:
        return f"{PREFIX}/send/{name}/{ours.promise(promise)}"
    return None


def has_proxy() -> bool:
    """Say whether answers can be promised."""
    return bool(_ours)
