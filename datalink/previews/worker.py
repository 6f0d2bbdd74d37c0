"""The process that draws: ``python -m datalink.previews.worker <file descriptor> <parent>``.

It reads jobs from a connection and answers each with the error that came of it, or None. It ends
with the parent, whatever ends that.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import pickle
import resource
import signal
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from datalink.previews import Subject, draw
from ingest.errors import CherenkovVOError, PreviewError

NICENESS = 10
"""Pictures can wait, answers of the server cannot."""
ADDRESS_SPACE = 8 * 2**30
"""Bytes that the process may map: a header that claims too much is an error, not the end of the machine."""
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True)
class Job:
    """One picture to draw.

    Attributes
    ----------
    kind, subject, size
        As `datalink.previews.draw` takes them.
    source
        The FITS file.
    target
        Where the picture goes.
    """

    kind: str
    subject: Subject
    size: str
    source: Path
    target: Path


def do(job: Job) -> CherenkovVOError | None:
    """Draw one picture; give the error if there is none."""
    try:
        job.target.write_bytes(draw(job.kind, _mapped(job.source), job.subject, job.size))
    except CherenkovVOError as error:
        return error
    except OSError as error:
        return PreviewError(f"{job.subject.file_name}: {job.kind} cannot be written ({error})")
    except Exception as error:
        # One picture that fails must not end the process, whatever Matplotlib raised.
        return PreviewError(f"{job.subject.file_name}: {job.kind} cannot be drawn ({error!r})")
    return None


def _mapped(path: Path) -> bytes | mmap.mmap:
    with path.open("rb") as file:
        if not path.stat().st_size:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def main(handle: int, parent: int) -> None:
    """Answer jobs until the other end is closed."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent closes the connection
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with Connection(handle) as connection:
        while True:
            try:
                job = pickle.loads(connection.recv_bytes())  # noqa: S301 (from our own parent)
                connection.send_bytes(pickle.dumps(do(job)))
            except (EOFError, OSError):
                return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
