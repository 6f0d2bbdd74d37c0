"""Harm to the structure of files: cuts, flipped bits, lies in headers, gzip streams."""

from __future__ import annotations

import gzip
import random
import struct
import zlib
from collections.abc import Iterator

from ingest.constants import FITS_BLOCK, MOST_IN_MEMORY
from ingest.plain import PlainHDU
from tests.corpus.made import CARD, Damaged, cards, good, hdus, packed, with_card

SEED = 20261129
LIES = ("-1", "3", "999999999999", "9223372036854775807", "'text'", "2.5", "T", "")
"""Values that no keyword of a table's structure has in a good file of ours."""

PER_HDU = ("BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS", "XTENSION", "SIMPLE")
FORMATS = ("'9999999E'", "'Q'", "'1PE(99)'", "'-1E'", "'0E'", "'1Z'", "7", "")
FLIPS = 12
CUTS = (1, CARD + 40, FITS_BLOCK // 2)


def _starts(hdu: PlainHDU) -> bool:
    return hdu.offset == 0


def cut() -> Iterator[Damaged]:
    """Cut files at every HDU, in headers, in the middle of blocks, and just before the end."""
    for kind, content in good().items():
        for number, hdu in enumerate(hdus(content)):
            places = {hdu.offset + some for some in CUTS} | {
                hdu.data_offset,
                (hdu.data_offset + hdu.offset + hdu.size) // 2 - 1,
                hdu.offset + hdu.size - FITS_BLOCK // 2,
            }
            if number:
                places.add(hdu.offset)
            for place in sorted(place for place in places if 0 < place < len(content)):
                yield Damaged(f"cut/{kind}/{number}/{place}", content[:place])


def flipped() -> Iterator[Damaged]:
    """Flip bits, some in headers and some in data."""
    chosen = random.Random(SEED)
    for kind, content in good().items():
        for number, hdu in enumerate(hdus(content)):
            for count in range(FLIPS):
                low, high = (
                    (hdu.offset, hdu.data_offset) if count % 2 else (hdu.offset, hdu.offset + hdu.size)
                )
                changed = bytearray(content)
                changed[chosen.randrange(low, high)] ^= 1 << chosen.randrange(8)
                yield Damaged(f"flipped/{kind}/{number}/{count}", bytes(changed))


def lying() -> Iterator[Damaged]:
    """Lie in each keyword of the structure of each HDU of a run."""
    content = good()["run"]
    for hdu in hdus(content):
        places = cards(content, hdu)
        wanted = [name for name in places if name in PER_HDU or name.startswith("TFORM")]
        for name in wanted:
            for value in FORMATS if name.startswith("TFORM") else LIES:
                named = f"lying/{hdu.name}/{name}/{value.strip(chr(39)) or 'blank'}"
                yield Damaged(named, with_card(content, places[name], value), hdu.name)
            yield Damaged(
                f"lying/{hdu.name}/{name}/missing", with_card(content, places[name], "1", "MISSING"), hdu.name
            )


def headers() -> Iterator[Damaged]:
    """Headers without an end, with an early one, with doubled keywords, with letters unknown to FITS."""
    content = good()["run"]
    for hdu in hdus(content):
        places = cards(content, hdu)
        end = content.index(b"END".ljust(CARD), hdu.offset)
        blank = b" " * CARD
        last = max(places.values())
        yield Damaged(f"header/{hdu.name}/no END", content[:end] + blank + content[end + CARD :])
        yield Damaged(f"header/{hdu.name}/ENDE", content[:end] + b"ENDE".ljust(CARD) + content[end + CARD :])
        early = min(places.values()) + CARD
        yield Damaged(
            f"header/{hdu.name}/early END", content[:early] + b"END".ljust(CARD) + content[early + CARD :]
        )
        for name in ("NAXIS", "EXTNAME", "HDUCLAS1", "OBS_ID"):
            if name in places:
                double = content[places[name] : places[name] + CARD].replace(b"= ", b"= ", 1)
                yield Damaged(
                    f"header/{hdu.name}/twice {name}", content[:last] + double + content[last + CARD :]
                )
        for label, odd in {"latin": b"\xe9", "nul": b"\0", "newline": b"\n", "utf": "λ".encode()}.items():
            changed = content[: last + 11] + odd + content[last + 11 + len(odd) :]
            yield Damaged(f"header/{hdu.name}/{label}", changed)


def gzips() -> Iterator[Damaged]:
    """Streams that are cut, damaged, lie, or are much larger than they look."""
    for kind, content in good().items():
        stream = packed(content)
        for part in (5, 15, len(stream) // 4, len(stream) // 2, len(stream) - 9, len(stream) - 3):
            yield Damaged(f"gzip/{kind}/cut {part}", stream[:part], refused=True)
        for place in (2, 3, 12, len(stream) // 2, len(stream) - 6, len(stream) - 2):
            changed = bytearray(stream)
            changed[place] ^= 0x55
            yield Damaged(f"gzip/{kind}/damaged {place}", bytes(changed), refused=place not in (3,))
        yield Damaged(f"gzip/{kind}/twice", gzip.compress(stream, 1, mtime=0), refused=True)
        yield Damaged(f"gzip/{kind}/rubbish behind", stream + b"rubbish", refused=True)
        yield Damaged(f"gzip/{kind}/two members", stream + stream, refused=False)
    yield from _bombs()


def _bombs() -> Iterator[Damaged]:
    content = good()["events"]
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    size = 4 * MOST_IN_MEMORY
    bomb = packer.compress(content) + b"".join(packer.compress(zeros) for _ in range(size >> 20))
    bomb += packer.flush()
    yield Damaged("gzip/bomb", bomb, refused=True)
    yield Damaged("gzip/bomb that lies", bomb[:-4] + struct.pack("<I", len(content)), refused=True)
    yield Damaged("gzip/bomb in members", packed(content) + 64 * packed(bytes(16 << 20)), refused=True)


def strange() -> Iterator[Damaged]:
    """What is no GADF file at all."""
    content = good()["events"]
    primary = content[: hdus(content)[1].offset]
    image = with_card(primary, cards(primary, hdus(primary)[0])["NAXIS"], "0")
    yield Damaged("strange/zero bytes", b"", refused=True)
    yield Damaged("strange/one byte", b"S", refused=True)
    yield Damaged("strange/text", b"OBS_ID,RA,DEC\n1,2,3\n" * 400, refused=True)
    yield Damaged("strange/primary only", primary, refused=True)
    yield Damaged("strange/image", image, refused=True)
    yield Damaged("strange/zeros", bytes(20 * FITS_BLOCK), refused=True)
    yield Damaged("strange/noise", random.Random(SEED).randbytes(20 * FITS_BLOCK), refused=True)
    yield Damaged("strange/page", b"<!DOCTYPE html><title>404</title>".ljust(FITS_BLOCK), refused=True)


KINDS = (cut, flipped, lying, headers, gzips, strange)
