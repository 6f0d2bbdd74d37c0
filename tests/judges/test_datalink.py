"""DataLink as pyVO sees it, and the bytes behind every link."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections import Counter
from typing import Any

import astropy.units as u
import golden
import numpy as np
import pytest
import pyvo
import requests
from astropy.io import fits
from conftest import Instance
from lxml import etree
from reading import EXTENSIONS, Run

GADF = "application/x-fits-gadf"
FILES = 2 + len(EXTENSIONS)
"""Links of an event list that lead to its files: itself, the responses, the package."""

DOCUMENTS = ("application/json", "application/x-votable+xml")
"""Types of its provenance documents."""

PICTURES = 4
"""Pictures of an event list."""

SERVICES = 2
"""Ways to have events selected: at once, or as a job."""

LINKS = FILES + len(DOCUMENTS) + PICTURES + SERVICES + 1
"""All of them, with the archive of everything."""

COLUMNS = (
    "id", "access_url", "semantics", "description", "content_type", "local_semantics", "content_qualifier",
)  # fmt: skip
MARKUP = "<script>alert(1)</script>"
FAULTS = {
    "unknown": ("ivo://{authority}/~?hess_dr/nosuchrun", "NotFoundFault"),
    "unknown-authority": ("ivo://elsewhere.example/~?hess_dr/nosuchrun", "NotFoundFault"),
    "malformed": ("ivo:// no identifier", "UsageFault"),
    "long": ("x" * 5000, "UsageFault"),
    "markup": (MARKUP, "NotFoundFault"),
    "quotes": ("' OR 1=1 --", "NotFoundFault"),
}


def query(instance: Instance, http: requests.Session, *ids: str) -> requests.Response:
    answer = http.post(instance.datalink, data=[("ID", identifier) for identifier in ids])
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/x-votable+xml;content=datalink"
    return answer


def rows(xml: bytes) -> list[dict[str, Any]]:
    """Give the rows of a DataLink document as texts; empty is None."""
    root = etree.fromstring(xml)
    names = [field.get("name").lower() for field in root.iterfind(".//{*}FIELD")]
    return [dict(zip(names, (cell.text for cell in row), strict=True)) for row in root.iterfind(".//{*}TR")]


def expected(instance: Instance) -> set[tuple[str, str]]:
    """Give semantics and content_qualifier of all links of an event list."""
    responses = {("#calibration", name) for name in EXTENSIONS}
    own = {("#this", instance.event_list), ("#package", instance.event_bundle), ("#package", "")}
    pictures = {(name, "preview") for name in ("#preview-image", "#preview-plot", "#thumbnail")}
    return responses | own | pictures | {("#cutout", ""), ("#documentation", "")}


def terms(links: Any) -> set[tuple[str, str]]:
    return {(link.semantics, link["content_qualifier"] or "") for link in links}


def records_of(source: str, instance: Instance, http: requests.Session, run: Run) -> Any:
    """Give the row of a run in a TAP or a cone search result."""
    if source == "cone":
        service = pyvo.dal.SCSService(instance.cone, session=http)
        return service.search(pos=run.pointing, radius=0.01 * u.deg)
    service = pyvo.dal.TAPService(instance.tap, session=http)
    condition = f"obs_id = '{run.obs_id}' AND dataproduct_type = '{instance.event_list}'"
    return service.run_sync(f"SELECT * FROM {source} WHERE {condition}")


SOURCES = ("ivoa.obscore", "hess_dr.obscore", "ivoa.obscore NATURAL JOIN ivoa.obscore_hea", "cone")


@pytest.mark.parametrize("source", SOURCES)
def test_pyvo_follows_results_to_links(
    source: str, instance: Instance, http: requests.Session, three: list[Run]
) -> None:
    for run in three:
        results = records_of(source, instance, http, run)
        assert len(results)
        for links in results.iter_datalinks():
            assert terms(links) == expected(instance)
        (row,) = [row for row in results if str(row["obs_id"]) == run.obs_id]
        links = row.getdatalink()
        assert terms(links) == expected(instance)
        assert {link["ID"] for link in links} == {instance.did(run)}
        # Not links.bysemantics: it fetches a vocabulary from the web.
        (this,) = [link for link in links if link.semantics == "#this"]
        assert this["content_qualifier"] == instance.event_list
        assert this["content_type"] == GADF


@pytest.mark.parametrize("source", ["ivoa.obscore", "hess_dr.obscore", "cone"])
def test_results_describe_the_datalink_service(
    source: str, instance: Instance, http: requests.Session, three: list[Run]
) -> None:
    results = records_of(source, instance, http, three[0])
    (service,) = results.iter_adhocservices()
    parameters = {param.name: param.value for param in service.params}
    assert parameters["standardID"].startswith("ivo://ivoa.net/std/datalink#links-1")
    assert parameters["accessURL"].startswith(instance.url)
    (argument,) = [param for group in service.groups for param in group.entries]
    (column,) = [field for field in results.resultstable.fields if argument.ref == field.ID]
    assert (argument.name, column.name) == ("ID", "obs_publisher_did")


@pytest.mark.parametrize("source", ["ivoa.obscore", "hess_dr.obscore"])
def test_pyvo_follows_all_rows(
    source: str, instance: Instance, tap: pyvo.dal.TAPService, runs: dict[str, Run]
) -> None:
    condition = f"dataproduct_type = '{instance.event_list}' AND obs_collection = '{instance.obs_collection}'"
    results = tap.run_sync(f"SELECT * FROM {source} WHERE {condition}")
    found = [links.to_table() for links in results.iter_datalinks()]
    assert {identifier for table in found for identifier in table["ID"]} == {
        instance.did(run) for run in runs.values()
    }
    # One row leads to an archive of all that were asked for together.
    assert {
        sum(row["service_def"] == "" or row["semantics"] != "#package" for row in table) for table in found
    } == {LINKS}
    assert len(found) == len(runs)


# --- the bytes -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def links(instance: Instance, http: requests.Session, three: list[Run]) -> list[tuple[Run, dict[str, Any]]]:
    answer = query(instance, http, *(instance.did(run) for run in three))
    by_did = {instance.did(run): run for run in three}
    found = [(by_did[row["id"]], row) for row in rows(answer.content)]
    documents = [row["content_type"] for _, row in found if row["semantics"] == "#documentation"]
    assert sorted(documents) == sorted(DOCUMENTS * len(three))
    found = [(run, row) for run, row in found if row["content_type"] == GADF and not row["service_def"]]
    assert len(found) == len(three) * FILES
    return found


def names_of(qualifier: str) -> list[str]:
    """Give the HDUs that belong into a file, after the primary one."""
    if qualifier in ("event-list", "hea-event-list"):
        return ["EVENTS", "GTI"]
    if qualifier in ("event-bundle", "hea-event-bundle"):
        return ["EVENTS", "GTI", "AEFF", "EDISP", "PSF", "BKG"]
    return [EXTENSIONS[qualifier]]


def assert_same_tables(content: bytes, run: Run, qualifier: str) -> None:
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    with fits.open(io.BytesIO(content)) as served, fits.open(run.path) as source:
        served.verify("exception")
        assert [hdu.name for hdu in served] == ["PRIMARY", *names_of(qualifier)]
        for hdu in served[1:]:
            original = source[hdu.name]
            assert hdu.columns.names == original.columns.names
            cards, theirs = (
                [str(card) for card in found.header.cards if card.keyword not in ("CHECKSUM", "DATASUM")]
                for found in (hdu, original)
            )
            assert cards == theirs
            for name in hdu.columns.names:
                assert np.array_equal(hdu.data[name], original.data[name], equal_nan=True)


def test_every_link_leads_to_its_bytes(
    links: list[tuple[Run, dict[str, Any]]], http: requests.Session
) -> None:
    for run, row in links:
        answer = http.get(row["access_url"])
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == row["content_type"] == GADF
        assert len(answer.content) == int(row["content_length"]) == int(answer.headers["Content-Length"])
        assert row["access_url"].endswith((".fits", ".fits.gz"))
        assert_same_tables(answer.content, run, row["content_qualifier"])


def test_the_package_is_the_file_itself(
    links: list[tuple[Run, dict[str, Any]]], http: requests.Session
) -> None:
    packages = [(run, row) for run, row in links if row["semantics"] == "#package"]
    assert packages
    for run, row in packages:
        assert http.get(row["access_url"]).content == run.path.read_bytes()


def test_head_tells_what_get_would(links: list[tuple[Run, dict[str, Any]]], http: requests.Session) -> None:
    failed = []
    for _, row in links:
        try:
            answer = http.head(row["access_url"], timeout=5)
        except requests.ConnectionError:
            failed.append((row["access_url"], "no answer"))
            continue
        found = (answer.status_code, answer.headers.get("Content-Length"), answer.headers.get("Content-Type"))
        if found != (200, row["content_length"], GADF):
            failed.append((row["access_url"], found))
        assert answer.content == b""
    assert failed == []


def test_ranges_are_served(links: list[tuple[Run, dict[str, Any]]], http: requests.Session) -> None:
    for _, row in links[:FILES]:
        whole, size = http.get(row["access_url"]).content, int(row["content_length"])
        for span, expected in (
            ("bytes=0-79", whole[:80]),
            ("bytes=2880-5759", whole[2880:5760]),
            ("bytes=-100", whole[-100:]),
            (f"bytes={size - 10}-", whole[-10:]),
        ):
            answer = http.get(row["access_url"], headers={"Range": span})
            assert answer.status_code == 206
            assert answer.content == expected
            assert answer.headers["Content-Range"].endswith(f"/{size}")
        beyond = http.get(row["access_url"], headers={"Range": f"bytes={size}-"})
        assert beyond.status_code == 416


def test_a_part_that_does_not_exist_is_not_found(
    links: list[tuple[Run, dict[str, Any]]], http: requests.Session
) -> None:
    for _, row in links[:FILES]:
        assert http.get(row["access_url"].replace(".fits", ".nosuch")).status_code == 404


# --- identifiers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_a_row(name: str, instance: Instance, http: requests.Session) -> None:
    template, fault = FAULTS[name]
    identifier = template.format(authority=instance.authority)
    answer = query(instance, http, identifier)
    (row,) = rows(answer.content)
    assert row["error_message"].startswith(f"{fault}: ")
    assert (row["access_url"], row["service_def"]) == (None, None)
    assert row["semantics"] == "#this"
    assert identifier.startswith(row["id"] or "")
    assert len(row["error_message"]) < 500
    assert MARKUP.encode() not in answer.content


def test_an_empty_identifier_is_none(instance: Instance, http: requests.Session) -> None:
    # DALI 1.1, section 2.3: a parameter without a value is a parameter not given.
    for ids in ((), ("",)):
        answer = query(instance, http, *ids)
        assert rows(answer.content) == []
        assert b'name="QUERY_STATUS" value="OK"' in answer.content


def test_a_bare_obs_id_is_enough(instance: Instance, http: requests.Session, three: list[Run]) -> None:
    for run in three:
        full, bare = (rows(query(instance, http, name).content) for name in (instance.did(run), run.obs_id))
        assert {row["id"] for row in bare} == {run.obs_id}
        assert [row | {"id": None} for row in bare] == [row | {"id": None} for row in full]


def test_one_bad_identifier_does_not_hide_the_others(
    instance: Instance, http: requests.Session, three: list[Run]
) -> None:
    good = [instance.did(run) for run in three]
    found = rows(
        query(instance, http, good[0], "ivo:// no identifier", good[1], "nosuchrun", good[2]).content
    )
    assert sum(row["error_message"] is None for row in found) == 3 * LINKS + 1
    (together,) = (row for row in found if row["semantics"] == "#package" and row["service_def"])
    assert together["id"] == good[0]
    assert [row["id"] for row in found if row["error_message"]] == ["ivo:// no identifier", "nosuchrun"]


def test_several_identifiers_lead_to_one_archive(
    instance: Instance, http: requests.Session, three: list[Run]
) -> None:
    dids = [instance.did(run) for run in three]
    document = etree.fromstring(query(instance, http, *dids).content)
    (service,) = document.iterfind("{*}RESOURCE[@name='bundle']")
    (identifier,) = service.iterfind("{*}GROUP[@name='inputParams']/{*}PARAM")
    options = [option.get("value") for option in identifier.iterfind("{*}VALUES/{*}OPTION")]
    assert options == dids
    (url,) = (param.get("value") for param in service.iterfind("{*}PARAM[@name='accessURL']"))
    answer = http.get(url, params={identifier.get("name"): options})
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        names = archive.getnames()
    assert len([name for name in names if name.endswith(".fits.gz") and "/hess_dr/" in name]) == len(three)


def test_the_table_of_links_is_what_datalink_says(
    instance: Instance, http: requests.Session, tap: pyvo.dal.TAPService, runs: dict[str, Run]
) -> None:
    answer = query(instance, http, *(instance.did(run) for run in runs.values()))
    assert b"OVERFLOW" not in answer.content
    documents = rows(answer.content)
    assert len(documents) == len(runs) * LINKS + 1  # the archive of all of them
    columns = ", ".join(f"d.{name}" for name in (*COLUMNS, "content_length"))
    answer = tap.run_sync(
        f"SELECT {columns} FROM datalink.response AS d"
        " JOIN hess_dr.obscore AS o ON d.id = o.obs_publisher_did"
    )
    table = [{name: text(row[name]) for name in answer.fieldnames} for row in answer.to_table()]
    # Services have no row in the table.
    said = [
        {name: row[name] or "" for name in (*COLUMNS, "content_length")}
        for row in documents
        if not row["service_def"]
    ]
    assert len(said) == len(runs) * (LINKS - SERVICES)
    lengths = [
        {tuple(row[name] for name in COLUMNS): row["content_length"] for row in rows_}
        for rows_ in (table, said)
    ]
    assert lengths[0].keys() == lengths[1].keys()
    assert len(lengths[0]) == len(table) == len(said)
    # What is made on demand has its size in the document at most, where -1 stands for an unknown one.
    assert [key for key, length in lengths[0].items() if length not in ("", lengths[1][key])] == []
    known = Counter(row["content_type"] for row in table if row["content_length"])
    assert known == {GADF: len(runs) * FILES}


def text(value: Any) -> str:
    """Write a value of a table as a DataLink document has it; nothing for NULL."""
    return "" if np.ma.is_masked(value) else str(value)


@pytest.mark.parametrize("situation", ["one", "three", "unknown", "malformed", "none"])
def test_documents_are_as_they_were(
    situation: str,
    instance: Instance,
    http: requests.Session,
    three: list[Run],
    request: pytest.FixtureRequest,
) -> None:
    ids = {
        "one": [instance.did(three[0])],
        "three": [instance.did(run) for run in three],
        "unknown": [f"ivo://{instance.authority}/~?hess_dr/nosuchrun"],
        "malformed": ["ivo:// no identifier"],
        "none": [],
    }[situation]
    names = {run.stem: f"FILE-{number}" for number, run in enumerate(three, 1)}
    names |= {run.obs_id: f"RUN-{number}" for number, run in enumerate(three, 1)}
    names |= {instance.event_list: "event-list", instance.event_bundle: "event-bundle"}
    document = golden.normalised(
        query(instance, http, *ids).content, url=instance.url, authority=instance.authority, names=names
    )
    golden.compare(situation, document, update=request.config.getoption("--update-golden"))
