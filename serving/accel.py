"""Having the proxy send what lies on disk: the application says what, the proxy does it.

The answer has no body then, but a header that names an internal place of the proxy (nginx's
X-Accel-Redirect). Whether somebody may have a file is decided before, here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

HEADER = "x-accel-redirect"
PREFIX = "/.internal"
"""Below this the proxy has places that only the application can lead to; see ``instance/proxy.py``."""

ROOTS_VARIABLE = "CHERENKOV_VO_PROXY_FILES"
"""Environment variable with the directories that the proxy knows: name=directory, with colons between."""


def roots(environ: Mapping[str, str] = os.environ) -> dict[str, Path]:
    """Give the directories whose files the proxy can send, by name; none without a proxy."""
    items = [item.partition("=") for item in environ.get(ROOTS_VARIABLE, "").split(":") if item]
    return {name: Path(directory) for name, _, directory in items}


def place_of(path: Path, known: Mapping[str, Path] | None = None) -> str | None:
    """Give the internal place under which the proxy sends a file; None if it does not know the file.

    Parameters
    ----------
    path
        An absolute path; links in it are not followed here.
    known
        What `roots` gives.
    """
    for name, directory in (roots() if known is None else known).items():
        if path.is_relative_to(directory) and ".." not in path.parts:
            return f"{PREFIX}/{name}/{quote(str(path.relative_to(directory)))}"
    return None


def hand_over(request: Any, place: str) -> None:
    """Say in the answer to a request that the proxy shall send what is at an internal place."""
    request.setHeader(HEADER, place)
