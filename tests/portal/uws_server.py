"""A small UWS 1.1 service that keeps to the standard's phases, for tests, with room for a TAP service."""

from __future__ import annotations

import base64
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, quoteattr

import httpx

HEAD = (
    '<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="1.1">'
)
ENDED = {"COMPLETED", "ERROR", "ABORTED"}


def dali_error(words: str) -> bytes:
    return (
        '<?xml version="1.0"?><VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">{escape(words)}</INFO>'
        "</RESOURCE></VOTABLE>"
    ).encode()


@dataclass
class Job:
    """A job, and what is to become of it."""

    id: str
    parameters: list[tuple[str, str]]
    owner: str | None
    phase: str = "PENDING"
    started: datetime | None = None
    ended: datetime | None = None
    results: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    hrefs: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    progress: tuple[float, str] | None = None
    made: datetime = field(default_factory=lambda: datetime.now(UTC))


def moment(time_: datetime | None) -> str:
    return "" if time_ is None else time_.strftime("%Y-%m-%dT%H:%M:%SZ")


class UWS:
    """The jobs, and the server that shows them."""

    handler: type[Handler]

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.changed = threading.Condition()
        self.numbers = itertools.count(1)
        self.waits = True
        self.public: str | None = None
        self.accounts: dict[str, str] = {}
        self.refuses: str | None = None
        self.says_errors_with_200 = False
        self.slow = 0.0
        self.asked: list[str] = []
        self.tap: Callable[[httpx.Request], httpx.Response] | None = None
        self.server: ThreadingHTTPServer | None = None
        self.port = 0
        self.connections: set[socket.socket] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/uws/jobs"

    @property
    def tap_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/tap"

    def start(self) -> None:
        handler = type("Handler", (self.handler,), {"uws": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None
            # Those that were kept alive end, too, as with a server that is killed.
            for connection in list(self.connections):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        with self.changed:
            self.changed.notify_all()

    @contextmanager
    def running(self) -> Iterator[UWS]:
        self.start()
        try:
            yield self
        finally:
            self.stop()

    @property
    def only(self) -> Job:
        (job,) = self.jobs.values()
        return job

    def move(self, job: Job, phase: str, **more: object) -> None:
        """Bring a job to another phase."""
        with self.changed:
            for name, value in more.items():
                setattr(job, name, value)
            if phase == "EXECUTING":
                job.started = datetime.now(UTC)
            if phase in ENDED:
                job.ended = datetime.now(UTC)
            job.phase = phase
            self.changed.notify_all()

    def document(self, job: Job) -> bytes:
        base = f"{self.public or self.url}/{job.id}/results/"
        nil = ' xsi:nil="true"/>'

        def timed(name: str, when: datetime | None) -> str:
            return f"<uws:{name}{nil}" if when is None else f"<uws:{name}>{moment(when)}</uws:{name}>"

        parts = [
            HEAD,
            f"<uws:jobId>{job.id}</uws:jobId>",
            f"<uws:ownerId{nil}" if job.owner is None else f"<uws:ownerId>{job.owner}</uws:ownerId>",
            f"<uws:phase>{job.phase}</uws:phase>",
            f"<uws:quote{nil}",
            timed("creationTime", job.made),
            timed("startTime", job.started),
            timed("endTime", job.ended),
            "<uws:executionDuration>600</uws:executionDuration>",
            timed("destruction", job.made + timedelta(days=2)),
            "<uws:parameters>",
            *(f"<uws:parameter id={quoteattr(n)}>{escape(v)}</uws:parameter>" for n, v in job.parameters),
            "</uws:parameters><uws:results>",
        ]
        for name, (kind, content) in job.results.items():
            href = job.hrefs.get(name, base + name)
            parts.append(
                f"<uws:result id={quoteattr(name)} xlink:href={quoteattr(href)} "
                f'size="{len(content)}" mime-type={quoteattr(kind)}/>'
            )
        parts.append("</uws:results>")
        if job.error is not None:
            parts.append(
                '<uws:errorSummary type="fatal" hasDetail="false">'
                f"<uws:message>{escape(job.error)}</uws:message></uws:errorSummary>"
            )
        if job.progress is not None:
            fraction, words = job.progress
            parts.append(
                f'<uws:jobInfo><p:progress xmlns:p="urn:progress" fraction="{fraction}">{escape(words)}'
                "</p:progress></uws:jobInfo>"
            )
        return "".join([*parts, "</uws:job>"]).encode()


class Handler(BaseHTTPRequestHandler):
    """Speaks UWS."""

    uws: UWS
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.uws.connections.add(self.connection)

    def finish(self) -> None:
        self.uws.connections.discard(self.connection)
        with suppress(OSError):
            super().finish()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, status: int, content: bytes = b"", kind: str = "text/xml", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def refuse(self, status: int, words: str) -> None:
        """Say why something is not done."""
        headers = {"WWW_Authenticate": "Basic"} if status == 401 else {}
        self.answer(400 if status == 409 else status, dali_error(words), **headers)

    def credentials(self) -> tuple[str | None, str]:
        word = self.headers.get("Authorization", "")
        if not word.startswith("Basic "):
            return None, ""
        name, _, password = base64.b64decode(word[6:]).decode().partition(":")
        return name, password

    def user(self) -> str | None:
        name, password = self.credentials()
        return name if name is not None and self.uws.accounts.get(name) == password else None

    def may_see(self, job: Job) -> bool:
        """Tell whether the user may see a job; if not, say so."""
        if job.owner is not None and job.owner != self.user():
            self.refuse(401, "log in")
            return False
        return True

    def elsewhere(self, path: str, query: dict[str, list[str]]) -> bool:
        """Answer what is not below the list of jobs; tell whether it was that."""
        return False

    def handle_one(self, method: str) -> None:
        uws = self.uws
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        uws.asked.append(f"{method} {self.path}")
        time.sleep(uws.slow)
        parts = urlsplit(self.path)
        if parts.path.startswith("/tap") and uws.tap is not None:
            made = uws.tap(httpx.Request(method, uws.tap_url + parts.path[4:], content=body))
            self.answer(made.status_code, made.content, made.headers.get("content-type", "text/plain"))
            return
        if self.elsewhere(parts.path, parse_qs(parts.query)):
            return
        form = parse_qs(body.decode(), keep_blank_values=True)
        segments = [unquote(part) for part in parts.path.removeprefix("/uws/jobs").split("/") if part]
        if not segments:
            self.create(method, form)
            return
        job = uws.jobs.get(segments[0])
        if not parts.path.startswith("/uws/jobs/") or job is None:
            self.refuse(404, f"no job {segments[0]}")
        elif self.may_see(job):
            self.act(method, job, segments[1:], form)

    def create(self, method: str, form: dict[str, list[str]]) -> None:
        uws = self.uws
        if method != "POST":
            self.answer(200, b"<jobs/>")
        elif uws.refuses is not None:
            self.refuse(409, uws.refuses)
        else:
            words = [(name, value) for name, values in form.items() for value in values]
            job = Job(f"j{next(uws.numbers)}", words, self.user())
            uws.jobs[job.id] = job
            self.answer(303, Location=f"{uws.public or uws.url}/{job.id}")

    def act(self, method: str, job: Job, rest: list[str], form: dict[str, list[str]]) -> None:
        uws = self.uws
        if method == "DELETE" and not rest:
            uws.jobs.pop(job.id)
            self.answer(303, Location=uws.url)
        elif method == "POST" and rest == ["phase"]:
            self.change(job, form["PHASE"][0])
        elif method == "GET" and not rest:
            self.wait(job)
            if job.id in uws.jobs:
                self.answer(200, uws.document(job))
            else:
                self.refuse(404, "gone")
        elif method == "GET" and len(rest) == 2 and rest[0] == "results" and rest[1] in job.results:
            kind, content = job.results[rest[1]]
            self.send_part(kind, content)
        else:
            self.refuse(404, f"no {rest}")

    def change(self, job: Job, word: str) -> None:
        uws = self.uws
        if word == "RUN" and job.phase == "PENDING":
            uws.move(job, "QUEUED")
        elif word == "ABORT" and job.phase not in ENDED:
            uws.move(job, "ABORTED")
        else:
            words = f"{word} in {job.phase} makes no sense"
            if uws.says_errors_with_200:
                self.answer(200, dali_error(words))
            else:
                self.refuse(409, words)
            return
        self.answer(303, Location=f"{uws.url}/{job.id}")

    def wait(self, job: Job) -> None:
        asked = {k.upper(): v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        first = asked.get("PHASE", job.phase)
        if "WAIT" not in asked or not self.uws.waits or job.phase in ENDED or first != job.phase:
            return
        with self.uws.changed:
            self.uws.changed.wait_for(
                lambda: job.phase != first or self.uws.server is None, float(asked["WAIT"])
            )

    def send_part(self, kind: str, content: bytes) -> None:
        word = self.headers.get("Range", "")
        if not word.startswith("bytes="):
            self.answer(200, content, kind, Accept_Ranges="bytes")
            return
        first, _, last = word.removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last) + 1 if last else None]
        span = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
        self.answer(206, part, kind, Content_Range=span)

    def do_GET(self) -> None:
        self.handle_one("GET")

    def do_POST(self) -> None:
        self.handle_one("POST")

    def do_DELETE(self) -> None:
        self.handle_one("DELETE")


UWS.handler = Handler
