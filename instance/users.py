"""DaCHS's users and groups: all in the database that cannot be made again, so it is kept."""

from __future__ import annotations

import json
from pathlib import Path

from instance.cluster import DATABASE, Cluster

TABLES = ("dc.users", "dc.groups")


def save(cluster: Cluster, path: Path) -> None:
    """Write users and groups into a file, unless there is none, or the file is there.

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
    if cluster.sql(f"SELECT to_regclass('{TABLES[0]}')") == [""]:
        return
    found = {}
    for name in TABLES:
        query = f"SELECT json_agg(t) FROM {name} AS t"  # noqa: S608 - our own names
        found[name] = "".join(cluster.sql(query))
    if any(found.values()):
        partial = path.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(found), encoding="utf-8")
        partial.replace(path)


def restore(cluster: Cluster, path: Path) -> None:
    """Put users and groups back, and remove the file.

    Raises
    ------
    InstanceError
        The database does not take them.
    ValueError
        The file was damaged.
    """
    if not path.exists():
        return
    for name, rows in json.loads(path.read_text(encoding="utf-8")).items():
        if rows:
            quoted = rows.replace("'", "''")
            cluster.sql(
                f"INSERT INTO {name}"  # noqa: S608 - our own names, and what the database wrote
                f" SELECT * FROM json_populate_recordset(NULL::{name}, '{quoted}')"
                " ON CONFLICT DO NOTHING"
            )
    path.unlink()
