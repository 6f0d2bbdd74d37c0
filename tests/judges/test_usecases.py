"""What users ask: the specification's queries, the draft's use cases, time coverage, a portal's questions."""

from __future__ import annotations

from collections import Counter
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import pyvo
from astropy.coordinates import SkyCoord
from astropy.time import Time
from conftest import Instance
from holdings import EventList, Holdings
from mocpy import MOC
from usecases import CRAB, POLYGON, RESPONSES, UseCase, all_of, circle, overlaps, perhaps

NAMES = (
    "bl lac", "bl lac, as in the talk", "target", "target, as in the talk", "target, many events",
    "responses", "crab in the field", "target in the field", "region and type", "target's region and type",
    "above 10 TeV", "high energies", "psf near the crab", "psf near the target",
    "event lists of a region and type", "event lists of a type of their own",
    "bundles by energy, calibration and observable", "bundles without the observable",
    "CTAO South above 10 TeV", "energies that overlap", "point spread functions of an array",
    "what was near a position", "divergent pointing", "drift scans", "high resolution analysis",
    "not public yet", "what is public", "good times in a gap", "observations in a gap",
    "good times before a gap", "observations before a gap", "portal, position and modes",
    "portal, proposals", "portal, zenith angles",
)  # fmt: skip
SGR_A = SkyCoord(266.4168, -29.0078, unit="deg")


@pytest.fixture(scope="module")
def cases(instance: Instance, hess: Holdings, ctao: Holdings) -> dict[str, UseCase]:
    found = all_of(instance, hess, ctao)
    assert set(found) == set(NAMES)
    return found


def contents(results: pyvo.dal.TAPResults) -> list[str]:
    table = results.to_table()
    return sorted(repr([str(value) for value in row]) for row in table.iterrows())


@pytest.mark.parametrize("name", NAMES)
def test_a_query_finds_the_right_data_sets(
    name: str, cases: dict[str, UseCase], holdings: Holdings, tap: pyvo.dal.TAPService, instance: Instance
) -> None:
    case = cases[name]
    found = tap.run_sync(case.text)
    case.check([str(row[case.key]) for row in found], holdings, instance.authority)
    if case.asynchronous:
        asynchronous = tap.run_async(case.text)
        assert asynchronous.fieldnames == found.fieldnames
        assert contents(asynchronous) == contents(found)


# --- counts ----------------------------------------------------------------------------------------


def count(tap: pyvo.dal.TAPService, table: str, condition: str = "1=1") -> int:
    return int(tap.run_sync(f"SELECT COUNT(*) AS n FROM {table} WHERE {condition}")["n"][0])


@pytest.mark.parametrize(
    "table",
    [
        "ivoa.obscore",
        "ivoa.obscore_hea",
        "ivoa.obscore_healpix",
        "ivoa.obscore NATURAL JOIN ivoa.obscore_hea",
        "ivoa.obscore NATURAL JOIN ivoa.obscore_healpix",
    ],
)
def test_every_data_set_is_one_row(table: str, tap: pyvo.dal.TAPService, holdings: Holdings) -> None:
    assert count(tap, table) == len(holdings.all)


def test_data_sets_are_those_of_the_files(
    tap: pyvo.dal.TAPService, holdings: Holdings, instance: Instance
) -> None:
    rows = tap.run_sync(
        "SELECT obs_publisher_did, obs_id, obs_collection, dataproduct_type FROM ivoa.obscore"
    )
    found = {tuple(map(str, row.values())) for row in rows}
    expected = {
        (d.did(instance.authority), d.obs_id, d.obs_collection, instance.type_of(d)) for d in holdings.all
    }
    assert len(rows) == len(found)
    assert found == expected


def test_tables_of_collections_hold_event_lists_only(
    tap: pyvo.dal.TAPService, hess: Holdings, ctao: Holdings
) -> None:
    assert count(tap, "hess_dr.obscore") == len(hess.lists)
    assert count(tap, "ctao.obscore") == len(ctao.lists)
    assert len(ctao.lists) > len(ctao.bundles)  # runs with two types of events


def test_searches_in_space_and_time_find_observations_only(
    tap: pyvo.dal.TAPService, instance: Instance, holdings: Holdings
) -> None:
    everywhere = "1 = CONTAINS(POINT(s_ra, s_dec), CIRCLE(10, 10, 180))"
    for condition in (everywhere, "s_region IS NOT NULL", "t_min > 0", "t_max > 0"):
        rows = tap.run_sync(f"SELECT DISTINCT dataproduct_type FROM ivoa.obscore WHERE {condition}")
        found = {str(row["dataproduct_type"]) for row in rows}
        assert found == {instance.event_list, instance.event_bundle}, condition
    assert count(tap, "ivoa.obscore", "t_min > 0") == len(holdings.lists) + len(holdings.bundles)


# --- responses -------------------------------------------------------------------------------------


def pairs(holdings: Holdings, authority: str) -> Counter[tuple[str, str, str]]:
    return Counter(
        (e.did(authority), term, response.did(authority))
        for e in holdings.lists
        for term, response in e.responses.items()
    )


def test_the_response_table_joins_event_lists_and_responses(
    tap: pyvo.dal.TAPService, holdings: Holdings, instance: Instance
) -> None:
    names = "obs_publisher_did, resp_product_type, resp_publisher_did"
    rows = tap.run_sync(f"SELECT {names} FROM ivoa.response")
    assert Counter(tuple(map(str, row.values())) for row in rows) == pairs(holdings, instance.authority)


@pytest.mark.parametrize("term", RESPONSES)
def test_each_kind_of_response_has_its_table(
    term: str, tap: pyvo.dal.TAPService, holdings: Holdings, instance: Instance
) -> None:
    names = "obs_publisher_did, resp_product_type, resp_publisher_did"
    rows = tap.run_sync(f"SELECT {names} FROM ivoa.response_{term}")
    expected = Counter({key: n for key, n in pairs(holdings, instance.authority).items() if key[1] == term})
    assert Counter(tuple(map(str, row.values())) for row in rows) == expected


def corners(region: Any) -> list[float]:
    """Give the angles of a region, which is a list of numbers (DALI) or a text (STC-S); NULL has none."""
    if isinstance(region, str):
        assert region == "" or region.startswith("Polygon ICRS ")
        return [float(word) for word in region.split()[2:]]
    return [] if region is None else np.ma.compressed(region).tolist()


def test_what_the_response_table_says_of_a_row(
    tap: pyvo.dal.TAPService, holdings: Holdings, instance: Instance
) -> None:
    by_did = {
        (e.did(instance.authority), r.local): (e, r) for e in holdings.lists for r in e.responses.values()
    }
    lists = {
        r["obs_publisher_did"]: r
        for r in tap.run_sync("SELECT * FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea")
    }
    for row in tap.run_sync("SELECT * FROM ivoa.response"):
        local = row["resp_publisher_did"].partition("~?")[2].partition("/")[2]
        events, response = by_did[row["obs_publisher_did"], local]
        own = lists[row["obs_publisher_did"]]
        assert row["obs_id"] == events.obs_id
        for name in ("target_name", "facility_name", "instrument_name"):
            assert row[name] == own[name]
        assert str(row["resp_s_ra"]) == str(own["s_ra"])
        assert str(row["resp_s_dec"]) == str(own["s_dec"])
        assert corners(row["resp_s_region"]) == pytest.approx(corners(own["s_region"]), abs=1e-9)
        assert row["resp_t_intervals"] == own["t_intervals"]
        assert row["resp_energy_min"] == pytest.approx(response.energies[0], rel=1e-6)
        assert row["resp_energy_max"] == pytest.approx(response.energies[1], rel=1e-6)
        assert row["resp_access_format"] == "application/x-fits-gadf"


@pytest.mark.parametrize("which", ["hess", "two types", "shared by one site"])
def test_all_responses_of_one_observation(
    which: str, tap: pyvo.dal.TAPService, hess: Holdings, ctao: Holdings, instance: Instance
) -> None:
    obs_id = {"hess": hess.lists[0].obs_id, "two types": "930007", "shared by one site": "930001"}[which]
    lists = [e for e in hess.lists + ctao.lists if e.obs_id == obs_id]
    expected = Counter((r.did(instance.authority), term) for e in lists for term, r in e.responses.items())
    by_table = tap.run_sync(
        "SELECT resp_publisher_did, resp_product_type, resp_access_url FROM ivoa.response"
        f" WHERE obs_id = '{obs_id}'"
    )
    assert Counter((str(r["resp_publisher_did"]), str(r["resp_product_type"])) for r in by_table) == expected
    by_link = tap.run_sync(
        "SELECT d.access_url, d.content_qualifier FROM ivoa.obscore AS o"
        " JOIN datalink.response AS d ON o.obs_publisher_did = d.ID"
        f" WHERE o.obs_id = '{obs_id}' AND d.semantics = '#calibration'"
    )
    assert Counter((str(r["access_url"]), str(r["content_qualifier"])) for r in by_link) == Counter(
        (str(r["resp_access_url"]), str(r["resp_product_type"])) for r in by_table
    )


@pytest.mark.parametrize(("place", "radius"), [(CRAB, 1.0), (SGR_A, 0.5)], ids=["crab", "sgr a"])
def test_all_psfs_near_a_position(
    place: SkyCoord, radius: float, tap: pyvo.dal.TAPService, holdings: Holdings, instance: Instance
) -> None:
    def keys(lists: list[EventList]) -> set[tuple[str, str]]:
        return {(e.did(instance.authority), e.responses["psf"].did(instance.authority)) for e in lists}

    must = keys(list(filter(overlaps(place, radius, POLYGON), holdings.lists)))
    may = keys(list(filter(perhaps(place, radius), holdings.lists)))
    urls = set()
    for table, more in (("ivoa.response", " AND resp_product_type = 'psf'"), ("ivoa.response_psf", "")):
        rows = tap.run_sync(
            f"SELECT obs_publisher_did, resp_publisher_did, resp_access_url FROM {table}"
            f" WHERE 1 = INTERSECTS(resp_s_region, {circle(place, radius)}){more}"
        )
        found = [(str(row["obs_publisher_did"]), str(row["resp_publisher_did"])) for row in rows]
        assert len(found) == len(set(found))
        assert must <= set(found) <= may
        urls.add(frozenset((str(r["obs_publisher_did"]), str(r["resp_access_url"])) for r in rows))
    rows = tap.run_sync(
        "SELECT o.obs_publisher_did, d.access_url FROM ivoa.obscore AS o"
        " JOIN datalink.response AS d ON o.obs_publisher_did = d.ID"
        " WHERE d.semantics = '#calibration' AND d.content_qualifier = 'psf'"
        f" AND 1 = INTERSECTS(o.s_region, {circle(place, radius)})"
    )
    urls.add(frozenset((str(r["obs_publisher_did"]), str(r["access_url"])) for r in rows))
    assert len(urls) == 1


def test_a_shared_response_is_one_data_set(
    tap: pyvo.dal.TAPService, ctao: Holdings, instance: Instance
) -> None:
    users = Counter(r.local for e in ctao.lists for r in e.responses.values())
    shared = [r for r in ctao.responses if users[r.local] > 1]
    assert len(shared) >= 40
    assert (instance.ctao["cta-1dc"] is not None) == any(
        users[r.local] == 4 and "1dc" in r.local for r in shared
    )
    links = tap.run_sync("SELECT id, access_url FROM datalink.response WHERE semantics = '#calibration'")
    by_url = Counter(str(row["access_url"]) for row in links)
    this = tap.run_sync("SELECT id, access_url FROM datalink.response WHERE semantics = '#this'")
    url_of = {str(row["id"]): str(row["access_url"]) for row in this}
    for response in shared:
        assert by_url[url_of[response.did(instance.authority)]] == users[response.local]


# --- rows checked by hand --------------------------------------------------------------------------

BY_HAND = {
    "930001": (
        "PKS 2155-304", "CTAO-S", "RASTER", "raster-map", "sidereal", "std", 3095,
        "328.319637", "-30.818234", "2025-10-03T00:07:30", "2025-10-03T00:27:32",
        "146973083000", "200000000000000",
    ),
    "930015": (
        None, "CTAO-S", "POINTING", "on-source", "sidereal", "std", 2665,
        "39.000000", "-9.800000", "2025-12-08T02:00:17", "2025-12-08T02:20:26",
        "146973083000", "200000000000000",
    ),
    "930018": (
        None, "CTAO-S", "DRIFT", "on-the-fly-cross-scan", "fixed-az-el-transit", "std", 2750,
        None, None, "2025-12-08T03:06:17", "2025-12-08T03:26:22", "146973083000", "200000000000000",
    ),
}  # fmt: skip
TYPES = {"930007/events-type1": ("type1", 1512), "930007/events-type2": ("type2", 2740)}


def plain(value: Any) -> str | None:
    """Give a text, or None for NULL."""
    return None if str(value) in ("", "--", "nan") else str(value)


def shown(row: pyvo.dal.Record) -> tuple[Any, ...]:
    words = ("target_name", "facility_name", "obs_mode", "scan_mode", "tracking_mode", "event_type")
    place = [None if plain(row[name]) is None else f"{row[name]:.6f}" for name in ("s_ra", "s_dec")]
    times = [Time(row[name], format="mjd", scale="tt").isot[:19] for name in ("t_min", "t_max")]
    energies = [f"{row[name]:.0f}" for name in ("energy_min", "energy_max")]
    return (*(plain(row[name]) for name in words), row["ev_xel"], *place, *times, *energies)


@pytest.mark.parametrize("obs_id", BY_HAND)
def test_a_simulated_row_checked_by_hand(obs_id: str, tap: pyvo.dal.TAPService) -> None:
    (row,) = tap.run_sync(f"SELECT * FROM ctao.obscore WHERE obs_id = '{obs_id}'")
    assert shown(row) == BY_HAND[obs_id]


def test_types_of_events_are_data_sets_of_their_own(tap: pyvo.dal.TAPService, instance: Instance) -> None:
    rows = tap.run_sync(
        "SELECT obs_publisher_did, event_type, ev_xel FROM ctao.obscore WHERE obs_id = '930007'"
    )
    found = {str(row["obs_publisher_did"]): (str(row["event_type"]), int(row["ev_xel"])) for row in rows}
    assert found == {f"ivo://{instance.authority}/~?ctao/{name}": value for name, value in TYPES.items()}
    (bundle,) = tap.run_sync(
        "SELECT event_type, ev_xel FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
        f" WHERE obs_id = '930007' AND dataproduct_type = '{instance.event_bundle}'"
    )
    assert (plain(bundle["event_type"]), bundle["ev_xel"]) == (None, 1512 + 2740)


def test_a_real_row_checked_by_hand(tap: pyvo.dal.TAPService, instance: Instance) -> None:
    rows = tap.run_sync("SELECT * FROM hess_dr.obscore WHERE obs_id = '20136'")
    if instance.simulated:
        assert len(rows) == 0
        return
    (row,) = rows
    assert shown(row) == (
        "MSH15-52", "HESS", "WOBBLE", "on-the-fly-cross-map", "sidereal", "std", 11243,
        "228.612500", "-58.771667", "2004-03-26T02:57:46", "2004-03-26T03:25:48",
        "407380277804", "100000000000000",
    )  # fmt: skip


def test_healpix_cells_are_those_of_the_positions(tap: pyvo.dal.TAPService) -> None:
    rows = tap.run_sync(
        "SELECT s_ra, s_dec, healpix FROM ivoa.obscore NATURAL JOIN ivoa.obscore_healpix"
    ).to_table()
    known = ~rows["s_ra"].mask if hasattr(rows["s_ra"], "mask") else rows["s_ra"] == rows["s_ra"]
    assert 0 < known.sum() < len(rows)
    for row in rows[known]:
        cell = MOC.from_lonlat([row["s_ra"]] * u.deg, [row["s_dec"]] * u.deg, max_norder=10)
        assert cell.flatten().tolist() == [row["healpix"]]
    assert rows["healpix"].mask[~known].all()
