"""Collections that come to an instance for a test, and go again."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

from ingest.errors import InstanceError
from instance.bringup import Instance as Managed
from instance.settings import load
from simulate import SimulationConfig, simulate_release
from tests.live.conftest import Instance

RUNS = 3
"""Runs of a release that a collection comes with."""

SHARED_TABLES = """SELECT c.oid::regclass::text
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('ivoa', 'datalink', 'tap_schema', 'dc') AND c.relkind IN ('r', 'v')
    AND c.relname NOT IN ('tapjobs', 'datalinkjobs')"""
"""Asynchronous jobs are the users', and go when it pleases them."""

RELATIONS = """SELECT n.nspname, c.relname, c.relkind, c.relowner::regrole,
        ARRAY(SELECT unnest(c.relacl)::text ORDER BY 1),
        CASE WHEN c.relkind = 'v' THEN md5(pg_get_viewdef(c.oid)) END
    FROM pg_namespace AS n LEFT JOIN pg_class AS c ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^(pg_|information_schema)' ORDER BY 1, 2"""


class Visitor:
    """A collection that is not the instance's own: what it needs to come and to go."""

    def __init__(self, instance: Instance, name: str) -> None:
        managed = Managed(load())
        assert managed.home == instance.home.resolve()
        self.instance, self.name, self.dachs, self.account = instance, name, managed.dachs, managed.account
        self.inputs = managed.dachs.deployment.inputs / name
        self.release = managed.home / "releases" / name
        self.report = managed.dachs.reports / f"{name}.json"
        self.here = False

    def census(self) -> dict[str, list[str]]:
        """Give all rows of the tables that collections share, all relations, and the files beside."""
        sql = self.instance.cluster.sql
        found = {table: sql(f"SELECT t::text FROM {table} AS t ORDER BY 1") for table in sql(SHARED_TABLES)}
        # Recovering views is an import of their RD, whose moment is noted.
        found["dc.rdmeta"] = sql("SELECT to_jsonb(t) - 'data_updated' FROM dc.rdmeta AS t ORDER BY 1")
        found["relations"] = sql(RELATIONS)
        places = (self.inputs.parent, self.release.parent, self.report.parent)
        found["files"] = sorted(str(path) for place in places for path in place.glob("*"))
        return found

    def come(self, resource: str, release: str | None = None) -> None:
        """Lay it out below the inputs as the deployment does, and import it."""
        self.inputs.mkdir()
        (self.inputs / "q.rd").write_text(resource, encoding="utf-8")
        if release is not None:
            place = self.inputs / "releases" / "sample"
            place.mkdir(parents=True)
            (place / "release.toml").write_text(release, encoding="utf-8")
            self.release.parent.mkdir(exist_ok=True)
            simulate_release(self.release, SimulationConfig(runs=RUNS))
            (place / "files").symlink_to(self.release)
        assert self.account.can_read_all(self.inputs)
        self.here = True
        self.dachs.run("imp", f"{self.name}/q")

    def drop(self) -> None:
        """Take it out of the database as an operator does.

        With ``-f`` DaCHS purges its own tables of what is left, such as the records of resources that
        were published; it drops no tables then, so both are needed.
        """
        self.dachs.run("drop", f"{self.name}/q")
        self.dachs.run("drop", "-f", f"{self.name}/q")
        self.here = False

    def purge(self) -> None:
        """Take it out of the database without its RD, which ``dachs drop`` would read."""
        shutil.rmtree(self.inputs)
        self.instance.cluster.sql(f"DROP SCHEMA IF EXISTS {self.name} CASCADE")
        self.dachs.run("drop", "-f", f"{self.name}/q")
        self.instance.cluster.sql(f"DELETE FROM tap_schema.schemas WHERE schema_name = '{self.name}'")
        self.dachs.run("imp", "rd/unions", "recover")
        self.here = False

    def remove(self) -> None:
        """Leave the instance as it was, wherever a test stopped."""
        try:
            if self.here:
                try:
                    self.drop()
                except InstanceError:
                    self.purge()
        finally:
            for directory in (self.inputs, self.release):
                shutil.rmtree(directory, ignore_errors=True)
            self.report.unlink(missing_ok=True)


@contextlib.contextmanager
def visiting(instance: Instance, name: str) -> Iterator[Visitor]:
    """Give a collection that is gone afterwards."""
    visitor = Visitor(instance, name)
    try:
        yield visitor
    finally:
        visitor.remove()
