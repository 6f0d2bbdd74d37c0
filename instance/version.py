"""The version of the project, and which versions may work on an instance."""

from __future__ import annotations

import re

from ingest import PROJECT_VERSION
from ingest.errors import InstanceError
from instance.exits import EXIT_ENVIRONMENT
from instance.state import State

UNNAMED = "0.1.0"
"""The version that did not note its number in the instance's state yet."""

VERSION = PROJECT_VERSION


def order(version: str) -> tuple[int, ...]:
    """Give something by which versions can be compared."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def noted(state: State) -> str | None:
    """Give the version that worked on an instance last; None if none did."""
    content = state.read()
    if isinstance(content.get("version"), str):
        return str(content["version"])
    return UNNAMED if content.get("database") else None


def refuse_downgrade(state: State) -> None:
    """Refuse to work on what a newer version has changed.

    Raises
    ------
    InstanceError
        A newer version worked on the instance.
    """
    last = noted(state)
    if last is not None and order(last) > order(VERSION):
        raise InstanceError(
            f"Version {last} has worked on this instance; this is version {VERSION}, which is older.",
            f"Use {last} or newer, or restore a backup that {VERSION} made: 'make restore FROM=...'.",
            exit_code=EXIT_ENVIRONMENT,
        )
