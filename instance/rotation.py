"""Logs do not grow without bound: old ones are put aside, and removed after some days."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path

from instance.fleet import PROXY, Fleet
from instance.settings import Settings
from serving.logs import SUFFIX

INTERVAL = 5.0
"""Seconds between looks."""

KEPT = 5
"""Old files of each log."""

DAY = 86400.0
MEGABYTE = 1_000_000


class Rotation:
    """Puts logs aside that are large, or a day old, and removes old ones.

    Logs in lines of JSON are renamed: their writers notice. The others belong to programs that keep them open
    for appending; these are copied and emptied.

    Parameters
    ----------
    settings
        How large logs become, and how long they are kept.
    directory
        Where they are.
    """

    def __init__(self, settings: Settings, directory: Path) -> None:
        self.settings, self.directory = settings, directory
        self.since: dict[str, float] = {}
        self.next = 0.0

    def look_after(self, fleet: Fleet | None) -> None:
        """Rotate what is due, if it is time to look.

        Parameters
        ----------
        fleet
            Its proxy is told to open its log anew.
        """
        if time.monotonic() < self.next:
            return
        self.next = time.monotonic() + INTERVAL
        # Without room, there is nothing to be done here.
        with contextlib.suppress(OSError):
            renamed = self.rotate()
            for process in fleet.processes if fleet is not None and renamed else ():
                if process.name == PROXY:
                    process.signal(signal.SIGUSR1)

    def rotate(self) -> list[str]:
        """Put aside what is due; gives the names of those that were renamed."""
        renamed = []
        for path in sorted(self.directory.iterdir()):
            if path.is_symlink() or not path.is_file():
                continue
            if path.suffix not in (".log", SUFFIX):
                self._forget(path)
                continue
            status = path.stat()
            born = self.since.setdefault(path.name, time.monotonic())
            large = status.st_size > self.settings.log_megabytes * MEGABYTE
            if status.st_size and (large or time.monotonic() - born > DAY):
                self._put_aside(path)
                self.since[path.name] = time.monotonic()
                if path.suffix == SUFFIX:
                    renamed.append(path.name)
        return renamed

    def _put_aside(self, path: Path) -> None:
        for number in range(KEPT - 1, 0, -1):
            older = path.with_name(f"{path.name}.{number}")
            if older.exists():
                older.replace(path.with_name(f"{path.name}.{number + 1}"))
        first = path.with_name(f"{path.name}.1")
        if path.suffix == SUFFIX:
            path.replace(first)
            return
        source = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        with os.fdopen(source, "r+b") as old:
            partial = path.with_name(f"{path.name}.partial")
            partial.unlink(missing_ok=True)
            with partial.open("xb") as copy:
                shutil.copyfileobj(old, copy)
            partial.replace(first)
            old.truncate(0)

    def _forget(self, path: Path) -> None:
        if time.time() - path.stat().st_mtime > self.settings.log_days * DAY:
            path.unlink()
