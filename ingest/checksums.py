"""Room for checksums in the header of an HDU (FITS standard 4.0, section 4.4.2.7)."""

from __future__ import annotations

from ingest.constants import FITS_BLOCK, FITS_CARD

_END = b"END".ljust(FITS_CARD)
_CARDS = {
    b"CHECKSUM": b"CHECKSUM= '0000000000000000'".ljust(FITS_CARD),
    b"DATASUM": b"DATASUM = '0       '".ljust(FITS_CARD),
}


def with_checksum_cards(header: bytes) -> bytes:
    """Give a header that has the cards CHECKSUM and DATASUM, at its end if they were missing.

    Parameters
    ----------
    header
        Whole FITS blocks as they are in the file.

    Returns
    -------
    bytes
        Whole FITS blocks; the values of added cards are not set.

    Raises
    ------
    ValueError
        The header has no end.
    """
    cards = [header[start : start + FITS_CARD] for start in range(0, len(header), FITS_CARD)]
    if _END not in cards:
        raise ValueError("the header has no END card")
    cards = cards[: cards.index(_END)]
    names = {card[:8].rstrip() for card in cards}
    cards += [card for name, card in _CARDS.items() if name not in names]
    written = b"".join([*cards, _END])
    return written.ljust(-(-len(written) // FITS_BLOCK) * FITS_BLOCK)
