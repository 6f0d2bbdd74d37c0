"""Bundles of what this site publishes: the seam between the database and `datalink.bundles.plan`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from datalink import catalogue
from datalink.bundles.plan import (
    Holdings,
    NothingLeftError,
    Plan,
    SourceGoneError,
    fingerprint,
    plan,
)
from datalink.files import Found, User, today
from ingest.provenance import Facts

PATH = "/rd/access/bundle/custom"
"""Of the service, from the server's root."""

REMEMBERED = 20_000
"""Bundles of single data sets whose sizes a server remembers: some megabytes."""


@dataclass(frozen=True)
class Offer:
    """A bundle as a DataLink row has it.

    Attributes
    ----------
    path
        From the server's root, with the query.
    size
        In bytes.
    private
        Whether somebody without rights would not get it.
    """

    path: str
    size: int
    private: bool


def planned(identifiers: Iterable[str], user: User) -> Plan:
    """Plan the bundle of some data sets.

    Parameters
    ----------
    identifiers
        Data set identifiers, or obs_ids that only one collection has.
    user
        Who asks.

    Raises
    ------
    NothingLeftError
        The user may have nothing of it, or nothing of it is there.
    SourceGoneError
        A file is missing in the archive.
    """
    return of_found(catalogue.find(identifiers), user)


def of_found(found: Found, user: User) -> Plan:
    """Plan the bundle of data sets that were looked up before; otherwise like `planned`."""
    return plan(found, user, today(), _holdings(found))


def bundle_link(did: str, user: User, found: Found | None = None) -> Offer | None:
    """Give the link to the bundle of one data set; None if there is nothing that the user may have.

    Parameters
    ----------
    did
        obs_publisher_did of an event list, or of another data set.
    user
        Who asks for links.
    found
        What it stands for, if that is known already.
    """
    found = catalogue.find([did]) if found is None else found
    holdings = _holdings(found)
    try:
        key = fingerprint(found, user, today(), holdings)
        if key not in _OFFERS:
            whole = plan(found, user, today(), holdings)
            _OFFERS[key] = (whole.archive.size, whole.private)
            while len(_OFFERS) > REMEMBERED:
                _OFFERS.pop(next(iter(_OFFERS)), None)
        size, private = _OFFERS[key]
    except (NothingLeftError, SourceGoneError):
        return None
    return Offer(f"{PATH}?ID={quote(did, safe='')}", size, private)


_OFFERS: dict[str, tuple[int, bool]] = {}


def _holdings(found: Found) -> Holdings:
    wanted: dict[str, set[str]] = {}
    for file in (*found.files, *(file for events in found.event_lists for file in events.files)):
        wanted.setdefault(file.collection, set()).add(file.obs_id)
    facts: dict[tuple[str, str], Facts] = {}
    for collection, obs_ids in wanted.items():
        known = catalogue.facts(collection, sorted(obs_ids))
        facts |= {(collection, obs_id): what for obs_id, what in known.items()}
    releases = {collection: catalogue.releases(collection) for collection in wanted}
    return Holdings(releases, facts, catalogue.bytes_of)
