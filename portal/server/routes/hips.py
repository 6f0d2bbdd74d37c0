"""The archive's own pictures of the sky, for the map."""

from __future__ import annotations

from pathlib import Path

import anyio
from fastapi import APIRouter
from fastapi.responses import FileResponse, Response

from portal.server.context import Here
from portal.server.errors import NotFoundError
from portal.server.services import surveys

router = APIRouter(tags=["config"])


@router.get(f"/{surveys.PLACE}/{{path:path}}", include_in_schema=False)
async def get_hips_file(here: Here, path: str) -> Response:
    """Give a file of a HiPS."""
    place = here.settings.local_hips
    found = None if place is None else await anyio.to_thread.run_sync(_find, place, path)
    if found is None:
        raise NotFoundError("There is no such picture of the sky here.")
    kind = surveys.KINDS[found.suffix.lower()]
    return FileResponse(found, media_type=kind, headers={"Cache-Control": "public, max-age=3600"})


def _find(place: Path, path: str) -> Path | None:
    """Give a file that lies in the directory, wherever links may lead."""
    try:
        root, file = place.resolve(), (place / path).resolve()
        is_ours = file.is_relative_to(root) and file.suffix.lower() in surveys.KINDS and file.is_file()
    except (OSError, ValueError):
        return None
    return file if is_ours else None
