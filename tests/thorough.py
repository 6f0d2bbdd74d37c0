"""How much harm is done: a little with ``make test``, all of it with ``make test-faults``."""

from __future__ import annotations

import os

VARIABLE = "CHERENKOV_VO_TEST_THOROUGH"


def thorough(quick: int, full: int) -> int:
    """Give one of two numbers (of repetitions, clients, seconds), by how thorough the tests are to be."""
    return full if os.environ.get(VARIABLE) == "1" else quick
