"""The file that a backup is: a tar archive whose last members say what all others must be.

Only its owner can read it, because it holds passwords. It has its name only once it is complete.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from ingest.errors import InstanceError
from instance.exits import EXIT_DATA, EXIT_DISK

FORMAT = 1
"""Of the archive; a reader refuses what it does not know."""

MANIFEST = "manifest.json"
MANIFEST_SUM = "manifest.sha256"
PIECE = 1 << 20
SECRET = 0o600


class DamagedBackupError(InstanceError):
    """A file is no backup, or no complete one."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path} cannot be restored: {problem}.",
            "Nothing was changed. Take another backup, or another copy of this one.",
            exit_code=EXIT_DATA,
        )


class _Hashing:
    """A file that is read, and hashed on the way."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read."""
        piece = self.file.read(size)
        self.digest.update(piece)
        return piece


class Writer:
    """Writes an archive under its partial name.

    Parameters
    ----------
    path
        Of the archive that is to be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.partial = path.with_name(f"{path.name}.partial")
        self.members: dict[str, dict[str, Any]] = {}
        self.partial.unlink(missing_ok=True)
        descriptor = os.open(self.partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, SECRET)
        self._file = os.fdopen(descriptor, "wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115

    def add_text(self, name: str, text: str, *, mode: int = SECRET) -> None:
        """Add a file with a content of our own."""
        content = text.encode()
        self.add_stream(name, io.BytesIO(content), len(content), mode=mode)

    def add_stream(
        self, name: str, stream: BinaryIO, size: int, *, mode: int = SECRET, modified: float | None = None
    ) -> None:
        """Add a file of which exactly so many bytes are read."""
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, mode
        entry.mtime = cast(int, time.time() if modified is None else modified)
        hashed = _Hashing(stream)
        self._tar.addfile(entry, cast(BinaryIO, hashed))
        self.members[name] = {"size": size, "sha256": hashed.digest.hexdigest()}

    def add_file(self, name: str, path: Path) -> None:
        """Add a file as it is now; one that vanishes meanwhile is left out."""
        with contextlib.suppress(FileNotFoundError), path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            # Who writes to it meanwhile may shorten it, which the archive's format cannot bear.
            content = io.BytesIO(stream.read()) if status.st_size < PIECE else stream
            size = len(content.getbuffer()) if isinstance(content, io.BytesIO) else status.st_size
            self.add_stream(name, content, size, mode=status.st_mode & 0o777, modified=status.st_mtime)

    def add_directory(self, name: str, path: Path) -> None:
        """Add an empty directory."""
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, path.stat().st_mode & 0o777
        self._tar.addfile(entry)
        self.members[name] = {"size": 0, "sha256": hashlib.sha256().hexdigest()}

    def finish(self, manifest: dict[str, Any]) -> None:
        """Write the manifest, and give the archive its name once it is on the disk."""
        text = json.dumps({"format": FORMAT, **manifest, "members": self.members}, indent=1, sort_keys=True)
        self.add_text(MANIFEST, text)
        self.add_text(MANIFEST_SUM, hashlib.sha256(text.encode()).hexdigest())
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self.partial.replace(self.path)
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def drop(self) -> None:
        """Remove what was written; nothing remains."""
        with contextlib.suppress(OSError):
            self._file.close()
        self.partial.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Give a writer; unless it is finished, nothing remains of the archive.

    Raises
    ------
    InstanceError
        The disk is full, or the place cannot be written to.
    """
    writer: Writer | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = Writer(path)
        yield writer
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise InstanceError(
            f"The backup {path} cannot be written: {error.strerror or error}.",
            "Make room, or name another place with TO=.",
            exit_code=EXIT_DISK if full else 1,
        ) from error
    finally:
        if writer is not None:
            writer.drop()


def verify(path: Path) -> dict[str, Any]:
    """Read all of an archive, and give its manifest.

    Raises
    ------
    DamagedBackupError
        It is not what its manifest says, byte for byte, or of a format that is not known.
    """
    found: dict[str, dict[str, Any]] = {}
    texts: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for entry in tar:
                found[entry.name] = _look(path, tar, entry, texts)
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        missing = isinstance(error, OSError) and error.strerror
        raise DamagedBackupError(path, str(missing or f"it is damaged or cut off ({error})")) from error
    if MANIFEST not in texts or MANIFEST_SUM not in texts:
        raise DamagedBackupError(path, "it is cut off, or no backup: it has no manifest")
    if hashlib.sha256(texts[MANIFEST]).hexdigest() != texts[MANIFEST_SUM].decode("ascii", "replace"):
        raise DamagedBackupError(path, "its manifest is damaged")
    manifest: dict[str, Any] = json.loads(texts[MANIFEST])
    if manifest.get("format") != FORMAT:
        raise DamagedBackupError(path, f"its format is {manifest.get('format')}, expected {FORMAT}")
    del found[MANIFEST], found[MANIFEST_SUM]
    for name in sorted({*manifest["members"], *found}):
        if manifest["members"].get(name) != found.get(name):
            raise DamagedBackupError(path, f"its member {name} is damaged or missing")
    return manifest


def _look(
    path: Path, tar: tarfile.TarFile, entry: tarfile.TarInfo, texts: dict[str, bytes]
) -> dict[str, Any]:
    parts = PurePosixPath(entry.name)
    if not (entry.isfile() or entry.isdir()) or parts.is_absolute() or ".." in parts.parts:
        raise DamagedBackupError(path, f"its member {entry.name!r} is nothing that a backup holds")
    digest, size, kept = hashlib.sha256(), 0, []
    stream = tar.extractfile(entry)
    while stream is not None and (piece := stream.read(PIECE)):
        digest.update(piece)
        size += len(piece)
        if entry.name in (MANIFEST, MANIFEST_SUM):
            kept.append(piece)
    if size != entry.size:
        raise DamagedBackupError(path, f"it is cut off in {entry.name}")
    if kept:
        texts[entry.name] = b"".join(kept)
    return {"size": size, "sha256": digest.hexdigest()}


def unpack(path: Path, prefix: str, target: Path) -> list[str]:
    """Write the members below a prefix into a directory; gives their names without the prefix."""
    written = []
    with tarfile.open(path, "r:") as tar:
        for entry in tar:
            if entry.name.startswith(prefix):
                name = entry.name.removeprefix(prefix)
                place = target / name if name else target
                place.parent.mkdir(parents=True, exist_ok=True)
                if entry.isdir():
                    place.mkdir(mode=entry.mode & 0o777, exist_ok=True)
                else:
                    _write(tar, entry, place)
                written.append(name)
    return written


@contextlib.contextmanager
def unpacked(path: Path, prefix: str) -> Iterator[Path]:
    """Give a temporary directory with the members below a prefix."""
    with tempfile.TemporaryDirectory() as directory:
        unpack(path, prefix, Path(directory))
        yield Path(directory)


def _write(tar: tarfile.TarFile, entry: tarfile.TarInfo, place: Path) -> None:
    stream = tar.extractfile(entry)
    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, SECRET)
    with os.fdopen(descriptor, "wb") as output:
        while stream is not None and (piece := stream.read(PIECE)):
            output.write(piece)
        os.fchmod(output.fileno(), entry.mode & 0o777)
    os.utime(place, (entry.mtime, entry.mtime))
