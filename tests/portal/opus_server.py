"""A UWS service that does what OPUS does where it differs from the standard or from DaCHS, for tests.

Written after the code of OPUS (about version 0.6), not after answers of a running one.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, quote_plus, unquote_plus
from xml.sax.saxutils import escape, quoteattr

from tests.portal.uws_server import ENDED, UWS, Handler, Job

LONGEST = 255
"""Characters of a parameter's value that it can store."""
LOGS = {"stdout", "stderr", "provjson", "provxml", "provsvg"}
"""Results that are not in its store."""
HEAD = (
    '<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
)


class OpusHandler(Handler):
    """Speaks UWS like OPUS: a redirect after changes, and a page for whatever it refuses."""

    uws: OPUS

    def refuse(self, status: int, words: str) -> None:
        # What was asked wrongly is an error of the server, too.
        self.answer(500 if status == 409 else status, page(status, words), "text/html; charset=UTF-8")

    def user(self) -> str | None:
        """Believe any name and token: together they are an account, which may have no rights."""
        name, token = self.credentials()
        return None if name is None else f"{name}:{token}"

    def may_see(self, job: Job) -> bool:
        if self.user() is None and self.uws.accounts:
            self.refuse(403, "nobody without a name is let in")
        elif job.owner != self.user():
            self.refuse(403, "the job is someone else's")
        else:
            return True
        return False

    def create(self, method: str, form: dict[str, list[str]]) -> None:
        accounts = {f"{name}:{token}" for name, token in self.uws.accounts.items()}
        if accounts and self.user() not in accounts:
            self.refuse(403, "the account may not run this job")
        elif long := [name for name, values in form.items() if len(values[-1]) > LONGEST]:
            self.refuse(400, f"{long[0]} is too long: {LONGEST} characters")
        else:
            # Of several values, the last one counts.
            super().create(method, {name: values[-1:] for name, values in form.items() if name != "PHASE"})

    def act(self, method: str, job: Job, rest: list[str], form: dict[str, list[str]]) -> None:
        if method == "GET" and len(rest) == 1 and rest[0] in LOGS & set(job.results):
            self.send_part(*job.results[rest[0]])
        elif method == "GET" and rest[:1] == ["results"] and rest[-1] in job.results:
            # Not the result, but its address.
            self.answer(200, self.uws.place(job, rest[-1]).encode(), "text/plain; charset=UTF-8")
        elif method == "POST" and not rest and form.get("ACTION") == ["DELETE"]:
            super().act("DELETE", job, rest, form)
        else:
            super().act(method, job, rest, form)

    def change(self, job: Job, word: str) -> None:
        if word == "ABORT" and job.phase not in ENDED:
            job.error = f"{(job.owner or 'anonymous').partition(':')[0]} aborted it"
        super().change(job, word)

    def wait(self, job: Job) -> None:
        # It does not wait for jobs that nobody has started.
        if job.phase in {"QUEUED", "EXECUTING"}:
            super().wait(job)

    def elsewhere(self, path: str, query: dict[str, list[str]]) -> bool:
        if path.rstrip("/") != "/store":
            return False
        number, _, name = query.get("ID", [""])[-1].partition("_")
        job = self.uws.jobs.get(number)
        if job is None or name not in job.results:
            self.refuse(404, "no such file")
        elif self.may_see(job):
            self.send_part(*job.results[name])
        return True


class OPUS(UWS):
    """Jobs as OPUS shows them."""

    handler = OpusHandler

    def place(self, job: Job, name: str) -> str:
        base = (self.public or self.url).removesuffix("/uws/jobs")
        if name in LOGS:
            return f"{base}//uws/jobs/{job.id}/{name}"
        return job.hrefs.get(name, f"{base}/store?ID={job.id}_{quote(name)}")

    def document(self, job: Job) -> bytes:
        """Write it without version, in an order of its own, and with times that have no zone."""
        parts = [
            HEAD,
            element("jobId", job.id),
            element("runId", None),
            element("ownerId", (job.owner or "anonymous").partition(":")[0]),
            element("phase", job.phase),
            element("creationTime", moment(job.made)),
            element("startTime", moment(job.started)),
            element("endTime", moment(job.ended)),
            element("quote", "120"),
            element("executionDuration", "120"),
            element("destruction", "2099-12-30T00:00:00"),
            "<uws:parameters>",
            *(
                f'<uws:parameter id={quoteattr(name)} byReference="false">'
                f"{quote_plus(unquote_plus(value))}</uws:parameter>"
                for name, value in job.parameters
                if value
            ),
            "</uws:parameters><uws:results>",
            *(
                f"<uws:result id={quoteattr(name)} xlink:href={quoteattr(self.place(job, name))} "
                f'mime-type={quoteattr(kind)} name={quoteattr(name)} hash=""/>'
                for name, (kind, _) in job.results.items()
            ),
            "</uws:results>",
            # In every document, empty or not, and without <message>.
            element("errorSummary", job.error),
            f"<uws:jobInfo><process_id>{None if job.phase == 'PENDING' else 4711}</process_id></uws:jobInfo>",
        ]
        return "".join([*parts, "</uws:job>"]).encode("ascii", "xmlcharrefreplace")


def element(name: str, text: str | None) -> str:
    return f"<uws:{name}>{escape(text)}</uws:{name}>" if text else f'<uws:{name} xsi:nil="true"/>'


def moment(time: datetime | None) -> str | None:
    return None if time is None else time.strftime("%Y-%m-%dT%H:%M:%S")


def page(status: int, words: str) -> bytes:
    """Make a page as Bottle makes them for errors."""
    return (
        f"<!DOCTYPE HTML><html><head><title>Error: {status}</title><style>pre {{margin: 0}}</style></head>"
        f"<body><h1>Error: {status}</h1><p>Sorry</p><pre>{escape(words)}</pre></body></html>"
    ).encode()
