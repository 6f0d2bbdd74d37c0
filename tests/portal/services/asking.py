"""Asking a service with made-up observations, as the server does when people search."""

from __future__ import annotations

from typing import Any

from portal.server.models.search import Ask, Search
from portal.server.services import asked

OWN = "SELECT obs_publisher_did, target_name, t_min, s_ra FROM ivoa.obscore WHERE calib_level > 0"


async def rows(world: Any, search: Search | None = None, adql: str | None = None) -> asked.Asked:
    ask = Ask(search=search, adql=adql) if adql or search else Ask(search=Search())
    return await asked.asked(world.context, world.service, ask)
