"""Queries that do not end, and a database with a read-only copy."""

from __future__ import annotations

import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from instance.cluster import HOST, SUPERUSER, free_port
from tests.faults import census
from tests.faults.harness import Site, wait_until

ENDLESS = (
    "SELECT COUNT(*) FROM datalink.response AS a, datalink.response AS b, datalink.response AS c,"
    " datalink.response AS d WHERE a.content_length + b.content_length < c.content_length + d.content_length"
)
TABLE = (
    b'<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
    b'<FIELD name="n" datatype="int"/><DATA><TABLEDATA><TR><TD>17</TD></TR></TABLEDATA></DATA>'
    b"</TABLE></RESOURCE></VOTABLE>"
)
MARK = "of_the_copy"


def _post(site: Site, path: str, fields: dict[str, bytes | str]) -> str:
    """Send a form with files, as TAP clients do; gives the body of the answer."""
    lines = b""
    for name, value in fields.items():
        kind = (
            f'; filename="{name}"\r\nContent-Type: application/x-votable+xml'
            if isinstance(value, bytes)
            else ""
        )
        content = value if isinstance(value, bytes) else value.encode()
        lines += (
            f'--xx\r\nContent-Disposition: form-data; name="{name}"{kind}\r\n\r\n'.encode()
            + content
            + b"\r\n"
        )
    request = urllib.request.Request(
        site.url + path, lines + b"--xx--\r\n", {"Content-Type": "multipart/form-data; boundary=xx"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            return str(reply.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()


def test_a_query_that_does_not_end_is_ended(stopped: Site) -> None:
    with stopped.serving(CHERENKOV_VO_TAP_SYNC_SECONDS="2") as service:
        service.up()
        parameters = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": ENDLESS})
        with pytest.raises(urllib.error.HTTPError) as caught:
            census.fetch(f"{stopped.url}/tap/sync?{parameters}")
        text = caught.value.read().decode()
        assert 'name="QUERY_STATUS" value="ERROR"' in text
        assert "timeout" in text.lower() or "timed out" in text.lower()
        active = "SELECT COUNT(*) FROM pg_stat_activity WHERE usename = 'untrusted' AND state = 'active'"
        assert stopped.instance.cluster.sql(active) == ["0"]
        limit = "SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setrole = 'untrusted'::regrole"
        assert "statement_timeout=3600s" in stopped.instance.cluster.sql(limit)


@pytest.fixture
def replica(stopped: Site) -> Iterator[int]:
    """Make a streaming replica of the instance's database; gives its port."""
    site, cluster = stopped, stopped.instance.cluster
    directory, port = site.home / "replica", free_port()
    log = site.home / "log" / "replica.log"
    with site.serving() as service:
        service.up()
        command = [
            cluster.programs / "pg_basebackup", "-D", directory, "-R", "-X", "stream", "-c", "fast",
            "-h", HOST, "-p", str(cluster.port), "-U", SUPERUSER,
        ]  # fmt: skip
        cluster.account.make_directory(directory, 0o700)
        done = cluster.account.run(command, cluster.environment, capture_output=True, cwd="/")
        assert done.returncode == 0, done.stderr
    options = f"-p {port} -c log_statement=all -c log_min_messages=warning"
    control = [cluster.programs / "pg_ctl", "-w", "-D", directory]
    started = cluster.account.run(
        [*control, "-l", log, "-o", options, "start"], cluster.environment, cwd="/",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert started.returncode == 0, log.read_text()
    yield port
    cluster.account.run(
        [*control, "-m", "immediate", "stop"], cluster.environment, capture_output=True, cwd="/"
    )
    shutil.rmtree(directory)


def test_queries_go_to_the_copy_and_what_writes_to_the_primary(stopped: Site, replica: int) -> None:
    site = stopped
    log: Path = site.home / "log" / "replica.log"
    with site.serving(CHERENKOV_VO_REPLICAS=f"{HOST}:{replica}") as service:
        service.up()
        cluster = site.instance.cluster

        def known_there(text: str) -> bool:
            return text in log.read_text(encoding="utf-8", errors="replace")

        wait_until(lambda: cluster.sql("SELECT 1 FROM pg_stat_replication"), "the copy")
        assert census.tap(site, f"SELECT COUNT(*) AS {MARK} FROM hess_dr.obscore") == ["24"]
        assert known_there(MARK)
        # Tables that clients send along are made where that is possible.
        query = "SELECT n + 1 AS sent FROM tap_upload.mine"
        fields: dict[str, bytes | str] = {
            "LANG": "ADQL", "QUERY": query, "FORMAT": "csv", "UPLOAD": "mine,param:file", "file": TABLE,
        }  # fmt: skip
        assert (answer := _post(site, "/tap/sync", fields)).split() == ["sent", "18"], answer
        assert not known_there("AS sent")
        # Jobs are noted in the primary database, and read from it.
        job = _post(site, "/tap/async", {"LANG": "ADQL", "QUERY": "SELECT 1 AS noted FROM hess_dr.obscore"})
        (name,) = cluster.sql("SELECT jobid FROM tap_schema.tapjobs ORDER BY creationtime DESC LIMIT 1")
        assert name in job
        assert not known_there("INSERT INTO tap_schema.tapjobs")
        # What is imported into the primary arrives.
        cluster.sql("CREATE TABLE public.arrives AS SELECT 1 AS n")
        psql = [cluster.programs / "psql", "-X", "-A", "-t", "-h", HOST, "-p", str(replica), "-U", SUPERUSER]
        psql += ["-d", "gavo", "-c", "SELECT n FROM public.arrives"]

        def arrived() -> bool:
            time.sleep(0.2)
            done = cluster.account.run(psql, cluster.environment, capture_output=True, cwd="/")
            return str(done.stdout).strip() == "1"

        wait_until(arrived, "the table in the copy")
        cluster.sql("DROP TABLE public.arrives")
