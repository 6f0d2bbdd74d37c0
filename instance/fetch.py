"""Download a public data release from its Zenodo record: checked, resumable, unpacked safely."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import shutil
import tarfile
import time
import zlib
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from rich.console import Console
from rich.filesize import decimal
from rich.progress import DownloadColumn, Progress
from urllib3.util import Retry

from ingest.errors import InstanceError
from instance.exits import EXIT_DATA, EXIT_DISK

HESS_DL3_DR1_RECORD = "https://zenodo.org/api/records/1421099"
"""The Zenodo record of the H.E.S.S. DL3 public test data release 1."""

# What a directory must hold to be a GADF release.
INDEX_FILES = ("hdu-index.fits.gz", "obs-index.fits.gz")
# Written into a fetched release: the record it came from and the checksums of its files.
STAMP = ".fetched.json"
# Zenodo asks clients to name themselves: since January 2026 it answers 403 to the default of requests.
USER_AGENT = "cherenkov-vo/0.1 (Cherenkov data in the Virtual Observatory)"
# Bytes read at a time; the most that a dropped connection loses.
CHUNK = 1 << 16
# Bytes left free, so that a download does not take down the database on the same disk.
SPARE_BYTES = 32_000_000
# Seconds waited at most between two attempts.
LONGEST_PAUSE = 60.0
_AGAIN = "Run the same command again later: what was already downloaded is kept."
_REPORT = "Run the same command again later; if it stays so, report it to Zenodo."


def fetch_release(
    target: Path,
    *,
    record_url: str = HESS_DL3_DR1_RECORD,
    progress: Progress | None = None,
    retries: int = 5,
    backoff: float = 1.0,
    timeout: tuple[float, float] = (10.0, 60.0),
) -> Path:
    """Have the release of a Zenodo record at `target`, downloading it if it is not there yet.

    The download goes to ``<target>.partial``, where an interrupted one is taken up again;
    `target` itself appears only once it is complete.

    Parameters
    ----------
    target
        Where the release goes: absent, empty, or an earlier result of this function.
    record_url
        Address of the record in Zenodo's API.
    progress
        A running display to add bars to. By default, a bar if standard error is a terminal, else lines.
    retries, backoff
        How often what brings no headway is tried again, and seconds before that (then doubled).
    timeout
        Seconds to wait for a connection, and for data.

    Returns
    -------
    Path
        The absolute path of the release.

    Raises
    ------
    InstanceError
        If the release cannot be had.
    """
    target = target.expanduser().resolve()
    try:
        if not _is_complete(target, record_url):
            with _session(retries, backoff) as session, _display(progress) as display:
                _fetch(target, record_url, _Downloader(session, display, retries, backoff, timeout))
    except OSError as error:
        code = EXIT_DISK if error.errno in {errno.ENOSPC, errno.EDQUOT} else EXIT_DATA
        problem = f"{error.filename or target} cannot be written: {error.strerror or error}."
        raise _error(problem, "Free space, correct the permissions, or take another place.", code) from error
    return target


def _fetch(target: Path, record_url: str, loader: _Downloader) -> None:
    partial = target.with_name(f"{target.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    files = parse_record(loader.record(record_url), record_url)
    # Twice the size: the archive and what comes out of it, which is compressed already.
    _need_space(partial, sum(2 * item.size - item.present(partial) for item in files))
    release = _unpack_all([loader.fetch(item, partial) for item in files], partial / ".unpacked")
    stamp = {"record": _record_id(record_url), "files": {item.name: item.checksum for item in files}}
    (release / STAMP).write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    release.rename(target)
    shutil.rmtree(partial)


def _record_id(record_url: str) -> str:
    return urlsplit(record_url).path.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class RecordFile:
    """A file of a Zenodo record: where it is and how to know that it arrived whole."""

    name: str
    size: int
    checksum: str  # algorithm:digest
    url: str

    def part(self, folder: Path) -> Path:
        """Return the path of the unfinished download; a file changed in the record gets another one."""
        return folder / f"{self.name}.{self.checksum.rpartition(':')[2][:8]}.part"

    def present(self, folder: Path) -> int:
        """Return how many bytes need no download any more."""
        whole = folder / self.name
        return _size(whole if whole.exists() else self.part(folder))

    def matches(self, path: Path) -> bool:
        """Whether a file is this one, by its checksum."""
        algorithm, _, digest = self.checksum.partition(":")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
        return found.hexdigest() == digest


def parse_record(record: Mapping[str, Any], record_url: str) -> list[RecordFile]:
    """Read the list of files from the JSON of a Zenodo record, in Zenodo's own shape or InvenioRDM's."""
    try:
        files = record.get("files") or []
        if isinstance(files, Mapping):
            entries = files.get("entries") or []  # where "self" is the metadata of the file
            entries = entries.values() if isinstance(entries, Mapping) else entries
            files = [{**entry, "links": {**entry.get("links", {}), "self": None}} for entry in entries]
        found = [_parse_file(entry, record_url) for entry in files]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _not_a_record(record_url, f"its list of files cannot be read ({error})") from error
    if not found:
        raise _not_a_record(record_url, "it offers no files to the public")
    if len({item.name for item in found}) < len(found):
        raise _not_a_record(record_url, "two of its files have the same name")
    return found


def _parse_file(entry: Mapping[str, Any], record_url: str) -> RecordFile:
    key = entry.get("key") or entry["filename"]  # filename, filesize: Zenodo in autumn 2023
    if PurePosixPath(key).name != key or key.startswith(".") or "\0" in key:
        raise ValueError(f"the file name {key!r} is not safe")
    links = entry.get("links") or {}
    url = links.get("content") or links.get("download") or ("key" in entry and links.get("self"))
    url = url or f"{record_url.rstrip('/')}/files/{quote(key)}/content"
    checksum = entry["checksum"].lower()
    checksum = checksum if ":" in checksum else f"md5:{checksum}"
    hashlib.new(checksum.partition(":")[0], usedforsecurity=False)  # ValueError if unknown
    size = int(entry["size"] if "size" in entry else entry["filesize"])
    return RecordFile(key, size, checksum, urljoin(record_url, url))


def _error(problem: str, remedy: str, exit_code: int = EXIT_DATA) -> InstanceError:
    return InstanceError(problem, remedy, exit_code=exit_code)


def _not_a_record(url: str, problem: str) -> InstanceError:
    return _error(f"{url} is not a usable Zenodo record: {problem}.", "Check the address in a browser.")


@dataclass
class _Downloader:
    """What all downloads of one call share."""

    session: requests.Session
    display: Progress
    retries: int
    backoff: float
    timeout: tuple[float, float]

    def record(self, url: str) -> Mapping[str, Any]:
        """Get the JSON of the record."""
        with self._get(url, {"Accept": "application/json"}) as answer:
            try:
                record = answer.json()
            except requests.RequestException as error:
                raise _not_a_record(url, "the answer is not JSON") from error
        if not isinstance(record, Mapping):
            raise _not_a_record(url, "the answer is not a JSON object")
        return record

    def fetch(self, item: RecordFile, folder: Path) -> Path:
        """Download one file and return its path, once its checksum is right."""
        whole, part = folder / item.name, item.part(folder)
        if whole.exists() and item.matches(whole):
            return whole
        for _ in range(2):
            self._fill(item, part)
            if item.matches(part):
                return part.replace(whole)
            part.unlink()
        problem = f"{item.name} arrived twice with a wrong checksum; the record says {item.checksum}."
        raise _error(problem, _REPORT)

    def _fill(self, item: RecordFile, part: Path) -> None:
        """Complete a part; only attempts that bring no headway count as failures."""
        part.touch()
        furthest, failures = _size(part), 0
        bar = _Bar(self.display, item, furthest)
        while _size(part) != item.size:
            cause = self._transfer(item, part, bar)
            here = _size(part)
            if here == item.size:
                return
            failures = 0 if here > furthest else failures + 1
            furthest = max(furthest, here)
            if failures > self.retries or not self.retries:
                problem = f"The transfer of {item.name} broke off at {decimal(here)} of {decimal(item.size)}."
                raise _error(problem, _AGAIN) from cause
            time.sleep(min(self.backoff * 2**failures, LONGEST_PAUSE))

    def _transfer(self, item: RecordFile, part: Path, bar: _Bar) -> Exception | None:
        """Append what one connection brings; return what ended it early."""
        start, note = _size(part), part.with_suffix(".etag")
        etag = note.read_text(encoding="utf-8") if note.exists() else ""
        # No coding: offsets and sizes are those of the file itself.
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if etag.startswith('"'):  # RFC 9110: a weak one is not allowed here
                headers["If-Range"] = etag
        with self._get(item.url, headers) as answer:
            if not _continues(answer, start, etag):
                part.write_bytes(b"")
                return None
            _check_size(answer, item)
            if answer.status_code == 200:
                start = 0
                note.write_text(answer.headers.get("ETag", ""), encoding="utf-8")
            with part.open("ab" if start else "wb") as out:
                try:
                    for chunk in answer.iter_content(CHUNK):
                        start += out.write(chunk[: item.size - start])
                        bar.show(start)
                        if start == item.size:
                            break
                except requests.RequestException as error:
                    failure: Exception = error
                    return failure
        return None

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        host = urlsplit(url).netloc or repr(url)
        try:
            answer = self.session.get(url, headers=headers, stream=True, timeout=self.timeout)
        except requests.RequestException as error:
            remedy = f"Check the address, the network and the proxy settings. {_AGAIN}"
            raise _error(f"{host} cannot be reached.", remedy) from error
        if answer.status_code in {200, 206, 416}:
            return answer
        answer.close()
        blocked = "Open the address in a browser: it is restricted, or your network is blocked."
        gone = "Check the address of the record: it may have been withdrawn."
        remedy = {401: blocked, 403: blocked, 404: gone, 410: gone}.get(answer.status_code, _AGAIN)
        raise _error(f"{host} answers HTTP {answer.status_code} {answer.reason} to {url}.", remedy)


class _Bar:
    """Progress of one file: a bar where there is a terminal, a line per 10 % where not."""

    def __init__(self, display: Progress, item: RecordFile, done: int) -> None:
        self.display, self.item, self.tenths = display, item, 10 * done // max(item.size, 1)
        self.task = display.add_task(item.name, total=item.size, completed=done)

    def show(self, done: int) -> None:
        self.display.update(self.task, completed=done)
        tenths = 10 * done // max(self.item.size, 1)
        if tenths > self.tenths and not self.display.console.is_terminal:
            text = f"{self.item.name}: {10 * tenths} % of {decimal(self.item.size)}"
            self.display.console.print(text, markup=False, highlight=False, soft_wrap=True)
        self.tenths = tenths


def _display(progress: Progress | None) -> AbstractContextManager[Progress]:
    own = progress or Progress(
        DownloadColumn(), *Progress.get_default_columns(), console=Console(stderr=True)
    )
    return own if progress is None and own.console.is_terminal else nullcontext(own)


def _session(retries: int, backoff: float) -> requests.Session:
    states = (429, 500, 502, 503, 504)
    again = Retry(retries, backoff_factor=backoff, status_forcelist=states, raise_on_status=False)
    session = requests.Session()
    session.headers["User-Agent"] = USER_AGENT
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=again))
    return session


def _continues(answer: requests.Response, start: int, etag: str) -> bool:
    """Whether an answer can be used: the whole file, or the same file from `start` on."""
    same = not etag or answer.headers.get("ETag", etag) == etag
    fits = answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
    return bool(answer.status_code == 200 or (answer.status_code == 206 and same and fits))


def _check_size(answer: requests.Response, item: RecordFile) -> None:
    total = answer.headers.get("Content-Length", "")
    if answer.status_code == 206:
        total = answer.headers["Content-Range"].rpartition("/")[2]
    if total.isdigit() and int(total) != item.size and "Content-Encoding" not in answer.headers:
        problem = f"{item.name} has {total} bytes on the server, but {item.size} in the record."
        raise _error(problem, _REPORT)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _is_complete(target: Path, record_url: str) -> bool:
    """Whether the release is there; an error if something else is in its place."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    with suppress(OSError, ValueError, LookupError, TypeError):
        stamp = json.loads((target / STAMP).read_text(encoding="utf-8"))
        if stamp["record"] == _record_id(record_url) and _holds_index(target):
            return True
    remedy = "Use it as it is, move it away, or name another directory."
    raise _error(f"{target} exists and is not a complete download of this record.", remedy)


def _holds_index(folder: Path) -> bool:
    return all((folder / name).is_file() for name in INDEX_FILES)


def _need_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE_BYTES:
        problem = f"{decimal(free)} are free for {folder}, but {decimal(needed + SPARE_BYTES)} are needed."
        raise _error(problem, "Free some space, or name a directory on another disk.", EXIT_DISK)


def _unpack_all(files: Iterable[Path], folder: Path) -> Path:
    """Unpack the archives, put the other files beside, and return the release among it all."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    loose = []
    for path in files:
        if path.name.endswith((".tar.gz", ".tgz", ".tar")):
            _unpack(path, folder)
        else:
            loose.append(Path(shutil.copyfile(path, folder / path.name)))
    found = [path.parent for path in folder.rglob(INDEX_FILES[0]) if _holds_index(path.parent)]
    if not found:
        problem = f"The record holds no release: no directory with {' and '.join(INDEX_FILES)}."
        raise _error(problem, "Check that the address is that of the record of a GADF release.")
    release = min(found, key=lambda path: len(path.parts))
    for path in loose:  # such as the terms of use, which must stay with the data
        if not (release / path.name).exists():
            path.rename(release / path.name)
    return release


def _unpack(archive: Path, folder: Path) -> None:
    """Write the files of an archive below `folder`: never a link, an owner or a mode."""
    # Not by extractall(filter="data"): Python 3.11.2 of Debian 12 does not have it.
    try:
        with tarfile.open(archive) as tar:
            _need_space(folder, sum(member.size for member in tar.getmembers()))
            for member in tar:
                if not member.isdir():
                    _write_member(tar, member, folder, archive.name)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        remedy = "Report it to the publisher of the record: the download itself is whole."
        raise _error(f"{archive.name} is not a readable tar archive: {error}.", remedy) from error


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, archive: str) -> None:
    name = PurePosixPath(member.name)
    try:  # this follows a link to another member, and fails for one that leaves the archive.
        source = tar.extractfile(member)
    except (KeyError, RecursionError):
        source = None
    if source is None or name.is_absolute() or ".." in name.parts:
        problem = f"{archive} holds {member.name!r}, which is no plain file inside the archive."
        raise _error(problem, "Do not use this archive; report it to the publisher of the record.")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    with source, (folder / name).open("wb") as out:
        shutil.copyfileobj(source, out)
