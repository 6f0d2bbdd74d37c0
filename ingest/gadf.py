"""Read GADF observations into typed records, whatever facility wrote them.

GADF is the open format for very-high-energy event lists and responses (versions 0.2 and 0.3). An
observation lies in one file, or its HDUs are found through index tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from ingest import storage
from ingest.assembly import Material, assemble
from ingest.errors import UnreadableFileError
from ingest.fits_files import guarded, quiet, unpack
from ingest.index import IndexedHDU, Source, indexed_sources
from ingest.keywords import canonical
from ingest.lists import Part
from ingest.records import HDU, RESPONSES, Deviation, Observation
from ingest.scan import Scanned, has_event_list, scan, scan_shared

__all__ = ["Source", "read", "read_source", "read_sources", "sources", "unpack"]


def read(path: Path, *, reference_energy_tev: float = 1.0, reference_offset_deg: float = 0.5) -> Observation:
    """Read one self-contained file.

    Parameters
    ----------
    path
        The file, gzipped or not.
    reference_energy_tev, reference_offset_deg
        Where the responses are evaluated for resolutions and field of view.

    Raises
    ------
    UnreadableFileError
        The file is not FITS, cut or damaged, or holds no event list, or those of several runs.
    KeywordError
        A keyword or column that is needed is missing or senseless.
    """
    with np.errstate(all="ignore"), guarded(path):
        scanned = scan(path, reference_energy_tev, reference_offset_deg)
        parts = [Part(scanned, number) for number, hdu in enumerate(scanned.hdus) if hdu.kind != "other"]
        if not any(part.hdu.kind == "events" for part in parts):
            raise UnreadableFileError(
                path, f"no EVENTS HDU among {', '.join(hdu.name for hdu in scanned.hdus)}"
            )
        notes = [note for own in scanned.notes for note in own]
        return assemble(_sorted_out(parts), {}, None, notes)


def sources(directory: Path, pattern: str, index: str | None) -> Iterator[Source]:
    """Give the observations of a release, one after the other.

    Parameters
    ----------
    directory
        The release.
    pattern
        Glob pattern below it, for releases without index tables. Files of responses and index tables
        that match it are left out.
    index
        Directory below it that holds ``hdu-index.fits`` and ``obs-index.fits`` (gzipped or not); None
        if every observation is one file.

    Raises
    ------
    GADFError
        The index tables cannot be read.
    """
    if index is not None:
        yield from indexed_sources(directory, index)
        return
    for entry in storage.listing(directory, pattern):
        if has_event_list(entry):
            yield Source(entry.path.name, (entry.path,))


def read_source(
    source: Source, *, reference_energy_tev: float = 1.0, reference_offset_deg: float = 0.5
) -> Observation:
    """Read one observation of a release; files that many of them share are read once.

    Parameters
    ----------
    source
        See `sources`.
    reference_energy_tev, reference_offset_deg
        Where the responses are evaluated for resolutions and field of view.

    Raises
    ------
    GADFError
        As `read`, or the index names files outside of the release.
    """
    at = reference_energy_tev, reference_offset_deg
    if source.index_path is None:
        return read(source.paths[0], reference_energy_tev=at[0], reference_offset_deg=at[1])
    if source.problem is not None:
        raise source.problem
    with quiet(), guarded(source.paths[0]):
        notes = list(source.notes)
        table = HDU(source.index_path, "OBS_INDEX", "other", None, 0, 0, source.row)
        row = canonical(source.row, table, notes)
        material = _indexed(source, at, row, notes)
        return assemble(material, row, table, notes)


def read_sources(
    sources: Sequence[Source],
    *,
    threads: int = 1,
    reference_energy_tev: float = 1.0,
    reference_offset_deg: float = 0.5,
) -> Iterator[Observation | Exception]:
    """Read observations, some of them at once: unpacking, most of the work, needs no Python.

    Parameters
    ----------
    sources
        See `sources`.
    threads
        How many are read at once.
    reference_energy_tev, reference_offset_deg
        As for `read_source`.

    Yields
    ------
    Observation or Exception
        In the order of the sources; for one that cannot be read, why.
    """

    def attempt(source: Source) -> Observation | Exception:
        try:
            return read_source(
                source, reference_energy_tev=reference_energy_tev, reference_offset_deg=reference_offset_deg
            )
        except Exception as error:
            return error

    if threads == 1 or len(sources) == 1:
        yield from map(attempt, sources)
        return
    with ThreadPoolExecutor(threads, "reader") as pool:
        yield from pool.map(attempt, sources)


def _sorted_out(parts: list[Part]) -> Material:
    kinds: dict[str, list[Part]] = {"events": [], "gti": [], "response": []}
    for part in parts:
        kinds["response" if part.hdu.kind in RESPONSES else part.hdu.kind].append(part)
    return Material(kinds["events"], kinds["gti"], kinds["response"])


def _indexed(
    source: Source, at: tuple[float, float], row: Mapping[str, Any], notes: list[Deviation]
) -> Material:
    """Find the HDUs that the index names, and those of the events' file that it does not name."""
    drifts = str(row.get("OBS_MODE", "")).strip().upper() == "DRIFT"
    parts: list[Part] = []
    for wanted in source.hdus:
        if wanted.kind in RESPONSES and not storage.is_file(wanted.path):
            assumed = f"not there, its {wanted.kind} left out"
            index_path = source.index_path or wanted.path
            notes.append(Deviation(index_path, None, "FILE_NAME", repr(wanted.path.name), assumed))
            continue
        part = _find(scan_shared(wanted.path, *at, box=drifts), wanted, parts, notes)
        if part is not None:
            parts.append(part)
    events = [part for part in parts if part.hdu.kind == "events"]
    if len(events) == 1 and len(events[0].scanned.events) == 1:
        scanned = events[0].scanned
        named = {wanted.kind for wanted in source.hdus}
        parts += [
            Part(scanned, number)
            for number, hdu in enumerate(scanned.hdus)
            if hdu.kind != "other" and hdu.kind not in named
        ]
    for part in parts:
        notes += part.scanned.notes[part.number]
    return _sorted_out(parts)


def _find(scanned: Scanned, wanted: IndexedHDU, taken: list[Part], notes: list[Deviation]) -> Part | None:
    """Find the HDU that a row of the HDU index means: by its name, else the only one of its kind.

    Raises
    ------
    UnreadableFileError
        The file has no such event list or GTI.
    """
    used = {(part.scanned.path, part.number) for part in taken}
    name = wanted.hdu_name.upper()
    free = [
        number
        for number, hdu in enumerate(scanned.hdus)
        if hdu.kind == wanted.kind and (scanned.path, number) not in used
    ]
    for number in free:
        if scanned.hdus[number].name.strip().upper() == name:
            return Part(scanned, number)
    if any(part.scanned is scanned and part.hdu.name.strip().upper() == name for part in taken):
        notes.append(Deviation(scanned.path, wanted.hdu_name, "HDU_NAME", "in the index twice", "used once"))
        return None
    if len(free) == 1:
        found = f"no HDU {wanted.hdu_name!r} of kind {wanted.kind}"
        assumed = f"{scanned.hdus[free[0]].name} taken, the only one"
        notes.append(Deviation(scanned.path, None, "HDU_NAME", found, assumed))
        return Part(scanned, free[0])
    problem = f"no {wanted.kind} HDU {wanted.hdu_name!r} among {', '.join(hdu.name for hdu in scanned.hdus)}"
    if wanted.kind in RESPONSES:
        notes.append(Deviation(scanned.path, None, "HDU_NAME", problem, "left out"))
        return None
    raise UnreadableFileError(scanned.path, problem)
