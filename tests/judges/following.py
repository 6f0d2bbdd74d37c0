"""Reading DataLink documents and following many links, some at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests
from lxml import etree

AT_ONCE, TOGETHER = 200, 4
"""IDs in one request, and requests at the same time."""

Row = dict[str, str | None]


@dataclass(frozen=True)
class Document:
    """A DataLink document.

    Parameters
    ----------
    rows
        Its rows by column, with None for empty cells.
    services
        Input parameters and access URL of its service descriptors, by their IDs.
    """

    rows: list[Row]
    services: dict[str, dict[str, str]]


def read(content: bytes) -> Document:
    root = etree.fromstring(content)
    table = root.find(".//{*}TABLE")
    columns = table.findall("{*}FIELD")
    nulls = [{values.get("null") for values in column.iterfind("{*}VALUES")} | {""} for column in columns]
    rows = []
    for row in table.iter("{*}TR"):
        cells = [cell.text or "" for cell in row]
        rows.append(
            {
                column.get("name").lower(): None if cell in null else cell
                for column, cell, null in zip(columns, cells, nulls, strict=True)
            }
        )
    services = {
        resource.get("ID"): {param.get("name"): param.get("value") for param in resource.iter("{*}PARAM")}
        for resource in root.iterfind(".//{*}RESOURCE[@utype='adhoc:service']")
    }
    return Document(rows, services)


def asked(url: str, http: requests.Session, ids: list[str]) -> Iterator[Document]:
    for start in range(0, len(ids), AT_ONCE):
        answer = http.post(url, data=[("ID", one) for one in ids[start : start + AT_ONCE]])
        assert answer.status_code == 200
        yield read(answer.content)


@dataclass
class Link:
    """A URL with all that is said of it."""

    url: str
    types: set[str | None] = field(default_factory=set)
    lengths: set[int] = field(default_factory=set)
    relations: set[tuple[str, str, str | None]] = field(default_factory=set)
    """Data set, semantics, content_qualifier."""

    def add(self, row: Row) -> None:
        self.types.add(row["content_type"])
        self.relations.add((str(row["id"]), str(row["semantics"]), row["content_qualifier"]))
        if row["content_length"] is not None:
            self.lengths.add(int(row["content_length"]))


def of_type(links: dict[str, Link], *types: str) -> list[Link]:
    found = [link for link in links.values() if link.types & set(types)]
    assert found
    assert {len(link.types) for link in found} == {1}
    return found


def each(found: Iterable[Link], check: Callable[[Link, int], Iterable[str]]) -> list[str]:
    """Check links, some at a time; give all complaints."""

    def one(numbered: tuple[int, Link]) -> list[str]:
        number, link = numbered
        return [f"{link.url}: {complaint}" for complaint in check(link, number)]

    with ThreadPoolExecutor(TOGETHER) as pool:
        return [complaint for complaints in pool.map(one, enumerate(found)) for complaint in complaints]


def fetched(link: Link, http: requests.Session) -> tuple[bytes, list[str]]:
    """Fetch a link by GET and HEAD; give its bytes and what is wrong with what was said of it."""
    answer, head = http.get(link.url), http.head(link.url)
    (media_type,) = link.types
    size = len(answer.content)
    said = {
        "status": (answer.status_code, 200),
        "length": (answer.headers.get("Content-Length"), str(size)),
        "type": (answer.headers.get("Content-Type", "").partition(";")[0], media_type),
        "lengths in documents and the table": (link.lengths - {size}, set()),
        "body of HEAD": (head.content, b""),
    }
    for name in ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges"):
        said[f"{name} of HEAD"] = (head.headers.get(name), answer.headers.get(name, "missing"))
    wrong = [
        f"{what} {found!r}, expected {wanted!r}" for what, (found, wanted) in said.items() if found != wanted
    ]
    return answer.content, wrong
