"""Faults of what runs: the database, its tables, and the web server.

Each is really brought about, and put right; where it can be, as the doctor advises.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

from tests.faults.harness import wait_until, words_of
from tests.faults.illness import Case, illness, until_it_is_well

FUTURE = 7200.0
ONE_HOUR = 3600


@illness("database-down")
def _(case: Case) -> Iterator[None]:
    supervisor, postmaster = case.site.supervisor, case.site.postmaster
    worker = case.site.worker("light-1")
    os.kill(supervisor, signal.SIGSTOP)
    try:
        os.kill(postmaster, signal.SIGQUIT)
        wait_until(lambda: case.site.postmaster != postmaster, "the end of PostgreSQL")
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)
    wait_until(lambda: case.site.worker("light-1") not in (0, worker), "workers with a database")
    until_it_is_well(case)


@illness("proxy-dead")
def _(case: Case) -> Iterator[None]:
    supervisor, proxy = case.site.supervisor, case.site.proxy
    os.kill(supervisor, signal.SIGSTOP)
    try:
        os.kill(proxy, signal.SIGKILL)
        # Nobody waits for it now, so that it stays in the table of processes; its mark is what is left.
        wait_until(lambda: not words_of(proxy), "the end of the proxy")
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)
    wait_until(lambda: case.site.proxy not in (0, proxy), "another proxy")
    until_it_is_well(case)


@illness("worker-silent")
def _(case: Case) -> Iterator[None]:
    worker = case.site.worker("query-1")
    os.kill(worker, signal.SIGSTOP)
    yield
    os.kill(worker, signal.SIGCONT)


@illness("server-silent")
def _(case: Case) -> Iterator[None]:
    worker = case.site.worker("light-1")
    os.kill(worker, signal.SIGSTOP)
    yield
    os.kill(worker, signal.SIGCONT)


@illness("extension-missing")
def _(case: Case) -> Iterator[None]:
    case.sql("DROP EXTENSION q3c")
    yield
    case.sql("CREATE EXTENSION q3c")


@illness("functions-missing")
def _(case: Case) -> Iterator[None]:
    case.sql("ALTER FUNCTION public.tmoc_span RENAME TO lost_span")
    yield
    case.sql("ALTER FUNCTION public.lost_span RENAME TO tmoc_span")


@illness("view-stale")
def _(case: Case) -> Iterator[None]:
    case.sql("UPDATE ivoa._obscoresources SET tablename = 'x' || tablename WHERE tablename LIKE 'ctao.%'")
    yield
    case.sql("UPDATE ivoa._obscoresources SET tablename = substr(tablename, 2) WHERE tablename ~ '^xctao'")


@illness("columns-differ")
def _(case: Case) -> Iterator[None]:
    case.sql("ALTER VIEW ivoa.obscore_hea RENAME COLUMN ev_xel TO other")
    yield
    case.sql("ALTER VIEW ivoa.obscore_hea RENAME COLUMN other TO ev_xel")


@illness("rights-excessive")
def _(case: Case) -> Iterator[None]:
    case.sql("GRANT SELECT ON dc.users TO untrusted")
    yield
    case.sql("REVOKE SELECT ON dc.users FROM untrusted")


@illness("rows-orphaned")
def _(case: Case) -> Iterator[None]:
    row = case.sql("SELECT id FROM ctao.links ORDER BY 1 LIMIT 1")[0]
    case.sql(f"UPDATE ctao.links SET id = 'x' || id WHERE id = '{row}'")
    yield
    case.sql(f"UPDATE ctao.links SET id = '{row}' WHERE id = 'x{row}'")


@illness("jobs-dead")
def _(case: Case) -> Iterator[None]:
    case.sql("INSERT INTO tap_schema.tapjobs (jobid, phase, pid) VALUES ('dead', 'EXECUTING', 99999999)")
    yield
    case.sql("DELETE FROM tap_schema.tapjobs WHERE jobid = 'dead'")


@illness("record-orphaned")
def _(case: Case) -> Iterator[None]:
    case.sql(
        "INSERT INTO dc.resources (sourcerd, resid, title, deleted) VALUES ('gone/q', 'x', 'Gone', FALSE)"
    )
    yield
    case.sql("UPDATE dc.resources SET deleted = TRUE, rectimestamp = now() WHERE sourcerd = 'gone/q'")


@illness("unpublished")
def _(case: Case) -> Iterator[None]:
    case.sql("UPDATE dc.resources SET deleted = TRUE WHERE sourcerd = 'ctao/q'")
    yield
    case.sql("UPDATE dc.resources SET deleted = FALSE WHERE sourcerd = 'ctao/q'")
