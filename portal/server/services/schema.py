"""Which tables of a service can be searched, as its TAP_SCHEMA says."""

from __future__ import annotations

from collections.abc import Iterable

from portal.server.models.results import Cell
from portal.server.services import identifiers, tap
from portal.server.services.errors import NotSearchableError
from portal.server.services.known import KEY, NUMBERS, Column, Table
from portal.server.services.needs import Context, ServiceSettings

NAMES = """
dataproduct_type calib_level obs_collection obs_id obs_publisher_did access_url access_format
access_estsize target_name s_ra s_dec s_fov s_region s_resolution t_min t_max t_exptime t_resolution
em_min em_max em_res_power o_ucd pol_states facility_name instrument_name
"""
MANDATORY = tuple(NAMES.split())
"""Columns that ObsCore 1.0 and 1.1 both demand (table 1 of either)."""

OBSCORE = "ivoa.obscore"
EXTENSION = "ivoa.obscore_hea"
OF_EXTENSION = ("t_intervals", "energy_min", "energy_max")
MAX_TABLES = 200
MAX_COLUMNS = 20_000

# Names of types as TAP 1.0 has them, and as PostgreSQL-minded services write them.
TYPES = {
    "smallint": "short", "integer": "int", "bigint": "long", "real": "float", "double": "double",
    "double precision": "double", "char": "char", "varchar": "varchar", "clob": "clob", "text": "varchar",
    "timestamp": "timestamp", "region": "region", "point": "point",
}  # fmt: skip


async def read(context: Context, service: ServiceSettings) -> list[Table]:
    """Read which tables have ObsCore's columns, and all columns of them.

    Parameters
    ----------
    context
        The server's context.
    service
        The service.

    Returns
    -------
    list of Table
        The default one first; never empty.

    Raises
    ------
    NotSearchableError
        If there is none.
    """
    names = ", ".join(identifiers.literal(name) for name in MANDATORY)
    counted = await tap.query(
        context,
        service,
        "SELECT table_name, COUNT(*) AS n FROM TAP_SCHEMA.columns "  # noqa: S608 (literals are quoted)
        f"WHERE column_name IN ({names}) GROUP BY table_name",
        100_000,
    )
    found = {str(row[0]) for row in counted.rows() if isinstance(row[1], int) and row[1] >= len(MANDATORY)}
    if service.tables is not None:
        found = {name for name in found if name in _allowed_parts(service.tables)}
    if not found:
        raise NotSearchableError(
            f"{service.label} has no table with the columns of ObsCore that could be searched.", status=502
        )
    extension = {_spelled(counted.rows(), EXTENSION)} if _has(found, OBSCORE) else set()
    wanted = sorted(found)[:MAX_TABLES] + sorted(extension - found)
    columns = await _columns(context, service, wanted)
    described = await _descriptions(context, service, wanted)
    tables = list(_tables(found, columns, described))
    if service.tables is not None:
        tables = [t for t in tables if t.key in service.tables]
    return sorted(tables, key=lambda table: _rank(table, service.tables))


def _allowed_parts(tables: Iterable[str]) -> set[str]:
    return {part for key in tables for part in key.split("+")}


def _has(names: Iterable[str], wanted: str) -> bool:
    return any(name.lower() == wanted for name in names)


def _spelled(rows: list[list[Cell]], wanted: str) -> str:
    return next((str(row[0]) for row in rows if str(row[0]).lower() == wanted), wanted)


async def _columns(context: Context, service: ServiceSettings, tables: list[str]) -> dict[str, list[Column]]:
    names = ", ".join(identifiers.literal(table) for table in tables)
    # TAP 1.0 and 1.1 have different columns here, so all are asked for.
    adql = f"SELECT * FROM TAP_SCHEMA.columns WHERE table_name IN ({names})"  # noqa: S608 (quoted)
    answer = await tap.query(context, service, adql, MAX_COLUMNS)
    columns: dict[str, list[Column]] = {table: [] for table in tables}
    records = list(answer.records())
    if all(record.get("column_index") is not None for record in records):
        records.sort(key=lambda record: float(str(record["column_index"])))
    for record in records:
        columns[str(record["table_name"])].append(_column(record))
    return columns


def _column(record: dict[str, Cell]) -> Column:
    kind = str(record.get("datatype") or "").lower().removeprefix("adql:").partition("(")[0].strip()
    datatype = TYPES.get(kind, kind)
    xtype = _word(record.get("xtype")) or ("timestamp" if datatype == "timestamp" else None)
    arraysize = _word(record.get("arraysize"))
    # Old services tell a size of 1, or of 0, for numbers, too.
    if datatype in NUMBERS and arraysize is None and str(record.get("size") or "1") not in {"0", "1", "-1"}:
        arraysize = str(record["size"])
    return Column(
        name=str(record["column_name"]),
        table=str(record["table_name"]),
        datatype=datatype,
        arraysize=arraysize,
        xtype=xtype,
        unit=_word(record.get("unit")),
        ucd=_word(record.get("ucd")),
        utype=_word(record.get("utype")),
        description=_word(record.get("description")),
        principal=str(record.get("principal")) != "0",
    )


def _word(value: Cell) -> str | None:
    return None if value is None else " ".join(str(value).split()) or None


async def _descriptions(
    context: Context, service: ServiceSettings, tables: list[str]
) -> dict[str, str | None]:
    names = ", ".join(identifiers.literal(table) for table in tables)
    adql = f"SELECT table_name, description FROM TAP_SCHEMA.tables WHERE table_name IN ({names})"  # noqa: S608
    answer = await tap.query(context, service, adql, MAX_TABLES + 1)
    return {str(row[0]): _word(row[1]) for row in answer.rows()}


def _tables(
    found: set[str], columns: dict[str, list[Column]], described: dict[str, str | None]
) -> Iterable[Table]:
    extension = next((name for name in columns if name.lower() == EXTENSION), None)
    for name in sorted(found):
        if not columns[name]:
            continue
        yield _table(name, columns[name], described.get(name))
        if name.lower() == OBSCORE and extension and _joins(columns[name], columns[extension]):
            further = [column for column in columns[extension] if column.bare.lower() != KEY]
            words = [text for text in (described.get(name), described.get(extension)) if text]
            yield _table(f"{name}+{extension}", columns[name] + further, " ".join(words) or None)


def _joins(main: list[Column], extension: list[Column]) -> bool:
    """Tell whether a NATURAL JOIN is one by the identifier, and by nothing else."""
    shared = {column.bare.lower() for column in main} & {column.bare.lower() for column in extension}
    return shared == {KEY} and len(extension) > 1


def _table(key: str, columns: list[Column], description: str | None) -> Table:
    names = {column.bare.lower() for column in columns}
    return Table(
        key=key,
        label=key.replace("+", " with "),
        description=description,
        has_extension=all(name in names for name in OF_EXTENSION),
        columns=columns,
    )


def _rank(table: Table, order: list[str] | None) -> tuple[int, str]:
    if order is not None:
        return order.index(table.key), table.key
    known = [f"{OBSCORE}+{EXTENSION}", OBSCORE]
    key = table.key.lower()
    # Tables of what lies beside observations, such as responses, are not what people look for first.
    return (known.index(key) if key in known else len(known) + (not key.endswith("obscore")), key)
