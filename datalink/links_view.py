"""What the links page says, before it is HTML: data sets with their links in groups, in words for people."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from datalink.files import Access, EventList, Fault, File, User, access_of, today
from datalink.links_words import (
    FORMATS,
    duration_text,
    energies_text,
    kind_of,
    link_text,
    position_text,
    thumbnail_of,
    times_text,
)
from ingest.release import Release

GROUPS = (
    ("#this", "The event list"),
    ("#preview", "Pictures"),
    ("#calibration", "Instrument responses"),
    ("#package", "Everything in one file"),
    ("#cutout", "Select events"),
    ("#documentation", "Provenance"),
    ("", "Other links"),
)
"""Semantics, or their beginning, with the heading of such links; the last takes all others."""

FITS_MTYPE = "table.load.fits"
VOTABLE_MTYPE = "table.load.votable"


@dataclass(frozen=True)
class Link:
    """One link.

    Attributes
    ----------
    href
        From the server's root.
    text
        What it leads to.
    content_type
        Media type.
    size
        In bytes; None if it is not known in advance.
    picture, thumbnail
        A picture of it, and the same in small; None without one.
    mtype
        The SAMP message that loads it; None if there is no good one.
    """

    href: str
    text: str
    content_type: str
    size: int | None = None
    picture: str | None = None
    thumbnail: str | None = None
    mtype: str | None = None

    @property
    def format(self) -> str:
        """The format in a word."""
        return FORMATS.get(self.content_type, self.content_type)


@dataclass(frozen=True)
class Group:
    """Links of the same kind: ``semantics`` is one of `GROUPS`."""

    semantics: str
    heading: str
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Cutout:
    """What the form that selects events shows as examples: strings in the syntax of its parameters."""

    identifier: str
    circle: str
    time: str
    energy: str


@dataclass(frozen=True)
class Notice:
    """Why there are fewer links than there are files; ``login`` if logging in may help."""

    text: str
    login: bool


@dataclass(frozen=True)
class Section:
    """All about one data set.

    Attributes
    ----------
    identifier
        Its obs_publisher_did.
    title, collection
        Its title, and the collection's schema.
    simulated
        Whether no telescope took it.
    facts
        Names and values, for people.
    groups
        Its links.
    cutout
        None where events cannot be selected.
    notice
        None if all is open to whoever asks.
    """

    identifier: str
    title: str
    collection: str
    simulated: bool
    facts: tuple[tuple[str, str], ...]
    groups: tuple[Group, ...]
    cutout: Cutout | None = None
    notice: Notice | None = None

    @property
    def document(self) -> str:
        """The same as a VOTable."""
        query = urlencode([("ID", self.identifier), ("RESPONSEFORMAT", "votable")])
        return f"/{self.collection}/q/dl/dlmeta?{query}"


@dataclass(frozen=True)
class About:
    """Who made a collection, and under which terms."""

    collection: str
    title: str
    creators: tuple[str, ...]
    rights: str
    rights_uri: str | None
    attribution: str
    reference_url: str
    doi: str | None


@dataclass(frozen=True)
class View:
    """The whole page.

    Attributes
    ----------
    sections
        The data sets.
    faults
        Identifiers that lead nowhere.
    abouts
        The collections of the data sets.
    collection
        The collection whose page it is; None for that of the site.
    rest
        Identifiers that are too many for one page.
    """

    sections: tuple[Section, ...]
    faults: tuple[Fault, ...] = ()
    abouts: tuple[About, ...] = ()
    collection: str | None = None
    rest: tuple[str, ...] = ()

    @property
    def status(self) -> int:
        """The HTTP status: an error only if there is nothing but errors."""
        if self.sections or not self.faults:
            return 200
        return 404 if all(fault.kind == "NotFoundFault" for fault in self.faults) else 400

    @property
    def downloadable(self) -> list[str]:
        """The data sets that a bundle would hold something of."""
        return [
            section.identifier
            for section in self.sections
            if any(group.semantics == "#package" for group in section.groups)
        ]


def event_list(events: EventList, rows: Sequence[Mapping[str, Any]], release: Release, user: User) -> Section:
    """Give the section of an event list.

    Parameters
    ----------
    events
        The event list.
    rows
        Its rows of the collection's ``datalinks`` with sizes, in the order of a document.
    release
        The release that it belongs to.
    user
        Who asks.
    """
    row = events.row
    groups, notice = _groups(rows, user)
    whole = any(group.semantics == "#this" for group in groups)
    facts = (
        ("Collection", row["obs_collection"]),
        ("Target", row["target_name"]),
        ("Time", times_text(row["t_min"], row["t_max"])),
        ("Live time", duration_text(row["t_exptime"])),
        ("Energies", energies_text(row["energy_min"], row["energy_max"])),
        ("Pointing", position_text(row)),
        ("Events", None if row["ev_xel"] is None else f"{row['ev_xel']:,}".replace(",", "\u202f")),
        ("Type of events", row["event_type"]),
        ("Mode", row["obs_mode"]),
        ("By", row["obs_creator_name"]),
        ("Public", _public(events.files, user, row["obs_release_date"])),
        ("Identifier", events.did),
    )
    return Section(
        events.did,
        row["obs_title"],
        events.collection,
        release.simulated,
        tuple((name, str(value)) for name, value in facts if value is not None),
        tuple(groups),
        _cutout(events) if whole else None,
        notice,
    )


def other_file(
    file: File, rows: Sequence[Mapping[str, Any]], releases: Mapping[str, Release], user: User
) -> Section:
    """Give the section of a data set that is no event list.

    Parameters
    ----------
    file
        Its file; the description is its title.
    rows, user
        As for `event_list`.
    releases
        All releases of its collection: which one it belongs to is not known.
    """
    groups, notice = _groups(rows, user)
    kind = kind_of(file.content_qualifier)
    facts = [("Kind", kind)] if kind else []
    by = dict.fromkeys(release.creator_name for release in releases.values())
    facts += [("By", name) for name in by if len(by) == 1]
    facts.append(("Identifier", file.dataset))
    simulated = "(simulated)" in file.description or all(found.simulated for found in releases.values())
    return Section(
        file.dataset, file.description, file.collection, simulated, tuple(facts), tuple(groups), None, notice
    )


def about(collection: str, releases: Mapping[str, Release]) -> About | None:
    """Give who made a collection and its terms of use; None if it has no registry record."""
    for release in releases.values():
        record = release.registry
        if record is not None:
            return About(
                collection,
                record.title,
                record.creators,
                record.rights,
                record.rights_uri,
                " ".join(record.attribution.split()),
                record.reference_url,
                record.source_doi,
            )
    return None


def release_of(row: Mapping[str, Any], releases: Mapping[str, Release]) -> Release:
    """Give the release that an ObsCore row comes from."""
    named = [release for release in releases.values() if release.obs_collection == row["obs_collection"]]
    return named[0] if named else next(iter(releases.values()))


def _groups(rows: Sequence[Mapping[str, Any]], user: User) -> tuple[list[Group], Notice | None]:
    links: dict[str, list[Link]] = {}
    withheld: list[Access] = []
    day = today()
    for row in rows:
        access = access_of(row)
        if not access.open_to(user, day):
            withheld.append(access)
        elif row["semantics"] != "#thumbnail":  # its picture is shown with it
            semantics = next(prefix for prefix, _ in GROUPS if row["semantics"].startswith(prefix))
            links.setdefault(semantics, []).append(_link(row))
    headings = dict(GROUPS)
    own = [row["content_qualifier"] for row in rows if row["semantics"] == "#this"]
    if own and (own[0] or "").removeprefix("hea-") != "event-list":
        headings["#this"] = "The file"
    groups = [Group(key, headings[key], tuple(links[key])) for key, _ in GROUPS if key in links]
    return groups, _notice(withheld, user)


def _notice(withheld: list[Access], user: User) -> Notice | None:
    if not withheld:
        return None
    reason = withheld[0].reason
    if user.name is None:
        return Notice(f"{reason} What describes them is public.", login=True)
    return Notice(f"{reason} {user.name} has no right to them.", login=False)


def _link(row: Mapping[str, Any]) -> Link:
    href, content_type = row["access_path"], row["content_type"]
    picture = None
    if row["semantics"].startswith("#preview"):
        picture = href
    elif row["semantics"] == "#calibration" and href.endswith(".fits"):
        picture = f"{href.removesuffix('.fits')}.png"
    return Link(
        href,
        link_text(row),
        content_type,
        row["content_length"],
        picture,
        picture and thumbnail_of(picture),
        FITS_MTYPE if "fits" in content_type else None,
    )


def _public(files: Iterable[File], user: User, released: datetime.date | None) -> str | None:
    """Say since when, or from when on, everybody may have the files."""
    day = today()
    accesses = [file.access for file in files if file.semantics == "#this"]
    if any(access.restricted(day) for access in accesses):
        until = accesses[0].until
        when = f"not before {until.isoformat()} (UTC)" if until else "no"
        return f"{when}; you have the right" if accesses[0].open_to(user, day) else when
    return f"since {released:%Y-%m-%d} (UTC)" if released else None


def _cutout(events: EventList) -> Cutout:
    row = events.row
    return Cutout(
        events.did,
        "" if row["s_ra"] is None or row["s_dec"] is None else f"{row['s_ra']:.4f} {row['s_dec']:.4f} 0.5",
        "" if row["t_min"] is None or row["t_max"] is None else f"{row['t_min']:.5f} {row['t_max']:.5f}",
        ""
        if row["energy_min"] is None or row["energy_max"] is None
        else f"{row['energy_min']:.3g} {row['energy_max']:.3g}",
    )
