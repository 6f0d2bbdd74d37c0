"""The database functions behind time coverage and energy ranges: bringing them into the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

DEFINITIONS = Path(__file__).with_name("functions.sql")


def install(connection: Any) -> None:
    """Define the functions and types of ``functions.sql``, or define them anew.

    Parameters
    ----------
    connection
        A database connection of a role that may create objects in the schema ``public``, such as
        the one that DaCHS feeds with. Committing is the caller's.

    Raises
    ------
    psycopg2.Error
        The database refuses a definition; PostgreSQL before version 15 does.
    """
    # Without parameters, so that the percent signs of messages are left alone.
    with connection.cursor() as cursor:
        cursor.execute(DEFINITIONS.read_text(encoding="utf-8"))
