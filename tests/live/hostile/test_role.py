"""The database's role for queries of TAP can read what is published, and do nothing else: it is tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg2
import psycopg2.errors
import pytest

from instance import grants
from instance.cluster import DATABASE, HOST, InstanceError
from tests.live.conftest import Instance
from tests.live.hostile.client import all_at_once
from tests.thorough import thorough

CATALOGS = ("pg_catalog", "information_schema")
"""What PostgreSQL shows to every role, for drivers and for DaCHS: names and types. No ADQL leads there."""

READABLE = {"ivoa.emptyobscore": "DaCHS's empty form of ObsCore, which its views are made of; it has no rows"}
"""What is readable without being in TAP_SCHEMA."""

WRITABLE = {"pg_catalog.pg_settings": "changes settings of one's own session, as SET does"}

ATTEMPTS = {
    "insert": "INSERT INTO {} DEFAULT VALUES",
    "update": "UPDATE {0} SET {1} = {1}",
    "delete": "DELETE FROM {}",
    "truncate": "TRUNCATE {}",
    "lock": "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE",
    "drop": "DROP TABLE {}",
    "index": "CREATE INDEX ON {0} ({1})",
    "rule": "CREATE RULE r AS ON INSERT TO {} DO NOTHING",
}

COMMANDS = (
    "CREATE TABLE {schema}.mine (x int)",
    "CREATE FUNCTION {schema}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE VIEW {schema}.mine AS SELECT 1",
    "ALTER SCHEMA {schema} OWNER TO untrusted",
    "CREATE SCHEMA mine",
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION lo",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/dev/null'",
    "SET ROLE gavoadmin",
    "SET SESSION AUTHORIZATION gavo",
    "ALTER ROLE untrusted SUPERUSER",
    "CREATE ROLE mine",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT pg_sleep(0)",
    "SELECT query_to_xml('SELECT 1', true, true, '')",
    "SELECT set_config('statement_timeout', '0', false)",
    "SELECT pg_terminate_backend(1)",
    "SELECT lo_create(0)",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "LOAD 'auto_explain'",
    "VACUUM dc.users",
)


@pytest.fixture(scope="module")
def connection(instance: Instance) -> Iterator[Any]:
    """Connect as queries of strangers do."""
    profile = (instance.home / "dachs" / "etc" / "untrustedquery").read_text(encoding="utf-8")
    name = re.search(r"^user *= *(\S+)", profile, re.MULTILINE)
    password = re.search(r"^password *= *(\S+)", profile, re.MULTILINE)
    assert name and name[1] == grants.ROLE and password
    made = psycopg2.connect(
        host=HOST, port=instance.cluster.port, dbname=DATABASE, user=name[1], password=password[1]
    )
    yield made
    made.close()


def refusal(connection: Any, statement: str) -> str | None:
    """Try a statement; give the SQLSTATE with which it is refused. Nothing of it stays."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
            cursor.execute(statement)
        except psycopg2.Error as error:
            return str(error.pgcode)
        finally:
            connection.rollback()
    return None


def relations(instance: Instance) -> list[tuple[str, str]]:
    """Give all relations that hold or show anything, with one of their columns."""
    lines = instance.cluster.sql(
        "SELECT format('%I.%I', nspname, relname), (SELECT quote_ident(attname) FROM pg_attribute"
        " WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped LIMIT 1) FROM pg_class AS c"
        " JOIN pg_namespace AS n ON n.oid = relnamespace"
        " WHERE relkind IN ('r', 'v', 'm', 'p', 'f', 'S') AND nspname !~ '^pg_(toast|temp)' ORDER BY 1"
    )
    return [(line.split("|")[0], line.split("|")[1]) for line in lines]


def test_only_what_is_published_can_be_read(instance: Instance, connection: Any) -> None:
    known = relations(instance)
    published = {line.lower() for line in instance.cluster.sql("SELECT table_name FROM tap_schema.tables")}
    readable = {name for name, _ in known if refusal(connection, f"TABLE {name} LIMIT 1") is None}
    outside = {name for name in readable if name.split(".")[0] not in CATALOGS}
    assert len(known) > 200
    assert outside == published | set(READABLE)
    assert not {"pg_catalog.pg_authid", "pg_catalog.pg_shadow", "pg_catalog.pg_statistic"} & readable
    assert instance.cluster.sql("SELECT COUNT(*) FROM ivoa.emptyobscore") == ["0"]


def test_nothing_can_be_written(instance: Instance, connection: Any) -> None:
    done = {
        (name, what)
        for name, column in relations(instance)
        for what, statement in ATTEMPTS.items()
        if refusal(connection, statement.format(name, column)) is None
    }
    assert {name for name, _ in done} == set(WRITABLE), done


def test_nothing_can_be_made_or_become_somebody_else(instance: Instance, connection: Any) -> None:
    schemata = instance.cluster.sql("SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname !~ '^pg_t'")
    assert {"dc", "ivoa", "tap_schema", "public"} <= set(schemata)
    statements = {command.format(schema=schema) for command in COMMANDS for schema in schemata}
    refused = {statement: refusal(connection, statement) for statement in sorted(statements)}
    assert {statement for statement, state in refused.items() if state is None} == set()
    # Refused for want of rights, or because there is no such thing; none is a mistake of ours.
    assert set(refused.values()) <= {"42501", "0A000", "58P01", "42704", "25001"}, refused


def test_functions_that_do_more_than_compute_are_refused(instance: Instance, connection: Any) -> None:
    assert instance.cluster.sql(grants.REFUSED) == []
    rows = instance.cluster.sql(
        "SELECT oid::regprocedure, proname, provolatile FROM pg_proc WHERE prokind = 'f'"
        " AND pronamespace = 'pg_catalog'::regnamespace AND prorettype::regtype::text NOT LIKE '%trigger'"
        " AND prorettype <> 'index_am_handler'::regtype"
        f" AND (provolatile = 'v' OR proname IN ({', '.join(repr(name) for name in grants.TALKATIVE)}))"
    )
    called = {}
    for line in rows:
        signature, name, _ = line.split("|")
        types = re.search(r"\((.*)\)", signature)
        kinds = types[1].split(",") if types and types[1] else []
        # Not constants: of these PostgreSQL knows the result before it looks for rights.
        values = ", ".join(f"NULL::{kind} AS a{number}" for number, kind in enumerate(kinds))
        names = ", ".join(f"a{number}" for number in range(len(kinds)))
        call = f"SELECT {name}({names}) FROM (SELECT {values or 'NULL'} OFFSET 0) AS q"
        called[signature] = (name, refusal(connection, call))
    assert len(called) > 100
    # 42501: no right; others: no call can be written, as an argument has a type without values.
    unsaid = {key for key, (name, state) in called.items() if state is None and name not in grants.HARMLESS}
    assert unsaid == set()
    assert sum(state == "42501" for _, state in called.values()) > 100
    assert {name for name, _ in called.values()} >= set(grants.HARMLESS)


def test_other_functions_are_of_known_extensions_or_ours(instance: Instance) -> None:
    assert set(instance.cluster.sql("SELECT extname FROM pg_extension")) == {"plpgsql", "pg_sphere", "q3c"}
    strange = instance.cluster.sql(
        "SELECT p.oid::regprocedure, prosecdef, lanname FROM pg_proc AS p"
        " JOIN pg_language AS l ON l.oid = prolang"
        " WHERE pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
        " AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = p.oid AND deptype IN ('e', 'i'))"
        " AND prokind <> 'a' AND (prosecdef OR lanname NOT IN ('sql', 'plpgsql'))"
    )
    assert strange == []
    with pytest.raises(InstanceError):
        instance.cluster.sql("SELECT dblink('', '')")


def test_adql_leads_to_published_tables_only(instance: Instance) -> None:
    known = [name for name, _ in relations(instance)]
    published = {line.lower() for line in instance.cluster.sql("SELECT table_name FROM tap_schema.tables")}
    catalogs = [name for name in known if name.split(".")[0] in CATALOGS]
    # ADQL has no other schema by default than the database's search path, which begins with pg_catalog.
    some = catalogs[:: thorough(12, 1)]
    names = [name for name in known if name not in catalogs] + some + [name.split(".")[1] for name in some]
    answers = all_at_once(lambda name: instance.tap(f"SELECT TOP 1 * FROM {name}").status, names)
    read = {name for name, status in zip(names, answers, strict=True) if status == 200}
    assert read == (published | set(READABLE)) & set(names)
    assert set(answers) == {200, 400}


def test_adql_calls_no_function_with_effects(instance: Instance) -> None:
    names = instance.cluster.sql(
        "SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v'"
        " OR proname ~ '(to_xml|_file|_dir$|^lo_|dblink)' OR proname IN ('current_setting',"
        " 'pg_backend_pid', 'version', 'current_database', 'inet_server_addr') ORDER BY 1"
    )[:: thorough(6, 1)]
    queries = [
        f"SELECT TOP 1 {name}({args}) AS x FROM tap_schema.tables"
        for name in names
        for args in ("", "1", "'x'")
    ]
    answers = all_at_once(lambda query: instance.tap(query).status, queries)
    assert len(queries) > 50
    # RAND is ADQL's own name for random.
    assert {query for query, status in zip(queries, answers, strict=True) if status != 400} == set()
