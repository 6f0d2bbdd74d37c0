"""The web page that delivers files: those of releases, parts of them, pictures, provenance documents."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from gavo import base, svcs
from gavo.svcs import weberrors
from gavo.web import grend
from twisted.internet import reactor, threads
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from twisted.web import http, resource, server

from datalink import catalogue, pictures
from datalink.delivery import Delivery, Document, Refusal, delivered, withheld
from datalink.files import User, today
from datalink.provenance import prov_json, prov_votable
from datalink.rights import user_of
from ingest.errors import CherenkovVOError, UnreadableFileError
from ingest.provenance import Facts

DOCUMENTS: dict[str, tuple[str, Callable[[Facts], bytes]]] = {
    ".json": ("application/json", prov_json),
    ".xml": ("application/x-votable+xml", prov_votable),
}
"""Suffix of a provenance document to its media type and what writes it."""

DRAWING_THREADS = 4
"""Threads that wait for pictures; one process draws all of them."""

MOST_WAITING = 500
"""Requests that may wait for pictures: some minutes of drawing."""


def canonical(path: bytes) -> str:
    """Write a request's path as the tables have it, however the client percent-encoded it."""
    return "/".join(quote(unquote_to_bytes(segment), safe="") for segment in path.split(b"/"))


class MainPage(grend.ServiceBasedPage):  # type: ignore[misc]
    """``.../file/custom/<obs_id>/<name>``."""

    name = "custom"

    def __init__(self, request: Any, service: Any) -> None:
        super().__init__(request, service)
        # DaCHS would pack what it sends for whoever takes that: lengths and ranges are those of the files.
        request.requestHeaders.removeHeader(b"accept-encoding")

    @classmethod
    def isBrowseable(cls, service: Any) -> bool:  # noqa: N802 - DaCHS's name
        """Say that there is nothing here for people to browse."""
        return False

    def getChild(self, name: bytes, request: Any) -> MainPage:  # noqa: N802 - twisted's name
        """Take the rest of the path."""
        request.popSegments(name)
        return self

    def render(self, request: Any) -> int:
        """Find the file outside the event loop, then deliver it."""
        request.setHeader("access-control-allow-origin", "*")
        finding = threads.deferToThread(self._find, canonical(request.path), request)
        finding.addCallback(_drawn).addCallback(_deliver, request)
        finding.addErrback(weberrors.renderDCErrorPage, request)
        return int(server.NOT_DONE_YET)

    def _find(self, path: str, request: Any) -> resource.Resource | _Undrawn:
        suffix = Path(path).suffix
        if suffix in DOCUMENTS:
            document = self._document(path, suffix)
            if document is not None:
                return document
        user = user_of(request)
        try:
            return self._picture(path, user) if suffix == ".png" else self._file(path, user)
        except UnreadableFileError as error:
            base.ui.notifyError(f"{path}: {error}")
            if isinstance(error.__cause__, FileNotFoundError):
                raise svcs.UnknownURI("This file is gone from the archive.") from error
            return Refusal(http.SERVICE_UNAVAILABLE, f"The archive has a problem with this file: {error}")
        except CherenkovVOError as error:
            base.ui.notifyError(f"{path}: {error}")
            return Refusal(http.SERVICE_UNAVAILABLE, f"This cannot be made at the moment: {error}")

    def _document(self, path: str, suffix: str) -> Document | None:
        query = f"SELECT facts FROM {self.service.rd.schema}.provenance WHERE path_stem=%(stem)s"  # noqa: S608
        with base.getTableConn() as connection:
            found = list(connection.query(query, {"stem": path.removesuffix(suffix)}))
        if not found:
            return None
        facts = Facts.from_text(found[0][0])
        media_type, write = DOCUMENTS[suffix]
        modified = datetime.datetime.fromisoformat(facts.ingested).timestamp()
        content = write(facts)
        return Document(Path(path), media_type, content, modified, hashlib.sha256(content).hexdigest())

    def _file(self, path: str, user: User) -> resource.Resource:
        file = catalogue.at_path(self.service.rd.schema, path)
        if file is None:
            raise svcs.UnknownURI("There is no such file of an observation here.")
        refusal = withheld(file.access, user)
        if refusal is not None:
            return refusal
        private = file.access.restricted(today())
        return delivered(catalogue.bytes_of(file), file.content_type, _broken_off, private=private)

    def _picture(self, path: str, user: User) -> resource.Resource | _Undrawn:
        """Give a picture of a data set, whose path is that of its file with another ending."""
        match = re.fullmatch(pictures.PATH, path)
        file = catalogue.at_path(self.service.rd.schema, f"{match['stem']}.fits") if match else None
        if match is None or file is None:
            raise svcs.UnknownURI("There is no such picture of an observation here.")
        refusal = withheld(file.access, user)
        if refusal is not None:
            return refusal
        picture = pictures.at(file, match["kind"], small=bool(match["small"]))
        if picture is None:
            raise svcs.UnknownURI("There is no such picture of an observation here.")
        private, path_of_it = file.access.restricted(today()), pictures.cached(picture)
        return _ready(picture, path_of_it, private=private) if path_of_it else _Undrawn(picture, private)


@dataclass(frozen=True)
class _Undrawn:
    """A picture that has to be drawn first."""

    picture: pictures.Picture
    private: bool


@cache
def _studio() -> ThreadPool:
    """Give the threads that wait for pictures: those of the server must not wait for them."""
    pool = ThreadPool(0, DRAWING_THREADS, "pictures")
    pool.start()
    reactor.addSystemEventTrigger("during", "shutdown", pool.stop)  # type: ignore[attr-defined]
    return pool


_waiting: set[int] = set()


def _drawn(found: resource.Resource | _Undrawn) -> Any:
    """Have a picture drawn if the answer needs that."""
    if not isinstance(found, _Undrawn):
        return found
    if len(_waiting) >= MOST_WAITING:
        message = "Too many pictures are being drawn; ask again in a minute."
        return Refusal(http.SERVICE_UNAVAILABLE, message, retry_after="60")
    _waiting.add(id(found))
    drawing = threads.deferToThreadPool(reactor, _studio(), _draw, found)

    def done(result: Any) -> Any:
        _waiting.discard(id(found))
        return result

    return drawing.addBoth(done)


def _draw(undrawn: _Undrawn) -> resource.Resource:
    picture = undrawn.picture
    try:
        return _ready(picture, pictures.drawn(picture), private=undrawn.private)
    except CherenkovVOError as error:
        base.ui.notifyError(f"{picture.content.name}: {error}")
        return Refusal(http.SERVICE_UNAVAILABLE, f"This picture cannot be drawn: {error}")


def _ready(picture: pictures.Picture, path: Path, *, private: bool) -> Delivery:
    return Delivery(path, pictures.MEDIA_TYPE, picture.key.digest, private=private)


def _broken_off(failure: Failure) -> None:
    known = isinstance(failure.value, CherenkovVOError)
    base.ui.notifyError(f"file broken off: {failure.value if known else failure.getTraceback()}")


def _deliver(found: resource.Resource, request: Any) -> None:
    result = found.render(request)
    if result is not server.NOT_DONE_YET:
        request.write(result)
        request.finish()
