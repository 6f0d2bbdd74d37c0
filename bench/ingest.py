"""Imports: finding out that nothing changed, and loading a million rows that are there to be loaded."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.harness import Figure, ratio
from bench.instance import Bench
from ingest import release
from ingest.copying import Layout
from ingest.ledger import Entry, row_of
from ingest.listing import Files, written
from instance.settings import HESS_VARIABLE

MANY = 100_000
ROWS = 1_000_000
FED = 3_000
"""Rows of which DaCHS's own speed is taken."""

ROUNDS = 3
LOADS = 1
"""Rounds of loading, each of which takes about ten minutes: polygons are slow to be read."""

COLLECTION = "bench_dr"

RESOURCE = f"""\
<resource schema="{COLLECTION}" resdir="{COLLECTION}">
	<FEED source="rd/collection#metadata" collection="{COLLECTION}"/>
	<FEED source="rd/tables#tables" collection="{COLLECTION}"/>
	<data id="load">
		<sources items="prepared"/>
		<nullGrammar/>
		<make table="obscore">
			<script name="fill it" type="sourceDone" lang="python">
				from rd import loading
				with open("FILE", "rb") as prepared:
					loading.layouts(table.tableDef.rd)["observation"].fill(prepared, table.connection)
			</script>
			<FEED source="rd/collection#analyzed"/>
		</make>
	</data>
	<data id="feed" auto="False">
		<sources items="ctao"/>
		<embeddedGrammar>
			<iterator>
				<code>
					with base.getTableConn() as connection:
						yield from connection.queryToDicts("SELECT * FROM ctao.obscore HOWMANY")
				</code>
			</iterator>
		</embeddedGrammar>
		<make table="obscore"/>
	</data>
</resource>
"""


def figures(bench: Bench) -> Iterator[Figure]:
    """Measure what this part is about."""
    yield _unchanged(bench)
    yield _many_unchanged(bench)
    bench.multiply(ROWS)
    yield _loading(bench)


def _seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _unchanged(bench: Bench) -> Figure:
    bench.command("ingest")
    times = [_seconds(lambda: bench.command("ingest")) for _ in range(7)]
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
            _seconds(lambda: bench.command("ingest", **{HESS_VARIABLE: str(directory)}))
            for _ in range(ROUNDS)
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
    files, now = Files(directory), datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    path = bench.directory / "ledger.copy"
    with path.open("wb") as lines:
        for own in files.listed(config.files):
            if own.startswith("data/more"):
                entry = Entry(name, own, written([files.state(own)]), known, own, "published")
                lines.write(layout.line(row_of(entry, now)))
    with contextlib.closing(bench.connect()) as connection, connection, path.open("rb") as lines:
        layout.fill(lines, connection)
    path.unlink()


def _loading(bench: Bench) -> Figure:
    """Load rows as an import does once it has them, and as PostgreSQL does alone."""
    dachs = bench.instance.dachs
    prepared = bench.directory / "prepared.copy"
    names = [name for (name,) in bench.sql(_COLUMNS)]
    query = f"SELECT {', '.join(names)} FROM ctao.obscore LIMIT {ROWS}"
    with contextlib.closing(bench.connect()) as connection, prepared.open("wb") as lines:
        connection.cursor().copy_expert(f"COPY ({query}) TO STDOUT", lines)
    prepared.chmod(0o644)
    place = dachs.deployment.inputs / COLLECTION
    (place / "releases" / "one").mkdir(parents=True)
    shutil.copy(
        dachs.deployment.inputs / "ctao" / "releases" / "simulated" / "release.toml",
        place / "releases" / "one",
    )
    resource = place / "q.rd"
    try:
        resource.write_text(RESOURCE.replace("FILE", str(prepared)))
        times: dict[str, list[float]] = {"ours": [], "bound": []}
        for _ in range(LOADS):
            times["ours"].append(_seconds(lambda: dachs.run("imp", f"{COLLECTION}/q", "load")))
            assert bench.sql(f"SELECT count(*) FROM {COLLECTION}.obscore") == [(ROWS,)]
            times["bound"].append(_seconds(lambda: _raw(bench, prepared, names)))
        fed = _fed(bench, resource)
        times["stock"] = [seconds * ROWS / FED for seconds in fed]
    finally:
        dachs.run("drop", f"{COLLECTION}/q")
        dachs.run("drop", "-f", f"{COLLECTION}/q")
        bench.sql("DROP TABLE IF EXISTS public.bench_raw")
        shutil.rmtree(place)
        prepared.unlink()
    return ratio(
        f"loading {ROWS} prepared rows with indexes: speed over raw COPY and CREATE INDEX",
        ">= 0.5 x",
        times,
        0.5,
        of="bound",
        to="ours",
        at_most=False,
        note="ours is the whole 'dachs imp', with its start, metadata, clustering of the table and ANALYZE;"
        f" stock is the time of {FED} rows fed by DaCHS, without start and indexes, times {ROWS // FED}",
    )


_COLUMNS = (
    "SELECT column_name::text FROM information_schema.columns"
    " WHERE table_schema = 'ctao' AND table_name = 'obscore' ORDER BY ordinal_position"
)


def _raw(bench: Bench, prepared: Path, names: list[str]) -> None:
    """Load with nothing but PostgreSQL: a table of the same columns, COPY, and the same indexes."""
    indexes = bench.sql(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'ctao' AND tablename = 'obscore' ORDER BY 1"
    )
    layout = Layout("public.bench_raw", tuple((name, "text") for name in names))
    with contextlib.closing(bench.connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS public.bench_raw")
        cursor.execute("CREATE TABLE public.bench_raw (LIKE ctao.obscore)")
        with prepared.open("rb") as lines:
            layout.fill(lines, connection)
        cursor.execute("SET maintenance_work_mem = '2000MB'")  # as DaCHS does
        for number, (definition,) in enumerate(indexes):
            head, _, tail = definition.partition(" USING ")
            unique = "UNIQUE " if " UNIQUE " in head else ""
            cursor.execute(f"CREATE {unique}INDEX bench_raw_{number} ON public.bench_raw USING {tail}")


def _fed(bench: Bench, resource: Path) -> list[float]:
    """Give the seconds that DaCHS's feed takes for some rows: those of an import without any go off."""
    dachs, found = bench.instance.dachs, []
    for _ in range(LOADS):
        taken = []
        for limit in (0, FED):
            resource.write_text(RESOURCE.replace("HOWMANY", f"LIMIT {limit}"))
            taken.append(_seconds(lambda: dachs.run("imp", f"{COLLECTION}/q", "feed")))
        found.append(taken[1] - taken[0])
    return found
