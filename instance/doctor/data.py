"""The releases: their files and configurations."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

from instance.doctor.faults import Diagnosis, fault, well
from instance.doctor.patient import Patient
from instance.settings import CHECKOUT

FILES = "files"
"""Name of the link from a release's place to its directory, as in ``ingest.storage``."""


def releases(patient: Patient) -> Iterator[Diagnosis]:
    """Look whether the directories are there, and can be read."""
    for place in patient.places():
        link, name = place / FILES, f"{place.parent.parent.name}, {place.name}"
        if (place / f"{FILES}.url").exists():
            yield well(name, "in an object store")
        elif not link.exists():
            gone = link.readlink() if link.is_symlink() else link
            yield fault("release-missing", name, f"{gone} is not there")
        elif patient.account is not None and not patient.account.can_read_all(link):
            yield fault("release-closed", name, f"{patient.account.name} cannot read all of {link.resolve()}")
        else:
            yield well(name, str(link.resolve()))


def configurations(patient: Patient) -> Iterator[Diagnosis]:
    """Look whether configurations can be read, those of the checkout and those laid out."""
    paths = [*(CHECKOUT / "inputs").glob("*/*.toml"), *(place / "release.toml" for place in patient.places())]
    for path in sorted(paths):
        try:
            tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            yield fault("release-broken", "configuration", f"{path}: {error}")


def imported(patient: Patient) -> Iterator[Diagnosis]:
    """Look for files that are newer than the last import, and for those that failed."""
    for place in patient.places():
        collection, link = place.parent.parent.name, place / FILES
        if collection not in patient.served or not link.is_dir():
            continue
        query = f"SELECT extract(epoch FROM max(written) AT TIME ZONE 'UTC') FROM {collection}.ledger"  # noqa: S608
        last = [float(line) for line in patient.sql(query) if line]
        # What is moved to its place keeps its time, but has another time of change.
        newer = [path for path in _files(link) if last and path.stat().st_mtime > last[0] + 1.0]
        if newer:
            yield fault("files-changed", collection, f"{len(newer)} files, such as {newer[0].name}")
    for path in sorted((patient.home / "reports").glob("*.json")):
        try:
            failures = json.loads(path.read_text(encoding="utf-8")).get("failures")
        except ValueError:
            continue
        if failures:
            yield fault("files-failed", path.stem, f"{len(failures)} failed: {failures[0]['problem']}")


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file() and not path.name.startswith("."))


EXAMINATIONS = (releases, configurations, imported)
