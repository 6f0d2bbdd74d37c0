"""What a job does: get the bundle, start the analysis, keep what comes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from datalink.bundles.archive import Archive
from datalink.bundles.plan import NothingLeftError, SourceGoneError
from datalink.preview.quotas import BUNDLE_BYTES, GRACE, Quotas
from ingest.errors import CherenkovVOError
from portal.jobs.errors import ParameterError
from portal.jobs.parameters import BY_NAME, ID, check_limits, read_parameters, unique

WORK = "work"
"""Directory in that of the job; it goes when the job ends."""

PIXELS = 250_000
LOG, PROGRESS, LISTED = "log.txt", "progress.json", "results.json"
LOG_TYPE = "text/plain; charset=utf-8"
PAUSE = 0.5
Collect = Callable[[Sequence[str], str | None], Archive]
"""Gives the bundle of data sets that somebody of that name may have."""

MOST_REASONS = 5


class JobFailedError(CherenkovVOError):
    """A job cannot be done."""


def given(parameters: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Sort a job's parameters, as DaCHS keeps them, in lower case.

    Returns
    -------
    tuple
        Identifiers of data sets, and all else.
    """
    dids = parameters.get(ID.lower()) or []
    words = {name: str(value) for name in BY_NAME if (value := parameters.get(name)) not in (None, "")}
    return unique(dids if isinstance(dids, list) else [dids]), words


def check(parameters: dict[str, Any], quotas: Quotas, *, complete: bool = True) -> None:
    """Check what a job is told.

    Parameters
    ----------
    parameters, quotas
        As DaCHS keeps them, and the bounds.
    complete
        Whether it is to run now: before, more may still be told.

    Raises
    ------
    portal.jobs.errors.ParameterError
        It makes no sense, or is too much.
    """
    dids, words = given(parameters)
    if complete and not dids:
        raise ParameterError(f"{ID} is missing: expected the obs_publisher_did of event lists")
    if len(dids) > quotas.runs:
        raise ParameterError(f"{len(dids)} data sets, and a job takes {quotas.runs}")
    check_limits(read_parameters(words), PIXELS)


def told_progress(directory: Path) -> tuple[float, str] | None:
    """Give how far the analysis of a job is.

    Parameters
    ----------
    directory
        The job's.

    Returns
    -------
    tuple or None
        Part of 1, and what it is doing; None if it has not begun, or has ended.
    """
    for path in (directory / WORK / "out" / PROGRESS, directory / WORK / PROGRESS):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            return float(told["fraction"]), str(told["words"])
        except (OSError, ValueError, KeyError):
            continue
    return None


class Running:
    """The work of one job.

    Parameters
    ----------
    job
        DaCHS's.
    program
        Python with Gammapy.
    quotas
        The bounds.
    collect
        Gives the bundle.
    """

    def __init__(self, job: Any, program: Path, quotas: Quotas, collect: Collect) -> None:
        self._job = job
        self._collect = collect
        self._program = program
        self._quotas = quotas
        self._directory = Path(job.getWD())
        self._work = self._directory / WORK
        self._out = self._work / "out"

    def work(self) -> None:
        """Do it.

        Raises
        ------
        JobFailedError
            It cannot be done. What there is of results is kept nevertheless.
        """
        shutil.rmtree(self._work, ignore_errors=True)
        self._out.mkdir(parents=True)
        try:
            check(self._job.parameters, self._quotas)
            self._fetch()
            self._analyse()
        except ParameterError as error:
            raise JobFailedError(str(error)) from error
        finally:
            self._keep_results()
            shutil.rmtree(self._work, ignore_errors=True)

    def _fetch(self) -> None:
        """Write the bundle of the data sets that the job's owner may have."""
        dids, _ = given(self._job.parameters)
        self._tell("Collecting the data")
        try:
            archive = self._collect(dids, self._job.owner)
        except NothingLeftError as error:
            reasons = [f"{left.identifier}: {left.reason}" for left in error.left_out[:MOST_REASONS]]
            raise JobFailedError(f"None of the data sets can be used. {' '.join(reasons)}") from error
        except SourceGoneError as error:
            raise JobFailedError(f"{error}. Try again later.") from error
        if archive.size > BUNDLE_BYTES:
            raise JobFailedError(
                f"The data have {archive.size / 2**30:.1f} GiB, and a job takes {BUNDLE_BYTES >> 30}"
            )
        with (self._work / "bundle.tar").open("wb") as file:
            for chunk in archive.chunks():
                file.write(chunk)

    def _tell(self, words: str) -> None:
        """Say what is done before the analysis tells it itself."""
        new = self._work / f"{PROGRESS}.new"
        new.write_text(json.dumps({"fraction": 0, "words": words}), encoding="utf-8")
        new.replace(self._work / PROGRESS)

    def _analyse(self) -> None:
        self._tell("Loading Gammapy")
        _, words = given(self._job.parameters)
        (self._work / "parameters.json").write_text(json.dumps(words), encoding="utf-8")
        seconds = max(
            1, min(int(self._job.executionDuration or 0) or self._quotas.seconds, self._quotas.seconds)
        )
        with (self._work / "errors").open("wb") as errors:
            process = subprocess.Popen(
                self._command(seconds), env=self._environment(), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=errors,
            )  # fmt: skip
            try:
                status = self._wait(process, seconds + GRACE)
            finally:
                process.kill()
                process.wait()
        if status == 0:
            return
        said = (self._work / "errors").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if status is None:
            raise JobFailedError(f"The job took longer than the {seconds} seconds that it may take.")
        if status != 2 or not said:
            raise JobFailedError(f"The analysis broke down (status {status}); its log may say more.")
        raise JobFailedError(said[-1])

    def _command(self, seconds: int) -> list[str]:
        limits = {
            "runs": self._quotas.runs,
            "pixels": PIXELS,
            "memory-mib": self._quotas.memory,
            "seconds": seconds,
        }
        return [
            # It must not outlive this process, however that ends.
            *("setpriv", "--pdeathsig", "KILL", str(self._program), "-m", "portal.jobs"),
            *(str(self._work / "bundle.tar"), str(self._out), "--job", str(self._job.jobId)),
            *("--parameters", str(self._work / "parameters.json")),
            *(f"--max-{name}={value}" for name, value in limits.items()),
        ]

    def _environment(self) -> dict[str, str]:
        """Give what the analysis needs, and nothing of what DaCHS knows."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
        places = {"HOME": str(self._work), "TMPDIR": str(self._work)}
        return kept | places | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"}

    def _wait(self, process: subprocess.Popen[bytes], seconds: float) -> int | None:
        """Wait for the end, and show the log meanwhile; None if the time is over."""
        end = time.monotonic() + seconds
        shown = False
        while time.monotonic() < end:
            shown = shown or self._show_log()
            try:
                return process.wait(PAUSE)
            except subprocess.TimeoutExpired:
                continue
        return None

    def _show_log(self) -> bool:
        """Make the log a result as soon as there is one."""
        if not (self._out / LOG).exists():
            return False
        self._job.show(self._out / LOG, LOG_TYPE, LOG)
        return True

    def _keep_results(self) -> None:
        try:
            listed = json.loads((self._out / LISTED).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        (self._out / LISTED).replace(self._directory / LISTED)
        for each in listed:
            self._job.keep(self._out / each["name"], each["content_type"], each["name"])
