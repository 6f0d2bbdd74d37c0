"""TAP as pyVO sees it: the queries of the specification, errors, uploads, overflow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import astropy.units as u
import pytest
import pyvo
import requests
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.time import Time
from conftest import Instance
from lxml import etree
from reading import Run

JOINED = "SELECT {columns} FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea WHERE {condition}"
BL_LAC = SkyCoord(330.680338, 42.27777, unit="deg")
CRAB = SkyCoord(83.63, 22.01, unit="deg")
LOOP = SkyCoord(312.775, 30.683, unit="deg")
DATALINK = "application/x-votable+xml;content=datalink"
# A polygon of 24 corners is this much nearer to the centre than its circle, at worst.
POLYGON = 0.9915

PARIS = (
    "select dataproduct_type, dataproduct_subtype, obs_collection, obs_id, target_name, s_ra, s_dec,"
    " t_min, t_max, access_url from hess_dr.obscore"
)
PARIS_ROWS = {
    "20136": ("MSH15-52", "228.6125", "-58.771667", "2004-03-26T02:57:46", "2004-03-26T03:25:48"),
    "20137": ("MSH15-52", "228.6125", "-59.771667", "2004-03-26T03:28:25", "2004-03-26T03:43:27"),
    "20151": ("custom", "228.6125", "-58.771667", "2004-03-27T02:28:16", "2004-03-27T02:56:19"),
    "20275": ("3C 273", "187.27792", "2.552389", "2004-04-14T19:51:40", "2004-04-14T20:19:43"),
}


@dataclass(frozen=True)
class Query:
    """A query, and which runs it must, and which it may find (borders of polygons)."""

    text: str
    must: Callable[[Run], bool]
    may: Callable[[Run], bool] | None = None

    def check(self, found: set[str], runs: dict[str, Run]) -> None:
        must = {run.obs_id for run in runs.values() if self.must(run)}
        may = must | {run.obs_id for run in runs.values() if (self.may or self.must)(run)}
        assert must <= found <= may, (sorted(must - found), sorted(found - may))


def near(run: Run, place: SkyCoord, radius: float) -> bool:
    return run.pointing.separation(place) <= radius * u.deg


def overlaps(run: Run, place: SkyCoord, radius: float, factor: float = 1.0) -> bool:
    return run.pointing.separation(place) <= factor * run.fov / 2 + radius * u.deg


def circle(place: SkyCoord, radius: float) -> str:
    return f"CIRCLE({place.ra.deg:.8f}, {place.dec.deg:.8f}, {radius})"


def by_target(name: str, place: SkyCoord, events: int) -> Query:
    condition = (
        f"(target_name = '{name}' OR CONTAINS(POINT(s_ra, s_dec), {circle(place, 0.083333)}) = 1)"
        " AND dataproduct_type = 'event-list' AND calib_level >= 2"
        f" AND em_calib_status = 'calibrated' AND ev_xel >= {events}"
    )
    return Query(
        JOINED.format(columns="*", condition=condition),
        lambda run: (run.header["OBJECT"] == name or near(run, place, 0.083333)) and run.events >= events,
    )


def covering(place: SkyCoord) -> Query:
    point = f"POINT('ICRS', {place.ra.deg:.8f}, {place.dec.deg:.8f})"
    condition = f"CONTAINS({point}, CIRCLE('ICRS', s_ra, s_dec, s_fov/2)) = 1"
    return Query(JOINED.format(columns="obs_id", condition=condition), lambda run: overlaps(run, place, 0))


def overlapping(place: SkyCoord, kind: str) -> Query:
    condition = f"INTERSECTS(s_region, {circle(place, 1.5)}) = 1 AND event_type = '{kind}'"
    return Query(
        JOINED.format(columns="*", condition=condition),
        lambda run: run.header["EV_CLASS"] == kind and overlaps(run, place, 1.5, POLYGON),
        lambda run: run.header["EV_CLASS"] == kind and overlaps(run, place, 1.5),
    )


def above(energy: float) -> Query:
    condition = f"access_format = '{DATALINK}' AND energy_max >= {float(energy)!r}"
    return Query(
        JOINED.format(columns="obs_id, access_url", condition=condition),
        lambda run: run.energies[1] >= energy,
    )


def psf_near(place: SkyCoord) -> Query:
    return Query(
        "SELECT o.obs_id, d.access_url FROM ivoa.obscore AS o"
        " JOIN datalink.response AS d ON o.obs_publisher_did = d.ID"
        " WHERE d.semantics = '#calibration' AND d.content_qualifier = 'psf'"
        f" AND 1 = INTERSECTS(o.s_region, {circle(place, 1)})",
        lambda run: overlaps(run, place, 1, POLYGON),
        lambda run: overlaps(run, place, 1),
    )


def responses_of(run: Run, collection: str) -> Query:
    condition = (
        "dataproduct_type IN ('aeff','edisp','psf','bkgrate')"
        f" AND obs_id = '{run.obs_id}' AND obs_collection = '{collection}'"
    )
    return Query(JOINED.format(columns="*", condition=condition), lambda other: other.obs_id == run.obs_id)


@pytest.fixture(scope="session")
def queries(instance: Instance, runs: dict[str, Run]) -> dict[str, Query]:
    """The specification's queries as written, and those of a position around what was observed most."""
    target, _ = Counter(run.header["OBJECT"] for run in runs.values()).most_common(1)[0]
    example = next(run for run in runs.values() if run.header["OBJECT"] == target)
    place = SkyCoord(example.header["RA_OBJ"], example.header["DEC_OBJ"], unit="deg")
    kind = example.header["EV_CLASS"]
    middle = sorted(run.events for run in runs.values())[len(runs) // 2]
    threshold = sorted(run.energies[1] for run in runs.values())[len(runs) // 2]
    return {
        "bl lac": by_target("BL Lac", BL_LAC, 10_000),
        "target": by_target(target, place, 0),
        "events": by_target(target, place, middle),
        "paris": Query(PARIS, lambda run: True),
        "responses": responses_of(example, instance.obs_collection),
        "crab": covering(CRAB),
        "covered": covering(place),
        "region": overlapping(LOOP, "std"),
        "overlap": overlapping(place, kind),
        "10 TeV": above(1.0e13),
        # A bit below, as both sides round.
        "energy": above(threshold * (1 - 1e-9)),
        "psf": psf_near(CRAB),
        "psf here": psf_near(place),
    }


NAMES = (
    "bl lac", "target", "events", "paris", "responses", "crab", "covered", "region", "overlap",
    "10 TeV", "energy", "psf", "psf here",
)  # fmt: skip
# Those that find runs in any release.
FINDERS = {"target", "paris", "covered", "overlap", "10 TeV", "energy", "psf here"}


def contents(results: pyvo.dal.TAPResults) -> list[str]:
    table = results.to_table()
    return sorted(repr([str(value) for value in row]) for row in table.iterrows())


ROWS_OF_A_RUN = {"responses": 4} | dict.fromkeys(("crab", "covered", "region", "overlap"), 2)
"""Rows that a query finds for each run: positions have both the event list and the bundle."""


@pytest.mark.parametrize("name", NAMES)
def test_a_query_finds_the_right_runs_in_both_modes(
    name: str, queries: dict[str, Query], runs: dict[str, Run], tap: pyvo.dal.TAPService
) -> None:
    query = queries[name]
    sync = tap.run_sync(query.text)
    # What it finds in the other collection, test_usecases.py checks.
    found = [str(value) for value in sync["obs_id"] if str(value) in runs] if len(sync) else []
    assert set(Counter(found).values()) <= {ROWS_OF_A_RUN.get(name, 1)}
    assert bool(found) >= (name in FINDERS)
    query.check(set(found), runs)

    asynchronous = tap.run_async(query.text)
    assert asynchronous.fieldnames == sync.fieldnames
    assert contents(asynchronous) == contents(sync)


def test_an_asynchronous_job_goes_through_its_phases(tap: pyvo.dal.TAPService, runs: dict[str, Run]) -> None:
    job = tap.submit_job("SELECT COUNT(*) AS n FROM hess_dr.obscore")
    try:
        assert job.phase == "PENDING"
        job.run().wait(phases={"COMPLETED", "ERROR", "ABORTED"}, timeout=60.0)
        assert job.phase == "COMPLETED"
        assert job.fetch_result()["n"][0] == len(runs)
    finally:
        job.delete()


def printed(value: float, digits: str) -> str:
    """Print a number with as many decimals as another one."""
    return f"{value:.{len(digits.partition('.')[2])}f}"


def paris_rows(instance: Instance, runs: dict[str, Run]) -> dict[str, tuple[str, ...]]:
    """The four rows that the Paris service prints, or what it would print of a simulated release."""
    if not instance.simulated:
        return PARIS_ROWS
    return {
        run.obs_id: (
            run.header["OBJECT"],
            f"{run.header['RA_PNT']:.5f}",
            f"{run.header['DEC_PNT']:.6f}",
            run.start.isot[:19],
            run.stop.isot[:19],
        )
        for run in list(runs.values())[:4]
    }


def test_the_paris_query(instance: Instance, runs: dict[str, Run], tap: pyvo.dal.TAPService) -> None:
    results = tap.run_sync(PARIS)
    assert len(results) == len(runs) == (len(runs) if instance.simulated else 105)
    rows = {str(row["obs_id"]): row for row in results}
    for obs_id, expected in paris_rows(instance, runs).items():
        row = rows[obs_id]
        shown = (
            row["target_name"],
            printed(row["s_ra"], expected[1]),
            printed(row["s_dec"], expected[2]),
            *(Time(row[name], format="mjd", scale="tt").isot[:19] for name in ("t_min", "t_max")),
        )
        assert shown == expected
        assert row["dataproduct_type"] == "event-list"
        assert row["dataproduct_subtype"] == "GADF DL3"
        assert row["obs_collection"] == instance.obs_collection


def count(tap: pyvo.dal.TAPService, table: str) -> int:
    return int(tap.run_sync(f"SELECT COUNT(*) AS n FROM {table}")["n"][0])


def test_every_data_set_has_its_row_in_the_extension(tap: pyvo.dal.TAPService, runs: dict[str, Run]) -> None:
    assert count(tap, "hess_dr.obscore") == len(runs)
    # Four responses and a bundle for each run.
    assert count(tap, "hess_dr.companions") == 5 * len(runs)
    everything = 6 * len(runs) + count(tap, "ctao.obscore") + count(tap, "ctao.companions")
    for table in ("ivoa.obscore", "ivoa.obscore_hea", "ivoa.obscore_healpix"):
        assert count(tap, table) == everything
    for extension in ("ivoa.obscore_hea", "ivoa.obscore_healpix"):
        assert count(tap, f"ivoa.obscore NATURAL JOIN {extension}") == everything


ERRORS = {
    "table": ("SELECT * FROM ivoa.nosuchtable", "nosuchtable"),
    "column": ("SELECT nosuchcolumn FROM hess_dr.obscore", "nosuchcolumn"),
    "join": ("SELECT nosuchcolumn FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea", "nosuchcolumn"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_names_what_is_missing(
    name: str, instance: Instance, tap: pyvo.dal.TAPService, http: requests.Session
) -> None:
    query, culprit = ERRORS[name]
    answer = http.get(f"{instance.tap}/sync", params={"LANG": "ADQL", "QUERY": query})
    assert answer.status_code >= 400
    assert answer.headers["Content-Type"].split(";")[0] in ("text/xml", "application/x-votable+xml")
    root = etree.fromstring(answer.content)
    status = root.findall(".//{*}RESOURCE[@type='results']/{*}INFO[@name='QUERY_STATUS']")
    assert [info.get("value") for info in status] == ["ERROR"]
    assert culprit in status[0].text

    with pytest.raises(pyvo.dal.DALQueryError, match=culprit):
        tap.run_sync(query)
    with pytest.raises(pyvo.dal.DALQueryError, match=culprit):
        tap.run_async(query)


def test_a_table_can_be_uploaded(tap: pyvo.dal.TAPService, three: list[Run]) -> None:
    table = Table({"obs_id": [run.obs_id for run in three], "mine": [1, 2, 3]})
    query = (
        "SELECT o.obs_id, u.mine, o.ev_xel FROM hess_dr.obscore AS o"
        " JOIN TAP_UPLOAD.runs AS u ON o.obs_id = u.obs_id ORDER BY u.mine"
    )
    for answer in (tap.run_sync, tap.run_async):
        results = answer(query, uploads={"runs": table})
        found = [(str(row["obs_id"]), row["mine"], row["ev_xel"]) for row in results]
        assert found == [(run.obs_id, number, run.events) for number, run in enumerate(three, 1)]


def test_overflow_is_flagged(tap: pyvo.dal.TAPService, runs: dict[str, Run]) -> None:
    # pyVO warns of overflows that its user did not ask for, and says how an answer ended.
    cut = tap.run_sync("SELECT obs_id FROM hess_dr.obscore", maxrec=2)
    assert (len(cut), cut.status[0]) == (2, "OVERFLOW")
    whole = tap.run_sync("SELECT obs_id FROM hess_dr.obscore", maxrec=len(runs) + 1)
    assert (len(whole), whole.status[0]) == (len(runs), "OK")
