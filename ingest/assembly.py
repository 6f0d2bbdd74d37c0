"""Put one observation together from scanned HDUs and a row of an observation index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ingest import intervals as gti
from ingest.errors import UnreadableFileError
from ingest.hdus import enclosure
from ingest.keywords import canonical, finite, merged, obs_id, time_reference
from ingest.lists import Part, labels, match_gti, match_responses
from ingest.performance import Performance
from ingest.records import HDU, Deviation, EventList, Keywords, Observation, Response
from ingest.storage import status
from ingest.times import TimeReference

_NAMES = {
    "aeff": "effective area",
    "edisp": "energy dispersion",
    "psf": "point spread function",
    "bkg": "background",
}


@dataclass(frozen=True)
class Material:
    """The HDUs of one observation."""

    events: list[Part] = field(default_factory=list)
    gtis: list[Part] = field(default_factory=list)
    responses: list[Part] = field(default_factory=list)


def assemble(
    material: Material, row: Mapping[str, Any], table: HDU | None, notes: list[Deviation]
) -> Observation:
    """Make the record of one observation.

    Parameters
    ----------
    material
        Its HDUs; without an event list it is made of the index alone.
    row
        Row of the observation index under canonical names, empty without an index.
    table
        The index table, for messages; None without an index.
    notes
        What was odd so far; it goes into the record.

    Raises
    ------
    UnreadableFileError
        The event lists are of several runs.
    KeywordError
        A keyword or column that is needed is missing or senseless.
    """
    several = len(material.events) > 1
    found = labels(
        [canonical(part.hdu.header, part.hdu, []) for part in material.events] if several else [row],
        [part.hdu.name for part in material.events],
    )
    intervals = match_gti(material.events, material.gtis, found)
    lists: list[EventList] = []
    if material.events:
        responses = match_responses(material.events, material.responses, found)
        for part, label, gti_part, own in zip(
            material.events, found.texts, intervals, responses, strict=True
        ):
            lists.append(_event_list(part, label, gti_part, own, row=row, table=table, notes=notes))
        names = {obs_id(one.keywords) for one in lists}
        if len(names) > 1:
            raise UnreadableFileError(
                material.events[0].hdu.path, f"event lists of several runs: OBS_ID {', '.join(sorted(names))}"
            )
        _once(notes)
        first = material.events[0].scanned
        return Observation(names.pop(), first.path, first.file_size, first.hdus, tuple(lists), notes)
    assert table is not None
    only = _without_events(material, row, table, notes)
    _once(notes)
    return Observation(obs_id(only.keywords), table.path, status(table.path).size, (), (only,), notes)


def _once(notes: list[Deviation]) -> None:
    # Two event lists share much; what is odd there is said once.
    notes[:] = dict.fromkeys(notes)


def _event_list(
    part: Part,
    label: str | None,
    gti_part: Part | None,
    responses: tuple[Part, ...],
    *,
    row: Mapping[str, Any],
    table: HDU | None,
    notes: list[Deviation],
) -> EventList:
    hdu, facts = part.hdu, part.scanned.events[part.number]
    keywords = merged(hdu.header, row, hdu, notes)
    values = dict(keywords)
    reference = _reference(keywords)
    if table is not None:
        _compare(hdu, values, row=row, table=table, reference=reference, notes=notes)
    good = np.empty((0, 2))
    if gti_part is not None:
        good = gti.good_times(gti_part.hdu, gti_part.scanned.gtis[gti_part.number], values, reference, notes)
    gti.limits(values, good, facts, reference=reference, hdu=hdu, notes=notes)
    if gti_part is None:
        good = gti.whole_observation(values, reference, hdu, notes)
    else:
        gti.check_inside(good, values, reference, gti_part.hdu, notes)
    points = _points(values, hdu, notes)
    _check_responses(responses, values, hdu, notes)
    return EventList(
        label=label,
        keywords=Keywords(values, hdu.path, hdu.name, notes),
        events=hdu,
        gti=None if gti_part is None else gti_part.hdu,
        n_events=facts.n_events,
        event_energy_tev=facts.energy_tev,
        safe_energy_tev=_safe_energies(responses, values, hdu, notes),
        event_box_deg=None if points else facts.box_deg,
        time_reference=reference,
        intervals=good,
        responses=_responses(responses, notes),
        performance=_performance(responses),
    )


def _without_events(
    material: Material, row: Mapping[str, Any], table: HDU, notes: list[Deviation]
) -> EventList:
    keywords = merged({}, row, table, notes)
    values = dict(keywords)
    reference = _reference(keywords)
    notes.append(Deviation(table.path, None, None, None, "no event list, the observation index alone"))
    good, gti_hdu = np.empty((0, 2)), None
    if material.gtis:
        part = material.gtis[0]
        gti_hdu = part.hdu
        good = gti.good_times(part.hdu, part.scanned.gtis[part.number], values, reference, notes)
    gti.limits(values, good, None, reference=reference, hdu=table, notes=notes)
    if gti_hdu is None:
        good = gti.whole_observation(values, reference, table, [])
    _points(values, table, notes)
    count = finite(values, "EVENT_COUNT")
    responses = tuple(material.responses)
    if responses:
        _check_responses(responses, values, table, notes)
    return EventList(
        label=None,
        keywords=Keywords(values, table.path, table.name, notes),
        events=None,
        gti=gti_hdu,
        n_events=int(count) if count is not None and count >= 0 else None,
        event_energy_tev=None,
        safe_energy_tev=_safe_energies(responses, values, table, notes),
        event_box_deg=None,
        time_reference=reference,
        intervals=good,
        responses=_responses(responses, notes),
        performance=_performance(responses),
    )


def _reference(keywords: Keywords) -> TimeReference:
    reference = time_reference(keywords, keywords)
    return reference.usable(finite(keywords, "TSTART") or 0.0, keywords.note)


def _compare(
    hdu: HDU,
    values: dict[str, Any],
    *,
    row: Mapping[str, Any],
    table: HDU,
    reference: TimeReference,
    notes: list[Deviation],
) -> None:
    """Bring times of the index to the event list's reference; note where header and index disagree."""
    header = canonical(hdu.header, hdu, [])
    shifted = dict(row)
    if any(key in row for key in ("MJDREFI", "MJDREF")):
        index_reference = time_reference(row, Keywords({}, table.path, table.name, []))
        for name in ("TSTART", "TSTOP"):
            elapsed = finite(row, name)
            if elapsed is not None and index_reference != reference:
                shifted[name] = float(reference.elapsed(index_reference.time(elapsed)))
                if name not in header:
                    values[name] = shifted[name]
    for name in ("RA_PNT", "DEC_PNT", "TSTART"):
        said, listed = finite(header, name), finite(shifted, name)
        if said is None or listed is None:
            continue
        apart = abs(said - listed)
        if name == "RA_PNT":
            apart = min(apart % 360.0, 360.0 - apart % 360.0)
        if apart > 2.0 * float(
            np.spacing(np.float32(max(abs(said), abs(listed), abs(finite(row, name) or 0.0))))
        ):
            notes.append(
                Deviation(hdu.path, hdu.name, name, repr(header[name]), f"used, not {listed!r} of the index")
            )
    own = obs_id(Keywords(header, hdu.path, hdu.name, [])) if "OBS_ID" in header else None
    if own is not None and own != str(row.get("OBS_ID", own)):
        notes.append(
            Deviation(hdu.path, hdu.name, "OBS_ID", repr(own), f"used, not {row['OBS_ID']!r} of the index")
        )


def _points(values: Mapping[str, Any], hdu: HDU, notes: list[Deviation]) -> bool:
    """Tell whether the telescopes pointed somewhere; note it if they should have."""
    if str(values.get("OBS_MODE", "")).strip().upper() == "DRIFT":
        return False
    if finite(values, "RA_PNT") is not None and finite(values, "DEC_PNT") is not None:
        return True
    missing = next(name for name in ("RA_PNT", "DEC_PNT") if finite(values, name) is None)
    value = values.get(missing)
    notes.append(
        Deviation(hdu.path, hdu.name, missing, None if value is None else repr(value), "no pointing")
    )
    return False


def _check_responses(
    responses: tuple[Part, ...], values: Mapping[str, Any], hdu: HDU, notes: list[Deviation]
) -> None:
    """Note which responses are missing."""
    kinds = {part.hdu.kind for part in responses}
    missing = [f"no {name}" for kind, name in _NAMES.items() if kind not in kinds]
    point_like = any(enclosure(part.hdu, []) == "point-like" for part in responses)
    if point_like:
        missing = [text for text in missing if text != f"no {_NAMES['psf']}"]
        has_cut = "rad_max" in kinds or finite(values, "RAD_MAX") is not None
        if not has_cut and not any(_has_cut(part) for part in responses):
            missing.append("no directional cut (RAD_MAX) of the point-like responses")
    for text in missing:
        found = Deviation(hdu.path, None, None, None, text)
        if found not in notes:
            notes.append(found)


def _has_cut(part: Part) -> bool:
    """Tell whether a response gives the cut itself, as a keyword or, in GADF 0.2, as a column."""
    header = part.hdu.header
    columns = (str(value).strip().upper() for key, value in header.items() if key.startswith("TTYPE"))
    return finite(header, "RAD_MAX") is not None or "RAD_MAX" in columns


def _responses(parts: tuple[Part, ...], notes: list[Deviation]) -> tuple[Response, ...]:
    found = []
    for part in parts:
        measured = part.scanned.measured[part.number]
        own: list[Deviation] = []
        found.append(Response(part.hdu, enclosure(part.hdu, own), measured.energy_tev, measured.offset_deg))
        notes += [note for note in own if note not in notes]
    return tuple(found)


def _performance(parts: tuple[Part, ...]) -> Performance:
    values = {}
    for kind in ("aeff", "psf", "edisp"):
        first = next((part for part in parts if part.hdu.kind == kind), None)
        values[kind] = None if first is None else first.scanned.measured[first.number].value
    return Performance(values["aeff"], values["psf"], values["edisp"])


def _safe_energies(
    parts: tuple[Part, ...], values: Mapping[str, Any], hdu: HDU, notes: list[Deviation]
) -> tuple[float, float] | None:
    """Give the safe energy range in TeV: of the effective area, else of the index."""
    aeff = next((part.hdu for part in parts if part.hdu.kind == "aeff"), None)
    given = [] if aeff is None else [(aeff, aeff.header, "LO_THRES", "HI_THRES")]
    for where, header, low, high in [*given, (hdu, values, "SAFE_ENERGY_LO", "SAFE_ENERGY_HI")]:
        if low not in header and high not in header:
            continue
        limits = finite(header, low), finite(header, high)
        if limits[0] is not None and limits[1] is not None and 0 < limits[0] < limits[1]:
            return limits[0], limits[1]
        value = f"{header.get(low)!r} to {header.get(high)!r}"
        found = Deviation(where.path, where.name, low, value, "no energy range in TeV, left NULL")
        if found not in notes:
            notes.append(found)
    return None
