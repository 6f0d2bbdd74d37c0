"""Preview jobs."""

from __future__ import annotations

import re
from uuid import UUID

from fastapi import APIRouter, Request, Response

from portal.server import jobs, jobs_results
from portal.server.context import Here
from portal.server.identity import RequiredUser
from portal.server.models.jobs import Job, JobForm, NewJob, ProvenanceGraph

router = APIRouter(tags=["jobs"])

MOST_SECONDS = 30
_PREFER = re.compile(r"(?:^|[,;\s])wait\s*=\s*(\d{1,4})(?:$|[,;\s])")


def waited(prefer: str) -> int:
    """Read how many seconds a client would wait: ``Prefer: wait=20`` (RFC 7240).

    Parameters
    ----------
    prefer
        The header.

    Returns
    -------
    int
        Seconds, not more than a request may take; 0 if it does not say.
    """
    found = _PREFER.search(prefer.lower())
    return min(int(found[1]), MOST_SECONDS) if found else 0


@router.get("/api/jobs/form")
async def get_job_form(here: Here, user: RequiredUser, basket: UUID, runner: str = "own") -> JobForm:
    """Give the form of a job on a basket, with what is known of its data filled in."""
    return await jobs.form(here, user.id, basket, runner)


@router.get("/api/jobs")
async def list_jobs(here: Here, user: RequiredUser) -> list[Job]:
    """Give all jobs, the newest first."""
    return await jobs.all_of(here, user.id)


@router.post("/api/jobs", status_code=201)
async def start_job(body: NewJob, here: Here, user: RequiredUser) -> Job:
    """Start a job on a basket."""
    return await jobs.start(here, user, body)


@router.get("/api/jobs/{id}")
async def get_job(id: UUID, request: Request, here: Here, user: RequiredUser) -> Job:
    """Give a job as it is now; with the header ``Prefer: wait=20``, as soon as its phase changes."""
    return await jobs.get(here, user.id, id, waited(request.headers.get("prefer", "")))


@router.post("/api/jobs/{id}/abort")
async def abort_job(id: UUID, here: Here, user: RequiredUser) -> Job:
    """End a job."""
    return await jobs.abort(here, user.id, id)


@router.post("/api/jobs/{id}/retry", status_code=201)
async def retry_job(id: UUID, here: Here, user: RequiredUser) -> Job:
    """Start a job again, as a new one with the same data sets and parameters."""
    return await jobs.retry(here, user, id)


@router.delete("/api/jobs/{id}", status_code=204)
async def delete_job(id: UUID, here: Here, user: RequiredUser) -> None:
    """Delete a job and its results."""
    await jobs.delete(here, user.id, id)


@router.get("/api/jobs/{id}/log")
async def get_job_log(id: UUID, here: Here, user: RequiredUser) -> Response:
    """Give a job's log, also while it runs."""
    content = await jobs_results.log_of(here, user.id, id)
    return Response(content, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


@router.get("/api/jobs/{id}/results/{name}")
async def get_job_result(id: UUID, name: str, request: Request, here: Here, user: RequiredUser) -> Response:
    """Give a file that a job made."""
    return await jobs_results.open_result(here, user.id, id, name, request.headers)


@router.get("/api/jobs/{id}/provenance")
async def get_job_provenance(id: UUID, here: Here, user: RequiredUser) -> ProvenanceGraph:
    """Give where a job's results come from."""
    return await jobs_results.provenance_of(here, user.id, id)
