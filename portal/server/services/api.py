"""What other parts of the server ask of services."""

from __future__ import annotations

from portal.server.models.results import Counted
from portal.server.services import asked, capabilities
from portal.server.services.needs import Context, allowed


async def count(context: Context, service_key: str, adql: str) -> Counted:
    """Count the rows of a query, exactly.

    Parameters
    ----------
    context
        The server's context.
    service_key
        Key of the service.
    adql
        The query.

    Returns
    -------
    Counted
        How many there are.
    """
    service = allowed(context, service_key)
    return await asked.count(await asked.own(context, service, adql))


async def release(context: Context, service_key: str) -> str | None:
    """Give the version of what a service has.

    Parameters
    ----------
    context
        The server's context.
    service_key
        Key of the service.

    Returns
    -------
    str or None
        None if the service does not tell.
    """
    known = await capabilities.known(context, allowed(context, service_key))
    return known.release
