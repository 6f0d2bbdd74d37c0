"""How the commands of this folder end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from ingest.errors import InstanceError


def end_with(command: Callable[[], int]) -> NoReturn:
    """Run a command and end with its exit code; errors become a sentence on the terminal."""
    try:
        sys.exit(command())
    except InstanceError as error:
        print(f"{error.problem} {error.remedy}", file=sys.stderr)
        sys.exit(error.exit_code)
