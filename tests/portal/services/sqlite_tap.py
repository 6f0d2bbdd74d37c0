"""A small TAP service on SQLite, for tests without a network. Its tables are made from the columns given."""

from __future__ import annotations

import io
import json
import math
import re
import sqlite3
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
from astropy.io.votable.tree import Field, Group, Info, Param, Resource, TableElement, TimeSys, VOTableFile

from portal.server.services import coverage

URL = "https://tap.example/tap"
SQL_TYPES = {
    "char": "TEXT",
    "double": "REAL",
    "float": "REAL",
    "int": "INTEGER",
    "short": "INTEGER",
    "long": "INTEGER",
}
VERSION = {"version": "1.4"} | {f"version_1_{minor}_or_later": True for minor in (1, 2, 3, 4)}
GEOMETRY = ["POINT", "CIRCLE", "CONTAINS", "INTERSECTS"]


@dataclass
class Column:
    name: str
    datatype: str = "char"
    unit: str | None = None
    ucd: str | None = None
    xtype: str | None = None
    principal: int = 1
    description: str | None = None


@dataclass
class Service:
    """The service: tables with rows, and what its language can do."""

    tables: dict[str, list[Column]]
    rows: dict[str, list[dict[str, Any]]]
    url: str = URL
    functions: list[str] = field(default_factory=list)
    strings: list[str] = field(default_factory=lambda: ["LOWER"])
    geometry: list[str] | None = field(default_factory=lambda: list(GEOMETRY))
    offset: bool = True
    binary2: bool = True
    subqueries: bool = True
    hard_limit: int = 1_000_000
    time_scale: str | None = "TT"
    datalink: str | None = None
    infos: dict[str, str] = field(default_factory=dict)
    queries: list[str] = field(default_factory=list)
    documents: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.db = sqlite3.connect(":memory:", check_same_thread=False)
        for name, function in FUNCTIONS.items():
            self.db.create_function(name, -1, function)
        schemas = {name.split(".")[0] for name in self.tables} | {"tap_schema"}
        for schema in schemas:
            self.db.execute(f"ATTACH ':memory:' AS {schema}")
        for name, columns in self.tables.items():
            self.db.execute(f"CREATE TABLE {name} ({', '.join(_declared(c) for c in columns)})")
            for row in self.rows[name]:
                self.db.execute(
                    f"INSERT INTO {name} VALUES ({', '.join('?' * len(columns))})",
                    [row.get(c.name) for c in columns],
                )
        self._schema()

    def _schema(self) -> None:
        names = (
            "table_name, column_name, datatype, arraysize, xtype, unit, ucd, utype, description, principal"
        )
        self.db.execute(f"CREATE TABLE tap_schema.columns ({names})")
        self.db.execute("CREATE TABLE tap_schema.tables (table_name, description)")
        for table, columns in self.tables.items():
            self.db.execute("INSERT INTO tap_schema.tables VALUES (?, ?)", [table, f"The table {table}."])
            for c in columns:
                size = "*" if c.datatype == "char" else None
                values = [
                    table,
                    c.name,
                    c.datatype,
                    size,
                    c.xtype,
                    c.unit,
                    c.ucd,
                    None,
                    c.description,
                    c.principal,
                ]
                self.db.execute(f"INSERT INTO tap_schema.columns VALUES ({', '.join('?' * 10)})", values)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        address = str(request.url)
        if address == self.url + "/capabilities":
            return httpx.Response(200, content=self.capabilities(), headers={"content-type": "text/xml"})
        if address == self.url + "/sync":
            form = parse_qs(request.content.decode(), keep_blank_values=True)
            return self.sync(form["QUERY"][0], int(form["MAXREC"][0]), form["FORMAT"][0])
        for start, content in self.documents.items():
            if address.startswith(start):
                return httpx.Response(
                    200, content=content, headers={"content-type": "application/x-votable+xml"}
                )
        return httpx.Response(404)

    def sync(self, adql: str, maxrec: int, wanted: str) -> httpx.Response:
        self.queries.append(adql)
        try:
            if re.search(r"\bFROM\s*\(", adql) and not self.subqueries:
                raise sqlite3.OperationalError("Subqueries are not known here")
            cursor = self.db.execute(self.translated(adql))
            found = cursor.fetchmany(min(maxrec, self.hard_limit) + 1)
            names = [d[0] for d in cursor.description]
            cursor.close()
        except sqlite3.Error as error:
            return httpx.Response(400, content=error_document(str(error)))
        limit = min(maxrec, self.hard_limit)
        content = self.votable(names, found[:limit], len(found) > limit, "BINARY2" in wanted)
        return httpx.Response(200, content=content, headers={"content-type": "application/x-votable+xml"})

    def translated(self, adql: str) -> str:
        while (inner := re.search(r"\(\s*SELECT\s+TOP\s", adql)) is not None:
            end = _closing(adql, inner.start())
            adql = f"{adql[: inner.start()]}({self.translated(adql[inner.start() + 1 : end])}{adql[end:]}"
        top = re.match(r"\s*SELECT\s+TOP\s+(\d+)", adql)
        if top is None:
            return adql
        sql = "SELECT" + adql[top.end() :]
        offset = re.search(r"\sOFFSET\s+(\d+)\s*$", sql)
        if offset is None:
            return f"{sql}\nLIMIT {top.group(1)}"
        if not self.offset:
            raise sqlite3.OperationalError("OFFSET is not known here")
        return f"{sql[: offset.start()]}\nLIMIT {top.group(1)} OFFSET {offset.group(1)}"

    def votable(self, names: list[str], rows: list[Any], overflow: bool, binary2: bool) -> bytes:
        document, resource = VOTableFile(version="1.4"), Resource(type="results")
        document.resources.append(resource)
        resource.infos.append(Info(name="QUERY_STATUS", value="OK"))
        for key, value in self.infos.items():
            resource.infos.append(Info(name=key, value=value))
        if self.time_scale:
            system = TimeSys(
                ID="times",
                timeorigin="MJD-origin",
                timescale=self.time_scale,
                refposition="TOPOCENTER",
                config=VERSION,
            )
            resource.time_systems.append(system)
        table = TableElement(document)
        resource.tables.append(table)
        described = {c.name: c for columns in self.tables.values() for c in columns}
        for place, name in enumerate(names):
            table.fields.append(
                self._field(document, name, described.get(name), [row[place] for row in rows])
            )
        table.create_arrays(len(rows))
        for index, row in enumerate(rows):
            nulls = tuple(value is None for value in row)
            table.array[index] = tuple(
                ("" if f.datatype == "char" else 0) if v is None else v
                for f, v in zip(table.fields, row, strict=True)
            )
            table.array.mask[index] = nulls
        if self.datalink:
            document.resources.append(self._descriptor(document, table))
        buffer = io.BytesIO()
        document.to_xml(buffer, tabledata_format="binary2" if binary2 and self.binary2 else "tabledata")
        told = b'</TABLE><INFO name="QUERY_STATUS" value="OVERFLOW"/>' if overflow else b"</TABLE>"
        return buffer.getvalue().replace(b"</TABLE>", told)

    def _field(self, document: Any, name: str, known: Column | None, values: list[Any]) -> Field:
        if known is None:
            kinds = {type(v) for v in values if v is not None}
            kind = "long" if kinds == {int} else "double" if kinds and kinds <= {int, float} else "char"
            known = Column(name, kind)
        more: dict[str, Any] = {"arraysize": "*"} if known.datatype == "char" else {}
        if self.time_scale and name in {"t_min", "t_max"}:
            more["ref"] = "times"
        made = Field(
            document, ID=name, name=name, datatype=known.datatype, unit=known.unit, ucd=known.ucd,
            xtype=known.xtype,
            config=VERSION, **more,
        )  # fmt: skip
        made.description = known.description
        return made

    def _descriptor(self, document: Any, table: TableElement) -> Resource:
        made = Resource(name="dl", type="meta", utype="adhoc:service")
        for name, value in (
            ("standardID", "ivo://ivoa.net/std/DataLink#links-1.1"),
            ("accessURL", self.datalink),
        ):
            made.params.append(Param(document, name=name, value=value, datatype="char", arraysize="*"))
        group = Group(table, name="inputParams")
        group.entries.append(
            Param(document, name="ID", value="", datatype="char", arraysize="*", ref="obs_publisher_did")
        )
        made.groups.append(group)
        return made

    def capabilities(self) -> bytes:
        groups = {
            "udf": [f"{name}(x TEXT) -> INTEGER" for name in self.functions],
            "adql-string": self.strings,
        }
        if self.geometry is not None:
            groups["adqlgeo"] = self.geometry
        if self.offset:
            groups["adql-offset"] = ["OFFSET"]
        features = "".join(
            f'<languageFeatures type="ivo://ivoa.net/std/TAPRegExt#features-{kind}">'
            + "".join(f"<feature><form>{form.replace('>', '&gt;')}</form></feature>" for form in forms)
            + "</languageFeatures>"
            for kind, forms in groups.items()
        )
        binary2 = (
            '<outputFormat ivo-id="ivo://ivoa.net/std/TAPRegExt#output-votable-binary2">'
            "<mime>application/x-votable+xml;serialization=BINARY2</mime></outputFormat>"
        )
        return (
            '<v:capabilities xmlns:v="http://www.ivoa.net/xml/VOSICapabilities/v1.0">'
            '<capability standardID="ivo://ivoa.net/std/TAP"><language><name>ADQL</name>'
            f"{features}</language>{binary2 if self.binary2 else ''}"
            f'<outputLimit><hard unit="row">{self.hard_limit}</hard></outputLimit>'
            "</capability></v:capabilities>"
        ).encode()


def error_document(words: str) -> bytes:
    escaped = words.replace("&", "&amp;").replace("<", "&lt;")
    return (
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">'
        f'<INFO name="QUERY_STATUS" value="ERROR">{escaped}</INFO></RESOURCE></VOTABLE>'
    ).encode()


def _filled(described: Field, value: Any) -> Any:
    return ("" if described.datatype == "char" else 0) if value is None else value


def _closing(text: str, start: int) -> int:
    depth = 0
    for match in re.finditer(r"'(?:[^']|'')*'|[()]", text[start:]):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if depth == 0:
            return start + match.start()
    raise sqlite3.OperationalError("parentheses")


def _declared(column: Column) -> str:
    name = '"' + column.name.strip('"') + '"'
    return f"{name} {SQL_TYPES[column.datatype]}"


def _point(*arguments: Any) -> str | None:
    numbers = [a for a in arguments if not isinstance(a, str)]
    return None if any(n is None for n in numbers) else json.dumps(numbers)


def _distance(a: list[float], b: list[float]) -> float:
    (ra1, dec1), (ra2, dec2) = ([math.radians(x) for x in pair[:2]] for pair in (a, b))
    half = math.sin((dec2 - dec1) / 2) ** 2 + math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(half))))


def _shape(text: str) -> list[float]:
    if text.startswith("["):
        return [float(x) for x in json.loads(text)]
    return [float(word) for word in text.split() if re.match(r"[-+.\d]", word)]


def _contains(inner: str | None, outer: str | None) -> int | None:
    if inner is None or outer is None:
        return None
    a, b = _shape(inner), _shape(outer)
    return int(_distance(a, b) + (a[2] if len(a) > 2 else 0.0) <= b[2])


def _intersects(first: str | None, second: str | None) -> int | None:
    if first is None or second is None:
        return None
    a, b = _shape(first), _shape(second)
    return int(_distance(a, b) <= a[2] + b[2])


def _nocase(text: str | None, pattern: str) -> int | None:
    if text is None:
        return None
    expression = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in pattern)
    return int(re.fullmatch(expression, text, re.IGNORECASE | re.DOTALL) is not None)


def _match(pattern: str, text: str | None) -> int | None:
    return None if text is None else int(re.search(pattern, text) is not None)


def _energies(low: Any, high: Any, first: float, last: float) -> int | None:
    return None if low is None or high is None else int(low <= last and high >= first)


def _coverage(moc: str | None, start: float, end: float) -> int | None:
    if moc is None:
        return None
    (found,) = coverage.intervals([moc])
    return int(any(a <= end and b >= start for a, b in found or []))


FUNCTIONS = {
    "point": _point, "circle": _point, "contains": _contains, "intersects": _intersects,
    "ivo_nocasematch": _nocase, "gavo_match": _match, "gavo_energy_overlaps": _energies,
    "gavo_tmoc_overlaps": _coverage,
    "radians": lambda x: None if x is None else math.radians(x),
    "cos": lambda x: None if x is None else math.cos(x),
    "sin": lambda x: None if x is None else math.sin(x),
}  # fmt: skip

__all__ = ["URL", "Column", "Service", "error_document"]
