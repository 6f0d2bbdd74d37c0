"""Doors of DaCHS that are better shut: an administrator without a password, redirections to anywhere, tests.

Proposal to upstream: let ``getAuthUser`` use ``creds.isAdmin``, let the login page go to
paths of the site only, and let ``//tests`` be loaded with ``[web]enabletests`` only.
"""

from __future__ import annotations

import posixpath
import urllib.parse
from typing import Any

from gavo import base, svcs
from gavo.protocols import creds
from gavo.web import common, ifpages, root, syncrender

from upstream.shims import Shim

UNSERVED = {
    "__system__/tests": "DaCHS's tests of itself, which sleep, fail and end the server",
    "__system__/tap_user": "works in jobs of a table that is not there",
    "__system__/biblinks": "lists what is in a table that is not there, and never answers",
}
"""Resources of DaCHS whose services are not for the public, and why."""

_stock_locate = root.ArchiveService._locateResourceBasedChild


def authenticated_user(request: Any) -> str | None:
    """Give who sent a request, with the right password; replaces ``Request.getAuthUser``.

    DaCHS compares the administrator's password with the configured one, which is empty by default.
    """
    name, password = request.getUser(), request.getPassword()
    if name and password and creds.hasCredentials(name, password, None):
        return str(name)
    return None


def own_path(wanted: bytes) -> str:
    """Give a path of this site for what a client names as its destination; the root if it leads elsewhere."""
    text = wanted.decode("utf-8", "replace")
    place = urllib.parse.urlsplit(text) if text.isprintable() else None
    if place is not None and place.scheme and text.startswith(f"{base.getConfig('web', 'serverURL')}/"):
        text = urllib.parse.urlunsplit(("", "", *place[2:]))
    if place is None or not text.startswith("/") or text.startswith(("//", "/\\")) or "\\" in text:
        return "/"
    path, _, query = text.partition("?")
    return urllib.parse.quote(posixpath.normpath(path), safe="/%:@!$&'()*+,;=~-._") + (
        f"?{query}" if query else ""
    )


class LoginPage(ifpages.LoginPage):  # type: ignore[misc]
    """DaCHS's page that logs people in or out, which leads back to this site only."""

    def render(self, request: Any) -> Any:
        """Ask for a password, or go where the client came from."""
        request.args[b"nextURL"] = [
            own_path(request.args.get(b"nextURL", [b"/"])[0]).encode("ascii", "ignore")
        ]
        try:
            return super().render(request)
        except svcs.SeeOther as error:
            path = urllib.parse.urlsplit(error.dest)
            raise svcs.SeeOther(urllib.parse.urlunsplit(("", "", *path[2:4], ""))) from error


class StaticServer(ifpages.StaticServer):  # type: ignore[misc]
    """DaCHS's files for pages; what cannot be a file is not there."""

    def getChild(self, name: bytes, request: Any) -> Any:  # noqa: N802 - twisted's name
        """Find a file."""
        try:
            return super().getChild(name, request)
        except (OSError, ValueError, RuntimeError) as error:
            raise svcs.UnknownURI("No matching file") from error


def locate(dispatcher: Any, request: Any, segments: list[str]) -> Any:
    """Find the service of a path; replaces ``ArchiveService._locateResourceBasedChild``."""
    for count in range(1, len(segments)):
        if "/".join(segments[:count]) in UNSERVED:
            raise svcs.UnknownURI("No matching RD")
    found = _stock_locate(dispatcher, request, segments)
    if isinstance(found[0], syncrender.DALIRenderer):  # it stands for others in the registry, and has no page
        raise svcs.UnknownURI("No such renderer")
    return found


def shut() -> None:
    """Put our pages in the place of DaCHS's."""
    root.ArchiveService.addStatic("login", LoginPage())
    root.ArchiveService.addStatic("static", StaticServer())


SHIMS = (
    Shim(
        common.Request, "getAuthUser", authenticated_user, ((common.Request.getAuthUser, "d3d23695ceea431f"),)
    ),
    Shim(
        root.ArchiveService,
        "_locateResourceBasedChild",
        locate,
        (
            (root.ArchiveService._locateResourceBasedChild, "7cc9efb206601f87"),
            (ifpages.StaticServer, "0c99b2b857960c1d"),
            (ifpages.LoginPage, "24996c6aeeaf9b0d"),
        ),
    ),
)
