"""From nothing to a published release, step by step; each step is skipped when it is done already."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import simulate
from ingest import feed, release
from ingest.errors import ConfigError, InstanceError
from instance import fetch, packages, releases
from instance.account import Account, service_account
from instance.cluster import Cluster
from instance.console import Step, say
from instance.dachs import Dachs
from instance.settings import Settings, home_of
from instance.state import State, fingerprint, holder, lock, make_home

COLLECTIONS = ("hess_dr",)
ENVIRONMENTS = ("venv", "test", "judges")
"""Directories that hold programs, not data."""

WORK_PATIENCE = 120.0
"""Seconds to wait for another import; the first one takes about half a minute."""


class Instance:
    """One private instance: where it lies, who runs it, and its parts.

    Parameters
    ----------
    settings
        The operator's choices.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = home_of(settings)
        self.state = State(self.home / "state.json")
        self.work_lock = self.home / "work.lock"
        self.serve_lock = self.home / "serve.lock"
        self._account: Account | None = None

    @property
    def account(self) -> Account:
        """Who runs the services; asked for only when something is to run."""
        if self._account is None:
            self._account = service_account()
        return self._account

    @property
    def cluster(self) -> Cluster:
        """Its database server."""
        return Cluster(self.home, self.account, self.settings.database_port)

    @property
    def dachs(self) -> Dachs:
        """Its DaCHS."""
        return Dachs(self.settings, self.home, self.account, self.cluster)

    def make_home(self) -> None:
        """Create its directory.

        Raises
        ------
        InstanceError
            There is no room, or no right to.
        """
        make_home(self.home)
        chosen = self.settings.instance
        if self.home != chosen.resolve() and not chosen.exists():
            say(f"{chosen} cannot be entered by the services' user; using {self.home}.")
            chosen.parent.mkdir(parents=True, exist_ok=True)
            chosen.symlink_to(self.home)

    def bring_up(self, *, force_import: bool = False, force_publish: bool = False) -> None:
        """Do everything that is missing between nothing and a database that can be served.

        The cluster runs afterwards.

        Parameters
        ----------
        force_import, force_publish
            Import, or publish, even if nothing changed.

        Raises
        ------
        InstanceError
            A step failed; what was there before is still there.
        """
        self.make_home()
        with lock(self.work_lock, WORK_PATIENCE, "preparing this instance"):
            self._prepare(force_import=force_import, force_publish=force_publish)

    def renew(self, *, force_import: bool = False, force_publish: bool = False) -> None:
        """Bring up what is missing; the cluster runs afterwards only if somebody serves it.

        Parameters are those of `bring_up`.
        """
        self.make_home()
        with lock(self.work_lock, WORK_PATIENCE, "preparing this instance"):
            try:
                self._prepare(force_import=force_import, force_publish=force_publish)
            finally:
                # Whoever serves holds the lock before waiting for us, and needs the cluster.
                if holder(self.serve_lock) is None and self.cluster.ready_mark.exists():
                    self.cluster.stop()

    def _prepare(self, *, force_import: bool, force_publish: bool) -> None:
        # First, because nobody wants to wait to hear that a directory is not there.
        choices = {collection: self._choose() for collection in COLLECTIONS}
        cluster, dachs = self.cluster, self.dachs
        if not cluster.ready_mark.exists():
            self.state.set(database=None, imported=None, published=None)
            with Step("Making the database cluster"):
                cluster.create()
        cluster.start()
        dachs.deployment.update()
        dachs.configure()
        self._ensure_database(dachs)
        for collection, choice in choices.items():
            self._ensure_import(dachs, collection, choice, force=force_import)
        self._ensure_publication(dachs, force=force_publish)

    def _ensure_database(self, dachs: Dachs) -> None:
        wanted = fingerprint(
            dachs.deployment.schema_fingerprint(),
            str(packages.installed_version("python3-gavo")),
            self.settings.authority,
        )
        if self.state.get("database") == wanted and dachs.initialised():
            return
        self.state.set(database=None, imported=None, published=None)
        with Step("Making DaCHS's tables"):
            dachs.initialise()
        self.state.set(database=wanted)

    def _choose(self) -> releases.Choice:
        return releases.choose(
            self.settings,
            self.home,
            self.account,
            first_time=not self.state.get("imported"),
            fetch=try_to_fetch_release,
            simulate=simulate_sample,
        )

    def _ensure_import(self, dachs: Dachs, collection: str, choice: releases.Choice, *, force: bool) -> None:
        say(f"{collection}: {choice.why}")
        dachs.deployment.collection(collection, choice.config, choice.directory)
        resource = dachs.deployment.inputs / collection
        config = release.load(resource / "release.toml")
        wanted = fingerprint(
            self.settings.url,
            resource / "release.toml",
            resource / "q.rd",
            *dachs.deployment.code_files(),
            (path.resolve() for path in feed.event_files(resource, config)),
        )
        imported = self.state.get("imported")
        imported = imported if isinstance(imported, dict) else {}
        if imported.get(collection) == wanted and not force:
            say(f"  nothing changed since the last import of {collection}")
            return
        self.state.set(imported=imported | {collection: None}, published=None)
        (dachs.reports / f"{collection}.json").unlink(missing_ok=True)
        with Step(f"Importing {collection}"):
            dachs.run("imp", f"{collection}/q", show=sys.stderr.isatty())
        tell(feed.Report.load(dachs.reports, collection))
        self.state.set(imported=imported | {collection: wanted}, data=choice.why)

    def _ensure_publication(self, dachs: Dachs, *, force: bool) -> None:
        wanted = fingerprint(
            dachs.rc, dachs.root / "etc" / "defaultmeta.txt", repr(self.state.get("imported"))
        )
        if self.state.get("published") == wanted and not force:
            return
        self.state.set(published=None)
        with Step("Publishing to the registry"):
            dachs.publish(COLLECTIONS)
        self.state.set(published=wanted)

    def failures(self) -> int:
        """Count the files that the last import could not publish."""
        found = [feed.Report.load(self.dachs.reports, collection) for collection in COLLECTIONS]
        return sum(len(report.failures) for report in found if report)

    def fetch_data(self) -> Path:
        """Download the public release."""
        self.make_home()
        target = releases.downloaded(self.home)
        with lock(self.home / "fetch.lock", 0.0, "downloading the release"):
            fetch_release(target)
        return target

    def remove(self, *, environments: bool) -> None:
        """Remove the instance with all that it holds.

        Parameters
        ----------
        environments
            Remove the Python environments, too; they cannot be made again without a network.
        """
        if self.cluster.ready_mark.exists():
            self.cluster.stop()
        for path in self.home.iterdir():
            if path.name in ENVIRONMENTS and not environments:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        if environments:
            self.home.rmdir()
            if self.settings.instance.is_symlink():
                self.settings.instance.unlink()


def tell(report: feed.Report | None) -> None:
    """Show the user what an import did."""
    if report is None:
        raise InstanceError("The import left no report.", "Run it again with 'make ingest'.")
    say(f"  {report.published} of {report.files} files published, {report.events} events")
    for warning in report.warnings:
        say(f"  note: {warning}")
    for failure in report.failures:
        say(f"  NOT published: {failure['problem']}")


def fetch_release(target: Path) -> None:
    """Download the H.E.S.S. release into a directory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fetch.fetch_release(target)


def try_to_fetch_release(target: Path) -> None:
    """Download it if that works at once: the first start must not hang on a dead network."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fetch.fetch_release(target, retries=1, timeout=(5.0, 60.0))


def simulate_sample(target: Path) -> None:
    """Write the built-in sample into a directory."""
    write_sample(target, runs=None, seed=None, facility=None)


def write_sample(
    target: Path,
    *,
    runs: int | None,
    seed: int | None,
    facility: str | None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write a simulated release; give the number of its files.

    Raises
    ------
    ConfigError
        There is no such facility, or a number makes no sense.
    """
    chosen = {key: value for key, value in (("runs", runs), ("seed", seed)) if value is not None}
    if facility is not None:
        if facility not in simulate.PROFILES:
            raise ConfigError(f"facility {facility!r}: expected one of {', '.join(simulate.PROFILES)}")
        chosen["facility"] = simulate.PROFILES[facility]  # type: ignore[assignment]
    target.parent.mkdir(parents=True, exist_ok=True)
    return len(simulate.simulate_release(target, simulate.SimulationConfig(**chosen), progress))  # type: ignore[arg-type]
