"""What the explorer's server is told: environment variables, made from the instance's settings."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ingest import PROJECT_VERSION
from ingest.errors import ConfigError
from instance.explorer_parts import PATH, Places
from instance.explorer_settings import OWN, pairs
from instance.settings import Settings

PREFIX = "CHERENKOV_EXPLORER_"
"""Variables of the server itself. Those that the operator sets count, unless they are among `managed`."""

HANDED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "TZ")
"""Variables that tell how the world outside is reached."""

BUNDLES = "/rd/access/bundle/custom"
JOBS = "/rd/preview/jobs/uws.xml"
"""Paths of this site's bundles, and of its jobs."""


def chosen(settings: Settings, inputs: Path) -> dict[str, str]:
    """Give what follows from the operator's choices.

    Parameters
    ----------
    settings
        The choices.
    inputs
        Directory of what is published, which may be simulated.
    """
    own = {"key": OWN, "label": settings.site_name, "url": f"{settings.url}/tap", "is_own": True}
    services = [own | {"bundle_url": f"{settings.url}{BUNDLES}"}]
    services += [_other(key, url) for key, url in pairs(settings.explorer_services).items()]
    runners = (
        [own | {"label": "this archive", "url": f"{settings.url}{JOBS}"}] if settings.explorer_jobs else []
    )
    runners += [_other(key, url) for key, url in pairs(settings.explorer_runners).items()]
    rights = {group: text.split(",") for group, text in pairs(settings.explorer_group_rights).items()}
    found = {
        "title": settings.explorer_title or f"{settings.site_name}: data explorer",
        "simulated_notice": _notice(inputs),
        "version": PROJECT_VERSION,
        "public_url": f"{settings.url}{PATH}",
        "hosts": json.dumps(sorted({"localhost", "127.0.0.1", urlsplit(settings.url).hostname or ""})),
        "services": json.dumps(services),
        "runners": json.dumps(runners),
        "resolver_url": "" if settings.explorer_resolver == "none" else settings.explorer_resolver,
        "remote_surveys": str(settings.explorer_surveys).lower(),
        "oidc_issuer": settings.explorer_oidc_issuer,
        "oidc_client_id": settings.explorer_oidc_client_id,
        "oidc_label": settings.explorer_oidc_label,
        "group_rights": json.dumps(rights),
    }
    return {f"{PREFIX}{name.upper()}": value for name, value in found.items() if value}


def _other(key: str, url: str) -> dict[str, object]:
    # Several may be on the same host, and the key is the word that the operator chose.
    return {"key": key, "label": f"{key} ({urlsplit(url).hostname})", "url": url}


def _notice(inputs: Path) -> str:
    """Say which data are simulated."""
    named = set()
    for path in sorted(inputs.glob("*/releases/*/release.toml")):
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        if content.get("simulated"):
            named.add(str(content.get("obs_collection") or path.parent.parent.parent.name))
    return f"Simulated, not measured: {', '.join(sorted(named))}." if named else ""


def managed(places: Places, pages: Path, database: str, metrics_port: int | None) -> dict[str, str]:
    """Give what the instance decides, whatever the operator says.

    Parameters
    ----------
    places
        Where its parts are.
    pages
        Directory of the built pages.
    database
        The database's URL.
    metrics_port
        Port of its metrics; None for none.
    """
    found = {
        "socket": str(places.socket),
        "pages": str(pages),
        "database_url": database,
        "redis_url": f"unix://{places.store}?db=0",
        "secret_key": places.key.read_text(encoding="ascii"),
        "metrics_port": "" if metrics_port is None else str(metrics_port),
        "local_hips": str(places.hips),
    }
    return {f"{PREFIX}{name.upper()}": value for name, value in found.items()}


def environment(
    settings: Settings,
    inputs: Path,
    places: Places,
    kept: Mapping[str, str],
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Give the whole environment of the server.

    Parameters
    ----------
    settings, inputs
        As in `chosen`.
    places
        Where its parts are.
    kept
        What `managed` gave.
    environ
        The environment of whoever starts the instance: secrets of the login provider, and fine adjustments.

    Raises
    ------
    ConfigError
        It has something that only the instance can decide.
    """
    if both := sorted(name for name in kept if environ.get(name)):
        raise ConfigError(f"{', '.join(both)}: this instance decides that; unset it")
    names = {*HANDED_ON, *(name.lower() for name in HANDED_ON)}
    handed_on = {name: value for name, value in environ.items() if name in names}
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    return {
        **handed_on,
        "PATH": os.defpath,
        "LC_ALL": "C.UTF-8",
        "HOME": str(places.state),
        "PYTHONPATH": str(places.code),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Each thread's own heap would keep what large answers took.
        "MALLOC_ARENA_MAX": "2",
        **chosen(settings, inputs),
        **given,
        **kept,
    }
