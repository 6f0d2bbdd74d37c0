"""Where the explorer under test is, and what stands beside it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VARIABLE = "CHERENKOV_VO_TEST_EXPLORER"
"""Names the file that says where everything is; the stage 'explorer' of tests/run.py writes it."""

SHOTS = "CHERENKOV_VO_TEST_SHOTS"
"""Names the directory for pictures of the pages; without it, they go where pytest keeps files of tests."""

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Place:
    """Addresses of everything.

    Parameters
    ----------
    explorer
        The explorer's first page, with a slash at its end.
    tap
        The archive's TAP service.
    plain
        A TAP service with plain ObsCore.
    browser
        The program that shows the pages.
    home
        Directory of the instance.
    plain_home
        Directory of the TAP service with plain ObsCore.
    issuer
        The login provider.
    provider
        Its process ``pid``, and the ``command`` and ``variables`` with which another one is started.
    """

    explorer: str
    tap: str
    plain: str
    browser: str
    home: Path
    plain_home: Path
    issuer: str
    provider: dict[str, Any]


def read() -> Place:
    """Read where everything is.

    Raises
    ------
    RuntimeError
        Nobody said where that is written.
    """
    name = os.environ.get(VARIABLE)
    if name is None:
        raise RuntimeError(f"{VARIABLE} names no file: run these tests with 'tests/run.py explorer'.")
    content = json.loads(Path(name).read_text(encoding="utf-8"))
    words = (content[key] for key in ("explorer", "tap", "plain", "browser"))
    homes = (Path(content[key]) for key in ("home", "plain_home"))
    return Place(*words, *homes, content["issuer"], content["provider"])
