"""Serve it: ``python -m tests.portal.plain DIRECTORY PORT``, with an instance's Python, until it is ended.

It has a database cluster and a DaCHS root of its own, and none of this project's descriptors.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from instance.account import end, service_account
from instance.cluster import Cluster
from instance.dachs import Dachs
from instance.settings import Settings

NAME = "plain"
DESCRIPTOR = Path(__file__).with_name("q.rd")


class PlainDachs(Dachs):
    """DaCHS without what this project adds to it."""

    def configure(self) -> None:
        """Write everything that DaCHS reads at its start, but for this project's own."""
        self.deployment.update()
        super().configure()
        (self.root / "etc" / "userconfig.rd").unlink()
        shutil.rmtree(self.deployment.inputs, ignore_errors=True)
        place = self.deployment.inputs / NAME
        place.mkdir(parents=True)
        shutil.copyfile(DESCRIPTOR, place / DESCRIPTOR.name)
        self.account.own(self.deployment.inputs)

    def initialise(self) -> None:
        """Make the database and its tables."""
        self.cluster.recreate_database()
        self.run("init", "-d", self.cluster.dsn)
        for resource in ("//obscore", f"{NAME}/q"):
            self.run("imp", resource)


def _ended(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    """Serve until told to end; gives the server's exit code."""
    signal.signal(signal.SIGTERM, _ended)
    home, port = Path(sys.argv[1]).absolute(), int(sys.argv[2])
    settings = Settings(
        instance=home,
        port=port,
        fast_paths=False,
        guards=False,
        explorer=False,
        site_name="Plain",
        short_name="Plain",
        authority="plain.cherenkov.example",
    )
    account = service_account()
    cluster = Cluster(home, account)
    dachs = PlainDachs(settings, home, account, cluster)
    try:
        cluster.create()
        cluster.start()
        dachs.configure()
        dachs.initialise()
        server = subprocess.Popen(dachs.server(), env=dachs.environment, cwd="/")
        try:
            return server.wait()
        finally:
            end(server)
    finally:
        cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
