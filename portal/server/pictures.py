"""The archive's own pictures of the sky (HiPS): files of a directory that others change as a whole."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from portal.server.errors import NotFoundError

PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
"""Names of files and directories that are served: none that begin with a dot, so no way up either."""

KINDS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".fits": "image/fits",
    "properties": "text/plain; charset=utf-8",
}
"""Media types by the end of a name, or by the name. Nothing else belongs to a HiPS that is shown here."""

TILES, REST = "public, max-age=3600", "no-cache"
"""How long browsers may keep tiles, and what says which tiles there are."""


class Pictures:
    """The files below a directory.

    Parameters
    ----------
    root
        The directory; None if there is none.
    """

    def __init__(self, root: Path | None) -> None:
        self.root = root

    def _find(self, path: str) -> tuple[Path, os.stat_result] | None:
        parts = path.split("/")
        if self.root is None or not all(PART.match(part) for part in parts):
            return None
        root = self.root.resolve()
        # The picture itself is a link beside its versions; what leads out of the directory is not followed.
        file = root.joinpath(*parts).resolve()
        try:
            state = file.stat()
        except OSError:
            return None
        return (file, state) if file.is_relative_to(root) and stat.S_ISREG(state.st_mode) else None

    async def answer(self, request: Request, path: str) -> Response:
        """Give a file.

        Parameters
        ----------
        request
            The request.
        path
            The path below the directory.

        Returns
        -------
        Response
            The file.

        Raises
        ------
        NotFoundError
            If there is none: clients of HiPS ask for tiles to see whether there are any.
        """
        name = path.rpartition("/")[2]
        kind = KINDS.get(name) or KINDS.get(Path(name).suffix)
        found = await asyncio.to_thread(self._find, path) if kind else None
        if kind is None or found is None:
            raise NotFoundError("There is no such part of a picture.")
        file, state = found
        tag = f'"{state.st_mtime_ns:x}-{state.st_size:x}"'
        headers = {"Cache-Control": TILES if name.startswith(("Npix", "Allsky")) else REST, "ETag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return FileResponse(file, media_type=kind, headers=headers, stat_result=state)
