"""The server's end of the drawing process: start it, give it jobs, replace it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import datalink
import ingest
from datalink.previews.worker import Job
from ingest.errors import CherenkovVOError, PreviewError

START_SECONDS = 60.0
"""Added for the first picture of a process: imports, and Matplotlib's list of fonts, on a busy machine."""
PICTURES = 500
"""After so many the process is replaced, so that what leaks does not grow for ever."""


class PainterLostError(PreviewError):
    """The drawing process died, or took so long that it was ended."""


class Painter:
    """One drawing process at a time; started on first need. To be used by one thread.

    The process dies with the thread that started it, so this has to be one that lives as long as the server.

    Parameters
    ----------
    directory
        For Matplotlib's list of fonts, which would otherwise go to the user's home.
    timeout_seconds
        For one picture.
    module
        What to run, a module with the protocol of `datalink.previews.worker`.
    """

    def __init__(
        self, directory: Path, timeout_seconds: float, module: str = "datalink.previews.worker"
    ) -> None:
        self._directory = directory
        self._timeout = timeout_seconds
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._drawn = 0

    def draw(self, job: Job) -> None:
        """Have one picture drawn, and wait for it.

        Raises
        ------
        ingest.errors.CherenkovVOError
            What the drawing raised; PainterLostError if the process died or took too long.
        """
        allowed = self._timeout + (0.0 if self._process else START_SECONDS)
        try:
            connection = self._started()
            connection.send_bytes(pickle.dumps(job))
            if not connection.poll(allowed):
                self.stop()
                problem = f"took longer than {self._timeout:g} s, the drawing process was ended"
                raise PainterLostError(f"{job.subject.file_name}: {job.kind} {problem}")
            error: CherenkovVOError | None = pickle.loads(connection.recv_bytes())  # noqa: S301 (our own child)
        except (EOFError, OSError) as lost:
            code = self.stop()
            raise PainterLostError(
                f"{job.subject.file_name}: {job.kind} not drawn, the drawing process ended with {code}"
            ) from lost
        self._drawn += 1
        if self._drawn >= PICTURES:
            self.stop()
        if error is not None:
            raise error

    def stop(self) -> int | None:
        """End the process, if there is one; give its exit code."""
        process, connection = self._process, self._connection
        self._process = self._connection = None
        self._drawn = 0
        if connection is not None:
            connection.close()
        if process is None:
            return None
        try:
            # One that died by itself is asked for its own code first.
            return process.wait(0.2)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _started(self) -> Connection:
        if self._connection is not None:
            return self._connection
        ours, theirs = Pipe()
        fonts = self._directory / "matplotlib"
        fonts.mkdir(exist_ok=True)
        roots = dict.fromkeys(
            str(Path(str(package.__file__)).parent.parent) for package in (datalink, ingest)
        )
        surroundings = os.environ | {
            "PYTHONPATH": os.pathsep.join([*roots, *filter(None, [os.environ.get("PYTHONPATH")])]),
            "MPLBACKEND": "Agg",
            "MPLCONFIGDIR": str(fonts),
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module, str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=surroundings,
            )
        self._connection = ours
        return ours
