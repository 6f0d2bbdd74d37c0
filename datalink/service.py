"""The DataLink services: identifiers to links, after DataLink 1.1.

This is the seam to DaCHS; the rows themselves come from the database, where the TAP table
``datalink.response`` has the same. What a user may not have becomes a fault row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gavo import base, svcs
from gavo.protocols import datalink as dachs
from gavo.protocols.soda import DatalinkFault

from datalink import catalogue, pictures, provenance_sizes
from datalink.bundles.descriptor import bundle_of
from datalink.bundles.service import bundle_link
from datalink.catalogue import Resolved
from datalink.cutouts import descriptors as cutouts
from datalink.files import Access, EventList, Fault, File, Found, User, access_of, today
from datalink.rights import asking_request, asking_user
from ingest.identifiers import parse
from ingest.naming import EVENT_BUNDLE

MAX_IDS = 500
"""So many identifiers are answered at once; their rows stay below DaCHS's limit of 10,000."""

TAR = "application/x-tar"
BROWSERS = ("Mozilla", "Lynx")
"""What the names of browsers have in them, for DaCHS as well."""

ORDER = [
    "#this",
    "#cutout",
    "#preview-image",
    "#preview-plot",
    "#thumbnail",
    "#calibration",
    "#package",
    "#documentation",
]
"""Semantics of the links, in the order of a DataLink document."""


@dataclass
class Links(dachs.DatalinkDescriptorMixin):  # type: ignore[misc]
    """What DaCHS calls a descriptor: one identifier with its links.

    Attributes
    ----------
    pubDID
        The identifier as it was asked for.
    rows
        Its rows of the collection's ``datalinks``.
    event_lists, files
        The event lists that it stands for, or else the other data sets.
    user
        Who asks.
    together
        All identifiers of the request, for the first of several.
    """

    pubDID: str  # noqa: N815 - DaCHS's name
    rows: list[dict[str, Any]]
    event_lists: tuple[EventList, ...] = ()
    files: tuple[File, ...] = ()
    user: User = field(default_factory=User)
    together: tuple[str, ...] = ()

    suppressAutoLinks = True  # noqa: N815 - DaCHS's name


@dataclass
class Pattern(Links):
    """A descriptor with rows that were made elsewhere.

    Attributes
    ----------
    made
        What DaCHS makes the document from.
    """

    made: tuple[Any, ...] = ()


def describe(collection: str | None, identifier: Any, arguments: Any) -> Links | Any:
    """Find the links of a data set.

    Parameters
    ----------
    collection
        Name of the collection's schema; None to look in all.
    identifier
        A data set identifier, or an obs_id alone: that stands for the event lists of the observation,
        or, without any, for its other data sets.
    arguments
        All arguments of the request: one search serves all identifiers in it.

    Returns
    -------
    Links or DatalinkFault
        A fault row (DataLink 1.1, section 3.4) if there is no such data set here, the identifier makes
        no sense, or it is one too many.

    Raises
    ------
    gavo.svcs.SeeOther
        A browser asks: people get a page of their own.
    """
    if not isinstance(identifier, str):  # DaCHS leaves what is not UTF-8 as bytes
        return DatalinkFault.UsageFault("", "ID is no text in UTF-8", semantics="#this")
    known = getattr(arguments, "cherenkov_links", None)
    if known is None:
        _send_people_to_their_page(collection)
        known = _all(collection, arguments.get("ID") or [])
        arguments.cherenkov_links = known
    return known[identifier]


def _send_people_to_their_page(collection: str | None) -> None:
    """Redirect browsers, unless they ask for a format; DaCHS would always give them a page of its own."""
    request = asking_request()
    if request is None:
        return
    request.setHeader("vary", "User-Agent, Authorization")
    if not any(name in (request.getHeader("user-agent") or "") for name in BROWSERS):
        return
    if request.method in (b"GET", b"HEAD") and "RESPONSEFORMAT" not in request.strargs:
        where = f"/{collection}/q/page/custom" if collection else "/rd/access/page/custom"
        query = request.uri.partition(b"?")[2].decode("ascii", "replace")
        raise svcs.SeeOther(f"{where}?{query}")
    # By this header DaCHS would tell that it is a browser, and transform the document.
    request.requestHeaders.removeHeader(b"user-agent")


def _all(collection: str | None, identifiers: list[str]) -> dict[str, Links | Any]:
    asked = [identifier for identifier in dict.fromkeys(identifiers) if isinstance(identifier, str)]
    user = asking_user()
    resolved = catalogue.resolve(asked[:MAX_IDS], collection)
    rows = rows_of(resolved)
    found: dict[str, Links | Any] = {}
    for identifier, what in resolved.items():
        if isinstance(what, Fault):
            make = getattr(DatalinkFault, what.kind)
            found[identifier] = make(what.identifier, what.message, semantics="#this")
        else:
            found[identifier] = Links(identifier, rows[identifier], what.event_lists, what.files, user)
    described = [links for links in found.values() if isinstance(links, Links)]
    if len(described) > 1:
        described[0].together = tuple(links.pubDID for links in described)
    for identifier in asked[MAX_IDS:]:
        message = f"More than {MAX_IDS} identifiers in one request; ask for the others in another one"
        found[identifier] = DatalinkFault.UsageFault(catalogue.shown(identifier), message, semantics="#this")
    return found


def rows_of(resolved: Mapping[str, Resolved | Fault]) -> dict[str, list[dict[str, Any]]]:
    """Give the rows of DataLink documents.

    Parameters
    ----------
    resolved
        Identifiers and what they stand for.

    Returns
    -------
    dict
        Each identifier's rows in the order of a document, each link once: event lists of one observation
        share some.
    """
    by_collection: dict[str, set[str]] = {}
    wanted: dict[str, list[str]] = {}
    for identifier, what in resolved.items():
        if isinstance(what, Fault):
            continue
        wanted[identifier] = _datasets(identifier, what)
        names = {events.collection for events in what.event_lists} | {file.collection for file in what.files}
        for name in names:
            by_collection.setdefault(name, set()).update(wanted[identifier])
    rows: dict[str, list[dict[str, Any]]] = {}
    with base.getTableConn() as connection:
        for name, asked in by_collection.items():
            for row in connection.queryToDicts(
                f"SELECT * FROM {name}.datalinks WHERE id = ANY(%(datasets)s)"  # noqa: S608 - a plain name
                " ORDER BY array_position(%(order)s, semantics), content_qualifier, local_semantics, id,"
                " access_path",
                {"datasets": sorted(asked), "order": ORDER},
            ):
                rows.setdefault(row["id"], []).append(row)
    found = {}
    for identifier, datasets in wanted.items():
        every = sorted(
            (row for dataset in datasets for row in rows.get(dataset, [])),
            key=lambda row: ORDER.index(row["semantics"]),
        )
        found[identifier] = list({(row["access_path"], row["semantics"]): row for row in every}.values())
    return found


def _datasets(identifier: str, what: Resolved) -> list[str]:
    """Give the data sets whose links an identifier has.

    That of a run's bundle stands for its event lists elsewhere; here #this must be the bundle itself.
    """
    if identifier.startswith("ivo:") and parse(identifier).part == EVENT_BUNDLE:
        return [identifier]
    return [events.did for events in what.event_lists] + [file.dataset for file in what.files]


def links(found: Links) -> Iterator[Any]:
    """Yield the rows of the DataLink document: links, and a fault row if some are withheld."""
    if isinstance(found, Pattern):
        yield from found.made
        return
    server = base.getCurrentServerURL()
    sizes = sizes_of(found.rows, found.event_lists, found.files, found.user)
    for entry in entries(found, sizes):
        if isinstance(entry, Link):
            yield found.makeLink(server + entry.row["access_path"], **entry.others)
        elif isinstance(entry, cutouts.Selectable):
            yield entry.link()
        elif isinstance(entry, Together):
            yield bundle_of(entry.identifiers)
        else:
            yield getattr(DatalinkFault, entry.kind)(found.pubDID, entry.message, semantics="#this")


@dataclass(frozen=True)
class Link:
    """A row that leads to a file: its row in ``datalinks``, and its size if that is known."""

    row: Mapping[str, Any]
    size: int | None

    @property
    def others(self) -> dict[str, Any]:
        """What it says beside the URL, by DaCHS's names."""
        row = self.row
        return {
            "semantics": row["semantics"],
            "description": row["description"],
            "contentType": row["content_type"],
            "contentLength": self.size,
            "localSemantics": row["local_semantics"],
            "contentQualifier": row["content_qualifier"],
        }


@dataclass(frozen=True)
class Together:
    """A row that leads to a bundle of all that was asked for."""

    identifiers: tuple[str, ...]


@dataclass(frozen=True)
class Withheld:
    """A fault row for data that a user may not have: kind as in DataLink 1.1, section 3.4."""

    kind: str
    message: str


def entries(
    found: Links, sizes: Mapping[str, int]
) -> Iterator[Link | cutouts.Selectable | Together | Withheld]:
    """Yield what is in the part of a DataLink document that is about one identifier, in its order.

    Parameters
    ----------
    found
        The identifier with what it stands for.
    sizes
        Of what is made when it is asked for: access_path to number of bytes.
    """
    day = today()
    selections = list(cutouts.selectable(found.pubDID, found.event_lists, found.user))
    withheld: list[Access] = []
    for row in found.rows:
        access = access_of(row)
        if not access.open_to(found.user, day):
            withheld.append(access)
            continue
        if row["semantics"] != "#this":
            yield from selections
            selections = []
        yield Link(row, row["content_length"] or sizes.get(row["access_path"]))
    yield from selections
    if found.together:
        yield Together(found.together)
    if withheld:
        yield refusal(withheld[0], found.user)


def sizes_of(
    rows: Iterable[Mapping[str, Any]],
    event_lists: Iterable[EventList],
    files: Iterable[File],
    user: User,
) -> dict[str, int]:
    """Give the sizes of what is made when it is asked for, as far as they are known.

    Parameters
    ----------
    rows
        Links, as `rows_of` gives them.
    event_lists, files
        What they are links of.
    user
        Who asks: archives hold what the user may have.

    Returns
    -------
    dict
        access_path to number of bytes.
    """
    rows, event_lists = list(rows), list(event_lists)
    sizes = provenance_sizes.of(rows) | pictures.sizes(event_lists, files)
    tars = {row["id"]: row["access_path"] for row in rows if row["content_type"] == TAR}
    for events in event_lists:
        if events.did in tars:
            offer = bundle_link(events.did, user, Found((events,), (), ()))
            if offer is not None:
                sizes[tars[events.did]] = offer.size
    return sizes


def refusal(access: Access, user: User) -> Withheld:
    """Give the fault row for data that a user may not have."""
    if user.name is None:
        message = f"{access.reason} Log in to get them, if you have the right."
        return Withheld("AuthenticationFault", message)
    return Withheld("AuthorizationFault", f"{access.reason} {user.name} has no right to them.")
