"""A job that failed has no result: what it has written until then goes.

DaCHS opens a job's result before it is written, and leaves it where the job fails meanwhile, on a full disk
or because the database ended: whoever asks for it gets its beginning with status 200.

Proposal to upstream: let ``runTAPJobNoState`` add the result when it is complete.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from gavo.protocols import tap, taprunner, uws

from upstream.shims import Shim

NAME = "result"
"""What DaCHS calls the result of a TAP job."""

_stock_run = taprunner.runTAPJobNoState


def run(parameters: Any, jobId: str, queryProfile: str, timeout: float) -> None:  # noqa: N803 - DaCHS's
    """Run the query of a job; replaces ``taprunner.runTAPJobNoState``.

    Parameters
    ----------
    parameters
        Those of TAP.
    jobId
        The job, which is in the database.
    queryProfile
        DaCHS's name for who asks the database.
    timeout
        Seconds.
    """
    try:
        _stock_run(parameters, jobId, queryProfile, timeout)
    except BaseException:
        with contextlib.suppress(Exception):  # the reason is the other error
            discard(tap.WORKER_SYSTEM.getJob(jobId))
        raise


def discard(job: Any) -> None:
    """Remove a job's result, and its mention; the file goes first, for writing the other may fail."""
    Path(job.getWD(), NAME).unlink(missing_ok=True)
    job._saveResults([known for known in job.getResults() if known["resultName"] != NAME])


SHIMS = (
    Shim(
        taprunner,
        "runTAPJobNoState",
        run,
        (
            (taprunner.runTAPJobNoState, "3f48e315e28146ec"),
            (uws.UWSJobWithWD, "ae63c08992d45689"),
        ),
    ),
)
