"""Asking a process on its Unix socket."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path

PULSE = "/.worker"
"""Path on which a worker says what it does; as in ``serving/worker.py``."""


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def ask(path: Path, url: str, timeout: float) -> bytes | None:
    """Get a document from a worker; None if it does not answer well.

    Parameters
    ----------
    path
        Its socket.
    url
        Path of the document.
    timeout
        In seconds.
    """
    connection = _UnixConnection(path, timeout)
    try:
        connection.request("GET", url)
        reply = connection.getresponse()
        return reply.read() if reply.status == http.HTTPStatus.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def pulse(path: Path, timeout: float = 5.0) -> dict[str, int] | None:
    """Ask a worker what it does; None if it does not answer."""
    said = ask(path, PULSE, timeout)
    return None if said is None else {str(key): int(value) for key, value in json.loads(said).items()}
