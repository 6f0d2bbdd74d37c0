"""``python -m portal.hips``: make the picture of all events, if anything has changed.

It ends with 0 if the picture is as it should be, 2 if none could be made (the last line of stderr says why).
"""

from __future__ import annotations

import os
import sys

# Before NumPy is loaded: it takes one core, and threads need address space.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from portal.hips.errors import HipsError  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Make it as the command line says; gives the exit code."""
    from portal.hips import settings  # noqa: PLC0415

    try:
        wanted = settings.read(arguments)
        _confine(wanted.bounds.memory_mib)
        # Only now: it takes seconds, and the bounds hold for it, too.
        from portal.hips import build  # noqa: PLC0415
        from portal.hips.asking import Client  # noqa: PLC0415

        with Client(wanted.bounds) as client:
            outcome = build.run(wanted, client)
    except (HipsError, OSError, MemoryError) as error:
        print(" ".join(f"{error or type(error).__name__}".split()), file=sys.stderr)
        return 2
    for did, why in outcome.failures:
        print(f"left out: {did}: {why}")
    print(outcome)
    return 0


def _confine(memory_mib: int) -> None:
    """Let the system hold this process to its memory, and keep astropy from asking the network."""
    from astropy.utils import iers  # noqa: PLC0415

    from portal.jobs.limits import Limits, confine  # noqa: PLC0415

    confine(Limits(memory_mib=memory_mib))
    iers.conf.auto_download = False
    iers.conf.auto_max_age = None


if __name__ == "__main__":
    sys.exit(main())
