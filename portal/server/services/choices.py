"""Values that columns have, and the targets of a service's own observations."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import anyio

from portal.server.models.config import Choice, Choices, Target, Targets
from portal.server.models.results import Cell
from portal.server.models.search import Contains, Search
from portal.server.services import asked, cache, capabilities, fields, writer
from portal.server.services.asked import Asked
from portal.server.services.errors import AskError, ImpossibleError, ServiceError, ServiceSlowError
from portal.server.services.known import Column, Known, Table
from portal.server.services.needs import Context, ServiceSettings

MOST = 200
MOST_TARGETS = 5000
MOST_ASKED = 500
SHOWN_TARGETS = 20
PATIENCE = 10.0
"""Seconds that people wait at most for names that the service is asked for while they type."""
KEPT_ASKED = 60
LEAST_ASKED = 2
"""Characters of a name for which a service is asked: nearly all names have any single one."""
LEAST_TEXT, LONGEST_TEXT, MOST_TEXTS = 3, 200, 4
RUNS = re.compile(r"[^\W\d_]+|(?:(?![^\W\d_])[^\s%_\\])+")
"""Letters, or what is between letters; spaces and the wildcards of LIKE are between runs."""


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


def _all(context: Context, service: ServiceSettings, known: Known, texts: Sequence[str] = ()) -> Asked:
    """Give all rows of a table, or those whose targets' names contain all of these texts."""
    contains = [Contains(field="target_name", text=text) for text in texts]
    search = Search(table=known.table.key, intervals=None, conditions=[*contains])
    return asked.of_known(context, service, known, writer.possible(known, search))


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


async def targets(context: Context, service: ServiceSettings, table: str | None, part: str) -> Targets:
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
    Targets
        At most 20. The service is asked for them where the most frequent targets do not have so many; if
        it cannot be asked, there are those that are known, and the reason.
    """
    every = await own_targets(context, service, table)
    found, complete, reason = _having(every.values, part), every.complete, None
    if not complete and len(found) < SHOWN_TARGETS and len(_folded(part)) >= LEAST_ASKED:
        try:
            more = await _asked(context, service, table, part)
        except ServiceError as error:
            most = len(every.values)
            reason = f"Only the {most} most frequent targets could be looked through. {error.message}"
        else:
            known = {target.name for target in found}
            found += [target for target in _having(more.values, part) if target.name not in known]
            complete = more.complete
    wanted = _folded(part)
    found.sort(key=lambda t: (not _folded(t.name).startswith(wanted), -t.observations, t.name))
    shown = found[:SHOWN_TARGETS]
    return Targets(values=shown, complete=complete and len(found) <= SHOWN_TARGETS, reason=reason)


async def find_target(context: Context, service: ServiceSettings, name: str) -> Target | None:
    """Give the target that has a name.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.
    name
        The name, whatever its case and spaces.

    Returns
    -------
    Target or None
        None if the service's default table has none of this name.

    Raises
    ------
    ServiceError
        If it is not among those that are known, and the service cannot be asked for it.
    """
    every = await own_targets(context, service, None)
    found = _called(every.values, name)
    if found is None and not every.complete:
        found = _called((await _asked(context, service, None, name)).values, name)
    return found


def _having(values: list[Target], part: str) -> list[Target]:
    wanted = _folded(part)
    return [target for target in values if wanted in _folded(target.name)]


def _called(values: list[Target], name: str) -> Target | None:
    wanted = _folded(name)
    return next((target for target in values if _folded(target.name) == wanted), None)


async def own_targets(context: Context, service: ServiceSettings, table: str | None) -> Targets:
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
    Targets
        The most frequent ones, where a table of the service says that they are, or else at the mean of
        the observations' positions.
    """
    known = await capabilities.known(context, service, table)
    words = ("targets", service.url, repr(service.tables), known.table.key)
    return await cache.kept(context, words, Targets, lambda: _placed(context, service, known))


async def _asked(context: Context, service: ServiceSettings, table: str | None, part: str) -> Targets:
    """Ask the service for targets whose names may have a part; they are kept for a short time."""
    known = await capabilities.known(context, service, table)
    if known.table.find("target_name") is None:
        return Targets(values=[], complete=True)
    texts = _texts(part)
    words = ("targets asked for", service.url, repr(service.tables), known.table.key, *texts)
    try:
        with anyio.move_on_after(PATIENCE):
            return await cache.kept(
                context, words, Targets, lambda: _placed(context, service, known, texts), seconds=KEPT_ASKED
            )
    except ImpossibleError as error:
        # It is a search to the service, but not to people, who have only typed a name.
        raise AskError(" ".join(part.reason for part in error.parts)) from error
    raise ServiceSlowError(
        f"{service.label} did not answer within {PATIENCE:g} seconds when it was asked for others."
    )


def _texts(part: str) -> list[str]:
    """Give texts that all names with a part contain.

    Services do not overlook spaces, but "mrk421" stands for "Mrk 421", too: so names are asked for that
    have both "mrk" and "421". Names that have texts as short as those of "M 1" would be too many. What LIKE
    takes for any characters is left out; names that are found without having the part are not offered.
    """
    folded = " ".join(part.lower().split())[:LONGEST_TEXT]
    long = [text for text in RUNS.findall(folded) if len(text) >= LEAST_TEXT]
    return sorted(set(long), key=lambda text: (-len(text), text))[:MOST_TEXTS] or [folded]


async def _placed(
    context: Context, service: ServiceSettings, known: Known, texts: Sequence[str] = ()
) -> Targets:
    found = await _targets(_all(context, service, known, texts))
    if _says_places(known.table) or not found.values:
        return found
    # Telescopes point beside their targets: another table may know where these are.
    told = await _told(context, service, texts) if texts else await placed(context, service)
    places = {target.name: {"ra": target.ra, "dec": target.dec} for target in told}
    values = [target.model_copy(update=places.get(target.name)) for target in found.values]
    return found.model_copy(update={"values": values})


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


async def _told(context: Context, service: ServiceSettings, texts: Sequence[str] = ()) -> list[Target]:
    told: dict[str, Target] = {}
    for table in await capabilities.tables(context, service):
        if _says_places(table) and table.find("target_name"):
            other = await capabilities.known(context, service, table.key)
            for target in (await _targets(_all(context, service, other, texts))).values:
                told.setdefault(target.name, target)
    return list(told.values())


def _says_places(table: Table) -> bool:
    return bool(table.find("ra_obj") and table.find("dec_obj"))


async def _targets(rows: Asked) -> Targets:
    name = rows.table.find("target_name")
    place = _place(rows)
    if name is None or place is None:
        return Targets(values=[], complete=True)
    ra, dec = place
    counted = rows.table.find("obs_id")
    count = "COUNT(*)" if counted is None else f"COUNT(DISTINCT {counted.sql})"
    radians = f"RADIANS({ra.sql})", f"RADIANS({dec.sql})"
    most = MOST_ASKED if rows.where.conditions else MOST_TARGETS
    where = writer.Where([*rows.where.conditions], [*rows.where.columns], [*rows.where.needs])
    where.add(f"{name.sql} IS NOT NULL AND {ra.sql} IS NOT NULL AND {dec.sql} IS NOT NULL", name)
    adql = (
        f"SELECT TOP {most + 1} {name.sql}, {count} AS observations,\n"
        f"  AVG(COS({radians[1]}) * COS({radians[0]})) AS x,\n"
        f"  AVG(COS({radians[1]}) * SIN({radians[0]})) AS y,\n"
        f"  AVG(SIN({radians[1]})) AS z\nFROM {rows.table.source(where.columns, [ra, dec])}{where.text}\n"
        f"GROUP BY {name.sql}\nORDER BY observations DESC, {name.sql}"
    )
    answer = await rows.answer(adql, most + 2)
    every = answer.rows()
    values = [target for row in every[:most] if (target := _target(row)) is not None]
    return Targets(values=values, complete=len(every) <= most and not answer.overflow)


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
