"""A collection whose release changes while it is read: what is published follows, in one step each time."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from ingest.changes import Options
from ingest.feed import Report
from ingest.spoiled import STAYS
from instance.bringup import Instance as Managed
from instance.imports import Importer, Mark
from instance.settings import load
from simulate import SimulationConfig, simulate_release
from tests.live.conftest import Instance
from tests.live.test_third_collection import RELEASE, RESOURCE, THIRD, Visitor, visiting

RUNS = 6
PER_RUN = 1 + 4 + 1
"""Rows of a run in ivoa.obscore: event list, responses, bundle."""

TABLES = ("obscore", "companions", "links", "provenance")


class Followed:
    """The collection, with what its last import was made under."""

    def __init__(self, instance: Instance, visitor: Visitor) -> None:
        self.instance, self.visitor = instance, visitor
        self.managed = Managed(load())
        self.mark: Mark | None = None
        self.data = visitor.release / "data"
        self.toml = visitor.inputs / "releases" / "sample" / "release.toml"
        self.elsewhere = visitor.release.with_name("third-elsewhere")

    def ingest(self, *, fast_paths: bool = True, public_url: str = "", **options: Any) -> Report:
        """Bring it up to date as ``ingest`` does."""
        settings = replace(self.managed.settings, fast_paths=fast_paths)
        if public_url:
            settings = replace(settings, public_url=public_url)
        dachs = Managed(settings).dachs
        dachs.configure()
        try:
            importer = Importer(settings, dachs, self.managed.cluster, Options(**options))
            self.mark = importer.run(self.visitor.inputs, self.mark, served=self.mark is not None)
        finally:
            self.managed.dachs.configure()
        report = Report.load(dachs.reports, THIRD)
        assert report is not None
        return report

    def sql(self, query: str) -> list[str]:
        return self.instance.cluster.sql(query)

    def ids(self) -> list[str]:
        """Give what ivoa.obscore has of it."""
        return self.sql(
            f"SELECT DISTINCT obs_id FROM ivoa.obscore WHERE obs_publisher_did LIKE '%?{THIRD}/%' ORDER BY 1"
        )

    def content(self) -> dict[str, list[str]]:
        """Give all rows of its tables, without the moments of imports, and how they are indexed."""
        found = {
            table: self.sql(
                f"SELECT to_jsonb(t) - 'facts' FROM {THIRD}.{table} AS t ORDER BY t::text COLLATE \"C\""
            )
            for table in TABLES
        }
        found["provenance"] = sorted(found["provenance"])
        moment = 'regexp_replace(facts, \'"ingested":"[^"]*"\', \'\')'
        found["facts"] = self.sql(f"SELECT obs_id, md5({moment}) FROM {THIRD}.provenance ORDER BY 1")
        found["indexes"] = self.sql(
            f"SELECT indexdef FROM pg_indexes WHERE schemaname = '{THIRD}' ORDER BY indexname"
        )
        found["rights"] = self.sql(
            "SELECT relname, ARRAY(SELECT unnest(relacl)::text ORDER BY 1) FROM pg_class AS c"
            f" JOIN pg_namespace AS n ON n.oid = relnamespace WHERE nspname = '{THIRD}' ORDER BY 1"
        )
        return found

    def inodes(self) -> list[str]:
        """Give what shows that tables and views are still the same ones."""
        return self.sql(
            "SELECT relname, c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace"
            f" WHERE nspname = '{THIRD}' OR relname = 'obscore' ORDER BY 1"
        )

    @contextlib.contextmanager
    def watched(self, query: str) -> Iterator[set[str]]:
        """Ask a query all the time; gives all its answers. Who would have to wait for a lock fails."""
        cluster = self.managed.cluster
        answers: set[str] = set()
        problems: list[Exception] = []
        done = threading.Event()

        def watch() -> None:
            connection = psycopg2.connect(cluster.dsn, passfile=str(cluster.password_file))
            connection.autocommit = True
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SET lock_timeout = '200ms'")
                    while not done.is_set():
                        cursor.execute(query)
                        answers.add(repr(cursor.fetchall()))
            except psycopg2.Error as error:
                problems.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield answers
        finally:
            done.set()
            thread.join()
        assert not problems


@pytest.fixture(scope="module")
def followed(instance: Instance) -> Iterator[Followed]:
    """Give the collection after its first import."""
    with visiting(instance, THIRD) as visitor:
        found = Followed(instance, visitor)
        place = visitor.inputs / "releases" / "sample"
        place.mkdir(parents=True)
        (visitor.inputs / "q.rd").write_text(RESOURCE, encoding="utf-8")
        found.toml.write_text(RELEASE, encoding="utf-8")
        visitor.release.parent.mkdir(exist_ok=True)
        simulate_release(visitor.release, SimulationConfig(runs=RUNS))
        (place / "files").symlink_to(visitor.release)
        found.elsewhere.mkdir(exist_ok=True)
        visitor.here = True
        found.managed.dachs.deployment.update()  # the code that imports, and that looks for changes
        try:
            report = found.ingest()
            assert (report.files, report.published) == (RUNS, RUNS)
            yield found
        finally:
            shutil.rmtree(found.elsewhere)


def runs_of(found: Followed) -> list[Path]:
    return sorted(found.data.glob("*.fits.gz"))


def count_of(found: Followed) -> str:
    return f"SELECT count(*) FROM ivoa.obscore WHERE obs_publisher_did LIKE '%?{THIRD}/%'"


def test_copied_rows_are_those_that_dachs_feeds(followed: Followed) -> None:
    copied = followed.content()
    assert len(copied["obscore"]) == RUNS
    followed.mark = None
    followed.ingest(fast_paths=False)
    fed = followed.content()
    ledger = [line for line in copied.pop("rights") if line.startswith("ledger")]
    assert [line for line in fed.pop("rights") if line.startswith("ledger")] == ledger
    assert fed == copied
    assert followed.sql(f"SELECT count(*) FROM {THIRD}.ledger") == ["0"]
    followed.mark = None
    followed.ingest()
    assert followed.content() | {"rights": []} == copied | {"rights": []}


def test_nothing_is_done_if_nothing_changed(followed: Followed, capsys: pytest.CaptureFixture[str]) -> None:
    before, written = followed.inodes(), followed.sql(f"SELECT max(written) FROM {THIRD}.ledger")
    followed.ingest()
    assert f"nothing changed since the last import of {THIRD}" in capsys.readouterr().err
    assert followed.inodes() == before
    assert followed.sql(f"SELECT max(written) FROM {THIRD}.ledger") == written


def test_files_come_and_go_while_others_read(followed: Followed) -> None:
    before, tables = followed.content(), followed.inodes()
    path = runs_of(followed)[2]
    with followed.watched(count_of(followed)) as counts:
        saved = path.rename(followed.elsewhere / path.name)
        report = followed.ingest()
        assert (report.files, report.published) == (RUNS, RUNS)
        assert any(path.name in warning for warning in report.warnings)
        report = followed.ingest(withdraw=True)
        assert (report.files, report.published, report.warnings) == (RUNS - 1, RUNS - 1, [])
        assert len(followed.ids()) == RUNS - 1
        saved.rename(path)
        assert followed.ingest().published == RUNS
    assert counts == {f"[({PER_RUN * runs},)]" for runs in (RUNS - 1, RUNS)}
    assert followed.content() == before
    assert followed.inodes() == tables


def test_reports_are_complete_after_a_part_was_read(followed: Followed) -> None:
    whole = followed.ingest(force=True)
    path = runs_of(followed)[0]
    good = path.read_bytes()
    path.write_bytes(b"broken")
    report = followed.ingest()
    assert (report.files, report.published) == (RUNS, RUNS)
    (failure,) = report.failures
    assert failure["file"] == path.name
    assert failure["problem"].endswith(STAYS)
    path.write_bytes(good)
    assert dataclasses.asdict(followed.ingest()) == dataclasses.asdict(whole)


def test_everything_changes_at_once_or_not_at_all(followed: Followed) -> None:
    tables = followed.inodes()
    text = followed.toml.read_text(encoding="utf-8")
    query = (
        "SELECT bib_reference, count(*) FROM ivoa.obscore"
        f" WHERE obs_publisher_did LIKE '%?{THIRD}/%' GROUP BY 1"
    )
    with followed.watched(query) as answers:
        followed.toml.write_text('bib_reference = "2026x"\n' + text, encoding="utf-8")
        assert followed.ingest().published == RUNS
    number = PER_RUN * RUNS
    assert answers == {f"[(None, {number})]", f"[('2026x', {number})]"}
    followed.toml.write_text(text, encoding="utf-8")
    followed.ingest()
    assert followed.inodes() == tables


def test_settings_in_views_change_with_the_rows(followed: Followed) -> None:
    before = followed.content()
    followed.ingest(public_url="https://vo.example")
    query = (
        f"SELECT DISTINCT left(access_url, 19) FROM ivoa.obscore WHERE obs_publisher_did LIKE '%?{THIRD}/%'"
    )
    assert followed.sql(query) == ["https://vo.example/"]
    assert followed.sql(
        f"SELECT DISTINCT left(access_url, 19) FROM datalink.response WHERE id LIKE '%?{THIRD}/%'"
    ) == ["https://vo.example/"]
    followed.ingest()
    assert followed.content() == before


def test_texts_of_the_record_reach_the_site_s_tables(followed: Followed) -> None:
    text = followed.toml.read_text(encoding="utf-8")
    followed.toml.write_text(text.replace("A third, simulated", "A renamed, simulated"), encoding="utf-8")
    followed.ingest()
    query = f"SELECT description FROM tap_schema.tables WHERE table_name = '{THIRD}.obscore'"
    assert "A renamed, simulated collection" in followed.sql(query)[0]
    followed.toml.write_text(text, encoding="utf-8")
    followed.ingest()
    assert "A third, simulated collection" in followed.sql(query)[0]


def test_dachs_alone_can_bring_it_up_to_date(followed: Followed) -> None:
    path = runs_of(followed)[1]
    os.utime(path, ns=(1, 1))
    before = followed.content()
    followed.visitor.dachs.run("imp", f"{THIRD}/q", "update")
    assert followed.content() == before
    assert followed.sql(f"SELECT count(*) FROM {THIRD}.ledger WHERE files LIKE '%,\"1\",%'") == ["1"]


def test_rows_that_nobody_kept_book_of_are_replaced(followed: Followed) -> None:
    before = followed.content()
    followed.sql(f"DELETE FROM {THIRD}.ledger")
    followed.visitor.dachs.run("imp", f"{THIRD}/q", "update")
    assert followed.content() == before
