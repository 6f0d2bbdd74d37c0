"""What a user's groups open in the archive, and with which of its accounts the server asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

import httpx

from portal.server.models.account import User
from portal.server.settings import ServiceSettings, Settings

_PORTS = {"http": 80, "https": 443}


def rights_of(settings: Settings, groups: Iterable[str]) -> list[str]:
    """Give the archive's groups that a user's groups stand for.

    Parameters
    ----------
    settings
        What stands for what.
    groups
        The groups that the provider told.

    Returns
    -------
    list[str]
        Sorted, each once.
    """
    return sorted({right for group in groups for right in settings.group_rights.get(group, [])})


def origin_of(url: str) -> tuple[str, str, int]:
    """Give scheme, host and port of a URL.

    Parameters
    ----------
    url
        An absolute URL.

    Returns
    -------
    tuple[str, str, int]
        In lower case, with the port that is meant where none is written.
    """
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)


def account_for(
    settings: Settings, user: User | None, service: ServiceSettings, url: str
) -> httpx.BasicAuth | None:
    """Choose the archive's account with which to ask for a user.

    It is the one that opens most of what the user may have, and nothing else. It is meant for the own
    service's hosts only: no other ever sees it.

    Parameters
    ----------
    settings
        The accounts.
    user
        Who wants it.
    service
        The service that is asked.
    url
        The address that is asked.

    Returns
    -------
    httpx.BasicAuth | None
        None if the question is to be asked as anybody.
    """
    if user is None or not service.is_own:
        return None
    hosts = {origin_of(known) for known in (service.url, service.bundle_url) if known is not None}
    if origin_of(url) not in hosts:
        return None
    usable = [key for key in settings.service_accounts if set(key.split("+")) <= set(user.rights)]
    if not usable:
        return None
    best = max(usable, key=lambda key: len(set(key.split("+"))))
    name, _, password = settings.service_accounts[best].get_secret_value().partition(":")
    return httpx.BasicAuth(name, password)
