"""Preview jobs: handed to a UWS service, watched, and their results handed through."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx

from portal.server import jobs_form
from portal.server.errors import ConflictError, NotFoundError, PortalError, UpstreamError
from portal.server.jobs_create import create
from portal.server.models.account import Item, User
from portal.server.models.jobs import Job, JobForm, NewJob, Phase
from portal.server.rights import origin_of
from portal.server.store import baskets
from portal.server.store import jobs as store
from portal.server.tables_jobs import JobRow
from portal.server.uws import ACTIVE, Client, JobGoneError
from portal.server.uws_documents import Document

if TYPE_CHECKING:
    from portal.server.context import Context
    from portal.server.settings import RunnerSettings, Settings

log = logging.getLogger("portal")

FRESH = timedelta(seconds=1)
"""What was seen so lately is not asked for again."""
HANDING_IN = timedelta(minutes=3)
"""A job that has not got to its service after this never will."""
AT_ONCE = 8
LIST_SECONDS = 10.0
GONE = (
    "The service no longer knows this job: it keeps jobs for a limited time, or has lost it. "
    "Its results are gone; start it again if you need them."
)
WORDS = {
    Phase.PENDING: "Being handed to the service",
    Phase.QUEUED: "Waiting in the queue",
    Phase.EXECUTING: "Running",
    Phase.HELD: "Held by the service",
    Phase.SUSPENDED: "Suspended by the service",
    Phase.ARCHIVED: "Archived by the service: its results may be gone",
}


def runner_of(settings: Settings, key: str) -> RunnerSettings:
    """Give a runner.

    Parameters
    ----------
    settings
        All settings.
    key
        Its key.

    Returns
    -------
    RunnerSettings
        The runner.

    Raises
    ------
    NotFoundError
        If the operator allows none of that key.
    """
    runner = settings.runner(key)
    if runner is None:
        raise NotFoundError(f"There is no service '{key[:100]}' for jobs here.", code="unknown_runner")
    return runner


def account_key(settings: Settings, user: User, runner: RunnerSettings) -> str | None:
    """Choose the archive's account with which a user's job is handed in.

    It opens most of what the user may have, and nothing else; only the archive's own runner sees it.

    Parameters
    ----------
    settings, user, runner
        The accounts, whose job it is, and who runs it.

    Returns
    -------
    str | None
        Its key; None for a job of anybody.
    """
    known = {origin_of(service.url) for service in settings.services if service.is_own}
    if not runner.is_own or origin_of(runner.url) not in known:
        return None
    usable = [key for key in settings.service_accounts if set(key.split("+")) <= set(user.rights)]
    return max(usable, key=lambda key: len(key.split("+")), default=None)


def client_of(context: Context, row: JobRow) -> Client:
    """Make the client for a job, with the account that it was handed in with.

    Own runners have one for the rights of whoever started the job, others one for all jobs, or none.

    Parameters
    ----------
    context, row
        What the server has, and the job.

    Returns
    -------
    Client
        For its runner.

    Raises
    ------
    NotFoundError
        If the operator no longer allows the runner.
    """
    runner = runner_of(context.settings, row.runner)
    accounts, key = context.settings.runner_accounts, runner.key
    if runner.is_own:
        accounts, key = context.settings.service_accounts, row.account or ""
    secret = accounts.get(key)
    auth = None
    if secret is not None:
        name, _, password = secret.get_secret_value().partition(":")
        auth = httpx.BasicAuth(name, password)
    return Client(context, runner, auth)


async def form(context: Context, user: UUID, basket: UUID, runner_key: str) -> JobForm:
    """Make the form of a job on a basket.

    Raises
    ------
    NotFoundError
        If there is no such basket or runner.
    """
    runner = runner_of(context.settings, runner_key)
    found = await baskets.get(context, user, basket)
    return jobs_form.form(runner, await jobs_form.choose(context, runner, found.items))


async def start(context: Context, user: User, new: NewJob) -> Job:
    """Start a job on a basket.

    Parameters
    ----------
    context, user
        What the server has, and who asks.
    new
        What to run.

    Returns
    -------
    Job
        The job, which waits or runs.

    Raises
    ------
    PortalError
        If it cannot be started; nothing is kept then.
    """
    runner = runner_of(context.settings, new.runner)
    basket = await baskets.get(context, user.id, new.basket)
    chosen = await jobs_form.choose(context, runner, basket.items)
    given = {name: value.strip() for name, value in new.parameters.items() if value.strip()}
    row = JobRow(
        user_id=user.id,
        runner=runner.key,
        account=account_key(context.settings, user, runner),
        name=new.name or f"Preview of {basket.name}"[:200],
        basket_id=basket.id,
        basket_name=basket.name,
        items=[item.model_dump(mode="json", exclude={"note"}) for item in chosen.items],
        parameters=given,
    )
    return await _hand_in(context, row, chosen.items)


async def retry(context: Context, user: User, job: UUID) -> Job:
    """Start a job again, with the same data sets and parameters, as a new job.

    Raises
    ------
    PortalError
        If it cannot be started; nothing is kept then.
    """
    old = await store.get(context, user.id, job)
    runner = runner_of(context.settings, old.runner)
    row = JobRow(
        user_id=user.id,
        runner=old.runner,
        account=account_key(context.settings, user, runner),
        name=old.name,
        basket_id=old.basket_id,
        basket_name=old.basket_name,
        items=old.items,
        parameters=old.parameters,
        retry_of=old.id,
    )
    return await _hand_in(context, row, store.items_of(old))


async def _hand_in(context: Context, row: JobRow, items: Sequence[Item]) -> Job:
    jobs_form.check(runner_of(context.settings, row.runner), row.parameters, items)
    row.phase, row.progress, row.results = Phase.PENDING.value, WORDS[Phase.PENDING], []
    row = await store.add(context, row)
    client = client_of(context, row)
    url = None
    try:
        url = await create(client, str(row.id), [item.did for item in items], row.parameters)
        await store.change(context, row.id, url=url)
        await client.run(url)
        document = await client.get(url)
    except BaseException:
        # Also if the user goes away: a job of which nobody knows must not run.
        await asyncio.shield(_take_back(context, client, row, url))
        raise
    return store.model(context, await note(context, row, document))


async def _take_back(context: Context, client: Client, row: JobRow, url: str | None) -> None:
    try:
        if url is not None:
            await client.delete(url)
    except PortalError as error:
        log.warning("A job that could not be started stays at %s: %s", url, error.message)
    await store.remove(context, row.user_id, row.id)


async def note(context: Context, row: JobRow, document: Document) -> JobRow:
    """Write down what a service says of a job."""
    phase = document.phase
    words = document.progress or WORDS.get(phase)
    error = document.error
    if phase is Phase.ERROR and error is None:
        error = "The service does not say why the job failed."
    if phase is Phase.ABORTED and error is None:
        error = "The job was ended before it was done."
    if phase is Phase.UNKNOWN:
        error = error or "The service says that it does not know how the job goes."
    if phase.value != row.phase:
        context.metrics.jobs.labels(row.runner, phase.value).inc()
    return await store.change(
        context,
        row.id,
        phase=phase.value,
        progress=words if phase in WORDS else None,
        fraction=1.0 if phase is Phase.COMPLETED else document.fraction,
        started=document.started,
        ended=document.ended,
        error=error,
        results=[asdict(result) for result in document.results],
    )


def _is_settled(row: JobRow) -> bool:
    # One that its service lost may come back with it, so it is asked for again.
    return Phase(row.phase) not in ACTIVE | {Phase.UNKNOWN}


async def refresh(context: Context, row: JobRow, wait: float = 0) -> JobRow:
    """Ask the service how a job goes, if that may have changed.

    Parameters
    ----------
    context, row
        What the server has, and the job.
    wait
        Seconds to wait for a change.

    Returns
    -------
    JobRow
        The job as it is now; if the service does not answer, as it was, with words that say so.
    """
    now = datetime.now(UTC)
    if _is_settled(row) or (not wait and row.seen is not None and now - row.seen < FRESH):
        return row
    if context.settings.runner(row.runner) is None:
        gone = "The operator no longer offers the service of this job."
        return await _lost(context, row, gone)
    if row.url is None:
        lost = "The job did not get to its service. Start it again."
        return row if now - row.made < HANDING_IN else await _lost(context, row, lost)
    return await _look(context, row, row.url, wait)


async def _look(context: Context, row: JobRow, url: str, wait: float) -> JobRow:
    client = client_of(context, row)
    try:
        document = await (client.changed(url, Phase(row.phase), wait) if wait else client.get(url))
    except JobGoneError:
        return await _lost(context, row, GONE)
    except PortalError as error:
        return await store.change(context, row.id, progress=f"As last seen. {error.message}")
    return await note(context, row, document)


async def _lost(context: Context, row: JobRow, why: str) -> JobRow:
    if row.phase != Phase.UNKNOWN.value:
        context.metrics.jobs.labels(row.runner, Phase.UNKNOWN.value).inc()
    return await store.change(
        context, row.id, phase=Phase.UNKNOWN.value, progress=None, error=why, results=[]
    )


async def get(context: Context, user: UUID, job: UUID, wait: float = 0) -> Job:
    """Give one of a user's jobs, as it is now.

    Raises
    ------
    NotFoundError
        If the user has no such job.
    """
    row = await store.get(context, user, job)
    return store.model(context, await refresh(context, row, wait))


async def all_of(context: Context, user: UUID) -> list[Job]:
    """Give a user's jobs, the newest first; those that may have changed are asked for."""
    rows = await store.all_of(context, user)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(row: JobRow) -> JobRow:
        if Phase(row.phase) not in ACTIVE:
            return row
        async with gate:
            try:
                return await asyncio.wait_for(refresh(context, row), LIST_SECONDS)
            except (TimeoutError, NotFoundError):
                return row

    return [store.model(context, row) for row in await asyncio.gather(*(one(row) for row in rows))]


async def abort(context: Context, user: UUID, job: UUID) -> Job:
    """End a job.

    Raises
    ------
    ConflictError
        If it has ended already.
    """
    row = await refresh(context, await store.get(context, user, job))
    if Phase(row.phase) not in ACTIVE or row.url is None:
        raise ConflictError("This job has ended already.", code="job_ended")
    client = client_of(context, row)
    try:
        await client.abort(row.url)
        document = await client.changed(row.url, Phase(row.phase), 5)
    except JobGoneError:
        return store.model(context, await _lost(context, row, GONE))
    return store.model(context, await note(context, row, document))


async def delete(context: Context, user: UUID, job: UUID) -> None:
    """Delete a job, at its service, too.

    Raises
    ------
    PortalError
        If the service does not answer: what runs there would run on unseen.
    """
    row = await store.get(context, user, job)
    if row.url is not None and context.settings.runner(row.runner) is not None:
        client = client_of(context, row)
        try:
            if Phase(row.phase) in ACTIVE:
                # It may have ended meanwhile. What is refused for another reason, deleting ends as well.
                with suppress(ConflictError, UpstreamError):
                    await client.abort(row.url)
            await client.delete(row.url)
        except JobGoneError:
            pass
        except PortalError:
            if Phase(row.phase) in ACTIVE:
                raise
            log.warning("Results of a deleted job stay at %s until they expire there", row.url)
    await store.remove(context, user, job)


def result_of(row: JobRow, name: str) -> dict[str, Any]:
    """Give what is known of a job's result.

    Raises
    ------
    NotFoundError
        If the job has no such result.
    """
    for each in row.results:
        if each["id"] == name:
            return dict(each)
    raise NotFoundError(f"The job has no result '{name[:100]}'.", code="no_result")
