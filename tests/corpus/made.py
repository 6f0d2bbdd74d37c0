"""The good files, and what a damaged one is."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass

from astropy.io import fits

from ingest import plain
from tests import gadf_files

CARD = 80
"""Bytes of a card of a FITS header: FITS 4.0, section 3.3.1."""


@dataclass(frozen=True)
class Damaged:
    """A file, and what has to be said of it.

    Attributes
    ----------
    name
        Unique.
    content
        Its bytes.
    hdu, keyword
        What a refusal has to name, if it is that one's fault.
    refused
        Whether it must not be published; otherwise it may be, if its rows are sound.
    """

    name: str
    content: bytes
    hdu: str | None = None
    keyword: str | None = None
    refused: bool = False


def written(*hdus: fits.BinTableHDU) -> bytes:
    """Give the bytes of a file with some HDUs."""
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(file)
    return file.getvalue()


def good() -> dict[str, bytes]:
    """Give good files of each kind, by name."""
    responses = (
        gadf_files.aeff(),
        gadf_files.edisp(),
        gadf_files.psf(),
        gadf_files.bkg(),
        gadf_files.rad_max(),
    )
    lists = (gadf_files.events(), gadf_files.gti())
    return {
        "run": written(*lists, *responses),
        "events": written(*lists),
        "kings": written(*lists, gadf_files.psf_king(), gadf_files.bkg("BKG_3D")),
        "gaussians": written(*lists, gadf_files.psf_3gauss((1.0, 0.05))),
        "gtpsf": written(*lists, *gadf_files.psf_gtpsf()),
    }


def hdus(content: bytes) -> list[plain.PlainHDU]:
    """Give the HDUs of a good file."""
    return list(plain.hdus(plain.Whole(content)))


def cards(content: bytes, hdu: plain.PlainHDU) -> dict[str, int]:
    """Give the place of each card with a value in an HDU's header, by keyword."""
    places = range(hdu.offset, hdu.data_offset, CARD)
    return {content[at : at + 8].decode().strip(): at for at in places if content[at + 8 : at + 10] == b"= "}


def with_card(content: bytes, at: int, value: str, keyword: str | None = None) -> bytes:
    """Write another value into a card."""
    name = content[at : at + 8].decode() if keyword is None else keyword.ljust(8)
    card = f"{name}= {value:>20}".ljust(CARD).encode("latin-1")
    return content[:at] + card[:CARD] + content[at + CARD :]


def packed(content: bytes) -> bytes:
    """Pack a file in the same way each time."""
    return gzip.compress(content, 1, mtime=0)
