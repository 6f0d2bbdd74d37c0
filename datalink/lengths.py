"""How long is what is made only when it is asked for: computed at ingestion, so that links can tell it.

A length is right as long as what it was computed with is the same: this code, and the configuration of
the releases. Both make the *basis* that is kept beside it; lengths with another basis do not count.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from datalink.bundles.plan import Holdings, NothingLeftError, SourceGoneError, measured, plan
from datalink.files import ORDER, EventList, File, Found, User
from datalink.parts import Content, content
from datalink.provenance import prov_votable
from ingest.provenance import Facts
from ingest.release import Release

EVERYTHING = User("ingestion", admin=True)


def basis(releases: Mapping[str, Release]) -> str:
    """Give what lengths are computed from beside the tables, as a digest.

    Parameters
    ----------
    releases
        Of the collection, by their names.
    """
    return hashlib.sha256(f"{_code()} {sorted(releases.items())!r}".encode()).hexdigest()[:16]


@cache
def _code() -> str:
    """Give a digest of the code that writes archives and provenance documents."""
    digest, here = hashlib.sha256(), Path(__file__).parent
    for path in sorted((*here.glob("bundles/*.py"), *here.glob("prov*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Lengths:
    """Adds lengths to the rows of one observation; goes to whatever process makes the rows.

    Attributes
    ----------
    collection
        Its schema.
    releases
        The releases' configurations, by their names.
    inputs
        The DaCHS inputs directory.
    origin
        Who publishes here, as it stands in the headers of files that are put together.
    """

    collection: str
    releases: Mapping[str, Release]
    inputs: Path
    origin: str

    @cached_property
    def basis(self) -> str:
        """What these lengths are computed from, see `basis`."""
        return basis(self.releases)

    def __call__(self, rows: Sequence[tuple[str, dict[str, Any]]]) -> None:
        """Add lengths to the rows of one observation, and of the files that it shares, in place.

        Parameters
        ----------
        rows
            Role and row. Those of event lists in ``links`` get ``archive_length``, those in ``provenance``
            ``json_length`` and ``votable_length``, None where something cannot be made. Both get
            ``lengths_basis``.
        """
        facts: dict[tuple[str, str], Facts] = {}
        for role, row in rows:
            if role == "provenance":
                known = Facts.from_text(row["facts"])
                row["json_length"], _ = measured(row["facts"])
                row["votable_length"] = len(prov_votable(known))
                row["lengths_basis"] = self.basis
                facts[self.collection, row["obs_id"]] = known
        own_ids = {row["obs_publisher_did"]: row["obs_id"] for role, row in rows if role == "companion"}
        observed = {row["obs_publisher_did"]: row for role, row in rows if role == "observation"}
        links = [row for role, row in rows if role == "link"]
        files = self._files(links, own_ids)
        for row in links:
            own = row["semantics"] == "#this"
            row["archive_length"] = (
                self._archive(observed[row["id"]], files[row["id"]], facts) if own else None
            )
            row["lengths_basis"] = self.basis

    def _files(self, links: list[dict[str, Any]], own_ids: Mapping[str, str]) -> dict[str, tuple[File, ...]]:
        found: dict[str, list[File]] = {}
        for row in links:
            own_obs_id = own_ids.get(row["dataset"], row["obs_id"])
            found.setdefault(row["id"], []).append(File.of(row | {"obs_id": own_obs_id}, self.collection))
        return {
            did: tuple(
                sorted(
                    files,
                    key=lambda file: (ORDER.index(file.semantics), file.content_qualifier, file.dataset),
                )
            )
            for did, files in found.items()
        }

    def _archive(
        self, row: dict[str, Any], files: tuple[File, ...], facts: Mapping[tuple[str, str], Facts]
    ) -> int | None:
        did = row["obs_publisher_did"]
        events = EventList(did, self.collection, row["obs_id"], row, files)
        holdings = Holdings({self.collection: self.releases}, facts, self._content)
        try:
            today = datetime.datetime.now(datetime.UTC).date()
            return plan(Found((events,), (), ()), EVERYTHING, today, holdings).archive.size
        except (NothingLeftError, SourceGoneError):
            return None

    def _content(self, file: File) -> Content:
        return content(self.inputs, file, self.origin)
