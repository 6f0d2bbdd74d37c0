"""Results of synchronous queries are sent without a thread that hands each piece to the reactor.

DaCHS starts such a thread for each result; on a busy machine each step waits for its turn, and a result
of 200 MB takes longer to send than to make. A result that is in memory anyway is handed to the reactor at
once here. A long one is in a file, which the proxy gets by sendfile (`serving.sender`).

Proposal to upstream: let ``streamOut`` write what is short at once, and long files with a producer that
the transport asks for more.

Only the server imports this: the renderers that it replaces one of are its own.
"""

from __future__ import annotations

import os
from http import HTTPStatus
from pathlib import Path
from typing import Any

from gavo import base
from gavo.svcs import streaming
from gavo.web import syncrender
from twisted.web import server

from serving import promises, sender
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
    if not isinstance(file, Result) or request.channel is None:
        return _stock_send(renderer, result, request)
    if not file.small:
        if not sender.has_proxy():
            return _stock_send(renderer, result, request)
        size = file.seek(0, os.SEEK_END)
        file.flush()
        request.setHeader("content-length", str(size))
        promises.have_sent(request, HTTPStatus.OK, str(media_type), _whole(file, size), base.ui.notifyError)
        return server.NOT_DONE_YET
    request.setHeader("content-type", str(media_type))
    with file:
        request.write(file.read())
    request.finish()
    return server.NOT_DONE_YET


def _whole(file: Result, size: int) -> sender.Segments:
    """Give a file without a name as what the sender takes; it is there as long as somebody reads this."""
    with file:
        yield sender.FilePart(Path(f"/proc/self/fd/{file.fileno()}"), 0, size)


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
