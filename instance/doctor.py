"""Diagnosis: what is wrong with this machine or this instance, and what to do about it.

Only the standard library is imported here, so that it works before anything is installed.
"""

from __future__ import annotations

import http.client
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ingest.errors import CherenkovVOError, ConfigError
from instance import packages, security
from instance.cluster import port_is_free
from instance.processes import pulse, run_directory, sockets
from instance.releases import COLLECTIONS
from instance.settings import Settings, home_of, load, variable_of
from instance.state import MINIMAL_DISK, MINIMAL_DISK_LATER, State, holder
from instance.vocabularies import cache_name


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at; ``remedy`` is empty if it is well."""

    what: str
    finding: str
    remedy: str = ""


def diagnose() -> list[Diagnosis]:
    """Look at everything that can be looked at."""
    try:
        settings = load()
    except ConfigError as error:
        return [Diagnosis("settings", str(error), "Correct the variable or the file.")]
    found = [Diagnosis("settings", f"instance in {home_of(settings)}, port {settings.port}")]
    for examine in (_packages, _venv, _disk, _instance, _port, _workers, _server, _security):
        try:
            found += list(examine(settings))
        except (CherenkovVOError, OSError) as error:
            found.append(Diagnosis(examine.__name__.strip("_"), str(error), "See the message."))
    return found


def _packages(settings: Settings) -> Iterator[Diagnosis]:
    absent = packages.missing()
    if absent:
        yield Diagnosis(
            "packages",
            f"missing or too old: {', '.join(absent)}",
            "'make serve' installs them, with root or sudo.",
        )
    else:
        yield Diagnosis(
            "packages",
            f"DaCHS {packages.installed_version('python3-gavo')}, PostgreSQL {packages.postgresql_version()}",
        )


def _venv(settings: Settings) -> Iterator[Diagnosis]:
    python = packages.venv_python(home_of(settings))
    if python.exists():
        yield Diagnosis("virtual environment", str(python.parent.parent))
    else:
        yield Diagnosis("virtual environment", "not made yet", "'make serve' makes it.")


def _disk(settings: Settings) -> Iterator[Diagnosis]:
    place = home_of(settings)
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    needed = MINIMAL_DISK_LATER if (home_of(settings) / "postgres" / "complete").exists() else MINIMAL_DISK
    remedy = "Make room, or choose another place with CHERENKOV_VO_INSTANCE." if free < needed else ""
    yield Diagnosis("disk", f"{free // 1_000_000} MB free at {place}", remedy)


def _instance(settings: Settings) -> Iterator[Diagnosis]:
    home = home_of(settings)
    state = State(home / "state.json").read()
    if not (home / "postgres" / "complete").exists():
        yield Diagnosis("instance", "not made yet, or half made", "'make serve' makes or repairs it.")
        return
    for key, what in (("database", "DaCHS's tables"), ("imported", "import"), ("published", "publication")):
        value = state.get(key)
        done = all(value.values()) if isinstance(value, dict) else bool(value)
        yield Diagnosis(what, "done" if done else "not finished", "" if done else "'make serve' finishes it.")
    yield from _data(state.get("data"))
    names = ("uat", "product-type", "datalink/core", "messenger")
    lost = [name for name in names if not (home / "dachs" / "cache" / cache_name(name)).exists()]
    remedy = "'make publish' puts the stand-ins back." if lost else ""
    yield Diagnosis("vocabularies", f"missing: {', '.join(lost)}" if lost else "in DaCHS's cache", remedy)


def _data(data: object) -> Iterator[Diagnosis]:
    if not isinstance(data, dict) or not data:
        yield Diagnosis("data", "none yet")
        return
    for collection, sources in data.items():
        yield Diagnosis(f"data of {collection}", "; ".join(map(str, sources)))


def _port(settings: Settings) -> Iterator[Diagnosis]:
    if holder(home_of(settings) / "serve.lock") is None:
        free = port_is_free(settings.port, settings.bind or "0.0.0.0")  # noqa: S104 - as the operator chose
        remedy = "" if free else "End the program that has it, or set CHERENKOV_VO_PORT."
        yield Diagnosis("port", f"{settings.port} is {'free' if free else 'taken'}", remedy)


def _workers(settings: Settings) -> Iterator[Diagnosis]:
    home = home_of(settings)
    if holder(home / "serve.lock") is None or not settings.fast_paths:
        return
    for socket in sockets(run_directory(home)):
        well = pulse(socket) is not None
        remedy = "" if well else "It is replaced within a minute; else 'make down', then 'make serve'."
        yield Diagnosis(f"worker {socket.stem}", "answers" if well else "does not answer", remedy)


def _security(settings: Settings) -> Iterator[Diagnosis]:
    whom = security.contact(settings)
    if not settings.fast_paths:
        whom = ""
    variable = variable_of("security_contact")
    yield Diagnosis("security.txt", f"names {whom}" if whom else f"not served; {variable} names whom to tell")


def _server(settings: Settings) -> Iterator[Diagnosis]:
    pid = holder(home_of(settings) / "serve.lock")
    if pid is None:
        yield Diagnosis("server", "not running; 'make serve' or 'make up' starts it")
        return
    served = State(home_of(settings) / "state.json").read().get("served") or COLLECTIONS
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    checks: list[tuple[str, str, Callable[[bytes], bool]]] = [
        ("TAP", "/tap/availability", lambda body: b"true" in body),
        (
            "registry",
            "/oai.xml?verb=ListIdentifiers&metadataPrefix=ivo_vor",
            lambda body: all(f"/{name}/".encode() in body for name in served),
        ),
    ]
    for what, path, is_well in checks:
        try:
            with direct.open(settings.local_url + path, timeout=10) as reply:
                well = is_well(reply.read())
        except (OSError, http.client.HTTPException) as error:
            yield Diagnosis(what, f"does not answer ({error})", "'make down', then 'make serve'.")
            continue
        yield Diagnosis(
            what, "answers" if well else "answers, but not as it should", "" if well else "'make publish'."
        )
