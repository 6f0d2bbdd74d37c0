"""Feed the reader again with what fuzzing has found: ``python -m tests.fuzzing.again``.

Prints the largest size of the process in bytes; ends with an error if one of the files is not answered as it
has to be.
"""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from pathlib import Path

from tests.corpus.worker import peak
from tests.fuzzing import judge

FOUND = Path(__file__).with_name("found")


def main() -> None:
    """Feed it with all of them."""
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        for found in sorted(FOUND.iterdir()):
            shutil.copyfile(found, Path(name) / "run.fits")
            judge.check(Path(name) / "run.fits")
    print(peak())


if __name__ == "__main__":
    sys.exit(main())
