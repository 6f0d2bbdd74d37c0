"""What can be wrong with an instance: each fault of the doctor is really brought about, and put right.

Where it can be, what is done at the end is what the doctor advises.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import os
import resource
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from instance import doctor
from instance.doctor import files, machine
from instance.state import State
from tests.faults.harness import CHECKOUT, Site, wait_until, words_of

FUTURE = 7200.0
ONE_HOUR = 3600


@dataclasses.dataclass
class Case:
    """An instance that is served, and what one illness may use."""

    site: Site
    patch: pytest.MonkeyPatch
    directory: Path

    @property
    def home(self) -> Path:
        """Give its directory."""
        return self.site.home

    @property
    def state(self) -> State:
        """Give what it remembers."""
        return State(self.home / "state.json")

    def sql(self, statement: str) -> list[str]:
        """Ask its database as superuser."""
        return self.site.instance.cluster.sql(statement)


Look = Callable[[], list[doctor.Diagnosis]]
Illness = Callable[[Case], "contextlib.AbstractContextManager[Look | None]"]
ILLNESSES: dict[str, Illness] = {}


def illness(key: str) -> Callable[[Callable[[Case], Iterator[Look | None]]], None]:
    """Note how a fault is brought about; what is yielded, if anything, asks the doctor in another way."""

    def note(function: Callable[[Case], Iterator[Look | None]]) -> None:
        ILLNESSES[key] = contextlib.contextmanager(function)

    return note


def with_settings(case: Case, **changes: Any) -> Look:
    """Ask the doctor about the instance with other settings."""
    return lambda: doctor.examine(dataclasses.replace(case.site.instance.settings, **changes))


def _away(path: Path) -> Iterator[None]:
    """Take a file or directory away, and bring it back."""
    aside = path.with_name(f"{path.name}-away")
    path.rename(aside)
    yield
    if path.is_dir():
        shutil.rmtree(path)
    aside.rename(path)


def _mode(path: Path, mode: int) -> Iterator[None]:
    before = path.stat().st_mode & 0o777
    path.chmod(mode)
    yield
    path.chmod(before)


def _state(case: Case, **values: Any) -> Iterator[None]:
    before = case.state.path.read_text(encoding="utf-8")
    case.state.set(**values)
    yield
    case.state.path.write_text(before, encoding="utf-8")


def _dpkg(case: Case, package: str, answer: str) -> None:
    """Let Debian's package system say something else about a package."""
    program = case.directory / "dpkg-query"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *" {package}") printf "{answer}";;'
        ' *) exec /usr/bin/dpkg-query "$@";; esac\n'
    )
    program.chmod(0o755)
    case.patch.setenv("PATH", f"{case.directory}:{os.environ['PATH']}")


@illness("settings-unusable")
def _(case: Case) -> Iterator[Look]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHERENKOV_VO_PORT", "http")
        yield doctor.diagnose


@illness("package-missing")
def _(case: Case) -> Iterator[None]:
    _dpkg(case, "nginx", "un |")
    yield


@illness("dachs-too-old")
def _(case: Case) -> Iterator[None]:
    _dpkg(case, "python3-gavo", "ii |2.9+dfsg-1")
    yield


@illness("venv-missing")
def _(case: Case) -> Iterator[None]:
    yield from _away(case.home / "venv")


@illness("venv-incomplete")
def _(case: Case) -> Iterator[None]:
    link = case.home / "venv"
    target = link.readlink()
    link.unlink()
    (link / "bin").mkdir(parents=True)
    yield
    shutil.rmtree(link)
    link.symlink_to(target)


@illness("disk-low")
def _(case: Case) -> Iterator[None]:
    usage = shutil.disk_usage(case.home)._replace(free=1_000_000)
    case.patch.setattr(shutil, "disk_usage", lambda path: usage)
    yield


@illness("memory-low")
def _(case: Case) -> Iterator[None]:
    case.patch.setattr(machine, "available_memory", lambda: 100_000_000)
    yield


@illness("descriptors-low")
def _(case: Case) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@illness("clock-off")
def _(case: Case) -> Iterator[None]:
    path = case.state.path
    os.utime(path, (time.time() + FUTURE,) * 2)
    yield
    os.utime(path)


@illness("instance-missing")
def _(case: Case) -> Iterator[None]:
    yield from _away(case.home / "postgres" / "complete")


@illness("unfinished")
def _(case: Case) -> Iterator[None]:
    yield from _state(case, published=None)


@illness("state-damaged")
def _(case: Case) -> Iterator[None]:
    before = case.state.path.read_text(encoding="utf-8")
    case.state.path.write_text(before[: len(before) // 2], encoding="utf-8")
    yield
    case.state.path.write_text(before, encoding="utf-8")


@illness("newer-version")
def _(case: Case) -> Iterator[None]:
    yield from _state(case, version="99.0.0")


@illness("older-version")
def _(case: Case) -> Iterator[None]:
    yield from _state(case, serving="0.1.0")


@illness("home-closed")
def _(case: Case) -> Iterator[None]:
    if os.geteuid() == 0:
        yield from _mode(case.home, 0o700)
        return
    # Who is not root runs the services in person: the directory has to be somebody else's.
    case.patch.setattr(os, "geteuid", lambda: 0)
    yield from _mode(case.home, 0o700)


@illness("database-open")
def _(case: Case) -> Iterator[None]:
    yield from _mode(case.home / "postgres" / "data", 0o755)


@illness("secret-open")
def _(case: Case) -> Iterator[None]:
    yield from _mode(case.home / "dachs" / "etc" / "feed", 0o644)


@illness("configuration-changed")
def _(case: Case) -> Iterator[None]:
    path = case.home / "gavo.rc"
    before = path.read_text(encoding="utf-8")
    path.write_text(before + "[async]\nmaxTAPRunning: 99\n", encoding="utf-8")
    yield
    path.write_text(before, encoding="utf-8")


@illness("vocabulary-missing")
def _(case: Case) -> Iterator[None]:
    yield from _away(case.home / "dachs" / "cache" / files.cache_name("uat"))


@illness("leftovers")
def _(case: Case) -> Iterator[None]:
    path = case.home / "releases" / "sample" / "data" / "x.fits.partial"
    path.touch()
    os.utime(path, (time.time() - ONE_HOUR,) * 2)
    yield
    path.unlink()


@illness("restore-interrupted")
def _(case: Case) -> Iterator[None]:
    path = case.home / files.STAGING
    path.mkdir()
    yield
    path.rmdir()


@illness("spool-closed")
def _(case: Case) -> Iterator[None]:
    yield from _mode(case.home / "dachs" / "tmp", 0o500)


@illness("backup-old")
def _(case: Case) -> Iterator[None]:
    yield from _state(case, backup={"time": time.time() - 30 * 86400, "path": str(case.home)})


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
    _until_it_serves(case)


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
    _until_it_serves(case)


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


def _until_it_serves(case: Case) -> None:
    def serves() -> bool:
        done = case.site.run("status", "--json")
        return done.returncode == 0 and "does not answer" not in done.stdout

    wait_until(serves, "an answer")


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


def _release(case: Case) -> Path:
    return (case.home / "releases" / "sample").resolve()


@illness("release-missing")
def _(case: Case) -> Iterator[None]:
    yield from _away(_release(case))


@illness("release-closed")
def _(case: Case) -> Iterator[None]:
    yield from _mode(_release(case) / "data", 0o000)


@illness("release-broken")
def _(case: Case) -> Iterator[None]:
    path = next((case.home / "dachs" / "inputs" / "ctao" / "releases").glob("*/release.toml"))
    before = path.read_text(encoding="utf-8")
    path.write_text(before + "\nfiles = [", encoding="utf-8")
    yield
    shutil.copyfile(CHECKOUT / "inputs" / "ctao" / "release.toml", path)
    assert path.read_text(encoding="utf-8") == before


@illness("files-changed")
def _(case: Case) -> Iterator[None]:
    path = _release(case) / "data" / "new.fits"
    path.touch()
    yield
    path.unlink()


@illness("files-failed")
def _(case: Case) -> Iterator[None]:
    path = case.home / "reports" / "ctao.json"
    before = path.read_text(encoding="utf-8")
    failed = json.loads(before) | {
        "failures": [{"file": "a", "kind": "GADFError", "problem": "a: no EVENTS"}]
    }
    path.write_text(json.dumps(failed), encoding="utf-8")
    yield
    path.write_text(before, encoding="utf-8")


@illness("port-taken")
def _(case: Case) -> Iterator[Look]:
    elsewhere = case.directory / "elsewhere"
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield with_settings(case, instance=elsewhere, port=server.getsockname()[1])


@illness("public-url-wrong")
def _(case: Case) -> Iterator[Look]:
    class Another(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"Welcome to somebody else")

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Another) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield with_settings(case, public_url=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()
