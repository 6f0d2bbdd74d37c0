"""Metadata of columns: the same in VOTables, TAP_SCHEMA and VOSI tables; time scales."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import pyvo
import requests
from conftest import Instance
from lxml import etree
from reading import Run

TABLES = (
    "ivoa.obscore",
    "ivoa.obscore_hea",
    "hess_dr.obscore",
    "ctao.obscore",
    "hess_dr.companions",
    "ivoa.obscore_healpix",
    "ivoa.response",
    "ivoa.response_aeff",
    "ivoa.response_edisp",
    "ivoa.response_psf",
    "ivoa.response_bkgrate",
    "datalink.response",
)
EXTENSION = Path(__file__).resolve().parents[2] / "rd" / "columns.csv"
PROPERTIES = ("unit", "ucd", "utype", "description")
TYPES = {
    "bigint": "long",
    "integer": "int",
    "double precision": "double",
    "text": "char",
    "timestamp": "char",
    "spoly": "double",
}

Columns = dict[str, dict[str, str]]


def clean(text: str | None) -> str:
    return " ".join((text or "").split())


def votable(http: requests.Session, instance: Instance, query: str) -> etree._Element:
    answer = http.get(f"{instance.tap}/sync", params={"LANG": "ADQL", "QUERY": query, "FORMAT": "votable/td"})
    assert answer.status_code == 200
    return etree.fromstring(answer.content)


def of_votable(http: requests.Session, instance: Instance, table: str) -> Columns:
    root = votable(http, instance, f"SELECT TOP 1 * FROM {table}")
    return {
        field.get("name").lower(): {
            **{name: clean(field.get(name)) for name in ("unit", "ucd", "utype", "datatype")},
            "description": clean(field.findtext("{*}DESCRIPTION")),
        }
        for field in root.iterfind(".//{*}FIELD")
    }


def of_tap_schema(tap: pyvo.dal.TAPService, table: str) -> Columns:
    names = ", ".join(f'"{name}"' for name in ("column_name", "datatype", *PROPERTIES))
    rows = tap.run_sync(f"SELECT {names} FROM TAP_SCHEMA.columns WHERE table_name = '{table}'")
    return {
        row["column_name"].lower(): {name: clean(row[name]) for name in ("datatype", *PROPERTIES)}
        for row in rows
    }


def of_vosi(http: requests.Session, instance: Instance, table: str) -> Columns:
    root = etree.fromstring(http.get(f"{instance.tap}/tables").content)
    (found,) = [element for element in root.iter("table") if element.findtext("name") == table]
    return {
        column.findtext("name").lower(): {
            "datatype": column.findtext("dataType"),
            **{name: clean(column.findtext(name)) for name in PROPERTIES},
        }
        for column in found.iter("column")
    }


@pytest.mark.parametrize("table", TABLES)
def test_columns_are_described_alike_everywhere(
    table: str, instance: Instance, http: requests.Session, tap: pyvo.dal.TAPService
) -> None:
    in_votable = of_votable(http, instance, table)
    assert in_votable
    assert of_tap_schema(tap, table) == in_votable
    assert of_vosi(http, instance, table) == in_votable


@pytest.mark.parametrize("table", TABLES)
def test_every_column_has_a_description(table: str, http: requests.Session, instance: Instance) -> None:
    for name, column in of_votable(http, instance, table).items():
        assert column["description"], name


def specified(group: str) -> Columns:
    with EXTENSION.open(encoding="utf-8", newline="") as stream:
        return {
            row["name"]: {name: clean(row[name]) for name in PROPERTIES} | {"datatype": TYPES[row["type"]]}
            for row in csv.DictReader(stream)
            if row["group"] == group
        }


@pytest.mark.parametrize(
    ("table", "group"),
    [
        ("ivoa.obscore_hea", "hea"),
        ("hess_dr.obscore", "hea"),
        ("ivoa.obscore", "obscore"),
        ("hess_dr.obscore", "obscore"),
        ("ctao.companions", "hea"),
        ("ivoa.obscore_healpix", "hea"),
        ("hess_dr.obscore", "context"),
        ("ctao.obscore", "context"),
        ("ivoa.response", "response"),
        ("ivoa.response_psf", "response"),
    ],
)
def test_columns_are_as_specified(table: str, group: str, http: requests.Session, instance: Instance) -> None:
    found, expected = of_votable(http, instance, table), specified(group)
    assert expected
    assert {name: found.get(name) for name in expected} == expected


def test_a_natural_join_joins_on_the_identifier_alone(http: requests.Session, instance: Instance) -> None:
    core, extension, cells = (
        of_votable(http, instance, f"ivoa.{table}") for table in ("obscore", "obscore_hea", "obscore_healpix")
    )
    assert core.keys() & extension.keys() == {"obs_publisher_did"}
    assert extension.keys() == {"obs_publisher_did", *specified("hea")}
    assert cells.keys() == extension.keys() | {"healpix"}
    own = {*specified("context"), *core, *extension}
    assert of_votable(http, instance, "hess_dr.obscore").keys() == own
    assert of_votable(http, instance, "ivoa.response").keys() == specified("response").keys()


@pytest.mark.parametrize("table", TABLES)
def test_declared_ranges_hold(table: str, http: requests.Session, instance: Instance) -> None:
    """MIN and MAX of a column in the VOTable are no invention: all values lie between."""
    root = votable(http, instance, f"SELECT * FROM {table}")
    rows = [[cell.text for cell in row] for row in root.iterfind(".//{*}TR")]
    wrong = []
    for number, field in enumerate(root.iterfind(".//{*}FIELD")):
        limits = [field.find(f"{{*}}VALUES/{{*}}{name}") for name in ("MIN", "MAX")]
        if None in limits:
            continue
        if field.get("datatype") == "char":  # dates: ISO 8601 sorts as text
            texts = [row[number] for row in rows if row[number]]
            ends = [limit.get("value") for limit in limits]
            if not all(ends[0] <= text <= ends[1] for text in texts):
                wrong.append((field.get("name"), *ends))
            continue
        low, high = (float(limit.get("value")) for limit in limits)
        nothing = (None, "NaN", field.find("{*}VALUES").get("null"))
        values = [float(row[number]) for row in rows if row[number] not in nothing]
        # Statistics of single precision columns are printed in fewer digits.
        if not all(low - 1e-6 * abs(low) <= value <= high + 1e-6 * abs(high) for value in values):
            wrong.append((field.get("name"), low, high))
    assert rows
    assert wrong == []


QUERIES = {
    "obscore": "SELECT t_min, t_max FROM ivoa.obscore",
    "collection": "SELECT t_min, t_max FROM hess_dr.obscore",
    "all": "SELECT * FROM hess_dr.obscore",
    "join": "SELECT * FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea",
}


def assert_terrestrial(root: etree._Element) -> None:
    systems = {system.get("ID"): system for system in root.iterfind(".//{*}TIMESYS")}
    for name in ("t_min", "t_max"):
        (field,) = root.findall(f".//{{*}}FIELD[@name='{name}']")
        system = systems[field.get("ref")]
        assert system.get("timescale") == "TT"
        assert system.get("timeorigin") in ("MJD-origin", "2400000.5")
        assert system.get("refposition") == "TOPOCENTER"
        assert field.get("unit") == "d"


@pytest.mark.parametrize("name", QUERIES)
def test_times_in_tap_results_are_declared_terrestrial(
    name: str, http: requests.Session, instance: Instance
) -> None:
    assert_terrestrial(votable(http, instance, QUERIES[name]))


@pytest.mark.parametrize("verbosity", [1, 2, 3])
def test_times_in_cone_search_results_are_declared_terrestrial(
    verbosity: int, http: requests.Session, instance: Instance, three: list[Run]
) -> None:
    header = three[0].header
    where = {"RA": header["RA_PNT"], "DEC": header["DEC_PNT"], "SR": 1, "VERB": verbosity}
    answer = http.get(instance.cone, params=where)
    assert answer.status_code == 200
    assert_terrestrial(etree.fromstring(answer.content))
