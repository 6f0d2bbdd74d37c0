"""Archives of data sets whose service makes none: a tar of their files, made while it is sent."""

from __future__ import annotations

import re
import tarfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

import anyio
import httpx
from starlette.responses import StreamingResponse

from portal.server import bundles
from portal.server.errors import ConflictError, PortalError, UpstreamError
from portal.server.models.account import User
from portal.server.models.results import Link, Links
from portal.server.rights import account_for
from portal.server.services import http, links

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from portal.server.context import Context
    from portal.server.settings import ServiceSettings

MOST = 500
"""Data sets in an archive: the links of all are read before the first byte."""

AT_ONCE = 6
PREFERRED = ("#package", "#this")
BLOCK = 512
END = bytes(2 * BLOCK)
FOLDER = "basket"
LONGEST_NAME = 80
"""Characters of a file's name; with folder and number it fits into a tar's header without extensions."""


@dataclass(frozen=True)
class Member:
    """A file that goes into an archive."""

    number: int
    did: str
    semantics: str
    url: str
    size: int | None
    """As its link tells it, which the file has to keep to."""


class Made(StreamingResponse):
    """An archive that is made while it is sent. However it ends, the first file's server is let go.

    Parameters
    ----------
    content
        Its parts.
    first
        The answer with the first file.
    headers
        Headers for the client.
    """

    def __init__(self, content: AsyncIterator[bytes], first: httpx.Response, headers: dict[str, str]) -> None:
        super().__init__(content, 200, headers, media_type="application/x-tar")
        self.first = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self.first.aclose()


async def open_archive(
    context: Context, user: User | None, service: ServiceSettings, dids: Sequence[str]
) -> Made:
    """Begin to make an archive of what the links of data sets lead to.

    Parameters
    ----------
    context
        What the server has.
    user
        Whose rights open it.
    service
        The service that has the data sets.
    dids
        Their identifiers.

    Returns
    -------
    Made
        The answer, with its length if all links tell that of their files.

    Raises
    ------
    PortalError
        If there are too many, if a data set has no file that may be fetched, or if the first one does not
        come. After the first byte there are no words any more: then the connection breaks off, and no
        client takes what it got for whole.
    """
    if len(dids) > MOST:
        raise ConflictError(
            f"An archive made here has {MOST} data sets at most, and these are {len(dids)}. "
            "Take the script, which gets them one by one.",
            code="too_many",
            detail={"most": MOST},
        )
    found = await _members(context, user, service, dids)
    contents = _contents(found)
    first = await _open(context, user, service, found[0])
    try:
        _size(service, found[0], first)
    except PortalError:
        await first.aclose()
        raise

    async def parts() -> AsyncIterator[bytes]:
        yield _header("CONTENTS.tsv", len(contents)) + contents + bytes(_gap(len(contents)))
        for member in found:
            answer = first if member is found[0] else await _open(context, user, service, member)
            async for part in _file(service, member, answer):
                yield part
        yield END

    return Made(parts(), first, _headers(service, found, contents))


def _headers(service: ServiceSettings, found: Sequence[Member], contents: bytes) -> dict[str, str]:
    headers = {
        "Content-Disposition": f'attachment; filename="{service.key}-basket.tar"',
        "Cache-Control": "private, no-store",
    }
    sizes = [len(contents), *(member.size for member in found)]
    known = [size for size in sizes if size is not None]
    if len(known) == len(sizes):
        headers["Content-Length"] = str(sum(BLOCK + size + _gap(size) for size in known) + len(END))
    return headers


async def _members(
    context: Context, user: User | None, service: ServiceSettings, dids: Sequence[str]
) -> list[Member]:
    found: dict[str, Links] = {}
    errors: list[PortalError] = []
    limiter = anyio.CapacityLimiter(AT_ONCE)

    def account(url: str) -> httpx.Auth | None:
        return account_for(context.settings, user, service, url)

    async with anyio.create_task_group() as group:

        async def read(did: str) -> None:
            async with limiter:
                try:
                    found[did] = await links.links(context, service, did, account)
                except PortalError as error:  # told below, outside of the group
                    errors.append(error)
                    group.cancel_scope.cancel()

        for did in dids:
            group.start_soon(read, did)
    if errors:
        raise errors[0]
    members: list[Member] = []
    for did in dids:
        for link in chosen(service, found[did]):
            # Without a document of links, the size is an estimate.
            is_exact = link.access_url != found[did].document_url
            size = link.content_length if is_exact else None
            members.append(Member(len(members) + 1, did, link.semantics, str(link.access_url), size))
    return members


def chosen(service: ServiceSettings, found: Links) -> list[Link]:
    """Choose the links whose files stand for a data set: the package, else the data set itself.

    Parameters
    ----------
    service
        The service.
    found
        All links of the data set.

    Returns
    -------
    list of Link
        At least one.

    Raises
    ------
    ConflictError
        If there is none, if a part has no file, or if it lies where this server may not ask.
    """
    groups = {group.semantics: group.links for group in found.groups}
    usable = [link for link in groups.get("#package", []) if _fault(service, link) is None]
    if usable:
        return usable[:1]
    parts = groups.get("#this", [])
    reason = next((fault for link in parts if (fault := _fault(service, link)) is not None), None)
    if reason is None and not parts:
        reason = "it has no link to a file."
    if reason is not None:
        raise ConflictError(
            f"{service.label} makes no archives, and one made here cannot have {found.id}: {reason}",
            code="no_file",
            detail={"did": found.id},
        )
    return parts


def _fault(service: ServiceSettings, link: Link) -> str | None:
    if link.error is not None:
        return link.error
    if link.access_url is None or link.service_def is not None:
        return "its link is a service, no file."
    if not http.is_allowed(service, link.access_url):
        return f"{link.access_url[:200]} is not among the hosts allowed for the service."
    return None


async def _open(
    context: Context, user: User | None, service: ServiceSettings, member: Member
) -> httpx.Response:
    url = member.url
    for _ in range(http.MAX_REDIRECTS + 1):
        if not http.is_allowed(service, url):
            raise UpstreamError(f"{service.label} leads to a host that is not allowed for it: {url[:200]}.")
        headers = {"Accept-Encoding": "identity"}
        request = context.http.build_request("GET", url, headers=headers, timeout=bundles.TIMEOUT)
        answer = await bundles.ask(context, user, service, request)
        if answer.status_code == 200:
            return answer
        try:
            if not answer.is_redirect or "location" not in answer.headers:
                raise await bundles.refusal(service, answer)
        finally:
            await answer.aclose()
        url = urljoin(url, answer.headers["location"])
    raise UpstreamError(f"{service.label} redirects again and again.")


def _size(service: ServiceSettings, member: Member, answer: httpx.Response) -> int:
    """Give a file's length, which a tar has before it."""
    is_packed = answer.headers.get("content-encoding", "identity") != "identity"
    told = "" if is_packed else answer.headers.get("content-length", "")
    size = int(told) if told.isdecimal() else member.size
    if size is None:
        raise UpstreamError(f"{service.label} does not tell how long the file of {member.did} is.")
    if member.size is not None and size != member.size:
        raise UpstreamError(
            f"{service.label} has a file of {size} bytes for {member.did}, but its link tells {member.size}."
        )
    return size


async def _file(service: ServiceSettings, member: Member, answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        size, got = _size(service, member, answer), 0
        yield _header(_name(member, answer), size)
        async for part in answer.aiter_bytes():
            got += len(part)
            if got > size:
                break
            yield part
        if got != size:
            raise UpstreamError(f"The file of {member.did} does not have the {size} bytes that were told.")
        yield bytes(_gap(size))
    finally:
        await answer.aclose()


def _name(member: Member, answer: httpx.Response) -> str:
    told = re.search(r'filename="?([^";]+)', answer.headers.get("content-disposition", ""))
    name = told.group(1) if told else unquote(urlsplit(str(answer.url)).path)
    name = re.sub(r"[^A-Za-z0-9._+-]", "_", name.rstrip("/").rpartition("/")[2])
    return f"{member.number:04d}-{name[-LONGEST_NAME:] or 'data'}"


def _contents(found: Sequence[Member]) -> bytes:
    """Write which file is which data set."""
    lines = ["number\tobs_publisher_did\tsemantics\taccess_url"]
    lines += [f"{m.number:04d}\t{m.did}\t{m.semantics}\t{m.url}" for m in found]
    return ("\n".join(lines) + "\n").encode()


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(f"{FOLDER}/{name}")
    entry.size, entry.mtime = size, int(time.time())
    return entry.tobuf(tarfile.GNU_FORMAT)


def _gap(size: int) -> int:
    return -size % BLOCK
