"""What can be searched in a table of a service, found out by asking and kept for a while."""

from __future__ import annotations

from datetime import UTC, datetime

from portal.server.models.config import Capabilities, TableInfo
from portal.server.services import cache, features, fields, schema, tap
from portal.server.services.errors import (
    NotSearchableError,
    QueryRefusedError,
    ServiceDownError,
    ServiceSlowError,
)
from portal.server.services.known import KEY, Known, Language, LastKnown, Link, Table
from portal.server.services.needs import Context, ServiceSettings
from portal.server.services.votable import Answer

RELEASES = ("resource_version", "release_version", "release", "last_update_date")
"""INFO elements that tell a version; the first is the one of the IVOA's note on the origin of data."""

MAX_SHOWN_REASON = 300
LAST_SECONDS = 7 * 86400
"""How long it is known what a service could do that does not answer any more."""


async def language(context: Context, service: ServiceSettings) -> Language:
    """Give what a service's ADQL can do.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.

    Returns
    -------
    Language
        As its capabilities say.
    """
    return await cache.kept(
        context, ("language", service.url), Language, lambda: features.read(context, service)
    )


async def tables(context: Context, service: ServiceSettings) -> list[Table]:
    """Give the tables of a service that can be searched.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.

    Returns
    -------
    list of Table
        The default one first.
    """
    words = ("tables", service.url, repr(service.tables))
    return await cache.kept(context, words, list[Table], lambda: schema.read(context, service))


async def known(context: Context, service: ServiceSettings, table: str | None = None) -> Known:
    """Give all that is known of a table.

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
    Known
        Its columns, and what can be done with them.

    Raises
    ------
    NotSearchableError
        If the service has no such table.
    """
    every = await tables(context, service)
    found = every[0] if table is None else next((t for t in every if t.key == table), None)
    if found is None:
        keys = ", ".join(t.key for t in every)
        raise NotSearchableError(
            f"{service.label} has no table '{str(table)[:100]}' that can be searched. There are: {keys}."
        )
    words = ("known", service.url, repr(service.tables), found.key)
    return await cache.kept(context, words, Known, lambda: _find_out(context, service, found, every))


async def read(context: Context, service: ServiceSettings, table: str | None) -> Capabilities:
    """Give what can be searched, as the API has it.

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
    Capabilities
        Tables, features, fields and columns. While the service does not answer, they are those of the last
        time that it did, with a notice.
    """
    notice = None
    try:
        found = await known(context, service, table)
    except (ServiceDownError, ServiceSlowError):
        last = await cache.recall(context, _last_words(service, table), LastKnown)
        if last is None:
            raise
        found = last.known
        when = f"{last.when:%Y-%m-%d %H:%M} UTC"
        notice = f"What can be searched is shown as of {when}; the service does not answer."
    return Capabilities(
        service=service.key,
        table=found.table.key,
        tables=[
            TableInfo(key=t.key, label=t.label, description=t.description, has_extension=t.has_extension)
            for t in found.tables
        ],
        features=features.all_of(found.table, found.language, found.time_scale),
        fields=fields.all_of(found.table, found.language, found.elsewhere),
        columns=[column.info for column in found.table.columns],
        time_scale=found.time_scale or "UNKNOWN",
        release=found.release,
        notice=notice,
    )


def _last_words(service: ServiceSettings, table: str | None) -> tuple[str, ...]:
    return ("last", service.url, repr(service.tables), table or "")


async def _find_out(context: Context, service: ServiceSettings, table: Table, every: list[Table]) -> Known:
    spoken = await language(context, service)
    answer = await _probe(context, service, table)
    column = table.find("t_min")
    scale = None
    if column is not None:
        scale = answer.scales.get(column.bare.lower())
    descriptor = next(
        (d for d in answer.descriptors if d.is_datalink and (d.column or KEY).lower() == KEY), None
    )
    made = Known(
        service=service.key,
        table=table,
        tables=[t.model_copy(update={"columns": []}) for t in every],
        elsewhere=fields.elsewhere(table, every),
        language=spoken,
        time_scale=scale,
        release=next((answer.infos[name] for name in RELEASES if answer.infos.get(name)), None),
        link=None
        if descriptor is None
        else Link(url=descriptor.url, parameter=descriptor.parameter, fixed=list(descriptor.fixed)),
    )
    last = LastKnown(known=made, when=datetime.now(UTC))
    for key in {table.key, None if table.key == every[0].key else table.key}:
        await cache.remember(context, _last_words(service, key), LastKnown, last, LAST_SECONDS)
    return made


async def _probe(context: Context, service: ServiceSettings, table: Table) -> Answer:
    """Ask for one row: what is told beside it holds for all."""
    names = [KEY, "t_min", "t_max", "access_url", "access_format"]
    columns = [column for name in names if (column := table.find(name)) is not None]
    listed = ", ".join(column.sql for column in columns)
    adql = f"SELECT TOP 1 {listed} FROM {table.source([], columns)}"  # noqa: S608 (names of TAP_SCHEMA)
    try:
        return await tap.query(context, service, adql, 1)
    except QueryRefusedError as error:
        raise NotSearchableError(
            f"{service.label} lists the table {table.key}, but does not answer queries on it: "
            f"{error.message[:MAX_SHOWN_REASON]}",
            status=502,
        ) from error
