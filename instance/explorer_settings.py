"""What an operator can choose of the explorer: a part of ``instance.settings``, which a bare machine reads.

Secrets are not among them, for settings are noted in backups and units: they come from the environment of
whoever starts the instance. See docs/explorer.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ingest.errors import ConfigError

HTTP_URL = r"https?://[^\s/@#?]+(/[^\s#?]*)?"
KEY = r"[a-z0-9][a-z0-9_-]{0,39}"


def setting(default: Any, text: str, variable: str | None = None) -> Any:
    """Define a setting.

    Parameters
    ----------
    default
        Its value if the operator says nothing.
    text
        What it is, for ``--help``.
    variable
        Its environment variable, if that is not made of its name.
    """
    return field(default=default, metadata={"help": text, "variable": variable})


@dataclass(frozen=True)
class ExplorerSettings:
    """The settings whose names begin with ``explorer``."""

    explorer: bool = setting(True, "serve the data explorer, a web portal for people, below /explorer/")
    explorer_title: str = setting("", "name of the explorer on its pages; default: the data centre's")
    explorer_metrics_port: int = setting(
        0, "port of 127.0.0.1 for the explorer's metrics; 0 takes a free one, see 'status'"
    )
    explorer_services: str = setting(
        "", "other TAP services that people may search: 'key=URL', with spaces between"
    )
    explorer_runners: str = setting("", "other UWS servers for analysis jobs: 'key=URL', with spaces between")
    explorer_jobs: bool = setting(True, "run analysis jobs (Gammapy) on this machine")
    explorer_jobs_running: int = setting(1, "analysis jobs that run at once")
    explorer_jobs_waiting: int = setting(20, "analysis jobs that may wait; further ones are refused")
    explorer_job_runs: int = setting(50, "data sets of an analysis job")
    explorer_job_seconds: int = setting(1800, "seconds that an analysis job may take")
    explorer_job_memory: int = setting(6144, "mebibytes of memory that an analysis job may take")
    explorer_resolver: str = setting(
        "https://cds.unistra.fr/cgi-bin/nph-sesame", "Sesame service for names of objects; 'none' for none"
    )
    explorer_hips: bool = setting(True, "make a picture of all public events for the sky map")
    explorer_surveys: bool = setting(False, "let the sky map load surveys from CDS's servers")
    explorer_oidc_issuer: str = setting(
        "", "issuer of the OpenID provider for logins; without, there are none"
    )
    explorer_oidc_client_id: str = setting("", "what that provider calls the explorer")
    explorer_oidc_label: str = setting("single sign-on", "that provider's name for people")
    explorer_group_rights: str = setting(
        "", "groups of this site that the provider's stand for: 'group=right,right', with spaces between"
    )

    def check_explorer(self) -> None:
        """Look at the values.

        Raises
        ------
        ConfigError
            One of them makes no sense.
        """
        for name in JOB_BOUNDS:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}: expected a whole number, 1 or more")
        for name, form, reserved in (
            ("explorer_services", f"{KEY}={HTTP_URL}", OWN),
            ("explorer_runners", f"{KEY}={HTTP_URL}", OWN),
            ("explorer_group_rights", r"[^\s=,]+=[^\s=,]+(,[^\s=,]+)*", ""),
        ):
            words = getattr(self, name).split()
            keys = [word.partition("=")[0] for word in words]
            if not all(re.fullmatch(form, word) for word in words):
                wanted = "key=http[s]://..." if reserved else "group=right,right"
                raise ConfigError(f"{name} = {getattr(self, name)!r}: expected '{wanted}', spaces between")
            if len(set(keys)) < len(keys) or reserved in keys:
                raise ConfigError(f"{name} = {getattr(self, name)!r}: expected other keys, each once")
        for name, none in (("explorer_resolver", "none"), ("explorer_oidc_issuer", "")):
            value = getattr(self, name)
            if value != none and not re.fullmatch(HTTP_URL, value):
                raise ConfigError(f"{name} = {value!r}: expected http[s]://... or {none!r}")
        if bool(self.explorer_oidc_issuer) != bool(self.explorer_oidc_client_id):
            raise ConfigError("explorer_oidc_issuer and explorer_oidc_client_id: expected both, or none")


JOB_BOUNDS = (
    "explorer_jobs_running",
    "explorer_jobs_waiting",
    "explorer_job_runs",
    "explorer_job_seconds",
    "explorer_job_memory",
)
"""Settings that DaCHS's service of analysis jobs reads."""

OWN = "own"
"""Key of this site's own TAP service and runner."""


def pairs(text: str) -> dict[str, str]:
    """Give what is left and right of the equals sign of each word."""
    return {key: value for key, _, value in (word.partition("=") for word in text.split())}
