"""Small results of synchronous queries are sent without a thread of their own.

DaCHS starts a thread for each result, which hands the bytes back to the reactor; on a busy machine each
such step waits for its turn. A result that is in memory anyway is handed to the reactor at once here.

Proposal to upstream: let ``streamOut`` write what is short at once.

Only the server imports this: the renderers that it replaces one of are its own.
"""

from __future__ import annotations

from typing import Any

from gavo.svcs import streaming
from gavo.web import syncrender
from twisted.web import server

from upstream.shims import Shim
from upstream.sync_jobs import Result

_stock_send = syncrender.SyncRenderer._formatOutput


def send(renderer: Any, result: tuple[Any, str], request: Any) -> Any:
    """Send a result; replaces ``SyncRenderer._formatOutput``.

    Parameters
    ----------
    renderer
        DaCHS's renderer of synchronous queries.
    result
        A file and its media type.
    request
        To be answered.
    """
    file, media_type = result
    if not (isinstance(file, Result) and file.small) or request.channel is None:
        return _stock_send(renderer, result, request)
    request.setHeader("content-type", str(media_type))
    with file:
        request.write(file.read())
    request.finish()
    return server.NOT_DONE_YET


SHIMS = (
    Shim(
        syncrender.SyncRenderer,
        "_formatOutput",
        send,
        (
            (syncrender.SyncRenderer, "97a9ede85c2ca669"),
            (streaming.streamOut, "d463b5906ef55a04"),
        ),
    ),
)
