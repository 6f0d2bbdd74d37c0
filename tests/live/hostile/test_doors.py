"""Ways in, and ways to lead others astray: passwords, redirections, names of hosts, jobs of others."""

from __future__ import annotations

import base64
import datetime
import json
import re
import urllib.parse
from collections.abc import Iterator

import pytest

from instance import defences
from tests.live.conftest import Answer, Instance
from tests.live.hostile import judging
from tests.live.hostile.client import Probe, all_at_once, send
from tests.live.hostile.endpoints import Endpoint, ask_dachs
from tests.live.hostile.payloads import EVIL, MARK
from tests.thorough import thorough

GUESSES = [("gavoadmin", word) for word in ("", "gavoadmin", "admin", "gavo", "dachs", "None", "password")]
GUESSES += [("", ""), ("root", ""), ("admin", "admin"), ("gavo", ""), ("untrusted", "")]


def login(name: str, password: str) -> dict[str, str]:
    """Give the header of HTTP basic authentication."""
    return {"Authorization": f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"}


def post(instance: Instance, path: str, headers: dict[str, str] | None = None, **fields: str) -> Answer:
    """Send a form."""
    head = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
    return send(instance.url, Probe(path, "POST", head, urllib.parse.urlencode(fields).encode()))


@pytest.fixture
def jobs(instance: Instance) -> Iterator[list[str]]:
    """Take names of jobs that are to be removed."""
    made: list[str] = []
    yield made
    for name in made:
        send(instance.url, Probe(f"/tap/async/{name}", "DELETE"))


def make_job(instance: Instance, jobs: list[str], headers: dict[str, str] | None = None) -> str:
    """Make a job that does not run."""
    answer = post(instance, "/tap/async", headers, LANG="ADQL", QUERY="SELECT 1 AS x FROM ivoa.obscore")
    assert answer.status == 303, answer.text
    jobs.append(answer.headers["Location"].rpartition("/")[2])
    return jobs[-1]


def administrative(endpoints: list[Endpoint]) -> list[str]:
    """Give what only administrators may see."""
    return [endpoint.path for endpoint in endpoints if re.search(r"^/seffe|/admin$", endpoint.path)]


@pytest.mark.parametrize(("name", "password"), GUESSES)
def test_there_is_no_password_by_default(
    name: str, password: str, instance: Instance, endpoints: list[Endpoint], jobs: list[str]
) -> None:
    paths = administrative(endpoints)
    assert len(paths) > 3
    answers = [send(instance.url, Probe(path, headers=login(name, password))) for path in paths[:3]]
    assert {answer.status for answer in answers} <= {401, 403, 404}
    job = make_job(instance, jobs, login(name, password))
    assert instance.get(f"/tap/async/{job}/owner").text == "NULL"


@pytest.mark.parametrize(
    "wanted",
    [
        f"http://{EVIL}/", f"//{EVIL}/", f"\\\\{EVIL}", f"/\\{EVIL}", f"https:{EVIL}", f"///{EVIL}",
        f"/%09/{EVIL}",
        f"javascript:{MARK}()", f"http:///{EVIL}", f"/x\r\nSet-Cookie: {MARK}=1", "/..//" + EVIL,
        f"\t//{EVIL}",
        f"http://localhost@{EVIL}/", f"/.//{EVIL}", "http://[", "data:text/html,x",
    ],
)  # fmt: skip
def test_nobody_is_led_away_after_logging_in(wanted: str, instance: Instance) -> None:
    for headers, relog in (
        ({}, ""),
        (login("any", "one"), ""),
        ({}, "&relog=True"),
        (login("a", "b"), "&relog=1"),
    ):
        path = f"/login?nextURL={urllib.parse.quote(wanted, safe='')}{relog}"
        answer = send(instance.url, Probe(path, headers=headers))
        assert not list(judging.faults(answer, path + wanted, {"localhost"}, ())), answer.headers
    inside = send(instance.url, Probe("/login?nextURL=/tap/async", headers=login("any", "one")))
    assert urllib.parse.urlsplit(inside.headers["Location"]).path == "/tap/async"


def test_nobody_chooses_the_host_in_answers(instance: Instance, endpoints: list[Endpoint]) -> None:
    some = [endpoint.path for endpoint in endpoints][:: thorough(7, 1)]
    ways = [
        {"Host": EVIL}, {"Host": f"{EVIL}:80"}, {"X-Forwarded-Host": EVIL}, {"Host": f"localhost.{EVIL}"},
        {"Forwarded": f"host={EVIL}"}, {"X-Forwarded-Server": EVIL}, {"Host": f"localhost:80@{EVIL}"},
        {"X-Original-URL": f"http://{EVIL}/"}, {"X-Accel-Redirect": "/.internal/inputs/x"},
        {"X-Sendfile": "/etc/passwd"},
    ]  # fmt: skip
    probes = [Probe(path, headers=ways[number % len(ways)]) for number, path in enumerate(some)]
    probes += [
        Probe(path, headers=way)
        for path in ("/", "/tap/capabilities", "/oai.xml?verb=Identify")
        for way in ways
    ]
    answers = all_at_once(lambda probe: (probe, send(instance.url, probe)), probes)
    wrong = [(probe, fault) for probe, answer in answers for fault in judging.poisoned(answer)]
    assert not wrong
    assert b"http://localhost" in send(instance.url, Probe("/tap/capabilities", headers={"Host": EVIL})).body


def test_pages_and_documents_have_headers_that_protect(instance: Instance, endpoints: list[Endpoint]) -> None:
    for endpoint in endpoints[:: thorough(25, 3)]:
        answer = send(instance.url, Probe(endpoint.path))
        if answer.status == 400 and answer.headers["Server"] == "nginx":
            continue  # what is no request
        assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"], endpoint
        assert answer.headers["Referrer-Policy"], endpoint
        policies = answer.headers.get_all("Content-Security-Policy") or []
        assert len(policies) == ("html" in (answer.headers["Content-Type"] or "")), endpoint
        assert all("object-src 'none'" in policy or "default-src 'none'" in policy for policy in policies)
        assert all("frame-ancestors" in policy for policy in policies), policies


def test_inner_places_are_shut(instance: Instance, endpoints: list[Endpoint]) -> None:
    inner = [endpoint.path for endpoint in endpoints if re.match(r"/\.(internal|worker)", endpoint.path)]
    assert len(inner) >= 4
    for path in inner:
        for form in (path, path + "x", "/" + path, path.replace("/.", "/%2e"), "/x/.." + path):
            assert send(instance.url, Probe(form)).status in (400, 404), form


def test_jobs_of_strangers_are_not_listed(instance: Instance, jobs: list[str]) -> None:
    job = make_job(instance, jobs)
    for path in (
        "/tap/async",
        "/tap/async?LAST=1000",
        "/tap/async?PHASE=PENDING",
        "/tap/async?AFTER=2000-01-01",
    ):
        answer = instance.get(path)
        assert answer.status == 200
        assert job not in answer.text and "jobref" not in answer.text
    assert instance.get(f"/tap/async/{job}/phase").text == "PENDING"


def test_times_of_jobs_are_bounded(instance: Instance, jobs: list[str]) -> None:
    job = f"/tap/async/{make_job(instance, jobs)}"
    post(instance, f"{job}/destruction", DESTRUCTION="9999-12-31T23:59:59")
    kept = datetime.datetime.fromisoformat(instance.get(f"{job}/destruction").text.rstrip("Z"))
    assert kept < datetime.datetime.utcnow() + datetime.timedelta(days=31)
    for asked, given in (("0", 86_400), ("1e12", 86_400), ("120", 120), ("-5", 86_400)):
        post(instance, f"{job}/executionduration", EXECUTIONDURATION=asked)
        assert float(instance.get(f"{job}/executionduration").text) == given
    for bad in ("nan", "inf", "x", ""):
        answer = post(instance, f"{job}/executionduration", EXECUTIONDURATION=bad)
        assert answer.status < 500, answer.text
    assert float(instance.get(f"{job}/executionduration").text) == 86_400


BOUNDED = """
import json, os
from gavo import api, base
from gavo.protocols import tap
base.caches.getRD("//tap")
from upstream import job_limits
table = tap.TAPJob.jobsTD.getQName()
there = job_limits._count(tap.WORKER_SYSTEM)
os.environ[job_limits.MOST_VARIABLE] = str(there + 3)
made, refused = [], None
try:
    for _ in range(5):
        made.append(tap.WORKER_SYSTEM.getNewJobId())
except job_limits.Full as error:
    refused = error.httpCode
# What is over makes place.
with base.getWritableTableConn() as connection:
    over = f"UPDATE {table} SET destructiontime = '2000-01-01' WHERE jobid = %(job)s"
    connection.execute(over, {"job": made[0]})
job_limits._cleaned.clear()
made.append(tap.WORKER_SYSTEM.getNewJobId())
for job in made[1:]:
    tap.WORKER_SYSTEM.destroy(job)
print(json.dumps([len(made), refused, job_limits._count(tap.WORKER_SYSTEM) - there]))
"""


def test_the_number_of_jobs_is_bounded(instance: Instance) -> None:
    assert ask_dachs(instance, BOUNDED) == [4, 503, 0]


def test_many_jobs_at_once_are_refused_honestly(instance: Instance, jobs: list[str]) -> None:
    number = defences.JOB_BURST + 60
    made = all_at_once(
        lambda _: post(instance, "/tap/async", LANG="ADQL", QUERY="SELECT 1"), range(number), 24
    )
    jobs += [answer.headers["Location"].rpartition("/")[2] for answer in made if answer.status == 303]
    refused = [answer for answer in made if answer.status != 303]
    assert {answer.status for answer in refused} <= {503}
    assert all(answer.headers["Retry-After"] for answer in refused)
    assert instance.get("/tap/async").status == 200
    assert instance.tap("SELECT TOP 1 obs_id FROM ivoa.obscore").status == 200


def test_guessing_passwords_is_slow(instance: Instance) -> None:
    headers = [login("anna", f"guess{number}") for number in range(defences.GUESS_BURST + 150)]
    answers = all_at_once(lambda head: send(instance.url, Probe("/login", "HEAD", head)).status, headers, 24)
    assert answers.count(503) > 0
    assert instance.get("/tap/availability").status == 200  # without a password


def test_defects_are_told_as_such(instance: Instance) -> None:
    """What is not the client's fault is neither put on it, nor tells anything."""
    told = ask_dachs(
        instance,
        "import json\nfrom gavo import api, base\nfrom upstream import telling\n"
        "def of(e):\n"
        "    t = telling.told_of(e)\n"
        "    return [int(t.status), t.message, t.defect]\n"
        "print(json.dumps([of(e) for e in (KeyError('/usr/lib/secret'), ValueError('secret'), "
        "base.ValidationError('Bad /usr/lib/python3/x.py\\nLINE 1: SELECT secret', 'a'), "
        "OSError('secret'))]))",
    )
    assert [(status, defect) for status, _, defect in told] == [
        (500, True),
        (400, False),
        (400, False),
        (500, True),
    ]
    assert "secret" not in json.dumps(told) and "/usr/" not in json.dumps(told)
