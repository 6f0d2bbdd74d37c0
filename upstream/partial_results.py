"""Only a job that is complete has results: none while it runs, and none if it failed.

DaCHS makes a job's result before it is written, and serves what there is of it, with status 200, also while
the job runs, and where it failed on a full disk or because the database ended.

Proposal to upstream: let ``ResultsAction`` look at the phase.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from gavo import svcs
from gavo.protocols import dali, uws, uwsactions

from upstream.shims import Shim

NAME = "result"
"""What DaCHS calls the result of a TAP job."""

_stock_resource = uwsactions.ResultsAction.getResource


def get_resource(action: Any, job: Any, request: Any, segments: Sequence[str]) -> Any:
    """Serve a result, or another file of a job; replaces ``ResultsAction.getResource``.

    Parameters
    ----------
    action
        DaCHS's.
    job
        Whose it is.
    request
        To be answered.
    segments
        The rest of the path.

    A result of a job that is not complete is answered with status 404: DaCHS has 200 for exceptions here.
    """
    if segments and job.phase != uws.COMPLETED:
        names = {NAME, *(known["resultName"] for known in job.getResults())}
        if segments[0] in names:
            problem = svcs.UnknownURI(f"This job is {job.phase}, and has no result.")
            return dali.serveDALIError(request, problem, httpStatus=HTTPStatus.NOT_FOUND)
    return _stock_resource(action, job, request, segments)


SHIMS = (
    Shim(
        uwsactions.ResultsAction,
        "getResource",
        get_resource,
        ((uwsactions.ResultsAction, "dadb55ccd38079f7"), (uws.UWSJobWithWD, "ae63c08992d45689")),
    ),
)
