"""Imports that find out that nothing changed."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.harness import Figure, seconds
from bench.instance import Bench
from ingest import release
from ingest.copying import Layout
from ingest.ledger import Entry, Noted, row_of
from ingest.listing import Files, written
from instance.settings import HESS_VARIABLE

MANY = 100_000
ROUNDS = 3


def figures(bench: Bench) -> Iterator[Figure]:
    """Measure what this part is about."""
    yield _unchanged(bench)
    yield _many_unchanged(bench)


def _unchanged(bench: Bench) -> Figure:
    bench.command("ingest")
    times = [seconds(lambda: bench.command("ingest")) for _ in range(7)]
    files = sum(1 for _ in bench.release.glob("data/*.fits.gz"))
    return Figure(
        f"ingest with nothing changed, {files} files and 60 indexed runs",
        "<= 2 s",
        times,
        "s",
        2.0,
        note="the whole command, from the shell",
    )


def _many_unchanged(bench: Bench) -> Figure:
    """Give a release many names for the same files, and tell its ledger of them."""
    directory = bench.directory / "many"
    data = directory / "data"
    data.mkdir(parents=True)
    sources = sorted(bench.release.glob("data/*.fits.gz"))
    for path in sources:
        shutil.copy2(path, data)
    bench.command("ingest", **{HESS_VARIABLE: str(directory)})
    first = data / sources[0].name
    for number in range(MANY - len(sources)):
        if number % 10_000 == 0:  # file systems have a most number of links
            base = directory / f"base{number}"
            shutil.copy2(first, base)
        os.link(base, data / f"more{number:06d}.fits.gz")
    _tell_ledger(bench, directory)
    try:
        times = [
            seconds(lambda: bench.command("ingest", **{HESS_VARIABLE: str(directory)})) for _ in range(ROUNDS)
        ]
        published = bench.sql("SELECT count(*) FROM hess_dr.ledger WHERE outcome = 'published'")
        assert published == [(MANY,)], "the ledger was not what the command expected"
    finally:
        bench.sql("DELETE FROM hess_dr.ledger WHERE source_name LIKE 'data/more%'")
        shutil.rmtree(directory)
        bench.command("ingest", "--withdraw")
    note = f"{MANY} names in one directory, most of them hard links, and a ledger that has them all"
    return Figure(f"ingest with nothing changed, {MANY} files", "<= 20 s", times, "s", 20.0, note=note)


def _tell_ledger(bench: Bench, directory: Path) -> None:
    resource = bench.instance.dachs.deployment.inputs / "hess_dr"
    ((name, config),) = release.of_collection(resource).items()
    known = bench.sql("SELECT context FROM hess_dr.ledger WHERE source_name = ''")[0][0]
    columns = bench.sql(
        "SELECT column_name, replace(data_type, ' without time zone', '') FROM information_schema.columns"
        " WHERE table_schema = 'hess_dr' AND table_name = 'ledger' ORDER BY ordinal_position"
    )
    layout = Layout("hess_dr.ledger", tuple(columns))
    files, noted = Files(directory), Noted(datetime.datetime.now(datetime.UTC).replace(tzinfo=None))
    path = bench.directory / "ledger.copy"
    with path.open("wb") as lines:
        for own in files.listed(config.files):
            if own.startswith("data/more"):
                entry = Entry(name, own, written([files.state(own)]), known, own, "published")
                lines.write(layout.line(row_of(entry, noted)))
    with contextlib.closing(bench.connect()) as connection, connection, path.open("rb") as lines:
        layout.fill(lines, connection)
    path.unlink()
