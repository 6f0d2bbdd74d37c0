"""FITS files with one binary table, written without building astropy's objects for each of them.

The index tables of a bundle are small, and astropy takes some ten milliseconds for one: longer than for
all else in a plan. The bytes are those that astropy writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from ingest.constants import FITS_BLOCK, FITS_CARD

CHECKSUM_COMMENT = "of the HDU"
"""astropy would write the time of day here."""

PUNCTUATION = (*range(0x3A, 0x41), *range(0x5B, 0x61))
"""FITS standard 4.0, appendix J: characters that an encoded checksum must not have."""

ZERO = ord("0")


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    name
        TTYPE.
    values
        One for each row: 64-bit integers or floats, or bytes.
    unit
        TUNIT; None without.
    null
        TNULL; None without.
    """

    name: str
    values: npt.NDArray[Any]
    unit: str | None = None
    null: int | None = None

    @property
    def form(self) -> str:
        """TFORM."""
        kind = self.values.dtype.kind
        return f"{self.values.dtype.itemsize}A" if kind == "S" else {"i": "K", "f": "D"}[kind]

    def cards(self, number: int) -> str:
        """Give the cards of the header that describe it."""
        cards = _text_card(f"TTYPE{number}", self.name) + _text_card(f"TFORM{number}", self.form)
        if self.unit is not None:
            cards += _text_card(f"TUNIT{number}", self.unit)
        if self.null is not None:
            cards += f"{f'TNULL{number}':<8}= {self.null:>20}".ljust(FITS_CARD)
        return cards


def table_file(name: str, columns: Sequence[Column], keywords: Mapping[str, Any]) -> bytes:
    """Write a FITS file with an empty primary HDU and one table.

    Parameters
    ----------
    name
        EXTNAME.
    columns
        With the same number of values each.
    keywords
        Further cards of the table's header.
    """
    count = len(columns[0].values)
    layout = np.dtype([(f"f{n}", column.values.dtype.newbyteorder(">")) for n, column in enumerate(columns)])
    rows = np.empty(count, layout)
    for number, column in enumerate(columns):
        rows[f"f{number}"] = column.values
    data = _whole(rows.tobytes(), b"\0")
    sizes = {
        "XTENSION": ("BINTABLE", "binary table extension"),
        "BITPIX": (8, "array data type"),
        "NAXIS": (2, "number of array dimensions"),
        "NAXIS1": (layout.itemsize, "length of dimension 1"),
        "NAXIS2": (count, "length of dimension 2"),
        "PCOUNT": (0, "number of group parameters"),
        "GCOUNT": (1, "number of groups"),
        "TFIELDS": (len(columns), "number of table fields"),
    }
    header = [_card(keyword, *value) for keyword, value in sizes.items()]
    header += [column.cards(number) for number, column in enumerate(columns, start=1)]
    header.append(_card("EXTNAME", name, "extension name"))
    header += [_card(keyword, value) for keyword, value in keywords.items()]
    return _primary() + _with_sums("".join(header), data)


@cache
def _primary() -> bytes:
    cards = {
        "SIMPLE": (True, "conforms to FITS standard"),
        "BITPIX": (8, "array data type"),
        "NAXIS": (0, "number of array dimensions"),
        "EXTEND": (True, ""),
    }
    return _with_sums("".join(_card(keyword, *value) for keyword, value in cards.items()), b"")


def _with_sums(header: str, data: bytes) -> bytes:
    """Put an HDU together, with checksums (FITS standard 4.0, section 4.4.2.7)."""
    datasum = _sum(data)
    end = _card("DATASUM", str(datasum), CHECKSUM_COMMENT) + "END".ljust(FITS_CARD)
    blank = header + _card("CHECKSUM", "0" * 16, CHECKSUM_COMMENT) + end
    total = _sum(_whole(blank.encode("ascii"), b" "), datasum)
    written = header + _card("CHECKSUM", encoded(~total & 0xFFFFFFFF), CHECKSUM_COMMENT) + end
    return _whole(written.encode("ascii"), b" ") + data


def _sum(content: bytes, start: int = 0) -> int:
    """Add up 32-bit words in ones' complement."""
    total = start + int(np.frombuffer(content, ">u4").sum(dtype=np.uint64))
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def encoded(value: int) -> str:
    """Write a sum as sixteen letters and digits: FITS standard 4.0, appendix J."""
    columns = []
    for byte in value.to_bytes(4, "big"):
        quarter, rest = divmod(byte, 4)
        found = [quarter + ZERO + (rest if place == 0 else 0) for place in range(4)]
        while any(code in PUNCTUATION for code in found):
            for place in (0, 2):
                if found[place] in PUNCTUATION or found[place + 1] in PUNCTUATION:
                    found[place] += 1
                    found[place + 1] -= 1
        columns.append(found)
    letters = "".join(chr(columns[byte][place]) for place in range(4) for byte in range(4))
    return letters[-1:] + letters[:-1]


def _whole(content: bytes, filler: bytes) -> bytes:
    """Fill up to whole blocks."""
    return content.ljust(-(-len(content) // FITS_BLOCK) * FITS_BLOCK, filler)


def _text_card(keyword: str, value: str) -> str:
    return f"{keyword:<8}= '{value:<8}'".ljust(FITS_CARD)


def _card(keyword: str, value: Any, comment: str = "") -> str:
    # To a cache, -0.0 is 0.0.
    make = _new_card if isinstance(value, float) else _known_card
    return make(keyword, value, comment)


def _new_card(keyword: str, value: Any, comment: str) -> str:
    return str(fits.Card(keyword, value, comment or None).image)


_known_card = lru_cache(maxsize=4096, typed=True)(_new_card)
