"""The functions on time coverage and energies use indexes in large tables."""

import re
import xml.etree.ElementTree as ET

import pytest

ROWS = 1_000_000
SCHEMA = "function_plans"
TABLES = ("obscore", "obscore_hea")
INDEXES = ("obscore_pkey", "obscore_tmoc", "obscore_energy_range", "obscore_t_min")
"""Those of a collection's table that the queries might use."""

DAYS = 14_000
"""Over which the runs are spread."""

# Energies reach 10 TeV to 1 PeV, the highest rarely.
FILL = """
    INSERT INTO {schema}.runs (obs_publisher_did, obs_id, target_name, t_min, t_max, t_intervals, energy_min,
        energy_max, s_ra, s_dec, dataproduct_type, o_ucd)
    SELECT 'ivo://example/~?large/' || run, run::text, 'Target ' || run % 50, {t_min} + n * {step},
        {t_max} + n * {step}, {moc}, 1e11 * (1 + random()), 1e13 * (1 + 99 * random() ^ 8), 360 * random(),
        180 * random() - 90, 'event-list', 'em.energy'
    FROM generate_series(0, {number} - 1) AS n
        CROSS JOIN LATERAL (SELECT n * {templates} + {template} AS run) AS numbers
"""


def moved(moc, order, cells):
    """Write SQL for a MOC whose cells are n times a number of cells of a low order later."""
    words, shift = [], 0
    for word in moc.split():
        prefix, _, cell = word.rpartition("/")
        shift = int(prefix) - order if prefix else shift
        assert shift >= 0, moc
        ends = [f"({end} + n * {cells << shift})" for end in cell.split("-")] if cell else []
        words.append("".join(["'", f"{prefix}/" if prefix else "", "'", *(f" || {end}" for end in ends[:1])]))
        words[-1] += f" || '-' || {ends[1]}" if len(ends) > 1 else ""
    return " || ' ' || ".join(words)


def fill(instance):
    """Fill the large table with runs like those of the collection, shifted in time."""
    lines = instance.cluster.sql(
        "SELECT t_intervals, t_min, t_max FROM hess_dr.obscore ORDER BY t_min LIMIT 20"
    )
    number = ROWS // len(lines)
    for template, line in enumerate(lines):
        moc, t_min, t_max = line.split("|")
        order = int(moc.partition("/")[0])
        step = 2 ** (61 - order) / 86_400e6  # days
        cells = max(1, round(DAYS / number / step))
        values = {"schema": SCHEMA, "t_min": t_min, "t_max": t_max, "step": cells * step, "number": number}
        moc_sql = moved(moc, order, cells)
        instance.cluster.sql(FILL.format(moc=moc_sql, template=template, templates=len(lines), **values))


def definition(instance, view):
    """Give the SQL of a view, its parts separated by UNION ALL between single blanks."""
    lines = instance.cluster.sql(f"SELECT pg_get_viewdef('ivoa.{view}')")
    return re.sub(r"\s*UNION ALL\s*", " UNION ALL ", " ".join(lines)).strip().rstrip(";")


@pytest.fixture(scope="module")
def large(instance):
    """A table like a collection's with a million rows, and the site's views over it and the collection."""
    database = instance.cluster
    database.sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    try:
        # INCLUDING ALL shows that the indexes can be copied; rows are fed faster without them.
        database.sql(f"CREATE SCHEMA {SCHEMA}")
        database.sql(f"CREATE TABLE {SCHEMA}.copy (LIKE hess_dr.obscore INCLUDING ALL)")
        database.sql(f"CREATE UNLOGGED TABLE {SCHEMA}.runs (LIKE hess_dr.obscore)")
        fill(instance)
        names = ", ".join(f"'{name}'" for name in INDEXES)
        statements = database.sql(
            f"SELECT indexdef FROM pg_indexes WHERE schemaname = 'hess_dr' AND indexname IN ({names})"
        )
        assert len(statements) == len(INDEXES)
        for statement in statements:
            renamed = statement.replace("INDEX obscore_", "INDEX runs_")
            database.sql(renamed.replace(" ON hess_dr.obscore ", f" ON {SCHEMA}.runs "))
        for view in TABLES:
            mine = definition(instance, view)
            (arm,) = [part for part in mine.split(" UNION ALL ") if part.endswith("FROM hess_dr.obscore")]
            other = re.sub(r"\bobscore\.", "runs.", arm.replace("hess_dr.obscore", f"{SCHEMA}.runs"))
            database.sql(f"CREATE VIEW {SCHEMA}.{view} AS ({mine} UNION ALL {other})")
        database.sql(f"ANALYZE {SCHEMA}.runs")
        yield f"{SCHEMA}.runs"
    finally:
        database.sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def translated(instance, query):
    """Give the SQL that DaCHS makes of a query, on the large tables."""
    answer = instance.tap(query, FORMAT="votable")
    infos = {
        info.get("name"): info.get("value")
        for info in ET.fromstring(answer.text).iter()
        if info.tag.endswith("INFO")
    }
    sql = re.sub(r"\bivoa\.(obscore(_hea)?)\b", rf"{SCHEMA}.\1", infos["sql_query"], flags=re.IGNORECASE)
    return sql.replace("hess_dr.obscore", f"{SCHEMA}.runs")


FROM = {
    "collection": "hess_dr.obscore",
    "view": "ivoa.obscore_hea",
    "views": "ivoa.obscore NATURAL JOIN ivoa.obscore_hea",
}
CONDITIONS = {
    "interval": ("1 = gavo_tmoc_overlaps(t_intervals, 54000, 54001)", "runs_tmoc"),
    "interval, the other way round": ("gavo_tmoc_overlaps(t_intervals, 54000, 54001) = 1", "runs_tmoc"),
    "moc": ("0 != gavo_tmoc_overlaps(t_intervals, '25/3093030 41/')", "runs_tmoc"),
    "energies": ("1 = gavo_energy_overlaps(energy_min, energy_max, 9e14, 1e16)", "runs_energy_range"),
}


@pytest.mark.parametrize("tables", FROM)
@pytest.mark.parametrize("kind", CONDITIONS)
def test_indexes_are_chosen_among_a_million_rows(instance, large, kind, tables):
    condition, index = CONDITIONS[kind]
    query = f"SELECT obs_publisher_did, t_intervals FROM {FROM[tables]} WHERE {condition}"
    sql = translated(instance, query)
    plan = "\n".join(instance.cluster.sql(f"EXPLAIN {sql}"))
    assert re.search(rf"Index Scan (using|on) {index}", plan), plan
    assert "Seq Scan on runs" not in plan, plan


@pytest.mark.parametrize("kind", ["interval", "energies"])
def test_indexes_find_what_a_scan_finds(instance, large, kind):
    condition, _ = CONDITIONS[kind]
    sql = translated(instance, f"SELECT COUNT(*) AS n FROM hess_dr.obscore WHERE {condition}")
    found = instance.cluster.sql(sql)
    scanned = instance.cluster.sql(f"SET enable_indexscan = off; SET enable_bitmapscan = off; {sql}")
    assert found == scanned
    assert 0 < int(found[0]) < ROWS / 20
