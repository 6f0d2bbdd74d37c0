"""Making an instance from a backup: beside what is there, and put in its place once it is complete."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest.errors import InstanceError
from instance import archive, backups, explorer_database, packages, swap
from instance.bringup import WORK_PATIENCE, Instance, simulate_sample
from instance.cluster import Cluster
from instance.console import Step
from instance.exits import EXIT_BUSY, EXIT_DISK, EXIT_ENVIRONMENT
from instance.settings import CHECKOUT, fields_of
from instance.state import holder, lock
from instance.version import VERSION, order

DEFINITIONS = CHECKOUT / "rd" / "functions.sql"
"""Functions that indexes use. Those in a dump of version 0.1.0 cannot be used while it is read."""

FACTOR = 2
"""Room that a database takes while it is filled, compared to what it took before: there is a log as well."""

CLUSTER_ROOM = 100_000_000
"""Bytes of an empty cluster with its first log."""

NAMED = 5
"""Files of a release that a message names."""


def restore(instance: Instance, source: Path, *, force: bool = False) -> list[str]:
    """Make an instance from a backup.

    Parameters
    ----------
    instance
        Where it goes.
    source
        The archive.
    force
        If there is an instance already, move it aside.

    Returns
    -------
    list of str
        What the operator should know or do.

    Raises
    ------
    InstanceError
        The archive is damaged, or of another version, or there is no room, or an instance is there;
        nothing was changed then. Or the database does not take it; what was there is as it was then.
    """
    with Step(f"Checking {source}"):
        manifest = archive.verify(source)
    home = instance.home
    _check_versions(source, manifest)
    if holder(instance.serve_lock) is not None:
        raise InstanceError("The instance is being served.", "'make down' stops it.", exit_code=EXIT_BUSY)
    with lock(instance.work_lock, WORK_PATIENCE, "preparing this instance"):
        there = _there(home)
        if there and not force:
            raise InstanceError(
                f"There is an instance in {home} already ({', '.join(there)}).",
                "'make restore FROM=... FORCE=yes' moves it aside.",
                exit_code=EXIT_BUSY,
            )
        _check_room(home, manifest)
        staged = home / swap.STAGING
        shutil.rmtree(staged, ignore_errors=True)
        try:
            _build(instance, source, manifest, staged / swap.NEW)
        except BaseException:
            Cluster(staged / swap.NEW, instance.account).stop()
            shutil.rmtree(staged, ignore_errors=True)
            raise
        if there and instance.cluster.ready_mark.exists():
            instance.cluster.stop()
        aside = f"{swap.BEFORE}{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
        swap.plan(home, aside)
        swap.finish(home)
    _simulate_again(instance, manifest)
    told = [f"What was there before is in {home / aside}."] if (home / aside).exists() else []
    return [
        *told,
        *_settings_that_differ(instance, manifest),
        *_configuration(source, manifest),
        *_missing(home, manifest),
    ]


def _check_versions(source: Path, manifest: dict[str, Any]) -> None:
    if order(manifest["version"]) > order(VERSION):
        raise InstanceError(
            f"{source} was made by version {manifest['version']}; this is version {VERSION}, which is older.",
            f"Use version {manifest['version']} or newer.",
            exit_code=EXIT_ENVIRONMENT,
        )
    here = packages.postgresql_version()
    if here is None or int(here) < int(manifest["postgresql"]):
        raise InstanceError(
            f"{source} holds a database of PostgreSQL {manifest['postgresql']}; here is {here or 'none'}.",
            f"Install PostgreSQL {manifest['postgresql']} or newer.",
            exit_code=EXIT_ENVIRONMENT,
        )
    if not packages.at_least(packages.installed_version("python3-gavo"), manifest["dachs"]):
        raise InstanceError(
            f"{source} was made with DaCHS {manifest['dachs']}; here is an older one,"
            f" {packages.installed_version('python3-gavo')}.",
            f"Install DaCHS {manifest['dachs']} or newer.",
            exit_code=EXIT_ENVIRONMENT,
        )


def _there(home: Path) -> list[str]:
    """Name what of an instance is there, but for what only holds programs."""
    return [name for name in ("postgres", "dachs", "state.json") if (home / name).exists()]


def _check_room(home: Path, manifest: dict[str, Any]) -> None:
    members = sum(member["size"] for member in manifest["members"].values())
    needed = FACTOR * manifest["database_bytes"] + members + CLUSTER_ROOM
    free = shutil.disk_usage(home).free
    if free < needed:
        raise InstanceError(
            f"Only {free // 1_000_000} MB are free where {home} lies; {needed // 1_000_000} MB are needed.",
            "Make room, or choose another place with CHERENKOV_VO_INSTANCE.",
            exit_code=EXIT_DISK,
        )


def _build(instance: Instance, source: Path, manifest: dict[str, Any], place: Path) -> None:
    """Make all of an instance below another directory; nothing runs afterwards."""
    account = instance.account
    place.mkdir(parents=True)
    cluster = Cluster(place, account)
    with Step("Making the database cluster"):
        cluster.create()
        archive.unpack(source, backups.HOME, place)
        for name in backups.POSTGRES_SETTINGS:
            _keep_settings(place / "postgres" / name, cluster, manifest)
        account.own(place / "dachs", place / "reports", *place.glob("explorer-state"))
        cluster.start()
    with Step("Filling the database"):
        for name in (backups.DUMP, backups.ROLES):
            archive.unpack(source, name, place / f"read-{name}")
        dump, roles = (place / f"read-{name}" for name in (backups.DUMP, backups.ROLES))
        account.own(dump)
        cluster.load(dump, roles.read_text(encoding="utf-8"), DEFINITIONS.read_text(encoding="utf-8"))
        dump.unlink()
        roles.unlink()
        explorer_database.restore(cluster, source, manifest["members"])
        cluster.stop()
    # Registry records carry the date when the instance was made.
    os.utime(cluster.ready_mark, (manifest["instance_created"],) * 2)
    archive.unpack(source, backups.DATA, place)


def _keep_settings(kept: Path, cluster: Cluster, manifest: dict[str, Any]) -> None:
    """Take the operator's settings of PostgreSQL; those of another version stay aside."""
    if kept.exists() and cluster.data_version() == manifest["postgresql"]:
        kept.replace(cluster.data / kept.name)
        cluster.account.own(cluster.data / kept.name)


def _settings_that_differ(instance: Instance, manifest: dict[str, Any]) -> Iterator[str]:
    for name, value in fields_of(instance.settings).items():
        before = manifest["settings"].get(name, value)
        if before != value:
            yield f"Setting {name} is {value!r}; it was {before!r}."


def _configuration(source: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """Put back what the operator wrote in the checkout; what differs is laid beside it."""
    with archive.unpacked(source, backups.CONFIGURATION) as place:
        for path in sorted(path for path in place.rglob("*") if path.is_file()):
            name = path.relative_to(place)
            target = CHECKOUT / name
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, target)
                yield f"{target} was put back."
            elif target.read_bytes() != path.read_bytes():
                if manifest["version"] != VERSION and name.parts[0] == "inputs":
                    continue  # the new version's own
                beside = target.with_name(f"{target.name}.restored")
                shutil.copy2(path, beside)
                yield f"{target} is not as it was; the backup's is in {beside.name}, beside it."


def _simulate_again(instance: Instance, manifest: dict[str, Any]) -> None:
    """Write the simulated releases that are gone, and tell the ledgers that their files are the old ones."""
    makers = {"sample": simulate_sample, "ctao-sample": instance.simulate_ctao}
    for release in manifest["releases"]:
        directory = instance.home / release.get("directory", "")
        if directory.parent != instance.home / "releases":
            continue
        if directory.name in makers and not directory.exists():
            with Step(f"Simulating {release['release']} again"):
                makers[directory.name](directory)
        for name, (size, digest, modified) in release["files"].items():
            if _is_as_it_was(directory / name, size, digest):
                os.utime(directory / name, ns=(modified, modified))


def _missing(home: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """Compare the files of the releases with what they were."""
    for release in manifest["releases"]:
        name = f"{release['collection']}, {release['release']}"
        if "directory" not in release:
            yield f"{name}: its files are in {release['url']}, where nobody looked."
            continue
        directory, files = home / release["directory"], release["files"]
        bad = [
            name
            for name, (size, digest, _) in files.items()
            if not _is_as_it_was(directory / name, size, digest)
        ]
        if bad:
            more = f" and {len(bad) - NAMED} more" if len(bad) > NAMED else ""
            yield (
                f"{name}: {len(bad)} of {len(files)} files in {directory} are missing or have changed:"
                f" {', '.join(bad[:NAMED])}{more}."
            )


def _is_as_it_was(path: Path, size: int, digest: str) -> bool:
    return path.is_file() and path.stat().st_size == size and backups.checksum(path) == digest
