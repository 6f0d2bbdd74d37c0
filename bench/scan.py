"""Reading: all published values of a release's files, in one process.

The bound is unpacking the same bytes with libdeflate. Stock is astropy, which opens all tables, and,
as another line, Gammapy's ObsCore export, which runs in the judges' environment.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from bench.harness import Figure, paired, ratio

CHECKOUT = Path(__file__).resolve().parent.parent

_GAMMAPY = """
import contextlib, logging, sys, time, warnings
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
from gammapy.data.ivoa import to_obscore_table
for _ in sys.stdin:
    start = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        rows = len(to_obscore_table(sys.argv[1]))
    print(time.perf_counter() - start, rows, flush=True)
"""


class _Bench(Protocol):
    """What is needed of the benchmark: a release, and whether it is the real one."""

    release: Path
    real: bool


class _Release:
    """What is done with the files of a release."""

    def __init__(self, bench: _Bench) -> None:
        from ingest import feed, gadf, release  # noqa: PLC0415 - the environment has what they need

        name = "release.toml" if bench.real else "sample.toml"
        self.config = release.load(CHECKOUT / "inputs" / "hess_dr" / name)
        self.directory, self.feed, self.gadf = bench.release, feed, gadf
        self.cores = len(os.sched_getaffinity(0))
        self.sources = list(gadf.sources(bench.release, self.config.files, None))
        self.paths = [source.paths[0] for source in self.sources]

    def scan(self) -> None:
        for path in self.paths:
            self.gadf.read(path)

    def all_cores(self) -> None:
        for observation in self.gadf.read_sources(self.sources, threads=self.cores):
            if isinstance(observation, Exception):
                raise observation

    def unpack(self) -> None:
        import deflate  # noqa: PLC0415

        for path in self.paths:
            packed = path.read_bytes()
            if packed[:2] == b"\x1f\x8b":
                deflate.gzip_decompress(packed)

    def stock(self) -> None:
        from astropy.io import fits  # noqa: PLC0415

        for path in self.paths:
            with fits.open(path, memmap=False) as opened:
                for hdu in opened[1:]:
                    hdu.data[:1]

    def rows(self) -> None:
        identity = self.feed.Identity("bench.example", "http://bench.example", "hess_dr")
        report = self.feed.Report("hess_dr")
        for _ in self.feed.release_rows(self.directory, self.config, identity, prefix="b", report=report):
            pass


def figures(bench: _Bench) -> Iterator[Figure]:
    """Measure everything on one release."""
    release = _Release(bench)
    number = len(release.paths)
    what = f"scan of {number} files, one process"
    ways = {
        "ours": release.all_cores,
        "bound": release.unpack,
        "stock": release.stock,
        "single": release.scan,
    }
    times = paired(ways)
    note = (
        f"ours makes complete records, in {release.cores} threads, as an import does; the bound is one"
        " thread; stock is astropy, which opens the files and reads all tables."
    )
    yield ratio(f"{what}, over unpacking with libdeflate", "<= 1.5 x", times, 1.5, note=note)
    single = times | {"ours": times["single"]}
    yield ratio(f"{what} and one thread, over unpacking", "", single, None)

    with _gammapy(bench.release, number) as export:
        taken: list[float] = []
        ways = {
            "ours": release.all_cores,
            "stock": lambda: taken.append(export()),
            "single": release.scan,
        }
        times = paired(ways)
    # What Gammapy's process says: the way to it and back does not count.
    times["stock"] = taken[1:]
    note = (
        "stock is `gammapy.data.ivoa.to_obscore_table` in a process that has imported Gammapy before. It"
        " needs little more time than libdeflate itself times twenty."
    )
    for name, way, bar, limit in (
        (what, "ours", ">= 20 x faster", 20.0),
        (f"{what} and one thread", "single", "", None),
    ):
        yield ratio(
            f"{name}, Gammapy's ObsCore export over it", bar, times | {"ours": times[way]}, limit,
            of="stock", to="ours", at_most=False, note=note if limit else "",
        )  # fmt: skip

    times = paired({"ours": release.rows, "bound": release.unpack})
    yield ratio(f"{number} files to rows of all tables, one process", "", times, None)


@contextlib.contextmanager
def _gammapy(directory: Path, observations: int) -> Iterator[Any]:
    """Start Gammapy; give a function that exports the release and says how many seconds it took."""
    from tests.judges import environment  # noqa: PLC0415

    python = environment.ensure(environment.DEFAULT_DIRECTORY).python
    with subprocess.Popen(
        [python, "-c", _GAMMAPY, directory],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:

        def export() -> float:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("export\n")
            process.stdin.flush()
            seconds, rows = process.stdout.readline().split()
            assert int(rows) == observations, f"Gammapy exports {rows} of {observations} observations"
            return float(seconds)

        try:
            yield export
        finally:
            process.kill()
