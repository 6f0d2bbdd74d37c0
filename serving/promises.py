"""Answers that the proxy gets from the sender, in place of DaCHS's own way through the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from serving import accel, sender

OF_CONNECTION = (b"transfer-encoding", b"connection", b"date", b"content-encoding")
"""Headers that are made when an answer is sent, and that of the packing which twisted would do."""


def have_sent(
    request: Any,
    status: int,
    media_type: str,
    segments: sender.Segments,
    report: Callable[[Exception], object],
) -> None:
    """Promise an answer to the proxy, with the headers that are set; the request is finished then.

    Parameters
    ----------
    request
        Nothing is sent of it yet; its Content-Length must be set.
    status
        HTTP status of the answer.
    media_type
        Of the body.
    segments
        The body.
    report
        Called, in another thread, with what went wrong if that breaks off.
    """
    set_before = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in request.responseHeaders.getAllRawHeaders()
        for value in values
        if name.lower() not in OF_CONNECTION
    ]
    for name, _ in set_before:  # the proxy would pass some of them on twice
        request.responseHeaders.removeHeader(name)
    request.setHeader("content-type", media_type)  # DaCHS would say that it is HTML
    place = sender.promised(sender.Promise(status, tuple(set_before), segments, report))
    if place is None:
        raise RuntimeError("this process has no proxy before it")
    accel.hand_over(request, place)
    request.write(b"")
    request.finish()
