"""What there is to read, and whether it changed: names, sizes and versions of files; nothing is opened."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ingest import storage
from ingest.errors import UnreadableFileError
from ingest.release import Release

MISSING = storage.NO_FILE
"""Size of a file that is not there."""

INDEX_NAMES = ("hdu-index.fits.gz", "hdu-index.fits", "obs-index.fits.gz", "obs-index.fits")
_BLOCK = 1 << 24


class FileState(NamedTuple):
    """One file as a ledger notes it.

    Attributes
    ----------
    name
        Path below the release's directory.
    size
        In bytes, `MISSING` if the file is not there.
    version
        Changes with the file: the time of its last change in ns, or an object store's ETag.
    response
        Whether it is read for responses only, which observations may share.
    checksum
        SHA-256 of its bytes; None if nobody asked.
    """

    name: str
    size: int
    version: str
    response: bool = False
    checksum: str | None = None

    @property
    def there(self) -> bool:
        """Whether there is such a file."""
        return self.size != MISSING


class Files:
    """The files of a release; each is looked at once.

    Parameters
    ----------
    root
        The release's directory.
    checksum
        Read all files, too, for their checksums.
    """

    def __init__(self, root: Path, *, checksum: bool = False) -> None:
        self.root, self.checksum = root, checksum
        self._base = len(os.fspath(root)) + 1
        self._known: dict[str, tuple[int, str]] = {}
        self._sums: dict[str, str | None] = {}
        self._remote, self._listed = storage.store_of(root) is not None, False

    def listed(self, pattern: str) -> list[str]:
        """Give the names of the files that match a pattern, in order."""
        names = []
        for entry in storage.listing(self.root, pattern):
            name = os.fspath(entry.path)[self._base :]
            self._known[name] = entry.size, entry.version
            names.append(name)
        return names

    def state(self, name: str, *, response: bool = False) -> FileState:
        """Give the state of a file."""
        size, version = self._look(name)
        return FileState(name, size, version, response, self._sum(name) if self.checksum else None)

    def of_index(self, index: str) -> str:
        """Give the states of index tables, as text."""
        return written(self.state(os.path.normpath(f"{index}/{name}")) for name in INDEX_NAMES)

    def _look(self, name: str) -> tuple[int, str]:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._status(name)
        return found

    def _status(self, name: str) -> tuple[int, str]:
        if not self._remote:
            return _local_status(f"{self.root}/{name}")
        if not self._listed:  # one request tells of a thousand files
            self._listed = True
            self.listed("**/*")
            if name in self._known:
                return self._known[name]
        return MISSING, ""

    def _sum(self, name: str) -> str | None:
        if name not in self._sums:
            self._sums[name] = checksum_of(self.root / name) if self._look(name)[0] != MISSING else None
        return self._sums[name]


def _local_status(path: str) -> tuple[int, str]:
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path for each of a million files takes longer than the call
    except (OSError, ValueError):
        return MISSING, ""
    is_file = found.st_mode & 0o170000 == 0o100000
    return (found.st_size, str(found.st_mtime_ns)) if is_file else (MISSING, "")


def checksum_of(path: Path) -> str | None:
    """Give the SHA-256 of a file; None if it cannot be read."""
    digest = hashlib.sha256()
    try:
        size = storage.status(path).size
        for start in range(0, size, _BLOCK):
            digest.update(storage.read_range(path, start, min(start + _BLOCK, size)))
    except UnreadableFileError:
        return None
    return digest.hexdigest()


def written(states: Iterable[FileState]) -> str:
    """Write states as text for a ledger."""
    return json.dumps([list(state) for state in states], separators=(",", ":"), ensure_ascii=False)


def read(text: str) -> list[FileState]:
    """Read what `written` wrote."""
    return [FileState(*state) for state in json.loads(text)]


def same(before: str, now: str, *, checksum: bool = False) -> bool:
    """Tell whether files are what they were.

    Parameters
    ----------
    before, now
        Their states as text.
    checksum
        Files that are as long as they were and have the same checksum count as unchanged, whatever
        their times say; those without a known checksum are judged by size and time.
    """
    if before == now:
        return True
    old, new = read(before), read(now)
    if len(old) != len(new):
        return False
    return all(_alike(one, other, checksum=checksum) for one, other in zip(old, new, strict=True))


def _alike(old: FileState, new: FileState, *, checksum: bool) -> bool:
    if (old.name, old.size, old.response) != (new.name, new.size, new.response):
        return False
    if checksum and old.checksum is not None and new.checksum is not None:
        return old.checksum == new.checksum
    return old.version == new.version


def vanished(before: str, now: Iterable[FileState]) -> bool:
    """Tell whether a file that was there is there no more."""
    there = {state.name for state in now if state.there}
    return any(state.there and state.name not in there for state in read(before))


def short_digest(*texts: str) -> str:
    """Give a digest of texts, short enough for every row of a ledger."""
    digest = hashlib.blake2b(digest_size=12)
    for text in texts:
        digest.update(text.encode("utf-8", "surrogateescape"))
        digest.update(b"\0")
    return digest.hexdigest()


def names_of(files: Files, config: Release) -> list[str]:
    """Give the files of a release without index tables that may hold an observation."""
    return files.listed(config.files)
