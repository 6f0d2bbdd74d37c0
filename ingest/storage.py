"""Where the bytes of a release lie: on the local disk, or in an object store.

Paths are ordinary paths everywhere. An object store is bound to a directory: beside the place of the
directory ``files`` lies a file ``files.url``, whose one line is a URL that fsspec understands, such as
``s3://bucket/prefix``. What lies below that directory is then read from there. Access keys, endpoint and
region come from the environment (``AWS_*``, ``FSSPEC_S3_*``), never from that file.
"""

from __future__ import annotations

import functools
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ingest.errors import UnreadableFileError

BOUND = "files"
"""Name of the directories that may be bound to an object store."""

NO_FILE = -1
"""Size of what is no file."""

_SUFFIX = ".url"
_FITS_NAMES = (".fits", ".fits.gz", ".fit", ".fit.gz", ".fts", ".fts.gz")


class Entry(NamedTuple):
    """One file.

    Attributes
    ----------
    path
        Its path; a virtual one if it lies in an object store.
    size
        In bytes; `NO_FILE` of what has a file's name, but is none: reading it tells what it is.
    version
        Another text when the file has changed: the time of its last change in ns, or the store's ETag.
    modified
        When it last changed, seconds since 1970; 0 if the store does not say.
    """

    path: Path
    size: int
    version: str
    modified: float


def bind(directory: Path, url: str) -> None:
    """Let a directory stand for a place in an object store.

    Parameters
    ----------
    directory
        Its last part must be `BOUND`; it must not exist.
    url
        Any URL of fsspec, such as ``s3://bucket/prefix``.

    Raises
    ------
    ValueError
        The directory has another name, or this is no URL.
    """
    if directory.name != BOUND or "://" not in url or url != url.strip() or not url.isprintable():
        raise ValueError(f"{directory} for {url!r}: expected a directory named {BOUND} and a URL")
    note = directory.with_name(BOUND + _SUFFIX)
    unfinished = note.with_suffix(".partial")
    unfinished.write_text(url + "\n", encoding="utf-8")
    unfinished.replace(note)


def store_of(path: Path) -> str | None:
    """Give the URL that a path stands for; None for a local file."""
    found = _mount(path)
    return None if found is None else "/".join([found[0].rstrip("/"), *found[1]])


def _mount(path: Path) -> tuple[str, tuple[str, ...]] | None:
    """Give the bound URL and the parts of the path below it."""
    parts = path.parts
    if BOUND not in parts:
        return None
    for number in range(len(parts), 0, -1):
        if parts[number - 1] == BOUND:
            try:
                with open(os.path.join(*parts[:number]) + _SUFFIX, encoding="utf-8") as note:  # noqa: PTH118, PTH123
                    return note.read().strip(), parts[number:]
            except OSError:
                continue
    return None


@functools.lru_cache(maxsize=64)
def _file_system(protocol: str, _process: int) -> Any:
    """Give fsspec's file system of a protocol, another one in each process.

    Its listings are not kept: what is asked for twice may have changed.
    """
    import fsspec  # noqa: PLC0415 - most processes read local files only

    return fsspec.filesystem(protocol, use_listings_cache=False)


def _located(url: str) -> tuple[Any, str]:
    import fsspec  # noqa: PLC0415

    protocol = fsspec.utils.get_protocol(url)
    system = _file_system(protocol, os.getpid())
    return system, str(system._strip_protocol(url))


def _failed(path: Path, error: Exception) -> UnreadableFileError:
    if isinstance(error, FileNotFoundError):
        odd = "\\x" in path.name and store_of(path) is None
        missing = "its name is not UTF-8" if odd else "No such file or directory"
        return UnreadableFileError(path, f"cannot be read ({missing})")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return UnreadableFileError(path, f"cannot be read ({reason})")


def status(path: Path) -> Entry:
    """Give size and version of a file.

    Raises
    ------
    UnreadableFileError
        It is missing, or the store does not answer.
    """
    url = store_of(path)
    try:
        if url is None:
            found = path.stat()
            _check_regular(found.st_mode)
            return Entry(path, found.st_size, str(found.st_mtime_ns), found.st_mtime)
        system, place = _located(url)
        return _entry(path, system.info(place))
    except Exception as error:  # stores have no common root for what they raise
        raise _failed(path, error) from error


def _check_regular(mode: int) -> None:
    """See to it that something is a file.

    Raises
    ------
    OSError
        It is something else; reading a pipe or a device may never end.
    """
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(21, "Is a directory")
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
        raise OSError(22, f"Is a {kinds.get(stat.S_IFMT(mode), 'device')}, expected a file")


def _opener(name: str, flags: int) -> int:
    file = os.open(name, flags | os.O_NONBLOCK)  # a pipe to which nobody writes does not keep us waiting
    try:
        _check_regular(os.fstat(file).st_mode)
    except OSError:
        os.close(file)
        raise
    return file


def _entry(path: Path, info: dict[str, Any]) -> Entry:
    if info.get("type") != "file":
        raise IsADirectoryError(21, "Is a directory")
    changed = next(
        (info[key] for key in ("LastModified", "mtime", "created", "updated") if info.get(key)), None
    )
    modified = changed if isinstance(changed, float | int) else changed.timestamp() if changed else 0.0
    tag = info.get("ETag") or info.get("etag") or info.get("md5") or modified
    return Entry(path, int(info["size"]), str(tag).strip('"'), float(modified))


def exists(path: Path) -> bool:
    """Tell whether there is such a file or directory."""
    url = store_of(path)
    if url is None:
        return path.exists()
    system, place = _located(url)
    try:
        return bool(system.exists(place))
    except Exception as error:
        raise _failed(path, error) from error


def is_file(path: Path) -> bool:
    """Tell whether there is such a file."""
    if store_of(path) is None:
        return path.is_file()
    try:
        status(path)
    except UnreadableFileError as error:
        if isinstance(error.__cause__, FileNotFoundError | IsADirectoryError):
            return False
        raise
    return True


def listing(root: Path, pattern: str) -> list[Entry]:
    """Give all files below a directory that match a pattern, in the order of their paths.

    What has a FITS file's name and matches, but cannot be read as a file, is among them: a link that leads
    nowhere or to itself, a directory, a pipe, or a name that is no text. Whoever reads it learns why it
    cannot be published.

    Parameters
    ----------
    root
        The directory.
    pattern
        As `pathlib.Path.glob` takes it.

    Raises
    ------
    UnreadableFileError
        The store does not answer.
    """
    return sorted(_listed(root, pattern))


def _listed(root: Path, pattern: str) -> Iterator[Entry]:
    url = store_of(root)
    if url is None:
        for path in root.glob(pattern):
            entry = _local_entry(path)
            if entry is not None:
                yield entry
        return
    wanted = _expression(pattern)
    try:
        system, place = _located(url)
        files = system.find(place, detail=True)
    except FileNotFoundError:
        return
    except Exception as error:
        raise _failed(root, error) from error
    for name, info in files.items():
        relative = name.removeprefix(place).lstrip("/")
        if wanted.fullmatch(relative):
            yield _entry(root / relative, info)


def _local_entry(path: Path) -> Entry | None:
    name = os.fspath(path)
    if not name.isascii() and (readable := os.fsencode(name).decode("utf-8", "backslashreplace")) != name:
        return Entry(Path(readable), NO_FILE, "", 0.0)  # no database, and no URL, could have its name
    try:
        found = path.stat()
    except FileNotFoundError:
        odd = path.is_symlink()  # else it is gone by now
    except OSError:
        odd = True
    else:
        if stat.S_ISREG(found.st_mode):
            return Entry(path, found.st_size, str(found.st_mtime_ns), found.st_mtime)
        odd = True
    return Entry(path, NO_FILE, "", 0.0) if odd and has_fits_name(path) else None


def has_fits_name(path: Path) -> bool:
    """Tell whether something is called like a FITS file."""
    return path.name.lower().endswith(_FITS_NAMES)


def _expression(pattern: str) -> re.Pattern[str]:
    """Translate a glob pattern: ``**`` is any number of directories, ``*`` and ``?`` stay within one."""
    wanted, parts = "", pattern.split("/")
    for part in parts[:-1]:
        wanted += "(?:[^/]+/)*" if part == "**" else _of_name(part) + "/"
    return re.compile(wanted + (_of_name("*") if parts[-1] == "**" else _of_name(parts[-1])))


def _of_name(part: str) -> str:
    pieces = re.split(r"(\*+|\?|\[!?[^\]]+\])", part)
    known = {"*": "[^/]*", "?": "[^/]"}
    return "".join(
        known.get(piece[:1]) or (f"[{piece[1:-1].replace('!', '^', 1)}]" if number % 2 else re.escape(piece))
        for number, piece in enumerate(pieces)
    )


def read(path: Path) -> bytes:
    """Give all bytes of a file.

    Raises
    ------
    UnreadableFileError
        It cannot be read.
    """
    url = store_of(path)
    try:
        if url is None:
            with open(path, "rb", buffering=0, opener=_opener) as file:
                return file.readall()
        system, place = _located(url)
        return bytes(system.cat_file(place))
    except Exception as error:
        raise _failed(path, error) from error


def read_range(path: Path, start: int, stop: int) -> bytes:
    """Give the bytes of a file from `start` to `stop` (exclusive), fewer if it ends before.

    Raises
    ------
    UnreadableFileError
        It cannot be read.
    """
    url = store_of(path)
    try:
        if url is None:
            with open(path, "rb", buffering=0, opener=_opener) as file:
                return os.pread(file.fileno(), stop - start, start)
        system, place = _located(url)
        return bytes(system.cat_file(place, start=start, end=stop))
    except Exception as error:
        raise _failed(path, error) from error
