"""The bytes of a file that we serve: a file of the release as it is, or HDUs cut out of such files.

The HDUs are copied byte for byte; their tables are not decoded. Where they lie comes from the ingestion
(``pieces`` of a collection's tables). Their headers get checksums, and the primary one says where they
come from.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

from astropy.io import fits

from datalink.files import File
from ingest import PROJECT_VERSION, storage
from ingest.checksums import with_checksum_cards
from ingest.constants import FITS_BLOCK
from ingest.errors import UnreadableFileError
from ingest.fits_files import guarded, quiet, unpack

CREATOR = f"cherenkov-vo {PROJECT_VERSION}"
CHUNK = 256 * 1024
"""Bytes that are read and sent at once."""

STORE_CHUNK = 8 * 1024 * 1024
"""The same for files in an object store, where each request takes some milliseconds."""

AGAIN = "import the release again"


@dataclass(frozen=True)
class Piece:
    """One HDU of a file.

    Attributes
    ----------
    source
        Path of the file, relative to the DaCHS inputs directory.
    offset, size
        First byte and number of bytes in the unpacked file.
    """

    source: str
    offset: int
    size: int


@dataclass(frozen=True)
class Content:
    """The bytes of one file that we serve, read when they are asked for.

    Attributes
    ----------
    name
        The file's name.
    size
        Number of bytes, as announced.
    modified
        When the newest file behind it changed, seconds since 1970.
    etag
        Changes when the bytes may have changed; hexadecimal digits.
    source, pieces, inputs, origin
        See `content`.
    """

    name: str
    size: int
    modified: float
    etag: str
    source: str
    pieces: str | None
    inputs: Path
    origin: str | None

    def chunks(self, start: int = 0, stop: int | None = None) -> Generator[bytes, None, None]:
        """Give the bytes from `start` up to and without `stop`, piecemeal.

        Raises
        ------
        UnreadableFileError
            A file behind it is gone or damaged, or is not what was imported.
        """
        stop = self.size if stop is None else min(stop, self.size)
        if self.pieces is not None:
            whole = memoryview(self.read())
            for position in range(start, stop, CHUNK):
                yield bytes(whole[position : min(position + CHUNK, stop)])
            return
        path = self.inputs / self.source
        if self.stored:
            while start < stop:
                found = storage.read_range(path, start, min(start + STORE_CHUNK, stop))
                if not found:
                    raise UnreadableFileError(path, f"ends after {start} of {self.size} bytes; {AGAIN}")
                start += len(found)
                yield found
            return
        try:
            with path.open("rb") as opened:
                opened.seek(start)
                while start < stop:
                    found = opened.read(min(CHUNK, stop - start))
                    if not found:
                        raise UnreadableFileError(path, f"ends after {start} of {self.size} bytes; {AGAIN}")
                    start += len(found)
                    yield found
        except OSError as error:
            raise UnreadableFileError(path, f"cannot be read ({error.strerror})") from error

    segments = chunks

    @property
    def stored(self) -> bool:
        """Whether these are the bytes of a file in an object store, which no local path leads to."""
        return self.pieces is None and storage.store_of(self.inputs / self.source) is not None

    def read(self) -> bytes:
        """Give all bytes.

        Raises
        ------
        UnreadableFileError
            As for `chunks`.
        """
        if self.pieces is None:
            return b"".join(self.chunks())
        whole = cut(self.inputs, self.pieces, self.origin)
        if len(whole) != self.size:
            problem = f"gives {len(whole)} bytes for {self.name}, expected {self.size}; {AGAIN}"
            raise UnreadableFileError(self.inputs / self.source, problem)
        return whole


def content(inputs: Path, file: File, origin: str | None = None) -> Content:
    """Give the bytes of a file; nothing is read yet.

    Parameters
    ----------
    inputs
        The DaCHS inputs directory.
    file
        What is served.
    origin
        Who publishes it, for the headers of files that we put together.

    Raises
    ------
    UnreadableFileError
        A file behind it is gone, or has not the size that was announced.
    """
    sources = [file.source] if file.pieces is None else [piece.source for piece in parse(file.pieces)]
    digest = hashlib.sha256(f"{CREATOR} {origin} {file.path} {file.size} {file.pieces}".encode())
    modified = 0.0
    for source in dict.fromkeys(sources):
        found = storage.status(inputs / source)
        if file.pieces is None and found.size != file.size:
            problem = f"has {found.size} bytes, expected {file.size}; {AGAIN}"
            raise UnreadableFileError(inputs / source, problem)
        digest.update(f" {found.size} {found.version}".encode())
        modified = max(modified, found.modified)
    return Content(
        file.name, file.size, modified, digest.hexdigest()[:32], file.source, file.pieces, inputs, origin
    )


def parse(pieces: str) -> list[Piece]:
    """Parse ``path#offset+size path#offset+size ...``, with percent-encoded paths.

    Raises
    ------
    ValueError
        The text has another form, is empty, leads out of the inputs directory, or a piece is not made
        of whole FITS blocks.
    """
    found = []
    for item in pieces.split():
        match = re.fullmatch(r"([^#]+)#(\d+)\+(\d+)", item)
        if not match:
            raise ValueError(f"{item!r} is no piece of a file, expected path#offset+size")
        source, offset, size = unquote(match[1]), int(match[2]), int(match[3])
        path = PurePosixPath(source)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{item!r} is not below the inputs directory")
        if offset % FITS_BLOCK or size % FITS_BLOCK or not size:
            raise ValueError(f"{item!r} is not made of whole blocks of {FITS_BLOCK} bytes")
        found.append(Piece(source, offset, size))
    if not found:
        raise ValueError(f"{pieces!r} names no piece of a file, expected path#offset+size")
    return found


def primary_header(parents: list[str], origin: str | None = None) -> bytes:
    """Give an empty primary HDU that says where the rest comes from: one FITS block, with a checksum.

    Parameters
    ----------
    parents
        Names of the files that the rest was cut from. Those that do not fit into one block any more
        are left out: sizes are announced before.
    origin
        Who made the file, for ORIGIN.
    """
    primary = fits.PrimaryHDU()
    header = primary.header
    header["EXTEND"] = True
    header["CREATOR"] = CREATOR
    if origin is not None:
        header["ORIGIN"] = origin
    _checksum(primary)
    for number, parent in enumerate(parents, start=1):
        longer = header.copy()
        name = parent if parent.isascii() and parent.isprintable() else quote(parent)
        # No comment: a long name leaves no room for one.
        longer["PARENT" if number == 1 else f"PARENT{number}"] = name
        if len(longer.tostring()) > FITS_BLOCK:
            break
        header.update(longer)
    _checksum(primary)
    return str(header.tostring()).encode("ascii")


def _checksum(hdu: fits.hdu.base._ValidHDU) -> None:
    """Set the checksums; their comments must not tell the time, for the same file has the same bytes."""
    hdu.add_checksum(when="sum of all words of the HDU")


def cut(inputs: Path, pieces: str, origin: str | None = None) -> bytes:
    """Put a file together from HDUs of other files; each of those is unpacked once.

    Parameters
    ----------
    inputs
        The DaCHS inputs directory.
    pieces
        The HDUs, as :func:`parse` takes them.
    origin
        Who made the file, for ORIGIN.

    Returns
    -------
    bytes
        A FITS file; each HDU has checksums (FITS standard 4.0, section 4.4.2.7), else the HDUs are as
        they were.

    Raises
    ------
    UnreadableFileError
        A file cannot be read, or no longer holds HDUs at these places.
    ValueError
        The pieces make no sense.
    """
    wanted = parse(pieces)
    sources = list(dict.fromkeys(piece.source for piece in wanted))
    found: dict[Piece, bytes] = {}
    for source in sources:
        unpacked = unpack(inputs / source)
        for piece in wanted:
            if piece.source == source:
                found[piece] = _hdu(inputs / source, unpacked, piece)
    names = [PurePosixPath(source).name for source in sources]
    return b"".join([primary_header(names, origin), *(found[piece] for piece in wanted)])


def _hdu(path: Path, unpacked: bytes, piece: Piece) -> bytes:
    written = unpacked[piece.offset : piece.offset + piece.size]
    if len(written) != piece.size or not written.startswith(b"XTENSION"):
        raise UnreadableFileError(path, f"no HDU of {piece.size} bytes at byte {piece.offset}; {AGAIN}")
    with guarded(path):
        return with_checksums(written)


def with_checksums(hdu: bytes) -> bytes:
    """Give an extension HDU with checksums in its header; its data are copied.

    Parameters
    ----------
    hdu
        Header and data, whole FITS blocks.

    Raises
    ------
    ValueError
        It is no HDU.
    """
    with quiet(), fits.open(_file(hdu), lazy_load_hdus=False, disable_image_compression=True) as opened:
        start = opened[1].fileinfo()["datLoc"] - FITS_BLOCK
    room = with_checksum_cards(hdu[:start])
    with quiet(), fits.open(_file(room + hdu[start:]), disable_image_compression=True) as opened:
        _checksum(opened[1])  # of the bytes: astropy has not decoded them
        header = str(opened[1].header.tostring()).encode("ascii")
    if len(header) != len(room):
        raise ValueError(f"the header has {len(room)} bytes, and {len(header)} with checksums")
    return header + hdu[start:]


def _file(hdu: bytes) -> io.BytesIO:
    return io.BytesIO(_EMPTY + hdu)


_EMPTY = str(fits.PrimaryHDU().header.tostring()).encode("ascii")
