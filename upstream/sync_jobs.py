"""Synchronous TAP queries without a record in the table of jobs.

DaCHS makes a job in the database and a directory for each synchronous query, although nobody can know
its id: about ten transactions with their settings and commits per query, and a new connection for
the query itself. Here, the job lives in the memory of the process; its directory is made if there are
uploads, and the result is kept in memory while it is small. What the query does, its errors, its limits
and its log messages are DaCHS's own functions', called in the same order.

What is different: a synchronous query does not show up in the list of jobs, cannot be aborted with
``dachs admin``, and does not take the place of an asynchronous one in the queue.

Proposal to upstream: give ``uws.UWS`` a way to make jobs that are not persisted, and let
``TAPCore.run`` use it.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from typing import Any

from gavo import base, formats, svcs, utils
from gavo.base import sqlsupport
from gavo.protocols import adqlglue, tap, taprunner, uws
from gavo.rsc import qtable

from upstream import telling
from upstream.connections import ConnectionPool
from upstream.shims import Shim

QUERY_PROFILE = "untrustedquery"
JOBS_MODE = 0o775
"""As in ``uws.UWSJobWithWD``."""

SMALL_RESULT = 1 << 20
"""Bytes of a result that are kept in memory."""

_connections = ConnectionPool(QUERY_PROFILE)


def jobs_directory() -> str:
    """Give the directory of TAP jobs; like DaCHS's jobs, the first one makes it."""
    path = str(base.getConfig("uwsWD"))
    with contextlib.suppress(FileExistsError):  # another thread was quicker
        utils.ensureDir(path, mode=JOBS_MODE, setGroupTo=base.getGroupId())
    return path


class MemoryJob(tap.TAPJob):  # type: ignore[misc]
    """A TAP job that no database knows.

    Parameters
    ----------
    owner
        The authenticated user, if any.
    """

    def __init__(self, owner: str | None) -> None:
        properties = {**self.getDefaults(None), "jobId": "sync", "parameters": {}, "owner": owner}
        super().__init__(properties, tap.WORKER_SYSTEM, writable=True)
        object.__setattr__(self, "_directory", None)

    def _encode_parameters(self, value: dict[str, Any]) -> dict[str, Any]:
        return value

    def _decode_parameters(self, value: dict[str, Any]) -> dict[str, Any]:
        return value

    def getWD(self) -> str:  # noqa: N802 - DaCHS's name
        """Give the job's directory; it is made when somebody asks."""
        if self._directory is None:
            directory = tempfile.mkdtemp("", "sync-", dir=jobs_directory())
            object.__setattr__(self, "_directory", directory)
        return str(self._directory)

    def prepareForDestruction(self) -> None:  # noqa: N802 - DaCHS's name
        """Remove what the job left in the file system."""
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)


class Result(tempfile.SpooledTemporaryFile[bytes]):
    """A result in memory, or in a file without a name if it is long."""

    _rolled: bool

    @property
    def small(self) -> bool:
        """Whether it is in memory."""
        return not self._rolled


def query_table(parameters: dict[str, Any], job: MemoryJob, timeout: float) -> Any:
    """Do what ``taprunner.getQTableFromJob`` does, with a connection that may be used again.

    Parameters
    ----------
    parameters
        Those of TAP, lower case.
    job
        The job, for its owner and uploads.
    timeout
        Seconds after which PostgreSQL ends the query.

    Returns
    -------
    gavo.rsc.QueryTable
        The result, not yet fetched.
    """
    query, maxrec = taprunner._parseTAPParameters(job.jobId, parameters)
    connection = _connections.get()
    try:
        # Uploads are temporary tables, which last as long as the connection; so do tables of users.
        connection.single_use = bool(parameters["upload"])
        uploads = taprunner._ingestUploads(job, parameters["upload"], connection)
        return adqlglue.runTAPQuery(
            query, timeout, connection, uploads, maxrec, forUser=job.owner or "anonymous"
        )
    except BaseException:
        connection.close()
        raise


def answer(job: MemoryJob) -> tuple[Any, str]:
    """Run a job's query, and write its result to a temporary file.

    Returns
    -------
    tuple
        The file, at its beginning, and the media type.
    """
    parameters = job.parameters
    default = "votable/td" if base.getConfig("ivoa", "votDefaultEncoding") == "td" else "votable"
    raw_format = parameters.get("responseformat") or parameters.get("format") or default
    key = formats.getKeyFor(raw_format)
    target = Result(SMALL_RESULT, dir=jobs_directory())
    try:
        timeout = base.getConfig("async", "defaultExecTimeSync")
        data = taprunner._makeDataFor(query_table(parameters, job, timeout))
        media_type = formats.getMIMEFor(key, raw_format)
        taprunner.writeResultTo(key, data, target)
    except BaseException as error:
        target.close()
        if telling.database_away(error):
            raise
        svcs.mapDBErrors(*sys.exc_info())
        raise
    target.seek(0)
    return target, media_type


def run(core: tap.TAPCore, service: Any, inputTable: Any, queryMeta: Any) -> tuple[Any, str]:  # noqa: N803 - DaCHS's
    """Answer a synchronous TAP query; replaces ``TAPCore.run``.

    Raises
    ------
    base.Error
        Whatever is wrong, in the words that DaCHS would have put into the job's record.
    """
    job = MemoryJob(queryMeta.getAuthUser() if queryMeta["user_pretend"] else None)
    try:
        job.setParamsFromDict(inputTable.getParamDict())
        try:
            return answer(job)
        except Exception as error:
            if not isinstance(error, base.Error):
                base.ui.notifyError(f"While executing a synchronous TAP query: {error}")
                raise
            if not isinstance(error, base.ValidationError):
                base.ui.notifyError("Error during a synchronous TAP query")
            raise base.Error(str(error), hint=getattr(error, "hint", None)) from error
    finally:
        job.prepareForDestruction()


SHIMS = (
    Shim(
        tap.TAPCore,
        "run",
        run,
        (
            (tap.TAPCore.run, "ddae0a076161d9df"),
            (taprunner.runSyncTAPJob, "e8d29c9c8e833b5c"),
            (taprunner.runTAPJob, "3c389470dedf05fb"),
            (taprunner.runTAPJobNoState, "3f48e315e28146ec"),
            (taprunner.getQTableFromJob, "65edcb21e20b3629"),
            (taprunner._ingestUploads, "50e4a0e219c41192"),
            (adqlglue.runTAPQuery, "4a8777d4fb38a434"),
            (qtable.QueryTable, "5f40c441749492ba"),
            (uws.BaseUWSJob, "34d4bc249ec699df"),
            (uws.UWSJobWithWD, "ae63c08992d45689"),
            (uws.UWSTransitions.flagError, "4bffa5d6a78e73b5"),
            (tap.TAPJob, "7f219d25dea9db93"),
            (sqlsupport.getDBConnection, "7ac40ffdcd78bb4e"),
            (sqlsupport.DaCHSConnection.configure, "5ac0db3e301fdc1f"),
        ),
    ),
)
