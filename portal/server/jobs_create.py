"""Making a job on data sets at a UWS service, whether or not it knows parameters of several values."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_plus

from portal.server.errors import PortalError
from portal.server.uws import Client
from portal.server.uws_documents import Document

log = logging.getLogger("portal")


async def create(client: Client, run: str, dids: Sequence[str], parameters: Mapping[str, str]) -> str:
    """Make a job; it does not run yet.

    It gets ``ID`` once for each data set. Services such as OPUS keep the last value of a parameter only,
    and say nothing: the job would run on one of the data sets. They get one ``ID`` with spaces in between.

    Parameters
    ----------
    client
        The service.
    run
        What the job is called here.
    dids
        Data sets: their `obs_publisher_did`.
    parameters
        What else it is told.

    Returns
    -------
    str
        Where the job is.

    Raises
    ------
    PortalError
        If the service does not make it.
    """
    first, rest = ("RUNID", run), parameters.items()
    url = await client.create([first, *(("ID", did) for did in dids), *rest])
    if client.runner.is_own or len(dids) < 2:
        return url
    try:
        is_whole = not _lost(await client.get(url), dids)
    except BaseException:
        # Also if the user goes away: nobody would know of this job.
        await asyncio.shield(_remove(client, url))
        raise
    if is_whole:
        return url
    await asyncio.shield(_remove(client, url))
    return await client.create([first, ("ID", " ".join(dids)), *rest])


def _lost(document: Document, dids: Sequence[str]) -> bool:
    """Tell whether one of several data sets is all that a job has."""
    kept = [value for name, value in document.parameters if name.upper() == "ID"]
    # OPUS writes values as in URLs.
    return len(kept) == 1 and unquote_plus(kept[0]) in {unquote_plus(did) for did in dids}


async def _remove(client: Client, url: str) -> None:
    try:
        await client.delete(url)
    except PortalError as error:
        log.warning("A job that was not started stays at %s: %s", url, error.message)
