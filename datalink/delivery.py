"""Delivering bytes with twisted: with HEAD, Range, ETag, Last-Modified, and to whom they are open."""

from __future__ import annotations

import io
import math
import re
from pathlib import Path
from typing import Any

from twisted.web import http, resource, server, static

from datalink.files import Access, User, today
from datalink.parts import Content
from datalink.rights import challenge
from datalink.streaming import Report, send
from serving import accel


class Delivery(static.File):
    """A file on disk.

    Parameters
    ----------
    path
        Where it lies.
    media_type
        What it is.
    etag
        Strong validator, without quotes.
    private
        Whether it is not for everybody, so that no cache between may keep it.
    """

    def __init__(self, path: Path, media_type: str, etag: str, *, private: bool = False) -> None:
        super().__init__(str(path))
        # twisted would call a .gz file encoded; for us the packed file is the data.
        self.type, self.encoding = media_type, None
        self.etag, self.private = etag, private

    def render_GET(self, request: Any) -> Any:  # noqa: N802 - twisted's name
        """Deliver it, or the part of it that is asked for; or say that it has not changed."""
        tag = f'"{self.etag}"'.encode()
        headers = request.requestHeaders
        # twisted has set it when the request began; what was made since must not look newer.
        request.setHeader("date", http.datetimeToString())
        if self.private:
            request.setHeader("cache-control", "private, no-cache")
            request.setHeader("vary", "Authorization")
        # RFC 9110, section 13: the tag decides where both are given, and a range is for the same bytes only.
        if headers.hasHeader(b"if-none-match"):
            headers.removeHeader(b"if-modified-since")
        if headers.getRawHeaders(b"if-range", [tag])[0].strip() not in (tag, self._http_date()):
            headers.removeHeader(b"range")
        self._limit_suffixes(headers)
        if request.setETag(tag) is http.CACHED:
            return b""
        place = self._place()
        if place is not None:
            return self._have_sent(request, place)
        return super().render_GET(request)

    render_HEAD = render_GET  # noqa: N815 - twisted's name

    def _place(self) -> str | None:
        """Give the proxy's place of the file; None if it cannot send it."""
        self.restat(False)
        return accel.place_of(Path(str(self.path))) if self.exists() else None

    def _have_sent(self, request: Any, place: str) -> bytes:
        """Let the proxy send the file: it looks for ranges itself."""
        if request.setLastModified(self.getModificationTime()) is not http.CACHED:
            request.setHeader("content-type", self.type)
            accel.hand_over(request, place)
        return b""

    def _limit_suffixes(self, headers: Any) -> None:
        """Ask for all where more is asked for from the end: twisted would count from before the start."""
        size = self.getFileSize()

        def limited(match: re.Match[bytes]) -> bytes:
            return b"0-" if int(match[1]) > size else match[0]

        asked = headers.getRawHeaders(b"range", [])
        if asked:
            headers.setRawHeaders(b"range", [re.sub(rb"(?<=[=,])\s*-(\d+)", limited, asked[0])])

    def _http_date(self) -> bytes:
        return bytes(http.datetimeToString(self.getModificationTime()))

    def getModificationTime(self) -> float:  # noqa: N802 - twisted's name
        """Give when it was last changed, in whole seconds since 1970.

        HTTP dates have no more; twisted would round up, and so into the future.
        """
        return float(math.floor(super().getModificationTime()))


class Document(Delivery):
    """A file that is in memory only.

    Parameters
    ----------
    path
        What it is called.
    media_type, content, etag, private
        What is served, see `Delivery`.
    modified
        When it was last changed, seconds since 1970.
    """

    def __init__(
        self,
        path: Path,
        media_type: str,
        content: bytes,
        modified: float,
        etag: str,
        *,
        private: bool = False,
    ) -> None:
        super().__init__(path, media_type, etag, private=private)
        self.content, self.modified = content, modified

    def restat(self, reraise: bool = True) -> None:
        """Do not look for a file: there is none."""

    def _place(self) -> None:
        """Give no place: the proxy cannot send it."""

    def exists(self) -> bool:
        """Say that it is there."""
        return True

    def isdir(self) -> bool:
        """Say that it is no directory."""
        return False

    def getModificationTime(self) -> float:  # noqa: N802 - twisted's name
        """Give when it was last changed, in whole seconds since 1970."""
        return float(math.floor(self.modified))

    def getFileSize(self) -> int:  # noqa: N802 - twisted's name
        """Give the size of what is served."""
        return len(self.content)

    def openForReading(self) -> io.BytesIO:  # noqa: N802 - twisted's name
        """Give what is served."""
        return io.BytesIO(self.content)


class Refusal(resource.Resource):
    """An answer without the data: a status and a sentence.

    Parameters
    ----------
    code
        The HTTP status.
    message
        One sentence for people.
    **headers
        Further headers, with underscores for hyphens.
    """

    isLeaf = True  # noqa: N815 - twisted's name

    def __init__(self, code: int, message: str, **headers: str) -> None:
        super().__init__()
        self.code, self.message, self.headers = code, message, headers

    def render(self, request: Any) -> bytes:
        """Say why."""
        request.setResponseCode(self.code)
        request.setHeader("content-type", "text/plain; charset=utf-8")
        for name, value in self.headers.items():
            request.setHeader(name.replace("_", "-"), value)
        return f"{self.message}\n".encode()


def withheld(access: Access, user: User) -> Refusal | None:
    """Give the answer to somebody who may not have a file; None if the user may.

    Returns
    -------
    Refusal or None
        Status 401 for whoever has not logged in, 403 for others.
    """
    if access.open_to(user, today()):
        return None
    if user.name is None:
        message = f"{access.reason} Log in to get them, if you have the right."
        return Refusal(http.UNAUTHORIZED, message, www_authenticate=challenge(), vary="Authorization")
    return Refusal(http.FORBIDDEN, f"{access.reason} {user.name} has no right to them.", vary="Authorization")


class Stored(resource.Resource):
    """A file in an object store, which is passed on while it is read, and never whole in memory.

    Parameters
    ----------
    content
        Its bytes.
    media_type, private
        See `Delivery`.
    report
        Called with what went wrong if the store fails after the answer has begun.
    """

    isLeaf = True  # noqa: N815 - twisted's name

    def __init__(self, content: Content, media_type: str, report: Report, *, private: bool = False) -> None:
        super().__init__()
        self.content, self.type, self.report, self.private = content, media_type, report, private

    def render(self, request: Any) -> int:
        """Send it, or the part of it that is asked for."""
        if self.private:
            request.setHeader("vary", "Authorization")
        send(request, self.content, self.type, private=self.private, report=self.report)
        return int(server.NOT_DONE_YET)


def delivered(
    content: Content, media_type: str, report: Report, *, private: bool = False
) -> Delivery | Stored:
    """Give the answer with the bytes of a file; `report` takes what goes wrong while they are sent.

    Raises
    ------
    UnreadableFileError
        A file behind it is gone or is not what was imported.
    """
    if content.stored:
        return Stored(content, media_type, report, private=private)
    if content.pieces is None:
        return Delivery(content.inputs / content.source, media_type, content.etag, private=private)
    return Document(
        Path(content.name), media_type, content.read(), content.modified, content.etag, private=private
    )
