"""Ending the processes of preview jobs."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any


def end_process(job: Any) -> None:
    """End the process of a job, and all that it started.

    Parameters
    ----------
    job
        DaCHS's.
    """
    pid = job.pid
    if pid is None or pid < 2:
        return
    with suppress(OSError):
        # Numbers of processes come again; nobody else's is to be ended.
        if str(job.jobId).encode() not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGTERM)
        else:
            os.kill(pid, signal.SIGTERM)
