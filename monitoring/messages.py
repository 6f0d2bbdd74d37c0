"""What the proxy has to say beside requests; it names clients and what they asked for, which is left out."""

from __future__ import annotations

import re
import socket
import threading
from pathlib import Path

from serving import logs

LARGEST = 1 << 16
LEVELS = {"error": "error", "crit": "critical", "alert": "critical", "emerg": "critical", "warn": "warning"}

_MESSAGE = re.compile(r"(?s)<\d+>.*?\bproxy: [\d/]+ [\d:]+ \[(?P<level>\w+)\] (?P<text>.*)")
_NUMBERS = re.compile(r"\d+#\d+: (\*\d+ )?")
_UPSTREAM = re.compile(r"/([a-z]+-\d+(?:-send)?|monitor)\.sock")


def line_of(said: str) -> str:
    """Write a message as a line of our logs: without the client, and without quoted texts."""
    found = _MESSAGE.match(said)
    level, text = (found["level"], found["text"]) if found else ("error", said)
    worker = _UPSTREAM.search(text)
    beginning = text.split(", client:")[0]
    beginning = re.sub(r'"[^"]*"', '"..."', _NUMBERS.sub("", beginning, count=1))
    fields = {"worker": worker[1]} if worker else {}
    return logs.line(LEVELS.get(level, "info"), "proxy", beginning.strip(), fields=fields)


def listen(place: Path, log: Path) -> None:
    """Write down what the proxy says, in a thread that ends with the process.

    Parameters
    ----------
    place
        The socket that the proxy knows.
    log
        The file.
    """
    place.unlink(missing_ok=True)
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.bind(str(place))
    place.chmod(0o600)

    def work() -> None:
        while True:
            said = ours.recv(LARGEST).decode("utf-8", "replace")
            try:
                logs.append(log, line_of(said))
            except OSError:
                continue  # a full disk; later ones may fit again

    threading.Thread(target=work, name="messages", daemon=True).start()
