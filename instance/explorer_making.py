"""What has to be there before the explorer can be started: environments, code, pages, database."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import CherenkovVOError, InstanceError
from instance import explorer_database, explorer_variables, packages, pages
from instance.bringup import Instance
from instance.cluster import free_port
from instance.console import say
from instance.deploy import copy_changed, mirror
from instance.exits import EXIT_DISK, EXIT_ENVIRONMENT
from instance.explorer_parts import Places
from instance.settings import CHECKOUT, Settings

SOURCE = CHECKOUT / "portal"
PARTS = ("server", "jobs", "hips")
"""Directories of the source that run on the server."""

ROOM = {"explorer": 700_000_000, "jobs": 500_000_000, "pages": 400_000_000}
"""Bytes that environments take, and that the pages take while they are built."""

LEFT = 500_000_000
"""Bytes that have to be left for the VO services."""

STORE_PROGRAM = "/usr/bin/redis-server"


@dataclass(frozen=True)
class Made:
    """What can be started.

    Parameters
    ----------
    python
        The server's interpreter.
    environment
        Its environment.
    database_port
        Port of the database that this names.
    metrics_port
        Port of its metrics; None if there are none.
    """

    python: Path
    environment: dict[str, str]
    database_port: int
    metrics_port: int | None


def make(instance: Instance) -> Made:
    """Make what is missing or has changed; the cluster runs.

    Parameters
    ----------
    instance
        The instance.

    Raises
    ------
    CherenkovVOError
        Something cannot be made.
    """
    places, account = Places(instance.home), instance.account
    if packages.installed_version(packages.STORE) is None:
        raise InstanceError(
            f"Debian's package {packages.STORE} is not installed.",
            "Install it, or run 'make serve' as root or with sudo.",
            exit_code=EXIT_ENVIRONMENT,
        )
    (instance.home / "log").mkdir(exist_ok=True)
    _check_room(instance)
    python = packages.ensure_venv(places.programs, "explorer")
    node, log = pages.node_of(python), instance.home / "log" / "explorer-build.log"
    built = pages.ensure(instance.home, account, node, log)
    settings = _with_jobs(instance)
    _copy_code(places)
    if not settings.explorer_hips:
        # What is not kept up to date is not shown.
        shutil.rmtree(places.hips, ignore_errors=True)
    for directory in (places.state, places.state / "redis", places.hips):
        account.make_directory(directory, 0o700)
    explorer_database.secret(places.key, account)
    url = explorer_database.ensure(instance.cluster, places)
    metrics_port = (settings.explorer_metrics_port or free_port()) if settings.metrics else None
    kept = explorer_variables.managed(places, built, url, metrics_port)
    inputs = instance.dachs.deployment.inputs
    environment = explorer_variables.environment(settings, inputs, places, kept)
    found = Made(python, environment, instance.cluster.port, metrics_port)
    _migrate(instance, found)
    return found


def _check_room(instance: Instance) -> None:
    """Make sure that what is to be made does not fill the disk."""
    home = instance.home
    wanted = {"explorer", *(["jobs"] if instance.settings.explorer_jobs else [])}
    missing = {name for name in wanted if not packages.mark_of(home / name, name)[0].exists()}
    if not pages.are_built(home):
        missing.add("pages")
    needed, free = sum(ROOM[name] for name in missing) + LEFT, shutil.disk_usage(home).free
    if missing and free < needed:
        raise InstanceError(
            f"Only {free // 1_000_000} MB are free where {home} lies; {needed // 1_000_000} MB are needed for"
            " the explorer.",
            "Make room, or switch it off with CHERENKOV_VO_EXPLORER=no.",
            exit_code=EXIT_DISK,
        )


def _with_jobs(instance: Instance) -> Settings:
    """Make the environment of analysis jobs; without it, the explorer has none."""
    settings = instance.settings
    if settings.explorer_jobs:
        try:
            packages.ensure_venv(instance.home / "jobs", "jobs")
        except CherenkovVOError as error:
            say(f"  The explorer has no analysis jobs: {error}", "warning")
            return dataclasses.replace(settings, explorer_jobs=False)
    return settings


def _copy_code(places: Places) -> None:
    target = places.code / SOURCE.name
    for part in PARTS:
        mirror(SOURCE / part, target / part)
    copy_changed(SOURCE / "__init__.py", target / "__init__.py")


def _migrate(instance: Instance, made: Made) -> None:
    """Bring the tables of the explorer's database to the newest form."""
    done = subprocess.run(
        instance.account.command(server_command(made.python, "migrate")),
        env=made.environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    log = instance.home / "log" / "explorer.log"
    with log.open("a", encoding="utf-8") as kept:
        kept.write(done.stdout)
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise InstanceError(
            f"The explorer cannot be started: {'; '.join(lines[-2:]) or 'it says nothing'}",
            f"The whole story is in {log}.",
        )


def server_command(python: Path, *arguments: str) -> list[str | Path]:
    """Give the command line of the explorer's server."""
    return [python, "-m", "portal.server", *arguments]


def store_configuration(places: Places) -> str:
    """Write Redis's configuration: on a Unix socket only, with what is in it kept on the disk."""
    return f"""\
# Written by instance/explorer_making.py.
port 0
unixsocket {places.store}
unixsocketperm 700
daemonize no
dir {places.state / "redis"}
# Sessions outlive a restart; caches are kept with them, and end by themselves.
save ""
appendonly yes
appendfsync everysec
auto-aof-rewrite-min-size 16mb
maxmemory 256mb
maxmemory-policy volatile-ttl
databases 1
loglevel warning
"""
