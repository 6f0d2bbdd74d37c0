"""Pictures on disk: drawn once, in a process of their own, and the oldest removed when there are too many."""

from __future__ import annotations

import fcntl
import hashlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from datalink.previews.painter import Painter, PainterLostError
from datalink.previews.subject import VERSION, Subject
from datalink.previews.worker import Job
from ingest.errors import PreviewError

LIMIT_BYTES = 2 * 10**9
"""Some 20,000 pictures of both sizes."""
TIMEOUT_SECONDS = 60.0
"""A picture takes less than a second, one of ten million events some seconds."""
FAILED_SECONDS = 600.0
"""How long a picture that ended or hung its process is not tried again."""
_MOST_FAILURES = 256
_LOCKS = 64
_SCAN_PARTS = 50

MakeContent = Callable[[], bytes | Iterable[bytes]]


@dataclass(frozen=True)
class Key:
    """What a picture is kept under.

    Attributes
    ----------
    digest
        SHA-256 in hex; it does as an ETag of the picture, too.
    """

    digest: str

    @classmethod
    def of(cls, etag: str, kind: str, size: str, subject: Subject) -> Key:
        """Make the key of a picture.

        Parameters
        ----------
        etag
            Strong validator of the FITS file.
        kind, size, subject
            As `datalink.previews.draw` takes them.
        """
        parts = (str(VERSION), etag, kind, size, repr(subject))
        return cls(hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest())


class Previews:
    """The pictures of a server.

    Its methods may be called from any thread, and several servers may share a directory.

    Parameters
    ----------
    directory
        Where pictures are kept; made if it is missing. It is an attribute, too.
    limit_bytes
        How much they may take together; a fiftieth more for each server that shares the directory, for a
        short time.
    timeout_seconds
        How long drawing one picture may take.
    painter
        What draws; for tests.

    Raises
    ------
    OSError
        The directory cannot be made.
    """

    def __init__(
        self,
        directory: Path,
        *,
        limit_bytes: int = LIMIT_BYTES,
        timeout_seconds: float = TIMEOUT_SECONDS,
        painter: Painter | None = None,
    ) -> None:
        self.directory = directory
        self._limit = limit_bytes
        self._timeout = timeout_seconds
        for name in ("pictures", "parts", "locks"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        self._painter = painter or Painter(directory, timeout_seconds)
        self._guard = threading.Lock()
        self._wanted: dict[Key, Future[Path]] = {}
        self._failures: dict[Key, tuple[float, str]] = {}
        self._jobs: queue.SimpleQueue[tuple[Key, Callable[[], Path]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._unseen = limit_bytes  # bytes written since the directory was last looked through

    def cached(self, key: Key) -> Path | None:
        """Give the file of a picture if it is there, and count that as a use."""
        path = self._path(key)
        try:
            # Its access time only, which many file systems do not keep: the other one is when it was drawn.
            os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))
        except OSError:
            return None
        return path

    def size(self, key: Key) -> int | None:
        """Give the number of bytes of a picture if it is there; that does not count as a use."""
        try:
            return self._path(key).stat().st_size
        except OSError:
            return None

    def get(self, key: Key, kind: str, make_content: MakeContent, subject: Subject, size: str) -> Path:
        """Give the file of a picture; draw it if it is not there, and wait for that.

        Requests for the same picture wait for the same drawing, those for others take turns.

        Parameters
        ----------
        key
            See `Key.of`.
        kind, subject, size
            As `datalink.previews.draw` takes them.
        make_content
            Gives the FITS file, whole or in pieces; called in another thread, only if it is needed, and only
            for one picture at a time.

        Raises
        ------
        ingest.errors.CherenkovVOError
            What ``make_content`` or the drawing raised; PreviewError if the drawing process died or hung,
            or pictures cannot be written.
        """
        with self._guard:
            waiting = self._wanted.get(key)
            if waiting is None:
                found = self.cached(key)
                if found is not None:
                    return found
                self._refuse_failed(key)
                waiting = self._wanted[key] = Future()
                self._jobs.put((key, lambda: self._made(key, kind, make_content, subject, size)))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="previews", daemon=True)
                    self._thread.start()
        return waiting.result()

    def close(self) -> None:
        """End the thread and the process, after the pictures that are waited for."""
        with self._guard:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._jobs.put(None)
        if thread is not None:
            thread.join()

    def _path(self, key: Key) -> Path:
        return self.directory / "pictures" / key.digest[:2] / f"{key.digest}.png"

    def _work(self) -> None:
        """Take jobs one after the other; this thread lives as long as the drawing process may."""
        while (job := self._jobs.get()) is not None:
            key, make = job
            path: Path | None = None
            error: BaseException | None = None
            try:
                path = make()
            except OSError as problem:
                error = PreviewError(f"pictures cannot be kept in {self.directory} ({problem})")
            except BaseException as problem:  # it belongs to those who wait
                error = problem
            with self._guard:
                waiting = self._wanted.pop(key)
            if path is not None:
                waiting.set_result(path)
            else:
                waiting.set_exception(error or PreviewError("no picture"))
        self._painter.stop()

    def _made(self, key: Key, kind: str, make_content: MakeContent, subject: Subject, size: str) -> Path:
        with self._only_server(key):
            found = self.cached(key)
            if found is not None:
                return found
            part = self.directory / "parts" / f"{key.digest}-{os.getpid()}"
            source, target = part.with_suffix(".fits"), part.with_suffix(".png")
            try:
                _spool(make_content(), source)
                try:
                    self._painter.draw(Job(kind, subject, size, source, target))
                except PainterLostError as error:
                    self._remember_failed(key, str(error))
                    raise
                written = target.stat().st_size
                path = self._path(key)
                path.parent.mkdir(exist_ok=True)
                target.replace(path)
            finally:
                source.unlink(missing_ok=True)
                target.unlink(missing_ok=True)
        self._make_room(written, path)
        return path

    @contextmanager
    def _only_server(self, key: Key) -> Iterator[None]:
        """Keep other servers from drawing the same picture; the kernel frees the lock of one that dies."""
        name = f"{int(key.digest[:8], 16) % _LOCKS:02d}"
        with (self.directory / "locks" / name).open("w") as lock:
            end = time.monotonic() + 2.0 * self._timeout
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        raise PreviewError("another server draws this picture, without an end") from None
                    time.sleep(0.05)
            yield

    def _refuse_failed(self, key: Key) -> None:
        failed = self._failures.get(key)
        if failed is not None and time.monotonic() - failed[0] < FAILED_SECONDS:
            raise PreviewError(failed[1])

    def _remember_failed(self, key: Key, problem: str) -> None:
        with self._guard:
            self._failures.pop(key, None)
            self._failures[key] = (time.monotonic(), problem)
            while len(self._failures) > _MOST_FAILURES:
                del self._failures[next(iter(self._failures))]

    def _make_room(self, written: int, newest: Path) -> None:
        """Remove the pictures that were not used for longest, if there are too many.

        Looking through all of them takes a while, so this is done when a fiftieth of the limit was written.
        """
        self._unseen += written
        if self._unseen * _SCAN_PARTS < self._limit:
            return
        self._unseen = 0
        files = []
        for path in self.directory.glob("pictures/*/*.png"):
            try:
                status = path.stat()
            except FileNotFoundError:  # another server removed it
                continue
            files.append((status.st_atime_ns, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= self._limit:
                break
            if path != newest:
                path.unlink(missing_ok=True)
                total -= size
        self._sweep()

    def _sweep(self) -> None:
        """Remove what servers left behind that were killed while they drew."""
        for path in self.directory.glob("parts/*"):
            try:
                if not _writer_lives(path):
                    path.unlink()
            except FileNotFoundError:
                continue


def _writer_lives(part: Path) -> bool:
    """Say whether the process in the name of an unfinished file exists; its age depends on a clock."""
    return Path("/proc", part.stem.rpartition("-")[2]).exists()


def _spool(content: bytes | Iterable[bytes], path: Path) -> None:
    with path.open("wb") as file:
        for piece in (content,) if isinstance(content, bytes) else content:
            file.write(piece)
