"""Every kind of query uses an index in large tables, below the site's views as well."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROWS = 100_000
SCHEMA = "query_plans"
TABLES = ("obscore", "obscore_hea", "obscore_healpix")
MULTIPLY = Path(__file__).resolve().parents[2] / "bench" / "multiply.sql"


def definition(instance, view):
    """Give the SQL of a view, its parts separated by UNION ALL between single blanks."""
    lines = instance.cluster.sql(f"SELECT pg_get_viewdef('ivoa.{view}')")
    return re.sub(r"\s*UNION ALL\s*", " UNION ALL ", " ".join(lines)).strip().rstrip(";")


@pytest.fixture(scope="module")
def large(instance):
    """A table like a collection's with many rows, and the site's views over it and the collections."""
    database = instance.cluster
    database.sql(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    try:
        database.sql(f"CREATE SCHEMA {SCHEMA}")
        # INCLUDING ALL shows that the indexes can be copied.
        database.sql(f"CREATE TABLE {SCHEMA}.obscore (LIKE hess_dr.obscore INCLUDING ALL)")
        database.sql(f"INSERT INTO {SCHEMA}.obscore SELECT * FROM hess_dr.obscore")
        database.sql(
            f"{MULTIPLY.read_text(encoding='utf-8')}; SET maintenance_work_mem = '256MB';"
            f" SELECT pg_temp.multiply('{SCHEMA}', {ROWS})"
        )
        for view in TABLES:
            mine = definition(instance, view)
            (arm,) = [part for part in mine.split(" UNION ALL ") if part.endswith("FROM hess_dr.obscore")]
            other = arm.replace("FROM hess_dr.obscore", f"FROM {SCHEMA}.obscore")
            database.sql(f"CREATE VIEW {SCHEMA}.view_{view} AS ({mine} UNION ALL {other})")
        database.sql(f"ANALYZE {SCHEMA}.obscore")
        yield f"{SCHEMA}.obscore"
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
    sql = re.sub(
        r"\bivoa\.(obscore(_hea(?:lpix)?)?)\b", rf"{SCHEMA}.view_\1", infos["sql_query"], flags=re.IGNORECASE
    )
    return sql.replace("hess_dr.obscore", f"{SCHEMA}.obscore")


FROM = {
    "collection": "hess_dr.obscore",
    "view": "ivoa.obscore",
    "views": "ivoa.obscore NATURAL JOIN ivoa.obscore_hea",
}
CONDITIONS = {
    "identifier": ("obs_publisher_did = '{did}'", "pkey"),
    "obs_id": ("obs_id = '{obs_id}'", "obs_id"),
    "target_name": ("target_name = '{target}'", "target_name"),
    "collection": ("obs_collection = 'NO-SUCH-COLLECTION'", "obs_collection"),
    "cone": ("1 = CONTAINS(POINT(s_ra, s_dec), CIRCLE(83.63, 22.01, 0.5))", "spoint"),
    "cone by distance": ("DISTANCE(s_ra, s_dec, 83.63, 22.01) < 0.5", "spoint"),
    "region, a point": ("1 = CONTAINS(POINT(83.63, 22.01), s_region)", "region"),
    "region, a circle": ("1 = INTERSECTS(s_region, CIRCLE(83.63, 22.01, 0.2))", "region"),
    "region, within a circle": ("1 = CONTAINS(s_region, CIRCLE(83.63, 22.01, 4))", "region"),
    "region, a polygon": ("1 = INTERSECTS(POLYGON(10, 10, 10.5, 10, 10.5, 10.5), s_region)", "region"),
    "field of view": ("1 = CONTAINS(POINT(83.63, 22.01), CIRCLE(s_ra, s_dec, s_fov / 2))", "fov"),
    "time": ("t_max > {t_min} AND t_min < {t_min} + 0.1 AND t_min > {t_min} - 1", "t_min"),
    "wavelength": ("em_max < {em_max}", "em_max"),
    "interval": ("1 = gavo_tmoc_overlaps(t_intervals, {t_min}, {t_min} + 1)", "tmoc"),
    "interval, turned": ("gavo_tmoc_overlaps(t_intervals, {t_min}, {t_min} + 1) = 1", "tmoc"),
    "moc": ("0 != gavo_tmoc_overlaps(t_intervals, '25/3093030 41/')", "tmoc"),
    "energies": ("1 = gavo_energy_overlaps(energy_min, energy_max, {energy}, 10 * {energy})", "energy_range"),
    "energy": ("energy_max > {energy}", "energy_max"),
}
SPECIAL = ("interval", "interval, turned", "moc", "energies", "energy")
"""Queries on columns of the High-Energy extension, which plain ObsCore does not have."""


@pytest.fixture(scope="module")
def values(instance, large):
    """Values that select few rows."""
    (line,) = instance.cluster.sql(
        "SELECT percentile_disc(0.995) WITHIN GROUP (ORDER BY energy_max),"
        " percentile_disc(0.003) WITHIN GROUP (ORDER BY em_max),"
        " percentile_disc(0.5) WITHIN GROUP (ORDER BY t_min),"
        " max(obs_publisher_did), max(obs_id), max(target_name)"
        f" FROM {large}"
    )
    names = ("energy", "em_max", "t_min", "did", "obs_id", "target")
    return dict(zip(names, line.split("|"), strict=True))


@pytest.mark.parametrize(
    ("kind", "tables"),
    [(kind, tables) for kind in CONDITIONS for tables in FROM if tables != "view" or kind not in SPECIAL],
)
def test_indexes_are_chosen_in_large_tables(instance, large, values, kind, tables):
    condition, index = CONDITIONS[kind]
    query = f"SELECT obs_publisher_did, t_min FROM {FROM[tables]} WHERE {condition.format(**values)}"
    sql = translated(instance, query)
    plan = "\n".join(instance.cluster.sql(f"EXPLAIN {sql}"))
    (name,) = instance.cluster.sql(
        f"SELECT indexname FROM pg_indexes WHERE schemaname = '{SCHEMA}' AND tablename = 'obscore'"
        f" AND indexdef ~ '{DEFINITIONS.get(index, f'[(]{index}[)]')}'"
    )
    assert re.search(rf"Index (Only )?Scan (using|on) {name}\b", plan), plan
    # The collections' own tables are small; a scan of the large one is expected to cost thousands.
    costs = [float(cost) for cost in re.findall(r"Seq Scan on obscore\b.*?\.\.([0-9.]+) rows", plan)]
    assert all(cost < 1000 for cost in costs), plan


DEFINITIONS = {
    "pkey": "UNIQUE",
    "spoint": "gist [(]spoint",
    "fov": "gist [(]scircle",
    "region": "region_bounds",
    "tmoc": "tmoc_ranges",
    "energy_range": "energy_span",
}
"""What tells an index from others, where it is not over one column."""


def test_healpix_cells_are_found_by_their_index(instance, large):
    sql = translated(instance, "SELECT obs_publisher_did FROM ivoa.obscore_healpix WHERE healpix = 4000000")
    plan = "\n".join(instance.cluster.sql(f"EXPLAIN {sql}"))
    (name,) = instance.cluster.sql(
        f"SELECT indexname FROM pg_indexes WHERE schemaname = '{SCHEMA}' AND indexdef ~ 'healpix_nest'"
    )
    assert f"using {name} " in plan or f"on {name} " in plan, plan


def test_cones_of_any_size_are_understood(instance):
    near, far, all_sky = (
        int(
            instance.rows(
                "SELECT COUNT(*) AS n FROM ivoa.obscore"
                f" WHERE 1 = CONTAINS(POINT(s_ra, s_dec), CIRCLE(83.63, 22.01, {radius}))"
            )[0][0]
        )
        for radius in (90, 91, 180)
    )
    assert 0 < near <= far <= all_sky
    with_position = "SELECT COUNT(*) AS n FROM ivoa.obscore WHERE s_ra IS NOT NULL"
    assert all_sky == int(instance.rows(with_position)[0][0])


@pytest.mark.parametrize("kind", CONDITIONS)
def test_indexes_find_what_a_scan_finds(instance, large, values, kind):
    condition, _ = CONDITIONS[kind]
    sql = translated(
        instance, f"SELECT COUNT(*) AS n FROM hess_dr.obscore WHERE {condition.format(**values)}"
    )
    found = instance.cluster.sql(sql)
    scanned = instance.cluster.sql(f"SET enable_indexscan = off; SET enable_bitmapscan = off; {sql}")
    assert found == scanned
    assert int(found[0]) < ROWS / 20
    assert int(found[0]) > 0 or kind in ("collection", "moc")
