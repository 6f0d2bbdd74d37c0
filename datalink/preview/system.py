"""The UWS of preview jobs: DaCHS's for services of users, with bounds, progress, and jobs that really end.

What DaCHS's own lacks: it answers a mistake in a parameter only when the job runs, starts any number of
waiting jobs one after the other, says ERROR of a job that was aborted and leaves what that job started
running, and knows neither progress, nor sizes and types of results.
"""

from __future__ import annotations

import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from gavo import base, svcs
from gavo.protocols import dali, useruws, uws, uwsactions
from twisted.web import server, static

from datalink.preview.documents import completed
from datalink.preview.processes import end_process
from datalink.preview.quotas import DAYS_KEPT, python, quotas
from datalink.preview.running import LOG, check
from portal.jobs.errors import ParameterError

LONGEST_RUN_ID = 100
VANISHED = "The process of the job ended unexpectedly; its log may say more. Start the job again."
HUNG = "Job hung in"
"""What DaCHS says of it."""
FULL = "Too many jobs are waiting here already; please come again in a few minutes."


class Transitions(useruws.UserUWSTransitions):  # type: ignore[misc]
    """How a job gets from one phase to another."""

    def queueJob(self, newState: Any, wjob: Any, ignored: Any) -> None:  # noqa: N802, N803 - DaCHS's names
        """Let a job wait, if it makes sense and there is a place.

        Raises
        ------
        gavo.base.ValidationError
            It does not, or there is none; the job then ends with that.
        """
        if wjob.uws.countQueuedJobs() >= quotas().waiting:
            raise base.ValidationError(FULL, "PHASE")
        _check(wjob.parameters, complete=True)
        super().queueJob(newState, wjob, ignored)

    def killJob(self, newState: Any, wjob: Any, ignored: Any) -> None:  # noqa: N802, N803
        """End a job that runs."""
        end_process(wjob)
        self.markAborted(newState, wjob, ignored)


class JobBase(useruws.UserUWSJobBase):  # type: ignore[misc]
    """What all preview jobs have in common."""

    _transitions = Transitions()

    @classmethod
    def _default_executionDuration(cls) -> int:  # noqa: N802 - DaCHS's name
        return quotas().seconds

    @classmethod
    def _default_destructionTime(cls) -> datetime.datetime:  # noqa: N802
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        return now + datetime.timedelta(days=DAYS_KEPT)

    def keep(self, path: Path, content_type: str, name: str) -> None:
        """Make a file that is complete a result; it moves. DaCHS's own ways show files while they grow."""
        path.replace(Path(self.getWD()) / name)
        self._addResultInJobDir(content_type, name)

    def show(self, path: Path, content_type: str, name: str) -> None:
        """Make a file that grows a result, beside where it is."""
        link = Path(self.getWD()) / name
        link.unlink(missing_ok=True)
        link.hardlink_to(path)
        self._addResultInJobDir(content_type, name)

    def prepareForDestruction(self) -> None:  # noqa: N802
        """End what runs before its directory goes."""
        if self.phase == uws.EXECUTING:
            end_process(self)
        super().prepareForDestruction()


class System(useruws.UserUWS):  # type: ignore[misc]
    """The jobs of the service."""

    # A job that ends does not tell the server; what waits is looked for this often.
    queueCheckInterval = 5  # noqa: N815 - DaCHS's name

    def __init__(self, service: Any, job_class: Any, actions: Any, grammar: Any) -> None:
        super().__init__(service, actions, grammar)
        self.jobClass = job_class
        self.runcountGoal = quotas().running

    def changeToPhase(  # noqa: N802 - DaCHS's name
        self,
        jobId: Any,  # noqa: N803
        newPhase: Any,  # noqa: N803
        input: Any = None,
        timeout: float = 10,
    ) -> None:
        """Change a job's phase; that its process has vanished is said in words for its owner."""
        if newPhase == uws.ERROR and HUNG in str(input):
            input = uws.UWSError(VANISHED, jobId)
        super().changeToPhase(jobId, newPhase, input, timeout)

    def getNewIdFromRequest(self, request: Any) -> Any:  # noqa: N802 - DaCHS's name
        """Make a job as a request says; with RUNID, which DaCHS's own services do not know."""
        names = [name for name in request.strargs if name.lower() == "runid"]
        words = [word for name in names for word in request.strargs.pop(name)]
        made = super().getNewIdFromRequest(request)
        if words:
            with self.changeableJob(made) as job:
                job.change(runId=str(words[0])[:LONGEST_RUN_ID])
        return made

    def getNewIdFromArgs(self, uwsArgs: Any, paramDict: Any, user: Any = None) -> Any:  # noqa: N802, N803
        """Make a job, if there is anything that can run it, and what it is told makes sense.

        Raises
        ------
        gavo.base.Error
            It does not; no job is made.
        """
        if python() is None:
            from datalink.preview.core import NOT_HERE  # noqa: PLC0415 - it imports this module

            raise base.ReportableError(NOT_HERE)
        # What is missing may still come, before it is to run.
        _check({name.lower(): value for name, value in paramDict.items()}, complete=False)
        return super().getNewIdFromArgs(uwsArgs, paramDict, user)


def _check(parameters: dict[str, Any], *, complete: bool) -> None:
    try:
        check(parameters, quotas(), complete=complete)
    except ParameterError as error:
        raise base.ValidationError(str(error), str(error).partition("=")[0].partition(" ")[0]) from error


class JobDocument(uwsactions.RootAction):  # type: ignore[misc]
    """The document of a job, with progress, and with sizes, types and labels of results."""

    def doGET(self, job: Any, request: Any) -> Any:  # noqa: N802 - DaCHS's name
        """Give it; if it is to be waited for, later."""
        made = super().doGET(job, request)
        return completed(job, made) if isinstance(made, str | bytes) else made


class JobResults(uwsactions.ResultsAction):  # type: ignore[misc]
    """The results of a job: those that there are when it ends, however it does, and its log before that.

    DaCHS would give any file in the job's directory, with types of its own.
    """

    def getResource(self, job: Any, request: Any, segments: Any) -> Any:  # noqa: N802 - DaCHS's name
        """Give one of them, or the list."""
        if not segments:
            return super().getResource(job, request, segments)
        types = {each["resultName"]: each["resultType"] for each in job.getResults()}
        name = segments[0]
        if len(segments) > 1 or name not in types:
            problem = svcs.UnknownURI(f"This job has no result {'/'.join(segments)[:100]}.")
            return dali.serveDALIError(request, problem, httpStatus=HTTPStatus.NOT_FOUND)
        if job.phase == uws.EXECUTING and name != LOG:
            problem = svcs.UnknownURI("This job is EXECUTING, and has nothing but its log yet.")
            return dali.serveDALIError(request, problem, httpStatus=HTTPStatus.NOT_FOUND)
        file = static.File(str(Path(job.getWD()) / name))
        file.type, file.encoding = types[name], None
        file.render(request)
        return server.NOT_DONE_YET


def make_system(service: Any, core: Any) -> System:
    """Make the UWS of a service.

    Parameters
    ----------
    service, core
        DaCHS's.

    Returns
    -------
    System
        To which its renderer hands requests.
    """
    name = service.getFullId()

    class Job(JobBase):
        """A job of this service."""

        @classmethod
        def _default_jobClass(cls) -> str:  # noqa: N802 - DaCHS's name
            return str(name)

    grammar = base.makeStruct(svcs.ContextGrammar, inputTD=core.inputTable)
    return System(service, Job, uwsactions.JobActions(JobDocument, JobResults), grammar)
