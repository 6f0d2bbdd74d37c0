"""Faults of the releases, and of the ways to the service.

Each is really brought about, and put right; where it can be, as the doctor advises.
"""

from __future__ import annotations

import http.server
import json
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from tests.faults.harness import CHECKOUT
from tests.faults.illness import Case, Look, away, illness, with_mode, with_settings

FUTURE = 7200.0
ONE_HOUR = 3600


def _release(case: Case) -> Path:
    return (case.home / "releases" / "sample").resolve()


@illness("release-missing")
def _(case: Case) -> Iterator[None]:
    yield from away(_release(case))


@illness("release-closed")
def _(case: Case) -> Iterator[None]:
    yield from with_mode(_release(case) / "data", 0o000)


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
