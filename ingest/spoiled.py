"""What becomes of rows whose file cannot be published any more: they stay as they are.

The file was replaced by something damaged, say. Its line in the ledger says so, and that it is `STALE`; the
next version of the file that can be published takes the place of these rows.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest.changes import Candidate, Plan, Survey
from ingest.errors import CherenkovVOError
from ingest.ledger import STALE, Entry
from ingest.workers import Made

STAYS = "what was published of it before stays"
"""How a problem ends that takes no rows away."""


def problem_of(path: Path, error: CherenkovVOError, *, stays: bool = False) -> str:
    """Give what a ledger says of a source that cannot be published."""
    said = f"{error}; {STAYS}" if stays else str(error)
    return json.dumps({"file": path.name, "kind": type(error).__name__, "problem": said})


@dataclass
class Spoiled:
    """The sources of one try at a plan that have rows, but cannot be published.

    Attributes
    ----------
    known
        The release as its ledger says.
    found
        By name, with why.
    """

    known: Mapping[str, Entry]
    found: dict[str, tuple[Candidate, Made]] = field(default_factory=dict)

    def settle(
        self, plan: Plan, survey: Survey, anew: set[str], taken: Collection[str]
    ) -> tuple[dict[str, Entry], set[str]]:
        """Decide whose rows stay: all but those whose OBS_ID another source has by now.

        Parameters
        ----------
        plan, survey
            What is done about the release, and what it is.
        anew
            Names of shared files about which rows were written.
        taken
            OBS_IDs of others.

        Returns
        -------
        tuple
            The lines of those that stay, by name; and the names of shared files whose rows stay, too, as
            nobody has written them anew.
        """
        staying = [name for name in self.found if self.known[name].obs_id not in taken]
        kept = {
            shared: name
            for name in reversed(staying)
            for shared in self._used(name, survey)
            if shared in plan.lost and shared not in anew
        }
        before = [self.known[name] for name in plan.changed if name in self.known] + [*plan.removed.values()]
        lines = {}
        for name in staying:
            candidate, made = self.found[name]
            assert made.error is not None
            owned = {
                shared: sorted({key for entry in before for key in entry.owned.get(shared, [])})
                for shared, holder in kept.items()
                if holder == name
            }
            lines[name] = dataclasses.replace(
                self.known[name],
                files=candidate.files,
                context=candidate.context,
                outcome=STALE,
                shared=json.dumps(owned) if owned else None,
                vanished=False,
                problem=problem_of(made.path, made.error, stays=True),
            )
        return lines, set(kept)

    def _used(self, name: str, survey: Survey) -> set[str]:
        """Give the shared files that the rows of a source refer to, as far as that is known."""
        own = {survey.shared[path] for path in self.found[name][0].responses if path in survey.shared}
        return own | self.known[name].owned.keys()
