"""Work that ends when the browser that wants it has gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from starlette.requests import Request

from portal.server.errors import PortalError

Value = TypeVar("Value")


class GoneError(PortalError):
    """The browser has gone; nobody reads this."""

    code = "gone"
    status = 499

    def __init__(self) -> None:
        super().__init__("The browser that asked has gone.")


async def unless_gone(request: Request, work: Callable[[], Awaitable[Value]]) -> Value:
    """Do work, and drop it as soon as the browser has gone.

    Parameters
    ----------
    request
        The request, whose body has been read.
    work
        What is done.

    Returns
    -------
    Value
        What comes of it.

    Raises
    ------
    GoneError
        If the browser has gone before.
    """
    results: list[Value] = []
    errors: list[Exception] = []
    async with anyio.create_task_group() as group:

        async def watch() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            group.cancel_scope.cancel()

        async def run() -> None:
            try:
                results.append(await work())
            except Exception as error:  # told below, outside of the group, as what it is
                errors.append(error)
            group.cancel_scope.cancel()

        group.start_soon(watch)
        group.start_soon(run)
    if errors:
        raise errors[0]
    if not results:
        raise GoneError
    return results[0]
