"""Putting a complete release in its place: all of it or nothing, and nothing that is not ours is replaced."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from ingest.errors import ConfigError

STAMP_NAME = ".simulated-release"
"""File with the stamp; written last, so that a release with it is complete."""


def place(directory: Path, stamp: str, names: Iterable[str], write: Callable[[Path], None]) -> bool:
    """Write a release, or find that it is there already.

    The release is written to a temporary directory beside the one asked for and renamed
    when it is complete. A release with another stamp is replaced.

    Parameters
    ----------
    directory
        Where it goes: missing (parents are made), empty, or with an earlier simulated release.
    stamp
        One line; releases with the same stamp have the same content.
    names
        Its files, relative to the directory.
    write
        Writes them into the empty directory given.

    Returns
    -------
    bool
        Whether anything was written.

    Raises
    ------
    ingest.errors.ConfigError
        The directory is not a directory, or holds something other than a simulated release.
    OSError
        A file cannot be written.
    """
    if _is_complete(directory, stamp, names):
        return False
    _check_replaceable(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        new = work / "new"
        new.mkdir()
        write(new)
        (new / STAMP_NAME).write_text(stamp + "\n", encoding="ascii")
        _swap(directory, new, work / "old")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return True


def _is_complete(directory: Path, stamp: str, names: Iterable[str]) -> bool:
    path = directory / STAMP_NAME
    if not path.is_file() or path.read_text(encoding="utf-8", errors="replace").strip() != stamp:
        return False
    return all((directory / name).is_file() for name in names)


def _check_replaceable(directory: Path) -> None:
    """Refuse to replace anything that is not a simulated release."""
    if directory.exists() and not directory.is_dir():
        raise ConfigError(f"{directory}: is not a directory; expected one for the simulated release")
    if directory.is_dir() and any(directory.iterdir()) and not (directory / STAMP_NAME).is_file():
        raise ConfigError(
            f"{directory}: holds files that are not a simulated release; expected a new or empty directory"
        )


def _swap(directory: Path, new: Path, old: Path) -> None:
    """Put the new release in place of what is there; both renames are within one file system."""
    if directory.exists():
        directory.rename(old)
    try:
        new.rename(directory)
    except OSError:
        if old.exists() and not directory.exists():
            old.rename(directory)
        raise
