"""From nothing to a published release, step by step; each step is skipped when it is done already."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import simulate
from ingest import feed
from ingest.changes import Options
from ingest.errors import CherenkovVOError, ConfigError, InstanceError
from instance import fetch, packages, releases, swap, version
from instance.account import Account, service_account
from instance.cluster import Cluster
from instance.console import Step, note, say
from instance.dachs import Dachs
from instance.doctor.files import written_fingerprint
from instance.exits import FAILURE
from instance.imports import Importer, Mark
from instance.releases import COLLECTIONS
from instance.settings import Settings, home_of
from instance.state import State, fingerprint, holder, lock, make_home

ENVIRONMENTS = ("venv", "test", "judges", "explorer", "explorer-test", "jobs", "jobs-test")
"""Directories that hold programs, not data."""

WORK_PATIENCE = 120.0
"""Seconds to wait for another import; the first one takes about half a minute."""

AS_NEEDED = Options()


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

    def bring_up(self, options: Options = AS_NEEDED, *, force_publish: bool = False) -> None:
        """Do everything that is missing between nothing and a database that can be served.

        The cluster runs afterwards. A collection that cannot be imported is reported; the others, and
        what was imported of it before, are served all the same.

        Parameters
        ----------
        options
            What is asked for of the imports.
        force_publish
            Publish even if nothing changed.

        Raises
        ------
        InstanceError
            A step failed, or nothing can be served; what was there before is still there.
        """
        self.make_home()
        with lock(self.work_lock, WORK_PATIENCE, "preparing this instance"):
            self._prepare(options, force_publish=force_publish)

    def renew(self, options: Options = AS_NEEDED, *, force_publish: bool = False) -> None:
        """Bring up what is missing; the cluster runs afterwards only if somebody serves it.

        Parameters are those of `bring_up`.

        Raises
        ------
        InstanceError
            As `bring_up`, or a collection could not be imported or published; the others were.
        """
        self.make_home()
        with lock(self.work_lock, WORK_PATIENCE, "preparing this instance"):
            try:
                problems = self._prepare(options, force_publish=force_publish)
            finally:
                # Whoever serves holds the lock before waiting for us, and needs the cluster.
                if holder(self.serve_lock) is None and self.cluster.ready_mark.exists():
                    self.cluster.stop()
        if problems:
            code = problems[0].exit_code if isinstance(problems[0], InstanceError) else FAILURE
            raise InstanceError(
                "Not everything could be imported and published.", "See above.", exit_code=code
            )

    def _prepare(self, options: Options, *, force_publish: bool) -> list[CherenkovVOError]:
        if swap.finish(self.home):
            say("  an interrupted 'make restore' is complete now")
        version.refuse_downgrade(self.state)
        # First, because nobody wants to wait to hear that a directory is not there.
        choices = {collection: self.choices(collection) for collection in COLLECTIONS}
        cluster, dachs = self.cluster, self.dachs
        if not cluster.ready_mark.exists():
            self.state.set(database=None, imported=None, served=None, published=None, obscore=None)
            with Step("Making the database cluster"):
                cluster.create()
        cluster.start()
        self.state.set(version=version.VERSION)
        dachs.deployment.update()
        dachs.configure()
        self.state.set(written=written_fingerprint(self.home))
        self._ensure_database(dachs)
        problems = self._ensure_imports(dachs, choices, options)
        self._ensure_obscore(dachs)
        if self.served():
            problems += self._ensure_publication(dachs, force=force_publish)
        elif problems:
            raise problems[0]
        return problems

    def _ensure_database(self, dachs: Dachs) -> None:
        wanted = fingerprint(
            dachs.deployment.schema_fingerprint(),
            str(packages.installed_version("python3-gavo")),
            self.settings.authority,
            repr(self.settings.materialise_obscore),
        )
        if self.state.get("database") == wanted and dachs.initialised():
            dachs.ensure_job_table()
            return
        self.state.set(database=None, imported=None, served=None, published=None, obscore=None)
        with Step("Making DaCHS's tables"):
            dachs.initialise()
        self.state.set(database=wanted)

    def _ensure_obscore(self, dachs: Dachs) -> None:
        """Make ivoa.obscore anew if it is a table and a collection has changed."""
        wanted = fingerprint(repr(self.state.get("imported")))
        if not self.settings.materialise_obscore or self.state.get("obscore") == wanted:
            return
        with Step("Making ivoa.obscore"):
            dachs.run("imp", "//obscore", "create")
        self.state.set(obscore=wanted)

    def choices(
        self, collection: str, *, fetch: Callable[[Path], None] | None = None
    ) -> list[releases.Choice]:
        """Choose the releases of a collection; those that can be made are made.

        Parameters
        ----------
        collection
            One of `COLLECTIONS`.
        fetch
            How the H.E.S.S. release is downloaded at first; briefly and without patience if not given.

        Raises
        ------
        InstanceError
            A release that the operator names is not there, or cannot be read.
        """
        makers = releases.Makers(
            fetch=fetch or try_to_fetch_release, sample=simulate_sample, ctao_sample=self.simulate_ctao
        )
        first_time = not self.state.get("imported")
        return releases.choices(
            collection, self.settings, self.home, self.account, makers, first_time=first_time
        )

    def simulate_ctao(self, target: Path) -> None:
        """Write the CTAO-like release, as large as the operator wants it, into a directory."""
        write_sample(target, runs=self.settings.ctao_runs, seed=None, facility=simulate.CTAO_LIKE)

    def _ensure_imports(
        self, dachs: Dachs, choices: dict[str, list[releases.Choice]], options: Options
    ) -> list[CherenkovVOError]:
        """Import what changed; a collection that fails does not stop the others."""
        problems: list[CherenkovVOError] = []
        for collection, chosen in choices.items():
            try:
                self._ensure_import(dachs, collection, chosen, options)
            except CherenkovVOError as error:
                problems.append(error)
                say(f"  {collection} is NOT imported: {error}")
                if collection in self.served():
                    say(f"  What was imported of {collection} before is still served.")
        return problems

    def _ensure_import(
        self, dachs: Dachs, collection: str, chosen: list[releases.Choice], options: Options
    ) -> None:
        for choice in chosen:
            say(f"{collection}: {choice.why}")
        resource = dachs.deployment.collection(collection, chosen)
        imported, served = self._imported(), collection in self.served()
        importer = Importer(self.settings, dachs, self.cluster, options)
        before = Mark.read(imported.get(collection))
        start = time.monotonic()
        try:
            after = importer.run(resource, before, served=served)
        except CherenkovVOError:
            self._note_import(collection, "failed", start)
            # What is served is the old state, or a new one that the next run notices.
            noted = imported.get(collection) if served else None
            self.state.set(imported=imported | {collection: noted}, published=None)
            raise
        self._note_import(collection, "unchanged" if after == before else "done", start)
        data = self.state.get("data")
        self.state.set(
            imported=imported | {collection: after.text()},
            served=sorted({*self.served(), collection}),
            data=(data if isinstance(data, dict) else {}) | {collection: [choice.why for choice in chosen]},
        )

    def _note_import(self, collection: str, result: str, start: float) -> None:
        """Remember when an import ended, and how."""
        known = self.state.get("imports")
        last = {"ended": time.time(), "seconds": round(time.monotonic() - start, 3), "result": result}
        self.state.set(imports=(known if isinstance(known, dict) else {}) | {collection: last})
        report = self.reports([collection]).get(collection)
        counts = (
            {}
            if report is None
            else {
                "files": report.files,
                "published": report.published,
                "failed": len(report.failures),
                "deviations": report.deviation_count,
            }
        )
        level = "error" if result == "failed" else "info"
        note(f"import {result}", level, collection=collection, seconds=last["seconds"], **counts)

    def _imported(self) -> dict[str, str | None]:
        """Give the fingerprint of the last complete import of each collection."""
        imported = self.state.get("imported")
        return imported if isinstance(imported, dict) else {}

    def served(self) -> list[str]:
        """Give the collections that have tables in the database: those imported at least once."""
        served = self.state.get("served")
        return [name for name in COLLECTIONS if isinstance(served, list) and name in served]

    def _ensure_publication(self, dachs: Dachs, *, force: bool) -> list[CherenkovVOError]:
        """Publish if something changed; give what could not be published."""
        wanted = fingerprint(
            # Where the instance lies is no business of the registry's.
            dachs.rc.read_text(encoding="utf-8").replace(str(self.home), ""),
            dachs.root / "etc" / "defaultmeta.txt",
            self.settings.vocabulary,
            repr(self.served()),
            repr(self.state.get("imported")),
        )
        if self.state.get("published") == wanted and not force:
            return []
        self.state.set(published=None)
        with Step("Publishing to the registry"):
            left_out = [" ".join(text.split()) for text in dachs.publish(self.served())]
        for text in left_out:
            say(f"  NOT in the registry: {text}")
        if not left_out:
            self.state.set(published=wanted)
        return [InstanceError(text) for text in left_out]

    def failures(self) -> int:
        """Count the observations that the last imports could not publish."""
        return sum(len(report.failures) for report in self.reports(COLLECTIONS).values())

    def reports(self, collections: Iterable[str]) -> dict[str, feed.Report]:
        """Give the reports of the last imports; collections without one are left out."""
        found = {name: feed.Report.load(self.home / "reports", name) for name in collections}
        return {name: report for name, report in found.items() if report is not None}

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


def fetch_release(target: Path) -> None:
    """Download the H.E.S.S. release into a directory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fetch.fetch_release(target)


def try_to_fetch_release(target: Path) -> None:
    """Download it if that works at once: the first start must not hang on a dead network."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fetch.fetch_release(target, retries=1, timeout=(5.0, 60.0))


def simulate_sample(target: Path) -> None:
    """Write the built-in sample, in the form of the H.E.S.S. release, into a directory."""
    write_sample(target, runs=None, seed=None, facility=None)


def write_sample(
    target: Path,
    *,
    runs: int | None,
    seed: int | None,
    facility: str | None,
    metadata_only: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write a simulated release; give the number of its files.

    Parameters
    ----------
    target
        A directory that is new or holds an older simulated release.
    runs, seed
        Number of runs and seed of the random numbers; the simulator's own without.
    facility
        Key of `simulate.PROFILES`, or `simulate.CTAO_LIKE`; the H.E.S.S.-like array without.
    metadata_only
        Write no events; only a whole observatory has indexes that make sense without.
    progress
        Called with the number of runs written and of all runs.

    Raises
    ------
    ConfigError
        There is no such facility, or a number makes no sense.
    """
    numbers = {key: value for key, value in (("runs", runs), ("seed", seed)) if value is not None}
    if facility == simulate.CTAO_LIKE:
        observatory = simulate.ObservatoryConfig(**numbers, metadata_only=metadata_only)
        target.parent.mkdir(parents=True, exist_ok=True)
        return len(simulate.simulate_ctao_release(target, observatory, progress))
    if metadata_only:
        raise ConfigError(f"metadata only: facility {facility!r}, expected {simulate.CTAO_LIKE}")
    if facility is not None and facility not in simulate.PROFILES:
        known = ", ".join((*simulate.PROFILES, simulate.CTAO_LIKE))
        raise ConfigError(f"facility {facility!r}: expected one of {known}")
    profile = simulate.PROFILES[facility or simulate.HESS_LIKE.key]
    target.parent.mkdir(parents=True, exist_ok=True)
    return len(
        simulate.simulate_release(target, simulate.SimulationConfig(**numbers, facility=profile), progress)
    )
