"""The instance's directory: what must be there, who may read it, and what should not be there."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from instance import version
from instance.doctor.faults import Diagnosis, fault, well
from instance.doctor.patient import Patient
from instance.settings import reachable_by_others
from instance.state import fingerprint
from instance.swap import STAGING
from instance.vocabularies import cache_name

VOCABULARIES = ("uat", "product-type", "datalink/core", "messenger")
SECRETS = (
    "postgres/pgpass",
    "dachs/etc/feed",
    "dachs/etc/trustedquery",
    "dachs/etc/untrustedquery",
    "kept.json",
    "explorer-state/database-password",
    "explorer-state/secret-key",
)
SPOOLS = ("dachs/state", "dachs/state/uwsjobs", "dachs/tmp", "dachs/logs")
WRITTEN = ("gavo.rc", "dachs/etc/userconfig.rd", "dachs/etc/vanitynames.txt")
"""What DaCHS reads at its start; `written_fingerprint` of it is in the instance's state."""

OLD_BACKUP = 7 * 86400.0
"""Seconds after which a backup is an old one; who never made one is not told."""

DONE = (("database", "DaCHS's tables"), ("imported", "import"), ("published", "publication"))


def written_fingerprint(home: Path) -> str:
    """Give a digest of the configuration that DaCHS reads."""
    return fingerprint(*(home / name for name in WRITTEN if (home / name).exists()))


def instance(patient: Patient) -> Iterator[Diagnosis]:
    """Look at what was done."""
    home, path = patient.home, patient.state.path
    if path.exists() and not patient.state.read():
        yield fault("state-damaged", "state", f"{path} is no JSON document")
    if not patient.made:
        yield fault("instance-missing", "instance", f"none in {home}")
        return
    last = version.noted(patient.state)
    if last is not None and version.order(last) > version.order(version.VERSION):
        yield fault("newer-version", "version", f"{last} worked here, this is {version.VERSION}")
    for key, what in DONE:
        value = patient.state.get(key)
        done = all(value.values()) if isinstance(value, dict) else bool(value)
        yield well(what, "done") if done else fault("unfinished", what, "not finished")
    data = patient.state.get("data")
    for collection, sources in data.items() if isinstance(data, dict) else ():
        yield well(f"data of {collection}", "; ".join(map(str, sources)))


def permissions(patient: Patient) -> Iterator[Diagnosis]:
    """Look at who may enter and read."""
    if not patient.made:
        return
    if (
        not reachable_by_others(patient.home)
        and patient.account
        and patient.home.stat().st_uid != patient.account.uid
    ):
        yield fault("home-closed", "directory", f"{patient.home}, or one above it, is closed to others")
    data = patient.home / "postgres" / "data"
    if data.exists() and data.stat().st_mode & 0o077:
        yield fault("database-open", "database directory", f"{data} has mode {data.stat().st_mode & 0o777:o}")
    bad = [name for name in SECRETS if _open_to_others(patient.home / name)]
    if bad:
        yield fault("secret-open", "passwords", f"others can read {', '.join(bad)}")
    else:
        yield well("passwords", "only their owner can read them")


def _open_to_others(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & 0o077)


def configuration(patient: Patient) -> Iterator[Diagnosis]:
    """Compare DaCHS's configuration with what was written."""
    wanted = patient.state.get("written")
    if wanted is None:
        return
    if written_fingerprint(patient.home) != wanted:
        yield fault("configuration-changed", "configuration", f"one of {', '.join(WRITTEN)} was changed")
    else:
        yield well("configuration", "as it was written")


def vocabularies(patient: Patient) -> Iterator[Diagnosis]:
    """Look for vocabularies in DaCHS's cache."""
    cache = patient.home / "dachs" / "cache"
    lost = [name for name in VOCABULARIES if not (cache / cache_name(name)).exists()]
    if patient.made and lost:
        yield fault("vocabulary-missing", "vocabularies", f"missing: {', '.join(lost)}")
    elif patient.made:
        yield well("vocabularies", "in DaCHS's cache")


def leftovers(patient: Patient) -> Iterator[Diagnosis]:
    """Look for what interrupted runs left; not while one runs."""
    if not patient.made:
        return
    if (patient.home / STAGING).exists():
        yield fault("restore-interrupted", "restore", f"{patient.home / STAGING} is there")
    places = [patient.home, *(patient.home / name for name in ("releases", "reports", "dachs/cache", "app"))]
    found = [path for place in places for path in place.glob("*.partial")]
    found += list((patient.home / "releases").glob("*/**/*.partial"))
    old = [str(path) for path in sorted({*found}) if path.stat().st_mtime < time.time() - 60]
    if old:
        yield fault("leftovers", "partial files", ", ".join(old[:5]))


def spool(patient: Patient) -> Iterator[Diagnosis]:
    """Look at the directories in which jobs and uploads lie."""
    account = patient.account
    if not patient.made or account is None:
        return
    bad = []
    for name in SPOOLS:
        path = patient.home / name
        if not path.exists():
            if name != "dachs/state/uwsjobs":  # made with the first job
                bad.append(f"{name} is missing")
        elif path.stat().st_uid != account.uid or path.stat().st_mode & 0o700 != 0o700:
            bad.append(f"{account.name} cannot write to {name}")
    yield fault("spool-closed", "spool", "; ".join(bad)) if bad else well("spool", "open to the services")


def backup(patient: Patient) -> Iterator[Diagnosis]:
    """Look at the age of the last backup, if there ever was one."""
    last = patient.state.get("backup")
    if not isinstance(last, dict):
        yield well("backup", "none was ever made here")
    elif not Path(last["path"]).exists() or time.time() - last["time"] > OLD_BACKUP:
        days = (time.time() - last["time"]) / 86400
        yield fault("backup-old", "backup", f"{last['path']}, made {days:.1f} days ago")
    else:
        yield well("backup", json.dumps(last["path"]))


EXAMINATIONS = (instance, permissions, configuration, vocabularies, leftovers, spool, backup)
