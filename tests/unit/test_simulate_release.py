"""The sample simulator: the release as a set of files, their layout and labels, determinism."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time

from ingest.errors import ConfigError
from simulate import (
    CTAO_NORTH_LIKE,
    CTAO_SOUTH_LIKE,
    HESS_LIKE,
    SIMULATOR_VERSION,
    FacilityProfile,
    SimulationConfig,
    release_stamp,
    simulate_release,
)
from simulate.release import STAMP_NAME

CONFIG = SimulationConfig(runs=10)
SMALL = SimulationConfig(runs=2, seed=7)


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("simulated") / "release"
    simulate_release(directory, CONFIG)
    return directory


@pytest.fixture(scope="session")
def run_files(release: Path) -> list[Path]:
    return sorted((release / "data").iterdir())


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


# --- the release as a set of files ---------------------------------------------------


def test_paths_returned_are_the_files_written(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    paths = simulate_release(directory, SMALL)
    assert [str(p.relative_to(directory)) for p in paths] == [
        "data/sim_hess_obs_id_900001.fits.gz",
        "data/sim_hess_obs_id_900002.fits.gz",
        "hdu-index.fits.gz",
        "obs-index.fits.gz",
        "README.txt",
    ]
    assert set(contents(directory)) == {str(p.relative_to(directory)) for p in paths} | {STAMP_NAME}
    assert [p.name for p in directory.parent.iterdir()] == ["b"]


def test_same_configuration_gives_same_bytes(tmp_path: Path) -> None:
    simulate_release(tmp_path / "one", SMALL)
    simulate_release(tmp_path / "two", SMALL)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_gives_other_events(tmp_path: Path) -> None:
    simulate_release(tmp_path / "one", replace(SMALL, runs=1))
    simulate_release(tmp_path / "two", replace(SMALL, runs=1, seed=8))
    name = "data/sim_hess_obs_id_900001.fits.gz"
    one, two = (fits.getdata(tmp_path / d / name, "EVENTS") for d in ("one", "two"))
    assert len(one) != len(two) or not np.array_equal(one["ENERGY"], two["ENERGY"])


def test_gzip_headers_carry_no_time_or_name(release: Path) -> None:
    for path in release.rglob("*.gz"):
        head = path.read_bytes()[:10]
        assert head[3] == 0, path  # no flags: no name
        assert head[4:8] == b"\0\0\0\0", path


def test_release_is_small(release: Path) -> None:
    assert sum(len(b) for b in contents(release).values()) < CONFIG.runs * 600_000


def test_readme_says_what_it_is(release: Path) -> None:
    text = (release / "README.txt").read_text(encoding="ascii")
    assert text.startswith("SIMULATED")
    for word in (SIMULATOR_VERSION, str(CONFIG.seed), "900001 to 900010", "Do not use"):
        assert word in text


def test_complete_release_is_left_alone(tmp_path: Path) -> None:
    directory = tmp_path / "release"
    first = simulate_release(directory, SMALL)
    before = {p: p.stat().st_mtime_ns for p in first}
    calls: list[tuple[int, int]] = []
    assert simulate_release(directory, SMALL, lambda done, total: calls.append((done, total))) == first
    assert {p: p.stat().st_mtime_ns for p in first} == before
    assert calls == [(2, 2)]


def test_incomplete_release_is_made_again(tmp_path: Path) -> None:
    paths = simulate_release(tmp_path / "release", SMALL)
    content = paths[0].read_bytes()
    paths[0].unlink()
    simulate_release(tmp_path / "release", SMALL)
    assert paths[0].read_bytes() == content


def test_release_of_another_configuration_is_replaced(tmp_path: Path) -> None:
    directory = tmp_path / "release"
    simulate_release(directory, SMALL)
    simulate_release(directory, replace(SMALL, runs=1))
    assert len(list((directory / "data").iterdir())) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["release"]


def test_foreign_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("x")
    with pytest.raises(ConfigError, match="not a simulated release"):
        simulate_release(tmp_path, SMALL)
    with pytest.raises(ConfigError, match="not a directory"):
        simulate_release(tmp_path / "precious.txt", SMALL)
    assert (tmp_path / "precious.txt").read_text() == "x"


def test_an_empty_directory_is_used(tmp_path: Path) -> None:
    assert all(p.is_file() for p in simulate_release(tmp_path / ".", replace(SMALL, runs=1)))


def test_failure_leaves_the_earlier_release(tmp_path: Path) -> None:
    directory = tmp_path / "release"
    simulate_release(directory, SMALL)
    before = contents(directory)

    def fail(done: int, total: int) -> None:
        if done == 1:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        simulate_release(directory, replace(SMALL, seed=9), fail)
    assert contents(directory) == before
    assert [p.name for p in tmp_path.iterdir()] == ["release"]


def test_progress_is_reported(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    simulate_release(tmp_path / "release", SMALL, lambda done, total: calls.append((done, total)))
    assert calls == [(0, 2), (1, 2), (2, 2)]


def test_stamp_names_the_whole_configuration() -> None:
    stamps = {
        release_stamp(c)
        for c in (
            SMALL,
            replace(SMALL, runs=3),
            replace(SMALL, seed=8),
            replace(SMALL, facility=CTAO_NORTH_LIKE),
            replace(SMALL, facility=replace(HESS_LIKE, area_m2=1e5)),
        )
    }
    assert len(stamps) == 5
    assert all(SIMULATOR_VERSION in stamp for stamp in stamps)
    assert release_stamp(SMALL) == release_stamp(SimulationConfig(runs=2, seed=7))


# --- layout of the files --------------------------------------------------------------

RESPONSES = {
    "AEFF": ("EFF_AREA", "AEFF_2D", ["ENERG", "THETA"], "EFFAREA", "m2"),
    "EDISP": ("EDISP", "EDISP_2D", ["ENERG", "MIGRA", "THETA"], "MATRIX", None),
    "PSF": ("RPSF", "PSF_TABLE", ["ENERG", "THETA", "RAD"], "RPSF", "sr^-1"),
    "BKG": ("BKG", "BKG_3D", ["DETX", "DETY", "ENERG"], "BKG", "MeV-1 s-1 sr-1"),
}


def test_files_are_valid_and_every_hdu_is_labelled(release: Path) -> None:
    for path in release.rglob("*.fits.gz"):
        with fits.open(path) as hdus:
            hdus.verify("exception")
            for hdu in hdus:
                assert hdu.header["SIMULATE"] is True
                assert hdu.header["ORIGIN"] == "SIMULATED, not H.E.S.S. data"
                assert hdu.header["CREATOR"] == f"cherenkov-vo simulator {SIMULATOR_VERSION}"
                assert "SIMULATED data" in str(hdu.header["COMMENT"])


def test_hdus_come_in_the_order_of_the_release(run_files: list[Path]) -> None:
    for path in run_files:
        with fits.open(path) as hdus:
            assert [h.name for h in hdus] == ["PRIMARY", "EVENTS", "GTI", "AEFF", "EDISP", "PSF", "BKG"]


def test_event_columns(run_files: list[Path]) -> None:
    with fits.open(run_files[0]) as hdus:
        columns = hdus["EVENTS"].columns
        assert columns.names == ["EVENT_ID", "TIME", "RA", "DEC", "ENERGY"]
        assert columns.formats == ["1K", "1D", "1E", "1E", "1E"]
        assert columns.units == ["", "s", "deg", "deg", "TeV"]
        assert hdus["EVENTS"].header["HDUCLAS1"] == "EVENTS"
        assert hdus["GTI"].columns.names == ["START", "STOP"]
        assert hdus["GTI"].header["HDUCLAS1"] == "GTI"


@pytest.mark.parametrize("name", RESPONSES)
def test_response_layout(run_files: list[Path], name: str) -> None:
    class2, class4, axes, column, unit = RESPONSES[name]
    with fits.open(run_files[0]) as hdus:
        hdu = hdus[name]
        found = [hdu.header[f"HDUCLAS{n}"] for n in range(1, 5)]
        assert found == ["RESPONSE", class2, "FULL-ENCLOSURE", class4]
        assert hdu.columns.names == [f"{a}_{end}" for a in axes for end in ("LO", "HI")] + [column]
        assert hdu.columns[column].unit == unit
        lengths = [hdu.data[f"{a}_LO"].shape[1] for a in axes]
        assert hdu.columns[column].dim.replace(" ", "") == "(" + ",".join(map(str, lengths)) + ")"
        assert hdu.data[column].shape == (1, *reversed(lengths))
        assert hdu.data[column].dtype == np.dtype(">f4")
        assert hdu.data["THETA_LO" if "THETA" in axes else "DETX_LO"][0, 0] <= 0


def test_event_header(run_files: list[Path]) -> None:
    for path in run_files:
        with fits.open(path) as hdus:
            head, gti = hdus["EVENTS"].header, hdus["GTI"].data
            assert path.name == f"sim_hess_obs_id_{head['OBS_ID']:06d}.fits.gz"
            assert head["TELESCOP"] == "HESS"
            assert "Simulated" in head["INSTRUME"]
            assert (head["TIMESYS"], head["TIMEUNIT"], head["RADECSYS"]) == ("TT", "s", "ICRS")
            assert head["ONTIME"] == pytest.approx(float(np.sum(gti["STOP"] - gti["START"])))
            assert head["LIVETIME"] == pytest.approx(head["DEADC"] * head["ONTIME"])
            assert 0.85 < head["DEADC"] < 1
            assert (head["TSTART"], head["TSTOP"]) == (gti["START"][0], gti["STOP"][-1])
            reference = Time(head["MJDREFI"], head["MJDREFF"], format="mjd", scale="tt")
            for key, seconds in (("OBS", head["TSTART"]), ("END", head["TSTOP"])):
                written = Time(f"{head['DATE-' + key]}T{head['TIME-' + key]}", scale="tt")
                assert abs((written - reference).sec - seconds) < 2e-3
            assert head["N_TELS"] == len(head["TELLIST"].split(","))
            assert head["DATE"] == "2004-03-26T00:00:00"


def test_effective_area_header(run_files: list[Path]) -> None:
    with fits.open(run_files[0]) as hdus:
        head, events = hdus["AEFF"].header, hdus["EVENTS"].header
        assert head["ZENITH"] + events["ALT_PNT"] == pytest.approx(90)
        assert head["AZIMUTH"] == events["AZ_PNT"]
        assert 0.1 < head["LO_THRES"] < 1 < head["HI_THRES"] == 100
        assert head["TELPAT"] == 30


def test_events_are_in_the_good_times_and_in_order(run_files: list[Path]) -> None:
    ids: list[int] = []
    intervals = []
    for path in run_files:
        with fits.open(path) as hdus:
            events, gti = hdus["EVENTS"].data, hdus["GTI"].data
            time = events["TIME"]
            inside = (time[:, None] >= gti["START"]) & (time[:, None] <= gti["STOP"])
            assert inside.any(axis=1).all()
            assert inside.any(axis=0).all()
            assert (np.diff(time) >= 0).all()
            assert (gti["STOP"] > gti["START"] + 100).all()
            assert (gti["START"][1:] > gti["STOP"][:-1]).all()
            assert ((events["RA"] >= 0) & (events["RA"] < 360)).all()
            assert ((events["ENERGY"] >= np.float32(0.1)) & (events["ENERGY"] <= np.float32(100))).all()
            ids += events["EVENT_ID"].tolist()
            intervals.append(len(gti))
    assert len(set(ids)) == len(ids) > 1000
    assert set(intervals) == {1, 2, 3}


def test_hdu_index_describes_the_files(release: Path) -> None:
    rows = fits.getdata(release / "hdu-index.fits.gz", "HDU_INDEX")
    assert len(rows) == 6 * CONFIG.runs
    for row in rows[:12]:
        path = release / row["FILE_DIR"] / row["FILE_NAME"]
        with fits.open(path) as hdus:
            hdu = hdus[row["HDU_NAME"]]
            info = hdu.fileinfo()
            assert row["SIZE"] == info["datLoc"] - info["hdrLoc"] + info["datSpan"]
            assert hdus["EVENTS"].header["OBS_ID"] == row["OBS_ID"]
    assert list(rows["HDU_CLASS"][:6]) == ["aeff_2d", "bkg_3d", "edisp_2d", "events", "gti", "psf_table"]


def test_obs_index_agrees_with_the_files(release: Path, run_files: list[Path]) -> None:
    with fits.open(release / "obs-index.fits.gz") as hdus:
        rows, header, columns = hdus["OBS_INDEX"].data, hdus["OBS_INDEX"].header, hdus["OBS_INDEX"].columns
        assert len(columns) == 31
        assert header["HDUCLAS2"] == "OBS"
        assert (header["GEOLON"], header["GEOLAT"]) == (HESS_LIKE.longitude_deg, HESS_LIKE.latitude_deg)
        assert rows["OBS_ID"].tolist() == list(range(900_001, 900_001 + CONFIG.runs))
        for row, path in zip(rows, run_files, strict=True):
            head = fits.getheader(path, "EVENTS")
            assert row["EVENT_COUNT"] == head["NAXIS2"]
            for name in ("OBJECT", "TSTART", "DATE-OBS", "TIME-END", "TELLIST", "N_TELS"):
                assert row[name] == head[name]
            for name in ("RA_PNT", "GLON_PNT", "ALT_PNT", "LIVETIME"):
                assert row[name] == np.float32(head[name])
            assert np.isnan(row["TARGET_OFFSET"]) == (row["TARGET_TAG"] == "offdata")


# --- other facilities -----------------------------------------------------------------


@pytest.mark.parametrize("profile", [CTAO_NORTH_LIKE, CTAO_SOUTH_LIKE], ids=lambda p: p.key)
def test_other_facilities_are_other_values(tmp_path: Path, profile: FacilityProfile) -> None:
    paths = simulate_release(tmp_path / "release", SimulationConfig(runs=2, facility=profile))
    assert gzip.decompress(paths[0].read_bytes()).startswith(b"SIMPLE  =")
    with fits.open(paths[0]) as hdus:
        hdus.verify("exception")
        head = hdus["EVENTS"].header
        assert head["TELESCOP"] == profile.telescop
        assert head["ORIGIN"] == "SIMULATED, not CTAO data"
        assert tuple(head["TELLIST"].split(",")) == profile.telescopes
        assert head["GEOLAT"] == profile.latitude_deg
        assert hdus["AEFF"].data["ENERG_HI"].max() == pytest.approx(profile.energy_max_tev)
        assert head["NAXIS2"] > 300
