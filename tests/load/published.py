"""What an instance says that it publishes: access URLs in its records, links, service descriptors."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import urllib.parse
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.load.asking import Web

_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
LINKS = """SELECT id, access_url, semantics, content_type, content_qualifier, content_length, service_def
    FROM datalink.response ORDER BY semantics, content_type, content_qualifier, id, access_url"""


@dataclasses.dataclass(frozen=True)
class Interface:
    """One interface of a capability: ``standard`` is empty if it follows none."""

    standard: str
    kind: str
    url: str


@dataclasses.dataclass(frozen=True)
class Link:
    """A row of DataLink; ``service`` is the access URL behind its service descriptor."""

    identifier: str
    url: str
    semantics: str
    media_type: str
    qualifier: str
    length: int | None
    service: str = ""
    standard: str = ""


def local(name: str) -> str:
    """Give an XML name without its namespace."""
    return name.rpartition("}")[2]


def interfaces(document: bytes) -> set[Interface]:
    """Find the interfaces in VOSI capabilities or in registry records."""
    found = set()
    for capability in ET.fromstring(document).iter():
        if local(capability.tag) != "capability":
            continue
        for interface in capability.iter():
            if local(interface.tag) == "interface":
                kind = interface.get(_TYPE, "").partition(":")[2]
                standard = capability.get("standardID", "").lower()
                urls = [element.text or "" for element in interface if local(element.tag) == "accessURL"]
                found |= {Interface(standard, kind, url) for url in urls}
    return found


def all_interfaces(web: Web) -> set[Interface]:
    """Find all interfaces, following records to VOSI capabilities."""
    records = web.ask("/oai.xml?verb=ListRecords&metadataPrefix=ivo_vor").expect(200)
    found = interfaces(records.body)
    for one in list(found):
        if one.standard.endswith("vosi#capabilities"):
            found |= interfaces(web.ask(one.url).expect(200).body)
    return found


def rows(web: Web, query: str) -> list[dict[str, str]]:
    """Give the rows of a query."""
    values = {"LANG": "ADQL", "QUERY": query, "FORMAT": "csv", "MAXREC": "100000"}
    answer = web.ask(f"/tap/sync?{urllib.parse.urlencode(values)}").expect(200)
    return list(csv.DictReader(io.StringIO(answer.text)))


def links(web: Web) -> list[Link]:
    """Give all rows of the table of links."""
    return [
        Link(
            row["id"], row["access_url"], row["semantics"], row["content_type"], row["content_qualifier"],
            _length(row["content_length"]),
        )
        for row in rows(web, LINKS)
    ]  # fmt: skip


def links_of(document: bytes) -> list[Link]:
    """Give the rows of a DataLink document, with the services that its descriptors name."""
    root = ET.fromstring(document)
    services: dict[str, dict[str, str]] = {}
    for resource in root.iter():
        if local(resource.tag) == "RESOURCE" and resource.get("utype") == "adhoc:service":
            parameters = {e.get("name", ""): e.get("value", "") for e in resource if local(e.tag) == "PARAM"}
            services[resource.get("ID", "")] = parameters
    names = [e.get("name", "") for e in root.iter() if local(e.tag) == "FIELD"]
    found = []
    for row in (element for element in root.iter() if local(element.tag) == "TR"):
        cells = dict(zip(names, [cell.text or "" for cell in row], strict=True))
        service = services.get(cells["service_def"], {})
        found.append(
            Link(
                cells["ID"], cells["access_url"], cells["semantics"], cells["content_type"],
                cells.get("content_qualifier", ""), _length(cells["content_length"]),
                service.get("accessURL", ""), service.get("standardID", ""),
            )
        )  # fmt: skip
    return found


def _length(text: str) -> int | None:
    return int(text) if text and int(text) >= 0 else None


def files_on_disk(home: Path) -> dict[str, str]:
    """Give the digests of the releases' files, by name."""
    found = {}
    for place in (home / "dachs" / "inputs").glob("*/releases/*/files"):
        for path in place.resolve().rglob("*.fits*"):
            found[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
