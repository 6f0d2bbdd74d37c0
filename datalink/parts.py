"""Files cut out of the files of a release: one or more HDUs behind an empty primary HDU.

The HDUs are copied byte for byte; their tables are not decoded. Where they lie comes from the ingestion
(``pieces`` of a collection's tables).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

from astropy.io import fits

from ingest.constants import FITS_BLOCK
from ingest.errors import UnreadableFileError
from ingest.fits_files import unpack


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


def primary_header(sources: list[str]) -> bytes:
    """Give an empty primary HDU that names the files the rest was cut from: one FITS block.

    Files that do not fit into one block any more are left out: sizes are announced before.
    """
    header = fits.PrimaryHDU().header
    header["EXTEND"] = True
    for number, source in enumerate(sources, start=1):
        longer = header.copy()
        name = source if source.isascii() and source.isprintable() else quote(source)
        # No comment: a long name leaves no room for one.
        longer["PARENT" if number == 1 else f"PARENT{number}"] = name
        if len(longer.tostring()) > FITS_BLOCK:
            break
        header = longer
    return str(header.tostring()).encode("ascii")


def cut(inputs: Path, pieces: str) -> bytes:
    """Put a file together from HDUs of other files; each of those is unpacked once.

    Parameters
    ----------
    inputs
        The DaCHS inputs directory.
    pieces
        The HDUs, as :func:`parse` takes them.

    Returns
    -------
    bytes
        A FITS file.

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
        content = unpack(inputs / source)
        for piece in wanted:
            if piece.source == source:
                found[piece] = _hdu(inputs / source, content, piece)
    names = [PurePosixPath(source).name for source in sources]
    return b"".join([primary_header(names), *(found[piece] for piece in wanted)])


def _hdu(path: Path, content: bytes, piece: Piece) -> bytes:
    hdu = content[piece.offset : piece.offset + piece.size]
    if len(hdu) != piece.size or not hdu.startswith(b"XTENSION"):
        problem = f"no HDU of {piece.size} bytes at byte {piece.offset}; import the release again"
        raise UnreadableFileError(path, problem)
    return hdu
