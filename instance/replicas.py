"""Read-only copies of the database for TAP queries: which worker asks which one."""

from __future__ import annotations

import re
from pathlib import Path

from instance.cluster import DATABASE
from instance.dachs import Dachs
from instance.settings import Settings, replica_addresses

PROFILE = "untrustedquery"
"""DaCHS's database account for TAP queries; jobs, users and the registry have other ones."""


def write_profiles(dachs: Dachs, settings: Settings, number: int, worker: str) -> Path:
    """Write the profiles of a worker whose TAP queries go to a replica.

    All but that of `PROFILE` are links to the instance's own: what DaCHS notes about jobs goes to the
    primary database.

    Parameters
    ----------
    dachs, settings
        The instance's.
    number
        Of the worker among its kind, from 0; the replicas are taken in turn.
    worker
        Its name.

    Returns
    -------
    Path
        The directory.
    """
    addresses = replica_addresses(settings.replicas)
    host, port = addresses[number % len(addresses)]
    own = dachs.root / "etc"
    directory = dachs.account.make_directory(dachs.root / "profiles" / worker, 0o700)
    for link in directory.iterdir():
        link.unlink()
    for path in own.iterdir():
        if path.name != PROFILE:
            (directory / path.name).symlink_to(path)
    account = re.sub(r"(?m)^include .*\n", "", (own / PROFILE).read_text(encoding="utf-8"))
    written = directory / PROFILE
    written.touch(0o600)
    written.write_text(f"database = {DATABASE}\nhost = {host}\nport = {port}\n{account}", encoding="utf-8")
    dachs.account.own(directory.parent)
    return directory
