"""HTTP as the load's clients speak it: one connection for each request, every failure with its request."""

from __future__ import annotations

import dataclasses
import http.client
import re
import urllib.parse
from collections.abc import Mapping
from email.message import Message

PATIENCE = 150.0
"""Seconds for one answer: a query may wait 60 and run 60; beyond that nobody is served."""

SHOWN = 600
"""Characters of an answer that a failure shows."""

FORM = "application/x-www-form-urlencoded"


class WrongAnswerError(Exception):
    """An answer that must not be; its text names the request and shows the answer."""


class BusyError(Exception):
    """An honest 503.

    Attributes
    ----------
    seconds
        When to come again.
    """

    def __init__(self, request: str, seconds: int) -> None:
        super().__init__(f"{request}\n  503, come again in {seconds} s")
        self.seconds = seconds


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came, and what was asked."""

    request: str
    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """Give the body as text."""
        return self.body.decode("utf-8", errors="replace")

    def wrong(self, why: str) -> WrongAnswerError:
        """Make the error that says what is wrong with it."""
        head = "".join(f"  {name}: {value}\n" for name, value in self.headers.items())
        return WrongAnswerError(
            f"{self.request}\n  {why}\n  status {self.status}\n{head}  {self.body[:SHOWN]!r}"
        )

    def expect(self, *statuses: int) -> Answer:
        """Let it pass if it has one of some statuses."""
        if self.status not in statuses:
            raise self.wrong(f"expected status {' or '.join(map(str, statuses))}")
        return self

    def check(self, good: object, why: str) -> Answer:
        """Let it pass if something holds."""
        if not good:
            raise self.wrong(why)
        return self


class Web:
    """The server under load, for one client.

    Parameters
    ----------
    port
        Of this machine.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: set[str] = set()
        self.requests = 0

    def ask(self, target: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """Ask for a path (or URL) and read the whole answer.

        Raises
        ------
        BusyError
            Status 503 with Retry-After.
        WrongAnswerError
            Any other status of 500 and more, no answer, or one that breaks off.
        """
        path = self.path_of(target)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        shown = _shown(method, path, names, body)
        self.requests += 1
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {"Host": f"localhost:{self.port}", **names})
            reply = connection.getresponse()
            found = Answer(shown, reply.status, reply.headers, reply.read())
        except (OSError, http.client.HTTPException) as error:
            raise WrongAnswerError(f"{shown}\n  no whole answer: {error!r}") from error
        finally:
            connection.close()
        self.asked.add(path)
        return _honest(found)

    def post(self, target: str, **form: str) -> Answer:
        """Post a form; redirections are not followed."""
        return self.ask(target, "POST", urllib.parse.urlencode(form).encode(), Content_Type=FORM)

    def hang_up(self, target: str, after: int) -> None:
        """Ask, read some bytes and hang up with whatever is on its way.

        Parameters
        ----------
        target
            Path or URL.
        after
            Bytes of the body to read; with 0 the answer is not waited for.
        """
        path = self.path_of(target)
        self.requests += 1
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path, headers={"Host": f"localhost:{self.port}"})
            if after:
                reply = connection.getresponse()
                piece = reply.read(after)
                _honest(Answer(_shown("GET", path, {}, None), reply.status, reply.headers, piece))
        except (OSError, http.client.HTTPException) as error:
            raise WrongAnswerError(f"GET {path}\n  no answer: {error!r}") from error
        finally:
            connection.close()

    def path_of(self, target: str) -> str:
        """Give path and query of a URL, which must be the instance's."""
        parts = urllib.parse.urlsplit(target)
        if parts.netloc not in {"", f"localhost:{self.port}"}:
            raise WrongAnswerError(f"{target} leads away from the instance")
        return parts._replace(scheme="", netloc="", fragment="").geturl()


def _honest(answer: Answer) -> Answer:
    if answer.status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        seconds = answer.headers.get("Retry-After", "")
        answer.check(re.fullmatch(r"\d+", seconds), "status 503 without Retry-After in seconds")
        raise BusyError(answer.request, int(seconds))
    return answer.check(answer.status < 500, "the server failed")


def _shown(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> str:
    names = "".join(f"\n  {name}: {value}" for name, value in headers.items())
    return f"{method} {path}{names}" + (f"\n  with {body[:SHOWN]!r}" if body else "")
