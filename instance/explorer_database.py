"""The explorer's own database: in the instance's cluster, but with a role that reaches nothing else there."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from instance import archive, grants
from instance.account import Account
from instance.cluster import DATABASE, HOST, Cluster
from instance.explorer_parts import Places

NAME = "explorer"
"""Of the database, and of its role."""

DUMP = "explorer.dump"
"""Member of a backup."""

CONNECTIONS = 60
"""That the role may have, of those that the cluster takes."""

IS_THERE = f"SELECT 1 FROM pg_database WHERE datname = '{NAME}'"  # noqa: S608 - our own name


def secret(path: Path, account: Account) -> str:
    """Give a secret of the explorer, which is made if it is not there.

    Parameters
    ----------
    path
        Its file; only its owner can read it.
    account
        Who owns it.
    """
    if not path.exists():
        account.make_directory(path.parent, 0o700)
        partial = path.with_name(f"{path.name}.partial")
        partial.unlink(missing_ok=True)
        partial.touch(0o600)
        partial.write_text(secrets.token_urlsafe(48), encoding="ascii")
        account.own(partial)
        partial.replace(path)
    return path.read_text(encoding="ascii")


def is_there(cluster: Cluster) -> bool:
    """Say whether there is such a database."""
    return bool(cluster.sql(IS_THERE, "postgres"))


def ensure(cluster: Cluster, places: Places) -> str:
    """Make role and database unless they are there, and keep them apart from DaCHS's.

    Parameters
    ----------
    cluster
        It runs.
    places
        Where the role's password is kept.

    Returns
    -------
    str
        The database's URL for SQLAlchemy and asyncpg.

    Raises
    ------
    InstanceError
        The database refuses it.
    """
    password = secret(places.password, cluster.account)
    cluster.script(_role(password), "postgres")
    if not is_there(cluster):
        cluster.sql(f"CREATE DATABASE {NAME} OWNER {NAME} TEMPLATE template0 ENCODING 'UTF8'", "postgres")
    cluster.script(_apart(), "postgres")
    return f"postgresql+asyncpg://{NAME}:{password}@{HOST}:{cluster.port}/{NAME}"


def _role(password: str) -> str:
    # Letters that are safe in URLs need no quoting.
    return f"""
        DO $$ BEGIN
            IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{NAME}') THEN
                CREATE ROLE {NAME} LOGIN;
            END IF;
        END $$;
        ALTER ROLE {NAME} WITH NOSUPERUSER NOCREATEDB NOCREATEROLE LOGIN CONNECTION LIMIT {CONNECTIONS}
            PASSWORD '{password}';
    """  # noqa: S608 - our own names


def _apart() -> str:
    """Let each database be entered by its own roles only: by default, every role may enter all."""
    dachs = ", ".join((*grants.OTHERS, grants.ROLE))
    return f"""
        REVOKE ALL ON DATABASE {NAME} FROM PUBLIC;
        REVOKE CONNECT, TEMPORARY ON DATABASE {DATABASE} FROM PUBLIC;
        GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {dachs};
    """


def restore(cluster: Cluster, source: Path, members: dict[str, object]) -> None:
    """Fill the database from a backup that holds it; its role is there already.

    Parameters
    ----------
    cluster
        It runs.
    source
        The backup.
    members
        What the backup holds.

    Raises
    ------
    InstanceError
        The database does not take it.
    """
    if DUMP not in members:
        return
    cluster.sql(f"CREATE DATABASE {NAME} OWNER {NAME} TEMPLATE template0 ENCODING 'UTF8'", "postgres")
    with tempfile.TemporaryDirectory(dir=cluster.data.parent) as place:
        dump = Path(place, DUMP)
        archive.unpack(source, DUMP, dump)
        cluster.account.own(Path(place))
        cluster.fill(NAME, dump)
