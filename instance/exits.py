"""The exit codes of the command line, and what each one tells the operator."""

from __future__ import annotations

OK = 0
"""Everything asked for was done."""

FAILURE = 1
"""Anything not named below."""

USAGE = 2
"""The command line or the configuration cannot be used (argparse exits with this code too)."""

EXIT_ENVIRONMENT = 3
"""A package is missing, or there is no right to install it."""

EXIT_PORT = 4
"""The port of the server or of the database is taken."""

EXIT_DATA = 5
"""There is no usable data, or some files failed."""

EXIT_DISK = 6
"""The disk is full or too small."""

EXIT_BUSY = 7
"""Another run holds the instance."""

EXIT_CHECK = 8
"""``check`` or ``doctor`` found faults."""

NO_SPACE = ("No space left on device", "Check free disk space")
"""What the C library says of ENOSPC, and with it PostgreSQL, Python and DaCHS, whose language we choose; and
what PostgreSQL hints at where it could write only a part."""

MAKE_ROOM = "Make room where the instance lies, then run it again; what was published is as it was."
"""The remedy for a full disk."""

MEANINGS: dict[int, str] = {
    OK: "Everything asked for was done.",
    FAILURE: "Something failed that no other code names.",
    USAGE: "The command line or the configuration cannot be used.",
    EXIT_ENVIRONMENT: "A package is missing, or there is no right to install it.",
    EXIT_PORT: "A port is taken.",
    EXIT_DATA: "There is no usable data, or some files failed.",
    EXIT_DISK: "There is not enough disk space.",
    EXIT_BUSY: "Another run holds the instance.",
    EXIT_CHECK: "The check found faults.",
}
"""Exit code to one sentence, in the order ``--help`` lists them."""


def out_of_space(text: str) -> bool:
    """Say whether a program's message means that a disk is full."""
    return any(words in text for words in NO_SPACE)
