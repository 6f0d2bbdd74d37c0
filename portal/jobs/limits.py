"""What a job may take: runs, pixels, memory, time and disk."""

from __future__ import annotations

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from portal.jobs.errors import TimeLimitError

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """The operator's limits.

    Attributes
    ----------
    runs, pixels
        How many runs a job uses, and pixels a map has.
    memory_mib
        Address space of the process.
    seconds
        From start to end, for the analysis; what is not done then is left out.
    file_mib
        Largest file.
    """

    runs: int = 50
    pixels: int = 250_000
    memory_mib: int = 6144
    seconds: float = 1800.0
    file_mib: int = 512


def confine(limits: Limits) -> None:
    """Let the system hold this process to memory and sizes of files."""
    for kind, wanted in (
        (resource.RLIMIT_AS, limits.memory_mib * MIB),
        (resource.RLIMIT_FSIZE, limits.file_mib * MIB),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (most, most))


class Clock:
    """Knows when the time is over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; negative if it is over."""
        return self._end - time.monotonic()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Interrupt what runs inside when the time is over.

        Raises
        ------
        TimeLimitError
            It is.
        """
        message = f"The {self.seconds:g} seconds that a job may take are over"

        def ring(number: int, frame: FrameType | None) -> None:
            raise TimeLimitError(message)

        if self.left <= 0:
            raise TimeLimitError(message)
        before = signal.signal(signal.SIGALRM, ring)
        # Again and again: code in between may swallow the first one.
        signal.setitimer(signal.ITIMER_REAL, self.left, 1.0)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
