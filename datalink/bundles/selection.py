"""What goes into a bundle: which files of which runs, and what has to stay out, with the reason."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datalink.bundles.index import INDEXED
from datalink.files import EventList, File, FileHDU, Found, User

THIS, CALIBRATION, PACKAGE = "#this", "#calibration", "#package"

UNKNOWN, SENSELESS, WITHHELD, EMPTY = "unknown", "senseless", "withheld", "empty"


@dataclass(frozen=True)
class LeftOut:
    """Something that was asked for and is not in the bundle.

    Attributes
    ----------
    identifier
        As it may be shown.
    kind
        ``unknown``, ``senseless`` (no identifier at all), ``withheld`` (the user has no right to it) or
        ``empty`` (there are no files of it).
    reason
        One sentence.
    """

    identifier: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Place:
    """An HDU and the file of the bundle that it is in."""

    file: File
    hdu: FileHDU


@dataclass(frozen=True)
class Chosen:
    """A run that goes into a bundle.

    Attributes
    ----------
    events
        Its event list with all its files.
    files
        Those of the files that go in.
    places
        Its HDUs for the index tables.
    unnamed
        Files with HDUs that an index cannot point to, because their names are not their own.
    """

    events: EventList
    files: tuple[File, ...]
    places: tuple[Place, ...]
    unnamed: tuple[File, ...]


@dataclass(frozen=True)
class Selection:
    """What goes into a bundle, and what does not.

    Attributes
    ----------
    runs
        In the order of their identifiers.
    files
        All files, each once, in the order of their paths; those of the runs and others.
    left_out
        In the order of their identifiers.
    private
        Whether some file is not for everybody.
    """

    runs: tuple[Chosen, ...]
    files: tuple[File, ...]
    left_out: tuple[LeftOut, ...]
    private: bool


def select(found: Found, user: User, today: datetime.date) -> Selection:
    """Select what a user may have.

    Parameters
    ----------
    found
        What was asked for; its order plays no role.
    user
        Who asks.
    today
        The day (UTC) that decides on embargoes.
    """
    runs: list[Chosen] = []
    files: dict[str, File] = {}
    left_out = [
        LeftOut(fault.identifier, SENSELESS if fault.kind == "UsageFault" else UNKNOWN, fault.message)
        for fault in found.faults
    ]
    for events in sorted(found.event_lists, key=lambda events: events.did):
        refused = _refused(events, user, today)
        left_out += refused
        if any(left.identifier == events.did for left in refused):
            continue
        chosen = _choose(events, [file for file in events.files if file.access.open_to(user, today)])
        runs.append(chosen)
        files |= {file.path: file for file in chosen.files}
    for file in found.files:
        if file.access.open_to(user, today):
            files[file.path] = file
        else:
            left_out.append(LeftOut(file.dataset, WITHHELD, file.access.reason))
    return Selection(
        runs=tuple(runs),
        files=tuple(files[path] for path in sorted(files)),
        left_out=tuple(sorted(set(left_out), key=lambda left: (left.identifier, left.reason))),
        private=any(file.access.restricted(today) for file in files.values()),
    )


def _refused(events: EventList, user: User, today: datetime.date) -> list[LeftOut]:
    """Give what of a run cannot be sent: the event list, and so all of it, or single responses."""
    own = [file for file in events.files if file.semantics == THIS]
    if not own:
        return [LeftOut(events.did, EMPTY, "The release has no events of this observation.")]
    closed = [file for file in own if not file.access.open_to(user, today)]
    if closed:
        return [LeftOut(events.did, WITHHELD, closed[0].access.reason)]
    return [
        LeftOut(file.dataset, WITHHELD, file.access.reason)
        for file in events.files
        if file.semantics == CALIBRATION and not file.access.open_to(user, today)
    ]


def _choose(events: EventList, files: Sequence[File]) -> Chosen:
    """Take the whole file if the run has one and its HDUs can be told apart by name, else single files."""
    single = tuple(file for file in files if file.semantics in (THIS, CALIBRATION))
    places = [Place(file, hdu) for file in single for hdu in file.hdus if hdu.kind in INDEXED]
    for whole in files:
        if whole.semantics == PACKAGE and whole.pieces is None:
            inside = [Place(whole, place.hdu) for place in places]
            if all(_has_own_name(place) for place in inside):
                return Chosen(events, (whole,), tuple(inside), ())
    named = tuple(place for place in places if _has_own_name(place))
    unnamed = {place.file.path: place.file for place in places if not _has_own_name(place)}
    return Chosen(events, single, named, tuple(unnamed.values()))


def _has_own_name(place: Place) -> bool:
    """Tell whether readers find an HDU by its name, which they take without regard to case."""
    counts = Counter(_name(hdu) for hdu in place.file.hdus)
    return bool(_name(place.hdu)) and counts[_name(place.hdu)] == 1


def _name(hdu: FileHDU) -> str:
    return hdu.name.strip().upper()


def withheld(left_out: Iterable[LeftOut]) -> list[LeftOut]:
    """Give what stays out for want of a right."""
    return [left for left in left_out if left.kind == WITHHELD]
