"""Paths of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope


def below_root(scope: Scope) -> str:
    """Give a request's path below the explorer's root.

    Parameters
    ----------
    scope
        The request.

    Returns
    -------
    str
        The path; a proxy may have taken the root off already. Empty for the root without a slash.
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and (path == root or path.startswith(root + "/")):
        return path[len(root) :]
    return path
