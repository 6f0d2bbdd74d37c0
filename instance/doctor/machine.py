"""The machine: packages, environment, room, memory, clock."""

from __future__ import annotations

import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from instance import packages
from instance.doctor.faults import Diagnosis, fault, well
from instance.doctor.patient import Patient
from instance.state import MINIMAL_DISK, MINIMAL_DISK_LATER

LEAST_MEMORY = 500_000_000
"""Bytes that two workers and PostgreSQL take."""

LEAST_DESCRIPTORS = 1024
"""Open files: each download takes two or three, each worker some dozens."""

TOLERANCE = 300.0
"""Seconds that clocks may differ."""


def debian_packages(patient: Patient) -> Iterator[Diagnosis]:
    """Look for packages that are missing or too old."""
    absent, dachs = packages.missing(), packages.installed_version("python3-gavo")
    if dachs is not None and "python3-gavo" in absent:
        absent.remove("python3-gavo")
        yield fault("dachs-too-old", "DaCHS", f"version {dachs}, expected {packages.MINIMAL_DACHS} or newer")
    if absent:
        yield fault("package-missing", "packages", f"missing: {', '.join(absent)}")
    else:
        yield well("packages", f"DaCHS {dachs}, PostgreSQL {packages.postgresql_version()}")


def environment(patient: Patient) -> Iterator[Diagnosis]:
    """Look at the virtual environment."""
    place = packages.venv_python(patient.home).parent.parent
    if not place.exists():
        yield fault("venv-missing", "virtual environment", f"{place} is not there")
    elif not packages.venv_is_complete(patient.home):
        yield fault("venv-incomplete", "virtual environment", f"{place} was not made to its end")
    else:
        yield well("virtual environment", str(place))


def disk(patient: Patient) -> Iterator[Diagnosis]:
    """Look at the room."""
    place = patient.home
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    needed = MINIMAL_DISK_LATER if patient.made else MINIMAL_DISK
    text = f"{free // 1_000_000} MB free at {place}"
    yield fault("disk-low", "disk", text) if free < needed else well("disk", text)


def memory(patient: Patient) -> Iterator[Diagnosis]:
    """Look at the memory that programs can have."""
    free = available_memory()
    text = f"{free // 1_000_000} MB available"
    yield fault("memory-low", "memory", text) if free < LEAST_MEMORY else well("memory", text)


def available_memory() -> int:
    """Give the bytes that are available, as Linux estimates them."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def descriptors(patient: Patient) -> Iterator[Diagnosis]:
    """Look at the limit of open files."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    few = limit != resource.RLIM_INFINITY and limit < LEAST_DESCRIPTORS
    text = f"up to {limit} open files"
    yield fault("descriptors-low", "open files", text) if few else well("open files", text)


def clock(patient: Patient) -> Iterator[Diagnosis]:
    """Compare the clock with the times of what was written by it."""
    written = {"state.json": patient.state.path.stat().st_mtime if patient.state.path.exists() else 0.0}
    for line in patient.sql(
        "SELECT extract(epoch FROM max(rectimestamp) AT TIME ZONE 'UTC') FROM dc.resources"
    ):
        written["the registry's records"] = float(line or 0)
    late = {
        name: moment - time.time() for name, moment in written.items() if moment > time.time() + TOLERANCE
    }
    if late:
        text = "; ".join(f"{name}: {seconds:.0f} s in the future" for name, seconds in late.items())
        yield fault("clock-off", "clock", text)
    else:
        yield well("clock", "not behind what was written")


EXAMINATIONS = (debian_packages, environment, disk, memory, descriptors, clock)
