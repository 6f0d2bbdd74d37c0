"""``make lock``, ``make licences``, ``make audit`` and ``make audit-update``.

The programs they need live in an environment of their own, made from ``requirements/tools.txt``.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys

from ingest.errors import InstanceError
from instance import packages, settings
from instance.settings import CHECKOUT
from supply.ending import end_with
from supply.environments import environment

MODULES = {
    "lock": ("supply.lock",),
    "licences": ("supply.licences",),
    "audit": ("supply.audit",),
    "audit-update": ("supply.audit", "--update"),
}


def tools() -> str:
    """Make the environment of the tools unless it is there; gives its Python.

    Raises
    ------
    InstanceError
        It cannot be made.
    """
    place = settings.home_of(settings.load()) / "tools"
    lock = environment("tools").lock
    python, mark = place / "bin" / "python", place / "complete"
    stamp = hashlib.sha256(lock.read_bytes()).hexdigest()
    if not (mark.exists() and mark.read_text(encoding="ascii") == stamp):
        place.parent.mkdir(parents=True, exist_ok=True)
        for command in (
            [packages.SYSTEM_PYTHON, "-m", "venv", "--clear", place],
            [python, *packages.INSTALL, lock],
        ):
            if subprocess.run([str(part) for part in command], check=False).returncode:
                raise InstanceError(
                    "The environment of the tools cannot be made.", "See pip's message above; then again."
                )
        mark.write_text(stamp, encoding="ascii")
    return str(python)


def main() -> int:
    """Run it with the tools' Python; gives the exit code."""
    if len(sys.argv) < 2 or sys.argv[1] not in MODULES:
        print(f"expected one of {', '.join(MODULES)}", file=sys.stderr)
        return 2
    python = tools()
    command = [python, "-m", *MODULES[sys.argv[1]], *sys.argv[2:]]
    return subprocess.run(command, cwd=CHECKOUT, check=False).returncode


if __name__ == "__main__":
    end_with(main)
