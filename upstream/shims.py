"""How a function or method of DaCHS is replaced, and when it is not."""

from __future__ import annotations

import hashlib
import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from gavo import base

SWITCH = "CHERENKOV_VO_FAST_PATHS"
GUARDS = "CHERENKOV_VO_GUARDS"
"""What is safer than DaCHS's own ways has a switch of its own."""


def wanted() -> bool:
    """Say whether the operator wants fast paths; without a word, yes."""
    return os.environ.get(SWITCH, "yes") != "no"


def guarded() -> bool:
    """Say whether the operator wants what is safer; without a word, yes."""
    return os.environ.get(GUARDS, "yes") != "no"


@dataclass(frozen=True)
class Shim:
    """One replacement.

    Parameters
    ----------
    owner
        The module or class of DaCHS.
    name
        The attribute of it that is replaced.
    replacement
        What is put there.
    digests
        What the replacement relies on, and the digest of its source: functions, methods or classes of
        DaCHS, first of all the replaced one.
    """

    owner: Any
    name: str
    replacement: Any
    digests: tuple[tuple[Any, str], ...]

    def changed(self) -> list[str]:
        """Give names of what has another source than the one that the replacement was written for."""
        return [
            f"{name_of(thing)} ({source_digest(thing)})"
            for thing, digest in self.digests
            if source_digest(thing) != digest
        ]

    def install(self) -> bool:
        """Put the replacement in place if DaCHS is as expected.

        Returns
        -------
        bool
            Whether it was done.
        """
        if changed := self.changed():
            what = f"{self.owner.__name__}.{self.name}"
            base.ui.notifyWarning(f"No fast path for {what}: DaCHS changed {', '.join(changed)}.")
            return False
        setattr(self.owner, self.name, self.replacement)
        return True


def name_of(thing: Any) -> str:
    """Give the full name of a function, method, class or module."""
    if inspect.ismodule(thing):
        return thing.__name__
    return f"{thing.__module__}.{thing.__qualname__}"


def source_digest(thing: Callable[..., Any] | type | ModuleType) -> str:
    """Give a short digest of the source of a function, method, class or module."""
    return hashlib.sha256(inspect.getsource(thing).encode()).hexdigest()[:16]
