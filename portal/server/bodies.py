"""Bodies of requests: how long they may be, and forms that carry JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException

from portal.server.errors import BadRequestError, PortalError

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

FORM = "application/x-www-form-urlencoded"


class TooLargeError(PortalError):
    """A request's body is too long."""

    code = "too_large"
    status = 413

    def __init__(self, allowed: int) -> None:
        super().__init__(
            f"The request is too large: {allowed} bytes are allowed.", detail={"allowed": allowed}
        )


def bounded(receive: Receive, headers: MutableHeaders, allowed: int) -> Receive:
    """Let a body through as long as it is not too long.

    Parameters
    ----------
    receive
        What gives the body.
    headers
        The request's headers.
    allowed
        Bytes that are allowed.

    Returns
    -------
    Receive
        What gives the body, and refuses too much of it.

    Raises
    ------
    TooLargeError
        If the headers tell already that it is too long.
    """
    told = headers.get("content-length", "0")
    if not told.isdecimal():
        raise BadRequestError("The request's Content-Length is no number.")
    if int(told) > allowed:
        raise TooLargeError(allowed)
    got = 0

    async def counted() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > allowed:
            # FastAPI lets only errors of this kind out of the reading of bodies.
            raise HTTPException(413, f"The request is too large: {allowed} bytes are allowed")
        return message

    return counted


async def form_as_json(scope: Scope, receive: Receive, headers: MutableHeaders) -> Receive:
    """Turn a form with the fields ``csrf`` and ``body`` into the JSON request that it stands for.

    Browsers save the answer to a form as a file while it comes; scripts would have to hold it as a whole.

    Parameters
    ----------
    scope
        The request; its headers are changed.
    receive
        What gives the body.
    headers
        The request's headers.

    Returns
    -------
    Receive
        What gives the JSON.

    Raises
    ------
    BadRequestError
        If the form has other fields, or one twice.
    """
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequestError("The request ended early.")
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    try:
        fields = parse_qs(
            b"".join(parts).decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=4
        )
    except ValueError:
        raise BadRequestError("The form cannot be read.") from None
    if not set(fields) <= {"csrf", "body"} or any(len(values) > 1 for values in fields.values()):
        raise BadRequestError("A form has to have the fields csrf and body, each once.")
    body = fields.get("body", [""])[0].encode()
    headers["content-type"] = "application/json"
    headers["content-length"] = str(len(body))
    headers["x-csrf-token"] = fields.get("csrf", [""])[0]
    scope["headers"] = headers.raw
    is_given = False

    async def given() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return given
