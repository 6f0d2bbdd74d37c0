"""Tar archives that are made while they are read, from any byte on.

The layout (where each member lies, and how long the whole is) follows from names and sizes alone, so it
is known before anything is read. Archives are POSIX ustar; a member that does not fit into that, by its
name or its size, has a PAX header before its own.
"""

from __future__ import annotations

import hashlib
import tarfile
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from ingest.errors import CherenkovVOError
from serving.sender import FilePart, Segments

BLOCK = tarfile.BLOCKSIZE
RECORD = tarfile.RECORDSIZE
"""Archives end with two blocks of zeros and are filled up to whole records: POSIX.1-2017, pax."""

CHUNK = 1 << 18
"""Most bytes that are handed out at a time."""

MODE = 0o644

Chunks = Callable[[int, int], Iterable[bytes]]
"""Gives the bytes from start to stop (exclusive)."""


Part_co = TypeVar("Part_co", covariant=True)


class Content(Protocol[Part_co]):
    """Gives the contents of a member from one byte to another (exclusive)."""

    def __call__(self, member: Member, start: int, stop: int) -> Iterator[bytes | Part_co]:
        """Yield them."""


class MemberError(CherenkovVOError):
    """A member does not have the bytes that its size promised."""


@dataclass(frozen=True)
class Member:
    """One file of an archive.

    Attributes
    ----------
    name
        Path within the archive, without a slash at its start.
    size
        In bytes.
    modified
        When it was changed last, seconds since 1970; fractions are left out.
    etag
        Another one for other bytes.
    chunks
        Gives its bytes, or a part of them.
    file
        Gives the local file that has just these bytes; None without such a file.
    """

    name: str
    size: int
    modified: float
    etag: str
    chunks: Chunks = field(repr=False, compare=False)
    file: Callable[[], Path] | None = field(default=None, repr=False, compare=False)

    @staticmethod
    def of_bytes(name: str, content: bytes, modified: float) -> Member:
        """Make a member of what is in memory."""

        def chunks(start: int, stop: int) -> Iterator[bytes]:
            yield content[start:stop]

        return Member(name, len(content), modified, hashlib.sha256(content).hexdigest(), chunks)


def header(member: Member) -> bytes:
    """Give the header block of a member, with a PAX header before it if it needs one.

    Owner and group are 0 and without a name, so that only what the member says goes in.
    """
    info = tarfile.TarInfo(member.name)
    info.size, info.mtime, info.mode = member.size, int(member.modified), MODE
    if member.name.isascii():
        try:
            return info.tobuf(tarfile.USTAR_FORMAT)
        except ValueError:  # name or size too long
            pass
    return info.tobuf(tarfile.PAX_FORMAT)


class Archive:
    """A tar archive with a known layout.

    Parameters
    ----------
    members
        What is in it, in this order.

    Attributes
    ----------
    size
        In bytes.
    etag
        Another one for other bytes; hexadecimal digits.
    modified
        That of the newest member; 0 without any.

    Raises
    ------
    ValueError
        Two members have the same name, or a name could lead out of where an archive is unpacked.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = tuple(members)
        self._starts: list[int] = []
        digest, names, end = hashlib.sha256(), set(), 0
        for member in self.members:
            _check(member.name)
            if member.name in names:
                raise ValueError(f"two members are called {member.name}")
            names.add(member.name)
            self._starts.append(end)
            end += len(header(member)) + _whole_blocks(member.size)
            digest.update(f"{member.name}\0{member.size}\0{int(member.modified)}\0{member.etag}\n".encode())
        self._end = end
        self.size = _round_up(end + 2 * BLOCK, RECORD)
        self.etag = digest.hexdigest()[:32]
        self.modified = max((member.modified for member in self.members), default=0.0)

    def chunks(self, start: int = 0, stop: int | None = None) -> Generator[bytes, None, None]:
        """Yield the archive's bytes, or a part of them; members outside of it are not touched.

        Parameters
        ----------
        start, stop
            First byte, and the one after the last; without the latter, up to the end.

        Yields
        ------
        bytes
            At most `CHUNK` at a time, never none.

        Raises
        ------
        ValueError
            There are no such bytes.
        MemberError
            A member has fewer or more bytes than its size promised. What was yielded before is right.
        """
        for segment in self._segments(start, stop, _read):
            yield from _split(segment)

    def segments(self, start: int = 0, stop: int | None = None) -> Segments:
        """Yield what the archive's bytes, or a part of them, are made of.

        Parameters
        ----------
        start, stop
            As for `chunks`.

        Yields
        ------
        bytes or FilePart
            Of contents that lie in a file, only where they lie.

        Raises
        ------
        ValueError, MemberError
            As `chunks`.
        """
        yield from self._segments(start, stop, _parts)

    def _segments(self, start: int, stop: int | None, content: Content[Part_co]) -> Iterator[bytes | Part_co]:
        stop = self.size if stop is None else stop
        if not 0 <= start <= stop <= self.size:
            raise ValueError(f"bytes {start} to {stop} of an archive of {self.size}")
        first = max(bisect_right(self._starts, start) - 1, 0)
        for number in range(first, len(self.members)):
            base = self._starts[number]
            if base >= stop:
                return
            yield from _member(self.members[number], start - base, stop - base, content)
        yield from _zeros(max(self._end, start), stop)


def _member(member: Member, start: int, stop: int, content: Content[Part_co]) -> Iterator[bytes | Part_co]:
    """Yield header, content and padding between two offsets from the header's start."""
    head = header(member)
    beginning = head[max(start, 0) : max(stop, 0)]
    if beginning:
        yield beginning
    begin, end = (min(max(edge - len(head), 0), member.size) for edge in (start, stop))
    if begin < end:
        yield from content(member, begin, end)
    filled = len(head) + member.size
    yield from _zeros(max(filled, start), min(len(head) + _whole_blocks(member.size), stop))


def _parts(member: Member, start: int, stop: int) -> Iterator[bytes | FilePart]:
    """Yield a part of a member: where it lies if it is a file, else its bytes.

    Raises
    ------
    MemberError
        As `Archive.chunks`.
    """
    if member.file is None:
        yield from _read(member, start, stop)
        return
    yield FilePart(member.file(), start, stop - start)


def _read(member: Member, start: int, stop: int) -> Iterator[bytes]:
    left = stop - start
    for chunk in member.chunks(start, stop):
        if len(chunk) > left:
            raise MemberError(f"{member.name}: more than the {member.size} bytes that were announced")
        left -= len(chunk)
        yield chunk
    if left:
        raise MemberError(f"{member.name}: ended {left} bytes early, expected {member.size} in all")


def _split(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]


def _zeros(start: int, stop: int) -> Iterator[bytes]:
    if start < stop:
        yield bytes(stop - start)


def _whole_blocks(size: int) -> int:
    return _round_up(size, BLOCK)


def _round_up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _check(name: str) -> None:
    if not name or "\0" in name or name.startswith("/") or {"", ".", ".."} & set(name.split("/")):
        raise ValueError(f"{name!r} is no name for a member of an archive")
