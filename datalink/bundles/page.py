"""The web page that sends bundles (a DaCHS custom page).

``GET ?ID=...&ID=...`` sends the bundle of these data sets. ``POST`` takes the same, or a list, or a
VOTable, keeps it, and redirects to ``/<name>.tar``, which can be resumed like any file.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from gavo import base
from gavo.web import grend
from twisted.internet import defer, threads
from twisted.python.failure import Failure
from twisted.web import http, server

from datalink.bundles.identifiers import (
    MOST_BYTES,
    UnusableRequestError,
    is_votable,
    normalised,
    of_text,
    of_votable,
)
from datalink.bundles.lists import FOLDER, Lists, UnknownListError
from datalink.bundles.plan import NothingLeftError, Plan, SourceGoneError
from datalink.bundles.selection import SENSELESS, LeftOut, withheld
from datalink.bundles.service import planned
from datalink.delivery import Refusal
from datalink.files import User
from datalink.rights import challenge, user_of
from datalink.streaming import send
from ingest.errors import CherenkovVOError

MEDIA_TYPE = "application/x-tar"
METHODS = ("GET", "HEAD", "POST", "OPTIONS")
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")

MANY = 500
"""Bundles of more data sets than that are planned one at a time."""

MOST_REASONS = 20
"""So many of the data sets that cannot be sent are named in an answer without any."""


class MainPage(grend.ServiceBasedPage):  # type: ignore[misc]
    """``/rd/access/bundle/custom`` and what is below."""

    name = "custom"

    def __init__(self, request: Any, service: Any) -> None:
        super().__init__(request, service)
        self.segments: list[str] = []
        # DaCHS would pack the answer for whoever takes that: without a length, and ranges would not be of
        # the archive.
        request.requestHeaders.removeHeader(b"accept-encoding")

    @classmethod
    def isBrowseable(cls, service: Any) -> bool:  # noqa: N802 - DaCHS's name
        """Say that there is nothing here for people to browse."""
        return False

    def getChild(self, name: bytes, request: Any) -> MainPage:  # noqa: N802 - twisted's name
        """Take the rest of the path, the name of a list."""
        self.segments = [segment for segment in request.popSegments(name) if segment]
        return self

    def render(self, request: Any) -> int:
        """Plan outside the event loop, then send."""
        request.setHeader("access-control-allow-origin", "*")
        request.setHeader("vary", "Authorization")
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)
        planning = threads.deferToThread(self._asked, request)
        planning.addCallback(_planned, request)
        planning.addErrback(_refused, request)
        planning.addCallback(lambda found: None if gone else _send(found, request))
        planning.addErrback(_report)
        return int(server.NOT_DONE_YET)

    def _asked(self, request: Any) -> tuple[str, ...] | Refusal | str:
        """Give the identifiers of what is asked for, an answer without that, or the path where it is."""
        method = request.method.decode("ascii", "replace")
        if method == "OPTIONS":
            return Refusal(http.OK, "GET, HEAD or POST", **_ALLOWED)
        if method not in METHODS or (method == "POST" and self.segments):
            return Refusal(http.NOT_ALLOWED, "Expected GET, HEAD or POST", **_ALLOWED)
        if method == "POST":
            name = _lists().keep(normalised(_sent(request)))
            return f"{self.service.getURL('custom', absolute=False)}/{name}.tar"
        return self._kept() if self.segments else normalised(_parameters(request))

    def _kept(self) -> tuple[str, ...]:
        return _lists().get("/".join(self.segments).removesuffix(".tar"))


def _planned(found: tuple[str, ...] | Refusal | str, request: Any) -> Any:
    """Plan the bundle if it is a bundle; large ones after each other, not to take up all threads."""
    if not isinstance(found, tuple):
        return found
    if len(found) > MANY:
        return _LARGE.run(threads.deferToThread, _plan, found, request)
    return threads.deferToThread(_plan, found, request)


def _plan(identifiers: tuple[str, ...], request: Any) -> Plan | Refusal:
    user = user_of(request)
    try:
        return planned(identifiers, user)
    except NothingLeftError as error:
        return _nothing(error, user)


_LARGE = defer.DeferredSemaphore(1)

_ALLOWED = {"Allow": ", ".join(METHODS), "Access_Control_Allow_Methods": ", ".join(METHODS)} | {
    "Access_Control_Allow_Headers": "Authorization, Range, Content-Type, If-None-Match, If-Range"
}


def _lists() -> Lists:
    return Lists(Path(base.getConfig("stateDir")) / FOLDER)


def _parameters(request: Any) -> list[str]:
    """Give the values of ID, in any case of its letters as DALI has it."""
    found = [value for key, values in request.args.items() if key.upper() == b"ID" for value in values]
    return [value.decode("utf-8", "replace") for value in found]


def _sent(request: Any) -> list[str]:
    """Give the identifiers in a POST: parameters, uploaded files, or the body itself.

    DaCHS hands a body on if it is a form or has no Content-Type, and drops the connection at others.
    """
    found = _parameters(request)
    for name in (b"LIST", b"TABLE"):
        for value in request.args.get(name, []):
            found += _read(io.BytesIO(value))
    for uploads in request.files.values():
        for upload in uploads:
            found += _read(upload.file_object)
    media_type = request.getHeader("content-type") or ""
    if media_type.partition(";")[0].strip().lower() not in FORMS:
        request.content.seek(0)
        found += _read(request.content)
    return found


def _read(stream: Any) -> list[str]:
    content = stream.read(MOST_BYTES + 1)
    return of_votable(content) if is_votable(content) else of_text(content)


def _nothing(error: NothingLeftError, user: User) -> Refusal:
    """Say why there is no bundle: rights first, for with them there would be one."""
    lines = "\n".join(_line(left) for left in error.left_out[:MOST_REASONS])
    rest = len(error.left_out) - MOST_REASONS
    if rest > 0:
        lines += f"\n(and {rest} more)"
    if withheld(error.left_out):
        if user.name is None:
            return Refusal(http.UNAUTHORIZED, lines, WWW_Authenticate=challenge())
        return Refusal(http.FORBIDDEN, lines)
    senseless = all(left.kind == SENSELESS for left in error.left_out)
    return Refusal(http.BAD_REQUEST if senseless else http.NOT_FOUND, lines)


def _line(left: LeftOut) -> str:
    return f"{left.identifier}: {left.reason}"


def _refused(failure: Failure, request: Any) -> Refusal:
    """Make an answer of an exception; only what is meant for users goes out."""
    error = failure.value
    if isinstance(error, UnusableRequestError):
        code = http.REQUEST_ENTITY_TOO_LARGE if error.too_large else http.BAD_REQUEST
        return Refusal(code, f"{error}.")
    if isinstance(error, UnknownListError):
        return Refusal(http.NOT_FOUND, str(error))
    if isinstance(error, SourceGoneError):
        base.ui.notifyError(f"bundle: {error} {error.__cause__}")
        return Refusal(http.SERVICE_UNAVAILABLE, str(error))
    base.ui.notifyError(f"bundle: {failure.getTraceback()}")
    return Refusal(http.SERVICE_UNAVAILABLE, "Bundles cannot be made at the moment.")


def _send(found: Plan | Refusal | str, request: Any) -> None:
    if isinstance(found, Refusal):
        request.write(found.render(request))
        request.finish()
    elif isinstance(found, str):
        request.setHeader("location", found)
        request.write(Refusal(http.SEE_OTHER, f"The bundle is at {found}").render(request))
        request.finish()
    else:
        request.setHeader("content-disposition", f'attachment; filename="{found.name}.tar"')
        send(request, found.archive, MEDIA_TYPE, private=found.private, report=_report)


def _report(failure: Failure) -> None:
    """Log what went wrong after the answer has begun."""
    known = isinstance(failure.value, CherenkovVOError)
    base.ui.notifyError(f"bundle broken off: {failure.value if known else failure.getTraceback()}")
