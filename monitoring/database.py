"""What the database knows of itself, of jobs and of rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2

PATIENCE = 3
"""Seconds for a connection, and for each query."""


@contextlib.contextmanager
def connection(home: Path) -> Iterator[Any]:
    """Connect as the owner; the password comes from the file that PGPASSFILE names.

    Raises
    ------
    psycopg2.Error, OSError, ValueError
        That is not possible in time.
    """
    port = int((home / "postgres" / "port").read_text(encoding="ascii"))
    made = psycopg2.connect(
        host="127.0.0.1",
        port=port,
        dbname="gavo",
        user="owner",
        connect_timeout=PATIENCE,
        application_name="cherenkov-vo monitor",
        options=f"-c statement_timeout={PATIENCE}s",
        tcp_user_timeout=PATIENCE * 1000,
    )
    try:
        made.autocommit = True
        yield made
    finally:
        made.close()


def rows(home: Path, *queries: str) -> list[list[tuple[Any, ...]]]:
    """Give the results of queries."""
    with connection(home) as made, made.cursor() as cursor:
        found = []
        for query in queries:
            cursor.execute(query)
            found.append(cursor.fetchall())
        return found


SIZE = "SELECT pg_database_size(current_database())::float8"
LIMIT = "SELECT setting::int FROM pg_settings WHERE name = 'max_connections'"
CONNECTIONS = (
    "SELECT CASE WHEN usename IN ('gavo', 'gavoadmin', 'untrusted', 'owner') THEN usename ELSE 'other' END,"
    " CASE WHEN state IN ('active', 'idle') THEN state ELSE 'other' END, count(*)"
    " FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1, 2"
)
JOBS = "SELECT phase, count(*) FROM tap_schema.tapjobs GROUP BY 1"
TABLES = (
    "SELECT schemaname, relname, n_live_tup, n_tup_ins FROM pg_stat_user_tables"
    " WHERE schemaname = ANY (string_to_array('{schemas}', ','))"
)
