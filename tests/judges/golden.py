"""DataLink documents without what differs from release to release and from day to day."""

from __future__ import annotations

import re
from pathlib import Path

from lxml import etree

GOLDEN = Path(__file__).resolve().with_name("golden")
# What a client acts on; the other INFOs are of the release, the site and the day.
KEPT_INFOS = ("QUERY_STATUS", "standardID")
# "Provenance of <telescope> observation <obs_id> of <target>", simulated or not.
PROVENANCE = re.compile(
    r"Provenance of .* observation (\S+)(?: of .*?)?(?: \(simulated\))? \((W3C PROV-JSON|IVOA PROV-VOTable)\)"
)


def normalised(xml: bytes, *, url: str, authority: str, names: dict[str, str]) -> str:
    """Make a DataLink document comparable.

    Parameters
    ----------
    xml
        The document.
    url, authority
        Of the instance; to be replaced.
    names
        What else is replaced, by what: obs_ids, stems of file names, IDs.
    """
    root = etree.fromstring(xml, etree.XMLParser(remove_blank_text=True))
    for info in root.findall(".//{*}INFO"):
        if info.get("name") not in KEPT_INFOS:
            info.getparent().remove(info)
        elif info.get("name") == "standardID":
            info.text = None
    for attribute in list(root.attrib):
        if attribute.endswith("schemaLocation"):
            del root.attrib[attribute]
    columns = [field.get("name") for field in root.iterfind(".//{*}FIELD")]
    for row in root.iterfind(".//{*}TR"):
        cells = dict(zip(columns, row, strict=True))
        _normalise_row(cells)
    for limit in root.xpath("//*[local-name() = 'MIN' or local-name() = 'MAX']"):
        limit.set("value", " ".join("LIMIT" for _ in limit.get("value").split()))
    text = etree.tostring(root, pretty_print=True, encoding="unicode")
    for old, new in {url: "http://INSTANCE", authority: "AUTHORITY", **names}.items():
        text = re.sub(rf"(?<![\w.]){re.escape(old)}(?![^\W_])", new, text)
    return text


def _normalise_row(cells: dict[str, etree._Element]) -> None:
    length, description = cells["content_length"], cells["description"]
    if cells["content_type"].text == "image/png":
        # It is known once somebody has asked for the picture.
        length.text = "LENGTH OR -1"
    elif length.text not in (None, "-1"):
        length.text = "LENGTH"
    if description.text:
        # "<what> of <telescope> observation <obs_id>", simulated or not.
        description.text = PROVENANCE.sub(r"Provenance of OBSERVATION \1 (\2)", description.text)
        description.text = re.sub(
            r"\b(of|for) .* observation (\S+?)( \(simulated\))?(?=$| in one file)",
            r"\1 OBSERVATION \2",
            description.text,
        )


def compare(name: str, text: str, *, update: bool) -> None:
    """Compare with the golden document of that name, or write it."""
    path = GOLDEN / f"{name}.xml"
    if update:
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text
