"""The plan of a bundle: its members in their order, with their sizes, before any data are read.

The same request gives the same bytes as long as nothing is imported again: there is no time of day in a
bundle, and the order in which things were asked for plays no role.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from pathlib import Path
from urllib.parse import quote

from datalink.bundles import texts
from datalink.bundles.archive import Archive, Member, MemberError
from datalink.bundles.index import HDU_INDEX, OBS_INDEX, Entry, Run, hdu_index, numbers, obs_index
from datalink.bundles.selection import Chosen, LeftOut, Selection, select
from datalink.bundles.texts import LEFT_OUT, README, TERMS, Layout, Releases
from datalink.files import File, Found, User
from datalink.parts import Content
from datalink.provenance import prov_json
from ingest.errors import CherenkovVOError, UnreadableFileError
from ingest.identifiers import parse
from ingest.provenance import Facts

PROVENANCE = "provenance"

LONGEST_SEGMENT = 150
"""Characters of a name in a path of the archive; file systems allow 255 bytes."""

REMEMBERED = 20_000
"""Provenance documents whose sizes a server remembers: some megabytes."""


class NothingLeftError(CherenkovVOError):
    """There is nothing that could be sent.

    Parameters
    ----------
    left_out
        What was asked for, with reasons.
    """

    def __init__(self, left_out: Sequence[LeftOut]) -> None:
        self.left_out = tuple(left_out)
        super().__init__("nothing of what was asked for can be sent")


class SourceGoneError(CherenkovVOError):
    """A file that belongs into the bundle cannot be read, or is not what was imported.

    Parameters
    ----------
    dataset
        Whose file it is.
    """

    def __init__(self, dataset: str) -> None:
        self.dataset = dataset
        super().__init__(f"The file of {dataset} cannot be read at the moment.")


@dataclass(frozen=True)
class Holdings:
    """What else is known of what was found.

    Attributes
    ----------
    releases
        Collection to the configurations of its releases.
    facts
        Collection and obs_id (also that of a shared response) to provenance; none where it is unknown.
    content
        Gives the bytes of a file, and looks whether it is there.
    """

    releases: Releases
    facts: Mapping[tuple[str, str], Facts]
    content: Callable[[File], Content]


@dataclass(frozen=True)
class Plan:
    """A bundle that can be sent.

    Attributes
    ----------
    name
        Of its directory, and of the archive without its suffix.
    archive
        The archive.
    left_out
        What was asked for but is not in it.
    private
        Whether somebody without rights would not get it.
    """

    name: str
    archive: Archive
    left_out: tuple[LeftOut, ...]
    private: bool


def plan(found: Found, user: User, today: datetime.date, holdings: Holdings) -> Plan:
    """Plan a bundle.

    Parameters
    ----------
    found
        What was asked for.
    user
        Who asks.
    today
        The day (UTC) that decides on embargoes.
    holdings
        Whatever else is known of it.

    Raises
    ------
    NothingLeftError
        The user may have nothing of it, or nothing of it is there.
    SourceGoneError
        A file is missing in the archive.
    """
    selection = select(found, user, today)
    if not selection.files:
        raise NothingLeftError(selection.left_out)
    top = _top(selection)
    data = [_data(top, file, holdings.content) for file in selection.files]
    provenance = list(_provenance(top, selection, holdings.facts))
    newest = max(member.modified for member in (*data, *provenance))
    documents = [
        Member.of_bytes(f"{top}/{name}", content, newest)
        for name, content in _documents(top, selection, holdings.releases)
    ]
    archive = Archive([*documents, *provenance, *data])
    return Plan(top, archive, selection.left_out, selection.private)


def fingerprint(found: Found, user: User, today: datetime.date, holdings: Holdings) -> str:
    """Give a text that another bundle has not: what `plan` would make, without making it.

    Raises
    ------
    NothingLeftError, SourceGoneError
        As `plan`.
    """
    selection = select(found, user, today)
    if not selection.files:
        raise NothingLeftError(selection.left_out)
    data = [_data("", file, holdings.content) for file in selection.files]
    rows = [sorted(run.events.row.items()) for run in selection.runs]
    described = repr((data, selection, rows, sorted(holdings.facts.items()), holdings.releases))
    return hashlib.sha256(described.encode()).hexdigest()


def segment(text: str) -> str:
    """Make a text a part of a path: percent-encoded, never ``.`` or ``..``, shortened if it is long."""
    safe = quote(text, safe="")
    if set(safe) == {"."}:
        safe = safe.replace(".", "%2E")
    if len(safe) <= LONGEST_SEGMENT:
        return safe
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    half = LONGEST_SEGMENT // 2 - len(digest)
    return f"{safe[:half]}-{digest}-{safe[-half:]}"


def place(file: File) -> tuple[str, str]:
    """Give directory, relative to the bundle's, and name of a file."""
    return f"{file.collection}/{segment(file.obs_id)}", segment(file.name)


def _top(selection: Selection) -> str:
    """Name the directory after the observation if there is one only, else by what is in it."""
    runs = {(run.events.collection, run.events.obs_id) for run in selection.runs}
    own = {file.path for run in selection.runs for file in run.files}
    others = [file for file in selection.files if file.path not in own]
    names = runs | {(file.collection, file.obs_id) for file in others}
    if len(names) == 1:
        (only,) = names
        return re.sub(r"[^A-Za-z0-9_]+", "-", "_".join(only))[:LONGEST_SEGMENT].strip("-")
    datasets = sorted({run.events.did for run in selection.runs} | {file.dataset for file in others})
    digest = hashlib.sha256("\n".join(datasets).encode()).hexdigest()[:8]
    collections = {collection for collection, _ in names}
    return f"{collections.pop() if len(collections) == 1 else 'cherenkov'}-bundle-{digest}"


def _data(top: str, file: File, content: Callable[[File], Content]) -> Member:
    try:
        planned = content(file)
    except UnreadableFileError as error:
        raise SourceGoneError(file.dataset) from error

    def unchanged() -> Content:
        now = content(file)
        if now.etag != planned.etag:
            raise MemberError(f"{file.dataset}: its file changed while it was being sent")
        return now

    def chunks(start: int, stop: int) -> Iterator[bytes]:
        yield from unchanged().chunks(start, stop)

    def path_of_it() -> Path:
        now = unchanged()
        return now.inputs / now.source

    path = "/".join((top, *place(file)))
    whole = path_of_it if file.pieces is None and not planned.stored else None
    return Member(path, planned.size, planned.modified, planned.etag, chunks, whole)


def _provenance(top: str, selection: Selection, facts: Mapping[tuple[str, str], Facts]) -> Iterator[Member]:
    """Yield the provenance documents of the observations, and of files that several of them share."""
    for collection, obs_id in sorted({(file.collection, file.obs_id) for file in selection.files}):
        known = facts.get((collection, obs_id))
        if known is not None:
            name = f"{top}/{PROVENANCE}/{collection}/{segment(obs_id)}.json"
            yield _provenance_member(name, known.to_text(), known.ingested)


def _provenance_member(name: str, facts: str, ingested: str) -> Member:
    """Make a document that is written again when it is read, so that large bundles need no memory for it."""
    size, digest = measured(facts)

    def chunks(start: int, stop: int) -> Iterator[bytes]:
        yield prov_json(Facts.from_text(facts))[start:stop]

    return Member(name, size, datetime.datetime.fromisoformat(ingested).timestamp(), digest, chunks)


@lru_cache(maxsize=REMEMBERED)
def measured(facts: str) -> tuple[int, str]:
    """Give size and digest of a provenance document, from its facts as JSON."""
    written = prov_json(Facts.from_text(facts))
    return len(written), hashlib.sha256(written).hexdigest()


def _documents(top: str, selection: Selection, releases: Releases) -> Iterator[tuple[str, bytes]]:
    """Yield what is written for this bundle: index tables, README, terms; their names are relative."""
    runs = [run for run in selection.runs if run.places]
    ids = _obs_ids(runs)
    groups = _groups(runs, ids or _counted(runs))
    layout = Layout(top, {name: len(found) for name, found in groups.items()}, numbered=ids is None)
    for name, found in groups.items():
        before, up = (f"{name}/", "../") if name else ("", "")
        entries = [entry for obs_id, run in found.items() for entry in _entries(obs_id, run, up)]
        yield f"{before}{HDU_INDEX}", hdu_index(entries)
        yield f"{before}{OBS_INDEX}", obs_index([Run(n, run.events.row) for n, run in found.items()])
    yield README, texts.readme(selection, layout, releases).encode()
    if selection.left_out:
        yield LEFT_OUT, texts.left_out(selection.left_out).encode()
    yield TERMS, texts.terms(selection, releases).encode()


def _entries(obs_id: int, run: Chosen, up: str) -> Iterator[Entry]:
    for found in run.places:
        directory, name = place(found.file)
        yield Entry(
            obs_id=obs_id,
            kind=found.hdu.kind,
            form=found.hdu.form,
            directory=up + directory,
            file_name=name,
            hdu_name=found.hdu.name,
            size=found.file.size,
        )


Key = tuple[str, str]
"""Collection and obs_id."""


def _key(run: Chosen) -> Key:
    return run.events.collection, run.events.obs_id


def _obs_ids(runs: Sequence[Chosen]) -> dict[Key, int] | None:
    found = numbers(run.events.obs_id for run in runs)
    return None if found is None else {_key(run): found[run.events.obs_id] for run in runs}


def _counted(runs: Sequence[Chosen]) -> dict[Key, int]:
    return {key: number for number, key in enumerate(sorted({_key(run) for run in runs}), start=1)}


def _groups(runs: Sequence[Chosen], ids: Mapping[Key, int]) -> dict[str, dict[int, Chosen]]:
    """Distribute event lists over index tables, so that each of these has an OBS_ID once.

    Returns
    -------
    dict
        Directory (``''`` for the top) to OBS_ID to event list.
    """
    groups: dict[str, dict[int, Chosen]] = {}
    for run in runs:
        number = ids[_key(run)]
        name = next(name for name in _directories(run) if number not in groups.get(name, {}))
        groups.setdefault(name, {})[number] = run
    return groups


def _directories(run: Chosen) -> Iterator[str]:
    """Yield where the index of an event list may lie, in the order of preference."""
    yield ""
    label = (parse(run.events.did).part or run.events.collection).removeprefix("events-")
    yield f"index-{label}"
    yield from (f"index-{label}-{number}" for number in count(2))
