"""The offline XML Schema validation the judges use."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lxml import etree

from tests.judges import xsd

XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'

RESOURCE_CORE = """
<title>Gamma-ray observations</title>
<identifier>ivo://x.example/obs</identifier>
<curation><publisher>X</publisher><creator><name>X</name></creator><date role="updated">2024-01-01</date>
<contact><name>X</name></contact></curation>
<content><subject>gamma-rays</subject><description>D</description><referenceURL>http://x.example</referenceURL>
</content>"""

TAP_CAPABILITY = """
<capability standardID="ivo://ivoa.net/std/TAP" xsi:type="tr:TableAccess">
<interface role="std" xsi:type="vs:ParamHTTP"><accessURL use="base">http://x.example/tap</accessURL></interface>
<language><name>ADQL</name><version ivo-id="ivo://ivoa.net/std/ADQL#v2.0">2.0</version></language>
<outputFormat><mime>text/xml</mime></outputFormat>
</capability>"""

CONE_CAPABILITY = """
<capability standardID="ivo://ivoa.net/std/ConeSearch" xsi:type="cs:ConeSearch">
<interface role="std" xsi:type="vs:ParamHTTP"><accessURL use="base">http://x.example/scs?</accessURL>
<queryType>GET</queryType><resultType>application/x-votable+xml</resultType></interface>
<maxSR>180</maxSR><maxRecords>100</maxRecords><verbosity>true</verbosity>
<testQuery><ra>10</ra><dec>20</dec><sr>1</sr></testQuery>
</capability>"""

NAMESPACES = (
    f'{XSI} xmlns:vs="http://www.ivoa.net/xml/VODataService/v1.1" '
    'xmlns:tr="http://www.ivoa.net/xml/TAPRegExt/v1.0" xmlns:vg="http://www.ivoa.net/xml/VORegistry/v1.0" '
    'xmlns:cs="http://www.ivoa.net/xml/ConeSearch/v1.0" '
    'xmlns:ri="http://www.ivoa.net/xml/RegistryInterface/v1.0"'
)

TABLES = """<schema><name>s</name><table type="table"><name>s.t</name>
<column><name>c</name><unit>deg</unit><ucd>pos.eq.ra</ucd>
<dataType xsi:type="vs:VOTableType">double</dataType>
<flag>indexed</flag></column></table></schema>"""


def oai(metadata: str, prefix: str) -> str:
    return f"""<?xml version="1.0" encoding="utf-8"?>
<oai:OAI-PMH xmlns:oai="http://www.openarchives.org/OAI/2.0/" {NAMESPACES}>
<oai:responseDate>2024-01-01T00:00:00Z</oai:responseDate>
<oai:request verb="GetRecord" metadataPrefix="{prefix}">http://x.example/oai.xml</oai:request>
<oai:GetRecord><oai:record><oai:header><oai:identifier>ivo://x.example/obs</oai:identifier>
<oai:datestamp>2024-01-01T00:00:00Z</oai:datestamp></oai:header>
<oai:metadata>{metadata}</oai:metadata></oai:record></oai:GetRecord></oai:OAI-PMH>"""


def record(kind: str, inner: str) -> str:
    return (
        f'<ri:Resource created="2024-01-01T00:00:00Z" updated="2024-01-01T00:00:00Z" status="active" '
        f'xsi:type="{kind}">{RESOURCE_CORE}{inner}</ri:Resource>'
    )


OAI_SERVICE = oai(
    record("vs:CatalogService", TAP_CAPABILITY + CONE_CAPABILITY + f"<tableset>{TABLES}</tableset>"),
    "ivo_vor",
)
OAI_REGISTRY = oai(
    record(
        "vg:Registry",
        '<capability standardID="ivo://ivoa.net/std/Registry" xsi:type="vg:Harvest">'
        '<interface role="std" version="1.0" xsi:type="vg:OAIHTTP"><accessURL>http://x.example/oai.xml'
        "</accessURL></interface><maxRecords>0</maxRecords></capability>"
        "<full>false</full><managedAuthority>x.example</managedAuthority>",
    ),
    "ivo_vor",
)
OAI_DC = oai(
    '<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>T</dc:title>'
    "<dc:identifier>ivo://x.example/obs</dc:identifier></oai_dc:dc>",
    "oai_dc",
)
CAPABILITIES = (
    f'<cap:capabilities xmlns:cap="http://www.ivoa.net/xml/VOSICapabilities/v1.0" {NAMESPACES}>'
    f"{TAP_CAPABILITY}{CONE_CAPABILITY}</cap:capabilities>"
)
TABLESET = (
    f'<vtm:tableset xmlns:vtm="http://www.ivoa.net/xml/VOSITables/v1.0" {NAMESPACES}>{TABLES}</vtm:tableset>'
)
AVAILABILITY = (
    '<avl:availability xmlns:avl="http://www.ivoa.net/xml/VOSIAvailability/v1.0">'
    "<avl:available>true</avl:available><avl:upSince>2024-01-01T00:00:00Z</avl:upSince></avl:availability>"
)
VOTABLE = """<VOTABLE version="1.5" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/>
<TIMESYS ID="t" refposition="TOPOCENTER" timescale="TT"/>
<TABLE><FIELD name="a" datatype="double"/><DATA><TABLEDATA><TR><TD>1.5</TD></TR></TABLEDATA></DATA></TABLE>
</RESOURCE></VOTABLE>"""
UWS = """<uws:job xmlns:uws="http://www.ivoa.net/xml/UWS/v1.0" xmlns:xlink="http://www.w3.org/1999/xlink"
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="1.1">
<uws:jobId>a1</uws:jobId><uws:ownerId xsi:nil="true"/><uws:phase>COMPLETED</uws:phase>
<uws:quote xsi:nil="true"/><uws:creationTime>2024-01-01T00:00:00Z</uws:creationTime>
<uws:startTime>2024-01-01T00:00:00Z</uws:startTime>
<uws:endTime>2024-01-01T00:00:01Z</uws:endTime><uws:executionDuration>3600</uws:executionDuration>
<uws:destruction>2024-01-03T00:00:00Z</uws:destruction>
<uws:parameters><uws:parameter id="query">SELECT 1</uws:parameter></uws:parameters>
<uws:results><uws:result id="result" xlink:href="http://x.example/r"/></uws:results></uws:job>"""

VALID = {
    "OAI service": OAI_SERVICE,
    "OAI registry": OAI_REGISTRY,
    "OAI Dublin Core": OAI_DC,
    "capabilities": CAPABILITIES,
    "tables": TABLESET,
    "availability": AVAILABILITY,
    "VOTable": VOTABLE,
    "UWS": UWS,
}


@pytest.fixture(scope="module")
def validator() -> xsd.Validator:
    return xsd.Validator(xsd.DEBIAN_SCHEMATA)


@pytest.mark.parametrize("kind", VALID)
def test_valid(validator: xsd.Validator, kind: str) -> None:
    assert validator.errors(VALID[kind].encode()) == []


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "blamed"),
    [
        ("OAI service", "<maxSR>180</maxSR>", "<maxSR>wide</maxSR>", "maxSR"),
        ("OAI service", 'xsi:type="cs:ConeSearch"', 'xsi:type="cs:Conesearch"', "Conesearch"),
        ("OAI service", "<title>Gamma-ray observations</title>", "", "title"),
        ("OAI service", 'status="active"', 'status="sleepy"', "sleepy"),
        ("OAI service", "2024-01-01T00:00:00Z</oai:datestamp>", "yesterday</oai:datestamp>", "datestamp"),
        ("OAI registry", "<full>false</full>", "", "full"),
        ("OAI registry", 'xsi:type="vg:Registry"', 'xsi:type="vs:CatalogService"', "full"),
        ("OAI Dublin Core", "dc:title", "dc:titel", "titel"),
        ("capabilities", "<outputFormat><mime>text/xml</mime></outputFormat>", "", "outputFormat"),
        ("tables", '<table type="table"><name>s.t</name>', '<table type="table">', "name"),
        ("tables", '"vs:VOTableType">double', '"vs:VOTableType">doubel', "doubel"),
        ("availability", "true", "perhaps", "available"),
        ("VOTable", '"double"', '"doubel"', "doubel"),
        ("VOTable", ' timescale="TT"', "", "timescale"),
        ("UWS", "COMPLETED", "DONE", "DONE"),
        ("UWS", "xlink:href", "xlink:hraf", "hraf"),
    ],
)
def test_invalid(validator: xsd.Validator, kind: str, right: str, wrong: str, blamed: str) -> None:
    assert right in VALID[kind]
    errors = validator.errors(VALID[kind].replace(right, wrong).encode())
    assert errors
    assert blamed in " ".join(errors)
    assert all(error.startswith("line ") for error in errors)


def test_line_of_the_fault(validator: xsd.Validator) -> None:
    (error, *_) = validator.errors(VOTABLE.replace(' timescale="TT"', "").encode())
    assert error.startswith("line 3: ")


def test_errors_do_not_stay(validator: xsd.Validator) -> None:
    assert validator.errors(AVAILABILITY.replace("true", "perhaps").encode())
    assert validator.errors(AVAILABILITY.encode()) == []


@pytest.mark.parametrize("xml", [b"", b"<a>", b"no markup", b"<a>&nbsp;</a>"])
def test_not_xml(validator: xsd.Validator, xml: bytes) -> None:
    (error,) = validator.errors(xml)
    assert "not well-formed" in error


def test_unknown_root(validator: xsd.Validator) -> None:
    assert validator.errors(b"<html/>")


def test_hints_of_the_document_are_not_followed(validator: xsd.Validator, tmp_path: Path) -> None:
    # The hint offers a schema under which the document were valid.
    hint = tmp_path / "lax.xsd"
    hint.write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:lax">'
        '<xs:element name="a"/></xs:schema>'
    )
    xml = f'<a xmlns="urn:lax" {XSI} xsi:schemaLocation="urn:lax {hint.as_uri()}"/>'
    assert validator.errors(xml.encode())


def test_external_entities_are_not_read(validator: xsd.Validator, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("true")
    xml = f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>' + AVAILABILITY.replace("true", "&e;", 1)
    assert validator.errors(xml.encode()) == ["line 1: unexpected entity &e;"]


class TestCatalog:
    def test_namespaces(self, validator: xsd.Validator) -> None:
        assert "http://www.ivoa.net/xml/TAPRegExt/v1.0" in validator.namespaces
        assert "http://www.ivoa.net/xml/VOTable/v1.3" in validator.namespaces

    def test_current_version_wins(self) -> None:
        assert xsd.catalog(xsd.DEBIAN_SCHEMATA)["http://www.ivoa.net/xml/SSA/v1.1"].name == "SSA.xsd"

    def test_schema_with_unknown_import_is_left_out(self, tmp_path: Path) -> None:
        head = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace='
        (tmp_path / "a.xsd").write_text(f'{head}"urn:a"><xs:import namespace="urn:b"/></xs:schema>')
        (tmp_path / "b.xsd").write_text(f'{head}"urn:b"><xs:import namespace="urn:nowhere"/></xs:schema>')
        (tmp_path / "c.xsd").write_text(f'{head}"urn:c"/>')
        assert set(xsd.catalog(tmp_path)) == {"urn:c"}

    def test_every_import_is_answered_locally(self, tmp_path: Path) -> None:
        # Elsewhere and under other addresses it works all the same.
        shutil.copytree(xsd.DEBIAN_SCHEMATA, tmp_path / "s")
        for path in (tmp_path / "s").glob("*.xsd"):
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace('schemaLocation="http', 'schemaLocation="gone'), encoding="utf-8")
        assert xsd.Validator(tmp_path / "s").errors(OAI_SERVICE.encode()) == []

    def test_include_of_an_unknown_address_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.xsd").write_text(
            '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:a">'
            '<xs:include schemaLocation="http://x.example/b.xsd"/></xs:schema>'
        )
        with pytest.raises(etree.XMLSchemaParseError, match=r"http://x\.example/b\.xsd"):
            xsd.Validator(tmp_path)

    def test_empty_directory(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="no XSD files"):
            xsd.Validator(tmp_path)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_text(AVAILABILITY)
    bad.write_text(AVAILABILITY.replace("true", "perhaps"))
    assert xsd.main([str(good)]) == 0
    assert xsd.main([str(good), str(bad)]) == 1
    assert f"{bad}: line 1:" in capsys.readouterr().out
