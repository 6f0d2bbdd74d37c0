"""How fast this is: ratios measured in one run, never absolute promises. ``make bench``.

Each figure stands beside the bound it is compared with, both measured in turn in the same run;
medians, with the smallest and largest of all rounds. The real release is taken where there is one,
else the built-in sample.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from instance import packages, settings  # noqa: E402

ROUNDS = 5


def enter_environment() -> None:
    """Go on in the project's test environment, which is made first if need be."""
    packages.ensure_packages()
    home = settings.home_of(settings.load())
    home.mkdir(parents=True, exist_ok=True)
    python = packages.ensure_venv(home / "test", "test")
    if Path(sys.prefix) != python.parent.parent:
        os.execv(python, [str(python), __file__, *sys.argv[1:]])


def measure(one: Callable[[], object], other: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Time two functions in turn, several rounds after one that does not count."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 1):
        for function, taken in zip((one, other), times, strict=True):
            start = time.perf_counter()
            function()
            if number:
                taken.append(time.perf_counter() - start)
    return times


def row(what: str, bound: str, times: tuple[list[float], list[float]]) -> str:
    """Write one row of the table."""
    ratios = [one / other for one, other in zip(*times, strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    ours, theirs = (statistics.median(taken) for taken in times)
    middle = statistics.median(ratios)
    return f"| {what} | {bound} | {middle:.2f} ({spread}) | {ours:.3f} s | {theirs:.3f} s |"


def figures(directory: Path) -> list[str]:
    """Measure everything on one release."""
    from astropy.io import fits  # noqa: PLC0415 - the environment has it

    from ingest import feed, gadf, release  # noqa: PLC0415 - the environment has it

    config = release.load(CHECKOUT / "inputs" / "hess_dr" / "sample.toml")
    identity = feed.Identity("bench.example", "http://bench.example", "hess_dr")
    paths = list(feed.release_files(directory, config))

    def unpack() -> None:
        for path in paths:
            gadf.unpack(path)

    def rows() -> None:
        report = feed.Report("hess_dr")
        for _ in feed.release_rows(directory, config, identity, prefix="bench", report=report):
            pass

    def plain() -> None:
        for path in paths:
            with fits.open(path, memmap=False) as opened:
                for hdu in opened[1:]:
                    hdu.data[:1]

    return [
        f"{len(paths)} files of {directory}, one process\n",
        "| what | compared with | ratio (spread) | ours | theirs |",
        "|---|---|---|---|---|",
        row("read and map all files to rows", "unpacking the same bytes with gzip", measure(rows, unpack)),
        row("read and map all files to rows", "opening all tables with astropy", measure(rows, plain)),
    ]


def main() -> None:
    """Measure, and print the table."""
    enter_environment()
    from instance.bringup import simulate_sample  # noqa: PLC0415 - the environment can import it
    from instance.releases import SHARED  # noqa: PLC0415 - the environment can import it

    named = settings.load().hess_dl3_dr1
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(named) if named and named != "sample" else SHARED
        if named == "sample" or not directory.is_dir():
            directory = Path(temporary) / "sample"
            simulate_sample(directory)
        print("\n".join(figures(directory)))


if __name__ == "__main__":
    main()
