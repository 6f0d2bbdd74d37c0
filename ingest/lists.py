"""Which good time intervals and responses belong to which event list of an observation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.hdus import number_suffix
from ingest.records import HDU, RESPONSES
from ingest.scan import Scanned

_LABELS = ("EVTYPE", "EV_CLASS", "EXTVER")


@dataclass(frozen=True)
class Part:
    """One HDU of a scanned file."""

    scanned: Scanned
    number: int

    @property
    def hdu(self) -> HDU:
        """The HDU."""
        return self.scanned.hdus[self.number]


@dataclass(frozen=True)
class Labels:
    """What tells the event lists of an observation apart.

    Attributes
    ----------
    texts
        One per event list; None if there is only one.
    keyword
        The header keyword they come from; None for numbers of EXTNAME, or a mere count.
    """

    texts: tuple[str | None, ...]
    keyword: str | None = None


def labels(headers: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Labels:
    """Find labels of event lists: the first of EVTYPE, EV_CLASS, EXTVER that differ, or EXTNAME.

    Parameters
    ----------
    headers
        Keywords under canonical names.
    names
        EXTNAME of each.
    """
    if len(headers) == 1:
        return Labels((None,))
    for keyword in _LABELS:
        texts = tuple(_text(header.get(keyword)) for header in headers)
        if None not in texts and len(set(texts)) == len(texts):
            return Labels(texts, keyword)
    if len(set(names)) == len(names):
        return Labels(tuple(names))
    return Labels(tuple(f"{name} ({number})" for number, name in enumerate(names, 1)))


def _text(value: Any) -> str | None:
    return None if value is None else str(value).strip() or None


def _label_of(part: Part, keyword: str | None) -> str | None:
    if keyword is None:
        return number_suffix(part.hdu.name)
    aliases = {"EVTYPE": ("EVENT_TYPE",), "EV_CLASS": ("EVCLASS", "EVENT_CLASS")}.get(keyword, ())
    return next((text for name in (keyword, *aliases) if (text := _text(part.hdu.header.get(name)))), None)


def _labels_of_lists(events: Sequence[Part], found: Labels) -> list[str | None]:
    return list(found.texts) if found.keyword else [number_suffix(part.hdu.name) for part in events]


def match_gti(events: Sequence[Part], gtis: Sequence[Part], found: Labels) -> list[Part | None]:
    """Give each event list its GTI: of the same label, the same EXTVER, the one that follows, the first."""
    if not gtis:
        return [None] * len(events)
    wanted = _labels_of_lists(events, found)
    matched: list[Part | None] = []
    for part, label in zip(events, wanted, strict=True):
        same = [gti for gti in gtis if label is not None and _label_of(gti, found.keyword) == label]
        if not same and len(gtis) > 1 and "EXTVER" in part.hdu.header:
            same = [gti for gti in gtis if gti.hdu.header.get("EXTVER") == part.hdu.header["EXTVER"]]
        matched.append((same or _following(part, gtis) or list(gtis))[0])
    return matched


def _following(part: Part, gtis: Sequence[Part]) -> list[Part]:
    return [gti for gti in gtis if gti.scanned.path == part.scanned.path and gti.number > part.number]


def match_responses(
    events: Sequence[Part], responses: Sequence[Part], found: Labels
) -> list[tuple[Part, ...]]:
    """Give each event list the responses of its label; where there are none, those that have no list's."""
    wanted = _labels_of_lists(events, found)
    chosen: list[list[Part]] = [[] for _ in events]
    for kind in RESPONSES:
        of_kind = [part for part in responses if part.hdu.kind == kind]
        said = [_label_of(part, found.keyword) for part in of_kind]
        # EXTVER is 1 by habit: it tells something only where it differs.
        if len(events) == 1 or (found.keyword == "EXTVER" and len(set(said)) < 2):
            said = [None] * len(of_kind)
        for number, own in enumerate(wanted):
            same = [
                part for part, label in zip(of_kind, said, strict=True) if label is not None and label == own
            ]
            shared = [
                part
                for part, label in zip(of_kind, said, strict=True)
                if label not in wanted or label is None
            ]
            chosen[number] += same or shared
    return [tuple(parts) for parts in chosen]
