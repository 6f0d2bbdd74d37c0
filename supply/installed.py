"""Check what is installed against what is wanted: run by the environment's own Python.

``python supply/installed.py LOCK REQUIREMENT...`` looks whether each locked package is there in its version,
and whether the packages that Debian provides satisfy the requirements given and those of the locked packages.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

TOO_OLD = "UNSATISFIED:"
"""What a complaint begins with."""


def complaints(lock: Path, wanted: list[str]) -> list[str]:
    """Give what does not fit.

    Parameters
    ----------
    lock
        The lock file.
    wanted
        Requirements of the project.
    """
    from packaging.markers import Marker  # noqa: PLC0415 - a bare machine imports this module

    from supply.environments import read_lock  # noqa: PLC0415 - on the path once run as a script

    found = _unmet("cherenkov-vo", wanted)
    for entry in read_lock(lock):
        if entry.marker and not Marker(entry.marker).evaluate():
            continue
        try:
            package = metadata.distribution(entry.name)
        except metadata.PackageNotFoundError:
            found.append(f"{entry.name} {entry.version} is locked, but not installed")
            continue
        if package.version != entry.version:
            found.append(f"{entry.name} {entry.version} is locked, but {package.version} is installed")
        found += _unmet(f"{entry.name} {entry.version}", package.requires or [])
    return found


def _unmet(who: str, requirements: list[str]) -> list[str]:
    from packaging.requirements import Requirement  # noqa: PLC0415

    found = []
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            found.append(f"{who} needs {requirement.name}{requirement.specifier}, which is not installed")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            found.append(f"{who} needs {requirement.name}{requirement.specifier}, but {version} is installed")
    return found


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    if said := complaints(Path(sys.argv[1]), sys.argv[2:]):
        sys.exit(f"{TOO_OLD} {'; '.join(said)}")
