"""What the database's role for strangers' queries may call: nothing that does more than compute.

DaCHS gives the role ``untrusted`` what is published, and PostgreSQL lets every role call nearly all of its
functions. Some of these sleep, end other sessions of the same role, take locks, keep data, run queries that
they get as text, or tell how large a table is that nobody may read. No ADQL leads to them, and if some did,
the database itself would refuse.
"""

from __future__ import annotations

from collections.abc import Iterable

ROLE = "untrusted"

OTHERS = ("gavo", "gavoadmin")
"""DaCHS's own roles, which keep what they had."""

ADMINISTRATOR = "gavoadmin"
"""The one of them that makes schemas: 'dachs init' lets it, but no dump of a database holds that."""

HARMLESS = {
    "clock_timestamp": "the time",
    "timeofday": "the time",
    "random": "RAND of ADQL",
    "setseed": "the same, in one's own session",
    "gen_random_uuid": "a number",
    "currval": "needs rights for a sequence, which the role has for none",
    "lastval": "as currval",
    "nextval": "as currval",
    "setval": "as currval",
    "pg_cancel_backend": "DaCHS ends the query of a job that is aborted; sessions of the same role only",
    "pg_is_in_recovery": "whether this is a replica; drivers ask",
    "bernoulli": "TABLESAMPLE, not to be called",
    "system": "TABLESAMPLE, not to be called",
    "heap_tableam_handler": "how tables are stored, not to be called",
    "plpgsql_call_handler": "runs functions in PL/pgSQL; rights are those for the functions",
    "plpgsql_inline_handler": "runs DO, with the role's own rights",
    "plpgsql_validator": "looks at functions when they are made; the role can make temporary ones only",
    "dsnowball_init": "needs arguments that SQL does not have",
    "dsnowball_lexize": "needs arguments that SQL does not have",
}
"""Functions of PostgreSQL that are called volatile, and may still be called by anybody, with the reasons."""

TALKATIVE = (
    "pg_stat_get_activity",
    "pg_stat_get_backend_activity",
    "pg_hba_file_rules",
    "pg_ident_file_mappings",
    "table_to_xml",
    "table_to_xml_and_xmlschema",
    "table_to_xmlschema",
    "schema_to_xml",
    "schema_to_xml_and_xmlschema",
    "schema_to_xmlschema",
    "database_to_xml",
    "database_to_xml_and_xmlschema",
    "database_to_xmlschema",
)
"""Functions that are not volatile, but tell of the server or of other sessions, or read tables by name."""


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


REFUSED = f"""
    SELECT p.oid FROM pg_proc AS p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f'
        AND (p.provolatile = 'v' AND p.proname <> ALL (ARRAY[{_quoted(HARMLESS)}])
            OR p.proname = ANY (ARRAY[{_quoted(TALKATIVE)}]))
        AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype, 'index_am_handler'::regtype)
        AND has_function_privilege('{ROLE}', p.oid, 'EXECUTE')
"""  # noqa: S608 - our own names
"""Query for the functions that the role may call, but should not; none once `STATEMENT` was run."""

STATEMENT = f"""
DO $$
DECLARE
    chosen oid;
BEGIN
    FOR chosen IN {REFUSED} LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {", ".join(OTHERS)}', chosen::regprocedure);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC, {ROLE}', chosen::regprocedure);
    END LOOP;
END $$
"""
