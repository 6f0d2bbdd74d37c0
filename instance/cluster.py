"""The private PostgreSQL cluster: made, started, stopped; no system cluster is touched.

It listens on 127.0.0.1 only and asks for passwords; the superuser's lies in a file that only the
service account can read.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import BinaryIO

from ingest.errors import InstanceError
from instance import grants, postgres
from instance.account import Account
from instance.exits import EXIT_DISK, EXIT_ENVIRONMENT, EXIT_PORT, FAILURE, MAKE_ROOM, out_of_space
from instance.packages import postgresql_version
from instance.settings import Settings

DATABASE = "gavo"
SUPERUSER = "owner"
HOST = "127.0.0.1"
START_ATTEMPTS = 5


def free_port() -> int:
    """Give a TCP port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int, host: str = HOST) -> bool:
    """Say whether a server could listen on a port."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


class Cluster:
    """The cluster of one instance.

    Parameters
    ----------
    home
        The instance's directory.
    account
        Who runs it.
    wanted_port
        The port to listen on; 0 takes the last one, or a free one.
    """

    def __init__(self, home: Path, account: Account, wanted_port: int = 0) -> None:
        self.data = home / "postgres" / "data"
        self.log = home / "log" / "postgresql.log"
        self.password_file = home / "postgres" / "pgpass"
        self.port_file = home / "postgres" / "port"
        self.ready_mark = home / "postgres" / "complete"
        self.account = account
        self.wanted_port = wanted_port

    @property
    def programs(self) -> Path:
        """Directory of the server programs."""
        version = self.data_version() or postgresql_version()
        found = Path(f"/usr/lib/postgresql/{version}/bin")
        if not (found / "postgres").exists():
            raise InstanceError(
                f"PostgreSQL {version or ''} is not installed, but this instance needs it.",
                "Install it, or start afresh with 'make clean' and 'make serve'.",
                exit_code=EXIT_ENVIRONMENT,
            )
        return found

    def data_version(self) -> str | None:
        """Give the version of PostgreSQL that made it, such as ``15``; None if nothing is there."""
        mark = self.data / "PG_VERSION"
        return mark.read_text(encoding="ascii").strip() if mark.exists() else None

    @property
    def port(self) -> int:
        """The port it listens on, or listened on last."""
        return int(self.port_file.read_text(encoding="ascii")) if self.port_file.exists() else 0

    @property
    def environment(self) -> dict[str, str]:
        """Environment for PostgreSQL's programs."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C.UTF-8",
            "HOME": "/nonexistent",
            "PGPASSFILE": str(self.password_file),
        }

    @property
    def dsn(self) -> str:
        """Connection string for the superuser; the password comes from PGPASSFILE."""
        return f"host={HOST} port={self.port} dbname={DATABASE} user={SUPERUSER}"

    def _run(
        self, program: str, *arguments: str | Path, text: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [self.programs / program, *arguments]
        return self.account.run(command, self.environment, capture_output=True, cwd="/", input=text)

    def create(self) -> None:
        """Make the cluster, or make it anew if an earlier attempt did not get to its end."""
        if self.ready_mark.exists():
            return
        if self.data.exists():
            self.stop()
            shutil.rmtree(self.data)
        self.account.make_directory(self.data.parent, 0o700)
        self.account.make_directory(self.data, 0o700)
        password = secrets.token_urlsafe(24)
        first = self.data.parent / "first-password"
        self._write_secret(first, password)
        self._write_secret(self.password_file, f"{HOST}:*:*:{SUPERUSER}:{password}\n")
        done = self._run(
            "initdb", "-D", self.data, "-E", "UTF8", "--locale=C.UTF-8", "-U", SUPERUSER,
            "--auth=scram-sha-256", f"--pwfile={first}",
        )  # fmt: skip
        first.unlink()
        if done.returncode:
            raise InstanceError(f"PostgreSQL's initdb failed: {_last_line(done)}")
        settings = f"listen_addresses = '{HOST}'\nunix_socket_directories = ''\nlog_min_messages = warning\n"
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as config:
            config.write(settings)
        self._write_secret(self.ready_mark, "")

    def _write_settings(self) -> None:
        """Derive settings from the machine, which may have changed since the last start."""
        target, config = self.data / postgres.FILE_NAME, self.data / "postgresql.conf"
        target.write_text(postgres.text(), encoding="utf-8")
        self.account.own(target)
        include = f"include = '{postgres.FILE_NAME}'"
        if include not in config.read_text(encoding="utf-8").splitlines():
            with config.open("a", encoding="utf-8") as settings:
                settings.write(f"{include}\n")

    def _write_secret(self, path: Path, content: str) -> None:
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_text(content, encoding="utf-8")
        self.account.own(path)

    def process(self) -> int | None:
        """Give the server's process id if it runs."""
        mark = self.data / "postmaster.pid"
        try:
            pid = int(mark.read_text(encoding="ascii").split()[0])
            program = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError, IndexError):
            return None
        return pid if str(self.data).encode() in program else None

    def start(self) -> None:
        """Start the server if it does not run.

        Raises
        ------
        InstanceError
            It does not come up.
        """
        if self.process() is not None:
            return
        self.account.make_directory(self.log.parent)
        self._write_settings()
        done = None
        for attempt in range(START_ATTEMPTS):
            port = self.wanted_port or self.port
            if not port or (not self.wanted_port and not port_is_free(port)):
                port = free_port()
            self._write_secret(self.port_file, str(port))
            done = self._run(
                "pg_ctl", "start", "-w", "-t", "60", "-D", self.data, "-l", self.log, "-o", f"-p {port}"
            )
            if done.returncode == 0:
                return
            if self.wanted_port and not port_is_free(port):
                raise InstanceError(
                    f"Port {port}, for the database, is taken by another program.",
                    "End that, or leave CHERENKOV_VO_DATABASE_PORT to choose a free one.",
                    exit_code=EXIT_PORT,
                )
            # After a kill -9, backends in the middle of a query do not notice, and hold shared memory.
            self._kill_orphans()
            time.sleep(1.0 + attempt)
        reason = self._reason(done)
        full = out_of_space(reason)
        raise InstanceError(
            f"PostgreSQL does not start on port {self.port}: {reason}",
            f"{MAKE_ROOM if full else ''} The whole story is in {self.log}.".lstrip(),
            exit_code=EXIT_DISK if full else FAILURE,
        )

    def _kill_orphans(self) -> None:
        """End backends whose server is gone; call it only when it is."""
        if self.process() is not None:
            return
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (entry / "cwd").readlink() == self.data and (entry / "exe").readlink().name == "postgres":
                    os.kill(int(entry.name), signal.SIGQUIT)

    def _reason(self, done: subprocess.CompletedProcess[str] | None) -> str:
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        fatal = [line for line in lines[-20:] if "FATAL" in line or "could not" in line]
        return fatal[-1] if fatal else (_last_line(done) if done else "no message")

    def stop(self) -> None:
        """Stop the server; it ends queries and keeps what was committed."""
        if self.process() is not None:
            self._run("pg_ctl", "stop", "-w", "-t", "30", "-m", "fast", "-D", self.data)

    def sql(self, statement: str, database: str = DATABASE) -> list[str]:
        """Run SQL as superuser and give the lines of its result, fields separated by ``|``.

        Raises
        ------
        InstanceError
            The database refuses it.
        """
        done = self._run(
            "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", *self._where(database), "-c", statement,
        )  # fmt: skip
        if done.returncode:
            raise refusal(f"The database refused {statement[:60]!r}: {_last_line(done)}")
        return done.stdout.splitlines()

    def script(self, text: str, database: str = DATABASE) -> None:
        """Run any amount of SQL as superuser, as a whole or not at all.

        Raises
        ------
        InstanceError
            The database refuses it.
        """
        done = self._run(
            "psql", "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", *self._where(database), "-f", "-", text=text
        )  # fmt: skip
        if done.returncode:
            raise refusal(f"The database refused a script: {_last_line(done)}")

    def _where(self, database: str) -> list[str]:
        return ["-h", HOST, "-p", str(self.port), "-U", SUPERUSER, "-d", database]

    def dump(self, target: BinaryIO, database: str = DATABASE) -> None:
        """Write one snapshot of a database, in PostgreSQL's custom format.

        Raises
        ------
        InstanceError
            That fails.
        """
        done = subprocess.run(
            self.account.command([self.programs / "pg_dump", "-Fc", *self._where(database)]),
            env=self.environment, cwd="/", stdout=target, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        if done.returncode:
            raise InstanceError(
                f"The database cannot be dumped: {done.stderr.decode(errors='replace').strip()}"
            )

    def dump_roles(self) -> str:
        """Give the SQL that makes DaCHS's roles, with their passwords; the superuser is left out.

        Raises
        ------
        InstanceError
            The database does not give them.
        """
        done = self._run("pg_dumpall", "--roles-only", *self._where("postgres")[:-2])
        if done.returncode:
            raise InstanceError(f"The database's roles cannot be dumped: {_last_line(done)}")
        lines = [
            line
            for line in done.stdout.splitlines()
            if line.startswith(("CREATE ROLE", "ALTER ROLE", "GRANT"))
        ]
        return "\n".join([line for line in lines if line.split()[2].rstrip(";") != SUPERUSER] + [""])

    def load(self, dump: Path, roles: str, before_data: str) -> None:
        """Fill a cluster that is new from a dump.

        Parameters
        ----------
        dump
            What `dump` wrote; the account can read it.
        roles
            What `dump_roles` gave.
        before_data
            SQL to run when types and functions are there, but no rows and indexes.

        Raises
        ------
        InstanceError
            The database does not take it.
        """
        self.script(roles, "postgres")
        self.recreate_database()
        for section in ("pre-data", "data", "post-data"):
            if section == "data":
                self.script(before_data)
            self.fill(DATABASE, dump, f"--section={section}")
        self.let_administrate()
        self.sql("ANALYZE")

    def let_administrate(self) -> None:
        """Let DaCHS make schemas, as 'dachs init' does; what comes from a dump lacks that right."""
        self.sql(f"GRANT ALL ON DATABASE {DATABASE} TO {grants.ADMINISTRATOR}")

    def fill(self, database: str, dump: Path, *options: str) -> None:
        """Fill a database from a dump, which the account can read.

        Raises
        ------
        InstanceError
            The database does not take it.
        """
        done = self._run("pg_restore", "--exit-on-error", *options, *self._where(database), dump)
        if done.returncode:
            raise InstanceError(f"The database does not take its dump: {_last_line(done)}")

    def limit_queries(self, settings: Settings) -> None:
        """Limit what strangers' queries may take and call, whatever asks the database for them.

        DaCHS sets a limit for each query; this one holds where it sets none.
        """
        limit = f"{settings.tap_async_seconds}s" if settings.fast_paths else "0"
        self.sql(f"ALTER ROLE untrusted SET statement_timeout = '{limit}'")
        self.sql(grants.STATEMENT)

    def recreate_database(self) -> None:
        """Make the database anew and empty."""
        self.sql(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", "postgres")
        self.sql(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'", "postgres")


def refusal(problem: str) -> InstanceError:
    """Make the error for what the database refuses, with another exit code if the disk is full."""
    if out_of_space(problem):
        return InstanceError(problem, MAKE_ROOM, exit_code=EXIT_DISK)
    return InstanceError(problem, "See what 'make doctor' says, then run it again.")


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()]
    return (errors or lines or ["no message"])[-1].strip()
