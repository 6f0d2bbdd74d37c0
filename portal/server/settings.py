"""What an operator sets: environment variables named CHERENKOV_EXPLORER_..., or files in a directory."""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "CHERENKOV_EXPLORER_"
# Variables of the same family that are for whoever starts the server.
OF_OTHERS = {"NODE", "SECRETS"}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
SECRET_LENGTH = 32

Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class SettingsError(Exception):
    """Settings with which the server must not start."""


def _is_web(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
        raise ValueError("has to be an http or https URL with a host, without a user and '#'")
    return url.rstrip("/")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServiceSettings(_Part):
    """A TAP service that may be asked."""

    key: Key = Field(description="Its name in addresses.")
    label: str = Field(min_length=1, description="Its name for people.")
    url: str = Field(description="The TAP service's base URL.")
    is_own: bool = Field(
        default=False, description="Whether it is this archive's: rights and preview jobs are for it."
    )
    tables: list[str] | None = Field(
        default=None, description="Tables that people may choose; None for all that have ObsCore's columns."
    )
    bundle_url: str | None = Field(
        default=None,
        description="Where archives of many data sets are made (docs/bundles.md); None if nowhere.",
    )

    link_hosts: list[str] = Field(
        default_factory=list,
        description="Hosts (with a port if unusual) beside its own where its DataLink documents may be.",
    )

    @field_validator("url", "bundle_url")
    @classmethod
    def _urls(cls, value: str | None) -> str | None:
        return None if value is None else _is_web(value)


class RunnerSettings(_Part):
    """A UWS service that runs jobs."""

    key: Key = Field(description="Its name in addresses.")
    label: str = Field(min_length=1, description="Its name for people.")
    url: str = Field(description="URL of its list of jobs.")
    is_own: bool = Field(default=False, description="Whether it is the one that comes with the explorer.")

    @field_validator("url")
    @classmethod
    def _urls(cls, value: str) -> str:
        return _is_web(value)


class Settings(BaseSettings):
    """All settings. Lists and mappings are written as JSON."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    development: bool = Field(
        default=False, description="For developers: plain HTTP anywhere, and secrets made up at each start."
    )
    title: str = Field(default="Data explorer", description="Name of the explorer on its pages.")
    simulated_notice: str | None = Field(default=None, description="A sentence on every page.")
    version: str = Field(default="unknown", description="Version of the software, which pages tell.")

    # --- how it is reached
    public_url: str = Field(
        default="http://localhost:8095/explorer",
        description="The explorer's URL as browsers see it, with its path.",
    )
    hosts: list[str] = Field(
        default_factory=list, description="Names of the host that requests may have beside public_url's."
    )
    bind: str = Field(default="127.0.0.1", description="Address to listen at.")
    port: int = Field(default=8095, ge=0, le=65535, description="Port to listen at.")
    socket: Path | None = Field(default=None, description="Unix socket to listen at instead.")
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="Proxies' addresses or networks, comma-separated: their X-Forwarded-For is believed.",
    )
    metrics_bind: str = Field(default="127.0.0.1", description="Address of the metrics.")
    metrics_port: int | None = Field(
        default=None, ge=0, le=65535, description="Port of the metrics; None for none."
    )
    pages: Path = Field(
        default=Path(__file__).parent.parent / "web" / "dist", description="Directory of the built pages."
    )

    # --- where it keeps things
    database_url: SecretStr = Field(
        default=SecretStr("postgresql+asyncpg:///explorer"), description="The database of accounts (asyncpg)."
    )
    redis_url: SecretStr = Field(
        default=SecretStr("redis://localhost:6379/0"), description="Redis, for sessions and caches."
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="At least 32 characters; tokens of the provider are encrypted with it.",
    )

    # --- what is searched
    services: list[ServiceSettings] = Field(description="TAP services that may be asked.", min_length=1)
    default_service: str = Field(
        default="", description="Key of the service shown first; left out for the first."
    )
    resolver_url: str | None = Field(
        default=None, description="Sesame's URL for names of objects; None for none."
    )
    remote_surveys: bool = Field(
        default=False, description="Whether the map may load surveys from other hosts."
    )
    survey_hosts: list[str] = Field(
        default=["https://alasky.cds.unistra.fr", "https://alaskybis.cds.unistra.fr"],
        description="Those hosts, as origins.",
    )
    samp: bool = Field(
        default=True, description="Whether pages may talk to a SAMP hub on the user's machine."
    )
    local_hips: Path | None = Field(default=None, description="Directory of the archive's own HiPS.")
    page_rows: int = Field(default=50, ge=1, le=500, description="Rows of a page.")
    overview_rows: int = Field(default=10_000, ge=1, description="Rows that map and plots show.")
    export_rows: int = Field(default=1_000_000, ge=1, description="Rows of an export.")
    tap_timeout: float = Field(default=60, gt=0, description="Seconds that a TAP service may take.")
    cache_seconds: int = Field(
        default=300, ge=0, description="Seconds that a service's descriptions are kept."
    )

    # --- who uses it
    oidc_issuer: str | None = Field(
        default=None, description="The OpenID provider's issuer; None for no login."
    )
    oidc_client_id: str | None = Field(default=None, description="What the provider calls the explorer.")
    oidc_client_secret: SecretStr | None = Field(default=None, description="The secret that goes with it.")
    oidc_label: str = Field(default="single sign-on", description="The provider's name for people.")
    oidc_scopes: str = Field(
        default="openid profile email offline_access", description="What is asked of it."
    )
    oidc_groups_claim: str = Field(default="groups", description="The claim that has a user's groups.")
    group_rights: dict[str, list[str]] = Field(
        default_factory=dict, description="The archive's groups that a provider's group stands for."
    )
    service_accounts: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="'user:password' at own services by right; rights joined with '+' if it has several.",
    )
    session_seconds: int = Field(default=24 * 3600, ge=60, description="Seconds that a login lasts at most.")
    session_idle: int = Field(
        default=8 * 3600, ge=60, description="Seconds without a request that end a session."
    )
    basket_items: int = Field(default=10_000, ge=1, le=10_000, description="Data sets of a basket.")
    baskets: int = Field(default=200, ge=1, description="Baskets of a user.")
    queries: int = Field(default=2000, ge=1, description="Stored queries of a user.")

    # --- jobs
    runners: list[RunnerSettings] = Field(default_factory=list, description="UWS services that run jobs.")
    runner_accounts: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="'user:password' at runners of others, by key; OPUS has a token for a password.",
    )
    job_items: int = Field(default=50, ge=1, description="Data sets of a job.")
    jobs: int = Field(default=200, ge=1, description="Jobs that a user may keep.")
    jobs_at_once: int = Field(default=3, ge=1, description="Jobs of a user that may wait or run.")

    # --- bounds
    body_bytes: int = Field(default=16 * 2**20, ge=1024, description="Bytes of a request's body.")
    limits: dict[str, int] = Field(
        default_factory=dict, description="Requests a minute of a session, by kind; see limits.py for kinds."
    )
    address_factor: int = Field(
        default=50, ge=1, description="How many times as much an address may ask: many people may share one."
    )

    @field_validator("public_url", "resolver_url", "oidc_issuer")
    @classmethod
    def _urls(cls, value: str | None, info: object) -> str | None:
        if value is None:
            return None
        # An issuer is a name: a slash at its end belongs to it.
        return (
            value
            if _is_web(value) != value and getattr(info, "field_name", "") == "oidc_issuer"
            else _is_web(value)
        )

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: str) -> str:
        for word in value.split(","):
            ip_network(word.strip())
        return value

    @field_validator("service_accounts", "runner_accounts")
    @classmethod
    def _accounts(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for right, account in value.items():
            user, _, password = account.get_secret_value().partition(":")
            if not user or not password or not all(right.split("+")):
                raise ValueError(f"account of {right!r} has to be 'user:password'")
        return value

    @model_validator(mode="before")
    @classmethod
    def _first_service(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("default_service") and data.get("services"):
            first = data["services"][0]
            key = first.get("key") if isinstance(first, dict) else getattr(first, "key", None)
            return data | {"default_service": key or ""}
        return data

    @model_validator(mode="after")
    def _agree(self) -> Self:
        from portal.server.limits import KINDS  # noqa: PLC0415 (it needs the settings, too)

        keys = [service.key for service in self.services]
        runners = [runner.key for runner in self.runners]
        if len(set(keys)) < len(keys) or len(set(runners)) < len(runners):
            raise ValueError("services and runners need keys of their own")
        others = {runner.key for runner in self.runners if not runner.is_own}
        if strange := sorted(set(self.runner_accounts) - others):
            raise ValueError(f"runner_accounts has keys that are no runner of others: {', '.join(strange)}")
        if self.default_service not in keys:
            raise ValueError(f"default_service {self.default_service!r} is none of services")
        if not self.database_url.get_secret_value().startswith("postgresql+asyncpg://"):
            raise ValueError("database_url has to start with postgresql+asyncpg://")
        if self.oidc_issuer is not None and not self.oidc_client_id:
            raise ValueError("oidc_issuer needs oidc_client_id")
        if unknown := set(self.limits) - set(KINDS):
            raise ValueError(f"limits has unknown kinds: {', '.join(sorted(unknown))}")
        if not self.development:
            self._refuse_defaults()
        return self

    def _refuse_defaults(self) -> None:
        for name in ("public_url", "database_url", "redis_url", "secret_key"):
            if name not in self.model_fields_set:
                raise ValueError(f"{name} has to be set (only with development=true it may be left out)")
        secret = self.secret_key.get_secret_value()
        if len(secret) < SECRET_LENGTH or len(set(secret)) < 10:
            raise ValueError(f"secret_key has to have {SECRET_LENGTH} characters of chance at least")
        if self.oidc_issuer is not None and self.oidc_client_secret is None:
            raise ValueError("oidc_issuer needs oidc_client_secret")
        for name in ("public_url", "oidc_issuer"):
            parts = urlsplit(getattr(self, name) or "https:")
            if parts.scheme != "https" and parts.hostname not in LOOPBACK:
                raise ValueError(f"{name} has to be https, except on this machine itself")

    @property
    def root_path(self) -> str:
        """Path below which everything lies, without a slash at its end."""
        return urlsplit(self.public_url).path.rstrip("/")

    @property
    def origin(self) -> str:
        """Origin of the explorer's pages."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    @property
    def proxies(self) -> list[IPv4Network | IPv6Network]:
        """Networks of proxies."""
        return [ip_network(word.strip()) for word in self.trusted_proxies.split(",")]

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it by HTTPS."""
        return self.public_url.startswith("https:")

    def service(self, key: str) -> ServiceSettings | None:
        """Give the service of a key, or None if none has it."""
        return next((service for service in self.services if service.key == key), None)

    def runner(self, key: str) -> RunnerSettings | None:
        """Give the runner of a key, or None if none has it."""
        return next((runner for runner in self.runners if runner.key == key), None)


def read_settings() -> Settings:
    """Read the settings of the environment, and of the directory CHERENKOV_EXPLORER_SECRETS.

    Returns
    -------
    Settings
        All of them.

    Raises
    ------
    SettingsError
        If one is unknown, missing or not safe. Values are not repeated: they may be secret.
    """
    known = {name.upper() for name in Settings.model_fields} | OF_OTHERS
    given = {name.removeprefix(PREFIX) for name in os.environ if name.startswith(PREFIX)}
    if unknown := sorted(given - known):
        raise SettingsError("Unknown settings: " + ", ".join(PREFIX + name for name in unknown))
    secrets = os.environ.get(PREFIX + "SECRETS")
    if secrets and not Path(secrets).is_dir():
        raise SettingsError(f"{PREFIX}SECRETS: {secrets} is no directory")
    try:
        return Settings(_secrets_dir=secrets or None)  # type: ignore[call-arg]
    except ValidationError as error:
        faults = [
            f"{PREFIX}{'.'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            if fault["loc"]
            else str(fault["msg"])
            for fault in error.errors()
        ]
        raise SettingsError("Settings are not as they have to be:\n  " + "\n  ".join(faults)) from None
    except ValueError as error:
        # pydantic-settings: JSON that is none, or a directory that cannot be read.
        raise SettingsError(f"Settings cannot be read: {error}") from None
