"""Served FITS files compared with the release: by their bytes, by astropy, and by CFITSIO."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import fitsio
import numpy as np
from astropy.io import fits
from holdings import Part

FITS_BLOCK = 2880
OURS = ("CHECKSUM", "DATASUM")
"""Keywords that parts have from us."""


@dataclass(frozen=True)
class Source:
    """An HDU of the release.

    Parameters
    ----------
    cards
        Its header, without checksums.
    data
        The bytes of its data, with padding.
    columns
        Its columns, as astropy decodes them.
    """

    cards: tuple[str, ...]
    data: bytes
    columns: dict[str, np.ndarray]


def cards_of(header: fits.Header) -> tuple[str, ...]:
    """Give a header without checksums."""
    return tuple(str(card) for card in header.cards if card.keyword not in OURS)


def data_of(hdu: fits.BinTableHDU, content: bytes) -> bytes:
    """Give the bytes of an HDU's data."""
    where = hdu.fileinfo()
    return content[where["datLoc"] : where["datLoc"] + where["datSpan"]]


@lru_cache(maxsize=32)
def sources(path: Path) -> dict[str, Source]:
    """Read a file of the release; by EXTNAME, as no file here has one twice."""
    content = unpacked(path.read_bytes())
    found = {}
    with fits.open(io.BytesIO(content)) as hdus:
        for hdu in hdus[1:]:
            assert hdu.name not in found, (path, hdu.name)
            columns = {name: np.array(hdu.data[name]) for name in hdu.columns.names}
            found[hdu.name] = Source(cards_of(hdu.header), data_of(hdu, content), columns)
    return found


def unpacked(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def equal(one: Any, other: Any) -> bool:
    """Compare two columns, however their reader represents text."""
    one, other = np.asarray(one), np.asarray(other)
    if "S" in one.dtype.kind + other.dtype.kind:
        one, other = (np.char.rstrip(np.char.decode(np.asarray(text, dtype="S"))) for text in (one, other))
    if one.dtype.kind in "OUS":
        return one.shape == other.shape and all(
            np.array_equal(*pair) for pair in zip(one, other, strict=True)
        )
    # CFITSIO has no byte order but the machine's.
    same = one.dtype.newbyteorder("=") == other.dtype.newbyteorder("=")
    return same and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")


def differences(content: bytes, parts: Sequence[Part], path: Path) -> Iterator[str]:
    """Say what is wrong with a served file.

    Parameters
    ----------
    content
        What was served.
    parts
        The HDUs that it must consist of.
    path
        Where it is written for CFITSIO, which reads no memory.
    """
    path.write_bytes(content)
    plain = unpacked(content)
    wanted = [(part.name, sources(part.path)[part.name]) for part in parts]
    # Checksums that are wrong are warnings, and so errors here.
    with fits.open(io.BytesIO(plain), checksum=True) as hdus, fitsio.FITS(str(path)) as theirs:
        hdus.verify("exception")
        if plain is not content:
            # A file of the release, in its own order.
            order = [hdu.name for hdu in hdus]
            wanted.sort(key=lambda named: order.index(named[0]) if named[0] in order else -1)
        if [hdu.name for hdu in hdus] != ["PRIMARY", *(name for name, _ in wanted)]:
            yield f"HDUs are {[hdu.name for hdu in hdus]}"
            return
        if len(theirs) != len(hdus):
            yield f"CFITSIO finds {len(theirs)} HDUs"
            return
        for number, (name, source) in enumerate(wanted, 1):
            hdu = hdus[number]
            if data_of(hdu, plain) != source.data:
                yield f"{name}: other bytes"
            if cards_of(hdu.header) != source.cards:
                yield f"{name}: other header"
            if {key for key in OURS if key in hdu.header} not in ({*OURS}, set()):
                yield f"{name}: half a checksum"
            yield from _columns(name, source, {key: hdu.data[key] for key in hdu.columns.names}, "astropy")
            yield from _columns(name, source, _by_cfitsio(theirs[number], hdu), "CFITSIO")
    if not content.startswith(b"\x1f\x8b") and len(content) % FITS_BLOCK:
        yield "no whole blocks"


def _by_cfitsio(found: Any, hdu: fits.BinTableHDU) -> dict[str, np.ndarray]:
    if "CHECKSUM" in hdu.header:
        found.verify_checksum()
    if not found.get_nrows():
        # fitsio reads no column of an empty table.
        assert len(hdu.data) == 0
        return {name: hdu.data[name] for name in found.get_colnames()}
    rows = found.read()
    return {name: rows[name] for name in rows.dtype.names}


def _columns(name: str, source: Source, found: dict[str, np.ndarray], reader: str) -> Iterator[str]:
    if [*found] != [*source.columns]:
        yield f"{name}: {reader} finds the columns {[*found]}"
        return
    for column, values in found.items():
        if not equal(values, source.columns[column]):
            yield f"{name}: {reader} reads other values of {column}"
