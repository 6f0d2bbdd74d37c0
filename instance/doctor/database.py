"""The database: whether it runs, and whether what is in it belongs together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from instance.doctor.faults import Diagnosis, fault, well
from instance.doctor.patient import Patient

EXTENSIONS = ("pg_sphere", "q3c")
"""Those that 'dachs init' makes."""

FUNCTIONS = ("tmoc_ranges", "tmoc_span", "energy_span", "region_bounds")
SITE_TABLES = ("ivoa.obscore", "ivoa.obscore_hea", "datalink.response")

_FOREIGN_WRITES = """SELECT n.nspname || '.' || c.relname FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v') AND n.nspname !~ '^(pg_|information_schema|tap_user)'
    AND (has_table_privilege('untrusted', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
        OR (n.nspname || '.' || c.relname IN ('dc.users', 'dc.groups')
            AND has_table_privilege('untrusted', c.oid, 'SELECT')))"""

_ORPHANS = """SELECT count(*) FROM {0}.links AS l
    WHERE NOT EXISTS (SELECT 1 FROM {0}.obscore AS o WHERE o.obs_publisher_did = l.id)"""

_DIFFERENT = """SELECT table_name || '.' || column_name FROM (
        SELECT lower(table_name) AS table_name, lower(replace(column_name, '"', '')) AS column_name
        FROM tap_schema.columns
    ) AS said
    WHERE table_name !~ '^(tap_schema|tap_upload)' AND NOT EXISTS (
        SELECT 1 FROM information_schema.columns AS there
        WHERE there.table_schema || '.' || there.table_name = said.table_name
        AND there.column_name = said.column_name)
    ORDER BY 1"""


def server(patient: Patient) -> Iterator[Diagnosis]:
    """Look whether PostgreSQL runs when it has to."""
    if patient.cluster is not None:
        yield well("PostgreSQL", f"runs on port {patient.cluster.port}")
    elif patient.made and patient.server is not None:
        yield fault("database-down", "PostgreSQL", "does not run, or does not answer")
    elif patient.made:
        yield well("PostgreSQL", "not started; the database is looked at only while it runs")


def contents(patient: Patient) -> Iterator[Diagnosis]:
    """Look for what must be in the database."""
    if patient.cluster is None:
        return
    there = set(patient.sql("SELECT extname FROM pg_extension"))
    if lost := [name for name in EXTENSIONS if name not in there]:
        yield fault("extension-missing", "extensions", f"missing: {', '.join(lost)}")
    defined = set(
        patient.sql("SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    )
    if lost := [name for name in FUNCTIONS if name not in defined]:
        yield fault("functions-missing", "functions", f"missing: {', '.join(lost)}")


def views(patient: Patient) -> Iterator[Diagnosis]:
    """Look whether the tables of the whole site hold all collections, with the columns they should have."""
    if patient.cluster is None:
        return
    held = set(patient.sql("SELECT split_part(tablename, '.', 1) FROM ivoa._obscoresources"))
    held &= set(patient.sql("SELECT split_part(table_name, '.', 1) FROM ivoa._union_sources"))
    if lost := [name for name in patient.served if name not in held]:
        yield fault("view-stale", "ivoa.obscore", f"does not hold {', '.join(lost)}")
    if gone := [name for name in SITE_TABLES if patient.sql(f"SELECT to_regclass('{name}')") == [""]]:
        yield fault("view-stale", "tables of the site", f"missing: {', '.join(gone)}")
    if different := patient.sql(_DIFFERENT):
        yield fault("columns-differ", "columns", f"not there: {', '.join(different[:5])}")
    else:
        yield well("columns", "as TAP_SCHEMA says")


def rights(patient: Patient) -> Iterator[Diagnosis]:
    """Look what queries of strangers may do."""
    role = patient.sql(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = 'untrusted'"
    )
    found = patient.sql(_FOREIGN_WRITES)
    if role == ["t"] or found:
        text = "the role itself has rights" if role == ["t"] else f"write or see {', '.join(found[:5])}"
        yield fault("rights-excessive", "role untrusted", text)


def orphans(patient: Patient) -> Iterator[Diagnosis]:
    """Look for rows that belong to nothing, and records that describe nothing."""
    if patient.cluster is None:
        return
    for name in patient.served:
        if (number := patient.sql(_ORPHANS.format(name))) != ["0"]:
            yield fault("rows-orphaned", name, f"{number[0]} links belong to no observation")
    inputs = patient.home / "dachs" / "inputs"
    rds = patient.sql(
        "SELECT DISTINCT sourcerd FROM dc.resources WHERE NOT deleted AND sourcerd !~ '^__system__/'"
    )
    if lost := [rd for rd in rds if not (inputs / f"{rd}.rd").exists()]:
        yield fault("record-orphaned", "registry", f"there is no resource {', '.join(lost)}")
    published = patient.sql("SELECT DISTINCT sourcerd FROM dc.resources WHERE NOT deleted")
    if lost := [name for name in patient.served if f"{name}/q" not in published]:
        yield fault("unpublished", "registry", f"no record of {', '.join(lost)}")


def jobs(patient: Patient) -> Iterator[Diagnosis]:
    """Look for jobs that seem to run, but do not."""
    rows = patient.sql("SELECT jobid, coalesce(pid, 0) FROM tap_schema.tapjobs WHERE phase = 'EXECUTING'")
    dead = [row.split("|")[0] for row in rows if not Path("/proc", row.split("|")[1]).exists()]
    if dead:
        yield fault("jobs-dead", "jobs", f"no process: {', '.join(dead[:5])}")


EXAMINATIONS = (server, contents, views, rights, orphans, jobs)
