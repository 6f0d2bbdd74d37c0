"""Garbage collections that need not look at what stays.

DaCHS calls ``gc.collect()`` in the main thread for each eleventh request that is not for a static
resource (``web/root.py``, ``ArchiveService.getChild``). With some resource descriptors loaded that walks
several hundred thousand objects, takes 80 ms and more, and nothing else is answered meanwhile. Here,
objects that are there once the resources are loaded are moved to the generation that is never looked at
(``gc.freeze``). Nothing of DaCHS is replaced for this.

Proposal to upstream: call ``gc.collect(); gc.freeze()`` when ``_preloadPublishedRDs`` is done and after
a reload, or collect by time and not by requests.
"""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet import reactor as _reactor

reactor: Any = _reactor

FIRST = 5.0
"""Seconds after the start; DaCHS begins to load the published resources one second after it."""

INTERVAL = 30.0
MOST_NEW = 20_000
"""As many objects more than at the last time, and somebody loaded resources."""


class Freezer:
    """Freezes what is there, again when there is much more."""

    def __init__(self) -> None:
        self.frozen = 0

    def look(self) -> bool:
        """Freeze what is there if it is much; what became garbage since is collected before.

        Returns
        -------
        bool
            Whether there was that much.
        """
        if sum(len(gc.get_objects(generation)) for generation in (1, 2)) < MOST_NEW:
            return False
        # Frozen resources that a reload replaced would stay for ever.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self.frozen = gc.get_freeze_count()
        return True

    def watch(self) -> None:
        """Look now and then, as long as the server runs."""
        self.look()
        reactor.callLater(INTERVAL, self.watch)


def spare_resources() -> None:
    """Keep the collector away from resources; called in the server."""
    reactor.callLater(FIRST, Freezer().watch)
