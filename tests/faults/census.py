"""All that an instance publishes, asked for as its clients do, so that two can be compared."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import pprint
import re
import time
import urllib.parse
import urllib.request

from instance.releases import COLLECTIONS
from tests.faults.harness import Site

TABLES = (
    *(f"{collection}.obscore" for collection in COLLECTIONS),
    "ivoa.obscore",
    "ivoa.obscore_hea",
    "datalink.response",
    "tap_schema.tables",
    "tap_schema.columns",
)
ROWS = """SELECT obs_id, obs_publisher_did, obs_title, t_min, t_max, ev_xel, access_url
    FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea ORDER BY obs_publisher_did"""
LINKS = "SELECT id, semantics, access_url, content_length FROM datalink.response ORDER BY 1, 3, 2"
PICTURE, SIZE = "image/png", re.compile(r"-1|\d+")
MOMENT = 10.0
"""Seconds after which workers have read all descriptors again."""

RELATIONS = """SELECT n.nspname || '.' || c.relname || ' ' || c.relkind::text
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^(pg_|information_schema)' ORDER BY 1"""


def _both(query: str) -> str:
    """Ask the same of all collections."""
    return " UNION ALL ".join(query.format(collection) for collection in COLLECTIONS) + " ORDER BY 1, 2"


INTERNAL = {
    "products": "SELECT accref, accesspath, sourcetable FROM dc.products ORDER BY accref",
    "resources": "SELECT sourcerd, resid FROM dc.resources ORDER BY 1, 2",
    "companions": _both("SELECT obs_publisher_did, access_path FROM {}.companions"),
    "stored links": _both("SELECT id, dataset, semantics, source FROM {}.links"),
    "provenance": _both("SELECT obs_id, dataset FROM {}.provenance"),
    "sources of ObsCore": "SELECT tablename FROM ivoa._obscoresources ORDER BY 1",
    "sources of views": "SELECT view_id, table_name, reads, sourcerd FROM ivoa._union_sources ORDER BY 1, 2",
    "TAP_SCHEMA": """SELECT 'table', table_name, table_type, sourcerd FROM tap_schema.tables
        UNION ALL SELECT 'column', table_name, column_name, sourcerd FROM tap_schema.columns
        UNION ALL SELECT 'key', from_table, target_table, sourcerd FROM tap_schema.keys
        UNION ALL SELECT 'schema', schema_name, '', '' FROM tap_schema.schemas
        UNION ALL SELECT 'model', dmname, dmivorn, sourcerd FROM tap_schema.supportedmodels
        ORDER BY 1, 2, 3""",
    "tables with metadata": "SELECT tablename, sourcerd, adql FROM dc.tablemeta ORDER BY 1",
    "relations": RELATIONS,
}

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fetch(url: str) -> bytes:
    """Get a document."""
    with _direct.open(url, timeout=60) as reply:
        return bytes(reply.read())


def tap(site: Site, query: str) -> list[str]:
    """Give the lines, without the heading, that a query gives."""
    parameters = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query, "FORMAT": "csv", "MAXREC": "100000"})
    return fetch(f"{site.url}/tap/sync?{parameters}").decode().splitlines()[1:]


def count(site: Site, table: str = "hess_dr.obscore") -> int:
    """Count the rows of a table."""
    return int(tap(site, f"SELECT COUNT(*) FROM {table}")[0])


def datalink(site: Site, obs_id: str, collection: str = "hess_dr") -> list[list[str]]:
    """Give the rows of a DataLink document."""
    text = fetch(f"{site.url}/{collection}/q/dl/dlmeta?ID={urllib.parse.quote(obs_id)}").decode()
    rows = re.findall(r"<TR>(.*?)</TR>", text, re.DOTALL)
    return [re.findall(r"<TD(?:/>|>(.*?)</TD>)", row, re.DOTALL) for row in rows]


def records(site: Site) -> list[str]:
    """Give the elements of the registry's records without what tells when and where they were made."""
    text = fetch(f"{site.url}/oai.xml?verb=ListRecords&metadataPrefix=ivo_vor").decode()
    found: list[str] = re.findall(r"<(?:oai:)?record>(.*?)</(?:oai:)?record>", text, re.DOTALL)
    dates = r"\d{4}-\d\d-\d\d(T[\d:.]+Z?)?"
    # DaCHS names related resources in any order, and as often as it has read their descriptions.
    elements = [sorted(set(re.sub(dates, "DATE", record).split("><"))) for record in sorted(found)]
    return [element for record in elements for element in record]


@dataclasses.dataclass(frozen=True)
class Census:
    """What an instance publishes, and what its database holds."""

    counts: dict[str, int]
    rows: list[str]
    links: list[str]
    datalinks: dict[str, list[list[str]]]
    files: dict[str, str]
    records: list[str]
    internal: dict[str, list[str]]


def take(site: Site) -> Census:
    """Ask an instance for all it has; its port and directory are taken out."""

    def neutral(text: str) -> str:
        return re.sub(rf"(:|%3A){site.port}\b", r"\1PORT", text).replace(str(site.home), "HOME")

    documents = {name: _of_any_moment(datalink(site, first_public(site, name), name)) for name in COLLECTIONS}
    return Census(
        counts={table: count(site, table) for table in TABLES},
        rows=[neutral(line) for line in tap(site, ROWS)],
        links=[neutral(line) for line in tap(site, LINKS)],
        datalinks={
            collection: [[neutral(cell) for cell in row] for row in document]
            for collection, document in documents.items()
        },
        files={collection: _digest(document) for collection, document in documents.items()},
        records=[neutral(record) for record in records(site)],
        internal={
            name: [neutral(line) for line in site.instance.cluster.sql(query)]
            for name, query in INTERNAL.items()
        },
    )


def _of_any_moment(document: list[list[str]]) -> list[list[str]]:
    """Take the sizes of pictures out, which are known once somebody has asked for them."""
    return [[cell for cell in row if PICTURE not in row or not SIZE.fullmatch(cell)] for row in document]


def first_public(site: Site, collection: str) -> str:
    """Give the first observation of a collection that is not kept back."""
    public = "obs_release_date IS NULL OR obs_release_date < '2026-01-01'"
    return tap(site, f"SELECT MIN(obs_id) FROM {collection}.obscore WHERE {public}")[0]


def _digest(document: list[list[str]]) -> str:
    """Fetch what the first #this row of a DataLink document leads to; give its digest."""
    this = next(row for row in document if "#this" in row)
    address = next(cell for cell in this if cell.startswith("http"))
    return hashlib.sha256(fetch(address)).hexdigest()


def differences(site: Site, expected: Census) -> list[str]:
    """Compare an instance with an undisturbed one; gives nothing if they are the same.

    The registry's records come from descriptors that workers read again a moment after an import.
    """
    deadline = time.monotonic() + MOMENT
    here = take(site)
    while here.records != expected.records and time.monotonic() < deadline:
        time.sleep(MOMENT / 20)
        here = dataclasses.replace(here, records=take(site).records)
    found: list[str] = []
    for name, value in dataclasses.asdict(expected).items():
        lines = [pprint.pformat(one, width=200).splitlines() for one in (value, getattr(here, name))]
        found += difflib.unified_diff(*lines, "undisturbed", name, n=1, lineterm="")
    return found
