"""A collection whose releases change, and tables in memory that follow, as ``rd.loading`` has it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ingest import changes, feed
from ingest.changes import Options
from ingest.collecting import LEDGER, ROLES, Collector
from ingest.copying import Layout, Spool
from ingest.ledger import Entry, Ledger
from tests import gadf_files
from tests.gadf_releases import REGISTRY_TOML, RELEASE_TOML, identity, write_indexed

COLUMNS = {
    "observation": (
        ("obs_id", "text"), ("obs_publisher_did", "text"), ("access_url", "text"), ("t_min", "real"),
    ),
    "companion": (
        ("obs_id", "text"), ("obs_publisher_did", "text"), ("source", "text"), ("obs_title", "text"),
    ),
    "link": (("obs_id", "text"), ("id", "text"), ("dataset", "text"), ("source", "text")),
    "provenance": (("obs_id", "text"), ("dataset", "text")),
    LEDGER: (
        ("release_name", "text"), ("source_name", "text"), ("files", "text"), ("context", "text"),
        ("obs_id", "text"), ("outcome", "text"), ("shared", "text"), ("vanished", "boolean"),
        ("problem", "text"), ("events", "bigint"), ("deviation_count", "integer"),
    ),
}  # fmt: skip
LAYOUTS = {role: Layout(role, columns) for role, columns in COLUMNS.items()}


class _Connection:
    """Takes COPY as psycopg2's connections do."""

    def __init__(self, tables: dict[str, list[dict[str, str | None]]]) -> None:
        self.tables = tables

    @contextlib.contextmanager
    def cursor(self) -> Iterator[_Connection]:
        yield self

    def copy_expert(self, statement: str, file: IO[bytes], size: int) -> None:
        role = statement.split()[1]
        names = [name for name, _ in COLUMNS[role]]
        for line in file.read().decode().split("\n")[:-1]:
            cells = [None if cell == "\\N" else _plain(cell) for cell in line.split("\t")]
            self.tables[role].append(dict(zip(names, cells, strict=True)))


def _plain(cell: str) -> str:
    return re.sub(r"\\(.)", lambda escape: {"t": "\t", "n": "\n", "r": "\r"}.get(escape[1], escape[1]), cell)


class Collection:
    """Tables of a collection, and how they are brought up to date.

    Parameters
    ----------
    directory
        The collection's directory, with its releases.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.tables: dict[str, list[dict[str, str | None]]] = {role: [] for role in (*ROLES, LEDGER)}
        self.read: list[str] = []

    @property
    def ledger(self) -> Ledger:
        found = Ledger()
        for row in self.tables[LEDGER]:
            known: Any = {"release": row["release_name"], "source": row["source_name"]}
            known |= {
                field.name: row[field.name]
                for field in dataclasses.fields(Entry)
                if field.name not in ("release", "source")
            }
            entry = Entry(**known | {"vanished": row["vanished"] == "t"})
            found.entries.setdefault(entry.release, {})[entry.source] = entry
        return found

    def update(self, **options: Any) -> Collection:
        """Bring the tables up to date; `read` has the names of what was read."""
        spool = Spool([*ROLES, LEDGER])
        made = Collector(
            self.directory, identity(), LAYOUTS, self.ledger, Options(**{"processes": 1} | options)
        ).collect(spool)
        if made.empty:
            spool.close()
            self.read = []
            return self
        for role in ROLES:
            self.tables[role] = [row for row in self.tables[role] if row["obs_id"] not in made.gone]
        kept = {(entry.release, entry.source): entry for entry in made.kept}
        lines = []
        for row in self.tables[LEDGER]:
            key = (str(row["release_name"]), str(row["source_name"]))
            if key in kept:
                entry = kept[key]
                row |= {"files": entry.files, "context": entry.context, "shared": entry.shared}
                row |= {"outcome": entry.outcome, "problem": entry.problem}
                row["vanished"] = "t" if entry.vanished else "f"
            if key not in made.lines:
                lines.append(row)
        self.tables[LEDGER] = lines
        before = len(lines)
        for role in (*ROLES, LEDGER):
            spool.fill(role, LAYOUTS[role], _Connection(self.tables))
        spool.close()
        self.read = [str(row["source_name"]) for row in self.tables[LEDGER][before:] if row["source_name"]]
        return self

    def content(self) -> dict[str, list[str]]:
        """Give all rows in an order of their own."""
        return {role: sorted(repr(row) for row in self.tables[role]) for role in (*ROLES, LEDGER)}

    def ids(self) -> list[str]:
        """Give the published observations."""
        return sorted(str(row["obs_id"]) for row in self.tables["observation"])

    def problems(self) -> dict[str, str]:
        """Give why sources are not published."""
        return {
            str(row["source_name"]): json.loads(row["problem"])["problem"]
            for row in self.tables[LEDGER]
            if row["problem"]
        }

    def vanished(self) -> list[str]:
        """Give the sources that are gone, but published."""
        return sorted(str(row["source_name"]) for row in self.tables[LEDGER] if row["vanished"] == "t")


def afresh(directory: Path) -> dict[str, list[str]]:
    """Give what an import from nothing makes."""
    return Collection(directory).update().content()


def in_one_go(directory: Path) -> dict[str, list[str]]:
    """Give the keys of the rows that the feed for DaCHS's own way makes."""
    found: dict[str, list[str]] = {role: [] for role in ROLES}
    for role, row in feed.rows(directory, identity(), report=feed.Report("test_dr")):
        found[role].append(repr([row[name] for name, kind in COLUMNS[role] if kind == "text"]))
    return {role: sorted(rows) for role, rows in found.items()}


def write_run(path: Path, number: int, **cards: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    gadf_files.write(path, gadf_files.events(**{"OBS_ID": number} | cards), gadf_files.gti())


def deploy(directory: Path, name: str, data: Path, *, text: str = "") -> Path:
    place = directory / "releases" / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "release.toml").write_text(RELEASE_TOML + text)
    if not (place / "files").exists():
        (place / "files").symlink_to(data)
    return data


def deploy_runs(directory: Path, data: Path) -> Path:
    """Deploy a release of six runs, taken file by file; gives its directory."""
    found = deploy(directory, "one", data, text='files = "data/*.fits"\n' + REGISTRY_TOML)
    for number in range(1, 7):
        write_run(found / "data" / f"run{number}.fits", number)
    return found


def deploy_indexed(directory: Path, data: Path) -> Path:
    """Deploy a release of three runs that goes by its index; gives its directory."""
    return deploy(directory, "one", write_indexed(data, (1, 2, 3)), text='index = "."\n' + REGISTRY_TOML)


def still_unchanged(made: Collection) -> None:
    """Nothing is to be done, and looking at the files alone tells that."""
    assert changes.unchanged(made.directory, identity(), made.ledger)
    before = made.content()
    assert made.update().read == []
    assert made.content() == before


def rewrite(root: Path, runs: tuple[int, ...]) -> None:
    """Make an indexed release one of other runs; files that it had stay as they are."""
    fresh = write_indexed(root.with_name("fresh"), runs)
    for path in fresh.rglob("*.fits*"):
        target = root / path.relative_to(fresh)
        if "index" in path.name or not target.exists():
            shutil.copy(path, target)
    for path in (root / "runs").iterdir():
        if not (fresh / "runs" / path.name).exists():
            path.unlink()
    shutil.rmtree(fresh)
