"""Resource descriptors are forgotten only while none is being read.

When DaCHS reloads, it empties its caches whatever goes on in its threads. A descriptor that is being read
just then has told the TAP service of before the reload which of its tables that serves, comes into the new
cache all the same, and is not read again: the registry's record of the TAP service lacks these tables from
then on. Here a reload waits until no descriptor is being read. Reading begins in another thread, which may
happen between the look and the reload; nothing has been told to anybody by then.

After the caches, DaCHS wants to read its configuration again and fails, for it calls two functions that are
not there (``root.loadUserVanity``, ``config.makeFallbackMeta``). That is left out: other settings need a
restart here.

Proposal to upstream: let ``_reloadConfig`` wait, and call ``root.ArchiveService.installVanityMap`` and
``meta.makeFallbackMeta``.
"""

from __future__ import annotations

import time
from typing import Any

from gavo import base, rscdesc
from gavo.rscdef import common
from gavo.user import serve
from twisted.internet import reactor as _reactor

from upstream.shims import Shim

reactor: Any = _reactor

PAUSE = 0.1
PATIENCE = 60.0
"""Seconds after which a reload takes place in any case; a descriptor takes three at most."""


def reload_config(since: float | None = None) -> None:
    """Forget all descriptors until they are needed; replaces ``_reloadConfig`` of ``gavo.user.serve``.

    Parameters
    ----------
    since
        When it was asked for, by the monotonic clock; now, if it is not given.
    """
    begun = time.monotonic() if since is None else since
    if rscdesc._CURRENTLY_PARSING and time.monotonic() - begun < PATIENCE:
        reactor.callLater(PAUSE, reload_config, begun)
    else:
        base.caches.clearCaches()
        common.getIvoidsForRDId.cache_clear()
        base.ui.notifyInfo("Descriptors will be read again.")


SHIMS = (
    Shim(
        serve,
        "_reloadConfig",
        reload_config,
        ((serve._reloadConfig, "4b33adbd14f48c42"), (rscdesc._loadRDIntoCache, "d8f514277c736d10")),
    ),
)
