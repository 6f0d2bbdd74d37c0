"""The monitor's two doors: a Unix socket for the proxy, and a port of 127.0.0.1 for Prometheus."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

HOST = "127.0.0.1"
RETRY_AFTER = 10
"""Seconds after which it makes sense to ask again whether the service is ready."""

Answer = tuple[int, str, bytes]
Page = Callable[[], Answer]


def document(content: Any, *, well: bool = True) -> Answer:
    """Give JSON, with status 503 if something is not well."""
    return (200 if well else 503), "application/json", json.dumps(content).encode() + b"\n"


def ready_page(look: Callable[[], dict[str, str]], *, why: bool) -> Page:
    """Make the page that says whether the service is ready.

    Parameters
    ----------
    look
        Gives what is wrong with each part; empty texts for those that are well.
    why
        Whether to tell that: it is not for strangers.
    """

    def page() -> Answer:
        found = look()
        well = not any(found.values())
        content: dict[str, Any] = {"ready": well}
        if why:
            content["checks"] = {name: problem or "well" for name, problem in found.items()}
        return document(content, well=well)

    return page


def metrics_page(write: Callable[[], bytes]) -> Page:
    """Make the page with the metrics."""
    return lambda: (200, CONTENT_TYPE_LATEST, write())


def handler(pages: dict[str, Page]) -> type[BaseHTTPRequestHandler]:
    """Make the class that answers requests with pages, by path."""

    class Handler(BaseHTTPRequestHandler):
        """Answers GET and HEAD."""

        timeout = 10.0
        server_version, sys_version = "cherenkov-vo", ""

        def do_GET(self) -> None:
            """Answer with a page."""
            page = pages.get(self.path.partition("?")[0])
            status, kind, body = page() if page else (404, "text/plain", b"There is nothing here.\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            if status == 503:
                self.send_header("Retry-After", str(RETRY_AFTER))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the library's name

        def address_string(self) -> str:
            """Give no address: there is none on a Unix socket."""
            return ""

        def log_message(self, format: str, *args: Any) -> None:
            """Log nothing: these are no requests of clients."""

        def handle(self) -> None:
            """Answer; clients that have gone are no fault."""
            with contextlib.suppress(OSError):
                super().handle()

    return Handler


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def serve_socket(place: Path, pages: dict[str, Page]) -> None:
    """Serve pages on a Unix socket of our account, in a thread."""
    place.unlink(missing_ok=True)
    server = _UnixServer(str(place), handler(pages))
    place.chmod(0o600)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def serve_port(port: int, note: Path, pages: dict[str, Page]) -> None:
    """Serve pages on a port of this machine, in a thread.

    Parameters
    ----------
    port
        Which; 0 takes that of the last time, or a free one.
    note
        Where it is written down.
    pages
        By path.
    """
    server = None
    for wanted in (port,) if port else (*_last(note), 0):
        with contextlib.suppress(OSError):
            server = ThreadingHTTPServer((HOST, wanted), handler(pages))
            break
    if server is None:
        raise OSError(f"port {port} of {HOST}, for metrics, is taken")
    server.daemon_threads = True
    partial = note.with_suffix(".partial")
    partial.write_text(str(server.server_address[1]), encoding="ascii")
    partial.replace(note)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _last(note: Path) -> list[int]:
    try:
        return [int(note.read_text(encoding="ascii"))]
    except (OSError, ValueError):
        return []
