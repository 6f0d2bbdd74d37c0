"""Changes to FITS files that keep enough of their structure for readers to go on: fuzzing needs them."""

from __future__ import annotations

import gzip
import random
import struct
import zlib

from ingest.constants import FITS_BLOCK, FITS_CARD

LARGEST = 64 * 1024
"""Bytes of a fuzzed file: small ones are quick."""

_TRAILER = 8
_VALUES = (
    b"-1", b"0", b"1", b"2", b"7", b"8", b"64", b"-32", b"999", b"2147483648", b"1E400", b"-1.0E-300", b"NAN",
    b"T", b"F", b"", b"''", b"'1D'", b"'0D'", b"'3E'", b"'1PE(9)'", b"'8A'", b"'16X'", b"'(2,2)'", b"'TeV'",
    b"'mag'", b"'UTC'", b"'UT1'", b"'GPS'", b"'EVENTS'", b"'GTI'", b"'RESPONSE'", b"'IMAGE'", b"'BINTABLE'",
    b"'DRIFT'", b"'FK5'", b"(1, 2)", b"'unclosed",
)  # fmt: skip
_NUMBERS = (0.0, -1.0, float("nan"), float("inf"), 1e308, 5e-324, 86400.0)


def _places(content: bytes) -> list[int]:
    """Give where cards with values are."""
    at = range(0, len(content) - FITS_CARD + 1, FITS_CARD)
    return [place for place in at if content[place + 8 : place + 10] == b"= "]


def _card(content: bytearray, chosen: random.Random, places: list[int]) -> None:
    at = chosen.choice(places)
    how = chosen.randrange(4)
    if how == 0:
        content[at + 10 : at + FITS_CARD] = chosen.choice(_VALUES).rjust(20).ljust(FITS_CARD - 10)
    elif how == 1:
        content[at : at + FITS_CARD] = content[(other := chosen.choice(places)) : other + FITS_CARD]
    elif how == 2:
        other = chosen.choice(places)
        content[at + 10 : at + FITS_CARD] = content[other + 10 : other + FITS_CARD]
    else:
        content[at + chosen.randrange(FITS_CARD)] = chosen.choice(b" '/=.-0123456789TFABEDPQX(),\0\xff")


def _data(content: bytearray, chosen: random.Random) -> None:
    if len(content) < 8:
        return
    at = chosen.randrange(len(content) - 7) // 4 * 4
    if at + 8 <= len(content):
        content[at : at + 8] = struct.pack(">d", chosen.choice(_NUMBERS))


def _blocks(content: bytearray, chosen: random.Random) -> None:
    number = len(content) // FITS_BLOCK
    if not number:
        return
    at = chosen.randrange(number) * FITS_BLOCK
    block = bytes(content[at : at + FITS_BLOCK])
    how = chosen.randrange(3)
    if how == 0:
        del content[at : at + FITS_BLOCK]
    elif how == 1:
        content[at:at] = block
    else:
        del content[at + chosen.randrange(FITS_BLOCK) :]


def changed(content: bytes, seed: int) -> bytes:
    """Change a file, packed or not, in one to four places."""
    chosen = random.Random(seed)
    packed = content[:2] == b"\x1f\x8b"
    if packed:
        try:
            content = zlib.decompressobj(31).decompress(content, LARGEST)
        except zlib.error:
            packed = False
    made = bytearray(content)
    for _ in range(chosen.randint(1, 4)):
        places = _places(bytes(made))
        how = chosen.randrange(8)
        if how < 5 and places:
            _card(made, chosen, places)
        elif how < 7:
            _data(made, chosen)
        else:
            _blocks(made, chosen)
    done = bytes(made[:LARGEST])
    if packed or not chosen.randrange(16):
        stream = bytearray(gzip.compress(done, 1, mtime=0))
        if not chosen.randrange(4):
            stream[chosen.randrange(len(stream))] ^= 1 << chosen.randrange(8)
        done = bytes(stream)
    return done
