"""The links of data sets as a web page for people (a DaCHS custom page)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gavo import base
from gavo.svcs import weberrors
from gavo.web import grend
from twisted.internet import threads
from twisted.web import http, resource, server

from datalink import catalogue, links_html, links_view, service
from datalink.catalogue import Resolved
from datalink.delivery import Delivery, Refusal
from datalink.files import Fault, Found, User
from datalink.links_html import Site
from datalink.links_view import Section, View
from datalink.rights import challenge, user_of
from ingest.release import Release

SITE_WIDE_RD = "rd/access"
MOST_ON_A_PAGE = 50
"""So many identifiers are shown on one page; it leads to the others."""

ASSETS = {
    b"links.css": ("text/css; charset=utf-8", Path(__file__).parent / "templates" / "links.css"),
    b"links.js": ("text/javascript; charset=utf-8", Path(__file__).parent / "templates" / "links.js"),
}
"""Files that the page needs, by the last segment of their URLs."""

POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; form-action 'self';"
    " connect-src http://localhost:21012 http://127.0.0.1:21012; base-uri 'none'; frame-ancestors 'none'"
)
"""The browser takes nothing from elsewhere; port 21012 of the reader's machine is SAMP's (Web Profile)."""


class MainPage(grend.ServiceBasedPage):  # type: ignore[misc]
    """``.../page/custom?ID=...``, with its style sheet and its script below."""

    name = "custom"

    @classmethod
    def isBrowseable(cls, service: Any) -> bool:  # noqa: N802 - DaCHS's name
        """Say that people are welcome."""
        return True

    def getChild(self, name: bytes, request: Any) -> resource.Resource:  # noqa: N802 - twisted's name
        """Give the style sheet or the script; an empty segment is this page."""
        if name in ASSETS and not request.postpath:
            media_type, path = ASSETS[name]
            return Delivery(path, media_type, hashlib.sha256(path.read_bytes()).hexdigest())
        if not name and not request.postpath:
            return self
        return Refusal(http.NOT_FOUND, "There is no such page here.")

    def render(self, request: Any) -> int:
        """Make the page outside the event loop."""
        making = threads.deferToThread(self._made, request)
        making.addCallback(_write, request).addErrback(weberrors.renderDCErrorPage, request)
        return int(server.NOT_DONE_YET)

    def _made(self, request: Any) -> tuple[int, bytes]:
        user = user_of(request)
        collection = None if self.service.rd.sourceId == SITE_WIDE_RD else str(self.service.rd.schema)
        # What is no UTF-8 is no identifier; it is shown as a question mark.
        asked = [value if isinstance(value, str) else "\0" for value in request.strargs.get("ID") or []]
        view = view_of([identifier.strip() for identifier in asked], collection, user)
        wants_login = user.name is None and "login" in request.strargs
        status = http.UNAUTHORIZED if wants_login else view.status
        contact = base.getMetaText(self.service, "contact.email", default=None)
        site = Site(base.getConfig("web", "sitename"), contact)
        return status, links_html.page(view, site, anonymous=user.name is None)


def view_of(identifiers: list[str], collection: str | None, user: User) -> View:
    """Give what the page says of some identifiers to a user.

    Parameters
    ----------
    identifiers
        As for `catalogue.resolve`.
    collection
        Look in this one only.
    user
        Who asks.
    """
    asked = list(dict.fromkeys(identifiers))
    found = catalogue.find(asked[:MOST_ON_A_PAGE], collection)
    names = {events.collection for events in found.event_lists} | {file.collection for file in found.files}
    releases = {name: catalogue.releases(name) for name in sorted(names)}
    abouts = [links_view.about(name, configured) for name, configured in releases.items()]
    return View(
        tuple(_sections(found, releases, user)),
        tuple(found.faults),
        tuple(about for about in abouts if about is not None),
        collection,
        tuple(asked[MOST_ON_A_PAGE:]),
    )


def _sections(found: Found, releases: Mapping[str, Mapping[str, Release]], user: User) -> list[Section]:
    wanted: dict[str, Resolved | Fault] = {
        events.did: Resolved(event_lists=(events,)) for events in found.event_lists
    }
    wanted |= {file.dataset: Resolved(files=(file,)) for file in found.files}
    rows = service.rows_of(wanted)
    every = [row for some in rows.values() for row in some]
    sizes = service.sizes_of(every, found.event_lists, found.files, user)
    for row in every:
        row["content_length"] = row["content_length"] or sizes.get(row["access_path"])
    sections = []
    for events in found.event_lists:
        release = links_view.release_of(events.row, releases[events.collection])
        sections.append(links_view.event_list(events, rows[events.did], release, user))
    for file in found.files:
        sections.append(links_view.other_file(file, rows[file.dataset], releases[file.collection], user))
    return sections


def _write(made: tuple[int, bytes], request: Any) -> None:
    status, content = made
    request.setResponseCode(status)
    if status == http.UNAUTHORIZED:
        request.setHeader("www-authenticate", challenge())
    request.setHeader("content-type", "text/html; charset=utf-8")
    request.setHeader("content-length", str(len(content)))
    request.setHeader("content-security-policy", POLICY)
    request.setHeader("x-content-type-options", "nosniff")
    request.setHeader("referrer-policy", "same-origin")
    # Whoever has logged in sees more, and an embargo may end at any midnight.
    request.setHeader("vary", "Authorization")
    request.setHeader("cache-control", "private, no-cache")
    request.write(content)
    request.finish()
