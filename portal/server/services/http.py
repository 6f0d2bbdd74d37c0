"""Requests to services: to allowed hosts only, within a time and a size, with errors that people can read."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import anyio
import httpx

from portal.server.services.errors import (
    AnswerTooLargeError,
    NotAllowedError,
    ServiceDownError,
    ServiceSlowError,
)
from portal.server.services.needs import Context, ServiceSettings, link_hosts

LOG = logging.getLogger("portal.services")

MAX_BYTES = 256 * 2**20
MAX_REDIRECTS = 3
PORTS = {"http": 80, "https": 443}
LONGEST_WAIT = 5.0
"""Seconds that a Retry-After is heeded; more than that is the user's to wait."""


BROKEN = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
"""What becomes of a request if the service ends a connection that was kept, at just that moment."""

Account = Callable[[str], httpx.Auth | None]
"""Gives what to log in with at a URL."""


@dataclass(frozen=True)
class Reply:
    """An answer that was read whole."""

    status: int
    content: bytes
    content_type: str
    url: str


@dataclass(frozen=True)
class _Form:
    data: Mapping[str, str] | None
    params: Mapping[str, str] | None
    headers: Mapping[str, str] | None
    account: Account | None


def origin(url: str) -> str:
    """Give scheme, host and port of a URL.

    Parameters
    ----------
    url
        A URL.

    Returns
    -------
    str
        Such as ``https://host:8443``; empty if it is no http or https URL.
    """
    # The same parser as the client's, so that both mean the same host.
    try:
        parts = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError):
        return ""
    if parts.scheme not in PORTS or not parts.host or parts.userinfo:
        return ""
    return f"{parts.scheme}://{parts.host.lower()}:{parts.port or PORTS[parts.scheme]}"


def is_allowed(service: ServiceSettings, url: str) -> bool:
    """Tell whether a URL is the service's: of the same origin, or at a host that the operator lists for it.

    Parameters
    ----------
    service
        The service.
    url
        A URL that the service gave.

    Returns
    -------
    bool
        Whether this server may ask it.
    """
    place = origin(url)
    if not place:
        return False
    if place == origin(service.url):
        return True
    return httpx.URL(url).netloc.decode("ascii").lower() in link_hosts(service)


async def fetch(
    context: Context,
    service: ServiceSettings,
    url: str,
    *,
    data: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    account: Account | None = None,
    kind: str = "tap",
) -> Reply:
    """Ask a service and read its whole answer; a 503 that says when to come again is tried once more.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.
    url
        The URL, which must be the service's.
    data
        A form to post; None for GET.
    params
        Parameters of the URL.
    headers
        Further headers.
    account
        Gives what to log in with at a URL; None for nothing.
    kind
        What it is for, in the metrics.

    Returns
    -------
    Reply
        The answer, whatever its status, except 502 to 504.

    Raises
    ------
    NotAllowedError
        If the URL, or one that it redirects to, is not the service's.
    ServiceDownError
        If the service cannot be reached or is not ready.
    ServiceSlowError
        If it takes longer than the settings allow.
    AnswerTooLargeError
        If the answer has too many bytes.
    """
    if not is_allowed(service, url):
        raise NotAllowedError(
            f"{service.label} refers to {url[:200]}, which is not among the hosts allowed for it.", status=502
        )
    seconds = context.settings.tap_timeout
    with context.metrics.asking(kind, service.key):
        try:
            with anyio.fail_after(seconds):
                return await _fetch(context, service, url, _Form(data, params, headers, account))
        except (TimeoutError, httpx.TimeoutException) as error:
            if isinstance(error, httpx.ConnectTimeout):
                raise ServiceDownError(
                    f"{service.label} cannot be reached: it does not accept connections."
                ) from error
            raise ServiceSlowError(
                f"{service.label} did not answer within {seconds:g} seconds. "
                "Narrow the search or try again later.",
                detail={"seconds": seconds},
            ) from error
        except httpx.TransportError as error:
            LOG.warning("%s: %s: %s", service.key, type(error).__name__, error)
            raise ServiceDownError(
                f"{service.label} cannot be reached at the moment. "
                "Nothing of the search is lost; try again later."
            ) from error
        except httpx.InvalidURL as error:
            raise NotAllowedError(f"{service.label} gave an address that is none.", status=502) from error


async def _fetch(context: Context, service: ServiceSettings, url: str, form: _Form) -> Reply:
    has_waited, data, params = False, form.data, form.params
    for _ in range(MAX_REDIRECTS + 2):
        method = "GET" if data is None else "POST"
        async with _asked(
            context,
            method,
            url,
            data=data,
            params=params,
            headers=form.headers,
            auth=None if form.account is None else form.account(url),
            follow_redirects=False,
            timeout=httpx.Timeout(
                context.settings.tap_timeout, connect=min(10.0, context.settings.tap_timeout)
            ),
        ) as response:
            if response.status_code == 503:
                wait = _retry_after(response)
                if wait is None or has_waited:
                    raise ServiceDownError(
                        f"{service.label} is not ready at the moment (status 503). Try again later.",
                        retry_after=wait,
                    )
                has_waited = True
            elif response.status_code in {502, 504}:
                raise ServiceDownError(
                    f"The server in front of {service.label} says that the service does not answer "
                    f"(status {response.status_code}). Try again later."
                )
            elif response.is_redirect and "location" in response.headers:
                url = _joined(str(response.url), response.headers["location"])
                if not is_allowed(service, url):
                    raise NotAllowedError(
                        f"{service.label} redirects to {url[:200]}, "
                        "which is not among the hosts allowed for it.",
                        status=502,
                    )
                if response.status_code not in {307, 308}:
                    data = None
                params = None
                continue
            else:
                return await _read(service, response)
        await anyio.sleep(wait)
    raise ServiceDownError(f"{service.label} redirects again and again.")


@contextlib.asynccontextmanager
async def _asked(context: Context, method: str, url: str, **form: Any) -> AsyncIterator[httpx.Response]:
    """Ask; once more if the connection breaks before anything comes, for a service may end one that was kept.

    All that is asked here only reads, also what is posted.
    """
    async with contextlib.AsyncExitStack() as stack:
        try:
            response = await stack.enter_async_context(context.http.stream(method, url, **form))
        except BROKEN:
            response = await stack.enter_async_context(context.http.stream(method, url, **form))
        yield response


def _joined(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError:
        return location


async def _read(service: ServiceSettings, response: httpx.Response) -> Reply:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_BYTES:
            raise AnswerTooLargeError(
                f"The answer of {service.label} has more than {MAX_BYTES // 2**20} MB. "
                "Ask for fewer rows or columns."
            )
    return Reply(
        response.status_code, bytes(content), response.headers.get("content-type", ""), str(response.url)
    )


def _retry_after(response: httpx.Response) -> float | None:
    """Give the seconds to wait, or None if the service does not say, or says too many."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= LONGEST_WAIT else None
