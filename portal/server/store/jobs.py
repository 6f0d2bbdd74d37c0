"""Jobs as they are kept. Everything is asked for with its owner: others' jobs do not exist."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

from sqlalchemy import delete, func, select, update

from portal.server.database import transaction
from portal.server.errors import ConflictError, NotFoundError
from portal.server.models.account import Item
from portal.server.models.jobs import Job, JobResult, Phase
from portal.server.tables import UserRow
from portal.server.tables_jobs import JobRow

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from portal.server.context import Context

ACTIVE = ("PENDING", "QUEUED", "EXECUTING", "HELD", "SUSPENDED")


def _missing() -> NotFoundError:
    return NotFoundError("You have no such job.", code="no_job")


def model(context: Context, row: JobRow) -> Job:
    """Make what the API gives of a job.

    Parameters
    ----------
    context
        What the server has.
    row
        The job.

    Returns
    -------
    Job
        With addresses of results on this server.
    """
    base = f"{context.settings.root_path}/api/jobs/{row.id}/results/"
    results = [
        JobResult(
            id=each["id"],
            label=each["label"],
            content_type=each["content_type"],
            size=each["size"],
            url=base + quote(each["id"], safe=""),
        )
        for each in row.results
    ]
    return Job(
        id=row.id,
        name=row.name,
        runner=row.runner,
        basket=row.basket_id,
        basket_name=row.basket_name,
        items=len(row.items),
        parameters=row.parameters,
        phase=Phase(row.phase),
        progress=row.progress,
        fraction=row.fraction,
        made=row.made,
        started=row.started,
        ended=row.ended,
        error=row.error,
        results=results,
        retry_of=row.retry_of,
    )


def items_of(row: JobRow) -> list[Item]:
    """Give the data sets that a job was given."""
    return [Item(**each) for each in row.items]


async def all_of(context: Context, user: UUID) -> list[JobRow]:
    """Give a user's jobs, the newest first."""
    statement = select(JobRow).where(JobRow.user_id == user).order_by(JobRow.made.desc(), JobRow.id)
    async with transaction(context) as session:
        return list(await session.scalars(statement))


async def get(context: Context, user: UUID, job: UUID) -> JobRow:
    """Give one of a user's jobs.

    Raises
    ------
    NotFoundError
        If the user has no such job.
    """
    async with transaction(context) as session:
        row = await session.scalar(select(JobRow).where(JobRow.id == job, JobRow.user_id == user))
    if row is None:
        raise _missing()
    return row


async def add(context: Context, row: JobRow) -> JobRow:
    """Keep a new job.

    Raises
    ------
    ConflictError
        If the user has too many.
    """
    async with transaction(context) as session:
        # One after the other, so that nobody has more than allowed.
        await session.execute(select(UserRow.id).where(UserRow.id == row.user_id).with_for_update())
        await _check_number(context, session, row.user_id)
        session.add(row)
        await session.flush()
        await session.refresh(row)
    return row


async def _check_number(context: Context, session: AsyncSession, user: UUID) -> None:
    mine = select(func.count()).where(JobRow.user_id == user)
    allowed = context.settings.jobs
    if (await session.scalar(mine) or 0) >= allowed:
        raise ConflictError(f"You have {allowed} jobs, and may not have more. Delete some.", code="jobs_full")
    running = await session.scalar(mine.where(JobRow.phase.in_(ACTIVE))) or 0
    if running >= context.settings.jobs_at_once:
        raise ConflictError(
            f"{running} of your jobs wait or run, and {context.settings.jobs_at_once} may. "
            "Wait until one ends, or abort one.",
            code="jobs_running",
        )


async def change(context: Context, job: UUID, **values: Any) -> JobRow:
    """Write down what is new of a job, and that it was seen now.

    Raises
    ------
    NotFoundError
        If the job has been deleted meanwhile.
    """
    statement = update(JobRow).where(JobRow.id == job).values(seen=datetime.now(UTC), **values)
    async with transaction(context) as session:
        row: JobRow | None = await session.scalar(statement.returning(JobRow))
    if row is None:
        raise _missing()
    return row


async def remove(context: Context, user: UUID, job: UUID) -> None:
    """Delete a job.

    Raises
    ------
    NotFoundError
        If the user has no such job.
    """
    statement = delete(JobRow).where(JobRow.id == job, JobRow.user_id == user).returning(JobRow.id)
    async with transaction(context) as session:
        if await session.scalar(statement) is None:
            raise _missing()
