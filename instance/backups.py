"""What a backup of an instance holds: all that cannot be made again, and the database for speed."""

from __future__ import annotations

import datetime
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest import storage
from ingest.errors import InstanceError
from instance import archive, explorer_database, packages
from instance.archive import Writer
from instance.bringup import WORK_PATIENCE, Instance
from instance.cluster import DATABASE
from instance.console import Step
from instance.exits import EXIT_DATA
from instance.settings import CHECKOUT, SETTINGS_FILE, fields_of
from instance.state import holder, lock
from instance.version import VERSION, noted

DUMP, ROLES = "database.dump", "roles.sql"
HOME, CONFIGURATION, DATA = "home/", "configuration/", "data/"
"""Prefixes of members: the instance's files, the operator's in the checkout, and those of releases."""

KEPT = (
    *("state.json", "kept.json", "reports", "dachs/etc", "dachs/state", "dachs/web", "dachs/cache"),
    *("explorer-state/database-password", "explorer-state/secret-key"),
)
"""Files and directories of an instance that a backup holds."""

POSTGRES_SETTINGS = ("postgresql.conf", "pg_hba.conf")
"""Files of the cluster that an operator may have changed."""

NOT_KEPT = ("dachs/cache/previews", "dachs/cache/astropy")
"""What is in those and can be made again."""

PREFIX, SUFFIX = "cherenkov-vo-", ".tar"


def default_directory(chosen: Path) -> Path:
    """Give the directory for backups: beside the instance, so that both are not lost together."""
    return chosen.with_name(f"{chosen.name}-backups")


def make(instance: Instance, to: Path | None, *, data: bool = False) -> Path:
    """Write a backup, whether the instance is served or not.

    Parameters
    ----------
    instance
        It.
    to
        The archive, or the directory for it; without, `default_directory`.
    data
        Hold the files of releases that lie in the instance, too.

    Returns
    -------
    Path
        The archive.

    Raises
    ------
    InstanceError
        There is nothing to back up, or the archive cannot be written.
    """
    if not instance.cluster.ready_mark.exists() or instance.state.get("database") is None:
        raise InstanceError(
            f"There is no complete instance in {instance.home}.",
            "'make serve' makes one.",
            exit_code=EXIT_DATA,
        )
    target = _target(instance, to)
    with lock(instance.work_lock, WORK_PATIENCE, "preparing this instance"):
        served = holder(instance.serve_lock) is not None
        try:
            instance.cluster.start()
            with Step(f"Writing {target}"), archive.writing(target) as writer:
                _fill(instance, writer, data=data)
        finally:
            if not served:
                instance.cluster.stop()
        instance.state.set(backup={"time": _now().timestamp(), "path": str(target)})
    return target


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _target(instance: Instance, to: Path | None) -> Path:
    name = f"{PREFIX}{_now():%Y%m%dT%H%M%SZ}{SUFFIX}"
    if to is None:
        directory = default_directory(instance.settings.instance)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return directory / name
    to = to.absolute()
    return to / name if to.is_dir() else to


def _fill(instance: Instance, writer: Writer, *, data: bool) -> None:
    cluster, home = instance.cluster, instance.home
    # First: whatever is done meanwhile has its files when these are read.
    databases = {DUMP: DATABASE}
    if explorer_database.is_there(cluster):
        databases[explorer_database.DUMP] = explorer_database.NAME
    for member, database in databases.items():
        with tempfile.TemporaryFile(dir=writer.path.parent) as dump:
            cluster.dump(dump, database)
            dump.seek(0)
            writer.add_stream(member, dump, os.fstat(dump.fileno()).st_size)
    writer.add_text(ROLES, cluster.dump_roles())
    for path in _files(home, KEPT):
        add = writer.add_directory if path.is_dir() else writer.add_file
        add(f"{HOME}{path.relative_to(home)}", path)
    for name in POSTGRES_SETTINGS:
        writer.add_file(f"{HOME}postgres/{name}", cluster.data / name)
    configured = [CHECKOUT / SETTINGS_FILE, *sorted((CHECKOUT / "inputs").glob("*/*"))]
    for path in configured:
        if path.is_file() and path.suffix in (".toml", ".rd"):
            writer.add_file(f"{CONFIGURATION}{path.relative_to(CHECKOUT)}", path)
    releases = _releases(instance)
    if data:
        for path in _files(home, ("releases",)):
            writer.add_file(f"{DATA}{path.relative_to(home)}", path)
    writer.finish(
        {
            "version": noted(instance.state) or VERSION,
            "made": _now().isoformat(),
            "dachs": packages.installed_version("python3-gavo"),
            "postgresql": cluster.data_version(),
            "database_bytes": sum(
                int(cluster.sql("SELECT pg_database_size(current_database())", database)[0])
                for database in databases.values()
            ),
            "instance_created": cluster.ready_mark.stat().st_mtime,
            "settings": fields_of(instance.settings),
            "releases": releases,
        }
    )


def _files(home: Path, names: tuple[str, ...]) -> Iterator[Path]:
    left_out = {home / name for name in NOT_KEPT}
    for name in names:
        place = home / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            empty = path.is_dir() and not any(path.iterdir())
            if path.is_symlink() or not (path.is_file() or empty) or path.suffix == ".partial":
                continue
            if not left_out.intersection(path.parents):
                yield path


def _releases(instance: Instance) -> list[dict[str, Any]]:
    """List all files of all releases with size, checksum and time; object stores only by name."""
    found = []
    for place in sorted(instance.dachs.deployment.inputs.glob("*/releases/*")):
        entry: dict[str, Any] = {"collection": place.parent.parent.name, "release": place.name}
        bound = place / f"{storage.BOUND}.url"
        if bound.exists():
            entry["url"] = bound.read_text(encoding="utf-8").strip()
        else:
            directory = (place / storage.BOUND).resolve()
            inside = directory.is_relative_to(instance.home)
            entry["directory"] = str(directory.relative_to(instance.home) if inside else directory)
            entry["files"] = {
                str(path.relative_to(directory)): [
                    path.stat().st_size,
                    checksum(path),
                    path.stat().st_mtime_ns,
                ]
                for path in sorted(directory.rglob("*"))
                if path.is_file()
            }
        found.append(entry)
    return found


def checksum(path: Path) -> str:
    """Give the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
