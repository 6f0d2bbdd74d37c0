"""TAP's jobs, synchronous and asynchronous: as DaCHS has them, though they are kept and started otherwise."""

import os
import shutil
import signal
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

QUERY = "SELECT TOP 3 obs_id FROM hess_dr.obscore ORDER BY obs_id"
# Some 10^12 rows: nobody waits for these.
ENDLESS = "SELECT COUNT(*) FROM " + ", ".join(f"tap_schema.columns AS t{n}" for n in range(5))
IS_ENDLESS = "usename = 'untrusted' AND state = 'active'"
"""DaCHS fetches through a cursor, so the query's text is not to be seen; nobody else asks meanwhile."""

UWS = {"u": "http://www.ivoa.net/xml/UWS/v1.0"}
PATIENCE = 60
UPLOAD = """<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<FIELD name="n" datatype="int"/><DATA><TABLEDATA><TR><TD>{}</TD></TR></TABLEDATA></DATA>
</TABLE></RESOURCE></VOTABLE>"""


def post(instance, path, **values):
    """Post a form, and give the path that one is sent to."""
    data = urllib.parse.urlencode(values).encode()
    with urllib.request.urlopen(instance.url + path, data, timeout=60) as reply:
        return urllib.parse.urlparse(reply.url).path


def start(instance, query, **parameters):
    """Make a job and run it; give its path."""
    job = post(instance, "/tap/async", LANG="ADQL", QUERY=query, FORMAT="csv", **parameters)
    post(instance, f"{job}/phase", PHASE="RUN")
    return job


@pytest.fixture(autouse=True)
def _calm(instance):
    """Leave no query behind: PostgreSQL goes on with one whose process was killed."""
    yield
    instance.cluster.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {IS_ENDLESS}")


def wait_for(condition):
    """Wait until something is true, and give it."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return value


def wait_for_phase(instance, job, *phases):
    return wait_for(lambda: next((p for p in phases if instance.get(f"{job}/phase").text == p), None))


def message_of(document):
    """Give the text of an error document."""
    (message,) = (e.text for e in ET.fromstring(document).iter() if e.get("name") == "QUERY_STATUS")
    return message


def pid_of(instance, job):
    """Give the process that runs a job, once it says that it has begun."""
    name = job.rsplit("/", 1)[-1]
    statement = f"SELECT pid FROM tap_schema.tapjobs WHERE jobid = '{name}' AND starttime IS NOT NULL"
    return int(wait_for(lambda: instance.cluster.sql(statement))[0])


@pytest.fixture
def warm(instance):
    """A server that has a process for jobs: jobs are children of it."""

    def forked():
        job = start(instance, ENDLESS)
        try:
            parent = int(
                Path(f"/proc/{pid_of(instance, job)}/stat").read_text().rpartition(")")[2].split()[1]
            )
            return parent if b"upstream.runner" in Path(f"/proc/{parent}/cmdline").read_bytes() else None
        finally:
            post(instance, f"{job}/phase", PHASE="ABORT")
            wait_for_phase(instance, job, "ABORTED")

    return wait_for(forked)


def test_job_completes(instance, warm):
    job = start(instance, QUERY)
    assert wait_for_phase(instance, job, "COMPLETED", "ERROR") == "COMPLETED"
    assert instance.get(f"{job}/results/result").text == instance.tap(QUERY).text
    document = ET.fromstring(instance.get(job).text)
    times = [
        document.findtext(f"u:{name}", namespaces=UWS) for name in ("creationTime", "startTime", "endTime")
    ]
    assert all(times) and sorted(times) == times


def test_errors_are_those_of_synchronous_queries(instance, warm):
    bad = "SELECT nonsense FROM hess_dr.obscore"
    job = start(instance, bad)
    assert wait_for_phase(instance, job, "COMPLETED", "ERROR") == "ERROR"
    answer = instance.tap(bad)
    assert answer.status >= 400
    assert "nonsense" in message_of(answer.text)
    assert message_of(instance.get(f"{job}/error").text) == message_of(answer.text)


def test_abort_ends_the_query(instance, warm):
    job = start(instance, ENDLESS)
    pid = pid_of(instance, job)
    post(instance, f"{job}/phase", PHASE="ABORT")
    wait_for_phase(instance, job, "ABORTED")
    wait_for(lambda: not Path(f"/proc/{pid}").exists())
    wait_for(lambda: not instance.cluster.sql(f"SELECT pid FROM pg_stat_activity WHERE {IS_ENDLESS}"))


def test_execution_duration_ends_the_query(instance, warm):
    job = post(instance, "/tap/async", LANG="ADQL", QUERY=ENDLESS)
    post(instance, f"{job}/executionduration", EXECUTIONDURATION="1")
    post(instance, f"{job}/phase", PHASE="RUN")
    assert wait_for_phase(instance, job, "ERROR", "COMPLETED", "ABORTED") == "ERROR"
    assert "timed out" in instance.get(f"{job}/error").text


def test_death_of_a_job_is_noticed(instance, warm):
    job = start(instance, ENDLESS)
    os.kill(pid_of(instance, job), signal.SIGKILL)
    assert wait_for_phase(instance, job, "ERROR", "COMPLETED", "ABORTED") == "ERROR"
    assert "hung in EXECUTING" in instance.get(f"{job}/error").text


def test_death_of_the_runner_ends_no_job(instance, warm):
    running = start(instance, ENDLESS)
    pid = pid_of(instance, running)
    os.kill(warm, signal.SIGKILL)
    later = start(instance, QUERY)
    assert wait_for_phase(instance, later, "COMPLETED", "ERROR") == "COMPLETED"
    assert Path(f"/proc/{pid}").exists()
    assert instance.get(f"{running}/phase").text == "EXECUTING"
    post(instance, f"{running}/phase", PHASE="ABORT")
    wait_for_phase(instance, running, "ABORTED")


def test_queue_goes_on(instance, warm):
    """More jobs than run at a time: each starts when another has ended."""
    jobs = [start(instance, QUERY) for _ in range(5)]
    assert [wait_for_phase(instance, job, "COMPLETED", "ERROR") for job in jobs] == ["COMPLETED"] * 5


def test_destruction_ends_the_process(instance, warm):
    job = start(instance, ENDLESS)
    pid = pid_of(instance, job)
    assert instance.get(job, method="DELETE").status in (200, 303)
    wait_for(lambda: not Path(f"/proc/{pid}").exists())
    assert instance.get(job).status == 404


def upload(instance, number):
    """Query an uploaded table of one row."""
    boundary = "between-the-parts"
    fields = {
        "LANG": "ADQL",
        "QUERY": "SELECT n FROM tap_upload.mine",
        "FORMAT": "csv",
        "UPLOAD": "mine,param:t",
    }
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'
        for k, v in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="t"; filename="t.xml"\r\n'
        f"Content-Type: application/x-votable+xml\r\n\r\n{UPLOAD.format(number)}\r\n--{boundary}--\r\n"
    )
    request = urllib.request.Request(
        f"{instance.url}/tap/sync",
        "".join(parts).encode(),
        {"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return reply.read().decode().split()


def test_uploads_are_those_of_the_query(instance):
    """The same name, other contents: connections are used again, temporary tables are not."""
    assert [upload(instance, number) for number in (5, 7, 9)] == [["n", "5"], ["n", "7"], ["n", "9"]]
    assert instance.tap("SELECT n FROM tap_upload.mine").status >= 400


def test_synchronous_queries_leave_nothing(instance):
    places = instance.home / "dachs" / "state" / "uwsjobs"
    count = "SELECT count(*) FROM tap_schema.tapjobs"
    before = instance.cluster.sql(count), set(places.iterdir())
    assert instance.tap(QUERY).status == 200
    assert instance.tap("SELECT nonsense").status >= 400
    upload(instance, 3)
    assert (instance.cluster.sql(count), set(places.iterdir())) == before


def test_the_directory_of_jobs_is_made_by_who_needs_it_first(instance):
    places = instance.home / "dachs" / "state" / "uwsjobs"
    aside = places.rename(places.with_name("uwsjobs-aside"))
    try:
        assert upload(instance, 4) == ["n", "4"]
        # More than is kept in memory.
        long = "SELECT a.obs_id, b.* FROM ivoa.obscore AS a, ivoa.obscore AS b"
        assert len(instance.tap(long, FORMAT="csv", MAXREC="5000").text) > 1 << 20
    finally:
        if places.is_dir():
            shutil.rmtree(places)
        aside.rename(places)


def test_errors_of_the_database_leave_no_trace(instance):
    """A query that fails while it runs, and one after it on what may be the same connection."""
    for _ in range(4):
        failed = instance.tap("SELECT 1/(calib_level-calib_level) AS a FROM hess_dr.obscore")
        assert failed.status >= 400
        assert "division by zero" in failed.text
        assert len(instance.rows(QUERY)) == 3


def test_overflow_and_limits(instance):
    document = instance.tap("SELECT obs_id FROM hess_dr.obscore", FORMAT="votable/td", MAXREC="2").text
    assert document.count("<TR>") == 2
    assert 'value="OVERFLOW"' in document
    assert 'value="OVERFLOW"' not in instance.tap(QUERY, FORMAT="votable/td").text
    assert instance.tap("SELECT obs_id FROM hess_dr.obscore", MAXREC="1").text.split()[1:] != []


def test_queries_of_one_kind_have_their_own_texts(instance):
    """The document names the query that it answers, not another one of its kind."""
    for name in ("Crab", "50% 'x'", "Crab", "PKS 2155-304"):
        quoted = name.replace("'", "''")
        query = f"SELECT obs_id FROM hess_dr.obscore WHERE target_name='{quoted}'"
        document = ET.fromstring(instance.tap(query, FORMAT="votable/td").text)
        infos = {e.get("name"): e.get("value") for e in document.iter() if e.tag.endswith("}INFO")}
        assert infos["query"] == query
        assert f"'{quoted.replace('%', '%%')}'" in infos["sql_query"]
