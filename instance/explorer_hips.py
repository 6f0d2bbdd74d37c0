"""The explorer's picture of all events (HiPS): made beside the web server, and again whenever data change.

It is made by a process of the lowest priority, one at a time. Whatever becomes of it, the explorer is served,
with the picture there was before or with none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from ingest.errors import CherenkovVOError
from instance import packages
from instance.bringup import Instance
from instance.console import say
from instance.explorer_parts import Picture, Places
from instance.processes import Process

NAME = "explorer's picture of events"
ENVIRONMENT = "jobs"

LOWEST = ("chrt", "--idle", "0", "ionice", "-c", "3", "nice", "-n", "19")
"""Only what nobody else wants of processor and disk."""

FIRST_PAUSE, LONGEST_PAUSE = 60.0, 6 * 3600.0
"""Seconds before another attempt after a failure, at first and at most."""

DAY = 24 * 3600.0
"""Seconds after which it is looked whether more has become public."""

LONGEST = 4 * 3600.0
"""Seconds that the process may take by the clock; of its own accord it ends sooner."""


class Hips:
    """The maker of an instance's picture of events, as its supervisor sees it.

    Parameters
    ----------
    instance
        The instance.
    """

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.places = Places(instance.home)
        self.wanted = instance.settings.explorer_hips
        self.process: Process | None = None
        self.next, self.pause, self.began = 0.0, FIRST_PAUSE, 0.0
        self.failure = ""
        self._again = False
        self._preparing: threading.Thread | None = None

    def changed(self) -> None:
        """Take note that data have changed: it is made as soon as it can be."""
        self.next, self._again = 0.0, self.process is not None

    def look_after(self, environment: Mapping[str, str]) -> None:
        """Do what is to be done next; the explorer is served.

        Parameters
        ----------
        environment
            That of the explorer's server, which says what is asked and where the picture goes.
        """
        if not self.wanted or (self._preparing is not None and self._preparing.is_alive()):
            return
        try:
            if self._preparing is not None:
                self._preparing = None
                if self.failure:
                    self._settle(self.failure)
                else:
                    self._start(environment)
            elif self.process is not None:
                self._watch()
            elif time.monotonic() >= self.next:
                self._prepare()
        except (CherenkovVOError, OSError) as error:
            self._drop()
            self._settle(str(error))

    def _prepare(self) -> None:
        """Make the environment it runs in, which analysis jobs share; that may take minutes."""
        self.failure = ""
        self._preparing = threading.Thread(target=self._make, name="explorer-hips", daemon=True)
        self._preparing.start()

    def _make(self) -> None:
        try:
            packages.ensure_venv(self.instance.home / ENVIRONMENT, ENVIRONMENT)
        except (CherenkovVOError, OSError) as error:
            self.failure = str(error)

    def _start(self, environment: Mapping[str, str]) -> None:
        account = self.instance.account
        account.make_directory(self.places.hips, 0o700)
        python = packages.venv_python(self.instance.home / ENVIRONMENT)
        did = f"ivo://{self.instance.settings.authority}/hips/event-counts"
        # It has no secrets of the explorer: it asks as anybody would.
        told = {
            name: value
            for name, value in environment.items()
            if name in ALLOWED or not name.startswith("CHERENKOV_EXPLORER_")
        }
        command = account.command([*LOWEST, python, "-m", "portal.hips", "--creator-did", did])
        log = self.instance.home / "log" / "explorer-hips.log"
        self.process = Process(NAME, command, told, log)
        self.process.start()
        self.began = time.monotonic()
        self._note("making")

    def _watch(self) -> None:
        process = self.process
        if process is None or process.process is None:
            return
        late = time.monotonic() - self.began > LONGEST
        if process.runs() and not late:
            return
        code = None if late else process.process.returncode
        self._drop()
        if code == 0:
            self._settle("")
        else:
            self._settle(f"it takes more than {LONGEST:.0f} s" if late else self._last_words(code))

    def _last_words(self, code: int | None) -> str:
        log = self.instance.home / "log" / "explorer-hips.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        told = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return told[:500] if code == 2 and told else f"its maker ended with {code}; {log} tells more"

    def _settle(self, reason: str) -> None:
        """Note what became of it, and when it is looked at next."""
        if reason:
            reason = f"{' '.join(reason.split()).rstrip('.')}."
            say(f"The {NAME} is NOT up to date, all else is: {reason}", "warning")
            self._note("failed", reason)
            wait, self.pause = self.pause, min(2 * self.pause, LONGEST_PAUSE)
        else:
            self._note("made")
            wait, self.pause = DAY, FIRST_PAUSE
        self.next = time.monotonic() + (0.0 if self._again else wait)
        self._again = False

    def _note(self, phase: str, reason: str = "") -> None:
        if self.places.run.is_dir():
            Picture(phase, reason).write(self.places.run)

    def _drop(self) -> None:
        if self.process is not None:
            self.process.end()
            self.process = None

    def end(self) -> None:
        """End its process; what it has made so far is thrown away the next time."""
        self._drop()
        Picture.file(self.places.run).unlink(missing_ok=True)


ALLOWED = tuple(f"CHERENKOV_EXPLORER_{name}" for name in ("SERVICES", "LOCAL_HIPS", "SIMULATED_NOTICE"))
"""What it is told of the explorer's settings."""
