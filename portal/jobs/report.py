"""How a job goes: its log, its progress, and what came of each step."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from portal.jobs.errors import NotPossibleError, TimeLimitError
from portal.jobs.limits import Clock

LOG, PROGRESS = "log.txt", "progress.json"


class Report:
    """Writes the log and the progress into the directory of the results.

    Attributes
    ----------
    steps
        Of each step: its state (``done``, ``left out``, ``failed``) and the reason of the latter two.
    notes
        What a reader of the results has to know, in sentences.
    """

    def __init__(self, directory: Path, clock: Clock) -> None:
        self.steps: dict[str, dict[str, Any]] = {}
        self.notes: list[str] = []
        self._clock = clock
        self._progress = directory / PROGRESS
        self._log = (directory / LOG).open("a", encoding="utf-8")
        self._fraction = 0.0

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def say(self, words: str) -> None:
        """Write a line to the log."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._log.write(f"{now} [{self._fraction:4.0%}] {words}\n")
        self._log.flush()

    def note(self, words: str) -> None:
        """Write a line to the log and to the summary."""
        self.notes.append(words)
        self.say(words)

    def progress(self, fraction: float, words: str) -> None:
        """Tell how far the job is: part of 1, and what it is doing."""
        self._fraction = max(self._fraction, min(fraction, 1.0))
        new = self._progress.with_suffix(".new")
        new.write_text(json.dumps({"fraction": round(self._fraction, 3), "words": words}), encoding="utf-8")
        os.replace(new, self._progress)  # noqa: PTH105 - whoever reads sees the old or the new one
        self.say(words)

    @contextmanager
    def step(self, name: str, words: str, fraction: float) -> Iterator[None]:
        """Run a step; what goes wrong in it ends this step only, and is said.

        Parameters
        ----------
        name
            Its key in the summary.
        words
            What it does.
        fraction
            How far the job is at its start.
        """
        self.progress(fraction, words)
        try:
            with self._clock.watching():
                yield
        except NotPossibleError as error:
            self._end(name, "left out", str(error))
        except TimeLimitError as error:
            self._end(name, "left out", str(error))
        except MemoryError:
            self._end(name, "failed", "There was not enough memory")
        except Exception as error:  # the other steps can still be done
            self._end(name, "failed", f"{type(error).__name__}: {error}"[:500])
        else:
            self._end(name, "done", None)

    def _end(self, name: str, state: str, reason: str | None) -> None:
        self.steps[name] = {"state": state, "reason": reason}
        if reason is not None:
            self.say(f"{name}: {state}. {reason}")

    def done(self, name: str) -> bool:
        """Tell whether a step was done."""
        return bool(self.steps.get(name, {}).get("state") == "done")
