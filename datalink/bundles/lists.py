"""Lists of identifiers that are too long for a URL: kept on disk under a name made of their content."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from ingest.errors import CherenkovVOError

FOLDER = "bundles"
"""Below the directory where DaCHS keeps its state."""

MOST_BYTES = 500_000_000
"""Of all lists together; the ones not used for the longest time go first."""

MOST_LISTS = 20_000

LONGEST_AGE_S = 90 * 86_400
"""A list that was not used for that long, in seconds, goes."""


class UnknownListError(CherenkovVOError):
    """There is no list of a name, or it has gone."""


_NAME = re.compile(r"[0-9a-f]{32}")


def name_of(identifiers: Sequence[str]) -> str:
    """Give the name of a list: another one for other identifiers."""
    return hashlib.sha256("\n".join(identifiers).encode()).hexdigest()[:32]


class Lists:
    """The lists in a directory.

    Parameters
    ----------
    directory
        Where they lie; it is made when the first one is kept.
    most_bytes, most_lists
        Older lists go when there is more than that.
    """

    def __init__(
        self, directory: Path, *, most_bytes: int = MOST_BYTES, most_lists: int = MOST_LISTS
    ) -> None:
        self.directory, self.most_bytes, self.most_lists = directory, most_bytes, most_lists

    def keep(self, identifiers: Sequence[str]) -> str:
        """Keep a list, and give its name; the same identifiers in the same order have the same one.

        Raises
        ------
        OSError
            It cannot be written.
        """
        name = name_of(identifiers)
        path = self._path(name)
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=self.directory, suffix=".partial", delete=False
            ) as partial:
                partial.write("\n".join(identifiers))
            Path(partial.name).replace(path)
        self._touch(path)
        self._tidy()
        return name

    def get(self, name: str) -> tuple[str, ...]:
        """Give the identifiers of a list.

        Raises
        ------
        UnknownListError
            There is none of this name (any more).
        """
        gone = "There is no list of data sets of this name (any more); send the list again."
        if not _NAME.fullmatch(name):
            raise UnknownListError(gone)
        try:
            identifiers = self._path(name).read_text(encoding="utf-8").split("\n")
        except OSError as error:
            raise UnknownListError(gone) from error
        self._touch(self._path(name))
        return tuple(identifiers)

    def _path(self, name: str) -> Path:
        return self.directory / f"{name}.txt"

    def _touch(self, path: Path) -> None:
        """Note that a list is in use; it may have gone in the meantime."""
        try:
            os.utime(path)
        except OSError:
            return

    def _tidy(self) -> None:
        """Remove what is old, and what is too much; and what a crash left."""
        now, room, places = time.time(), self.most_bytes, self.most_lists
        found = [(status, path) for path in self.directory.iterdir() if (status := _status(path))]
        for status, path in sorted(found, key=lambda item: item[0].st_mtime, reverse=True):
            room -= status.st_size
            places -= 1
            unfinished = path.suffix == ".partial"
            oldest = now - (3600 if unfinished else LONGEST_AGE_S)
            if status.st_mtime < oldest or (not unfinished and (room < 0 or places < 0)):
                path.unlink(missing_ok=True)


def _status(path: Path) -> os.stat_result | None:
    """Give size and time of a file; None if another request has just removed it."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None
