"""The settings of an instance: environment variables, or one file.

This module needs nothing but the standard library; it is read before anything is installed.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ingest.errors import ConfigError
from instance.explorer_settings import ExplorerSettings, setting

CHECKOUT = Path(__file__).resolve().parent.parent
"""Where the project lies."""

PREFIX = "CHERENKOV_VO_"
SETTINGS_FILE = "cherenkov-vo.toml"
MAX_SHORT_NAME = 8
"""VOResource 1.1 allows 16 characters; DaCHS appends up to 8, such as ' Obscore'."""

HESS_VARIABLE = "HESS_DL3_DR1"
CTA_VARIABLE = "CTA_1DC"
SAMPLE_WORD = "sample"
"""What to give in place of the directory of the H.E.S.S. release to have the built-in sample."""

NONE_WORD = "none"
"""What to give in place of the directory of a release to do without it."""

VOCABULARIES = ("talk", "draft")
"""Names of the vocabulary profiles of ``ingest.vocabulary``, which a bare machine cannot import."""

ACCESS_URLS = ("file", "datalink")
LOG_ADDRESSES = ("no", "anonymised", "full")
OBSCORE_ACCESS_URLS = ("datalink", "file", "both")
"""What access_url can lead to, as in ``ingest.access``, in the collections' tables and in ivoa.obscore."""

COUNTS = (
    "ctao_runs",
    "workers",
    "light_workers",
    "tap_running",
    "tap_waiting",
    "tap_sync_seconds",
    "tap_async_seconds",
    "tap_async_running",
    "tap_async_longest",
    "tap_jobs",
    "tap_job_days",
    "address_requests",
    "least_disk",
    "log_megabytes",
    "log_days",
)
"""Settings that are numbers of something."""

PORTS = ("port", "database_port", "metrics_port", "explorer_metrics_port")

SECURITY_CONTACT = r"[A-Za-z0-9_.+%-]+@[A-Za-z0-9.-]+|https://[A-Za-z0-9_.~:/?#@&=+%-]+"
"""Form of an e-mail address or a URL that security.txt and nginx's configuration can have as it is."""

STATE_ROOT = Path("/var/lib/cherenkov-vo")
"""Where root's instances go when the checkout lies where nobody else can read."""


@dataclass(frozen=True)
class Settings(ExplorerSettings):
    """All that an operator can choose. Each field is an environment variable and a key of the file.

    The variable is the field's name in capitals with ``CHERENKOV_VO_`` before it (only the directories
    of releases have names of their own); variables win over the file.
    """

    instance: Path = setting(CHECKOUT / "var", "directory of the private instance")  # noqa: RUF009
    port: int = setting(8080, "port of the web server")
    bind: str = setting("127.0.0.1", "address that the web server listens on; empty for all")
    database_port: int = setting(0, "port of the private database; 0 takes a free one")
    public_url: str = setting("", "URL under which clients reach the server; default: localhost and the port")
    site_name: str = setting("Cherenkov VO", "name of the data centre")
    short_name: str = setting("CherenVO", "short name of the data centre for registry records")
    authority: str = setting("cherenkov.example", "IVOA authority, without ivo://")
    contact: str = setting("nobody@cherenkov.example", "e-mail address of the operator")
    security_contact: str = setting(
        "", "whom to tell about a weakness: e-mail address or https: URL; default: the operator, if named"
    )
    hess_dl3_dr1: str | None = setting(
        None,
        "directory of the H.E.S.S. DL3 DR1 release, URL of its object store (s3://...), or 'sample' for the"
        " built-in sample",
        HESS_VARIABLE,
    )
    cta_1dc: str | None = setting(
        None,
        "directory of CTA's first data challenge, the URL of its object store, or 'none' to do without",
        CTA_VARIABLE,
    )
    ctao_runs: int = setting(60, "number of runs in the simulated CTAO-like release")
    vocabulary: str = setting(
        "talk", "terms of the High-Energy extension: 'talk' (proposal of 2025) or 'draft' (of 2026)"
    )
    access_url: str = setting(
        "file", "where access_url of event lists leads in the collections' tables: 'file' or 'datalink'"
    )
    obscore_access_url: str = setting(
        "datalink", "where it leads in ivoa.obscore: 'datalink', 'file', or 'both' in rows of their own"
    )
    materialise_obscore: bool = setting(
        False, "keep ivoa.obscore as a table, which is made anew after each import, in place of a view"
    )
    download: bool = setting(True, "may the first start download the H.E.S.S. release")
    scan_processes: int = setting(
        0, "processes that read files during an import; 0 for as many as there are processors"
    )
    fast_paths: bool = setting(
        True, "take this project's ways where DaCHS's own are slow; no: DaCHS as it comes, for comparison"
    )

    workers: int = setting(0, "DaCHS processes for TAP queries; 0: as many as the machine can have")
    light_workers: int = setting(0, "DaCHS processes for all else; 0: as many as there are for queries")
    tap_running: int = setting(4, "synchronous TAP queries that run at once in each process for queries")
    tap_waiting: int = setting(64, "synchronous TAP queries that may wait; further ones get status 503")
    tap_sync_seconds: int = setting(60, "seconds after which a synchronous TAP query is ended")
    tap_async_seconds: int = setting(3600, "seconds that an asynchronous TAP job gets if it names none")
    tap_async_running: int = setting(2, "asynchronous TAP jobs that run at once")
    tap_async_longest: int = setting(86_400, "seconds that an asynchronous TAP job may ask for")
    tap_jobs: int = setting(1000, "asynchronous jobs that are kept; further ones get status 503")
    tap_job_days: int = setting(30, "days that an asynchronous job may ask to be kept")
    address_requests: int = setting(
        256, "requests at once from one address; 0, behind another proxy, for no limit"
    )
    upload_hosts: str = setting(
        "", "hosts from which uploads of TAP may be fetched: 'host' or 'host:port', with spaces between"
    )
    guards: bool = setting(
        True, "answer errors, and bound jobs and uploads, in safer ways than DaCHS; no: only for comparison"
    )
    replicas: str = setting(
        "", "read-only copies of the database for TAP queries: 'host:port', with spaces between"
    )

    metrics: bool = setting(
        True, "serve metrics for Prometheus, and why the service is not ready, on 127.0.0.1"
    )
    metrics_port: int = setting(0, "port of 127.0.0.1 for metrics; 0 takes a free one, see 'status'")
    least_disk: int = setting(100, "megabytes of free disk below which the service says it is not ready")
    log_addresses: str = setting(
        "no", "clients' addresses in the logs: 'no', 'anonymised' (the network only), or 'full'"
    )
    log_queries: bool = setting(
        False, "log what clients ask for: parameters, queries, and messages with them"
    )
    log_megabytes: int = setting(20, "megabytes after which a log is rotated; five old ones are kept")
    log_days: int = setting(14, "days that logs are kept")
    trusted_proxies: str = setting(
        "", "proxies whose X-Request-ID is taken over: addresses or networks, with spaces between"
    )

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._~-]{2,}", self.authority):
            raise ConfigError(
                f"authority = {self.authority!r}: expected an IVOA authority such as 'org.example'"
            )
        if not 0 < len(self.short_name) <= MAX_SHORT_NAME:
            raise ConfigError(
                f"short_name = {self.short_name!r}: expected up to {MAX_SHORT_NAME} characters,"
                " so that services can append their kind"
            )
        if self.security_contact and not re.fullmatch(SECURITY_CONTACT, self.security_contact):
            raise ConfigError(
                f"security_contact = {self.security_contact!r}: expected an e-mail address or an https: URL"
            )
        for name in PORTS:
            if not 0 <= getattr(self, name) < 65536:
                raise ConfigError(f"{name} = {getattr(self, name)}: expected a port number below 65536")
        self._check_counts()
        self.check_explorer()
        if self.scan_processes < 0:
            raise ConfigError(f"scan_processes = {self.scan_processes}: expected a whole number, 0 or more")
        replica_addresses(self.replicas)
        networks(self.trusted_proxies)
        self._check_hosts()
        for name, known in (
            ("vocabulary", VOCABULARIES),
            ("access_url", ACCESS_URLS),
            ("obscore_access_url", OBSCORE_ACCESS_URLS),
            ("log_addresses", LOG_ADDRESSES),
        ):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} = {getattr(self, name)!r}: expected one of {', '.join(known)}")
        if self.public_url and not re.fullmatch(r"https?://[^\s/]+", self.public_url):
            raise ConfigError(
                f"public_url = {self.public_url!r}: expected http[s]://host[:port] without a path"
            )

    def _check_hosts(self) -> None:
        for word in self.upload_hosts.split():
            if not re.fullmatch(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?", word):
                raise ConfigError(
                    f"upload_hosts = {self.upload_hosts!r}: expected 'host' or 'host:port', spaces between"
                )

    def _check_counts(self) -> None:
        for name in COUNTS:
            least = (
                0
                if name in ("workers", "light_workers", "tap_waiting", "least_disk", "address_requests")
                else 1
            )
            if getattr(self, name) < least:
                raise ConfigError(
                    f"{name} = {getattr(self, name)}: expected a whole number of at least {least}"
                )

    @property
    def url(self) -> str:
        """The URL that goes into links and registry records."""
        return self.public_url or f"http://localhost:{self.port}"

    @property
    def local_url(self) -> str:
        """The URL under which this machine reaches the server."""
        everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared only
        host = everywhere.get(self.bind, self.bind)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def replica_addresses(text: str) -> list[tuple[str, int]]:
    """Give host and port of each replica.

    Raises
    ------
    ConfigError
        The text has another form.
    """
    found = [re.fullmatch(r"([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})", word) for word in text.split()]
    if None in found:
        raise ConfigError(f"replicas = {text!r}: expected 'host:port', with spaces between several")
    return [(match[1].strip("[]"), int(match[2])) for match in found if match]


def networks(text: str) -> list[str]:
    """Give networks in a canonical form.

    Raises
    ------
    ConfigError
        A word is neither an address nor a network.
    """
    try:
        return [str(ipaddress.ip_network(word)) for word in text.split()]
    except ValueError as error:
        raise ConfigError(f"trusted_proxies = {text!r}: {error}; expected addresses or networks") from error


def variable_of(name: str) -> str:
    """Give the environment variable of a setting."""
    for known in fields(Settings):
        if known.name == name and known.metadata["variable"]:
            return str(known.metadata["variable"])
    return PREFIX + name.upper()


def fields_of(settings: Settings) -> dict[str, str]:
    """Give the value of each environment variable that would make these settings, but for the place."""
    return {
        variable_of(known.name): _shown(getattr(settings, known.name))
        for known in fields(Settings)
        if known.name != "instance"
    }


def describe() -> list[tuple[str, str, str]]:
    """Give variable, default and explanation of each setting, for ``--help`` and the documentation."""
    # What a class inherits comes first among its fields; here it comes last.
    ordered = sorted(fields(Settings), key=lambda known: known.name.startswith("explorer"))
    return [
        (variable_of(known.name), _shown(known.default), str(known.metadata["help"])) for known in ordered
    ]


def _shown(default: Any) -> str:
    if isinstance(default, Path):
        return str(default.relative_to(CHECKOUT)) if default.is_relative_to(CHECKOUT) else str(default)
    return "" if default is None else str(default)


def load(environ: Mapping[str, str] = os.environ, directory: Path = CHECKOUT) -> Settings:
    """Read the settings.

    Parameters
    ----------
    environ
        The environment.
    directory
        Where ``cherenkov-vo.toml`` may lie.

    Raises
    ------
    ConfigError
        A value has the wrong type, or there is an unknown key or variable.
    """
    names = {known.name for known in fields(Settings)}
    values = _from_file(directory / SETTINGS_FILE, names)
    known_variables = {variable_of(name): name for name in names}
    for variable in environ:
        if not variable.startswith(PREFIX) or variable.startswith(_OF_TESTS):
            continue
        if variable not in known_variables and variable not in _INTERNAL:
            raise ConfigError(f"unknown variable {variable}; known are {', '.join(sorted(known_variables))}")
    for variable, name in known_variables.items():
        if environ.get(variable):
            values[name] = environ[variable]
    typed = {name: _typed(name, value) for name, value in values.items()}
    return Settings(**typed)


_INTERNAL = {"CHERENKOV_VO_INGEST", "CHERENKOV_VO_REPORT"}
_OF_TESTS = f"{PREFIX}TEST_"
"""What the names of variables begin with that are for the tests."""


def _from_file(path: Path, names: set[str]) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as TOML ({error})") from error
    unknown = sorted(set(content) - names)
    if unknown:
        raise ConfigError(
            f"{path}: unknown key{'s' if len(unknown) > 1 else ''} {', '.join(unknown)};"
            f" known are {', '.join(sorted(names))}"
        )
    return dict(content)


def _typed(name: str, value: Any) -> Any:
    if name == "instance":
        return Path(str(value)).expanduser().absolute()
    if name in ("hess_dl3_dr1", "cta_1dc") and is_url(str(value)):
        return str(value)
    if (name == "hess_dl3_dr1" and value != SAMPLE_WORD) or (name == "cta_1dc" and value != NONE_WORD):
        return str(Path(str(value)).expanduser().absolute())
    if isinstance(getattr(Settings, name), bool):
        words = {"1": True, "yes": True, "true": True, "0": False, "no": False, "false": False}
        if str(value).lower() not in words:
            raise ConfigError(f"{variable_of(name)} = {value!r}: expected yes or no")
        return words[str(value).lower()]
    if isinstance(getattr(Settings, name), int):
        try:
            return int(value)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{variable_of(name)} = {value!r}: expected a whole number") from error
    return str(value)


def is_url(text: str) -> bool:
    """Tell whether a release is named by the URL of an object store, not by a directory."""
    return "://" in text


def reachable_by_others(path: Path) -> bool:
    """Say whether a user without special rights can enter all existing parents of a path."""
    existing = path.absolute()
    while not existing.exists():
        existing = existing.parent
    return all(parent.stat().st_mode & 0o001 for parent in (existing, *existing.parents) if parent.is_dir())


def home_of(settings: Settings) -> Path:
    """Give the directory that really holds the instance.

    Root's instance runs as an unprivileged user. If that user cannot enter the chosen directory
    (a checkout below /root), the instance goes below ``/var/lib`` and the chosen name becomes a
    link to it.
    """
    chosen = settings.instance
    if os.geteuid() != 0 or chosen.is_symlink() or reachable_by_others(chosen.parent):
        return chosen.resolve()
    digest = hashlib.sha256(str(chosen).encode()).hexdigest()[:12]
    return STATE_ROOT / digest
