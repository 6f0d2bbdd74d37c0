"""STILTS' validators: taplint, datalinklint, votlint; and its cone search."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
from conftest import Instance
from reading import Run

# Left out are TMV, CPV, AVV: they fetch XML Schemas from the web (test_registry.py validates the
# same documents with local copies); and LOC: it is for observatories that publish their plans in
# ivoa.obsplan, and fails where there is none.
STAGES = "TME TMS TMC CAP QGE QPO QAS UWS MDQ OBS UPL EXA"
TIME_LIMIT = 170
LINE = re.compile(r"^([EWF])-([A-Z]{3})-([A-Z0-9]{4})-\d+ (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Allowed:
    """A message that is not ours to avoid.

    Parameters
    ----------
    code
        Its severity, stage and name.
    text
        A regular expression that the whole message must match.
    reason
        Why it is there.
    sometimes
        Whether it depends on columns that taplint draws at random.
    """

    code: str
    text: str
    reason: str
    sometimes: bool = False


ALLOWED = (
    Allowed(
        "E-OBS-ILOP",
        r'Illegal values in column dataproduct_type: "aeff", "bkgrate", "edisp", "event-bundle", \.\.\.;'
        r" legal values are: .*",
        "ObsCore 1.1 lists the types of 2017; ours are terms of the IVOA product-type and response-type"
        " vocabularies, which the High-Energy extension prescribes. STILTS knows only the list.",
    ),
    Allowed(
        "W-CAP-CPUL",
        r"AccessURL for ivo://ivoa\.net/std/VOSI#(capabilities|tables) is not at fixed location .*"
        r"/__system__/tap/run/(capabilities|tableMetadata)\" != .*",
        "DaCHS registers the VOSI documents of its TAP service below /__system__/tap/run, although it"
        " answers at /tap, too.",
    ),
    Allowed(
        "W-MDQ-CCAS",
        r"Declared/result column capitalization mismatch in table"
        r" tap_schema\.(columns|groups|key_columns|keys|tables) sourcerd != sourceRD",
        "DaCHS' own column of its TAP_SCHEMA.",
    ),
    Allowed(
        "W-MDQ-DRXT",
        r"Declared/result XType mismatch for column (t_min|t_max) in table ivoa\.obscore \(null != mjd\)",
        "DaCHS' own ObsCore table gives these columns the xtype mjd, which its TAP_SCHEMA leaves out.",
    ),
    Allowed(
        "W-(QGE|QPO|QAS|EXA)-YXDL",
        r'\(l\.\d+, c\.\d+\): Non-DALI 1\.1 xtype value "mjd" \(FIELD \w+\)',
        "The same; it appears where a query of taplint or an example has t_min or t_max.",
        sometimes=True,
    ),
    Allowed(
        "W-UPL-YAR1",
        r'\(l\.\d+, c\.\d+\): arraysize="1" deprecated since VOTable 1\.3 Erratum #3',
        "DaCHS gives back single characters of an uploaded table like that.",
    ),
)


def stilts(instance: Instance, *arguments: str, limit: int = 60) -> str:
    """Run STILTS; give what it says."""
    done = subprocess.run(
        [instance.stilts, *arguments], capture_output=True, text=True, check=False, timeout=limit
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout + done.stderr


def messages(output: str) -> list[tuple[str, str]]:
    return [("-".join(match.groups()[:3]), match[4]) for match in LINE.finditer(output)]


def test_taplint_is_content(instance: Instance) -> None:
    # Without truncation and limits, so that no complaint hides behind another.
    output = stilts(
        instance,
        "taplint",
        f"tapurl={instance.tap}",
        f"stages={STAGES}",
        "report=EWSF",
        "maxrepeat=9999",
        "truncate=4000",
        limit=TIME_LIMIT,
    )
    found = messages(output)
    totals = re.search(r"^Totals: Errors: (\d+); Warnings: (\d+); .*Failures: (\d+)$", output, re.MULTILINE)
    assert totals, output[-2000:]
    assert sum(map(int, totals.groups())) == len(found)

    matched = {
        allowed: [
            message
            for message in found
            if re.fullmatch(allowed.code, message[0]) and re.fullmatch(allowed.text, message[1])
        ]
        for allowed in ALLOWED
    }
    complaints = [message for message in found if not any(message in group for group in matched.values())]
    assert complaints == []
    outdated = [allowed.code for allowed, group in matched.items() if not group and not allowed.sometimes]
    assert outdated == [], "no longer needed: take them off the list"


# --- DataLink, and VOTables in general -------------------------------------------------------------


def datalinks(instance: Instance, runs: list[Run]) -> dict[str, list[str]]:
    return {
        "one": [instance.did(runs[0])],
        "three": [instance.did(run) for run in runs],
        "bare": [runs[0].obs_id],
        "unknown": [f"ivo://{instance.authority}/~?hess_dr/nosuchrun"],
        "malformed": ["ivo:// no identifier"],
    }


SITUATIONS = ("one", "three", "bare", "unknown", "malformed")


@pytest.mark.parametrize("situation", SITUATIONS)
def test_datalinklint_is_content(situation: str, instance: Instance, three: list[Run]) -> None:
    ids = urlencode([("ID", name) for name in datalinks(instance, three)[situation]])
    output = stilts(
        instance, "datalinklint", f"votable={instance.datalink}?{ids}", "version=1.1", "report=EWSF"
    )
    assert "Totals: Errors: 0; Warnings: 0;" in output, output
    assert messages(output) == []


@pytest.fixture
def documents(instance: Instance, http: requests.Session, three: list[Run]) -> dict[str, bytes]:
    header = three[0].header

    def ask(query: str, **more: str) -> bytes:
        return http.get(f"{instance.tap}/sync", params={"LANG": "ADQL", "QUERY": query, **more}).content

    where = {"RA": header["RA_PNT"], "DEC": header["DEC_PNT"], "SR": 1}
    found = {
        "obscore": ask("SELECT TOP 5 * FROM ivoa.obscore"),
        "join": ask("SELECT * FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea"),
        "collection": ask("SELECT * FROM hess_dr.obscore"),
        "tabledata": ask("SELECT * FROM hess_dr.obscore", FORMAT="votable/td"),
        "other collection": ask("SELECT * FROM ctao.obscore"),
        "companions": ask("SELECT * FROM ctao.companions"),
        "healpix": ask("SELECT * FROM ivoa.obscore_healpix"),
        "responses": ask("SELECT * FROM ivoa.response"),
        "links": ask("SELECT * FROM datalink.response"),
        "error": ask("SELECT nosuchcolumn FROM hess_dr.obscore"),
        "cone": http.get(instance.cone, params=where).content,
        "cone, all columns": http.get(instance.cone, params=where | {"VERB": 3}).content,
        "cone, metadata": http.get(instance.cone, params=where | {"MAXREC": 0}).content,
    }
    for situation, ids in datalinks(instance, three).items():
        found[f"datalink, {situation}"] = http.get(instance.datalink, params={"ID": ids}).content
    return found


# What DaCHS alone writes is no fault of ours.
STOCK_VOTABLE = (
    # It lists the formats of a cone search under several media types with the same title.
    ("cone, metadata", r"Name '[\w. ]+' already used in this VALUES"),
    # Its //obscore gives t_min and t_max an xtype that DALI 1.1 does not have.
    ("obscore|join", r'Non-DALI 1\.1 xtype value "mjd" \(FIELD t_m(in|ax)\)'),
)
VOTLINT = re.compile(r"^(?:ERROR|WARNING) \(l\.\d+, c\.\d+\): (.*)$|^((?:ERROR|WARNING).*)$", re.MULTILINE)


def test_votlint_is_content(instance: Instance, documents: dict[str, bytes], tmp_path: Path) -> None:
    found = []
    for name, document in documents.items():
        path = tmp_path / "document.xml"
        path.write_bytes(document)
        output = stilts(instance, "votlint", f"votable={path}", "maxrepeat=9999")
        found += [(name, match[1] or match[2]) for match in VOTLINT.finditer(output)]
    stock = {
        (where, pattern): [
            (name, text) for name, text in found if re.fullmatch(where, name) and re.fullmatch(pattern, text)
        ]
        for where, pattern in STOCK_VOTABLE
    }
    assert [fault for fault in found if not any(fault in group for group in stock.values())] == []
    assert [entry for entry, group in stock.items() if not group] == [], "no longer needed"


def test_stilts_searches_a_cone(
    instance: Instance, runs: dict[str, Run], three: list[Run], tmp_path: Path
) -> None:
    centre = three[1].pointing
    path = tmp_path / "cone.csv"
    output = stilts(
        instance,
        "cone",
        f"serviceurl={instance.cone}",
        f"lon={centre.ra.deg:.8f}",
        f"lat={centre.dec.deg:.8f}",
        "radius=2",
        "servicetype=cone",
        "ofmt=csv",
        f"out={path}",
    )
    assert path.exists(), output
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    column = header.split(",").index("obs_id")
    found = {line.split(",")[column] for line in lines}
    assert found == {run.obs_id for run in runs.values() if run.pointing.separation(centre).deg <= 2}
