"""The web page that delivers files (a DaCHS custom page): those of the release, and parts of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from gavo import base, svcs
from gavo.svcs import weberrors
from gavo.web import grend
from twisted.internet import threads
from twisted.web import server, static

from datalink.parts import cut


class Delivery(static.File):
    """A file as twisted serves files: with HEAD, Range, Last-Modified."""

    def __init__(self, path: Path, media_type: str) -> None:
        super().__init__(str(path))
        # twisted would call a .gz file encoded; for us the packed file is the data.
        self.type, self.encoding = media_type, None


class Cut(Delivery):
    """A file cut out of another one, in memory."""

    def __init__(self, path: Path, media_type: str, content: bytes) -> None:
        super().__init__(path, media_type)
        self.content = content

    def getFileSize(self) -> int:  # noqa: N802 - twisted's name
        """Give the size of what is served, not of the file on disk."""
        return len(self.content)

    def openForReading(self) -> io.BytesIO:  # noqa: N802 - twisted's name
        """Give what is served."""
        return io.BytesIO(self.content)


class MainPage(grend.ServiceBasedPage):  # type: ignore[misc]
    """``.../file/custom/<obs_id>/<qualifier>.fits``."""

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
        path = request.path.decode("utf-8", errors="replace")
        request.setHeader("access-control-allow-origin", "*")
        finding = threads.deferToThread(self._find, path)
        finding.addCallback(self._deliver, request).addErrback(weberrors.renderDCErrorPage, request)
        return int(server.NOT_DONE_YET)

    def _find(self, path: str) -> Delivery:
        schema = self.service.rd.schema  # a plain name, from our own RD
        query = f"SELECT source, hdus, content_type FROM {schema}.links WHERE access_path=%(path)s"  # noqa: S608
        with base.getTableConn() as connection:
            found = list(connection.queryToDicts(query, {"path": path}))
        if not found:
            raise svcs.UnknownURI("There is no such file of an observation here.")
        source = Path(base.getConfig("inputsDir")) / found[0]["source"]
        if not source.is_file():
            raise svcs.UnknownURI("This file is gone from the archive.")
        if found[0]["hdus"] is None:
            return Delivery(source, found[0]["content_type"])
        return Cut(source, found[0]["content_type"], cut(source, found[0]["hdus"]))

    def _deliver(self, resource: Delivery, request: Any) -> None:
        result = resource.render(request)
        if result is not server.NOT_DONE_YET:
            request.write(result)
            request.finish()
