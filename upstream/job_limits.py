"""Bounds on asynchronous jobs: how many there are, how long they run and stay, who sees them, what they tell.

DaCHS takes any number of jobs, lets each ask for any time, and lists those of all strangers to each of them,
who could read and delete them: the name of a job is all that protects it.

Proposal to upstream: bounds in the configuration, and a list of jobs for those who have logged in only.
"""

from __future__ import annotations

import datetime
import math
import os
import threading
import time
from typing import Any

from gavo import base, svcs
from gavo.protocols import uws, uwsactions

from upstream import telling
from upstream.shims import Shim

MOST_VARIABLE = "CHERENKOV_VO_TAP_JOBS"
DAYS_VARIABLE = "CHERENKOV_VO_TAP_JOB_DAYS"
LONGEST_VARIABLE = "CHERENKOV_VO_TAP_ASYNC_LONGEST"
MOST, DAYS, LONGEST = 1000, 30, 86_400
"""As in ``instance/settings.py``, for processes that are started without its variables."""

CLEAN_INTERVAL = 60.0
"""Seconds between looks for jobs whose time is over, while there is no place for another one."""

FULL = (
    "All places for asynchronous jobs are taken; please delete your old ones, or come again in half a minute."
)

_stock_new = uws.UWS.getNewJobId
_stock_encode = uws.BaseUWSJob._encode_error
_stock_list = uwsactions.getJobList
_lock = threading.Lock()
_cleaned: dict[str, float] = {}


class Full(svcs.Error):  # type: ignore[misc]
    """There are too many jobs."""

    httpCode = 503  # noqa: N815 - DaCHS's


def _number(variable: str, default: int) -> int:
    return int(os.environ.get(variable) or default)


def _count(system: Any) -> int:
    table = system.jobClass.jobsTD.getQName()
    with base.getTableConn() as connection:
        return int(next(iter(connection.query(f"SELECT COUNT(*) FROM {table}")))[0])  # noqa: S608 - DaCHS's name


def new_job(system: Any, **properties: Any) -> Any:
    """Make a job if there is a place for it; replaces ``UWS.getNewJobId``.

    Raises
    ------
    Full
        There is none, even after jobs were removed whose time is over.
    """
    most, name = _number(MOST_VARIABLE, MOST), system.jobClass.jobsTD.getQName()
    if _count(system) >= most:
        with _lock:
            due = time.monotonic() - _cleaned.get(name, -CLEAN_INTERVAL) >= CLEAN_INTERVAL
            _cleaned[name] = time.monotonic() if due else _cleaned[name]
        if due:
            system.cleanupJobsTable()
        if _count(system) >= most:
            raise Full(FULL)
    return _stock_new(system, **properties)


def job_list(
    system: Any,
    forOwner: Any = None,  # noqa: N803 - DaCHS's
    phase: Any = None,
    last: Any = None,
    after: Any = None,
) -> Any:
    """List somebody's jobs, none for those who have not logged in; replaces ``uwsactions.getJobList``."""
    if forOwner is None:
        last = 0
    return _stock_list(system, forOwner, phase, last, after)


def bounded_destruction(_job: Any, value: Any) -> Any:
    """Keep a job no longer than the operator wants; DaCHS calls this for each change."""
    if value is None:
        return None
    latest = datetime.datetime.utcnow() + datetime.timedelta(days=_number(DAYS_VARIABLE, DAYS))
    return min(value.replace(tzinfo=None), latest)


def bounded_duration(_job: Any, value: Any) -> Any:
    """Let a job run no longer than the operator wants; in UWS, 0 and less ask for no limit."""
    longest = _number(LONGEST_VARIABLE, LONGEST)
    if value is None:
        return None
    asked = float(value)
    if not math.isfinite(asked):
        raise base.ValidationError(f"Invalid duration {value}; expected seconds", "EXECUTIONDURATION")
    return int(min(max(asked, 1.0), longest)) if asked > 0 else longest


def bound_times() -> None:
    """Have DaCHS ask the two functions above: it looks for methods of these names when a job changes."""
    uws.BaseUWSJob._encode_destructionTime = bounded_destruction
    uws.BaseUWSJob._encode_executionDuration = bounded_duration


def encode_error(job: Any, value: Any) -> Any:
    """Keep of a job's error what its owner may know; replaces ``BaseUWSJob._encode_error``."""
    if isinstance(value, BaseException):
        told = telling.told_of(value)
        telling.note(value, told)
        value = {"msg": told.message, "hint": told.hint}
    return _stock_encode(job, value)


SHIMS = (
    Shim(
        uws.BaseUWSJob, "_encode_error", encode_error, ((uws.BaseUWSJob._encode_error, "b1d5f1ef43755659"),)
    ),
    Shim(
        uws.UWS,
        "getNewJobId",
        new_job,
        (
            (uws.UWS.getNewJobId, "45241bf3cfa21522"),
            (uws.UWS.cleanupJobsTable, "12f21c5e250c4209"),
            (uws.BaseUWSJob.change, "cadd7818caba2404"),
        ),
    ),
    Shim(
        uwsactions,
        "getJobList",
        job_list,
        ((uwsactions.getJobList, "37cb3733fdcff486"), (uws.UWS.getIdsAndPhases, "03ecd9eecb789cca")),
    ),
)
