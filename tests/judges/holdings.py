"""All data sets of an instance, read from files and index tables with astropy alone.

Nothing here may come from the project's own code. What is written down here twice, such as the form of
identifiers, is what clients may rely on.
"""

from __future__ import annotations

import datetime
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from reading import EXTENSIONS, Run, field_of_view, met

KINDS = {"aeff": "aeff", "edisp": "edisp", "psf": "psf", "bkg": "bkgrate"}
"""HDU_TYPE of the index tables to the term of the IVOA response-type vocabulary."""


@dataclass(frozen=True)
class Part:
    """An HDU in a file."""

    path: Path
    name: str

    def open(self) -> fits.BinTableHDU:
        """Read it into memory."""
        with fits.open(self.path) as hdus:
            hdu = hdus[self.name]
            return fits.BinTableHDU(hdu.data.copy(), hdu.header.copy())

    @cached_property
    def header(self) -> fits.Header:
        # Not fits.getheader: it would have EXTVER 1 only.
        with fits.open(self.path) as hdus:
            return hdus[self.name].header.copy()


@dataclass(frozen=True)
class DataSet:
    """What all data sets have.

    Parameters
    ----------
    collection
        Name of its schema.
    local
        What stands behind the collection in its identifier.
    kind
        ``event-list``, ``event-bundle``, or a term of the response-type vocabulary.
    parts
        The HDUs it consists of.
    """

    collection: str
    obs_collection: str
    obs_id: str
    local: str
    kind: str
    parts: tuple[Part, ...]

    def did(self, authority: str) -> str:
        return f"ivo://{authority}/~?{self.collection}/{self.local}"


@dataclass(frozen=True)
class Response(DataSet):
    """A response, which many event lists may share."""

    @cached_property
    def energies(self) -> tuple[float, float]:
        """Ends of its energy axis in eV."""
        hdu = self.parts[0].open()
        # Energy dispersions of GADF 0.1 call their true energies ETRUE.
        axis = "ENERG" if "ENERG_LO" in hdu.columns.names else "ETRUE"
        low, high = (
            u.Quantity(np.asarray(hdu.data[name][0], dtype=float), hdu.columns[name].unit).to_value(u.eV)
            for name in (f"{axis}_LO", f"{axis}_HI")
        )
        return low.min(), high.max()


@dataclass(frozen=True)
class EventList(DataSet):
    """An event list.

    Parameters
    ----------
    header
        Of its HDU, with what the observation index adds.
    gti
        Starts and stops of the good time intervals.
    responses
        By kind.
    """

    header: Mapping[str, Any]
    gti: tuple[Time, Time]
    responses: dict[str, Response] = field(repr=False)

    @property
    def events(self) -> int:
        return int(self.header["NAXIS2"])

    @property
    def target(self) -> str | None:
        return self.text("OBJECT")

    @property
    def event_type(self) -> str | None:
        return self.text("EVTYPE") or self.text("EV_CLASS")

    def text(self, keyword: str) -> str | None:
        return str(self.header.get(keyword, "")).strip() or None

    @property
    def pointing(self) -> SkyCoord | None:
        """The pointing; None if it moves over the sky."""
        if "RA_PNT" not in self.header:
            return None
        return SkyCoord(self.header["RA_PNT"], self.header["DEC_PNT"], unit="deg")

    @property
    def start(self) -> Time:
        return met(self.header, self.header["TSTART"])

    @property
    def stop(self) -> Time:
        return met(self.header, self.header["TSTOP"])

    @cached_property
    def fov(self) -> u.Quantity:
        return field_of_view(self.responses["aeff"].parts[0].open())

    @cached_property
    def energies(self) -> tuple[float, float]:
        """The safe range of the effective area in eV, or else that of the events."""
        area = self.responses["aeff"].parts[0].header
        if "LO_THRES" in area:
            low, high = area["LO_THRES"], area["HI_THRES"]
        else:
            energies = self.parts[0].open().data["ENERGY"]
            low, high = float(energies.min()), float(energies.max())
        return (low * u.TeV).to_value(u.eV), (high * u.TeV).to_value(u.eV)

    @property
    def released(self) -> bool:
        """Whether it is public today."""
        date = self.text("RELDATE")
        return date is None or datetime.date.fromisoformat(date) <= datetime.datetime.now(datetime.UTC).date()


@dataclass(frozen=True)
class Bundle(DataSet):
    """All of an observation in one file."""

    lists: tuple[EventList, ...]

    @property
    def first(self) -> EventList:
        return self.lists[0]

    @property
    def energies(self) -> tuple[float, float]:
        return self.first.energies


@dataclass(frozen=True)
class Holdings:
    """All data sets."""

    lists: tuple[EventList, ...]
    bundles: tuple[Bundle, ...]

    @cached_property
    def responses(self) -> tuple[Response, ...]:
        """All responses, each once."""
        return tuple({r.local: r for events in self.lists for r in events.responses.values()}.values())

    @cached_property
    def all(self) -> tuple[DataSet, ...]:
        return (*self.lists, *self.bundles, *self.responses)

    def of(self, obs_id: str) -> list[EventList]:
        """Give the event lists of an observation."""
        return [events for events in self.lists if events.obs_id == obs_id]

    def __add__(self, other: Holdings) -> Holdings:
        return Holdings(self.lists + other.lists, self.bundles + other.bundles)


def of_lists(lists: list[EventList]) -> Holdings:
    by_observation: dict[tuple[str, str], list[EventList]] = defaultdict(list)
    for events in lists:
        by_observation[events.collection, events.obs_id].append(events)
    bundles = []
    for (collection, obs_id), group in by_observation.items():
        parts = []
        for events in group:
            parts += events.parts
            parts += [part for response in events.responses.values() for part in response.parts]
        bundles.append(
            Bundle(
                collection,
                group[0].obs_collection,
                obs_id,
                f"{obs_id}/event-bundle",
                "event-bundle",
                tuple(dict.fromkeys(parts)),
                tuple(group),
            )
        )
    return Holdings(tuple(lists), tuple(bundles))


def of_runs(runs: dict[str, Run], obs_collection: str) -> Holdings:
    """Give the data sets of a release in which each file is an observation."""
    lists = []
    for run in runs.values():
        common = ("hess_dr", obs_collection, run.obs_id)
        responses = {
            kind: Response(*common, f"{run.obs_id}/{kind}", kind, (Part(run.path, name),))
            for kind, name in EXTENSIONS.items()
        }
        parts = (Part(run.path, "EVENTS"), Part(run.path, "GTI"))
        lists.append(EventList(*common, run.obs_id, "event-list", parts, run.header, run.gti, responses))
    return of_lists(lists)


# --- releases with index tables --------------------------------------------------------------------

Rows = dict[str, list[dict[str, str]]]


def _index(path: Path) -> list[dict[str, Any]]:
    """Read a table; masked and empty cells and NaN are left out."""
    rows = []
    for row in Table.read(path, unit_parse_strict="silent"):
        cells = {name: row[name] for name in row.colnames if not np.ma.is_masked(row[name])}
        plain = {name: cell.item() if isinstance(cell, np.generic) else cell for name, cell in cells.items()}
        rows.append(
            {
                name: value.strip() if isinstance(value, str) else value
                for name, value in plain.items()
                if value == value and (not isinstance(value, str) or value.strip())
            }
        )
    return rows


def of_index(root: Path, index: str, obs_collection: str) -> Holdings:
    """Give the data sets of a release with index tables.

    Parameters
    ----------
    root
        The release.
    index
        Directory of the index tables below it.
    """
    root = Path(os.path.normpath(root))
    where = root / index
    added = {str(row["OBS_ID"]): row for row in _index(where / "obs-index.fits.gz")}
    groups: dict[str, list[tuple[str, Part]]] = defaultdict(list)
    for row in _index(where / "hdu-index.fits.gz"):
        path = Path(os.path.normpath(where / row["FILE_DIR"] / row["FILE_NAME"]))
        groups[str(row["OBS_ID"])].append((row["HDU_TYPE"], Part(path, row["HDU_NAME"])))
    users: dict[Path, set[str]] = defaultdict(set)
    for obs_id, rows in groups.items():
        for _, part in rows:
            users[part.path].add(obs_id)
    shared = {path for path, who in users.items() if len(who) > 1}
    lists = []
    for obs_id, rows in groups.items():
        lists += _observation(obs_id, list(_by_list(rows)), added[obs_id], (root, obs_collection, shared))
    return of_lists(lists)


def _by_list(rows: list[tuple[str, Part]]) -> Iterator[dict[str, Part]]:
    """Split the HDUs of an observation: each event list begins a new group."""
    starts = [number for number, (kind, _) in enumerate(rows) if kind == "events"]
    for start, stop in zip(starts, [*starts[1:], len(rows)], strict=True):
        yield dict(rows[start:stop])


def _observation(
    obs_id: str, groups: list[dict[str, Part]], added: dict[str, Any], release: tuple[Path, str, set[Path]]
) -> Iterator[EventList]:
    root, obs_collection, shared = release
    named: dict[Part, str] = {}
    for parts in groups:
        responses = {}
        for kind, term in KINDS.items():
            part = parts[kind]
            own = obs_id
            if part.path in shared:
                own = re.sub(r"\.fits(\.gz)?$", "", part.path.relative_to(root).as_posix()).replace("/", ".")
            local = named.get(part)
            if local is None:
                wanted = local = f"{quote(own, safe='')}/{term}"
                number = 1
                while local in named.values():
                    number += 1
                    local = f"{wanted}-{number}"
                named[part] = local
            responses[term] = Response("ctao", obs_collection, own, local, term, (part,))
        header, gti = dict(parts["events"].header), parts["gti"].open()
        several = f"/events-{header['EVTYPE']}" if len(groups) > 1 else ""
        intervals = (met(gti.header, np.array(gti.data[name], dtype=float)) for name in ("START", "STOP"))
        yield EventList(
            "ctao",
            obs_collection,
            obs_id,
            f"{obs_id}{several}",
            "event-list",
            (parts["events"], parts["gti"]),
            added | header,
            tuple(intervals),
            responses,
        )
