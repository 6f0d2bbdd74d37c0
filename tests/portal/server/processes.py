"""Real PostgreSQL, Redis and OpenID provider for tests, which end with them even if they are killed."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

import asyncpg

ROOT = Path(__file__).parents[3]
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
UNPRIVILEGED = 65534


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(is_there, process, log, seconds=120):
    deadline = time.monotonic() + seconds
    while not is_there():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"did not come up: {log.read_text()[-2000:]}")
        time.sleep(0.05)


class Process:
    """A server with a directory of its own."""

    stop_signal = signal.SIGTERM

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="explorer-test-"))
        self.process = None

    def command(self):
        raise NotImplementedError

    def is_up(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def start(self):
        # The kernel ends it if the tests are killed.
        name = self.stop_signal.name.removeprefix("SIG")
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", *self.identity(), "--pdeathsig", name, *self.command()],
                stdout=log,
                stderr=log,
                env=self.environment(),
                cwd=self.directory,
            )
        wait_for(self.is_up, self.process, self.directory / "log")

    def identity(self):
        return []

    def stop(self):
        if self.process is not None:
            self.process.send_signal(self.stop_signal)
            self.process.wait(20)
            self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.directory)


class Redis(Process):
    def __init__(self):
        super().__init__()
        self.socket = self.directory / "socket"
        self.url = f"unix://{self.socket}"

    def command(self):
        return [
            "redis-server",
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--save",
            "",
            "--appendonly",
            "no",
        ]

    def is_up(self):
        with socket.socket(socket.AF_UNIX) as one:
            try:
                one.connect(str(self.socket))
                one.sendall(b"PING\r\n")
                return one.recv(5) == b"+PONG"
            except OSError:
                return False


class Postgres(Process):
    # Fast: does not wait for clients.
    stop_signal = signal.SIGINT
    options = ("-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")

    def __init__(self):
        super().__init__()
        self.count = 0
        self.data = self.directory / "data"
        if os.getuid() == 0:
            os.chown(self.directory, UNPRIVILEGED, UNPRIVILEGED)
        subprocess.run(
            ["setpriv", *self.identity(), BINARIES[-1] / "initdb", "-D", self.data, *self.options],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.directory,
        )

    def identity(self):
        if os.getuid() != 0:
            return []
        return [f"--reuid={UNPRIVILEGED}", f"--regid={UNPRIVILEGED}", "--clear-groups"]

    def command(self):
        options = {"listen_addresses": "", "unix_socket_directories": self.directory, "fsync": "off"}
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return [str(BINARIES[-1] / "postgres"), "-D", str(self.data), *words]

    def is_up(self):
        with contextlib.suppress(OSError, asyncpg.PostgresError):
            asyncio.run(self._do("SELECT 1"))
            return True
        return False

    async def _do(self, statement, url=None):
        url = (url or self.url("template1")).replace("+asyncpg", "")
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def do(self, statement, url=None):
        asyncio.run(self._do(statement, url))

    def url(self, database):
        return f"postgresql+asyncpg://postgres@/{database}?host={self.directory}"

    def make(self):
        self.count += 1
        name = f"test{self.count}"
        self.do(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return name


class Provider(Process):
    """The certified provider of npm, which logs in whoever comes."""

    def __init__(self):
        super().__init__()
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"

    def command(self):
        node = os.environ.get("CHERENKOV_EXPLORER_NODE") or shutil.which("node")
        assert node, "there is no node: set CHERENKOV_EXPLORER_NODE"
        # Node of a wheel is a script that starts another process; that one has to end with the tests.
        itself = subprocess.run([node, "-p", "process.execPath"], check=True, capture_output=True, text=True)
        return [itself.stdout.strip(), str(ROOT / "tests/portal/provider/provider.mjs")]

    def environment(self):
        return dict(os.environ, PROVIDER_PORT=str(self.port), NODE_NO_WARNINGS="1")

    def is_up(self):
        try:
            with urllib.request.urlopen(
                f"{self.issuer}/.well-known/openid-configuration", timeout=2
            ) as answer:
                return answer.status == 200
        except OSError:
            return False
