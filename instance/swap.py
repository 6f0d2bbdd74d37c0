"""Putting a restored instance in the place of another one, also if that is interrupted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

STAGING, NEW, PLAN = "restoring", "new", "plan.json"
"""Directory of what is being restored; in it, the instance, and a plan once that is complete."""

STAYS = (
    *("venv", "test", "judges", "explorer", "explorer-test", "jobs", "jobs-test"),
    *("log", "run", "releases", "serve.lock", "work.lock", "fetch.lock", STAGING),
)
"""What of an instance stays where it is: programs, downloads, and what tells who works on it."""

BEFORE = "before-restore-"


def plan(home: Path, aside: str) -> None:
    """Note that what was restored is complete, and what is to be done with it."""
    staged = home / STAGING
    wanted = sorted(path.name for path in (staged / NEW).iterdir())
    partial = staged / f"{PLAN}.partial"
    partial.write_text(json.dumps({"aside": aside, "wanted": wanted}), encoding="utf-8")
    partial.replace(staged / PLAN)


def finish(home: Path) -> bool:
    """Put what was restored completely in its place, and what was there aside; says whether there was any.

    It may be interrupted and called again.
    """
    staged = home / STAGING
    if not (staged / PLAN).exists():
        return False
    noted = json.loads((staged / PLAN).read_text(encoding="utf-8"))
    new, aside = staged / NEW, home / noted["aside"]
    for path in sorted(home.iterdir()):
        arrived = path.name in noted["wanted"] and not (new / path.name).exists()
        if not arrived and path.name not in STAYS and not path.name.startswith(BEFORE):
            aside.mkdir(exist_ok=True)
            path.rename(aside / path.name)
    for name in noted["wanted"]:
        if (new / name).exists():
            _put(new / name, home / name)
    shutil.rmtree(staged)
    return True


def _put(source: Path, target: Path) -> None:
    """Move a file or directory; into a directory that stays, file by file."""
    if source.is_dir() and target.is_dir():
        for path in source.iterdir():
            _put(path, target / path.name)
    else:
        source.replace(target)
