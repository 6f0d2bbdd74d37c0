"""Pictures of event lists and responses, for people who look for data: pure Python, no server.

`draw` makes one picture from a FITS file in memory; `datalink.previews.cache` keeps pictures on disk and
draws the missing ones in a process of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from datalink.previews.subject import VERSION, Subject, provenance_line

if TYPE_CHECKING:
    from datalink.previews.tables import Buffer

__all__ = [
    "EVENT_KINDS",
    "RESPONSE_KINDS",
    "SIZES",
    "VERSION",
    "Subject",
    "draw",
    "provenance_line",
]

EVENT_KINDS: tuple[str, ...] = ("counts-map", "energy-spectrum", "event-rate")
"""Pictures of an event list."""

RESPONSE_KINDS: Mapping[str, str] = MappingProxyType(
    {"aeff": "aeff", "edisp": "edisp", "psf": "psf", "bkg": "bkgrate", "rad_max": "rad-max"}
)
"""Kind of response (see `ingest.records.HDU`) to the kind of its picture."""

SIZES = ("full", "small")
"""Sizes of pictures."""


def draw(kind: str, content: Buffer, subject: Subject, size: str = "full") -> bytes:
    """Draw one picture.

    Memory is that of the content, of the columns' chunks (`datalink.previews.tables.CHUNK_ROWS`), and of
    one figure: it does not grow with the number of events. Gzipped content is unpacked into a temporary
    file. Threads take turns; warnings of the whole process are off while it draws.

    Parameters
    ----------
    kind
        One of `EVENT_KINDS` or of the values of `RESPONSE_KINDS`.
    content
        A FITS file with the event list and its GTI, or with the response: ``bytes`` or an ``mmap``.
    subject
        What the picture says besides what is in the file.
    size
        One of `SIZES`: ``full`` has 1200 x 900 pixels, ``small`` 320 x 240 and a layout of its own.

    Returns
    -------
    bytes
        A PNG file, with Title, Source, Software and Simulated in its metadata.

    Raises
    ------
    ingest.errors.GADFError
        The file cannot be read, or a column that is needed is missing or makes no sense.
    ingest.errors.PreviewError
        There is no such kind or size.
    """
    # A server that only keeps pictures needs no Matplotlib in its own memory.
    from datalink.previews import drawing  # noqa: PLC0415

    return drawing.draw(kind, content, subject, size)
