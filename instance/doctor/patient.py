"""What is looked at: one instance, without changing anything of it."""

from __future__ import annotations

import functools
import os
import pwd
from collections.abc import Callable, Iterator
from pathlib import Path

from ingest.errors import InstanceError
from instance.account import SERVICE_USER, Account
from instance.cluster import Cluster
from instance.doctor.faults import Diagnosis
from instance.releases import COLLECTIONS
from instance.settings import Settings, home_of
from instance.state import State, holder


class Patient:
    """An instance that may be in any condition.

    Parameters
    ----------
    settings
        The operator's choices.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = home_of(settings)
        self.state = State(self.home / "state.json")

    @functools.cached_property
    def account(self) -> Account | None:
        """Who runs the services; None if that account is not made yet."""
        try:
            found = pwd.getpwnam(SERVICE_USER) if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        except KeyError:
            return None
        return Account(found.pw_name, found.pw_uid, found.pw_gid)

    @property
    def made(self) -> bool:
        """Whether there is an instance at all."""
        return (self.home / "postgres" / "complete").exists()

    @property
    def server(self) -> int | None:
        """Process id of what serves it."""
        return holder(self.home / "serve.lock")

    @property
    def served(self) -> list[str]:
        """Collections that have tables."""
        found = self.state.get("served")
        return [name for name in COLLECTIONS if isinstance(found, list) and name in found]

    @functools.cached_property
    def cluster(self) -> Cluster | None:
        """Its database server, if that runs and answers."""
        if self.account is None or not self.made:
            return None
        found = Cluster(self.home, self.account, self.settings.database_port)
        try:
            return found if found.process() is not None and found.sql("SELECT 1") else None
        except InstanceError:
            return None

    def sql(self, query: str) -> list[str]:
        """Ask the database; nothing if it does not run."""
        return self.cluster.sql(query) if self.cluster is not None else []

    def places(self) -> list[Path]:
        """Give the directories of all releases below DaCHS's inputs."""
        return sorted((self.home / "dachs" / "inputs").glob("*/releases/*"))


Examination = Callable[[Patient], Iterator[Diagnosis]]
