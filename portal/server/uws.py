"""A client of any UWS 1.1 service that the operator allows. Nothing in it blocks."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import httpx

from portal.server.errors import ConflictError, ForbiddenError, NotFoundError, PortalError, UpstreamError
from portal.server.models.jobs import Phase
from portal.server.rights import origin_of
from portal.server.uws_documents import Document, Result, parse, words_of_page

if TYPE_CHECKING:
    from portal.server.context import Context
    from portal.server.settings import RunnerSettings

SECONDS = 30.0
MAX_BYTES = 4 * 2**20
LONGEST_WORDS = 500
ACTIVE = frozenset({Phase.PENDING, Phase.QUEUED, Phase.EXECUTING, Phase.HELD, Phase.SUSPENDED})
"""Phases that a job comes out of by itself, or when it is told to."""


class RunnerDownError(PortalError):
    """The UWS service does not answer."""

    code = "runner_down"
    status = 503


class JobGoneError(NotFoundError):
    """The UWS service does not know the job."""

    code = "job_gone"


@dataclass(frozen=True)
class Client:
    """Asks one UWS service.

    Attributes
    ----------
    context
        What the server has.
    runner
        The service.
    auth
        The account to ask with; None to ask as anybody.
    """

    context: Context
    runner: RunnerSettings
    auth: httpx.BasicAuth | None = None

    async def create(self, parameters: Sequence[tuple[str, str]]) -> str:
        """Make a job; it does not run yet.

        Parameters
        ----------
        parameters
            Names and values; names may come several times.

        Returns
        -------
        str
            Where the job is.

        Raises
        ------
        PortalError
            If the service does not make it.
        """
        form: dict[str, list[str]] = {}
        for name, value in parameters:
            form.setdefault(name, []).append(value)
        answer = await self._ask("POST", self.runner.url, form)
        if answer.status_code not in {302, 303} or "location" not in answer.headers:
            raise self._refusal(answer, "does not take the job")
        url = self.own(urljoin(self.runner.url, answer.headers["location"]))
        if url is None or url.rstrip("/") == self.runner.url.rstrip("/"):
            raise UpstreamError(f"{self.runner.label} does not say where the job is.")
        return url

    async def run(self, url: str) -> None:
        """Let a job run."""
        await self._change(url + "/phase", {"PHASE": ["RUN"]}, "does not run the job")

    async def abort(self, url: str) -> None:
        """End a job."""
        await self._change(url + "/phase", {"PHASE": ["ABORT"]}, "does not end the job")

    async def delete(self, url: str) -> None:
        """Delete a job with its results; a job that is not there is deleted."""
        answer = await self._ask("DELETE", url)
        if answer.status_code in {405, 501}:
            answer = await self._ask("POST", url, {"ACTION": ["DELETE"]})
        if answer.status_code >= 400 and answer.status_code not in {404, 410}:
            raise self._refusal(answer, "does not delete the job")

    async def get(self, url: str, wait: int = 0, phase: Phase | None = None) -> Document:
        """Ask how a job is.

        Parameters
        ----------
        url
            The job.
        wait
            Seconds for which the service may wait until something changes; 0 not to.
        phase
            The phase that is to change; None for any.

        Returns
        -------
        Document
            What the service says.

        Raises
        ------
        JobGoneError
            If the service does not know the job.
        """
        asked: dict[str, str] = {}
        if wait > 0:
            asked["WAIT"] = str(wait)
            if phase is not None:
                asked["PHASE"] = phase.value
        answer = await self._ask("GET", url, params=asked, seconds=SECONDS + wait)
        if answer.status_code in {404, 410}:
            raise JobGoneError(f"{self.runner.label} does not know this job.")
        if answer.status_code != 200:
            raise self._refusal(answer, "does not show the job")
        return parse(answer.content)

    async def changed(self, url: str, phase: Phase, seconds: float, pause: float = 1.0) -> Document:
        """Wait until a job leaves a phase, but not for ever.

        Services that wait themselves are let to; those that answer at once are asked again and again.

        Parameters
        ----------
        url
            The job.
        phase
            Its phase.
        seconds
            How long to wait.
        pause
            Seconds between two questions.

        Returns
        -------
        Document
            What the service said last.
        """
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            document = await self.get(url, max(0, int(left)), phase)
            if document.phase is not phase or document.phase not in ACTIVE:
                return document
            left = end - time.monotonic()
            if left <= pause / 10:
                return document
            await asyncio.sleep(min(pause, left))

    async def open(self, url: str, asked: Mapping[str, str] | None = None) -> httpx.Response:
        """Begin to get a result. Redirects are followed within the service only.

        Parameters
        ----------
        url
            A result of a job of this service.
        asked
            Further headers.

        Returns
        -------
        httpx.Response
            Of which nothing has been read; it has to be closed.

        Raises
        ------
        PortalError
            If the service does not send it.
        """
        headers = {"Accept-Encoding": "identity", **(asked or {})}
        for _ in range(3):
            answer = await self._send(
                self.context.http.build_request("GET", url, headers=headers, timeout=SECONDS), stream=True
            )
            if not answer.is_redirect:
                return answer
            place = self.own(urljoin(url, answer.headers.get("location", "")))
            await answer.aclose()
            if place is None:
                raise UpstreamError(f"{self.runner.label} leads to another server for its results.")
            url = place
        raise UpstreamError(f"{self.runner.label} redirects again and again.")

    async def text(self, url: str, most: int) -> bytes:
        """Get a result that is not long; of a longer one, its beginning.

        Raises
        ------
        PortalError
            If the service does not send it.
        """
        answer = await self.open(url)
        content = b""
        try:
            if answer.status_code != 200:
                raise self._refusal(answer, "does not send this result")
            async for part in answer.aiter_bytes():
                content += part
                if len(content) >= most:
                    break
        except httpx.HTTPError as error:
            raise self._down() from error
        finally:
            await answer.aclose()
        return content[:most]

    def own(self, url: str) -> str | None:
        """Make a URL one at the runner's address; None if it leads elsewhere.

        Services behind a proxy write the addresses that the world sees, or http: where the proxy speaks
        https:. What is at the same host, and beside or below the list of jobs, is theirs.
        """
        runner, parts = urlsplit(self.runner.url), urlsplit(url)
        if parts.scheme not in {"http", "https"} or parts.username or ".." in parts.path.split("/"):
            return None
        path = runner.path.rstrip("/")
        # DaCHS has its jobs beside the address that it is asked at: .../uws.xml and .../async/<job>.
        beside = (path.rpartition("/")[0] or path) + "/"
        place = parts.path
        # OPUS writes //uws/<job>/... for logs and provenance, which it does not have there.
        if not place.startswith(beside) and (once := re.sub("//+", "/", place)).startswith(beside):
            place = once
        if parts.hostname == runner.hostname or place.startswith(beside):
            return urlunsplit((runner.scheme, runner.netloc, place, parts.query, ""))
        return None

    def place_of(self, url: str, result: Result) -> str:
        """Give the address of a result: the one that the document has, or else that of the standard.

        Raises
        ------
        UpstreamError
            If it is at another server.
        """
        if result.href is None:
            return f"{url}/results/{quote(result.id, safe='')}"
        place = self.own(urljoin(url + "/", result.href))
        if place is None:
            raise UpstreamError(f"{self.runner.label} has this result at another server, which is not asked.")
        return place

    async def _change(self, url: str, form: dict[str, list[str]], what: str) -> None:
        answer = await self._ask("POST", url, form)
        if answer.status_code in {404, 410}:
            raise JobGoneError(f"{self.runner.label} does not know this job.")
        # DaCHS says with a document of an error and status 200 that it does not.
        if answer.status_code >= 400 or (answer.status_code == 200 and _complaint(answer)):
            raise self._refusal(answer, what)

    async def _ask(
        self,
        method: str,
        url: str,
        form: Mapping[str, list[str]] | None = None,
        params: Mapping[str, str] | None = None,
        seconds: float = SECONDS,
    ) -> httpx.Response:
        request = self.context.http.build_request(
            method, url, data=form, params=params or None, timeout=httpx.Timeout(seconds, connect=10)
        )
        answer = await self._send(request, stream=True)
        content = b""
        try:
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > MAX_BYTES:
                    raise UpstreamError(f"{self.runner.label} sent more than can be read.")
        except httpx.HTTPError as error:
            raise self._down() from error
        finally:
            await answer.aclose()
        headers = {k: v for k, v in answer.headers.items() if k in {"location", "content-type"}}
        return httpx.Response(answer.status_code, headers=headers, content=content, request=request)

    async def _send(self, request: httpx.Request, *, stream: bool) -> httpx.Response:
        auth = self.auth if origin_of(str(request.url)) == origin_of(self.runner.url) else None
        try:
            with self.context.metrics.asking("uws", self.runner.key):
                return await self.context.http.send(request, auth=auth, stream=stream, follow_redirects=False)
        except httpx.TimeoutException as error:
            raise RunnerDownError(
                f"{self.runner.label} takes too long to answer. Nothing is lost; try again in a moment.",
                code="runner_slow",
                status=504,
                retry_after=10,
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._down() from error

    def _down(self) -> RunnerDownError:
        return RunnerDownError(
            f"{self.runner.label} does not answer. Nothing is lost; try again in a moment.", retry_after=10
        )

    def _refusal(self, answer: httpx.Response, what: str) -> PortalError:
        name, status = self.runner.label, answer.status_code
        said = _words(answer)
        detail = {"status": status, "said": said}
        because = f": {said}" if said else f" (status {status})."
        if status in {401, 403}:
            # Others than the own one know an account of the explorer at most, and nobody's login.
            whom = "your login." if self.runner.is_own else f"this site{because if said else '.'}"
            return ForbiddenError(
                f"{name} {what}: it is not open to {whom}", code="runner_refuses", detail=detail
            )
        if status in {404, 410}:
            return NotFoundError(f"{name} {what}: it no longer has it.", code="job_gone", detail=detail)
        if status in {502, 503, 504}:
            return RunnerDownError(f"{name} is not ready{because}", detail=detail, retry_after=10)
        if status in {400, 409, 422, 429} or (status == 200 and said):
            return ConflictError(f"{name} {what}{because}", code="runner_refuses", detail=detail)
        return UpstreamError(f"{name} {what}{because}", detail=detail)


def _complaint(answer: httpx.Response) -> str | None:
    """Give what a DALI error document says; None if the answer is none."""
    from portal.server.services.votable import complaint  # noqa: PLC0415 (heavy, and rarely needed)

    return complaint(answer.content) if answer.content.lstrip().startswith(b"<?xml") else None


def _words(answer: httpx.Response) -> str:
    """Take the words out of an error's document, whatever it is."""
    try:
        content = answer.content
    except httpx.ResponseNotRead:
        return ""
    kind = answer.headers.get("content-type", "")
    if content.lstrip().startswith(b"<") or "html" in kind:
        words = _complaint(answer) or words_of_page(content)
    else:
        words = content.decode(errors="replace")
    return " ".join(words.split())[:LONGEST_WORDS]
