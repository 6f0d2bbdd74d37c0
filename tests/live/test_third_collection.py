"""A collection more: it comes with one short RD, feeds all tables of the site, and goes without a trace."""

from __future__ import annotations

import csv
import urllib.parse
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from astropy import units as u
from astropy.coordinates import Latitude, Longitude
from astropy.io import fits
from mocpy import MOC

from ingest.errors import InstanceError
from tests.live.conftest import Instance
from tests.live.visitors import RUNS, Visitor, visiting

THIRD, OWN = "third_dr", "own_columns"
KINDS = ("aeff", "edisp", "psf", "bkgrate")
DATASETS = RUNS * (1 + len(KINDS) + 1)
"""Of each run the event list, its responses, and the bundle."""

MAX_LINES = 60
VOTABLE = "{http://www.ivoa.net/xml/VOTable/v1.3}"

RESOURCE = f"""\
<resource schema="{THIRD}" resdir="{THIRD}">
	<FEED source="rd/collection#metadata" collection="{THIRD}"/>
	<FEED source="rd/tables#tables" collection="{THIRD}"/>
	<FEED source="rd/collection#coverage"/>
	<FEED source="rd/collection#import" collection="{THIRD}"/>
	<FEED source="rd/collection#services" collection="{THIRD}"/>
</resource>
"""

RELEASE = """\
obs_collection = "SIMULATED-THIRD"
simulated = true
creator_name = "cherenkov-vo simulator"
calib_status = "calibrated"

[registry]
title = "A third, simulated collection"
short_name = "Sim. third"
description = "Simulated runs; no telescope took them."
creators = ["cherenkov-vo simulator"]
subjects = ["gamma-ray-astronomy"]
creation_date = 2026-11-23
reference_url = "https://gamma-astro-data-formats.readthedocs.io/"
rights = "Simulated data; use them as you like."
attribution = "Please call these data simulated."
facility = "Simulated Cherenkov telescope array"
instrument = "Simulated IACT array"
"""

DID = "ivo://somebody.example/~?runs/"
OWN_RESOURCE = f"""\
<resource schema="{OWN}" resdir="{OWN}">
	<meta name="title">Runs with columns of their own</meta>
	<meta name="description">A table that was there before anybody thought of ObsCore.</meta>
	<meta name="creationDate">2026-11-23T12:00:00Z</meta>
	<meta name="subject">gamma-ray-astronomy</meta>

	<table id="runs" onDisk="True" adql="True" primary="run">
		<meta name="description">Runs of an array.</meta>
		<mixin
			dataproduct_type="'event-list'"
			obs_collection="'OWN'"
			obs_id="run"
			obs_publisher_did="'{DID}' || run"
			access_url="'http://somebody.example/' || run || '.fits'"
			access_format="'application/fits'"
			access_estsize="120"
			s_ra="lon"
			s_dec="lat"
			t_min="begun"
			t_max="begun + minutes / 1440"
			preview="NULL"
			>//obscore#publish</mixin>
		<mixin
			obs_publisher_did="'{DID}' || run"
			s_ra="lon"
			s_dec="lat"
			ev_xel="gammas + hadrons"
			energy_min="threshold_tev * 1e12"
			obs_mode="UPPER(how)"
			scan_mode="CASE WHEN how = 'wobble' THEN 'on-the-fly-cross-map' END"
			>rd/hea#publish</mixin>
		<column name="run" type="text" required="True" description="Name of the run"/>
		<column name="lon" type="double precision" unit="deg" description="Right ascension"/>
		<column name="lat" type="double precision" unit="deg" description="Declination"/>
		<column name="begun" type="double precision" unit="d" description="Start, as MJD"/>
		<column name="minutes" type="double precision" unit="min" description="Duration"/>
		<column name="gammas" type="bigint" required="True" description="Gamma-like events"/>
		<column name="hadrons" type="bigint" required="True" description="Other events"/>
		<column name="threshold_tev" type="double precision" unit="TeV" description="Energy threshold"/>
		<column name="how" type="text" description="Mode"/>
	</table>

	<data id="import">
		<sources items="these"/>
		<embeddedGrammar><iterator><code>
			for values in [
					("crab-1", 83.6333, 22.0145, 60000.25, 36., 40, 2, 0.25, "wobble"),
					("nowhere", None, None, 60001.0, 72., 0, 0, None, "drift")]:
				yield dict(zip("run lon lat begun minutes gammas hadrons threshold_tev how".split(), values))
		</code></iterator></embeddedGrammar>
		<make table="runs"/>
	</data>
</resource>
"""


@pytest.fixture
def third(instance: Instance) -> Iterator[Visitor]:
    with visiting(instance, THIRD) as visitor:
        yield visitor


@pytest.fixture
def own(instance: Instance) -> Iterator[Visitor]:
    with visiting(instance, OWN) as visitor:
        yield visitor


def cell(ra: float, dec: float) -> int:
    """Give the HEALPix cell of order 10 (NESTED) of a position in degrees."""
    found = MOC.from_lonlat(Longitude([ra] * u.deg), Latitude([dec] * u.deg), max_norder=10)
    (only,) = found.flatten()
    return int(only)


def rows(instance: Instance, query: str) -> list[dict[str, str]]:
    """Give the rows of a TAP query by column."""
    answer = instance.tap(query)
    assert answer.status == 200, answer.text
    return list(csv.DictReader(answer.text.splitlines()))


def count(instance: Instance, what: str) -> int:
    return int(rows(instance, f"SELECT COUNT(*) AS n FROM {what}")[0]["n"])


def assert_others_are_untouched(before: dict[str, list[str]], during: dict[str, list[str]]) -> None:
    """Nothing of what the other collections publish is gone or changed while there is one more."""
    for table, lines in before.items():
        if table.startswith(("ivoa.", "datalink.")):
            assert not set(lines) - set(during[table]), table


def assert_gone(visitor: Visitor, before: dict[str, list[str]]) -> None:
    after = visitor.census()
    assert after.keys() == before.keys()
    for name, lines in after.items():
        assert lines == before[name], name
        assert not [line for line in lines if visitor.name in line], name


def test_a_collection_comes_with_one_short_rd_and_goes_without_a_trace(
    instance: Instance, third: Visitor
) -> None:
    assert len((RESOURCE + RELEASE).splitlines()) < MAX_LINES
    before = third.census()
    assert before["ivoa.obscore"]
    third.come(RESOURCE, RELEASE)
    during = third.census()
    assert_others_are_untouched(before, during)
    assert f"{THIRD}.obscore" in "".join(during["tap_schema.tables"])

    assert_its_tables_are_those_of_the_files(instance, third.release)
    assert_it_feeds_the_shared_tables(instance)
    assert_its_services_work(instance, third.release)

    third.drop()
    third.remove()
    assert_gone(third, before)
    assert f"Could not locate table '{THIRD}.obscore'" in instance.tap(f"SELECT * FROM {THIRD}.obscore").text
    assert count(instance, f"ivoa.obscore WHERE source_table LIKE '{THIRD}%'") == 0


def assert_its_tables_are_those_of_the_files(instance: Instance, release: Path) -> None:
    events = {}
    for path in (release / "data").glob("*.fits.gz"):
        header = fits.getheader(path, "EVENTS")
        events[str(header["OBS_ID"])] = (header["NAXIS2"], round(header["RA_PNT"], 6))
    assert len(events) == RUNS
    found = rows(instance, f"SELECT obs_id, ev_xel, ra_pnt FROM {THIRD}.obscore")
    assert {row["obs_id"]: (int(row["ev_xel"]), round(float(row["ra_pnt"]), 6)) for row in found} == events
    assert len(found) == RUNS
    assert count(instance, f"{THIRD}.companions") == DATASETS - RUNS


def assert_it_feeds_the_shared_tables(instance: Instance) -> None:
    did = f"ivo://{instance.authority}/~?{THIRD}/%"
    mine = f"WHERE obs_publisher_did LIKE '{did}'"
    of_type = rows(
        instance,
        f"SELECT dataproduct_type, COUNT(*) AS n FROM ivoa.obscore {mine} GROUP BY dataproduct_type",
    )
    numbers = {row["dataproduct_type"]: int(row["n"]) for row in of_type}
    assert {kind: numbers.pop(kind) for kind in KINDS} == dict.fromkeys(KINDS, RUNS)
    # The two others are called differently by the vocabularies.
    assert sorted(numbers.values()) == [RUNS, RUNS]
    assert count(instance, "ivoa.obscore WHERE obs_collection = 'SIMULATED-THIRD'") == DATASETS

    assert count(instance, f"ivoa.obscore_hea {mine}") == DATASETS
    # A run's event list and bundle have events, and a position.
    assert count(instance, f"ivoa.obscore_hea {mine} AND ev_xel > 0") == 2 * RUNS
    assert count(instance, f"ivoa.obscore_healpix {mine}") == DATASETS
    placed = rows(
        instance,
        "SELECT s_ra, s_dec, healpix FROM ivoa.obscore JOIN ivoa.obscore_healpix USING (obs_publisher_did)"
        f" {mine} AND healpix IS NOT NULL",
    )
    assert len(placed) == 2 * RUNS
    assert [int(row["healpix"]) for row in placed] == [
        cell(float(row["s_ra"]), float(row["s_dec"])) for row in placed
    ]

    assert count(instance, f"ivoa.response {mine}") == RUNS * len(KINDS)
    for kind in KINDS:
        assert count(instance, f"ivoa.response_{kind} {mine}") == RUNS
    links = rows(
        instance,
        f"SELECT semantics, COUNT(*) AS n FROM datalink.response WHERE id LIKE '{did}' GROUP BY semantics",
    )
    assert {row["semantics"]: int(row["n"]) for row in links} == {
        "#this": DATASETS,
        "#calibration": RUNS * len(KINDS),
        # The file of the observation, and an archive of everything.
        "#package": 2 * RUNS,
        "#preview-image": RUNS,
        "#preview-plot": (2 + len(KINDS)) * RUNS,
        "#thumbnail": (1 + len(KINDS)) * RUNS,
        "#documentation": 2 * DATASETS,
    }


def assert_its_services_work(instance: Instance, release: Path) -> None:
    obs_id = rows(instance, f"SELECT MIN(obs_id) AS least FROM {THIRD}.obscore")[0]["least"]
    did = f"ivo://{instance.authority}/~?{THIRD}/{obs_id}"
    document = instance.get(f"/{THIRD}/q/dl/dlmeta?ID={urllib.parse.quote(did)}")
    assert document.status == 200
    root = ET.fromstring(document.text)
    names = [field.get("name") for field in root.find(f".//{VOTABLE}TABLE").iter(f"{VOTABLE}FIELD")]
    links = [
        dict(zip(names, (cell.text for cell in row.iter(f"{VOTABLE}TD")), strict=True))
        for row in root.iter(f"{VOTABLE}TR")
    ]
    assert sorted(link["semantics"] for link in links) == [
        *["#calibration"] * len(KINDS), "#cutout", "#cutout", "#documentation", "#documentation",
        "#package", "#package", "#preview-image", "#preview-plot", "#preview-plot", "#this", "#thumbnail",
    ]  # fmt: skip
    assert {link["ID"] for link in links} == {did}
    assert not any(link["error_message"] for link in links)
    packages = []
    for link in links:
        if not link["service_def"]:
            file = instance.get(link["access_url"].removeprefix(instance.url))
            assert (file.status, file.headers["Content-Type"].partition(";")[0]) == (
                200, link["content_type"],
            )  # fmt: skip
            assert link["content_length"] in (str(len(file.body)), "-1")
            if link["semantics"] == "#package":
                packages.append(file.body)
    assert any(path.read_bytes() in packages for path in release.glob("data/*"))


def test_a_table_with_columns_of_its_own_can_feed_the_extension(instance: Instance, own: Visitor) -> None:
    assert len(OWN_RESOURCE.splitlines()) < MAX_LINES
    assert "rd/collection" not in OWN_RESOURCE
    before = own.census()
    own.come(OWN_RESOURCE)
    assert_others_are_untouched(before, own.census())

    assert [row["run"] for row in rows(instance, f"SELECT run FROM {OWN}.runs ORDER BY run")] == [
        "crab-1", "nowhere",
    ]  # fmt: skip
    crab, nowhere = extension_of_own(instance, "ivoa.obscore_hea")
    assert crab == {
        "obs_publisher_did": f"{DID}crab-1",
        "ev_xel": "42",
        "energy_min": "250000000000.0",
        "obs_mode": "WOBBLE",
        "scan_mode": "on-the-fly-cross-map",
    }
    assert nowhere == {"obs_publisher_did": f"{DID}nowhere", "ev_xel": "0", "obs_mode": "DRIFT"}
    with_cells = extension_of_own(instance, "ivoa.obscore_healpix")
    assert with_cells == [crab | {"healpix": str(cell(83.6333, 22.0145))}, nowhere]

    crab, nowhere = extension_of_own(instance, "ivoa.obscore")
    common = {
        "dataproduct_type": "event-list",
        "calib_level": "2",
        "obs_collection": "OWN",
        "access_format": "application/fits",
        "access_estsize": "120",
        "source_table": f"{OWN}.runs",
    }
    assert crab == common | {
        "obs_id": "crab-1",
        "obs_publisher_did": f"{DID}crab-1",
        "access_url": "http://somebody.example/crab-1.fits",
        "s_ra": "83.6333",
        "s_dec": "22.0145",
        "t_min": "60000.25",
        "t_max": "60000.275",
    }
    assert nowhere == common | {
        "obs_id": "nowhere",
        "obs_publisher_did": f"{DID}nowhere",
        "access_url": "http://somebody.example/nowhere.fits",
        "t_min": "60001.0",
        "t_max": "60001.05",
    }
    joined = "ivoa.obscore NATURAL JOIN ivoa.obscore_hea WHERE obs_collection = 'OWN' AND ev_xel > 40"
    assert count(instance, joined) == 1

    own.drop()
    own.remove()
    assert_gone(own, before)
    for table in ("ivoa.obscore", "ivoa.obscore_hea", "ivoa.obscore_healpix"):
        assert extension_of_own(instance, table) == []


def extension_of_own(instance: Instance, table: str) -> list[dict[str, str]]:
    """Give what is not NULL in the rows of the second collection, with crab-1 first."""
    query = f"SELECT * FROM {table} WHERE obs_publisher_did LIKE '{DID}%' ORDER BY obs_publisher_did"
    return [
        {name: value for name, value in row.items() if value not in ("", None)}
        for row in rows(instance, query)
    ]


def test_a_collection_whose_rd_broke_can_be_removed(instance: Instance, own: Visitor) -> None:
    before = own.census()
    own.come(OWN_RESOURCE)
    (own.inputs / "q.rd").write_text("not an RD", encoding="utf-8")
    with pytest.raises(InstanceError):
        own.dachs.run("drop", f"{OWN}/q")
    own.remove()
    assert_gone(own, before)
