"""What the monitor is told at its start, by ``instance/monitor.py``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Options:
    """What there is to watch.

    Attributes
    ----------
    home, run
        The instance's directory, and that of its sockets.
    requests, messages
        The proxy's log of requests, and the socket on which it has other things to say.
    socket
        Where the proxy asks whether the service is ready.
    metrics, port, port_file
        Whether metrics are served on 127.0.0.1, on which port (0: a free one), and where that is noted.
    facts
        What the supervisor knows, as JSON; it changes.
    least_disk
        Free megabytes below which the service is not ready.
    kinds
        Kinds of endpoints.
    build
        Versions.
    """

    home: Path
    run: Path
    requests: Path
    messages: Path
    socket: Path
    metrics: bool
    port: int
    port_file: Path
    facts: Path
    least_disk: int
    kinds: tuple[str, ...]
    build: dict[str, str]

    @staticmethod
    def load(path: Path) -> Options:
        """Read them."""
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        for name in ("home", "run", "requests", "messages", "socket", "port_file", "facts"):
            said[name] = Path(said[name])
        return Options(**said | {"kinds": tuple(said["kinds"])})


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; an empty one if there is none, or something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
