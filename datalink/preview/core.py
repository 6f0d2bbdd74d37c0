"""The core of the service of preview jobs: what it takes, and what a job does."""

from __future__ import annotations

import datetime
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from gavo import base, svcs

from datalink.bundles.archive import Archive
from datalink.bundles.service import planned
from datalink.preview.quotas import python, quotas
from datalink.preview.running import JobFailedError, Running
from datalink.rights import user_named
from portal.jobs.parameters import DEFINITIONS, ID

NOT_HERE = (
    "Preview jobs are not set up on this server: there is no Python with Gammapy. "
    "Its operators can switch them on (setting explorer_jobs)."
)


def _input_table() -> str:
    """Write the definition of what a job is told. DaCHS refuses what is not in it."""
    keys = [
        f'<inputKey name="{ID}" type="text" multiplicity="multiple" '
        'description="obs_publisher_did of an event list to use; may be repeated"/>'
    ]
    for known in DEFINITIONS:
        words = known.description
        if known.low is not None and known.high is not None:
            words += f" From {known.low:g} to {known.high:g}."
        if known.choices:
            words += f" One of {', '.join(known.choices)}."
        if known.default is not None:
            words += f" Default: {known.default}."
        unit = f" unit={quoteattr(known.unit)}" if known.unit else ""
        # As texts: the analysis reads them itself, with the same words for the same mistakes.
        keys.append(
            f'<inputKey name="{known.name}" type="text" multiplicity="single"{unit} '
            f"tablehead={quoteattr(known.label)} description={quoteattr(escape(words))}/>"
        )
    return f'<inputTable exclusive="True">{"".join(keys)}</inputTable>'


class Core(svcs.Core):  # type: ignore[misc]
    """Runs the analysis of a job."""

    inputTableXML = _input_table()  # noqa: N815 - DaCHS's name
    outputTableXML = "<outputTable/>"  # noqa: N815
    _system: Any = None

    @property
    def workerSystem(self) -> Any:  # noqa: N802 - DaCHS's name
        """The UWS of the service; DaCHS asks the core for it."""
        if self._system is None:
            from datalink.preview.system import make_system  # noqa: PLC0415 - it needs a service

            object.__setattr__(self, "_system", make_system(self.parent, self))
        return self._system

    def run(self, service: Any, inputTable: Any, queryMeta: Any) -> None:  # noqa: N803 - DaCHS's names
        """Do the work of a job, in a process of its own.

        Parameters
        ----------
        service, inputTable, queryMeta
            DaCHS's; the table has the job.

        Raises
        ------
        gavo.base.ReportableError
            It cannot be done. The message is for the user.
        """
        job = getattr(inputTable, "job", None)
        if job is None:
            raise base.ReportableError("This service has asynchronous jobs (UWS) only.")
        program = python()
        if program is None:
            raise base.ReportableError(NOT_HERE)
        _lead_a_group()
        try:
            Running(job, program, quotas(), _collect).work()
        except JobFailedError as error:
            raise base.ReportableError(str(error)) from error
        # DaCHS notes this of jobs that fail only.
        with job.getWritable() as changed:
            changed.change(endTime=datetime.datetime.now(datetime.UTC).replace(tzinfo=None))


def _collect(dids: Sequence[str], owner: str | None) -> Archive:
    """Give the bundle of data sets that the owner of a job may have."""
    return planned(dids, user_named(owner)).archive


def _lead_a_group() -> None:
    """Have this process and what it starts be one group, which can be ended as a whole."""
    if os.getpgrp() != os.getpid():
        os.setsid()
    # So that what lies about is cleared away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
