"""Every published value that comes from a file, against the file."""

from __future__ import annotations

import math
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import pyvo
from astropy.coordinates import SkyCoord
from astropy.time import Time
from conftest import Instance
from mocpy import TimeMOC
from reading import Run

# CODATA 2022, as the specification gives it.
HC = 1.239841984332e-6
DATALINK = "application/x-votable+xml;content=datalink"
AXES = ("s_xel1", "s_xel2", "t_xel", "em_xel", "pol_xel")
UNKNOWN = (
    "obs_creator_did", "target_class", "pol_states", "s_pixel_scale", "proposal_id",
    "obs_release_date",
)  # fmt: skip
# In ivoa.obscore these are about the DataLink document.
ACCESS = ("access_url", "access_format", "access_estsize")
FLOAT32 = 2.0**-23

Rows = dict[str, dict[str, Any]]


def fetch(tap: pyvo.dal.TAPService, table: str) -> Rows:
    """Fetch a table; None is NULL."""
    results = tap.run_sync(f"SELECT * FROM {table}")
    rows = {}
    for record in results.to_table():
        row = {name: plain(record[name]) for name in record.colnames}
        rows[str(row["obs_id"])] = row
    assert len(rows) == len(results)
    return rows


def plain(value: Any) -> Any:
    """Make masked values, NaN and empty strings (NULL in VOTable) None."""
    if np.ma.is_masked(value) or value == "":
        return None
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value


@pytest.fixture(scope="module")
def published(tap: pyvo.dal.TAPService, runs: dict[str, Run]) -> Rows:
    rows = fetch(tap, "hess_dr.obscore")
    assert rows.keys() == runs.keys()
    return rows


@pytest.fixture(scope="module")
def joined(tap: pyvo.dal.TAPService, runs: dict[str, Run], instance: Instance) -> Rows:
    condition = f"dataproduct_type = '{instance.event_list}' AND obs_collection = '{instance.obs_collection}'"
    rows = fetch(tap, f"ivoa.obscore NATURAL JOIN ivoa.obscore_hea WHERE {condition}")
    assert rows.keys() == runs.keys()
    return rows


def text(run: Run, keyword: str) -> str | None:
    return str(run.header.get(keyword, "")).strip() or None


def identity(run: Run, instance: Instance) -> dict[str, Any]:
    """What a run's row must say, literally."""
    real = not instance.simulated
    return {
        "dataproduct_type": "event-list",
        "dataproduct_subtype": "GADF DL3",
        "calib_level": 2,
        "obs_collection": instance.obs_collection,
        "obs_publisher_did": instance.did(run),
        "access_format": "application/x-fits-gadf",
        "access_estsize": math.ceil(run.path.stat().st_size / 1000),
        "target_name": text(run, "OBJECT"),
        "o_ucd": "pos.eq#time#em.energy",
        "em_ucd": "em.energy",
        "facility_name": text(run, "TELESCOP"),
        "instrument_name": text(run, "INSTRUME"),
        "obs_mode": text(run, "OBS_MODE"),
        "event_type": text(run, "EV_CLASS"),
        "ev_xel": run.events,
        "analysis_mode": str(run.header.get("CONFIG") or run.aeff.get("CONFIG")),
        "pointing_mode": {0.0: "parallel"}.get(run.header.get("CONV_DEP")),
        "messenger_name": "photon",
        "messenger_pdgid": "+22",
        "data_rights": "public",
        "publisher_id": f"ivo://{instance.authority}",
        "bib_reference": "10.5281/zenodo.1421099" if real else None,
        "t_resolution": run.header.get("TIMEDEL"),
        **dict.fromkeys(("s_calib_status", "t_calib_status", "em_calib_status"), "calibrated"),
        **dict.fromkeys(("tracking_mode", "tracking_type"), "sidereal"),
        **dict.fromkeys(UNKNOWN),
    }


def test_words_and_counts_are_the_files(published: Rows, runs: dict[str, Run], instance: Instance) -> None:
    for obs_id, run in runs.items():
        expected = identity(run, instance)
        assert {name: published[obs_id][name] for name in expected} == expected


SCAN_MODES = {"WOBBLE": "on-the-fly-cross-map", "POINTING": "on-source"}


def test_modes_are_told_in_the_extensions_words(published: Rows, runs: dict[str, Run]) -> None:
    for obs_id, run in runs.items():
        assert published[obs_id]["scan_mode"] == SCAN_MODES[run.header["OBS_MODE"]]


def test_titles_name_the_run(published: Rows, runs: dict[str, Run], instance: Instance) -> None:
    for obs_id, run in runs.items():
        title = published[obs_id]["obs_title"]
        assert obs_id in title
        assert text(run, "OBJECT") in title
        assert ("simulated" in title.lower()) == instance.simulated


def test_positions_are_the_pointings(published: Rows, runs: dict[str, Run]) -> None:
    for obs_id, run in runs.items():
        row = published[obs_id]
        assert (row["s_ra"], row["s_dec"]) == (run.header["RA_PNT"] % 360.0, run.header["DEC_PNT"])


def test_fields_of_view_are_circles(published: Rows, runs: dict[str, Run]) -> None:
    for obs_id, run in runs.items():
        row = published[obs_id]
        assert row["s_fov"] == pytest.approx(run.fov.to_value(u.deg), rel=FLOAT32)
        words = str(row["s_region"]).split()
        assert words[:2] == ["Polygon", "ICRS"]
        numbers = np.array(words[2:], dtype=float).reshape(-1, 2)
        corners = SkyCoord(*numbers.T, unit="deg")
        assert len(corners) >= 8
        away = corners.separation(run.pointing).to_value(u.deg)
        assert np.abs(away - run.fov.to_value(u.deg) / 2).max() < 1e-6
        # All around, evenly.
        steps = np.diff(np.unwrap(run.pointing.position_angle(corners).rad))
        assert steps == pytest.approx(math.copysign(2 * math.pi / len(corners), steps[0]), abs=1e-6)


def test_times_are_terrestrial(published: Rows, runs: dict[str, Run]) -> None:
    for obs_id, run in runs.items():
        row = published[obs_id]
        for name, expected, day, hour in (
            ("t_min", run.start, "DATE-OBS", "TIME-OBS"),
            ("t_max", run.stop, "DATE-END", "TIME-END"),
        ):
            found = Time(row[name], format="mjd", scale="tt")
            assert abs((found - expected).to_value(u.ms)) < 1
            assert found.isot == expected.isot
            if day in run.header and hour in run.header:
                assert found.isot[:19] == f"{run.header[day]}T{run.header[hour]}"[:19]
        assert row["t_exptime"] == pytest.approx(run.header["LIVETIME"], rel=FLOAT32)


def test_time_coverage_is_that_of_the_good_intervals(published: Rows, runs: dict[str, Run]) -> None:
    for obs_id, run in runs.items():
        found = TimeMOC.from_string(published[obs_id]["t_intervals"])
        assert found.max_order >= 41  # cells of 1.05 s
        assert found == run.time_moc(found.max_order)


def test_energies_are_the_safe_range(published: Rows, runs: dict[str, Run]) -> None:
    for obs_id, run in runs.items():
        row, (low, high) = published[obs_id], run.energies
        assert row["energy_min"] == pytest.approx(low, rel=1e-14)
        assert row["energy_max"] == pytest.approx(high, rel=1e-14)
        assert row["em_min"] == pytest.approx(HC / high, rel=FLOAT32)
        assert row["em_max"] == pytest.approx(HC / low, rel=FLOAT32)


def test_performance_is_of_one_energy_and_offset(published: Rows) -> None:
    for row in published.values():
        assert (row["s_ref_energy"], row["em_ref_energy"]) == (1e12, 1e12)
        assert row["s_ref_oaa"] == row["em_ref_oaa"]
        wavelength = HC / row["em_ref_energy"]
        assert row["em_resolution"] == pytest.approx(wavelength / row["em_res_power"], rel=2 * FLOAT32)


@pytest.mark.parametrize("table", ["hess_dr.obscore", "ivoa.obscore"])
def test_axes_without_pixels_have_length_minus_one(table: str, tap: pyvo.dal.TAPService) -> None:
    found = tap.run_sync(f"SELECT {', '.join(AXES)} FROM {table}").to_table()
    # Not masked: -1 is a value here, so it cannot be what stands for NULL.
    assert {plain(value) for name in AXES for value in found[name]} == {-1}


def test_the_preview_is_the_counts_map(published: Rows, instance: Instance) -> None:
    for obs_id, row in published.items():
        path = f"/hess_dr/q/file/custom/{obs_id}/{obs_id}_event-list_counts-map.png"
        assert row["preview"] == f"{instance.url}{path}"


def test_the_access_url_of_a_collection_is_the_file(published: Rows, runs: dict[str, Run]) -> None:
    for obs_id, run in runs.items():
        assert published[obs_id]["access_url"].endswith(f"/{run.path.name}")


def test_obscore_repeats_the_collection(published: Rows, joined: Rows, instance: Instance) -> None:
    names = set(next(iter(joined.values()))) - set(ACCESS)
    assert names < set(next(iter(published.values())))
    for obs_id, row in published.items():
        for name in sorted(names):
            found, expected = joined[obs_id][name], row[name]
            if isinstance(expected, float):
                expected = pytest.approx(expected, rel=FLOAT32)
            assert found == expected, (obs_id, name)


def test_obscore_leads_to_datalink(joined: Rows, instance: Instance) -> None:
    for row in joined.values():
        assert row["access_url"].startswith(f"{instance.datalink}?ID=")
        assert row["access_format"] == DATALINK
        assert 1 <= row["access_estsize"] <= 100
