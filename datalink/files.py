"""The files behind links as typed records: the seam between the database and what serves them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

ORDER = ("#this", "#calibration", "#package")
"""The order of links in a document."""


@dataclass(frozen=True)
class User:
    """Who asks.

    Attributes
    ----------
    name
        None for somebody who did not log in.
    groups
        The DaCHS groups that the user is in.
    admin
        Whether it is DaCHS's administrator, who may have everything.
    """

    name: str | None = None
    groups: frozenset[str] = frozenset()
    admin: bool = False


ANONYMOUS = User()


@dataclass(frozen=True)
class Access:
    """Who may have the bytes of a file.

    Attributes
    ----------
    groups
        Groups whose members may; None if the file is public and always was.
    until
        The day (UTC) from which everybody may; None if there is no such day.
    """

    groups: tuple[str, ...] | None = None
    until: datetime.date | None = None

    def restricted(self, today: datetime.date) -> bool:
        """Tell whether a right is needed on a day (UTC)."""
        return self.groups is not None and (self.until is None or self.until > today)

    def open_to(self, user: User, today: datetime.date) -> bool:
        """Tell whether a user may have the file on a day (UTC)."""
        return not self.restricted(today) or user.admin or bool(user.groups & set(self.groups or ()))

    @property
    def reason(self) -> str:
        """Why somebody may not have it, as a sentence."""
        until = f" until {self.until.isoformat()} (UTC)" if self.until else ""
        return f"These data are proprietary{until}."


def today() -> datetime.date:
    """Give the day that decides on access: that of UTC."""
    return datetime.datetime.now(datetime.UTC).date()


@dataclass(frozen=True)
class FileHDU:
    """One HDU of a file as we serve it; an empty primary one is not listed.

    Attributes
    ----------
    name, version
        EXTNAME and EXTVER.
    kind, form
        As in `ingest.records.HDU`.
    size
        Bytes of header and data with their padding, in the unpacked file.
    """

    name: str
    kind: str
    form: str | None
    version: int
    size: int


@dataclass(frozen=True)
class File:
    """One file that we serve.

    Attributes
    ----------
    dataset
        The data set that it is (obs_publisher_did).
    collection
        The collection's schema.
    obs_id
        Its observation; a response that several runs share has an obs_id of its own.
    semantics
        ``#this``, ``#calibration`` or ``#package``: its relation to the event list.
    content_qualifier, content_type, description
        As in its DataLink row.
    path
        From the server's root, percent-encoded.
    source
        The (first) file it comes from, below the DaCHS inputs directory.
    pieces
        The HDUs it is cut from (see `datalink.parts`); None if it is the source as it is.
    size
        In bytes.
    hdus
        What is in it.
    access
        Who may have it.
    """

    dataset: str
    collection: str
    obs_id: str
    semantics: str
    content_qualifier: str
    content_type: str
    description: str
    path: str
    source: str
    pieces: str | None
    size: int
    hdus: tuple[FileHDU, ...] = field(repr=False)
    access: Access

    @property
    def name(self) -> str:
        """The file's name."""
        return unquote(self.path.rpartition("/")[2])

    @staticmethod
    def of(row: Mapping[str, Any], collection: str) -> File:
        """Make it from a row of a collection's ``links``, or of its ``companions`` with the same names."""
        return File(
            dataset=row["dataset"],
            collection=collection,
            obs_id=row["obs_id"],
            semantics=row["semantics"],
            content_qualifier=row["content_qualifier"],
            content_type=row["content_type"],
            description=row["description"],
            path=row["access_path"],
            source=row["source"],
            pieces=row["pieces"],
            size=row["content_length"],
            hdus=tuple(FileHDU(*hdu) for hdu in json.loads(row["hdus"])),
            access=access_of(row),
        )


def access_of(row: Mapping[str, Any]) -> Access:
    """Read who may have a file from the columns ``access_groups`` and ``release_date``."""
    groups = row["access_groups"]
    return Access(None if groups is None else tuple(groups.split()), row["release_date"])


@dataclass(frozen=True)
class EventList:
    """An event list with all that belongs to it.

    Attributes
    ----------
    did
        Its obs_publisher_did.
    collection, obs_id
        The collection's schema and the observation.
    row
        Its row in the collection's table ``obscore``: ObsCore, the High-Energy extension (energies in eV,
        MJD in TT) and the context columns, which are GADF's keywords in lower case.
    files
        Itself (``#this``), its responses (``#calibration``), the whole run (``#package``), in this
        order; none if the release has metadata only.
    """

    did: str
    collection: str
    obs_id: str
    row: Mapping[str, Any] = field(repr=False)
    files: tuple[File, ...]


@dataclass(frozen=True)
class Fault:
    """An identifier that leads nowhere.

    Attributes
    ----------
    identifier
        As it came, shortened if it is long.
    kind
        ``NotFoundFault`` or ``UsageFault`` (DataLink 1.1, section 3.4).
    message
        What is wrong, as a sentence.
    """

    identifier: str
    kind: str
    message: str


@dataclass(frozen=True)
class Found:
    """What a list of identifiers stands for.

    Attributes
    ----------
    event_lists
        Each once, in the order asked for; the bundle of a run stands for its event lists.
    files
        Other data sets that were asked for by their own identifiers.
    faults
        Identifiers that lead nowhere.
    """

    event_lists: tuple[EventList, ...]
    files: tuple[File, ...]
    faults: tuple[Fault, ...]
