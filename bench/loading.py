"""Loading a million rows that are there to be loaded: an import, PostgreSQL alone, and DaCHS's own feed."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.harness import Figure, ratio, seconds
from bench.instance import Bench
from ingest.copying import Layout

ROWS = 1_000_000
FED = 3_000
"""Rows of which DaCHS's own speed is taken."""

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
    bench.multiply(ROWS)
    yield _loading(bench)


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
            times["ours"].append(seconds(lambda: dachs.run("imp", f"{COLLECTION}/q", "load")))
            assert bench.sql(f"SELECT count(*) FROM {COLLECTION}.obscore") == [(ROWS,)]
            times["bound"].append(seconds(lambda: _raw(bench, prepared, names)))
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
            taken.append(seconds(lambda: dachs.run("imp", f"{COLLECTION}/q", "feed")))
        found.append(taken[1] - taken[0])
    return found
