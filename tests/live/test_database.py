import urllib.parse
import xml.etree.ElementTree as ET

import pytest

from instance.bringup import Instance as Managed
from instance.releases import COLLECTIONS
from instance.settings import load

SHARED = {
    "ivoa.obscore",
    "ivoa.obscore_hea",
    "ivoa.obscore_healpix",
    "ivoa.response",
    "ivoa.response_aeff",
    "ivoa.response_edisp",
    "ivoa.response_psf",
    "ivoa.response_bkgrate",
    "datalink.response",
}
PUBLISHED = SHARED | {f"{name}.{table}" for name in COLLECTIONS for table in ("obscore", "companions")}

QUERIES = {
    "identifier": (
        "SELECT * FROM {table} WHERE obs_publisher_did = 'ivo://x/~?hess_dr/1'",
        "Primary|pkey|did",
    ),
    "cone": (
        "SELECT * FROM {table} WHERE 1=CONTAINS(POINT(s_ra, s_dec), CIRCLE(83.6, 22.0, 0.1))",
        "spoint|splitpos",
    ),
    "region": ("SELECT * FROM {table} WHERE 1=INTERSECTS(s_region, CIRCLE(83.6, 22.0, 1))", "s_region"),
    "time": ("SELECT * FROM {table} WHERE t_min BETWEEN 53000 AND 53001", "t_min"),
    "observation": ("SELECT * FROM {table} WHERE obs_id = '20136'", "obs_id"),
}


@pytest.mark.parametrize("table", ["hess_dr.obscore", "ivoa.obscore"])
@pytest.mark.parametrize("kind", QUERIES)
def test_indexes_serve_the_usual_queries(instance, kind, table):
    query, index = QUERIES[kind]
    answer = instance.tap(query.format(table=table), FORMAT="votable")
    infos = {
        info.get("name"): info.get("value")
        for info in ET.fromstring(answer.text).iter()
        if "INFO" in info.tag
    }
    # So few rows are read faster without an index: what counts is that one can be used.
    plan = "\n".join(instance.cluster.sql(f"SET enable_seqscan = off; EXPLAIN {infos['sql_query']}"))
    assert "Index" in plan, plan
    assert any(name in plan for name in index.split("|")), plan


def test_tap_reads_published_tables_only(instance):
    shown = set(
        instance.cluster.sql(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE has_table_privilege("
            "'untrusted', quote_ident(schemaname) || '.' || quote_ident(tablename), 'SELECT')"
            " AND schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
    )
    assert "hess_dr.obscore" in shown
    assert not {name for name in shown if name.endswith((".links", ".provenance"))}
    assert not {name for name in shown if name.startswith("dc.users")}
    for statement in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
        allowed = instance.cluster.sql(
            f"SELECT has_table_privilege('untrusted', 'hess_dr.obscore', '{statement}')"
        )
        assert allowed == ["f"]


def test_imports_into_a_schema_leave_tap_its_rights(instance):
    for schema in ("ivoa", *COLLECTIONS, "datalink", "tap_schema"):
        granted = instance.cluster.sql(f"SELECT has_schema_privilege('untrusted', '{schema}', 'USAGE')")
        assert granted == ["t"], schema


def test_published_tables_are_those_of_tap_schema(instance):
    tables = {row[0] for row in instance.rows("SELECT table_name FROM tap_schema.tables")}
    assert {name.lower() for name in tables if not name.lower().startswith("tap_schema")} == PUBLISHED


HIDDEN = {"file_url", "file_format", "file_estsize", "release_date"}
"""Columns that other tables are fed from, and nobody is shown."""


def test_tap_schema_describes_the_columns_that_are_there(instance):
    for table in PUBLISHED:
        described = [
            row[0]
            for row in instance.rows(
                f"SELECT column_name FROM tap_schema.columns WHERE LOWER(table_name) = '{table}'"
            )
        ]
        schema, name = table.lower().split(".")
        real = instance.cluster.sql(
            "SELECT column_name FROM information_schema.columns"
            f" WHERE table_schema = '{schema}' AND table_name = '{name}'"
        )
        assert {name.lower() for name in described} == set(real) - HIDDEN


def test_the_ivoa_schema_keeps_its_description(instance):
    text = instance.tap("SELECT description FROM tap_schema.schemas WHERE schema_name = 'ivoa'").text
    assert "ObsCore" in text or "obscore" in text
    assert "Book-keeping" not in text


def test_foreign_keys_are_declared(instance):
    query = (
        "SELECT from_table, from_column, target_table, target_column"
        " FROM tap_schema.keys JOIN tap_schema.key_columns USING (key_id)"
        " WHERE from_table NOT LIKE 'tap_schema.%'"
    )
    found = {tuple(value.lower() for value in row) for row in instance.rows(query)}
    did = "obs_publisher_did"
    views = SHARED - {"ivoa.obscore"}
    assert found == {
        (view, "id" if view == "datalink.response" else did, "ivoa.obscore", did) for view in views
    }


@pytest.mark.parametrize("name", COLLECTIONS)
def test_links_and_rows_belong_together(instance, name):
    def count(what: str) -> int:
        return int(instance.cluster.sql(f"SELECT count(*) FROM {what}")[0])

    datasets = (
        f"(SELECT obs_publisher_did AS did, obs_id FROM {name}.obscore"
        f" UNION ALL SELECT obs_publisher_did, obs_id FROM {name}.companions)"
    )
    assert count(f"{name}.obscore") > 0
    assert count(f"{datasets} AS d") == count(f"(SELECT DISTINCT did FROM {datasets} AS d) AS q")
    # Whatever is linked is published, and whatever is published is linked.
    assert count(f"{name}.links WHERE id NOT IN (SELECT obs_publisher_did FROM {name}.obscore)") == 0
    assert count(f"{name}.links WHERE dataset NOT IN (SELECT did FROM {datasets} AS d)") == 0
    assert count(f"{datasets} AS d WHERE did NOT IN (SELECT dataset FROM {name}.links)") == 0
    # Each data set has its provenance.
    assert count(f"{datasets} AS d WHERE obs_id NOT IN (SELECT obs_id FROM {name}.provenance)") == 0
    documents = f"{name}.datalinks WHERE semantics = '#documentation'"
    assert count(documents) == 2 * count(f"{datasets} AS d")


def test_the_extension_has_a_row_for_each_data_set(instance):
    count = "SELECT COUNT(*) AS n FROM ivoa.obscore"
    everything = instance.rows(count)
    assert int(everything[0][0]) > 0
    assert instance.rows(f"{count} NATURAL JOIN ivoa.obscore_hea") == everything
    assert instance.rows(f"{count} JOIN ivoa.obscore_healpix USING (obs_publisher_did)") == everything


def test_healpix_cells_are_those_of_the_positions(instance):
    joined = (
        "SELECT COUNT(*) AS n FROM ivoa.obscore JOIN ivoa.obscore_healpix USING (obs_publisher_did) WHERE"
    )
    positions = instance.rows("SELECT COUNT(*) AS n FROM ivoa.obscore WHERE s_ra IS NOT NULL")
    assert int(positions[0][0]) > 0
    assert instance.rows(f"{joined} healpix = ivo_healpix_index(10, s_ra, s_dec)") == positions
    assert instance.rows(f"{joined} healpix IS NOT NULL") == positions


def test_responses_are_those_of_the_links(instance):
    links = "SELECT COUNT(*) AS n FROM datalink.response WHERE semantics = '#calibration'"
    everything = instance.rows(links)
    assert int(everything[0][0]) > 0
    assert instance.rows("SELECT COUNT(*) AS n FROM ivoa.response") == everything
    for kind in ("aeff", "edisp", "psf", "bkgrate"):
        wanted = instance.rows(f"{links} AND content_qualifier = '{kind}'")
        assert int(wanted[0][0]) > 0
        assert instance.rows(f"SELECT COUNT(*) AS n FROM ivoa.response_{kind}") == wanted
        assert instance.rows(
            f"SELECT COUNT(*) AS n FROM ivoa.response_{kind} AS r JOIN ivoa.obscore AS o"
            f" ON o.obs_publisher_did = r.resp_publisher_did WHERE o.dataproduct_type = '{kind}'"
        ) == wanted  # fmt: skip


def test_responses_have_no_place_and_no_time_of_their_own(instance):
    condition = "s_ra IS NULL AND s_region IS NULL AND t_min IS NULL AND t_intervals IS NULL"
    for name in COLLECTIONS:
        of_responses = f"SELECT COUNT(*) AS n FROM {name}.companions WHERE ev_xel IS NULL"
        everything = instance.rows(of_responses)
        assert int(everything[0][0]) > 0
        assert instance.rows(f"{of_responses} AND {condition}") == everything


def test_views_forget_tables_that_are_gone(instance):
    counts = [f"SELECT COUNT(*) AS n FROM {table}" for table in sorted(SHARED)]
    before = [instance.rows(count) for count in counts]
    sources = "SELECT view_id, table_name FROM ivoa._union_sources ORDER BY view_id, table_name"
    known = instance.cluster.sql(sources)
    instance.cluster.sql(
        "INSERT INTO ivoa._union_sources (view_id, table_name, reads, fragment, sourcerd) VALUES"
        " ('rd/hea#obscore_hea', 'lost.table', 'lost.table', 'SELECT * FROM lost.table', 'lost/q'),"
        " ('rd/responses#response', 'hess_dr.links', 'hess_dr.links lost.other', 'SELECT 1', 'lost/q')"
    )
    Managed(load()).dachs.run("imp", "rd/unions", "recover")
    assert instance.cluster.sql(sources) == known
    assert [instance.rows(count) for count in counts] == before


def test_optional_obscore_columns_reach_the_ivoa_table(instance):
    names = "s_calib_status, t_calib_status, em_calib_status, data_rights, obs_creator_name, publisher_id"
    condition = " AND ".join(f"{name} IS NOT NULL" for name in names.split(", "))
    everything = instance.rows("SELECT COUNT(*) AS n FROM ivoa.obscore")
    assert instance.rows(f"SELECT COUNT(*) AS n FROM ivoa.obscore WHERE {condition}") == everything


def test_access_urls_of_ivoa_obscore_lead_to_datalink(instance, obs_id):
    query = (
        "SELECT access_url, access_format FROM ivoa.obscore"
        f" WHERE obs_id = '{obs_id}' AND source_table = 'hess_dr.obscore'"
    )
    url, media_type = instance.rows(query)[0]
    assert media_type == "application/x-votable+xml;content=datalink"
    assert url.startswith(instance.url)
    did = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["ID"][0]
    assert did == f"ivo://{instance.authority}/~?hess_dr/{obs_id}"
    assert "#package" in instance.get(url.removeprefix(instance.url)).text


def test_tables_are_analysed_where_no_schema_is_searched(instance):
    """As autovacuum does it; functions in indexes run then."""
    Managed(load()).cluster.sql("SET search_path = ''; ANALYZE")
