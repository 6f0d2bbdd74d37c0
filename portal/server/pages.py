"""The built pages: files with hashes in their names are kept for ever; every other path is the one page."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from portal.server.errors import DownError, NotFoundError

_PACKED = {".js", ".mjs", ".css", ".html", ".json", ".svg", ".wasm", ".txt", ".map", ".webmanifest"}
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class _File:
    stamp: tuple[int, int]
    content: bytes
    packed: bytes | None
    tag: str
    kind: str


class Pages:
    """The files of the directory of pages, packed once and kept in memory.

    Parameters
    ----------
    root
        The directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._files: dict[str, _File] = {}

    def _read(self, name: str) -> _File | None:
        path = self.root / name
        if not path.resolve().is_relative_to(self.root.resolve()) or not path.is_file():
            return None
        state = path.stat()
        stamp = (state.st_mtime_ns, state.st_size)
        known = self._files.get(name)
        if known is not None and known.stamp == stamp:
            return known
        content = path.read_bytes()
        packed = gzip.compress(content, 6, mtime=0) if path.suffix in _PACKED and len(content) > 500 else None
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if kind.startswith("text/"):
            kind += "; charset=utf-8"
        self._files[name] = _File(stamp, content, packed, hashlib.sha256(content).hexdigest()[:32], kind)
        return self._files[name]

    async def answer(self, request: Request, path: str) -> Response:
        """Give a file, or the page for paths that are none.

        Parameters
        ----------
        request
            The request.
        path
            The path below the explorer's root.

        Returns
        -------
        Response
            The file.

        Raises
        ------
        NotFoundError
            If a part of a page is missing, or an address of the API does not exist.
        DownError
            If the pages have not been built.
        """
        name = path.strip("/")
        file = None
        if name and "\x00" not in name:
            file = await asyncio.to_thread(self._read, name)
        if file is None:
            first = name.partition("/")[0]
            if first in {"api", "auth", "assets"} or "." in name.rpartition("/")[2]:
                raise NotFoundError("There is nothing at this address.")
            name = "index.html"
            file = await asyncio.to_thread(self._read, name)
            if file is None:
                raise DownError(
                    "The explorer's pages have not been built yet; its API is there.", code="no_pages"
                )
        return self._send(request, name, file)

    @staticmethod
    def _send(request: Request, name: str, file: _File) -> Response:
        is_packed = file.packed is not None and "gzip" in request.headers.get("accept-encoding", "")
        tag = f'"{file.tag}{"-gzip" if is_packed else ""}"'
        headers = {
            "Cache-Control": FOR_EVER if name.startswith("assets/") else "no-cache",
            "ETag": tag,
            "Vary": "Accept-Encoding",
        }
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        content = file.content
        if is_packed:
            content, headers["Content-Encoding"] = file.packed or b"", "gzip"
        return Response(content, media_type=file.kind, headers=headers)
