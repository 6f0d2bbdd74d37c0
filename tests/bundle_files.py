"""Event lists, files and what is known of them, as the database gives them, for tests of bundles."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from datalink.bundles.plan import Holdings
from datalink.files import Access, EventList, File, FileHDU, Found
from ingest.errors import UnreadableFileError
from ingest.identifiers import DatasetId
from ingest.provenance import Facts, Source
from ingest.release import Release

AUTHORITY = "test.example"
TODAY = datetime.date(2026, 1, 1)
RESPONSES = {"aeff": "aeff_2d", "edisp": "edisp_2d", "psf": "psf_table", "bkg": "bkg_3d"}
CLOSED = Access(("observers",), datetime.date(2030, 1, 1))
OPEN = Access()


def hdu(kind: str, name: str | None = None) -> FileHDU:
    return FileHDU(kind.upper() if name is None else name, kind, RESPONSES.get(kind, kind), 1, 2880)


def file(
    obs_id: str,
    name: str,
    hdus: tuple[FileHDU, ...],
    *,
    semantics: str = "#calibration",
    part: str | None = None,
    collection: str = "tele",
    pieces: str | None = "source#0+2880",
    access: Access = OPEN,
) -> File:
    return File(
        dataset=str(DatasetId(AUTHORITY, collection, obs_id, part)),
        collection=collection,
        obs_id=obs_id,
        semantics=semantics,
        content_qualifier=part or "event-list",
        content_type="application/x-fits-gadf",
        description=f"{part or 'events'} of {obs_id}",
        path=f"/{collection}/q/file/custom/{quote(obs_id, safe='')}/{quote(name, safe='')}",
        source=f"{collection}/{name}",
        pieces=pieces,
        size=1000,
        hdus=hdus,
        access=access,
    )


def row(obs_id: str, **columns: Any) -> dict[str, Any]:
    return {
        "obs_id": obs_id,
        "obs_collection": "TELE-1",
        "obs_publisher_did": f"did-{obs_id}",
        "mjdrefi": 51910,
        "mjdreff": 0.000742870370370241,
        "timesys": "TT",
        "tstart": 100.5,
        "tstop": 200.5,
        "t_min": 53000.5,
        "t_max": 53000.75,
        "ra_pnt": 83.63,
        "dec_pnt": 22.01,
        "geolon": 16.5,
        "geolat": -23.25,
        "altitude": 1835.0,
        "facility_name": "TELE",
        "ev_xel": 11,
    } | columns


def whole_run(obs_id: str, *, collection: str = "tele", access: Access = OPEN, **columns: Any) -> EventList:
    """A run whose event list and responses are in one file of the release."""
    own = {"collection": collection, "access": access}
    everything = tuple(hdu(kind) for kind in ("events", "gti", *RESPONSES))
    files = [file(obs_id, f"{obs_id}_event-list.fits", everything[:2], semantics="#this", **own)]
    files += [file(obs_id, f"{obs_id}_{k}.fits", (hdu(k),), part=k, **own) for k in RESPONSES]
    package = {"semantics": "#package", "part": "event-bundle", "pieces": None}
    files.append(file(obs_id, f"run_{obs_id}.fits.gz", everything, **package, **own))
    did = str(DatasetId(AUTHORITY, collection, obs_id))
    return EventList(did, collection, obs_id, row(obs_id, **columns), tuple(files))


def composed_run(
    obs_id: str,
    part: str | None = None,
    *,
    shared: str = "caldb.std",
    collection: str = "tele",
    **columns: Any,
) -> EventList:
    """A run whose responses lie in a file that it shares with others."""
    names = ("events", "gti")
    name = f"{obs_id}_{part or 'event-list'}.fits"
    own = {"part": part, "semantics": "#this", "collection": collection}
    files = [file(obs_id, name, tuple(hdu(kind) for kind in names), **own)]
    files += [file(shared, f"{shared}_{k}.fits", (hdu(k),), part=k, collection=collection) for k in RESPONSES]
    did = str(DatasetId(AUTHORITY, collection, obs_id, part))
    return EventList(did, collection, obs_id, row(obs_id, **columns), tuple(files))


def found(*lists: EventList, files: tuple[File, ...] = (), faults: Any = ()) -> Found:
    return Found(lists, files, tuple(faults))


def release(**keys: Any) -> Release:
    registry = {
        "title": "Tele data",
        "short_name": "tele",
        "description": "x",
        "creators": ["x"],
        "subjects": ["x"],
        "creation_date": "2026-01-01",
        "reference_url": "https://tele.example/",
        "rights": "Use them as you like.",
        "attribution": "Thank Tele.",
        "facility": "Tele",
        "instrument": "Tele",
    }
    known = {"obs_collection": "TELE-1", "simulated": False, "creator_name": "x", "registry": registry}
    return Release.model_validate(known | keys)


def simulated_release() -> Release:
    registry = release().registry
    assert registry is not None
    own = registry.model_dump() | {"title": "Simulated data", "description": "simulated"}
    return release(obs_collection="SIMULATED-1", simulated=True, registry=own)


class Store:
    """Stands for the files of an archive: bytes made from their names."""

    def __init__(self, *, remote: bool = False) -> None:
        self.remote = remote
        self.gone: set[str] = set()
        self.changed: set[str] = set()
        self.short: set[str] = set()
        self.read: list[str] = []

    def bytes_of(self, file: File) -> bytes:
        return (hashlib.sha256(file.path.encode()).digest() * 40)[: file.size]

    def content(self, file: File) -> Any:
        if file.name in self.gone:
            raise UnreadableFileError(Path("/secret") / file.source, "cannot be read")

        def chunks(start: int, stop: int) -> Any:
            self.read.append(file.name)
            yield self.bytes_of(file)[start : stop - (file.name in self.short)]

        etag = f"{file.path}{file.name in self.changed}"
        return SimpleNamespace(
            size=file.size,
            modified=1_500_000_000.75,
            etag=etag,
            chunks=chunks,
            stored=self.remote,
            inputs=Path("/inputs"),
            source=file.source,
        )


def holdings(
    content: Callable[[File], Any], lists: Found, *, releases: dict[str, dict[str, Release]] | None = None
) -> Holdings:
    every = [*lists.files, *(one for events in lists.event_lists for one in events.files)]
    facts = {
        (one.collection, one.obs_id): Facts(
            authority=AUTHORITY,
            collection=one.collection,
            dataset=str(DatasetId(AUTHORITY, one.collection, one.obs_id)),
            title=f"observation {one.obs_id}",
            simulated=False,
            sources=(Source(one.source),),
            parts=(),
            configuration="x",
            software_version="1",
            ingested="2025-01-01T00:00:00Z",
        )
        for one in every
    }
    return Holdings(releases or {"tele": {"r": release()}, "other": {"r": release()}}, facts, content)


def with_files(events: EventList, *files: File) -> EventList:
    return replace(events, files=files)
