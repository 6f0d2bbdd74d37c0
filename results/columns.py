"""What the columns of a result are in the database and in the answer."""

from __future__ import annotations

import contextlib
import enum
from dataclasses import dataclass
from typing import Any

from gavo.protocols import products
from gavo.stc import times
from gavo.utils import algotricks, serializers

INT2, INT4, INT8, FLOAT4, FLOAT8, NUMERIC = 21, 23, 20, 700, 701, 1700
BOOL, TEXT, VARCHAR, BPCHAR, NAME, TIMESTAMP = 16, 25, 1043, 1042, 19, 1114
"""Numbers of PostgreSQL's types (pg_type.dat)."""

STRINGS = (TEXT, VARCHAR, BPCHAR, NAME)

WIRE = {INT2: ">i2", INT4: ">i4", INT8: ">i8", FLOAT4: ">f4", FLOAT8: ">f8", BOOL: ">u1", TIMESTAMP: ">i8"}
"""Type to what its binary form is; timestamps are microseconds since 2000."""

INTEGERS = {"short": "i2", "int": "i4", "long": "i8"}
FLOATS = {"float": "f4", "double": "f8"}
"""VOTable's types to numpy's."""


class Kind(enum.Enum):
    """Ways to treat a column."""

    INTEGER = "an integer"
    FLOAT = "a floating-point number"
    BOOLEAN = "true or false"
    TEXT = "a string of any length"
    TIME = "a timestamp"
    LINK = "a string that DaCHS leaves alone if it is a URL"
    POLYGON = "a polygon of pgSphere, its bytes, as numbers"
    REGION = "a polygon of pgSphere, its bytes, as text"
    OTHER = "what DaCHS has to convert, from its text"


@dataclass
class Column:
    """One column.

    Attributes
    ----------
    index
        Its number, from 0.
    described
        DaCHS's description, as its serialisers made it (an ``AnnotatedColumn``).
    mapper
        DaCHS's conversion of a Python value for the formats.
    oid
        Number of the database's type.
    kind
        How it is treated.
    wire
        What numpy reads its binary form as; empty if this is no number.
    rounds
        Whether coordinates are to have 15 significant digits.
    """

    index: int
    described: Any
    mapper: Any
    oid: int
    kind: Kind
    wire: str = ""
    rounds: bool = False

    @property
    def name(self) -> str:
        """The column's name."""
        return str(self.described["name"])

    @property
    def datatype(self) -> str:
        """VOTable's type."""
        return str(self.described["datatype"])


@dataclass(frozen=True)
class Database:
    """What the database can do.

    Attributes
    ----------
    polygon
        Number of pgSphere's type of polygons, 0 if there is none whose bytes we can have.
    rounds
        Whether pgSphere writes coordinates with 15 significant digits, so that these are all that
        DaCHS gets to see; else it writes all there are.
    """

    polygon: int = 0
    rounds: bool = True


_POLYGON_CAST = """
    SELECT castsource::int FROM pg_catalog.pg_cast JOIN pg_catalog.pg_type ON pg_type.oid = castsource
    WHERE typname = 'spoly' AND casttarget = 'bytea'::regtype AND castmethod = 'b'
"""
_SAMPLE = 1.2345678901234567
_WRITTEN = f"SELECT spoint({_SAMPLE!r}, 0)::text"
_known: dict[str, Database] = {}


def database_of(connection: Any) -> Database:
    """Find out what a connection's database can do; it is asked once in a process."""
    if connection.dsn not in _known:
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute(_POLYGON_CAST)
            found = cursor.fetchone()
            if found:
                cursor.execute(_WRITTEN)
                written = cursor.fetchone()[0].strip("(").split(",")[0].strip()
                ways = {_SAMPLE: False, float(f"{_SAMPLE:.15g}"): True}
                rounds = ways.get(float(written))
        _known[connection.dsn] = Database(found[0], rounds) if found and rounds is not None else Database()
    return _known[connection.dsn]


def kind_of(described: Any, mapper: Any, oid: int, database: Database) -> Kind:  # noqa: PLR0911
    """Choose how a column is treated: by its type in the database, and in the answer."""
    shape = tuple(described[key] for key in ("datatype", "arraysize", "xtype"))
    factory = described.get("winningFactory")
    if oid == database.polygon and factory is serializers._pgSphereMapperFactory:
        return Kind.POLYGON if shape == ("double", "*", "polygon") else Kind.OTHER
    if oid == database.polygon and factory is serializers._legacyGeometryMapperFactory:
        return Kind.REGION
    if oid == TIMESTAMP and factory is times.datetimeMapperFactory and shape[:2] == ("char", "*"):
        return Kind.TIME
    string = oid in STRINGS and shape[:2] == ("char", "*") and shape[2] not in ("json", "moc")
    if string and factory is products._productMapperFactory:
        return Kind.LINK
    if mapper is not algotricks.identity:
        return Kind.OTHER
    if string:
        return Kind.TEXT
    return _scalar(shape[0], oid) if shape[1] is None else Kind.OTHER


def _scalar(datatype: str, oid: int) -> Kind:
    if oid in (INT2, INT4, INT8) and datatype in INTEGERS:
        # What is wider than its description may not fit; what becomes of that depends on the format.
        return Kind.INTEGER if WIRE[oid][-1] <= INTEGERS[datatype][-1] else Kind.OTHER
    if oid in (INT2, INT4, INT8, FLOAT4, FLOAT8) and datatype in FLOATS:
        return Kind.FLOAT
    if oid == BOOL and datatype == "boolean":
        return Kind.BOOLEAN
    return Kind.OTHER
