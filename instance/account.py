"""The account that the services run under, and starting processes under it.

PostgreSQL refuses to run as root, and a web server should not. When root brings an instance up,
its services run as a system user of their own; anybody else's run as that person.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import InstanceError
from instance.exits import EXIT_ENVIRONMENT

SERVICE_USER = "cherenkov-vo"


@dataclass(frozen=True)
class Account:
    """The user that owns the instance's processes and files."""

    name: str
    uid: int
    gid: int

    @property
    def group(self) -> str:
        """Name of the primary group."""
        return grp.getgrgid(self.gid).gr_name

    def own(self, *paths: Path) -> None:
        """Give paths to the account, all the way down, if root is to set that."""
        if os.geteuid() != 0:
            return
        for path in paths:
            for item in (path, *path.rglob("*")):
                os.chown(item, self.uid, self.gid, follow_symlinks=False)

    def make_directory(self, path: Path, mode: int = 0o755) -> Path:
        """Create a directory that belongs to the account."""
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)
        return path

    def command(self, arguments: Sequence[str | Path]) -> list[str]:
        """Give a command line that runs as the account and ends when its parent ends."""
        prefix = ["setpriv", "--pdeathsig", "TERM"]
        if os.geteuid() == 0:
            prefix += [f"--reuid={self.uid}", f"--regid={self.gid}", "--init-groups"]
        return [*prefix, "--", *map(str, arguments)]

    def run(
        self, arguments: Sequence[str | Path], environment: Mapping[str, str], **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as the account and wait for it."""
        return subprocess.run(
            self.command(arguments), env=dict(environment), text=True, check=False, **options
        )

    def can_read_all(self, directory: Path) -> bool:
        """Say whether the account can read all files below a directory.

        Links are followed; names that begin with a dot do not count.
        """
        closed: list[str | Path] = ["(", "-type", "d", "-o", "-type", "f", ")", "!", "-readable"]
        closed += ["-o", "-type", "d", "!", "-executable"]
        skipped = ["-mindepth", "1", "-name", ".*", "-prune", "-o"]
        done = self.run(
            ["find", "-L", directory, *skipped, "(", *closed, ")", "-print", "-quit"],
            {"PATH": os.defpath},
            capture_output=True,
            cwd="/",  # find goes back to where it began, which may be closed to the account
        )
        return done.returncode == 0 and not done.stdout


def service_account() -> Account:
    """Give the account for the services; root's is created when it is missing.

    Raises
    ------
    InstanceError
        It cannot be created.
    """
    if os.geteuid() != 0:
        me = pwd.getpwuid(os.geteuid())
        return Account(me.pw_name, me.pw_uid, me.pw_gid)
    try:
        found = pwd.getpwnam(SERVICE_USER)
    except KeyError:
        useradd = shutil.which("useradd") or "/usr/sbin/useradd"
        command = [useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
        command += ["--shell", "/usr/sbin/nologin", SERVICE_USER]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise InstanceError(
                f"The system user {SERVICE_USER} cannot be created: {done.stderr.strip()}",
                "Create it, or run as an ordinary user.",
                exit_code=EXIT_ENVIRONMENT,
            ) from None
        found = pwd.getpwnam(SERVICE_USER)
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


def end(process: subprocess.Popen[Any], patience: float = 10.0) -> None:
    """End a child process: TERM, then KILL when it does not listen."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
