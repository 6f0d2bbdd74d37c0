import urllib.parse
import xml.etree.ElementTree as ET

import pytest

from instance.bringup import Instance as Managed
from instance.settings import load

PUBLISHED = {
    "hess_dr.obscore",
    "ivoa.obscore",
    "ivoa.obscore_hea",
    "datalink.response",
}

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
    assert "hess_dr.links" not in shown
    assert not {name for name in shown if name.startswith("dc.users")}
    for statement in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
        allowed = instance.cluster.sql(
            f"SELECT has_table_privilege('untrusted', 'hess_dr.obscore', '{statement}')"
        )
        assert allowed == ["f"]


def test_imports_into_a_schema_leave_tap_its_rights(instance):
    for schema in ("ivoa", "hess_dr", "datalink", "tap_schema"):
        granted = instance.cluster.sql(f"SELECT has_schema_privilege('untrusted', '{schema}', 'USAGE')")
        assert granted == ["t"], schema


def test_published_tables_are_those_of_tap_schema(instance):
    tables = {row[0] for row in instance.rows("SELECT table_name FROM tap_schema.tables")}
    assert {name.lower() for name in tables if not name.lower().startswith("tap_schema")} == PUBLISHED


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
        assert {name.lower() for name in described} == set(real)


def test_the_ivoa_schema_keeps_its_description(instance):
    text = instance.tap("SELECT description FROM tap_schema.schemas WHERE schema_name = 'ivoa'").text
    assert "ObsCore" in text or "obscore" in text
    assert "Book-keeping" not in text


def test_links_and_rows_belong_together(instance):
    count = "SELECT count(*) FROM"
    rows = instance.cluster.sql(f"{count} hess_dr.obscore")
    assert instance.cluster.sql(f"{count} (SELECT DISTINCT id FROM hess_dr.links) AS q") == rows
    assert instance.cluster.sql(f"{count} ivoa.obscore NATURAL JOIN ivoa.obscore_hea") == rows
    orphans = instance.cluster.sql(
        f"{count} hess_dr.links WHERE id NOT IN (SELECT obs_publisher_did FROM hess_dr.obscore)"
    )
    assert orphans == ["0"]


def test_views_forget_tables_that_are_gone(instance):
    before = instance.rows("SELECT COUNT(*) AS n FROM ivoa.obscore_hea")
    instance.cluster.sql(
        "INSERT INTO ivoa._union_sources VALUES"
        " ('rd/hea#obscore_hea', 'lost.table', 'SELECT * FROM lost.table', 'lost/q')"
    )
    Managed(load()).dachs.run("imp", "rd/unions", "recover")
    left = instance.cluster.sql("SELECT table_name FROM ivoa._union_sources ORDER BY table_name")
    assert left == ["hess_dr.links", "hess_dr.obscore"]
    assert instance.rows("SELECT COUNT(*) AS n FROM ivoa.obscore_hea") == before


def test_optional_obscore_columns_reach_the_ivoa_table(instance):
    names = "s_calib_status, t_calib_status, em_calib_status, data_rights, obs_creator_name, publisher_id"
    condition = " AND ".join(f"{name} IS NOT NULL" for name in names.split(", "))
    everything = instance.rows("SELECT COUNT(*) AS n FROM ivoa.obscore")
    assert instance.rows(f"SELECT COUNT(*) AS n FROM ivoa.obscore WHERE {condition}") == everything


def test_access_urls_of_ivoa_obscore_lead_to_datalink(instance, obs_id):
    query = f"SELECT access_url, access_format FROM ivoa.obscore WHERE obs_id = '{obs_id}'"
    url, media_type = instance.rows(query)[0]
    assert media_type == "application/x-votable+xml;content=datalink"
    assert url.startswith(instance.url)
    did = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)["ID"][0]
    assert did == f"ivo://{instance.authority}/~?hess_dr/{obs_id}"
    assert "#package" in instance.get(url.removeprefix(instance.url)).text
