"""Values that columns have, and the targets of a service's own observations."""

from __future__ import annotations

import math

from portal.server.models.config import Choice, Choices, Target
from portal.server.models.results import Cell
from portal.server.services import asked, cache, capabilities, fields, writer
from portal.server.services.asked import Asked
from portal.server.services.errors import AskError
from portal.server.services.known import Column, Known, Table
from portal.server.services.needs import Context, ServiceSettings

MOST = 200
MOST_TARGETS = 5000
SHOWN_TARGETS = 20


async def choices(context: Context, service: ServiceSettings, table: str | None, key: str) -> Choices:
    """Give the values of a search field.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.
    table
        The table's key; None for the default one.
    key
        The field's key.

    Returns
    -------
    Choices
        The most frequent values with their numbers of rows.

    Raises
    ------
    AskError
        If there is no such field, or the table does not have it.
    """
    known = await capabilities.known(context, service, table)
    found = fields.find(known.table, key)
    if found is None:
        raise AskError(f"There is no search field '{key[:60]}'.", status=404)
    column = found.column
    if not found.state.available or column is None:
        raise AskError(found.state.reason or f"{found.spec.label} is not available.")
    words = ("choices", service.url, repr(service.tables), known.table.key, key)
    return await cache.kept(
        context, words, Choices, lambda: _choices(_all(context, service, known), key, column)
    )


def _all(context: Context, service: ServiceSettings, known: Known) -> Asked:
    return asked.of_known(context, service, known, writer.Where())


async def _choices(rows: Asked, key: str, column: Column) -> Choices:
    source = rows.table.source([column], [])
    adql = (
        f"SELECT TOP {MOST + 1} {column.sql}, COUNT(*) AS row_count\nFROM {source}\n"
        f"WHERE {column.sql} IS NOT NULL\nGROUP BY {column.sql}\nORDER BY row_count DESC, {column.sql}"
    )
    answer = await rows.answer(adql, MOST + 2)
    values = [
        Choice(value=str(value), count=count if isinstance(count, int) else None)
        for value, count in answer.rows()
        if value is not None
    ]
    return Choices(field=key, values=values[:MOST], complete=len(values) <= MOST and not answer.overflow)


async def targets(context: Context, service: ServiceSettings, table: str | None, part: str) -> list[Target]:
    """Give targets whose names have a part, those that begin with it first.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.
    table
        The table's key; None for the default one.
    part
        A part of the name, whatever its case and spaces.

    Returns
    -------
    list of Target
        At most 20.
    """
    every = await own_targets(context, service, table)
    wanted = _folded(part)
    found = [target for target in every if wanted in _folded(target.name)]
    found.sort(key=lambda t: (not _folded(t.name).startswith(wanted), -t.observations, t.name))
    return found[:SHOWN_TARGETS]


async def own_targets(context: Context, service: ServiceSettings, table: str | None) -> list[Target]:
    """Give the targets of a service's observations.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.
    table
        The table's key; None for the default one.

    Returns
    -------
    list of Target
        The most frequent ones, where a table of the service says that they are, or else at the mean of
        the observations' positions.
    """
    known = await capabilities.known(context, service, table)
    words = ("targets", service.url, repr(service.tables), known.table.key)
    return await cache.kept(context, words, list[Target], lambda: _placed(context, service, known))


async def _placed(context: Context, service: ServiceSettings, known: Known) -> list[Target]:
    found = await _targets(_all(context, service, known))
    if _says_places(known.table):
        return found
    # Telescopes point beside their targets: another table may know where these are.
    places = {target.name: {"ra": target.ra, "dec": target.dec} for target in await placed(context, service)}
    return [target.model_copy(update=places.get(target.name)) for target in found]


async def placed(context: Context, service: ServiceSettings) -> list[Target]:
    """Give the targets of which a table of the service says where they are.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.

    Returns
    -------
    list of Target
        Each name once; empty if there is no such table.
    """
    words = ("placed", service.url, repr(service.tables))
    return await cache.kept(context, words, list[Target], lambda: _told(context, service))


async def _told(context: Context, service: ServiceSettings) -> list[Target]:
    told: dict[str, Target] = {}
    for table in await capabilities.tables(context, service):
        if _says_places(table) and table.find("target_name"):
            other = await capabilities.known(context, service, table.key)
            for target in await _targets(_all(context, service, other)):
                told.setdefault(target.name, target)
    return list(told.values())


def _says_places(table: Table) -> bool:
    return bool(table.find("ra_obj") and table.find("dec_obj"))


async def _targets(rows: Asked) -> list[Target]:
    name = rows.table.find("target_name")
    place = _place(rows)
    if name is None or place is None:
        return []
    ra, dec = place
    counted = rows.table.find("obs_id")
    count = "COUNT(*)" if counted is None else f"COUNT(DISTINCT {counted.sql})"
    radians = f"RADIANS({ra.sql})", f"RADIANS({dec.sql})"
    adql = (
        f"SELECT TOP {MOST_TARGETS} {name.sql}, {count} AS observations,\n"
        f"  AVG(COS({radians[1]}) * COS({radians[0]})) AS x,\n"
        f"  AVG(COS({radians[1]}) * SIN({radians[0]})) AS y,\n"
        f"  AVG(SIN({radians[1]})) AS z\nFROM {rows.table.source([name], [ra, dec])}\n"
        f"WHERE {name.sql} IS NOT NULL AND {ra.sql} IS NOT NULL AND {dec.sql} IS NOT NULL\n"
        f"GROUP BY {name.sql}\nORDER BY observations DESC, {name.sql}"
    )
    answer = await rows.answer(adql, MOST_TARGETS + 1)
    return [target for row in answer.rows() if (target := _target(row)) is not None]


def _place(rows: Asked) -> tuple[Column, Column] | None:
    """Give where targets are: as the table says, or else where telescopes pointed."""
    for names in (("ra_obj", "dec_obj"), ("s_ra", "s_dec")):
        ra, dec = (rows.table.find(name) for name in names)
        if ra is not None and dec is not None and ra.is_number and dec.is_number:
            return ra, dec
    return None


def _target(row: list[Cell]) -> Target | None:
    name, observations, *vector = row
    if name is None or not str(name).strip():
        return None
    x, y, z = (float(v) if isinstance(v, (int, float)) else math.nan for v in vector)
    if not math.hypot(x, y, z) > 1e-6:
        # Pointings all over the sky have no mean.
        return None
    ra, dec = math.degrees(math.atan2(y, x)) % 360, math.degrees(math.atan2(z, math.hypot(x, y)))
    return Target(
        name=str(name), ra=round(ra, 7) % 360, dec=round(dec, 7), observations=int(str(observations))
    )


def _folded(text: str) -> str:
    return "".join(text.casefold().split())
