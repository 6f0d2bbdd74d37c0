"""A local HTTP server that offers a record as Zenodo does, and misbehaves on demand."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RECORD = "/api/records/1421099"
NAME = "hess_dl3_dr1.tar.gz"
FILLING = random.Random(7).randbytes(700_000)
MEMBERS = {
    "hess_dl3_dr1/hdu-index.fits.gz": b"hdu",
    "hess_dl3_dr1/obs-index.fits.gz": b"obs",
    "hess_dl3_dr1/data/run_1.fits.gz": FILLING,
}


def make_tar(members: dict[str, bytes], *extra: tarfile.TarInfo) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for info in extra:
            tar.addfile(info)
    return out.getvalue()


def link(name: str, goal: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, goal
    return info


TAR = make_tar(MEMBERS)


@dataclass
class Zenodo:
    """What the server offers, how it misbehaves, and what it was asked and sent."""

    files: dict[str, bytes] = field(default_factory=lambda: {NAME: TAR})
    shape: str = "current"
    etag: str = '"one"'
    honours_range: bool = True
    honours_if_range: bool = True
    drops: list[int] = field(default_factory=list)  # cut the n-th answer after so many bytes
    states: list[int] = field(default_factory=list)  # answer these first
    wrong: dict[str, str] = field(default_factory=dict)  # checksums to lie about
    record: Any = None
    url: str = ""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    sent: list[int] = field(default_factory=list)

    def content(self, name: str) -> str:
        return f"{self.url}{RECORD}/files/{name}/content"

    def describe(self) -> Any:
        if self.record is not None:
            return self.record
        entries = [self.describe_file(name, data) for name, data in self.files.items()]
        if self.shape == "invenio":
            return {"id": "1421099", "files": {"enabled": True, "entries": {e["key"]: e for e in entries}}}
        return {"id": 1421099, "files": entries}

    def describe_file(self, name: str, data: bytes) -> dict[str, Any]:
        digest = self.wrong.get(name, hashlib.md5(data).hexdigest())
        meta = f"{self.url}{RECORD}/files/{name}"
        if self.shape == "autumn 2023":
            return {"filename": name, "filesize": len(data), "checksum": digest, "links": {"self": meta}}
        links = {
            "legacy": {"self": f"{self.url}/api/files/0000-bucket/{name}"},
            "current": {"self": f"{meta}/content"},
            "download": {"self": meta, "download": f"{meta}/content"},
            "invenio": {"self": meta, "content": f"{meta}/content"},
        }[self.shape]
        return {"key": name, "size": len(data), "checksum": f"md5:{digest}", "links": links}

    def downloads(self) -> list[str | None]:
        """The Range headers of the requests for files."""
        return [wanted for path, wanted in self.asked if path != RECORD]


class Server(ThreadingHTTPServer):
    def handle_error(self, *args: object) -> None:
        """Say nothing of clients that hang up."""


class Handler(BaseHTTPRequestHandler):
    zenodo: Zenodo
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        zenodo = self.zenodo
        zenodo.asked.append((self.path, self.headers["Range"]))
        zenodo.agents.add(self.headers["User-Agent"])
        if zenodo.states:
            self.answer(zenodo.states.pop(0), b"{}")
        elif self.path == RECORD:
            text = zenodo.describe()
            self.answer(200, text if isinstance(text, bytes) else json.dumps(text).encode())
        elif (name := self.path.removesuffix("/content").rpartition("/")[2]) not in zenodo.files:
            self.answer(404, b"{}")
        elif self.path.endswith("/content") or "bucket" in self.path:
            self.file(zenodo.files[name])
        else:
            self.answer(200, b'{"key": "metadata, not content"}')

    def file(self, data: bytes) -> None:
        wanted, condition = self.headers["Range"], self.headers["If-Range"]
        changed = condition not in {None, self.zenodo.etag} and self.zenodo.honours_if_range
        if not wanted or not self.zenodo.honours_range or changed:
            self.answer(200, data, ETag=self.zenodo.etag)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start >= len(data):
            self.answer(416, b"")
            return
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self.answer(206, data[start:], **{"ETag": self.zenodo.etag, "Content-Range": span})

    def answer(self, state: int, body: bytes, **headers: str) -> None:
        self.send_response(state)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if headers and self.zenodo.drops:
            body = body[: self.zenodo.drops.pop(0)]
            self.close_connection = True
        if headers:
            self.zenodo.sent.append(len(body))
        self.wfile.write(body)


@contextlib.contextmanager
def serve() -> Iterator[Zenodo]:
    """Serve a record for a while; what is changed in it meanwhile counts."""
    state = Zenodo()
    handler = type("BoundHandler", (Handler,), {"zenodo": state})
    with Server(("127.0.0.1", 0), handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
