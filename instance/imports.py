"""Importing a collection: whole, or what changed; and finding out which of them it takes, or neither."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg2

from ingest import changes, feed, ledger, release
from ingest.changes import Options
from ingest.errors import InstanceError, printable
from ingest.feed import Report
from ingest.spoiled import STAYS
from instance.cluster import Cluster, refusal
from instance.console import Step, say
from instance.dachs import Dachs
from instance.settings import Settings
from instance.state import fingerprint

OPTIONS_VARIABLE = "CHERENKOV_VO_INGEST"
"""Environment variable by which ``rd.loading`` is told what is asked for."""


@dataclass(frozen=True)
class Mark:
    """What the last complete import of a collection was made under.

    Attributes
    ----------
    structure
        Digest of what shapes its tables; if that changes, they are made anew.
    definitions
        Digest of what shapes views and metadata.
    revision
        Changes with its rows.
    """

    structure: str
    definitions: str
    revision: str

    def text(self) -> str:
        """Write it for the instance's state."""
        return json.dumps(asdict(self))

    @staticmethod
    def read(text: Any) -> Mark | None:
        """Read what `text` wrote; None if it is something else."""
        try:
            return Mark(**json.loads(text))
        except (TypeError, ValueError):
            return None


class Importer:
    """Imports collections into one instance.

    Parameters
    ----------
    settings, dachs, cluster
        The instance's.
    options
        What the operator asks for.
    """

    def __init__(self, settings: Settings, dachs: Dachs, cluster: Cluster, options: Options) -> None:
        self.settings, self.dachs, self.cluster, self.options = settings, dachs, cluster, options

    def identity(self, collection: str) -> feed.Identity:
        """Give who publishes a collection, as what: as ``rd.metadata`` has it."""
        return feed.Identity(
            self.settings.authority,
            self.settings.url,
            collection,
            self.settings.vocabulary,
            self.settings.access_url,
        )

    def marked(self, resource: Path, revision: str = "") -> Mark:
        """Give what an import of a collection would be made under.

        Parameters
        ----------
        resource
            The collection's directory below the DaCHS inputs directory.
        revision
            That of its rows.
        """
        record = release.registry(resource).registry
        chosen = (
            self.settings.url,
            self.settings.vocabulary,
            self.settings.obscore_access_url,
            repr(record),
        )
        code = self.dachs.deployment.structure_files()
        return Mark(fingerprint(resource / "q.rd", *code), fingerprint(*chosen), revision)

    def run(self, resource: Path, before: Mark | None, *, served: bool) -> Mark:
        """Import a collection as far as it changed.

        Parameters
        ----------
        resource
            The collection's directory below the DaCHS inputs directory.
        before
            What the last complete import was made under; None if there was none.
        served
            Whether the collection has tables.

        Raises
        ------
        InstanceError
            That failed; what was published is as it was.
        """
        collection, wanted = resource.name, self.marked(resource)
        if not self.settings.fast_paths:
            return self._run_slowly(resource, before, served=served)
        with self._connection() as connection:
            known = before is not None and ledger.exists(connection, collection)
            if known and before is not None and before.structure == wanted.structure:
                if self._nothing_to_do(connection, resource, before):
                    say(f"  nothing changed since the last import of {collection}")
                    tell_known(Report.load(self.dachs.reports, collection))
                    return self.marked(resource, ledger.revision(connection, collection))
                connection.rollback()
                with Step(f"Bringing {collection} up to date"):
                    self._dachs(collection, "update", definitions=before.definitions != wanted.definitions)
            else:
                connection.rollback()
                self._make(collection, served=served)
            connection.rollback()
            found = {
                name: (resource / "releases" / name / "files", config)
                for name, config in release.of_collection(resource).items()
            }
            report = ledger.report_of(connection, collection, found)
            report.save(self.dachs.reports)
            tell(report)
            return self.marked(resource, ledger.revision(connection, collection))

    def _nothing_to_do(self, connection: Any, resource: Path, before: Mark) -> bool:
        asked = self.options
        if asked.force or asked.checksum or before.definitions != self.marked(resource).definitions:
            return False
        known = ledger.Ledger.read(connection, resource.name)
        return changes.unchanged(resource, self.identity(resource.name), known, withdraw=asked.withdraw)

    def _make(self, collection: str, *, served: bool) -> None:
        """Make the tables of a collection anew."""
        with Step(f"Importing {collection}"):
            try:
                self._dachs(collection)
            except InstanceError:
                if served and not self.settings.fast_paths:
                    self.dachs.bring_back(collection)
                raise

    def _dachs(self, collection: str, *what: str, definitions: bool = False) -> None:
        asked = asdict(self.options) | {"definitions": definitions}
        if not asked["processes"]:
            asked["processes"] = self.settings.scan_processes
        self.dachs.run(
            "imp",
            f"{collection}/q",
            *what,
            show=sys.stderr.isatty(),
            variables={OPTIONS_VARIABLE: json.dumps(asked)},
        )

    def _run_slowly(self, resource: Path, before: Mark | None, *, served: bool) -> Mark:
        """Import in DaCHS's own way: everything again whenever a file changed."""
        collection = resource.name
        files: list[Path] = []
        for name, config in release.of_collection(resource).items():
            files += feed.release_files(resource / "releases" / name / "files", config)
        code = self.dachs.deployment.code_files()
        wanted = self.marked(
            resource, fingerprint(repr(self.identity(collection)), *code, [path.resolve() for path in files])
        )
        if before == wanted and not self.options.force:
            say(f"  nothing changed since the last import of {collection}")
            return wanted
        (self.dachs.reports / f"{collection}.json").unlink(missing_ok=True)
        self._make(collection, served=served)
        tell(Report.load(self.dachs.reports, collection))
        return wanted

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Any]:
        try:
            connection = psycopg2.connect(self.cluster.dsn, passfile=str(self.cluster.password_file))
            with contextlib.closing(connection):
                yield connection
        except psycopg2.Error as error:
            said = " ".join(str(error).split())
            raise refusal(f"The database does not answer any more: {said}") from error


def tell(report: Report | None) -> None:
    """Show the user what an import did."""
    if report is None:
        raise InstanceError("The import left no report.", "Run it again with 'make ingest'.")
    say(f"  {report.published} of {report.files} observations published, {report.events} events")
    for warning in report.warnings:
        say(f"  note: {warning}")
    if report.deviation_count:
        say(f"  {report.deviation_count} deviations from GADF; 'make check' lists them")
    for failure in report.failures:
        say(f"  NOT published: {failure['problem']}")
    for line in summary(report.failures):
        say(f"  {line}")


def tell_known(report: Report | None) -> None:
    """Remind the user of what an earlier import could not publish, if there is anything."""
    for line in summary(report.failures if report else []):
        say(f"  {line}")


def summary(failures: Sequence[Mapping[str, str]]) -> list[str]:
    """Give a table of what kinds of faults there are, how often, and in which file first."""
    if not failures:
        return []
    kinds: dict[str, list[str]] = {}
    for failure in failures:
        kinds.setdefault(_KINDS.get(failure["kind"], failure["kind"]), []).append(failure["file"])
    stay = sum(failure["problem"].endswith(STAYS) for failure in failures)
    rows = [("why not", "number", "first")]
    rows += [(kind, str(len(names)), names[0]) for kind, names in kinds.items()]
    rows.append(("in all", str(len(failures)), f"{stay} of them keep what was published before"))
    wide = max(len(row[0]) for row in rows)
    return [f"{kind:{wide}}  {number:>6}  {printable(first)}" for kind, number, first in rows]


_KINDS = {
    "UnreadableFileError": "cannot be read as FITS, or damaged",
    "KeywordError": "keyword or column missing or senseless",
    "GADFError": "not to be published for another reason",
}
