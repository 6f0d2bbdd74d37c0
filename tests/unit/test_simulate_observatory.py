"""The simulated observatory's release: files, layout, labels, and that the parts agree."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from ingest.errors import ConfigError
from simulate import (
    SIMULATOR_VERSION,
    ObservatoryConfig,
    ctao_release_stamp,
    simulate_ctao_release,
    sphere,
)
from simulate.observatory import ANALYSES, SITES, TARGET_TYPES, TARGETS
from simulate.observatory_index import OBS_COLUMNS, ROW, RowMaker
from simulate.place import STAMP_NAME
from simulate.programme import CHUNK, plan

CONFIG = ObservatoryConfig(runs=36)
SMALL = ObservatoryConfig(runs=2, seed=7)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("observatory") / "release"
    simulate_ctao_release(directory, CONFIG)
    return directory


@pytest.fixture(scope="module")
def metadata(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("observatory") / "metadata"
    simulate_ctao_release(directory, replace(CONFIG, metadata_only=True))
    return directory


@pytest.fixture(scope="module")
def observations(release: Path) -> NDArray[Any]:
    return fits.getdata(release / "obs-index.fits.gz", "OBS_INDEX")


def run_path(release: Path, obs_id: int) -> Path:
    return release / "data" / f"sim_ctao_obs_id_{obs_id}.fits.gz"


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


# --- the release as a set of files ---------------------------------------------------


def test_paths_returned_are_the_files_written(tmp_path: Path) -> None:
    paths = simulate_ctao_release(tmp_path / "release", SMALL)
    names = [str(p.relative_to(tmp_path / "release")) for p in paths]
    assert names[:2] == ["data/sim_ctao_obs_id_930001.fits.gz", "data/sim_ctao_obs_id_930002.fits.gz"]
    assert names[-3:] == ["hdu-index.fits.gz", "obs-index.fits.gz", "README.txt"]
    assert "caldb/sim_ctao_south_z60_divergent.fits.gz" in names
    assert set(contents(tmp_path / "release")) == {*names, STAMP_NAME}
    assert [p.name for p in tmp_path.iterdir()] == ["release"]


@pytest.mark.parametrize("config", [SMALL, replace(SMALL, metadata_only=True)])
def test_same_configuration_gives_same_bytes(tmp_path: Path, config: ObservatoryConfig) -> None:
    for name in ("one", "two"):
        simulate_ctao_release(tmp_path / name, config)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_gives_other_events(tmp_path: Path, release: Path) -> None:
    simulate_ctao_release(tmp_path / "other", replace(CONFIG, runs=1, seed=8))
    one, two = (fits.getdata(run_path(d, 930_001), 1) for d in (release, tmp_path / "other"))
    assert len(one) != len(two) or not np.array_equal(one["ENERGY"], two["ENERGY"])


def test_stamp_names_the_whole_configuration() -> None:
    configs = (SMALL, replace(SMALL, runs=3), replace(SMALL, seed=8), replace(SMALL, metadata_only=True))
    assert len({ctao_release_stamp(config) for config in configs}) == 4


def test_complete_release_is_left_alone_and_another_replaced(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    paths = simulate_ctao_release(tmp_path / "r", SMALL, lambda done, total: calls.append((done, total)))
    assert calls == [(0, 2), (1, 2), (2, 2)]
    before = {p: p.stat().st_mtime_ns for p in paths}
    simulate_ctao_release(tmp_path / "r", SMALL, lambda done, total: calls.append((done, total)))
    assert calls[3:] == [(2, 2)]
    assert {p: p.stat().st_mtime_ns for p in paths} == before
    simulate_ctao_release(tmp_path / "r", replace(SMALL, metadata_only=True))
    assert not (tmp_path / "r" / "data").exists()


def test_foreign_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("x")
    with pytest.raises(ConfigError, match="not a simulated release"):
        simulate_ctao_release(tmp_path, SMALL)


def test_default_release_is_small(release: Path) -> None:
    assert ObservatoryConfig().runs == 60
    assert sum(map(len, contents(release).values())) * 60 / CONFIG.runs < 15e6


def test_everything_says_that_it_is_simulated(release: Path) -> None:
    text = (release / "README.txt").read_text(encoding="ascii")
    assert text.startswith("SIMULATED")
    assert "930001 to 930036" in text
    for path in release.rglob("*.fits.gz"):
        with fits.open(path) as hdus:
            hdus.verify("exception")
            for hdu in hdus:
                assert hdu.header["SIMULATE"] is True
                assert hdu.header["ORIGIN"] == "SIMULATED, not CTAO data"
                assert hdu.header["CREATOR"] == f"cherenkov-vo simulator {SIMULATOR_VERSION}"
                assert "SIMULATED data" in str(hdu.header["COMMENT"])
                if "INSTRUME" in hdu.header:
                    assert hdu.header["INSTRUME"].startswith("Simulated")


# --- the indexes ----------------------------------------------------------------------


def test_observation_index_has_every_kind_of_value(observations: NDArray[Any]) -> None:
    def values(name: str) -> set[Any]:
        return set(observations[name].tolist())

    assert values("OBS_MODE") == {"WOBBLE", "POINTING", "ON", "OFF", "RASTER", "DRIFT", "SLEW"}
    assert values("QUALITY") == {0, 1, 2}
    assert values("TELESCOP") == {"CTAO-N", "CTAO-S"}
    assert values("PROP_TYP") == {"", "KSP", "GO", "DDT"}
    assert values("CONFIG") == set(ANALYSES)
    assert values("EVTYPE") == {"", "type1,type2"}
    assert {np.sign(depth) for depth in values("CONV_DEP")} == {-1, 0, 1}
    assert {"", "AGN", "PWN"} <= values("OBJTYPE") <= {"", *TARGET_TYPES}
    assert len(values("ANA_VER")) == 4
    assert all(re.fullmatch(r"SIM-20\d\d-0\d\d\d", p) for p in values("PROP_ID") - {""})
    assert all(re.fullmatch(r"Simulated Observer \d", p) for p in values("PROP_PI") - {""})
    assert all(title.startswith("Simulated") for title in values("PROP_TTL") - {""})


def test_proposals_and_release_dates_go_together(observations: NDArray[Any]) -> None:
    embargo = observations["RELDATE"] >= "2030-01-01"
    assert 0.05 < np.mean(embargo) < 0.15
    np.testing.assert_array_equal(embargo, observations["PROP_TYP"] == "GO")
    at_once = observations["PROP_TYP"] == "DDT"
    assert (observations["RELDATE"][at_once] > observations["DATE-END"][at_once]).all()
    assert (observations["RELDATE"][~embargo & ~at_once] == "").all()
    for name in ("PROP_ID", "PROP_TTL", "PROP_PI"):
        np.testing.assert_array_equal(observations[name] == "", observations["PROP_TYP"] == "")


def test_runs_become_public_after_they_were_taken() -> None:
    config = ObservatoryConfig(runs=100_000)
    *_, runs = plan(config)
    rows = RowMaker(config).rows(runs)
    assert rows["DATE-END"][-1] > b"2030-06-01"
    dated = rows["RELDATE"] != b""
    assert 0.1 < np.mean(dated) < 0.6
    assert (rows["RELDATE"][dated] > rows["DATE-END"][dated]).all()


def test_fields_without_a_source_have_no_object(observations: NDArray[Any]) -> None:
    names = {target.name: kind for target, kind in zip(TARGETS, TARGET_TYPES, strict=True)}
    for row in observations:
        if row["OBS_MODE"] in {"DRIFT", "SLEW"} or row["CONFIG"] == "divergent":
            assert (row["OBJECT"], row["OBJTYPE"]) == ("", "")
            assert np.isnan(row["RA_OBJ"])
        elif row["OBS_MODE"] == "OFF":
            assert row["OBJECT"].endswith(" off field")
            assert row["OBJTYPE"] == ""
        elif row["OBJECT"]:
            assert row["OBJTYPE"] == names[row["OBJECT"]]
        drift = row["OBS_MODE"] == "DRIFT"
        assert np.isnan([row[n] for n in ("RA_PNT", "DEC_PNT", "GLON_PNT", "GLAT_PNT")]).all() == drift
        assert np.isfinite([row[n] for n in ("ALT_PNT", "AZ_PNT", "ZEN_PNT")]).all()


def test_sites_are_told_row_by_row(observations: NDArray[Any]) -> None:
    for row in observations:
        (profile,) = (p for p in SITES if p.telescop == row["TELESCOP"])
        assert row["INSTRUME"] == profile.instrume
        assert (row["GEOLON"], row["GEOLAT"]) == (profile.longitude_deg, profile.latitude_deg)
        assert row["ALTITUDE"] == profile.altitude_m
        assert tuple(row["TELLIST"].split(",")) == profile.telescopes
        assert row["N_TELS"] == len(profile.telescopes)


def test_hdu_index_points_to_what_is_there(release: Path, observations: NDArray[Any]) -> None:
    rows = fits.getdata(release / "hdu-index.fits.gz", "HDU_INDEX")
    two_types = observations["OBS_ID"][observations["CONFIG"] == "types"]
    assert 0 < len(two_types) < len(observations)
    for obs_id in observations["OBS_ID"]:
        mine = rows[rows["OBS_ID"] == obs_id]
        kinds = ["events", "gti", "aeff", "edisp", "psf", "bkg"]
        assert list(mine["HDU_TYPE"]) == kinds * (2 if obs_id in two_types else 1)
    checked = set()
    for row in rows:
        where = (row["FILE_DIR"], row["FILE_NAME"], row["HDU_NAME"])
        if where in checked:
            continue
        checked.add(where)
        with fits.open(release / row["FILE_DIR"] / row["FILE_NAME"]) as hdus:
            info = hdus[row["HDU_NAME"]].fileinfo()
            header = hdus[row["HDU_NAME"]].header
        assert row["SIZE"] == info["datLoc"] - info["hdrLoc"] + info["datSpan"]
        form = header["HDUCLAS4"] if header["HDUCLAS1"] == "RESPONSE" else header["HDUCLAS1"]
        assert form.lower() == row["HDU_CLASS"]
    assert len(checked) < len(rows) - 40  # responses are shared


def test_responses_fit_the_runs(release: Path, observations: NDArray[Any]) -> None:
    rows = fits.getdata(release / "hdu-index.fits.gz", "HDU_INDEX")
    for observation in observations:
        mine = rows[(rows["OBS_ID"] == observation["OBS_ID"]) & (rows["HDU_TYPE"] == "aeff")]
        headers = [fits.getheader(release / r["FILE_DIR"] / r["FILE_NAME"], "AEFF") for r in mine]
        assert ",".join(h.get("EVTYPE", "") for h in headers) == observation["EVTYPE"]
        for header in headers:
            assert header["TELESCOP"] == observation["TELESCOP"]
            assert header["EV_CLASS"] == observation["EV_CLASS"]
            assert abs(header["ZENITH"] - observation["ZEN_PNT"]) <= 20
            assert observation["SAFE_ENERGY_LO"] <= header["LO_THRES"] < header["HI_THRES"]
        assert observation["SAFE_ENERGY_LO"] == min(h["LO_THRES"] for h in headers)


# --- the runs -------------------------------------------------------------------------


def test_run_files_agree_with_the_index(release: Path, observations: NDArray[Any]) -> None:
    for row in observations:
        types = row["EVTYPE"].split(",") if row["EVTYPE"] else [None]
        suffixes = ["_1", "_2"] if len(types) == 2 else [""]
        with fits.open(run_path(release, row["OBS_ID"])) as hdus:
            assert [h.name for h in hdus] == ["PRIMARY"] + [
                f"{n}{s}" for s in suffixes for n in ("EVENTS", "GTI")
            ]
            assert row["EVENT_COUNT"] == sum(len(hdus[f"EVENTS{s}"].data) for s in suffixes)
            for number, (suffix, kind) in enumerate(zip(suffixes, types, strict=True), start=1):
                for name in ("EVENTS", "GTI"):
                    header = hdus[f"{name}{suffix}"].header
                    assert (header["EXTVER"], header.get("EVTYPE")) == (number, kind)
                    assert header["HDUCLAS1"] == name
                header = hdus[f"EVENTS{suffix}"].header
                for column in OBS_COLUMNS:
                    if column.name in {"EVENT_COUNT", "SAFE_ENERGY_LO", "SAFE_ENERGY_HI", "EVTYPE"}:
                        continue
                    value = row[column.name]
                    unknown = value == "" or value != value
                    assert (column.name not in header) == unknown, column.name
                    assert unknown or header[column.name] == value, column.name
                gti = hdus[f"GTI{suffix}"].data
                assert np.sum(gti["STOP"] - gti["START"]) == pytest.approx(row["ONTIME"])


def test_events_are_in_the_good_times_and_in_order(release: Path, observations: NDArray[Any]) -> None:
    ids: list[int] = []
    for path in sorted((release / "data").iterdir()):
        with fits.open(path) as hdus:
            for name in [h.name for h in hdus if h.name.startswith("EVENTS")]:
                events, gti = hdus[name].data, hdus[name.replace("EVENTS", "GTI")].data
                inside = (events["TIME"][:, None] >= gti["START"]) & (events["TIME"][:, None] <= gti["STOP"])
                assert inside.any(axis=1).all()
                assert (np.diff(events["TIME"]) >= 0).all()
                assert ((events["RA"] >= 0) & (events["RA"] < 360)).all()
                ids += events["EVENT_ID"].tolist()
    assert len(set(ids)) == len(ids) == observations["EVENT_COUNT"].sum()


def events_of(release: Path, observations: NDArray[Any], **wanted: str) -> list[tuple[Any, NDArray[Any]]]:
    mask = np.all([observations[name] == value for name, value in wanted.items()], axis=0)
    assert mask.any()
    return [(row, fits.getdata(run_path(release, row["OBS_ID"]), 1)) for row in observations[mask]]


def test_events_of_a_drift_scan_follow_the_sky(release: Path, observations: NDArray[Any]) -> None:
    for _, events in events_of(release, observations, OBS_MODE="DRIFT"):
        time, ra = events["TIME"] - events["TIME"][0], np.unwrap(events["RA"], period=360.0)
        slope = np.polyfit(time, ra, 1)[0]
        # 2000 events with a scatter of 2 to 3 degrees over 1200 s: good to a tenth.
        assert slope == pytest.approx(360 / 86164.1, rel=0.15)


def test_events_of_a_slew_follow_the_telescopes(release: Path, observations: NDArray[Any]) -> None:
    for row, events in events_of(release, observations, OBS_MODE="SLEW"):
        lon, lat = sphere.to_offsets(row["RA_PNT"], row["DEC_PNT"], events["RA"], events["DEC"])
        early = events["TIME"] < (row["TSTART"] + row["TSTOP"]) / 2
        assert lon[~early].mean() > lon[early].mean() + 1
        assert lat[~early].mean() > lat[early].mean() + 0.5


def test_a_bright_source_stands_out_where_it_is(release: Path, observations: NDArray[Any]) -> None:
    excesses = []
    for row, events in events_of(release, observations, OBS_MODE="WOBBLE", OBJECT="Crab Nebula"):
        lon, lat = sphere.to_offsets(row["RA_PNT"], row["DEC_PNT"], events["RA"], events["DEC"])
        at = sphere.to_offsets(row["RA_PNT"], row["DEC_PNT"], row["RA_OBJ"], row["DEC_OBJ"])
        on = np.hypot(lon - at[0], lat - at[1]) < 0.2
        off = np.hypot(lon + at[0], lat + at[1]) < 0.2
        excesses.append((on.sum() - off.sum()) / np.sqrt(on.sum() + off.sum()))
    assert min(excesses) > 10


# --- metadata only --------------------------------------------------------------------


def test_metadata_are_those_of_the_release_with_files(
    metadata: Path, release: Path, observations: NDArray[Any]
) -> None:
    assert not (metadata / "data").exists()
    rows = fits.getdata(metadata / "obs-index.fits.gz", "OBS_INDEX")
    for column in OBS_COLUMNS:
        if column.name != "EVENT_COUNT":
            np.testing.assert_array_equal(rows[column.name], observations[column.name])
    mean, found = rows["EVENT_COUNT"].sum(), observations["EVENT_COUNT"].sum()
    # Both are Poisson numbers; some source events leave the energy range.
    assert abs(float(mean) - float(found)) < 5 * np.sqrt(2 * found) + 0.01 * found
    full, less = (fits.getdata(d / "hdu-index.fits.gz", "HDU_INDEX") for d in (release, metadata))
    responses = full[~np.isin(full["HDU_TYPE"], ("events", "gti"))]
    assert less.tolist() == responses.tolist()
    for path in (release / "caldb").iterdir():
        assert path.read_bytes() == (metadata / "caldb" / path.name).read_bytes()


def test_gaps_are_seen_in_the_durations(metadata: Path) -> None:
    rows = fits.getdata(metadata / "obs-index.fits.gz", "OBS_INDEX")
    gaps = rows["TSTOP"] - rows["TSTART"] - rows["ONTIME"]
    assert 0.1 < np.mean(gaps > 0) < 0.4
    assert gaps[gaps > 0].min() >= 60
    assert gaps.min() == 0
    np.testing.assert_allclose(rows["LIVETIME"], rows["ONTIME"] * rows["DEADC"])


def test_pieces_join_without_a_seam(tmp_path: Path) -> None:
    number = 2 * CHUNK + 5
    calls: list[tuple[int, int]] = []
    simulate_ctao_release(
        tmp_path / "r",
        ObservatoryConfig(number, metadata_only=True),
        lambda done, total: calls.append((done, total)),
    )
    assert calls == [(n, number) for n in (0, CHUNK, 2 * CHUNK, number)]
    rows = fits.getdata(tmp_path / "r" / "obs-index.fits.gz", "OBS_INDEX")
    assert rows["OBS_ID"].tolist() == list(range(930_001, 930_001 + number))
    assert (np.diff(rows["TSTART"]) >= 0).all()
    assert not np.array_equal(rows["MUONEFF"][:1000], rows["MUONEFF"][CHUNK : CHUNK + 1000])
    hdus = fits.getdata(tmp_path / "r" / "hdu-index.fits.gz", "HDU_INDEX")
    assert len(hdus) == 4 * (number + np.sum(rows["CONFIG"] == "types"))
    assert (np.diff(hdus["OBS_ID"]) >= 0).all()


def test_no_text_is_cut_off() -> None:
    texts = {
        "TELESCOP": [p.telescop for p in SITES],
        "INSTRUME": [p.instrume for p in SITES],
        "TELLIST": [",".join(p.telescopes) for p in SITES],
        "OBJECT": [f"{t.name} off field" for t in TARGETS],
        "OBJTYPE": TARGET_TYPES,
        "PROP_TTL": [f"Simulated proposal: gamma rays from {t.name}" for t in TARGETS],
        "CONFIG": list(ANALYSES),
        "ANA_VER": [f"{key}-1.0" for key in ANALYSES],
        "EV_CLASS": [s.ev_class for sets in ANALYSES.values() for s in sets],
    }
    for name, values in texts.items():
        assert max(map(len, values)) <= ROW[name].itemsize, name
