"""Feed the reader with files that a fuzzer makes: ``python -m tests.fuzzing SECONDS DIRECTORY``.

A file must be refused with an error of ours, or give rows without a number that is none; never anything else,
in bounded time and memory. The first file that does otherwise is left in the directory, and ends the run.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ingest", "astropy.io.fits"]):
    from tests.fuzzing import judge

from tests.corpus import made
from tests.corpus.worker import peak
from tests.fuzzing import cards

MB = 1024 * 1024
MEMORY_MB = 512
"""What one file may cost, above all that there was."""

CEILING_MB = 4096
"""Where the fuzzer ends: its own notes about what it has tried grow without end."""

LATEST_S = 20
SHARED = Path("/dev/shm")


def seeds(directory: Path) -> None:
    """Write the good files that all begins with."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in {**made.good(), **judge.small()}.items():
        if len(content) <= cards.LARGEST:
            (directory / f"{name}.fits").write_bytes(content)
        packed = made.packed(content)
        if len(packed) <= cards.LARGEST:
            (directory / f"{name}.fits.gz").write_bytes(packed)


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """Make another file of one: with an eye to FITS mostly, and blindly else."""
    return (cards.changed(data, seed) if seed % 8 else bytes(atheris.Mutate(data, len(data))))[:most]


def main() -> None:
    """Fuzz for some seconds."""
    seconds, directory = int(sys.argv[1]), Path(sys.argv[2])
    logging.disable(logging.CRITICAL)  # a line for each refused file
    seeds(directory / "corpus")
    with tempfile.TemporaryDirectory(dir=SHARED if SHARED.is_dir() else None) as name:
        path, started, count = Path(name) / "run.fits", time.monotonic(), 0

        def one(data: bytes) -> None:
            nonlocal count
            count += 1
            path.write_bytes(data)
            before = peak()
            judge.check(path)
            if peak() - before > MEMORY_MB * MB:
                raise judge.UnsoundError(f"it takes {(peak() - before) // MB} MB")
            if count % 1000 == 0:
                judge.forget()  # what is remembered on purpose is not what one file needs
            if count % 5000 == 0:
                spent = time.monotonic() - started
                print(f"{count} files, {count / spent:.0f} per second, {peak() // MB} MB at most", flush=True)

        options = [
            f"-max_total_time={seconds}", f"-max_len={cards.LARGEST}", f"-timeout={LATEST_S}",
            f"-rss_limit_mb={CEILING_MB}", f"-artifact_prefix={directory}/", "-print_final_stats=1",
            "-len_control=0", "-seed=1", str(directory / "corpus"),
        ]  # fmt: skip
        atheris.Setup([sys.argv[0], *options], one, custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
