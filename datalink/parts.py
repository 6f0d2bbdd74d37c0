"""Files cut out of a run's file: one or more HDUs behind an empty primary HDU.

The HDUs are copied byte for byte; their tables are not decoded. The byte ranges come from the
ingestion (column ``hdus`` of a collection's links).
"""

from __future__ import annotations

import re
from pathlib import Path

from astropy.io import fits

from ingest.constants import FITS_BLOCK
from ingest.errors import UnreadableFileError
from ingest.gadf import unpack


def byte_ranges(hdus: str) -> list[tuple[int, int]]:
    """Parse ``offset+size offset+size ...`` into pairs.

    Raises
    ------
    ValueError
        The text has another form, or a range is not made of whole FITS blocks.
    """
    ranges = []
    for item in hdus.split():
        match = re.fullmatch(r"(\d+)\+(\d+)", item)
        if not match:
            raise ValueError(f"{item!r} is no byte range, expected offset+size")
        offset, size = int(match[1]), int(match[2])
        if offset % FITS_BLOCK or size % FITS_BLOCK or not size:
            raise ValueError(f"{item!r} is not made of whole blocks of {FITS_BLOCK} bytes")
        ranges.append((offset, size))
    return ranges


def primary_header(source: str) -> bytes:
    """Give an empty primary HDU that names the file the rest was cut from: one FITS block."""
    header = fits.PrimaryHDU().header
    header["EXTEND"] = True
    header["PARENT"] = source  # no comment: a long name leaves no room for one
    return str(header.tostring()).encode("ascii")


def cut(path: Path, hdus: str) -> bytes:
    """Cut HDUs out of a file.

    Parameters
    ----------
    path
        The run's file, gzipped or not.
    hdus
        Byte ranges as :func:`byte_ranges` takes them.

    Returns
    -------
    bytes
        A FITS file.

    Raises
    ------
    UnreadableFileError
        The file cannot be read, or no longer holds HDUs at these places.
    """
    content = unpack(path)
    pieces = [primary_header(path.name)]
    for offset, size in byte_ranges(hdus):
        piece = content[offset : offset + size]
        if len(piece) != size or not piece.startswith(b"XTENSION"):
            raise UnreadableFileError(
                path, f"no HDU of {size} bytes at byte {offset}; import the release again"
            )
        pieces.append(piece)
    return b"".join(pieces)
