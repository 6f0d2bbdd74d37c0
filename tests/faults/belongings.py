"""What users and harvesters have in an instance, which nothing can make again: put there, and looked at."""

from __future__ import annotations

import base64
import dataclasses
import http.client
import re
import urllib.parse

from tests.faults import census
from tests.faults.harness import Site, wait_until

USER, PASSWORD, GROUP = "ada", 'o\'clock "7"', "hess-like"
QUERY = "SELECT obs_id FROM hess_dr.obscore ORDER BY obs_id"
WITHDRAWN = "gone/q"
"""A resource that was published once, and is not any more."""

_WITHDRAW = f"""INSERT INTO dc.resources (sourcerd, resid, title, deleted, ivoid, rectimestamp)
    VALUES ('{WITHDRAWN}', 'obscore', 'Gone', TRUE, 'ivo://test.cherenkov.example/{WITHDRAWN}/obscore',
    '2020-02-02T02:02:02');
    INSERT INTO dc.sets (sourcerd, resid, setname, renderer, deleted)
    VALUES ('{WITHDRAWN}', 'obscore', 'ivo_managed', 'rcdisplay', TRUE)"""


def ask(site: Site, path: str, *, login: bool = False, **form: str) -> tuple[int, str, bytes]:
    """Ask the server; gives status, the place it points to, and what it says. Parameters are posted."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    if login:
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers["Authorization"] = f"Basic {token}"
    connection.request("POST" if form else "GET", path, urllib.parse.urlencode(form) or None, headers)
    reply = connection.getresponse()
    found = reply.status, reply.headers.get("Location", ""), reply.read()
    connection.close()
    return found


def closed_file(site: Site) -> str:
    """Give the path of a file that is under an embargo."""
    query = "SELECT access_url FROM hess_dr.obscore WHERE obs_release_date > '2029-01-01' ORDER BY obs_id"
    found = census.tap(site, query) or census.tap(site, query.replace("hess_dr", "ctao"))
    return urllib.parse.urlsplit(found[0].strip('"')).path


@dataclasses.dataclass(frozen=True)
class Belongings:
    """What `take` finds."""

    accounts: list[str]
    groups: list[str]
    closed_without: int
    closed_with: int
    job: str
    result: bytes
    withdrawn: list[str]
    stamps: list[str]


def put(site: Site) -> str:
    """Put a user with rights, a job with a result and a withdrawn record there; gives the job's path."""
    dachs = site.instance.dachs
    dachs.run("admin", "adduser", USER, PASSWORD)
    for group in ("hess_dr", "ctao", GROUP):
        site.instance.cluster.sql(f"INSERT INTO dc.groups VALUES ('{USER}', '{group}')")
    site.instance.cluster.sql(_WITHDRAW)
    _, place, _ = ask(site, "/tap/async", LANG="ADQL", QUERY=QUERY, FORMAT="csv")
    job = urllib.parse.urlsplit(place).path
    ask(site, f"{job}/phase", PHASE="RUN")
    wait_until(lambda: ask(site, f"{job}/phase")[2] == b"COMPLETED", "the end of a job")
    return job


def take(site: Site, job: str) -> Belongings:
    """Look for what `put` left, as users and harvesters do."""
    sql = site.instance.cluster.sql
    closed = closed_file(site)
    listed = census.fetch(f"{site.url}/oai.xml?verb=ListIdentifiers&metadataPrefix=ivo_vor").decode()
    headers = re.findall(r"<(?:oai:)?header.*?</(?:oai:)?header>", listed, re.DOTALL)
    return Belongings(
        accounts=sql("SELECT username, password FROM dc.users ORDER BY 1"),
        groups=sql("SELECT username, groupname FROM dc.groups ORDER BY 1, 2"),
        closed_without=ask(site, closed)[0],
        closed_with=ask(site, closed, login=True)[0],
        job=ask(site, f"{job}/phase")[2].decode(),
        result=ask(site, f"{job}/results/result")[2],
        withdrawn=[text for text in headers if WITHDRAWN in text],
        stamps=sorted(text for text in headers if WITHDRAWN not in text),
    )
