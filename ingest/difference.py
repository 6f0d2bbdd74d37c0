"""What an import changes in the tables of a collection."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.copying import Spool
from ingest.ledger import Entry


@dataclass
class Difference:
    """What is to be done to the tables of a collection.

    Attributes
    ----------
    gone
        The rows with these OBS_IDs, or names of shared files, go.
    lines
        The lines of the ledger that go: release and source.
    kept
        Lines of the ledger whose rows stay, but that are to say something else now.
    spool
        The new rows, and the ledger's new lines.
    """

    spool: Spool
    gone: set[str] = field(default_factory=set)
    lines: set[tuple[str, str]] = field(default_factory=set)
    kept: list[Entry] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether everything is as it should be: whatever is not, its release's line is written anew."""
        return not self.lines

    def drop(self, entry: Entry) -> None:
        """Let a source's rows go, and its line of the ledger."""
        self.lines.add((entry.release, entry.source))
        if entry.published and entry.obs_id is not None:
            self.gone.add(entry.obs_id)
        self.gone.update(entry.owned)
