"""For operators: whether the server lives, and whether it can work."""

from __future__ import annotations

from fastapi import APIRouter

from portal.server import health
from portal.server.context import Here
from portal.server.errors import DownError

router = APIRouter(tags=["operations"])


@router.get("/health")
async def get_health() -> dict[str, str]:
    """Say that the process lives."""
    return {"status": "ok"}


@router.get("/ready")
async def get_ready(here: Here) -> dict[str, str]:
    """Ask database, Redis and each TAP service; say which is missing."""
    states, missing = await health.check(here)
    if missing:
        raise DownError(
            f"Missing: {', '.join(missing)}.", code="not_ready", detail=dict(states), retry_after=5
        )
    return states
