"""Archives of baskets: made by the services themselves, and handed through while they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx
from starlette.responses import StreamingResponse

from portal.server.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    NotFoundError,
    PortalError,
    UpstreamError,
)
from portal.server.models.account import Item, User
from portal.server.rights import account_for, origin_of
from portal.server.services.http import BROKEN

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from portal.server.context import Context
    from portal.server.settings import ServiceSettings

TIMEOUT = httpx.Timeout(60, connect=10)
_ASKED = ("range", "if-range")
_PASSED = (
    "content-type",
    "content-length",
    "content-disposition",
    "content-range",
    "accept-ranges",
    "etag",
    "last-modified",
)
_LONGEST = 4000


class Passed(StreamingResponse):
    """An answer of another server that goes through. However it ends, the other server is let go.

    Parameters
    ----------
    upstream
        The other server's answer, of which nothing has been read.
    headers
        Headers for the client.
    """

    def __init__(self, upstream: httpx.Response, headers: Mapping[str, str]) -> None:
        # Bytes go through as they are. If the other server breaks off, this raises, and the connection ends.
        super().__init__(upstream.aiter_raw(), upstream.status_code, headers)
        self.upstream = upstream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self.upstream.aclose()


def services_of(context: Context, items: Sequence[Item]) -> dict[str, list[str]]:
    """Sort data sets by service.

    Parameters
    ----------
    context
        What the server has.
    items
        Data sets.

    Returns
    -------
    dict[str, list[str]]
        Identifiers by key of the service, each once, in their order.

    Raises
    ------
    NotFoundError
        If a service is none of those that are allowed.
    BadRequestError
        If an identifier holds what no identifier holds.
    """
    found: dict[str, dict[str, None]] = {}
    for item in items:
        if context.settings.service(item.service) is None:
            raise NotFoundError(f"There is no service '{item.service}' here.", code="unknown_service")
        if not item.did.isprintable() or item.did != item.did.strip():
            raise BadRequestError(f"No data set has the identifier {item.did[:200]!r}.", code="bad_did")
        found.setdefault(item.service, {})[item.did] = None
    return {key: list(dids) for key, dids in found.items()}


def choose(context: Context, items: Sequence[Item], wanted: str | None) -> tuple[ServiceSettings, list[str]]:
    """Choose the service whose archive is made.

    Parameters
    ----------
    context
        What the server has.
    items
        Data sets.
    wanted
        Key of the service; None if the data sets tell.

    Returns
    -------
    tuple[ServiceSettings, list[str]]
        The service, and its data sets' identifiers.

    Raises
    ------
    ConflictError
        If there is nothing to get, or if several services have the data sets.
    """
    found = services_of(context, items)
    if not found:
        raise ConflictError("The basket is empty.", code="basket_empty")
    if wanted is None and len(found) > 1:
        raise ConflictError(
            "The basket has data of several services, and each makes archives of its own. "
            "Choose one (?service=), or take the script, which gets all.",
            code="several_services",
            detail={"services": list(found)},
        )
    key = wanted or next(iter(found))
    service = context.settings.service(key)
    if service is None or key not in found:
        raise NotFoundError(f"The basket has nothing of the service '{key[:100]}'.", code="unknown_service")
    return service, found[key]


async def refusal(service: ServiceSettings, answer: httpx.Response) -> PortalError:
    """Say why a service does not send data.

    Parameters
    ----------
    service, answer
        The service, and what it answered.

    Returns
    -------
    PortalError
        To be raised.
    """
    text = b""
    try:
        async for part in answer.aiter_bytes():
            text += part
            if len(text) > _LONGEST:
                break
    except httpx.HTTPError:
        text += b" ..."
    said = {"said": text[:_LONGEST].decode(errors="replace").strip(), "status": answer.status_code}
    name = service.label
    if answer.status_code in {401, 403}:
        return ForbiddenError(
            f"{name} withholds these data: they are not public yet, and your login does not open them.",
            code="withheld",
            detail=said,
        )
    if answer.status_code == 404:
        return NotFoundError(f"{name} has none of these data sets.", code="no_data", detail=said)
    if answer.status_code == 503:
        return PortalError(
            f"{name} cannot send the archive now. Try again in a moment.",
            code="service_down",
            status=503,
            detail=said,
            retry_after=10,
        )
    if answer.status_code == 400:
        reason = str(said["said"]).partition("\n")[0][:500]
        return BadRequestError(f"{name} cannot make the archive: {reason}", code="refused", detail=said)
    return UpstreamError(f"{name} failed to make the archive (status {answer.status_code}).", detail=said)


async def ask(
    context: Context, user: User | None, service: ServiceSettings, request: httpx.Request
) -> httpx.Response:
    """Ask a service for data, as a user.

    Parameters
    ----------
    context, user, service, request
        What the server has, whose rights open it, who is asked, and what.

    Returns
    -------
    httpx.Response
        The answer, of which nothing has been read.

    Raises
    ------
    PortalError
        If there is none.
    """
    auth = account_for(context.settings, user, service, str(request.url))
    try:
        with context.metrics.asking("bundle", service.key):
            answer = await _sent(context, request, auth)
    except httpx.TimeoutException as error:
        raise UpstreamError(
            f"{service.label} takes too long to make the archive.", code="service_slow", status=504
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PortalError(
            f"{service.label} does not answer. Try again later.",
            code="service_down",
            status=503,
            retry_after=30,
        ) from error
    return answer


async def _sent(context: Context, request: httpx.Request, auth: httpx.Auth | None) -> httpx.Response:
    """Send a request; once more if a connection that was kept turns out to be at its end."""
    try:
        return await context.http.send(request, auth=auth, stream=True, follow_redirects=False)
    except BROKEN:
        return await context.http.send(request, auth=auth, stream=True, follow_redirects=False)


async def _place(
    context: Context, user: User | None, service: ServiceSettings, dids: Sequence[str]
) -> httpx.URL:
    """Hand the list in, and give the archive's address."""
    url = service.bundle_url or ""
    files = {"LIST": ("list.txt", "\n".join(dids).encode() + b"\n", "text/plain")}
    answer = await ask(
        context, user, service, context.http.build_request("POST", url, files=files, timeout=TIMEOUT)
    )
    try:
        if answer.status_code not in {302, 303} or "location" not in answer.headers:
            raise await refusal(service, answer)
        place = urljoin(url, answer.headers["location"])
    finally:
        await answer.aclose()
    if origin_of(place) not in {origin_of(url), origin_of(service.url)}:
        raise UpstreamError(f"{service.label} leads to another server for its archive.")
    return httpx.URL(place)


async def open_bundle(
    context: Context,
    user: User | None,
    chosen: tuple[ServiceSettings, Sequence[str]],
    asked: Mapping[str, str],
) -> Passed:
    """Begin to hand an archive through.

    Parameters
    ----------
    context
        What the server has.
    user
        Whose rights open it.
    chosen
        The service, and the data sets' identifiers.
    asked
        Headers of the client's request: a part may be asked for, to resume.

    Returns
    -------
    Passed
        The answer.

    Raises
    ------
    PortalError
        If the service does not send the archive. After the first byte there are no words any more: then the
        connection breaks off, and no client takes what it got for whole.
    """
    service, dids = chosen
    place = await _place(context, user, service, dids)
    headers = {name: asked[name] for name in _ASKED if name in asked} | {"Accept-Encoding": "identity"}
    request = context.http.build_request("GET", place, headers=headers, timeout=TIMEOUT)
    answer = await ask(context, user, service, request)
    is_bounded = "content-length" in answer.headers or answer.headers.get("transfer-encoding") == "chunked"
    if answer.status_code not in {200, 206, 416} or not is_bounded:
        try:
            raise await refusal(service, answer)
        finally:
            await answer.aclose()
    passed = {name: answer.headers[name] for name in _PASSED if name in answer.headers}
    passed.setdefault("content-disposition", 'attachment; filename="basket.tar"')
    return Passed(answer, passed | {"Cache-Control": "private, no-store"})
