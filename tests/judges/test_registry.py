"""The publishing registry: valid against the XML Schemas, offline, and complete."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import astropy.units as u
import pytest
import requests
from astropy.time import Time
from conftest import Instance
from lxml import etree
from mocpy import MOC
from reading import Run
from xsd import Validator

OAI = "{http://www.openarchives.org/OAI/2.0/}"
DOI = "doi:10.5281/zenodo.1421099"
FORMATS = ("ivo_vor", "oai_dc")
RECORDS = {
    "authority": ("ivo://{authority}", "Authority"),
    "registry": ("ivo://{authority}/__system__/services/registry", "Registry"),
    "tap": ("ivo://{authority}/tap", "CatalogService"),
    "obscore": ("ivo://{authority}/__system__/obscore/ObsCore", "CatalogResource"),
    "extension": ("ivo://{authority}/rd/hea/obscore_hea", "CatalogResource"),
    "links": ("ivo://{authority}/rd/links/response", "CatalogResource"),
    "cone": ("ivo://{authority}/hess_dr/q/cone", "CatalogService"),
    "delivery": ("ivo://{authority}/~", "CatalogService"),
}
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
VOSI = {
    f"{service}/{document}": path
    for service, paths in {
        "tap": ("tap/capabilities", "tap/tables", "tap/availability"),
        "cone": tuple(f"hess_dr/q/cone/{name}" for name in ("capabilities", "tableMetadata", "availability")),
    }.items()
    for document, path in zip(("capabilities", "tables", "availability"), paths, strict=True)
}


class Registry:
    """Ask the OAI-PMH endpoint; answers are validated."""

    def __init__(self, url: str, http: requests.Session, validator: Validator) -> None:
        self.url, self.http, self.validator = url, http, validator

    def ask(self, verb: str, *, valid: bool = True, **arguments: str) -> etree._Element:
        answer = self.http.get(self.url, params={"verb": verb, **arguments})
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(("text/xml", "application/xml"))
        if valid:
            assert self.validator.errors(answer.content) == []
        return etree.fromstring(answer.content)

    def records(self) -> etree._Element:
        """Give all records; whether they are valid is asked elsewhere."""
        return self.ask("ListRecords", valid=False, metadataPrefix="ivo_vor")

    def record(self, identifier: str) -> etree._Element:
        root = self.ask("GetRecord", identifier=identifier, metadataPrefix="ivo_vor")
        (found,) = root.iterfind(".//{*}Resource")
        return found


@pytest.fixture(scope="module")
def registry(instance: Instance, http: requests.Session, validator: Validator) -> Registry:
    return Registry(instance.oai, http, validator)


@pytest.fixture(scope="module")
def cone(registry: Registry, instance: Instance) -> etree._Element:
    return registry.record(RECORDS["cone"][0].format(authority=instance.authority))


def identifiers(root: etree._Element) -> list[str]:
    return [element.text for element in root.iter(f"{OAI}identifier")]


def test_the_registry_identifies_itself(registry: Registry, instance: Instance) -> None:
    root = registry.ask("Identify")
    assert root.findtext(f".//{OAI}baseURL") == instance.oai
    assert root.findtext(f".//{OAI}protocolVersion") == "2.0"
    (own,) = root.iterfind(f".//{OAI}description/{{*}}Resource")
    assert own.findtext("identifier") == RECORDS["registry"][0].format(authority=instance.authority)
    assert instance.authority in [element.text for element in own.iter("managedAuthority")]


def test_formats_and_sets(registry: Registry) -> None:
    formats = registry.ask("ListMetadataFormats")
    assert set(FORMATS) <= {element.text for element in formats.iter(f"{OAI}metadataPrefix")}
    sets = registry.ask("ListSets")
    assert "ivo_managed" in {element.text for element in sets.iter(f"{OAI}setSpec")}


@pytest.mark.parametrize("name", FORMATS)
def test_all_records_are_listed(name: str, registry: Registry, instance: Instance) -> None:
    expected = {template.format(authority=instance.authority) for template, _ in RECORDS.values()}
    root = registry.ask("ListRecords", metadataPrefix=name)
    assert root.find(f".//{OAI}resumptionToken") is None
    assert len(root.findall(f".//{OAI}metadata")) == len(root.findall(f".//{OAI}record"))
    found = identifiers(root)
    assert len(found) == len(set(found))
    assert expected <= set(found)
    assert set(found) == set(identifiers(registry.ask("ListIdentifiers", metadataPrefix=name)))
    managed = registry.ask("ListIdentifiers", metadataPrefix=name, set="ivo_managed")
    assert expected <= set(identifiers(managed))


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_there_and_of_its_type(name: str, registry: Registry, instance: Instance) -> None:
    template, kind = RECORDS[name]
    record = registry.record(template.format(authority=instance.authority))
    assert record.findtext("identifier") == template.format(authority=instance.authority)
    assert record.get(XSI_TYPE).rpartition(":")[2] == kind
    assert record.get("status") == "active"
    for path in ("title", "curation/publisher", "content/description", "content/referenceURL"):
        assert record.findtext(path, "").strip(), path


def test_harvesting_by_date(registry: Registry) -> None:
    whole = registry.ask("ListIdentifiers", metadataPrefix="ivo_vor")
    dates = {
        header.findtext(f"{OAI}identifier"): header.findtext(f"{OAI}datestamp")
        for header in whole.iter(f"{OAI}header")
    }
    for date in sorted(set(dates.values())):
        since = registry.ask("ListIdentifiers", metadataPrefix="ivo_vor", **{"from": date})
        assert set(identifiers(since)) == {name for name, stamp in dates.items() if stamp >= date}
        # DaCHS compares with the fraction of a second that datestamps do not show.
        later = (datetime.fromisoformat(date) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        if later in dates.values():
            continue
        until = registry.ask("ListIdentifiers", metadataPrefix="ivo_vor", until=later)
        assert set(identifiers(until)) == {name for name, stamp in dates.items() if stamp <= date}


NOTHING = {
    "future": {"from": "2999-01-01T00:00:00Z"},
    "past": {"until": "1990-01-01T00:00:00Z"},
}


@pytest.mark.parametrize("name", NOTHING)
def test_nothing_to_harvest_is_said(name: str, registry: Registry) -> None:
    root = registry.ask("ListIdentifiers", metadataPrefix="ivo_vor", **NOTHING[name])
    assert [element.get("code") for element in root.iter(f"{OAI}error")] == ["noRecordsMatch"]


def test_an_unknown_record_is_an_error(registry: Registry, instance: Instance) -> None:
    root = registry.ask(
        "GetRecord", metadataPrefix="ivo_vor", identifier=f"ivo://{instance.authority}/nosuch"
    )
    assert [element.get("code") for element in root.iter(f"{OAI}error")] == ["idDoesNotExist"]


# --- the record of the release ---------------------------------------------------------------------


def test_the_release_is_described(cone: etree._Element, instance: Instance, runs: dict[str, Run]) -> None:
    description = cone.findtext("content/description")
    for path in ("curation/creator/name", "rights", "facility", "instrument", "content/subject"):
        assert cone.findtext(path, "").strip(), path
    assert cone.findtext("coverage/waveband") == "Gamma-ray"
    alternatives = [element.text for element in cone.iter("altIdentifier")]
    if instance.simulated:
        assert alternatives == []
        assert "simulated" in cone.findtext("title").lower()
        assert "simulated" in description.lower()
        assert cone.findtext("dataSource") == "artificial"
    else:
        assert alternatives == [DOI]
        assert cone.findtext("facility") == "H.E.S.S."
        assert "H.E.S.S. Collaboration" in [
            element.text for element in cone.iterfind("curation/creator/name")
        ]
        assert f"{len(runs)} observations" in " ".join(description.split())
        assert "simulated" not in etree.tostring(cone, encoding="unicode").lower()


def test_coverage_in_time_and_energy(cone: etree._Element, runs: dict[str, Run]) -> None:
    (temporal,) = cone.iterfind("coverage/temporal")
    start, stop = (float(word) for word in temporal.text.split())
    assert start == pytest.approx(min(run.start for run in runs.values()).mjd, abs=1e-3)
    assert stop == pytest.approx(max(run.stop for run in runs.values()).mjd, abs=1e-3)
    (spectral,) = cone.iterfind("coverage/spectral")
    low, high = (float(word) * u.J for word in spectral.text.split())
    assert low.to_value(u.eV) == pytest.approx(min(run.energies[0] for run in runs.values()), rel=1e-6)
    assert high.to_value(u.eV) == pytest.approx(max(run.energies[1] for run in runs.values()), rel=1e-6)


def test_coverage_on_the_sky(cone: etree._Element, runs: dict[str, Run]) -> None:
    """The fields of view are covered, not only the positions pointed at; and little else."""
    (spatial,) = cone.iterfind("coverage/spatial")
    moc = MOC.from_string(spatial.text)
    for run in runs.values():
        edge = run.pointing.directional_offset_by([0, 90, 180, 270] * u.deg, 0.45 * run.fov)
        assert moc.contains_skycoords(run.pointing), run.obs_id
        assert moc.contains_skycoords(edge).all(), run.obs_id
    # Two cells of order 6 (0.9 deg) on either side may be too much.
    wide = MOC.from_cones(
        lon=[run.pointing.ra.deg for run in runs.values()] * u.deg,
        lat=[run.pointing.dec.deg for run in runs.values()] * u.deg,
        radius=max(run.fov for run in runs.values()) / 2 + 2 * u.deg,
        max_depth=8,
        union_strategy="large_cones",
    )
    assert moc.difference(wide).empty()


def test_the_registered_interfaces_are_the_instances(registry: Registry, instance: Instance) -> None:
    root = registry.records()
    urls = {element.text for element in root.iter("accessURL")}
    assert {instance.tap, instance.cone, instance.oai, instance.datalink} <= urls
    assert [url for url in urls if not url.startswith(instance.url)] == []


def test_times_of_records_make_sense(registry: Registry) -> None:
    root = registry.records()
    wrong = [
        record.findtext("identifier")
        for record in root.iterfind(".//{*}Resource")
        if Time(record.get("created")) > Time(record.get("updated"))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", VOSI)
def test_vosi_documents_are_valid(
    name: str, instance: Instance, http: requests.Session, validator: Validator
) -> None:
    answer = http.get(f"{instance.url}/{VOSI[name]}")
    assert answer.status_code == 200
    assert validator.errors(answer.content) == []
    kind = etree.parse(io.BytesIO(answer.content)).getroot().tag.rpartition("}")[2]
    assert (
        kind
        == {"capabilities": "capabilities", "tables": "tableset", "availability": "availability"}[
            name.partition("/")[2]
        ]
    )
