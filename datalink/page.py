"""The web page that delivers files (a DaCHS custom page): those of the release, parts, provenance."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from gavo import base, svcs
from gavo.svcs import weberrors
from gavo.web import grend
from twisted.internet import threads
from twisted.web import http, resource, server, static

from datalink.parts import cut
from datalink.provenance import prov_json, prov_votable
from ingest.provenance import Facts

DOCUMENTS: dict[str, tuple[str, Callable[[Facts], bytes]]] = {
    ".json": ("application/json", prov_json),
    ".xml": ("application/x-votable+xml", prov_votable),
}
"""Suffix of a provenance document to its media type and what writes it."""


class Delivery(static.File):
    """A file as twisted serves files: with HEAD, Range, Last-Modified."""

    def __init__(self, path: Path, media_type: str) -> None:
        super().__init__(str(path))
        # twisted would call a .gz file encoded; for us the packed file is the data.
        self.type, self.encoding = media_type, None


class Document(Delivery):
    """A file that is in memory only.

    Parameters
    ----------
    path
        What it is called.
    media_type, content
        What is served.
    modified
        When it was last changed, seconds since 1970.
    """

    def __init__(self, path: Path, media_type: str, content: bytes, modified: float) -> None:
        super().__init__(path, media_type)
        self.content, self.modified = content, modified

    def restat(self, reraise: bool = True) -> None:
        """Do not look for a file: there is none."""

    def exists(self) -> bool:
        """Say that it is there."""
        return True

    def isdir(self) -> bool:
        """Say that it is no directory."""
        return False

    def getModificationTime(self) -> float:  # noqa: N802 - twisted's name
        """Give when it was last changed, seconds since 1970."""
        return self.modified

    def getFileSize(self) -> int:  # noqa: N802 - twisted's name
        """Give the size of what is served."""
        return len(self.content)

    def openForReading(self) -> io.BytesIO:  # noqa: N802 - twisted's name
        """Give what is served."""
        return io.BytesIO(self.content)


class Withheld(resource.Resource):
    """The answer for a file that is not public yet.

    Parameters
    ----------
    until
        The day, UTC, from which it is.
    """

    isLeaf = True  # noqa: N815 - twisted's name

    def __init__(self, until: datetime.date) -> None:
        super().__init__()
        self.until = until

    def render(self, request: Any) -> bytes:
        """Say when it will be public."""
        request.setResponseCode(http.FORBIDDEN)
        request.setHeader("content-type", "text/plain; charset=utf-8")
        return f"This file is proprietary until {self.until.isoformat()} (UTC).\n".encode()


def canonical(path: bytes) -> str:
    """Write a request's path as the tables have it, however the client percent-encoded it."""
    return "/".join(quote(unquote_to_bytes(segment), safe="") for segment in path.split(b"/"))


class MainPage(grend.ServiceBasedPage):  # type: ignore[misc]
    """``.../file/custom/<obs_id>/<name>``."""

    name = "custom"

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
        finding = threads.deferToThread(self._find, canonical(request.path))
        finding.addCallback(self._deliver, request).addErrback(weberrors.renderDCErrorPage, request)
        return int(server.NOT_DONE_YET)

    def _find(self, path: str) -> Delivery | Withheld:
        suffix = Path(path).suffix
        if suffix in DOCUMENTS:
            document = self._document(path, suffix)
            if document is not None:
                return document
        return self._file(path)

    def _document(self, path: str, suffix: str) -> Document | None:
        query = f"SELECT facts FROM {self.service.rd.schema}.provenance WHERE path_stem=%(stem)s"  # noqa: S608
        found = _query(query, {"stem": path.removesuffix(suffix)})
        if not found:
            return None
        facts = Facts.from_text(found[0]["facts"])
        media_type, write = DOCUMENTS[suffix]
        modified = datetime.datetime.fromisoformat(facts.ingested).timestamp()
        return Document(Path(path), media_type, write(facts), modified)

    def _file(self, path: str) -> Delivery | Withheld:
        schema = self.service.rd.schema  # a plain name, from our own RD
        # All other links are to files of companions.
        query = (
            f"SELECT source, pieces, content_type, release_date FROM {schema}.links"  # noqa: S608
            " WHERE access_path=%(path)s AND semantics='#this' UNION ALL"
            f" SELECT source, pieces, access_format, CAST(obs_release_date AS date) FROM {schema}.companions"
            " WHERE access_path=%(path)s"
        )
        found = _query(query, {"path": path})
        if not found:
            raise svcs.UnknownURI("There is no such file of an observation here.")
        row = found[0]
        if (
            row["release_date"] is not None
            and row["release_date"] > datetime.datetime.now(datetime.UTC).date()
        ):
            return Withheld(row["release_date"])
        inputs = Path(base.getConfig("inputsDir"))
        source = inputs / row["source"]
        if not source.is_file():
            raise svcs.UnknownURI("This file is gone from the archive.")
        if row["pieces"] is None:
            return Delivery(source, row["content_type"])
        content = cut(inputs, row["pieces"])
        return Document(Path(path), row["content_type"], content, source.stat().st_mtime)

    def _deliver(self, found: Delivery | Withheld, request: Any) -> None:
        result = found.render(request)
        if result is not server.NOT_DONE_YET:
            request.write(result)
            request.finish()


def _query(query: str, parameters: dict[str, str]) -> list[dict[str, Any]]:
    with base.getTableConn() as connection:
        return list(connection.queryToDicts(query, parameters))
