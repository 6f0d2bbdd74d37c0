"""Asking services as an anonymous user: bounded, patient for a while, and never with anybody's rights."""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import urlsplit

import httpx

from portal.hips.errors import LimitError, ListError, NotPublicError, ServiceError
from portal.hips.settings import Bounds

AGENT = "cherenkov-vo-explorer-hips"
MIB = 2**20
ANSWER_MIB = 256
"""Largest table that a service may answer."""

TRIES, PAUSE, LONGEST_PAUSE = 3, 1.0, 30.0
LATER = {429, 500, 502, 503, 504}
"""Statuses after which it is worth asking again."""

CLOSED = {401, 403}


class Client:
    """Asks, and keeps to the time that is left.

    Parameters
    ----------
    bounds
        How much may be taken.
    transport
        How requests travel; None for the network.
    """

    def __init__(self, bounds: Bounds, transport: httpx.BaseTransport | None = None) -> None:
        self.bounds = bounds
        self._end = time.monotonic() + bounds.seconds
        self._http = httpx.Client(
            headers={"User-Agent": AGENT},
            timeout=bounds.timeout,
            follow_redirects=True,
            # As the server has it: the system's authorities, or those that SSL_CERT_FILE names.
            verify=ssl.create_default_context(),
            # Neither proxies nor passwords of an environment: what anybody gets is what is counted.
            trust_env=False,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def check_time(self) -> None:
        """See to it that there is time left.

        Raises
        ------
        LimitError
            There is none.
        """
        if time.monotonic() > self._end:
            raise LimitError(f"the {self.bounds.seconds:g} seconds that it may take are over")

    def table(self, url: str, form: dict[str, str], target: BinaryIO) -> None:
        """Ask a service a question, and write its answer, of whatever status, to a file.

        Raises
        ------
        ServiceError
            It does not answer.
        """
        try:
            self._get(url, target, ANSWER_MIB * MIB, form)
        except NotPublicError as error:
            raise ServiceError(f"{url} is not for everybody: {error}") from error
        except ListError as error:
            raise ServiceError(str(error)) from error

    def fetch(self, url: str, path: Path, most: int | None = None) -> str:
        """Write what is at a URL to a file.

        Parameters
        ----------
        url
            The URL.
        path
            The file.
        most
            Bytes that it may have; None for those of an event list.

        Returns
        -------
        str
            The media type that the server names.

        Raises
        ------
        NotPublicError
            It is not for everybody.
        ListError
            It cannot be had, or is too large.
        """
        if urlsplit(url).scheme not in {"http", "https"}:
            raise ListError(f"{url!r} is no address on the web")
        with path.open("wb") as target:
            return self._get(url, target, most or self.bounds.list_mib * MIB)

    def _get(self, url: str, target: BinaryIO, most: int, form: dict[str, str] | None = None) -> str:
        for attempt in range(1, TRIES + 1):
            self.check_time()
            target.seek(0)
            target.truncate()
            try:
                with self._http.stream("POST" if form else "GET", url, data=form) as reply:
                    if reply.status_code in LATER and attempt < TRIES:
                        self._wait(attempt, reply.headers.get("retry-after", ""))
                        continue
                    return self._take(reply, target, most, is_answer=form is not None)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                if attempt == TRIES or not isinstance(error, httpx.TransportError):
                    raise ListError(f"{url}: {error or type(error).__name__}") from error
                self._wait(attempt, "")
        raise ListError(f"{url} cannot be had")

    def _take(self, reply: httpx.Response, target: BinaryIO, most: int, *, is_answer: bool) -> str:
        kind: str = reply.headers.get("content-type", "")
        if reply.status_code in CLOSED:
            raise NotPublicError(f"{reply.url} answers {reply.status_code}")
        # TAP services say in a VOTable why they refuse a question.
        if not (reply.is_success or (is_answer and "xml" in kind)):
            raise ListError(f"{reply.url} answers {reply.status_code}")
        taken = 0
        for piece in reply.iter_bytes(MIB):
            taken += len(piece)
            if taken > most:
                raise ListError(f"{reply.url} has more than {most // MIB} MiB")
            target.write(piece)
            self.check_time()
        target.flush()
        return kind

    def _wait(self, attempt: int, told: str) -> None:
        pause = float(told) if told.isdigit() else PAUSE * 2 ** (attempt - 1)
        time.sleep(max(0.0, min(pause, LONGEST_PAUSE, self._end - time.monotonic())))
