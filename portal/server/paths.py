"""Paths of requests, and where they come from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

    from portal.server.settings import Settings

# What is behind one connection has a network of this length.
_IPV6_LENGTH = 64


def below_root(scope: Scope) -> str:
    """Give a request's path below the explorer's root.

    Parameters
    ----------
    scope
        The request.

    Returns
    -------
    str
        The path; a proxy may have taken the root off already. Empty for the root without a slash.
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and (path == root or path.startswith(root + "/")):
        return path[len(root) :]
    return path


def client_of(scope: Scope, proxies: Sequence[IPv4Network | IPv6Network]) -> str:
    """Tell where a request comes from, past the proxies.

    Each proxy adds whom it has the request from, so the last address that is none of a proxy is true. What
    stands before it was made up by the client, maybe.

    Parameters
    ----------
    scope
        The request.
    proxies
        Addresses of the proxies. Who comes by a socket of this machine is one, too.

    Returns
    -------
    str
        The address, or the network of a home for IPv6.
    """
    told = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    passed = [word.strip() for word in ",".join(told).split(",") if word.strip()]
    if scope.get("client"):
        passed.append(scope["client"][0])
    nearest = "unknown"
    for word in reversed(passed):
        try:
            address = ip_address(word)
        except ValueError:
            break
        is_long = address.version == 6 and address.ipv4_mapped is None
        nearest = str(ip_network((address, _IPV6_LENGTH), strict=False)) if is_long else word
        if not any(address in network for network in proxies):
            break
    return nearest


def safe_next(settings: Settings, wanted: str) -> str:
    """Make the address to go to after a login: never one of another site.

    Parameters
    ----------
    settings
        Where the explorer is.
    wanted
        A path, with or without the explorer's root.

    Returns
    -------
    str
        A path of the explorer.
    """
    if not re.fullmatch(r"/[^\x00-\x20\\\x7f]*", wanted) or wanted.startswith("//"):
        wanted = "/"
    root = settings.root_path
    is_whole = root and (wanted == root or wanted.startswith((root + "/", root + "?")))
    return wanted if is_whole else root + wanted
