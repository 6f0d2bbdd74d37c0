"""Resource descriptors are forgotten only while none is being read.

When DaCHS reloads, it empties its caches whatever goes on in its threads. A descriptor that is being read
just then has told the TAP service of before the reload which of its tables that serves, comes into the new
cache all the same, and is not read again: the registry's record of the TAP service lacks these tables from
then on. Here a reload waits until no descriptor is being read. Reading begins in another thread, which may
happen between the look and the reload; nothing has been told to anybody by then.

Proposal to upstream: let ``_reloadConfig`` do that.
"""

from __future__ import annotations

import time
from typing import Any

from gavo import rscdesc
from gavo.user import serve
from twisted.internet import reactor as _reactor

from upstream.shims import Shim

reactor: Any = _reactor

PAUSE = 0.1
PATIENCE = 60.0
"""Seconds after which a reload takes place in any case; a descriptor takes three at most."""

_stock_reload = serve._reloadConfig


def reload_config(since: float | None = None) -> None:
    """Forget all that can be read again; replaces ``_reloadConfig`` of ``gavo.user.serve``.

    Parameters
    ----------
    since
        When it was asked for, by the monotonic clock; now, if it is not given.
    """
    begun = time.monotonic() if since is None else since
    if rscdesc._CURRENTLY_PARSING and time.monotonic() - begun < PATIENCE:
        reactor.callLater(PAUSE, reload_config, begun)
    else:
        _stock_reload()


SHIMS = (
    Shim(
        serve,
        "_reloadConfig",
        reload_config,
        ((serve._reloadConfig, "4b33adbd14f48c42"), (rscdesc._loadRDIntoCache, "d8f514277c736d10")),
    ),
)
