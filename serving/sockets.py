"""Listening on Unix sockets: the proxy reaches the workers that way, and nobody else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet import reactor, unix
from twisted.internet.address import IPv4Address

MODE = 0o600
BACKLOG = 512
"""Connections that wait to be taken up; the proxy limits requests, so this is never the limit."""


class _Connection(unix.Server):
    """A connection whose ends have addresses as DaCHS expects them: it asks for a host."""

    def getHost(self) -> IPv4Address:  # noqa: N802 - twisted's name
        """Give our end."""
        return IPv4Address("TCP", "127.0.0.1", 0)

    def getPeer(self) -> IPv4Address:  # noqa: N802 - twisted's name
        """Give the proxy's end."""
        return IPv4Address("TCP", "127.0.0.1", 0)


class _Port(unix.Port):
    transport = _Connection


def listen(path: Path, factory: Any) -> None:
    """Serve on a Unix socket that only our own account can connect to.

    Parameters
    ----------
    path
        Where it is made; what an earlier process left there is removed.
    factory
        A twisted protocol factory, such as DaCHS's site.
    """
    path.unlink(missing_ok=True)
    _Port(str(path), factory, BACKLOG, MODE, reactor).startListening()
