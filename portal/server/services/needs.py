"""What the search side needs of the server that it runs in."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import httpx

from portal.server.services.errors import NotAllowedError


class ServiceSettings(Protocol):
    """A TAP service that the operator allows."""

    @property
    def key(self) -> str:
        """Name in addresses."""

    @property
    def label(self) -> str:
        """Name for people."""

    @property
    def url(self) -> str:
        """The TAP service's base URL."""

    @property
    def is_own(self) -> bool:
        """Whether it is this archive's."""

    @property
    def tables(self) -> list[str] | None:
        """Tables that may be searched; None for all that have ObsCore's columns."""


class Settings(Protocol):
    """The settings that the search side reads."""

    @property
    def services(self) -> Sequence[ServiceSettings]:
        """TAP services that may be asked."""

    @property
    def default_service(self) -> str | None:
        """Key of the service that is shown first; None for the first one."""

    @property
    def title(self) -> str:
        """The explorer's name."""

    @property
    def version(self) -> str:
        """The software's version."""

    @property
    def simulated_notice(self) -> str | None:
        """A sentence for every page."""

    @property
    def resolver_url(self) -> str | None:
        """Sesame's URL; None for no resolver."""

    @property
    def remote_surveys(self) -> bool:
        """Whether pictures of the sky may come from other hosts."""

    @property
    def local_hips(self) -> Path | None:
        """Directory of HiPS of this archive."""

    @property
    def root_path(self) -> str:
        """Path below which the explorer lies, without a slash at its end."""

    @property
    def page_rows(self) -> int:
        """Rows of a page."""

    @property
    def overview_rows(self) -> int:
        """Rows that map and plots show."""

    @property
    def export_rows(self) -> int:
        """Rows of an export."""

    @property
    def basket_items(self) -> int:
        """Data sets of a basket."""

    @property
    def oidc_issuer(self) -> str | None:
        """The OpenID provider; None for no login."""

    @property
    def oidc_label(self) -> str:
        """The provider's name for people."""

    @property
    def runners(self) -> Sequence[Any]:
        """Services that run preview jobs."""

    @property
    def job_items(self) -> int:
        """Data sets of a job."""

    @property
    def tap_timeout(self) -> float:
        """Seconds that a service may take."""

    @property
    def cache_seconds(self) -> int:
        """Seconds that descriptions are kept."""


class Metrics(Protocol):
    """What is measured."""

    @property
    def cache(self) -> Any:
        """Look-ups in caches, by cache and result."""

    def asking(self, kind: str, service: str) -> AbstractContextManager[None]:
        """Time a request to another service."""
        ...


class Context(Protocol):
    """What is opened once for all requests."""

    @property
    def settings(self) -> Settings:
        """The settings."""

    @property
    def http(self) -> httpx.AsyncClient:
        """The client for all requests to other servers."""

    @property
    def metrics(self) -> Metrics:
        """What is measured."""

    @property
    def redis(self) -> Any:
        """Redis, asynchronous."""


def allowed(context: Context, key: str) -> ServiceSettings:
    """Give a service of the operator's list.

    Parameters
    ----------
    context
        The server's context.
    key
        The service's key.

    Returns
    -------
    ServiceSettings
        The service.

    Raises
    ------
    NotAllowedError
        If the list has none of this key.
    """
    for service in context.settings.services:
        if service.key == key:
            return service
    keys = ", ".join(service.key for service in context.settings.services)
    raise NotAllowedError(f"There is no service '{key[:60]}' here. Those that may be asked are: {keys}.")


def link_hosts(service: ServiceSettings) -> list[str]:
    """Give the hosts beside the service's own at which its DataLink documents may be.

    Parameters
    ----------
    service
        The service.

    Returns
    -------
    list of str
        Hosts, with a port where it is not the scheme's own.
    """
    return [str(host).lower() for host in getattr(service, "link_hosts", None) or []]
