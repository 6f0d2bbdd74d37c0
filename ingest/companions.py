"""The data sets beside the event lists: responses and bundles; and the links to all of them.

A response that many observations share is one data set, named after its file. What a response applies
to (sky region, time) stands in ``ivoa.response``; its own ObsCore row has NULL there, so that searches in
space and time find observations.
"""

from __future__ import annotations

import datetime
import functools
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from string import Formatter
from typing import Any

from ingest import PROJECT_VERSION
from ingest.access import shown_access
from ingest.constants import BYTES_PER_KB, FITS_BLOCK
from ingest.identifiers import DatasetId
from ingest.mapping import (
    Publication,
    Row,
    data_rights,
    energy_columns,
    facility_of,
    label_of,
    release_date,
)
from ingest.naming import COUNTS_MAP, EVENT_BUNDLE, below, file_path, part_path, picture_path, provenance_stem
from ingest.provenance import Facts
from ingest.records import HDU, EventList, Observation, Response
from ingest.vocabulary import RESPONSE_QUALIFIERS

TITLES = {
    "aeff": "Effective area",
    "edisp": "Energy dispersion",
    "psf": "Point spread function",
    "bkg": "Background rate",
    "rad_max": "Size of the point-like cut",
}
_O_UCD = {
    "aeff": "phys.area",
    "edisp": "stat.probability#em.energy",
    "psf": "instr.det.psf",
    "bkg": "arith.rate#instr.background",
    "rad_max": "pos.angDistance",
}
_ABOUT_THE_SKY = ("s_ra", "s_dec", "s_region", "t_min", "t_max", "t_exptime", "t_resolution", "t_intervals")
_PERFORMANCE = {
    "aeff": ("s_fov", "s_ref_energy"),
    "edisp": ("em_res_power", "em_resolution", "em_ref_energy", "em_ref_oaa"),
    "psf": ("s_resolution", "s_ref_energy", "s_ref_oaa"),
}
_OF_ALL_RESPONSES = ("s_fov", "s_resolution", "s_ref_energy", "s_ref_oaa", *_PERFORMANCE["edisp"])


@dataclass(frozen=True)
class File:
    """A file that we serve for a data set.

    Attributes
    ----------
    path
        From the server's root.
    source
        The (first) file it comes from, below the DaCHS inputs directory.
    pieces
        The HDUs it is made of; None if it is that file as it is.
    size
        In bytes.
    hdus
        The HDUs in it, without an empty primary one.
    """

    path: str
    source: str
    pieces: str | None
    size: int
    hdus: tuple[HDU, ...]

    @functools.cached_property
    def columns(self) -> Row:
        """The columns by which the file is found and served."""
        hdus = [
            [hdu.name, hdu.kind, hdu.form, hdu.version, hdu.checked_size if self.pieces else hdu.size]
            for hdu in self.hdus
        ]
        return {
            "access_path": self.path,
            "source": self.source,
            "pieces": self.pieces,
            "content_length": self.size,
            "hdus": json.dumps(hdus, separators=(",", ":")),
        }


class Companions:
    """What belongs to one observation beside its event lists.

    Parameters
    ----------
    observation
        What the files say.
    rows
        Its event lists with their identities and their ObsCore rows; the access columns are filled in.
    publication
        What the release says.
    """

    def __init__(
        self,
        observation: Observation,
        rows: list[tuple[DatasetId, EventList, Row]],
        publication: Publication,
    ) -> None:
        self.observation, self.rows, self.publication = observation, rows, publication
        self.names = publication.names
        self._files: dict[DatasetId, File] = {}
        first = observation.event_lists[0]
        self.rights = access_columns(publication, release_date(first, publication.release), rows[0][2])
        self.shared_rights = access_columns(publication, publication.release.release_date, None)
        self.label = label_of(
            observation.obs_id,
            facility_of(first, publication.release),
            simulated=publication.release.simulated,
        )
        self.responses = self._named_responses()
        self.bundle = self._bundle()
        for dataset, events, row in rows:
            file = self._access(self.bundle)
            row.update(shown_access(publication.access_url, publication.server, dataset, file))
            if events.events is not None:
                row["preview"] = publication.server + picture_path(part_path(dataset), COUNTS_MAP)

    def _named_responses(self) -> dict[DatasetId, tuple[Response, Row]]:
        """Give each response once, with the row of the first event list that it belongs to."""
        found: dict[DatasetId, tuple[Response, Row]] = {}
        places: dict[tuple[Any, int], DatasetId] = {}
        for _, events, row in self.rows:
            for response in events.responses:
                place = (response.hdu.path, response.hdu.offset)
                if place in places:
                    continue
                dataset, number = self.names.response(self.observation, response.hdu), 1
                while dataset in found:
                    number += 1
                    dataset = replace(dataset, part=f"{dataset.part}-{number}")
                places[place] = dataset
                found[dataset] = (response, row)
        return found

    def _bundle(self) -> File | None:
        """Give the file with everything of the observation; None if it has no events."""
        if not any(events.events for _, events, _ in self.rows):
            return None
        hdus = list(_distinct(self._all_hdus()))
        source = self.names.source(self.observation.path)
        whole = self.names.observation(self.observation)
        if {hdu.path for hdu in hdus} == {self.observation.path}:
            path = file_path(whole, self.observation.path.name)
            own = [dataset for dataset, _, _ in self.rows] + list(self.responses)
            if path in map(part_path, own):  # the release calls it as we call a part of it
                path = part_path(replace(whole, part=EVENT_BUNDLE))
            inside = tuple(hdu for hdu in self.observation.hdus if hdu.offset)
            return File(path, source, None, self.observation.file_size, inside)
        path = part_path(replace(whole, part=EVENT_BUNDLE))
        return File(path, source, self.names.pieces(hdus), _size(hdus), tuple(hdus))

    def _all_hdus(self) -> Iterator[HDU]:
        for _, events, _ in self.rows:
            yield from (hdu for hdu in (events.events, events.gti) if hdu is not None)
            yield from (response.hdu for response in events.responses)

    def _access(self, file: File | None) -> Row:
        if file is None:
            return {"access_url": None, "access_format": None, "access_estsize": None}
        return {
            "access_url": self.publication.server + file.path,
            "access_format": self.publication.terms.gadf,
            "access_estsize": math.ceil(file.size / BYTES_PER_KB),
        }

    def _file(self, dataset: DatasetId, hdus: list[HDU]) -> File:
        if dataset not in self._files:
            source, pieces = self.names.source(hdus[0].path), self.names.pieces(hdus)
            self._files[dataset] = File(part_path(dataset), source, pieces, _size(hdus), tuple(hdus))
        return self._files[dataset]

    def _of_response(self, dataset: DatasetId) -> str:
        """Give what a response is of: the observation, or its file."""
        if dataset.obs_id == self.observation.obs_id:
            return self.label
        return f"{dataset.obs_id}{' (simulated)' if self.publication.release.simulated else ''}"

    def companion_rows(self) -> Iterator[Row]:
        """Yield the ObsCore rows of all responses and of the bundle, with the columns of their files."""
        for dataset, (response, row) in self.responses.items():
            yield self._response_row(dataset, response, row)
        if self.bundle is not None:
            _, _, row = self.rows[0]
            whole = replace(self.names.observation(self.observation), part=EVENT_BUNDLE)
            counts = [events.n_events for _, events, _ in self.rows if events.n_events is not None]
            single = len(self.rows) == 1
            yield (
                row
                | self.bundle.columns
                | self._access(self.bundle)
                | self.rights
                | {
                    "dataproduct_type": self.publication.terms.event_bundle,
                    "obs_publisher_did": str(whole),
                    "obs_title": f"Event bundle of {self.label}",
                    "ev_xel": sum(counts),
                    "event_type": row["event_type"] if single else None,
                }
            )

    def _response_row(self, dataset: DatasetId, response: Response, row: Row) -> Row:
        file, shared = self._file(dataset, [response.hdu]), dataset.obs_id != self.observation.obs_id
        kind = response.hdu.kind
        blank = dict.fromkeys((*_ABOUT_THE_SKY, *_OF_ALL_RESPONSES, "ev_xel"))
        if shared:
            blank |= dict.fromkeys(
                ("target_name", "target_class", "proposal_id", "obs_mode", "scan_mode", "event_type")
            )
            blank |= dict.fromkeys(("tracking_mode", "tracking_type", "pointing_mode"))
        terms, released = self.publication.terms, self.publication.release.release_date
        return (
            row
            | blank
            | {name: row[name] for name in _PERFORMANCE.get(kind, ())}
            | energy_columns(response.energy_tev)
            | file.columns
            | self._access(file)
            | {
                "dataproduct_type": RESPONSE_QUALIFIERS[kind],
                "dataproduct_subtype": terms.response_subtype or row["dataproduct_subtype"],
                "obs_id": dataset.obs_id,
                "obs_publisher_did": str(dataset),
                "obs_title": f"{TITLES[kind]} of {self._of_response(dataset)}",
                "data_rights": data_rights(released, self.publication) if shared else row["data_rights"],
                "obs_release_date": released if shared else row["obs_release_date"],
                "o_ucd": _O_UCD[kind],
                "preview": self.publication.server + picture_path(file.path),
            }
            | (self.shared_rights if shared else self.rights)
        )

    def link_rows(self) -> Iterator[Row]:
        """Yield the links of each event list: itself, its responses, the bundle."""
        by_place = {(r.hdu.path, r.hdu.offset): dataset for dataset, (r, _) in self.responses.items()}
        whole = replace(self.names.observation(self.observation), part=EVENT_BUNDLE)
        terms = self.publication.terms
        for own, events, _ in self.rows:
            hdus = [hdu for hdu in (events.events, events.gti) if hdu is not None]
            kind = f", type {events.label}" if events.label else ""
            if events.events is not None:
                what = f"Event list of {self.label}{kind}"
                yield self._link((own, own), "#this", terms.event_list, what, self._file(own, hdus))
            for response in events.responses:
                dataset = by_place[response.hdu.path, response.hdu.offset]
                what = f"{TITLES[response.hdu.kind]} for {self.label}{kind}"
                qualifier = RESPONSE_QUALIFIERS[response.hdu.kind]
                file = self._file(dataset, [response.hdu])
                yield self._link((own, dataset), "#calibration", qualifier, what, file)
            if self.bundle is not None:
                what = f"Everything of {self.label} in one file: events, good time intervals, responses"
                yield self._link((own, whole), "#package", terms.event_bundle, what, self.bundle)

    def _link(
        self, ids: tuple[DatasetId, DatasetId], semantics: str, qualifier: str, what: str, file: File
    ) -> Row:
        own, dataset = ids
        shared = dataset.obs_id != own.obs_id
        rights = self.shared_rights if shared else self.rights
        return (
            file.columns
            | rights
            | {
                "id": str(own),
                "obs_id": own.obs_id,
                "dataset": str(dataset),
                "semantics": semantics,
                "content_qualifier": qualifier,
                "content_type": self.publication.terms.gadf,
                "description": what,
            }
        )

    def provenance_rows(self, ingested: datetime.datetime) -> Iterator[Row]:
        """Yield what is known of the origin of the observation, and of each shared file it uses.

        Parameters
        ----------
        ingested
            Now, with its time zone.
        """
        parts: dict[str, dict[DatasetId, HDU]] = {self.observation.obs_id: {}}
        for dataset, events, _ in self.rows:
            if events.events is not None:
                parts[self.observation.obs_id][dataset] = events.events
        for dataset, (response, _) in self.responses.items():
            parts.setdefault(dataset.obs_id, {})[dataset] = response.hdu
        for obs_id, datasets in parts.items():
            own = obs_id == self.observation.obs_id
            yield self._provenance_row(obs_id, datasets, ingested, own=own)

    def _provenance_row(
        self, obs_id: str, datasets: dict[DatasetId, HDU], ingested: datetime.datetime, *, own: bool
    ) -> Row:
        release, dataset = (
            self.publication.release,
            replace(self.names.observation(self.observation), obs_id=obs_id),
        )
        files: dict[str, list[Any]] = {}
        if own:  # the event list's header, filled up from the observation index, comes first
            name = below(self.observation.path, self.names.root)
            files[name] = [self.rows[0][1].keywords]
        parts = []
        for part, hdu in datasets.items():
            name = below(hdu.path, self.names.root)
            files.setdefault(name, []).append(hdu.header)
            parts.append((part, name))
        if own and self.bundle is not None:
            parts.append((replace(dataset, part=EVENT_BUNDLE), next(iter(files))))
        run = None
        if own:
            start, stop = self.rows[0][1].time_reference.moments(self._span())
            run = (start, stop)
        facts = Facts.of(
            dataset,
            files,
            parts,
            title=self.label if own else self._of_response(dataset),
            simulated=release.simulated,
            configuration=release.obs_collection,
            software_version=PROJECT_VERSION,
            ingested=ingested,
            run=run,
        )
        return {
            "obs_id": obs_id,
            "dataset": str(dataset),
            "path_stem": provenance_stem(dataset),
            "facts": facts.to_text(),
            "release_date": (self.rights if own else self.shared_rights)["release_date"],
        }

    def _span(self) -> list[float]:
        keywords = self.rows[0][1].keywords
        return [float(keywords["TSTART"]), float(keywords["TSTOP"])]


def _distinct(hdus: Iterable[HDU]) -> Iterator[HDU]:
    seen = set()
    for hdu in hdus:
        if (hdu.path, hdu.offset) not in seen:
            seen.add((hdu.path, hdu.offset))
            yield hdu


def _size(hdus: Iterable[HDU]) -> int:
    """Give the size of a file of these HDUs behind a primary header of one block."""
    return FITS_BLOCK + sum(hdu.checked_size for hdu in hdus)


def access_columns(publication: Publication, released: datetime.date | None, row: Row | None) -> Row:
    """Give the columns that say who may have the bytes of a file.

    Parameters
    ----------
    publication
        What the release says.
    released
        The day (UTC) from which everybody may; None without one.
    row
        ObsCore row of the observation; None for a file that observations share.

    Returns
    -------
    dict
        ``release_date`` and ``access_groups``, names of groups with spaces between them, NULL if the
        file is public and always was.
    """
    release = publication.release
    if release.data_rights == "public" and released is None:
        return {"release_date": None, "access_groups": None}
    known = {"collection": publication.names.collection, "obs_collection": release.obs_collection}
    if row is not None:
        known |= {name: row[name] for name in ("proposal_id", "obs_id") if row[name]}
    groups = []
    for template in release.access_groups:
        needed = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
        if needed <= known.keys():
            groups.append("_".join(template.format(**known).split()))
    return {"release_date": released, "access_groups": " ".join(groups)}
