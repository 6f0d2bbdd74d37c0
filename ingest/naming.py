"""Names of the data sets of an observation, and of the files that we serve for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from ingest.identifiers import DatasetId
from ingest.records import HDU, EventList, Observation
from ingest.vocabulary import RESPONSE_QUALIFIERS

EVENT_LIST, EVENT_BUNDLE = "event-list", "event-bundle"
"""Parts of names; unlike the published terms they do not depend on the vocabulary profile."""

COUNTS_MAP = "counts-map"
"""The picture of an event list that stands for it where there is room for one."""

_USUAL_NAMES = {
    "aeff": ("AEFF", "EFFECTIVE AREA"),
    "edisp": ("EDISP", "ENERGY DISPERSION"),
    "psf": ("PSF", "POINT SPREAD FUNCTION"),
    "bkg": ("BKG", "BACKGROUND"),
    "rad_max": ("RAD_MAX", "RADMAX"),
}


@dataclass(frozen=True)
class Names:
    """How the data sets of a release are called.

    Attributes
    ----------
    authority, collection
        As in `DatasetId`.
    root
        The release's directory.
    prefix
        The path of that directory below the DaCHS inputs directory.
    shared
        Files with responses that more than one observation uses, each with what stands for OBS_ID in
        its rows (see `shared_ids`).
    """

    authority: str
    collection: str
    root: Path
    prefix: str
    shared: Mapping[Path, str] = field(default_factory=dict)

    def observation(self, observation: Observation) -> DatasetId:
        """Give the identity of an observation, which is that of its event list if it has one only."""
        return DatasetId(self.authority, self.collection, observation.obs_id)

    def event_lists(self, observation: Observation) -> list[tuple[DatasetId, EventList]]:
        """Give the event lists of an observation with their identities."""
        whole = self.observation(observation)
        if len(observation.event_lists) == 1:
            return [(whole, observation.event_lists[0])]
        labels: list[str] = []
        for events in observation.event_lists:
            labels.append(_unlike(slug(events.label or ""), labels))
        parts = [replace(whole, part=f"events-{label}") for label in labels]
        return list(zip(parts, observation.event_lists, strict=True))

    def response(self, observation: Observation, hdu: HDU) -> DatasetId:
        """Give the identity of a response: its observation's, or its file's if that is shared."""
        part = RESPONSE_QUALIFIERS[hdu.kind]
        if hdu.name.strip().upper() not in _USUAL_NAMES[hdu.kind]:
            part += f"-{slug(hdu.name)}"
        version = hdu.header.get("EXTVER", 1)
        if version != 1:
            part += f"-{slug(str(version))}"
        obs_id = self.shared.get(hdu.path, observation.obs_id)
        return DatasetId(self.authority, self.collection, obs_id, part)

    def source(self, path: Path) -> str:
        """Give the path of a file below the DaCHS inputs directory."""
        return f"{self.prefix}/{below(path, self.root)}"

    def pieces(self, hdus: Iterable[HDU]) -> str:
        """Write the HDUs that make up a file (see ``datalink.parts``)."""
        return " ".join(f"{_quoted(self.source(hdu.path))}#{hdu.offset}+{hdu.size}" for hdu in hdus)


@lru_cache(maxsize=4096)
def below(path: Path, root: Path) -> str:
    """Give a path relative to a directory that it is below, with slashes."""
    return path.relative_to(root).as_posix()


@lru_cache(maxsize=4096)
def _quoted(text: str, safe: str = "/") -> str:
    return quote(text, safe=safe)


def shared_ids(root: Path, paths: Iterable[Path], taken: Iterable[str] = ()) -> dict[Path, str]:
    """Give what stands for OBS_ID in the rows of shared files: their paths without suffix, with dots.

    Parameters
    ----------
    root
        The release's directory.
    paths
        The files.
    taken
        Names that others in the collection have; who would get one of them again gets a number.
    """
    ordered, before = sorted(paths), list(taken)
    found = list(before)
    for path in ordered:
        parts = list(path.relative_to(root).parts)
        parts[-1] = re.sub(r"\.(fits|fit|fts)(\.gz)?$", "", parts[-1], flags=re.IGNORECASE)
        found.append(_unlike(".".join(parts), found))
    return dict(zip(ordered, found[len(before) :], strict=True))


def slug(text: str) -> str:
    """Make a text fit for the part of an identifier: lower-case letters, digits, single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"


def _unlike(label: str, taken: Iterable[str]) -> str:
    """Make a label differ from others by a number."""
    number, candidate, others = 1, label, set(taken)
    while candidate in others:
        number += 1
        candidate = f"{label}-{number}"
    return candidate


def file_path(dataset: DatasetId, name: str) -> str:
    """Give the path, from the server's root, of a file of a data set."""
    return f"/{dataset.collection}/q/file/custom/{_quoted(dataset.obs_id, '')}/{_quoted(name, '')}"


def part_path(dataset: DatasetId) -> str:
    """Give the path of the file of one data set.

    Its name holds the observation, so that files of several runs can lie in one folder.
    """
    return file_path(dataset, f"{dataset.obs_id}_{dataset.part or EVENT_LIST}.fits")


def picture_path(path: str, kind: str | None = None) -> str:
    """Give the path of a picture of a data set.

    Parameters
    ----------
    path
        That of its file.
    kind
        Which of several pictures of an event list; None for a response, which has one.
    """
    return f"{path.removesuffix('.fits')}{f'_{kind}' if kind else ''}.png"


def provenance_stem(dataset: DatasetId) -> str:
    """Give the path of an observation's provenance documents, without their suffix."""
    return file_path(dataset, f"{dataset.obs_id}_provenance")
