"""Read FITS headers: the first value of each keyword, card by card, each different card once.

Releases repeat most cards from file to file, so what a card says is remembered. Plain cards are read
here; for others (HIERARCH, CONTINUE, lower case, doubled quotes, no FITS at all) astropy is asked.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from astropy.io import fits

from ingest.constants import FITS_BLOCK, FITS_CARD

_END = b"END".ljust(FITS_CARD)
_COMMENTARY = ("COMMENT", "HISTORY", "", "END")
# Cards by their images: what is in them never changes. Emptied when it is full.
_KNOWN: dict[bytes, _Card] = {}
_MOST_KNOWN = 200_000
_HEADERS_REMEMBERED = 256  # those of responses are often the same in many files
# FITS 4.0, section 4.2: keyword, value indicator, then a string, logical, integer or real; no comment needed.
_PLAIN = re.compile(
    rb"([A-Z0-9_-]+) *= +(?:'([ -&(-~]*)'|([TF])|([+-]?[0-9]+)"
    rb"|([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[ED][+-]?[0-9]+)?)) *(?:/[ -~]*)?"
)
_TEXT = re.compile(rb"[ -~]*")
_KEYWORD = re.compile(rb"[A-Z0-9_-]+")
_DAMAGED_END = re.compile(rb"END(?![A-Z0-9_-])")


class NotPlainError(Exception):
    """A file is made in a way that only astropy knows, or damaged: astropy shall judge it.

    Parameters
    ----------
    problem
        What was found.
    keyword
        The header keyword concerned, if it is one.
    fatal
        Whether astropy need not be asked, who would not notice.

    Attributes
    ----------
    hdu
        Name of the HDU, as soon as it is known.
    """

    def __init__(self, problem: object, keyword: str | None = None, *, fatal: bool = False) -> None:
        super().__init__(problem)
        self.keyword = keyword
        self.fatal = fatal
        self.hdu: str | None = None


class _Card(NamedTuple):
    """What a card says: a keyword, None if it says nothing, and its value.

    Without a value, `image` is set: to the card's if it is no FITS, else to an empty text.
    """

    keyword: str | None
    value: Any = None
    image: str | None = None


_NOTHING = _Card(None)


class Header(NamedTuple):
    """A header.

    Attributes
    ----------
    values
        Keyword to the first value that is one; without commentary. Not to be changed: equal headers share it.
    bad
        Keyword and image of each card that is no FITS.
    odd
        Keywords with more than one card, or with one that has no value.
    size
        In bytes, padding included.
    checked_size
        The same once it has the cards CHECKSUM and DATASUM (`ingest.checksums`).
    """

    values: dict[str, Any]
    bad: list[tuple[str, str]]
    odd: set[str]
    size: int
    checked_size: int


def read_header(content: bytes | bytearray, start: int) -> Header:
    """Read the header that starts at a byte.

    Raises
    ------
    NotPlainError
        It has no END card, or bytes that are no text.
    EOFError
        The content ends before an END card.
    """
    end = content.find(_END, start)
    while end >= 0 and (end - start) % FITS_CARD:
        end = content.find(_END, end + 1)
    if end < 0:
        raise EOFError
    return _parsed(bytes(content[start:end]))


@functools.lru_cache(maxsize=_HEADERS_REMEMBERED)
def _parsed(header: bytes) -> Header:
    values: dict[str, Any] = {}
    bad: list[tuple[str, str]] = []
    odd: set[str] = set()
    known = _KNOWN
    for image in _images(header):
        card = known.get(image) or _learn(image)
        keyword = card[0]
        if keyword is None:
            continue
        if card[2] is not None:
            odd.add(keyword)
            if card[2]:
                bad.append((keyword, card[2]))
        elif keyword in values:
            odd.add(keyword)
        else:
            values[keyword] = card[1]
    number = len(header) // FITS_CARD + 1
    missing = len({"CHECKSUM", "DATASUM"} - values.keys() - odd)
    return Header(values, bad, odd, _blocks(number), _blocks(number + missing))


def _blocks(cards: int) -> int:
    return -(-cards * FITS_CARD // FITS_BLOCK) * FITS_BLOCK


def _images(header: bytes) -> Iterator[bytes] | list[bytes]:
    found = [header[at : at + FITS_CARD] for at in range(0, len(header), FITS_CARD)]
    return _joined(found) if b"CONTINUE" in header else found


def _joined(images: list[bytes]) -> Iterator[bytes]:
    """Join each card with the CONTINUE cards behind it."""
    together = images[0]
    for image in images[1:]:
        if image.startswith(b"CONTINUE"):
            together += image
        else:
            yield together
            together = image
    yield together


def _learn(image: bytes) -> _Card:
    if len(_KNOWN) >= _MOST_KNOWN:
        _KNOWN.clear()
    card = _KNOWN[image] = _read(image)
    return card


def _read(image: bytes) -> _Card:
    plain = _PLAIN.fullmatch(image) if image[8:9] == b"=" and len(image) == FITS_CARD else None
    if plain is None:
        return _asked(image)
    keyword, text, logical, integer, real = plain.groups()
    if keyword.decode("ascii") in (*_COMMENTARY, "CONTINUE") or (text is not None and b": " in text):
        return _asked(image)  # a record-valued card, perhaps
    name = keyword.decode("ascii")
    if text is not None:
        return _Card(name, text.decode("ascii").rstrip())
    if logical is not None:
        return _Card(name, logical == b"T")
    if integer is not None:
        return _Card(name, int(integer))
    return _Card(name, float(real.replace(b"D", b"E")))


def _keyword_of(image: bytes) -> str | None:
    found = _KEYWORD.match(image)
    return found[0].decode("ascii") if found else None


def _asked(image: bytes) -> _Card:
    """Ask astropy what a card says."""
    if image[:8] in (b"COMMENT ", b"HISTORY ", b" " * 8) and _TEXT.fullmatch(image):
        return _NOTHING
    if not _TEXT.fullmatch(image) or _DAMAGED_END.match(image):
        raise NotPlainError(f"{bytes(image).rstrip()!r} is no card of FITS", _keyword_of(image))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _of_astropy(fits.Card.fromstring(image), image)
        except Exception as error:  # astropy has no common root for what damaged cards make it raise
            raise NotPlainError(image) from error


def _of_astropy(card: fits.Card, image: bytes) -> _Card:
    keyword = card.keyword
    if keyword in _COMMENTARY:
        return _NOTHING
    if keyword in ("CHECKSUM", "DATASUM") and not image.startswith(keyword.encode("ascii").ljust(8)):
        raise NotPlainError(image)  # it counts as that only in some places
    try:
        value = card.value
    except (fits.VerifyError, ValueError, TypeError):
        return _Card(keyword, None, str(card.image))
    return _Card(keyword, None, "") if isinstance(value, fits.card.Undefined) else _Card(keyword, value)
