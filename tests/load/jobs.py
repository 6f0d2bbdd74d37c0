"""Asynchronous jobs: made, run, waited for, read, aborted, deleted."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager

from tests.load.asking import FORM, Answer, BusyError, WrongAnswerError
from tests.load.published import local
from tests.load.reducing import look
from tests.load.world import Client

PATIENCE = 300.0
"""Seconds for a job; few clients have jobs at once, so each has its turn."""

WAIT = 5
"""Seconds that one request waits for a change."""

OVER = ("COMPLETED", "ERROR", "ABORTED")


@contextmanager
def job(client: Client, place: str, parameters: str) -> Iterator[str]:
    """Make a job; it is deleted at the end, and is gone then."""
    made = client.web.ask(place, "POST", parameters.encode(), Content_Type=FORM).expect(303)
    path = client.web.path_of(made.headers["Location"]).partition("?")[0]
    try:
        yield path
    finally:
        _until_served(client, path)


def _until_served(client: Client, path: str) -> None:
    """Delete a job, also if the server is busy at first."""
    for _ in range(5):
        try:
            client.web.ask(path, "DELETE").expect(303, 200)
            client.web.ask(path).expect(404, 403)
        except BusyError as error:
            time.sleep(error.seconds)
        else:
            return
    raise WrongAnswerError(f"DELETE {path}\n  always 503")


def run(client: Client, path: str) -> None:
    """Have a job run."""
    client.web.post(f"{path}/phase", PHASE="RUN").expect(303)


def wait(client: Client, path: str) -> Answer:
    """Wait until a job is over, with WAIT; gives its description."""
    deadline = time.monotonic() + PATIENCE
    while True:
        answer = look(client.web.ask(f"{path}?WAIT={WAIT}").expect(200))
        if phase(answer) in OVER:
            return answer
        answer.check(time.monotonic() < deadline, "this job does not end")


def phase(answer: Answer) -> str:
    """Give the phase in a description."""
    found = [e.text for e in ET.fromstring(answer.body).iter() if local(e.tag) == "phase"]
    answer.check(len(found) == 1, "expected one phase")
    return found[0] or ""


def result(answer: Answer) -> str:
    """Give where the result of a job is."""
    found = [e for e in ET.fromstring(answer.body).iter() if local(e.tag) == "result"]
    answer.check(len(found) == 1, "expected one result")
    return next(value for name, value in found[0].attrib.items() if local(name) == "href")


def tap_async(client: Client) -> None:
    """Run a query as a job: its result is that of the synchronous query."""
    target = client.one_of("TAP sync")
    _complete(client, "/tap/async", target)


def cutout_async(client: Client) -> None:
    """Select events as a job: the result is that of the same selection at once."""
    target = client.one_of("cut-out")
    _complete(client, client.one_of("cut-out jobs"), target)


def _complete(client: Client, place: str, target: str) -> None:
    with job(client, place, target.partition("?")[2]) as path:
        run(client, path)
        over = wait(client, path)
        if phase(over) != "COMPLETED":
            said = client.web.ask(f"{path}/error").text
            raise over.wrong(f"expected COMPLETED; the job says {said!r}")
        client.compare(look(client.web.ask(result(over))), target)


def tap_abandoned(client: Client) -> None:
    """Make a job and change one's mind: abort it while it runs, or before, or delete it at once."""
    target = client.one_of("TAP sync")
    with job(client, "/tap/async", target.partition("?")[2]) as path:
        choice = client.chance.choice(("pending", "aborted", "aborted at once", "deleted"))
        if choice == "pending":
            answer = client.web.ask(path).expect(200)
            answer.check(phase(answer) == "PENDING", "expected PENDING")
            return
        run(client, path)
        if choice == "aborted":
            client.web.ask(f"{path}?WAIT=1").expect(200)
        if choice != "deleted":
            client.web.post(f"{path}/phase", PHASE="ABORT").expect(303)
            answer = wait(client, path)
            answer.check(phase(answer) in {"ABORTED", "COMPLETED"}, "expected ABORTED")
