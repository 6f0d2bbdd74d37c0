"""``python -m portal.jobs``: run the analysis of a job.

It ends with 0 if there are results, 2 if nothing could be done (the last line of stderr says why).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import warnings
from dataclasses import fields
from pathlib import Path

# Before NumPy is loaded: one job takes one core, and threads need address space.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from portal.jobs.errors import JobError  # noqa: E402
from portal.jobs.limits import Limits, confine  # noqa: E402
from portal.jobs.parameters import read_parameters  # noqa: E402


def main(arguments: list[str] | None = None) -> int:
    """Run a job as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m portal.jobs", description=__doc__)
    parser.add_argument("bundle", type=Path, help="directory of a bundle, or its tar archive")
    parser.add_argument("output", type=Path, help="directory for the results; made if missing, else empty")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter; may be repeated"
    )
    parser.add_argument("--parameters", type=Path, help="a JSON file with an object of parameters")
    parser.add_argument("--job", default="local", help="identifier of the job")
    for field in fields(Limits):
        parser.add_argument(
            f"--max-{field.name.replace('_', '-')}",
            dest=field.name,
            type=type(field.default),
            default=field.default,
            help=f"default {field.default:g}",
        )
    given = parser.parse_args(arguments)
    limits = Limits(**{field.name: getattr(given, field.name) for field in fields(Limits)})
    try:
        return _run(given, limits)
    except (JobError, OSError) as error:
        print(f"{error}".replace("\n", " "), file=sys.stderr)
        return 2


def _run(given: argparse.Namespace, limits: Limits) -> int:
    words = json.loads(given.parameters.read_text(encoding="utf-8")) if given.parameters else {}
    words |= dict(text.partition("=")[::2] for text in given.set)
    parameters = read_parameters(words)
    given.output.mkdir(parents=True, exist_ok=True)
    if any(given.output.iterdir()):
        raise JobError(f"{given.output} is not empty")
    confine(limits)
    with tempfile.TemporaryDirectory(prefix="preview-job-") as scratch:
        os.environ["MPLCONFIGDIR"] = scratch
        _offline()
        # Only now: it takes seconds, and the limits hold for it, too.
        from portal.jobs.analysis import Job  # noqa: PLC0415

        unpacked = Path(scratch, "bundle")
        unpacked.mkdir()
        job = Job(given.job, parameters, limits, given.output)
        job.run(given.bundle, unpacked)
    return 0


def _offline() -> None:
    """Keep astropy from asking the network, and what it warns of from the last line of stderr."""
    from astropy.utils import iers  # noqa: PLC0415

    iers.conf.auto_download = False
    iers.conf.auto_max_age = None
    warnings.simplefilter("ignore")


if __name__ == "__main__":
    sys.exit(main())
