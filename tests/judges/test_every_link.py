"""Every link of every data set: followed, measured, and compared with the files of the releases."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pyvo
import requests
from astropy.io import fits
from conftest import Instance
from following import Document, Link, Row, asked, each, fetched, of_type
from holdings import DataSet, EventList, Holdings
from lxml import etree
from PIL import Image
from sound_files import differences, sources, unpacked

GADF, TAR, PNG = "application/x-fits-gadf", "application/x-tar", "image/png"
DOCUMENTS = ("application/json", "application/x-votable+xml")
CORE = {
    "#this", "#progenitor", "#derivation", "#auxiliary", "#weight", "#error", "#noise", "#calibration",
    "#bias", "#dark", "#flat", "#preview", "#preview-image", "#preview-plot", "#thumbnail", "#proc",
    "#cutout", "#package", "#counterpart", "#documentation", "#coderived", "#detached-header",
}  # fmt: skip
"""The IVOA vocabulary datalink/core."""

MOST_PICTURES = 250
"""Of so many and more, some are left out evenly: one takes a quarter of a second."""

SIZES = {"full": (1200, 900), "small": (320, 240)}
"""Of pictures, in pixels."""

# --- what the service says -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dids(holdings: Holdings, instance: Instance) -> dict[str, DataSet]:
    return {data_set.did(instance.authority): data_set for data_set in holdings.all}


@pytest.fixture(scope="module")
def documents(dids: dict[str, DataSet], instance: Instance, http: requests.Session) -> list[Document]:
    """The documents of all data sets."""
    return list(asked(f"{instance.url}/rd/access/dl/dlmeta", http, list(dids)))


@pytest.fixture(scope="module")
def table(tap: pyvo.dal.TAPService) -> list[Row]:
    """All rows of datalink.response."""
    columns = "id, access_url, semantics, local_semantics, description, content_type, content_length"
    answer = tap.run_sync(f"SELECT {columns}, content_qualifier, error_message FROM datalink.response")
    found = answer.to_table()
    rows = [dict(zip(found.colnames, map(plain, row), strict=True)) for row in found.iterrows()]
    assert len(rows) > 1000
    return rows


def plain(cell: Any) -> str | None:
    return None if getattr(cell, "mask", False) is True or str(cell) in ("", "--") else str(cell)


@pytest.fixture(scope="module")
def links(documents: list[Document], table: list[Row]) -> dict[str, Link]:
    """What anybody may follow, by URL; with the sizes that the table tells as well."""
    found: dict[str, Link] = {}
    for row in (row for document in documents for row in document.rows):
        if row["access_url"]:
            found.setdefault(row["access_url"], Link(row["access_url"])).add(row)
    for row in table:
        if row["access_url"] in found:
            found[row["access_url"]].add(row)
    assert len(found) > 100
    return found


# --- rows ------------------------------------------------------------------------------------------


def test_rows_are_sound(documents: list[Document], dids: dict[str, DataSet]) -> None:
    answered = set()
    for document in documents:
        for row in document.rows:
            assert row["semantics"] in CORE, row
            given = [name for name in ("access_url", "service_def", "error_message") if row[name]]
            assert len(given) == 1, row
            if given == ["service_def"]:
                service = document.services[str(row["service_def"])]
                assert service["accessURL"].startswith("http")
                if row["semantics"] == "#package":  # of all that were asked for together
                    assert service["accessURL"].endswith("/rd/access/bundle/custom")
                else:
                    assert service["standardID"].startswith("ivo://ivoa.net/std/soda#")
                    assert service["ID"] in dids
            if given != ["error_message"]:
                assert row["content_type"]
                assert row["description"]
            answered.add(row["id"])
        used = {row["service_def"] for row in document.rows} - {None}
        assert used == {
            name
            for name, service in document.services.items()
            if "soda" in service.get("standardID", "") or service["accessURL"].endswith("/bundle/custom")
        }
    assert answered == set(dids)


def test_what_is_withheld_are_the_runs_that_are_not_public(
    documents: list[Document], dids: dict[str, DataSet], ctao: Holdings
) -> None:
    faults = {row["id"]: row for document in documents for row in document.rows if row["error_message"]}
    closed = {events.obs_id for events in ctao.lists if not events.released}
    assert {did for did, data_set in dids.items() if data_set.obs_id in closed} == set(faults)
    for row in faults.values():
        assert str(row["error_message"]).startswith("AuthenticationFault: ")
        assert row["semantics"] == "#this"


def test_the_service_of_a_collection_says_the_same(
    documents: list[Document], dids: dict[str, DataSet], instance: Instance, http: requests.Session
) -> None:
    own = []
    for collection in dict.fromkeys(data_set.collection for data_set in dids.values()):
        ids = [did for did, data_set in dids.items() if data_set.collection == collection]
        own += [row for d in asked(instance.links_of(collection), http, ids) for row in d.rows]
    # Names of services depend on the document that they are in; a picture may have been drawn meanwhile.
    unlike = ("service_def", "content_length")
    theirs = [row for document in documents for row in document.rows]
    compared = [
        sorted(
            str(sorted((row | dict.fromkeys(unlike)).items(), key=str))
            for row in rows
            # That one depends on what was asked for together.
            if not (row["service_def"] and row["semantics"] == "#package")
        )
        for rows in (own, theirs)
    ]
    assert len(own) > len(dids)
    assert compared[0] == compared[1]


def test_the_table_has_the_links_of_the_documents(documents: list[Document], table: list[Row]) -> None:
    columns = (
        "id",
        "access_url",
        "semantics",
        "local_semantics",
        "description",
        "content_type",
        "content_qualifier",
    )
    told = {tuple(row[name] for name in columns): row["content_length"] for row in table}
    assert len(told) == len(table)
    assert {row["error_message"] for row in table} == {None}
    shown: dict[tuple[str | None, ...], str | None] = {}
    faulty = set()
    for row in (row for document in documents for row in document.rows):
        if row["access_url"]:
            shown[tuple(row[name] for name in columns)] = row["content_length"]
        elif row["error_message"]:
            faulty.add(row["id"])
    assert shown.keys() <= told.keys()
    # The table tells what there is; documents, what the one who asks may have.
    assert {key[0] for key in told.keys() - shown.keys()} == faulty
    assert [key for key, length in shown.items() if told[key] not in (None, length)] == []


# --- bytes -----------------------------------------------------------------------------------------


def test_every_file_is_what_the_release_has(
    links: dict[str, Link],
    dids: dict[str, DataSet],
    instance: Instance,
    http: requests.Session,
    tmp_path: Path,
) -> None:
    files = of_type(links, GADF)
    own = {did: link.url for link in files for did, semantics, _ in link.relations if semantics == "#this"}

    def check(link: Link, number: int) -> Iterator[str]:
        content, wrong = fetched(link, http)
        yield from wrong
        (data_set,) = (dids[did] for did, semantics, _ in link.relations if semantics == "#this")
        yield from _misplaced(link, data_set, own, dids, instance)
        if not link.url.endswith((".fits", ".fits.gz")):
            yield "no suffix of FITS"
        # CFITSIO tells by the name whether a file is packed.
        path = tmp_path / f"{number}{''.join(Path(link.url).suffixes[-2:])}"
        path = path.with_name(f"{number}.fits.gz" if content.startswith(b"\x1f\x8b") else f"{number}.fits")
        yield from differences(content, data_set.parts, path)
        yield from _headings(content, data_set, instance)
        path.unlink()

    assert each(files, check) == []
    closed = {did for did, data_set in dids.items() if did not in own}
    assert all(not e.released for did in closed for e in _lists_of(dids[did], dids))


def _lists_of(data_set: DataSet, dids: dict[str, DataSet]) -> list[EventList]:
    return [e for e in dids.values() if isinstance(e, EventList) and e.obs_id == data_set.obs_id]


def _misplaced(
    link: Link, data_set: DataSet, own: dict[str, str], dids: dict[str, DataSet], instance: Instance
) -> Iterator[str]:
    """Say which event lists have a link that should lead elsewhere."""
    for did, semantics, qualifier in link.relations:
        of = dids[did]
        if qualifier != instance.type_of(data_set):
            yield f"{did} calls it {qualifier}"
        if semantics == "#calibration":
            wanted = of.responses[data_set.kind].did(instance.authority) if isinstance(of, EventList) else ""
        elif semantics == "#package":
            wanted = f"{did.partition('?')[0]}?{of.collection}/{of.local.partition('/')[0]}/event-bundle"
        else:
            wanted = did
        if own.get(wanted) != link.url:
            yield f"{semantics} of {did} should lead to {own.get(wanted)}"


def _headings(content: bytes, data_set: DataSet, instance: Instance) -> Iterator[str]:
    """Look at what a file says of its origin, unless it is a file of the release as it is."""
    paths = list(dict.fromkeys(part.path for part in data_set.parts))
    if len(paths) == 1 and content == paths[0].read_bytes():
        return
    if content.startswith(b"\x1f\x8b"):
        yield "packed, but not the file of the release"
        return
    header = fits.getheader(io.BytesIO(content))
    if header["ORIGIN"] != f"ivo://{instance.authority}" or not header["CREATOR"].startswith("cherenkov-vo "):
        yield f"ORIGIN is {header['ORIGIN']}, CREATOR {header['CREATOR']}"
    parents = [value for key, value in header.items() if key.startswith("PARENT")]
    if parents != [path.name for path in paths[: len(parents)]] or not parents:
        yield f"its parents are {parents}"
    if "CHECKSUM" not in header:
        yield "no checksum"


def test_bundles_of_a_run_hold_the_files_behind_its_links(
    links: dict[str, Link], dids: dict[str, DataSet], http: requests.Session
) -> None:
    served: dict[str, str] = {}
    names: dict[str, set[str]] = defaultdict(set)

    def note(link: Link, _: int) -> Iterator[str]:
        served[link.url.rpartition("/")[2]] = digest(http.get(link.url).content)
        for did, semantics, _qualifier in link.relations:
            if semantics in ("#this", "#calibration"):
                names[did].add(link.url.rpartition("/")[2])
        yield from ()

    assert each(of_type(links, GADF), note) == []

    def check(link: Link, _: int) -> Iterator[str]:
        content, wrong = fetched(link, http)
        yield from wrong
        if not link.lengths:
            yield "no size announced"
        ((did, _semantics, _qualifier),) = link.relations
        events = dids[did]
        held, hdus = set(), set()
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                found = archive.extractfile(member).read()
                if name in served and name.endswith((".fits", ".fits.gz")):
                    held.add(name)
                    if digest(found) != served[name]:
                        yield f"{member.name} is not what its link leads to"
                    hdus |= _hdus(found)
        wanted = {part.name for part in (*events.parts, *(r.parts[0] for r in events.responses.values()))}
        if not wanted <= hdus:
            yield f"holds {sorted(held)}, expected all of {sorted(names[did])}"

    assert each(of_type(links, TAR), check) == []


def _hdus(content: bytes) -> set[str]:
    with fits.open(io.BytesIO(unpacked(content))) as found:
        return {hdu.name for hdu in found}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_every_provenance_document_is_there(links: dict[str, Link], http: requests.Session) -> None:
    def check(link: Link, _: int) -> Iterator[str]:
        content, wrong = fetched(link, http)
        yield from wrong
        if not link.lengths:
            yield "no size announced"
        if link.types == {"application/json"}:
            found = " ".join(json.loads(content)["entity"])
        else:
            found = etree.tostring(etree.fromstring(content), encoding="unicode")
        if not found:
            yield "empty"

    assert each(of_type(links, *DOCUMENTS), check) == []


def test_pictures_are_drawn(links: dict[str, Link], http: requests.Session) -> None:
    def check(link: Link, _: int) -> Iterator[str]:
        content, wrong = fetched(link, http)
        yield from wrong
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            size = SIZES["small" if link.url.endswith("-small.png") else "full"]
            if picture.size != size:
                yield f"{picture.size} pixels"
            picture.load()
            if len(picture.convert("RGB").getcolors(maxcolors=10**7)) < 10:
                yield "nothing to be seen"

    pictures = of_type(links, PNG)
    assert each(pictures[:: len(pictures) // MOST_PICTURES + 1], check) == []


def test_documents_tell_sizes_of_pictures_that_were_drawn(
    links: dict[str, Link], instance: Instance, http: requests.Session
) -> None:
    for link in of_type(links, PNG)[::50]:
        size = len(http.get(link.url).content)
        did = sorted(link.relations)[0][0]
        (document,) = asked(f"{instance.url}/rd/access/dl/dlmeta", http, [did])
        (row,) = [row for row in document.rows if row["access_url"] == link.url]
        assert row["content_length"] == str(size)


def test_every_selection_without_conditions_has_all_events(
    documents: list[Document], dids: dict[str, DataSet], http: requests.Session, tmp_path: Path
) -> None:
    found = {
        service["ID"]: service["accessURL"]
        for document in documents
        for service in document.services.values()
        if service.get("standardID", "").endswith("soda#sync-1.0")
    }
    assert {dids[did].kind for did in found} == {"event-list"}
    wanted = [e for e in dids.values() if isinstance(e, EventList) and e.released]
    assert len(found) == len(wanted)

    def check(link: Link, number: int) -> Iterator[str]:
        did = link.url
        answer = http.post(found[did], data={"ID": did})
        if answer.status_code != 200 or answer.headers["Content-Type"] != GADF:
            yield answer.text[:500]
            return
        content = answer.content
        if int(answer.headers.get("Content-Length", len(content))) != len(content):
            yield "has another length than announced"
        with fits.open(io.BytesIO(content), checksum=True) as hdus:
            hdus.verify("exception")
            for part in dids[did].parts:
                where, source = hdus[part.name].fileinfo(), sources(part.path)[part.name]
                if content[where["datLoc"] : where["datLoc"] + where["datSpan"]] != source.data:
                    yield f"{part.name}: other bytes"

    assert each([Link(did) for did in found], check) == []
