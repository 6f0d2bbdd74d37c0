"""The pictures of data sets: which there are, what they say, where they are kept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gavo import base

from datalink import catalogue
from datalink.files import EventList, File
from datalink.parts import CREATOR, Content
from datalink.previews import EVENT_KINDS, RESPONSE_KINDS, Subject, provenance_line
from datalink.previews.cache import Key, Previews
from ingest.companions import TITLES
from ingest.constants import EV_PER_TEV
from ingest.errors import CherenkovVOError

PATH = rf"(?P<stem>.*?)(?:_(?P<kind>{'|'.join(EVENT_KINDS)}))?(?P<small>-small)?\.png"
"""Path of a picture: that of the data set's file without its suffix, the kind, and which size."""

MEDIA_TYPE = "image/png"


@dataclass(frozen=True)
class Picture:
    """A picture that can be drawn.

    Attributes
    ----------
    kind, size, subject
        As `datalink.previews.draw` takes them.
    content
        The file that it is drawn from.
    key
        What it is kept under.
    """

    kind: str
    size: str
    subject: Subject
    content: Content
    key: Key

    @staticmethod
    def of(kind: str, size: str, subject: Subject, content: Content) -> Picture:
        """Make one with its key."""
        return Picture(kind, size, subject, content, Key.of(content.etag, kind, size, subject))


def at(file: File, kind: str | None, *, small: bool) -> Picture | None:
    """Give a picture of a data set; None if there is no such picture of it.

    Parameters
    ----------
    file
        The file of the data set alone.
    kind
        Which one of an event list; None for a response.
    small
        Whether it is for a list of many.

    Raises
    ------
    UnreadableFileError
        The file is gone or is not what was imported.
    """
    hdu = file.hdus[0].kind if file.hdus else None
    size = "small" if small else "full"
    if hdu == "events" and kind in EVENT_KINDS and file.pieces is not None:
        (events, *_) = catalogue.find([file.dataset], file.collection).event_lists
        return Picture.of(str(kind), size, _of_events(events, file), catalogue.bytes_of(file))
    if hdu is not None and hdu in RESPONSE_KINDS and kind is None and len(file.hdus) == 1:
        return Picture.of(RESPONSE_KINDS[hdu], size, _of_response(file), catalogue.bytes_of(file))
    return None


def cached(picture: Picture) -> Path | None:
    """Give the file of a picture if it was drawn before."""
    return _previews().cached(picture.key)


def drawn(picture: Picture) -> Path:
    """Give the file of a picture; draws it if need be, and waits for that.

    Raises
    ------
    CherenkovVOError
        It cannot be drawn.
    """
    return _previews().get(picture.key, picture.kind, picture.content.chunks, picture.subject, picture.size)


def sizes(event_lists: Iterable[EventList], files: Iterable[File]) -> dict[str, int]:
    """Give the sizes of those pictures that are drawn already.

    Parameters
    ----------
    event_lists, files
        The data sets; pictures of responses are those of `files`.

    Returns
    -------
    dict
        Path from the server's root to number of bytes.
    """
    wanted: list[tuple[File, str, str, Subject]] = []
    for events in event_lists:
        for file in events.files[:1]:
            if file.semantics == "#this":
                subject = _of_events(events, file)
                wanted += [(file, f"_{kind}", kind, subject) for kind in EVENT_KINDS]
    for file in files:
        if len(file.hdus) == 1 and file.hdus[0].kind in RESPONSE_KINDS:
            wanted.append((file, "", RESPONSE_KINDS[file.hdus[0].kind], _of_response(file)))
    etags = {path: _etag(file) for path, file in {file.path: file for file, *_ in wanted}.items()}
    found = {}
    for file, suffix, kind, subject in wanted:
        stem, etag = file.path.removesuffix(".fits") + suffix, etags[file.path]
        for size, ending in (("full", ".png"), ("small", "-small.png")):
            length = None if etag is None else _previews().size(Key.of(etag, kind, size, subject))
            if length is not None:
                found[stem + ending] = length
    return found


def _etag(file: File) -> str | None:
    """Give the validator of a file; None if it cannot be read."""
    try:
        return catalogue.bytes_of(file).etag
    except CherenkovVOError:
        return None


@cache
def _previews() -> Previews:
    return Previews(Path(base.getConfig("cacheDir")) / "previews")


def _of_events(events: EventList, file: File) -> Subject:
    row = events.row
    title = " ".join(str(part) for part in (row["facility_name"], events.obs_id) if part)
    safe = _pair(row, "safe_energy_lo", "safe_energy_hi")
    return Subject(
        title=f"{title}, {row['target_name']}" if row["target_name"] else title,
        provenance=_line(row["obs_collection"], events.obs_id, row["facility_name"], row["obs_title"]),
        simulated=_simulated(row["obs_title"]),
        target_name=row["target_name"],
        target_deg=_pair(row, "ra_obj", "dec_obj"),
        pointing_deg=_pair(row, "s_ra", "s_dec"),
        fov_deg=row["s_fov"],
        safe_energy_ev=(safe[0] * EV_PER_TEV, safe[1] * EV_PER_TEV) if safe else None,
        file_name=file.name,
    )


def _of_response(file: File) -> Subject:
    return Subject(
        title=f"{TITLES[file.hdus[0].kind]}, {file.obs_id}",
        provenance=_line(file.collection, file.obs_id, None, file.description),
        simulated=_simulated(file.description),
        file_name=file.name,
    )


def _pair(row: Mapping[str, Any], first: str, second: str) -> tuple[float, float] | None:
    values = (row[first], row[second])
    if any(value is None or not math.isfinite(value) for value in values):
        return None
    return float(values[0]), float(values[1])


def _simulated(title: str) -> bool:
    """Tell by its title, as ingestion writes it, whether a data set is simulated."""
    return title.endswith("(simulated)")


def _line(collection: str, obs_id: str, facility: str | None, title: str) -> str:
    return provenance_line(
        collection,
        obs_id,
        facility=facility,
        publisher=base.getConfig("web", "sitename"),
        software=CREATOR,
        simulated=_simulated(title),
    )
