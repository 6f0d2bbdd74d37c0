"""Instances that are there to be harmed: start them, find their processes, kill those, look."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from instance import settings
from instance.bringup import Instance
from instance.cluster import free_port
from instance.packages import venv_python
from tests.run import AUTHORITY, CHECKOUT

PROGRAM = CHECKOUT / "bin" / "cherenkov-vo"
PATIENCE = 900.0
"""Seconds for anything at all; only to end a test that hangs."""

CTAO_RUNS = 24
"""Runs of the simulated CTAO-like release: the fewest that have every kind of observation."""

MASTER = "nginx: master"
"""How the proxy calls itself."""

UP = " is up.\n"
"""What the program says once it serves."""


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for a condition to give something true; gives that."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.05)
    return found


def kill(pid: int) -> None:
    """End a process as nothing else does, and wait until it is gone."""
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not words_of(pid), f"the end of process {pid}")


def words_of(pid: int) -> list[str]:
    """Give the command line of a process; nothing if it is gone."""
    try:
        line = os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes()).rstrip("\0")
    except OSError:
        return []
    return line.split("\0") if line else []  # what ended, but was not waited for, has none


@dataclasses.dataclass
class Site:
    """One instance of our own, on a free port.

    Attributes
    ----------
    home
        Its directory.
    release
        What the ``hess_dr`` collection publishes: a directory, or ``sample``.
    challenge
        Directory of CTA's first data challenge, or ``none``.
    vocabulary
        The vocabulary profile.
    """

    home: Path
    release: str = "sample"
    challenge: str = "none"
    vocabulary: str = "talk"
    port: int = dataclasses.field(default_factory=free_port)

    @property
    def variables(self) -> dict[str, str]:
        """Give the environment that configures it."""
        return {
            "CHERENKOV_VO_INSTANCE": str(self.home),
            "CHERENKOV_VO_PORT": str(self.port),
            "CHERENKOV_VO_AUTHORITY": AUTHORITY,
            "CHERENKOV_VO_DOWNLOAD": "no",
            "CHERENKOV_VO_EXPLORER": "no",
            "CHERENKOV_VO_CTAO_RUNS": str(CTAO_RUNS),
            "CHERENKOV_VO_VOCABULARY": self.vocabulary,
            "HESS_DL3_DR1": self.release,
            "CTA_1DC": self.challenge,
        }

    @property
    def url(self) -> str:
        """Give the URL of its web server."""
        return f"http://localhost:{self.port}"

    @property
    def instance(self) -> Instance:
        """Give the program's own view of it."""
        return Instance(settings.load(self.variables, directory=self.home / "nowhere"))

    def take_environment_of(self, other: Site) -> None:
        """Copy the virtual environment, which costs a download, from another instance."""
        self.home.mkdir(exist_ok=True)
        shutil.copytree(other.home / "venv", self.home / "venv", symlinks=True)

    def run(
        self, *arguments: str, timeout: float = PATIENCE, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the program to its end."""
        return subprocess.run(
            [PROGRAM, *arguments],
            env={**os.environ, **self.variables, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command of the program; what it tells can be read."""
        return subprocess.Popen(
            [PROGRAM, *arguments],
            env={**os.environ, **self.variables},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    @contextlib.contextmanager
    def serving(self, *command: str, **variables: str) -> Iterator[Service]:
        """Serve it; it is asked to end, and does, when the block is left."""
        service = Service(self, list(command) or [str(PROGRAM), "serve"], variables)
        try:
            yield service
        finally:
            service.stop()

    def processes(self) -> dict[int, list[str]]:
        """Find all that runs out of its directory, but not us."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            pid, place = int(entry.name), ""
            with contextlib.suppress(OSError):
                place = os.readlink(entry / "cwd")  # noqa: PTH115 - it may be gone by now
            words = words_of(pid)
            if pid != os.getpid() and any(within(text, self.home) for text in (place, *words)):
                found[pid] = words
        return found

    def dachs(self, command: str) -> list[int]:
        """Find the processes of a DaCHS command."""
        python = str(venv_python(self.home))
        starts = [[python, "/usr/bin/dachs", command]]
        if command == "serve":
            starts.append([python, "-m", "serving.worker"])
        return [pid for pid, words in self.processes().items() if words[:3] in starts]

    def worker(self, name: str) -> int:
        """Give the process id of a process behind the proxy; 0 if it does not run."""
        found = [pid for pid in self.dachs("serve") if any(f"/{name}.sock" in word for word in words_of(pid))]
        return found[0] if found else 0

    @property
    def proxy(self) -> int:
        """Give the process id of the proxy; 0 if it does not run."""
        # What is about to end has no words.
        found = [pid for pid, words in self.processes().items() if "".join(words[:1]).startswith(MASTER)]
        return found[0] if found else 0

    @property
    def supervisor(self) -> int:
        """Give the process id of what serves it."""
        text = (self.home / "serve.lock").read_text(encoding="ascii")
        return int(text) if text and words_of(int(text)) else 0

    @property
    def postmaster(self) -> int:
        """Give the process id of its PostgreSQL."""
        return self.instance.cluster.process() or 0

    def logged(self, line: str) -> bool:
        """Say whether DaCHS's log holds a line."""
        with contextlib.suppress(OSError):
            return line in (self.home / "log" / "dachs.log").read_text(errors="replace").splitlines()
        return False

    def proxy_said(self, lines: int = 20) -> str:
        """Give the last that the proxy had to say of its own accord."""
        text = (self.home / "log" / "proxy.jsonl").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def remove(self) -> None:
        """Kill what is left of it and remove its files."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                kill(pid)
        shutil.rmtree(self.home, ignore_errors=True)


def within(text: str, directory: Path) -> bool:
    """Say whether a path, perhaps after an option's name, lies in a directory."""
    return text.rpartition("=")[2] == str(directory) or f"{directory}/" in text


class Service:
    """A program that serves an instance in the foreground; it ends with us, however we end."""

    def __init__(self, site: Site, command: list[str], variables: dict[str, str]) -> None:
        self.site = site
        self.log = site.home.with_name(f"{site.home.name}-{time.monotonic_ns()}.log")
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *command],
                env={**os.environ, **site.variables, **variables},
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        """Give all that it has printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text: str) -> Service:
        """Wait until it prints something."""
        wait_until(lambda: text in self.said or self.process.poll() is not None, repr(text))
        assert text in self.said, self.said
        return self

    def up(self) -> Service:
        """Wait until it serves."""
        return self.wait_for(UP)

    def kill(self) -> None:
        """End it by force; what it had started notices, and ends."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def stop(self) -> None:
        """Ask it to end."""
        self.process.terminate()
        self.process.wait(PATIENCE)
