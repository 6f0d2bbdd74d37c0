"""What is in the database and cannot be made again; it is kept when the database is made anew.

These are DaCHS's users and groups, the jobs of users, whose results lie in files, and what harvesters have
been told of: a record that is published no more has to be named as deleted.
"""

from __future__ import annotations

import json
from pathlib import Path

from instance.cluster import DATABASE, Cluster

TABLES = (
    "dc.users",
    "dc.groups",
    "tap_schema.tapjobs",
    "dc.datalinkjobs",
    "uws.userjobs",
    "dc.resources",
    "dc.sets",
)
"""Tables, in an order in which they can be filled."""

WITHDRAWN: dict[str, dict[str, str]] = {
    # Publishing makes live records of those that are published again, with the date of that.
    "dc.resources": {
        "rectimestamp": "CASE WHEN deleted THEN rectimestamp ELSE now() AT TIME ZONE 'UTC' END",
        "deleted": "TRUE",
    },
    "dc.sets": {"deleted": "TRUE"},
}
"""Columns that get another value when a table is filled again."""

KEYS = {"dc.resources": ("sourcerd", "resid"), "dc.sets": ("sourcerd", "resid", "renderer", "setname")}
"""What tells rows apart that DaCHS would overwrite: one that is there again is not put back."""


def save(cluster: Cluster, path: Path) -> None:
    """Write the rows into a file, unless there are none, or the file is there.

    Parameters
    ----------
    cluster
        Where they are.
    path
        The file; one that is there was written before an attempt that did not end, and is the better one.

    Raises
    ------
    InstanceError
        The database does not give them.
    """
    there = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"  # noqa: S608 - our own names
    if path.exists() or not cluster.sql(there, "postgres"):
        return
    found = {}
    for name in TABLES:
        if cluster.sql(f"SELECT to_regclass('{name}')") == [""]:
            continue
        query = f"SELECT json_agg(t) FROM {name} AS t"  # noqa: S608 - our own names
        found[name] = "".join(cluster.sql(query))
    if any(found.values()):
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(found), encoding="utf-8")
        partial.replace(path)


def restore(cluster: Cluster, path: Path) -> None:
    """Put the rows back, and remove the file.

    Raises
    ------
    InstanceError
        The database does not take them.
    ValueError
        The file was damaged.
    """
    if not path.exists():
        return
    statements = []
    for name, rows in json.loads(path.read_text(encoding="utf-8")).items():
        if rows:
            # Columns that are new get NULL, and those that are gone are left out.
            quoted = rows.replace("'", "''")
            statements.append(
                "CREATE TEMPORARY TABLE kept AS"  # noqa: S608
                f" SELECT * FROM json_populate_recordset(NULL::{name}, '{quoted}');\n"
            )
            if changes := WITHDRAWN.get(name):
                sets = ", ".join(f"{column} = {value}" for column, value in changes.items())
                statements.append(f"UPDATE kept SET {sets};\n")  # noqa: S608 - from above
            if keys := KEYS.get(name):
                same = " AND ".join(f"t.{key} IS NOT DISTINCT FROM kept.{key}" for key in keys)
                there = f"SELECT 1 FROM {name} AS t WHERE {same}"  # noqa: S608 - our own names
                statements.append(f"DELETE FROM kept WHERE EXISTS ({there});\n")  # noqa: S608
            statements.append(
                f"INSERT INTO {name} SELECT * FROM kept ON CONFLICT DO NOTHING;\nDROP TABLE kept;\n"  # noqa: S608
            )
    cluster.script("".join(statements))
    path.unlink()
