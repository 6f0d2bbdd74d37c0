"""Responses and bundles as data sets: their links, their bytes, embargoes, and provenance documents."""

from __future__ import annotations

import io
import subprocess
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvo
import requests
from astropy.io import fits
from astropy.units import UnitsWarning
from conftest import Instance
from gammapy.data import GTI, EventList, Observation
from gammapy.irf import (
    PSF3D,
    Background3D,
    EffectiveAreaTable2D,
    EnergyDependentMultiGaussPSF,
    EnergyDispersion2D,
)
from holdings import Bundle, DataSet, Holdings
from lxml import etree
from prov.model import ProvActivity, ProvDerivation, ProvDocument, ProvEntity

UNIT_OF_1DC = "'1/s/MeV/sr' did not parse as fits unit"
"""What astropy says of the data challenge's backgrounds; Gammapy knows what they mean."""

GADF = "application/x-fits-gadf"
VOTABLE = "application/x-votable+xml"
DOCUMENTS = {"application/json", VOTABLE}
READERS = {
    "aeff": (EffectiveAreaTable2D,),
    "edisp": (EnergyDispersion2D,),
    "psf": (PSF3D, EnergyDependentMultiGaussPSF),
    "bkgrate": (Background3D,),
}

Link = dict[str, Any]


def links(instance: Instance, http: requests.Session, collection: str, *ids: str) -> list[Link]:
    """Ask a DataLink service; empty cells are None."""
    answer = http.post(instance.links_of(collection), data=[("ID", identifier) for identifier in ids])
    assert answer.status_code == 200
    root = etree.fromstring(answer.content)
    columns = list(root.iterfind(".//{*}FIELD"))
    nulls = [{values.get("null") for values in column.iterfind("{*}VALUES")} | {""} for column in columns]
    found = []
    for row in root.iterfind(".//{*}TR"):
        cells = [cell.text or "" for cell in row]
        found.append(
            {
                column.get("name").lower(): None if cell in null else cell
                for column, cell, null in zip(columns, cells, nulls, strict=True)
            }
        )
    return found


def with_semantics(found: list[Link], name: str) -> list[Link]:
    return [link for link in found if link["semantics"] == name]


def public(data_set: DataSet, ctao: Holdings) -> bool:
    """Say whether today anybody may fetch it: responses that runs share are never withheld."""
    return all(e.released for e in ctao.of(data_set.obs_id))


@pytest.fixture(scope="module")
def sample(hess: Holdings, ctao: Holdings) -> list[DataSet]:
    """Some companions of each kind from each release, among them composed bundles and shared responses."""
    found: list[DataSet] = [*hess.bundles[:1], *hess.responses[:4], *hess.responses[-4:]]
    found += [r for r in ctao.responses if public(r, ctao)][:12]
    found += [r for r in ctao.responses if r.obs_collection.startswith("CTA-1DC")]
    found += [b for b in ctao.bundles if public(b, ctao)][:8]
    return found


# --- bytes -----------------------------------------------------------------------------------------


def assert_same(content: bytes, data_set: DataSet) -> None:
    """Compare a file with the HDUs that it should consist of."""
    with fits.open(io.BytesIO(content)) as served:
        served.verify("exception")
        assert [hdu.name for hdu in served[1:]] == [part.name for part in data_set.parts]
        for hdu, part in zip(served[1:], data_set.parts, strict=True):
            original = part.open()
            assert hdu.columns.names == original.columns.names
            for name in hdu.columns.names:
                assert np.array_equal(hdu.data[name], original.data[name], equal_nan=True), (part, name)


def test_companions_deliver_what_they_promise(
    sample: list[DataSet],
    instance: Instance,
    http: requests.Session,
    tap: pyvo.dal.TAPService,
    tmp_path: Path,
) -> None:
    path = tmp_path / "file.fits"
    for data_set in sample:
        did = data_set.did(instance.authority)
        (this,) = with_semantics(links(instance, http, data_set.collection, did), "#this")
        assert (this["content_type"], this["content_qualifier"]) == (GADF, instance.type_of(data_set))
        answer = http.get(this["access_url"])
        assert answer.status_code == 200, this
        assert len(answer.content) == int(this["content_length"])
        content = answer.content
        if content.startswith(b"\x1f\x8b"):
            assert content == data_set.parts[0].path.read_bytes()
        else:
            assert_same(content, data_set)
        path.write_bytes(content)
        assert_gammapy_reads(path, data_set)
        table = tap.run_sync(
            "SELECT access_url, content_length FROM datalink.response"
            f" WHERE id = '{did}' AND semantics = '#this'"
        )
        assert [tuple(map(str, row.values())) for row in table] == [
            (this["access_url"], this["content_length"])
        ]


def assert_gammapy_reads(path: Path, data_set: DataSet) -> None:
    if isinstance(data_set, Bundle):
        events = data_set.lists[0]
        for one in data_set.lists:
            assert len(EventList.read(path, hdu=one.parts[0].name).table) == one.events
            good = GTI.read(path, hdu=one.parts[1].name).time_sum
            assert good.to_value("s") == pytest.approx((one.gti[1] - one.gti[0]).sec.sum())
        if len(data_set.lists) == 1 and events.parts[0].name == "EVENTS":
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", UNIT_OF_1DC, UnitsWarning)
                observation = Observation.read(path)
                assert len(observation.events.table) == events.events
                assert set(observation.available_irfs) == {"aeff", "edisp", "psf", "bkg"}
                assert observation.aeff.data.max() > 0
                assert observation.bkg.data.max() > 0
        return
    name = data_set.parts[0].name
    with fits.open(path) as hdus:
        form = hdus[name].header["HDUCLAS4"]
    reader = READERS[data_set.kind][-1 if "3GAUSS" in form else 0]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", UNIT_OF_1DC, UnitsWarning)
        found, original = (reader.read(where, hdu=name) for where in (path, data_set.parts[0].path))
    if isinstance(found, EnergyDependentMultiGaussPSF):
        for parameter in found.required_parameters:
            values = found.data[parameter]
            assert np.array_equal(values, original.data[parameter], equal_nan=True)
        assert np.nanmax(found.data["sigma_1"]) > 0
    else:
        assert found.unit == original.unit
        assert (found.data == original.data).all()
        assert found.data.max() > 0


def test_bundles_of_one_type_load_as_observations(ctao: Holdings) -> None:
    """The sample above has such bundles of both releases."""
    chosen = [b for b in ctao.bundles if public(b, ctao)][:8]
    assert {len(bundle.lists) for bundle in chosen} == {1, 2}


def test_all_accessible_companions_have_their_length(
    tap: pyvo.dal.TAPService, http: requests.Session, ctao: Holdings, instance: Instance
) -> None:
    rows = tap.run_sync(
        "SELECT id, access_url, content_length, content_type FROM datalink.response"
        f" WHERE semantics = '#this' AND id LIKE 'ivo://{instance.authority}/~?ctao/%'"
    )
    assert len(rows) == len(ctao.all)
    withheld = {d.did(instance.authority) for d in ctao.all if not public(d, ctao)}
    wrong = []
    for row in rows:
        answer = http.head(row["access_url"])
        expected = 401 if row["id"] in withheld else 200
        length = answer.headers.get("Content-Length")
        if answer.status_code != expected or (expected == 200 and length != str(row["content_length"])):
            wrong.append((row["id"], answer.status_code, length, row["content_length"]))
    assert wrong == []


# --- embargo ---------------------------------------------------------------------------------------


def test_what_is_not_public_yet_is_described_but_closed(
    ctao: Holdings, instance: Instance, http: requests.Session, tap: pyvo.dal.TAPService
) -> None:
    withheld = [e for e in ctao.lists if not e.released]
    assert withheld
    for events in withheld:
        did = events.did(instance.authority)
        found = links(instance, http, "ctao", did)
        # Provenance is public, as the rows of the tables are; and so are responses that runs share.
        faults = [link for link in found if link["error_message"]]
        assert [link["semantics"] for link in faults] == ["#this"]
        assert faults[0]["error_message"].startswith("AuthenticationFault: ")
        assert (faults[0]["id"], faults[0]["access_url"]) == (did, None)
        open_links = {link["access_url"] for link in found if not link["error_message"]}
        assert {link["semantics"] for link in found if not link["error_message"]} <= {
            "#calibration", "#documentation",
        }  # fmt: skip
        rows = tap.run_sync(f"SELECT access_url FROM datalink.response WHERE id = '{did}'")
        closed = {str(row["access_url"]) for row in rows} - open_links
        assert len(closed) > 5
        for url in closed:
            for headers in ({}, {"Range": "bytes=0-2879"}):
                answer = http.get(url, headers=headers)
                assert answer.status_code == 401, url
                assert len(answer.content) < 1000
            assert http.head(url).status_code == 401
        for url in open_links:
            assert http.get(url).status_code == 200


# --- DataLink of companions, and bare obs_ids ------------------------------------------------------


def test_a_companion_has_links_of_its_own(
    sample: list[DataSet], instance: Instance, http: requests.Session
) -> None:
    for data_set in sample:
        did = data_set.did(instance.authority)
        found = links(instance, http, data_set.collection, did)
        assert {link["id"] for link in found} == {did}
        more = {"#preview-plot": 1, "#thumbnail": 1}
        if isinstance(data_set, Bundle):
            more = {"#cutout": 2 * len(data_set.lists)}
        assert Counter(link["semantics"] for link in found) == {"#this": 1, "#documentation": 2} | more
        documents = with_semantics(found, "#documentation")
        assert {link["content_type"] for link in documents} == DOCUMENTS
        assert {link["content_qualifier"] for link in documents} == {None}


PICTURES: Counter[tuple[str, str | None]] = Counter(
    {("#preview-image", "preview"): 1, ("#preview-plot", "preview"): 2, ("#thumbnail", "preview"): 1}
)
"""Pictures of an event list: semantics and content_qualifier."""


def expected_of_list(events: Any, instance: Instance) -> Counter[tuple[str, str | None]]:
    """Give semantics and content_qualifier of the links of an event list that anybody may have."""
    shared = events.obs_id
    open_responses = [r for r in events.responses.values() if events.released or r.obs_id != shared]
    expected: Counter[tuple[str, str | None]] = Counter(("#calibration", r.kind) for r in open_responses)
    expected["#documentation", None] = 2
    if not events.released:
        # The fault row.
        return expected + Counter({("#this", None): 1})
    own = {("#this", instance.event_list): 1, ("#package", instance.event_bundle): 1, ("#package", None): 1}
    return expected + Counter(own) + Counter({("#cutout", None): 2}) + PICTURES


def test_event_lists_of_the_second_collection(
    ctao: Holdings, instance: Instance, http: requests.Session
) -> None:
    found = links(instance, http, "ctao", *(e.did(instance.authority) for e in ctao.lists))
    expected: Counter[tuple[str, str, str | None]] = Counter()
    for events in ctao.lists:
        did = events.did(instance.authority)
        expected += Counter({(did, *key): n for key, n in expected_of_list(events, instance).items()})
    # The first one leads to an archive of all that were asked for together, too.
    expected[ctao.lists[0].did(instance.authority), "#package", None] += 1
    assert Counter((link["id"], link["semantics"], link["content_qualifier"]) for link in found) == expected


def test_a_bare_obs_id_stands_for_all_event_lists(
    ctao: Holdings, instance: Instance, http: requests.Session
) -> None:
    lists = ctao.of("930007")
    assert len(lists) == 2
    # What they have in common is there once: the bundle, provenance, responses.
    expected: Counter[tuple[str, str | None]] = Counter(
        {
            ("#this", instance.event_list): 2,
            ("#package", instance.event_bundle): 1,
            # An archive and a pair of services for each event list.
            ("#package", None): 2,
            ("#cutout", None): 4,
            ("#documentation", None): 2,
        }
    )
    expected += PICTURES + PICTURES
    for response in {r.local: r for e in lists for r in e.responses.values()}.values():
        expected["#calibration", response.kind] += 1
    found = links(instance, http, "ctao", "930007")
    assert {link["id"] for link in found} == {"930007"}
    assert Counter((link["semantics"], link["content_qualifier"]) for link in found) == expected
    followed = [link["access_url"] for link in found if not link["service_def"]]
    assert len(set(followed)) == len(followed)


def test_a_bare_obs_id_of_a_shared_file_stands_for_its_responses(
    ctao: Holdings, instance: Instance, http: requests.Session
) -> None:
    shared = next(r for r in ctao.responses if not ctao.of(r.obs_id))
    found = links(instance, http, "ctao", shared.obs_id)
    siblings = [r for r in ctao.responses if r.obs_id == shared.obs_id]
    assert Counter(link["content_qualifier"] for link in with_semantics(found, "#this")) == Counter(
        r.kind for r in siblings
    )


def test_pyvo_follows_rows_of_companions(
    tap: pyvo.dal.TAPService, ctao: Holdings, instance: Instance
) -> None:
    rows = tap.run_sync(
        "SELECT * FROM ivoa.obscore WHERE dataproduct_type IN ('psf', 'aeff') AND facility_name = 'CTAO-N'"
    )
    assert len(rows)
    for row, followed in zip(rows, rows.iter_datalinks(preserve_order=True), strict=True):
        this = [link for link in followed if link.semantics == "#this"]
        assert [link["ID"] for link in this] == [row["obs_publisher_did"]]


# --- provenance ------------------------------------------------------------------------------------


def documents_of(
    data_set: DataSet, instance: Instance, http: requests.Session
) -> dict[str, requests.Response]:
    found = links(instance, http, data_set.collection, data_set.did(instance.authority))
    return {
        link["content_type"]: http.get(link["access_url"]) for link in with_semantics(found, "#documentation")
    }


@pytest.fixture(scope="module")
def provenance(hess: Holdings, ctao: Holdings) -> list[DataSet]:
    shared = [r for r in ctao.responses if not ctao.of(r.obs_id)]
    released = [e for e in ctao.lists if e.released]
    return [
        hess.lists[0],
        hess.responses[-1],
        released[0],
        ctao.of("930007")[0],
        ctao.lists[-1],
        shared[0],
        shared[-1],
    ]


def test_provenance_is_read_by_the_prov_library(
    provenance: list[DataSet], instance: Instance, http: requests.Session
) -> None:
    for data_set in provenance:
        answer = documents_of(data_set, instance, http)["application/json"]
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].split(";")[0] == "application/json"
        document = ProvDocument.deserialize(content=answer.text, format="json")
        entities = {str(record.identifier.uri) for record in document.get_records(ProvEntity)}
        assert data_set.did(instance.authority) in entities
        assert document.get_records(ProvActivity)
        derived = {
            str(dict(record.formal_attributes)[name].uri)
            for record in document.get_records(ProvDerivation)
            for name in map(lambda pair: pair[0], record.formal_attributes)
            if name.localpart == "generatedEntity"
        }
        assert data_set.did(instance.authority) in derived
        names = " ".join(str(record) for record in document.get_records(ProvEntity))
        assert data_set.parts[0].path.name in names
        assert ("imulated" in answer.text) == (instance.simulated or data_set.collection == "ctao")


def test_votlint_is_content_with_provenance(
    provenance: list[DataSet], instance: Instance, http: requests.Session, tmp_path: Path
) -> None:
    for number, data_set in enumerate(provenance):
        answer = documents_of(data_set, instance, http)[VOTABLE]
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].split(";")[0] == VOTABLE
        path = tmp_path / f"{number}.xml"
        path.write_bytes(answer.content)
        done = subprocess.run(
            [instance.stilts, "votlint", f"votable={path}", "maxrepeat=9999"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        said = done.stdout + done.stderr
        assert "ERROR" not in said, said
        assert data_set.did(instance.authority).encode() in answer.content
