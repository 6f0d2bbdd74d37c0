"""Choose what draws a kind of picture, and see that nothing else draws meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from datalink.previews import aeff, bkg, counts_map, edisp, event_rate, psf, rad_max, spectrum
from datalink.previews.page import MEASURES, Page, themed
from datalink.previews.subject import Subject
from datalink.previews.tables import Buffer, Tables, opened
from ingest.errors import PreviewError

_PAINTERS: Mapping[str, Callable[[Page, Tables], None]] = {
    "counts-map": counts_map.paint,
    "energy-spectrum": spectrum.paint,
    "event-rate": event_rate.paint,
    "aeff": aeff.paint,
    "edisp": edisp.paint,
    "psf": psf.paint,
    "bkgrate": bkg.paint,
    "rad-max": rad_max.paint,
}
# Matplotlib's settings and font cache are those of the whole process.
_one_at_a_time = threading.Lock()


def draw(kind: str, content: Buffer, subject: Subject, size: str) -> bytes:
    """Draw one picture, see `datalink.previews.draw`."""
    if kind not in _PAINTERS:
        raise PreviewError(f"no pictures of the kind {kind!r}, expected one of {', '.join(_PAINTERS)}")
    if size not in MEASURES:
        raise PreviewError(f"no pictures of the size {size!r}, expected one of {', '.join(MEASURES)}")
    with _one_at_a_time, opened(content, subject.file_name) as tables, themed(size):
        page = Page(subject, size, simulated=subject.simulated or tables.simulated)
        _PAINTERS[kind](page, tables)
        return page.png()
