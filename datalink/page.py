"""The web page that delivers files cut out of runs (a DaCHS custom page)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from gavo import base, svcs
from gavo.web import grend
from twisted.internet import threads
from twisted.web import server, static

from datalink.parts import cut


class Cut(static.File):
    """A cut-out file in memory, served as twisted serves files: with HEAD, Range, Last-Modified."""

    def __init__(self, path: Path, content: bytes, media_type: str) -> None:
        super().__init__(str(path), defaultType=media_type)
        self.type, self.encoding = media_type, None
        self.content = content

    def getFileSize(self) -> int:  # noqa: N802 - twisted's name
        """Give the size of what is served, not of the file on disk."""
        return len(self.content)

    def openForReading(self) -> io.BytesIO:  # noqa: N802 - twisted's name
        """Give what is served."""
        return io.BytesIO(self.content)


class MainPage(grend.ServiceBasedPage):  # type: ignore[misc]
    """``.../part/custom/<obs_id>/<qualifier>.fits``."""

    name = "custom"

    @classmethod
    def isBrowseable(cls, service: Any) -> bool:  # noqa: N802 - DaCHS's name
        """Say that there is nothing here for people to browse."""
        return False

    def getChild(self, name: bytes, request: Any) -> MainPage:  # noqa: N802 - twisted's name
        """Take the rest of the path."""
        self.segments = request.popSegments(name)
        return self

    def render(self, request: Any) -> int:
        """Find the file, cut it outside the event loop, deliver it."""
        path = request.path.decode("utf-8", errors="replace")
        request.setHeader("access-control-allow-origin", "*")
        threads.deferToThread(self._cut, path).addCallback(self._deliver, request).addErrback(
            self._fail, request
        )
        return int(server.NOT_DONE_YET)

    def _cut(self, path: str) -> Cut:
        schema = self.service.rd.schema  # a plain name, from our own RD
        with base.getTableConn() as connection:
            query = (
                f"SELECT l.hdus, l.content_type, o.access_url AS accref FROM {schema}.links AS l"  # noqa: S608
                f" JOIN {schema}.obscore AS o ON l.id=o.obs_publisher_did"
                " WHERE l.access_path=%(path)s AND l.hdus IS NOT NULL"
            )
            found = list(connection.queryToDicts(query, {"path": path}))
        if not found:
            raise svcs.UnknownURI("There is no such part of an observation here.")
        source = Path(base.getConfig("inputsDir")) / found[0]["accref"]
        return Cut(source, cut(source, found[0]["hdus"]), found[0]["content_type"])

    def _deliver(self, resource: Cut, request: Any) -> None:
        result = resource.render(request)
        if result is not server.NOT_DONE_YET:
            request.write(result)
            request.finish()

    def _fail(self, failure: Any, request: Any) -> Any:
        from gavo.svcs import weberrors  # noqa: PLC0415 - its import wants a configured server

        return weberrors.renderDCErrorPage(failure, request)
