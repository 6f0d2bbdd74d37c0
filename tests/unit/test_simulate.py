"""The sample simulator: layout, labels, determinism, and physical sanity of what it draws."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_sun
from astropy.io import fits
from astropy.time import Time
from astropy.utils import iers
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import ConfigError
from simulate import (
    CTAO_NORTH_LIKE,
    CTAO_SOUTH_LIKE,
    HESS_LIKE,
    PROFILES,
    SIMULATOR_VERSION,
    FacilityProfile,
    SimulationConfig,
    Target,
    release_stamp,
    simulate_release,
    sphere,
    tables,
)
from simulate.events import background_expectation, draw_events, source_expectation
from simulate.release import STAMP_NAME
from simulate.responses import MEV_PER_TEV, RAD_MAX_DEG, Instrument, erf
from simulate.schedule import RunPlan, mission_time, plan_runs
from simulate.tables import ResponseTable

CONFIG = SimulationConfig(runs=10)
SMALL = SimulationConfig(runs=2, seed=7)
ALL_PROFILES = [pytest.param(p, id=p.key) for p in PROFILES.values()]
ZENITHS = [0.0, 30.0, 49.0]


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("simulated") / "release"
    simulate_release(directory, CONFIG)
    return directory


@pytest.fixture(scope="session")
def run_files(release: Path) -> list[Path]:
    return sorted((release / "data").iterdir())


@pytest.fixture()
def no_downloads() -> Iterator[None]:
    # Tables as old as the installed astropy's are good enough to check with.
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("auto_max_age", None):
        yield


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}


def plan_for(target: Target, ontime: float = 1500.0) -> RunPlan:
    """Make a run with the target at its wobble offset."""
    ra, dec = sphere.from_offsets(target.ra_deg, target.dec_deg, 0.0, target.offset_deg)
    return RunPlan(900_001, target, float(ra), float(dec), 60.0, 180.0, ((1000.0, 1000.0 + ontime),))


def assert_poisson(found: float, expected: float, systematic: float = 0.0) -> None:
    """Check that a number is within 5 sigma of its mean."""
    assert abs(found - expected) < 5 * np.sqrt(expected) + systematic * expected, (found, expected)


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


# --- configurations that make no sense ------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {"runs": 0},
        {"runs": 201},
        {"runs": 2.5},
        {"runs": True},
        {"seed": -1},
        {"seed": 2**63},
        {"facility": "x"},
    ],
)
def test_nonsense_configuration_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(values))}=.*expected"):
        SimulationConfig(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [
        {"prefix": "../up"},
        {"origin": "H.E.S.S. Collaboration"},
        {"instrume": "H.E.S.S. Phase I"},
        {"latitude_deg": 91.0},
        {"longitude_deg": 181.0},
        {"telescopes": ()},
        {"targets": ()},
        {"first_obs_id": 0},
        {"first_obs_id": 999_900},
        {"energy_min_tev": 1.0},
        {"run_seconds": 4000},
        {"min_altitude_deg": 5.0},
        {"area_m2": 0.0},
        {"background_rate": -1.0},
    ],
)
def test_nonsense_profile_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="Facility profile hess-like"):
        replace(HESS_LIKE, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [{"ra_deg": 360.0}, {"dec_deg": 91.0}, {"flux": -1.0}, {"offset_deg": 3.0}, {"radius_deg": -0.1}],
)
def test_nonsense_target_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="Target x"):
        replace(Target("x", "x", 0.0, 0.0), **values)


def test_profile_without_visible_target_is_refused() -> None:
    polaris = Target("Polaris", "polaris", 37.9546, 89.2641)
    with pytest.raises(ConfigError, match="no target is above 40"):
        plan_runs(SimulationConfig(runs=1, facility=replace(HESS_LIKE, targets=(polaris,))))


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


# --- schedule -------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ALL_PROFILES)
@pytest.mark.parametrize("runs", [1, 25])
def test_any_number_of_runs_can_be_planned(profile: FacilityProfile, runs: int) -> None:
    plans = plan_runs(SimulationConfig(runs=runs, facility=profile))
    check_plans(plans, profile, runs)


def test_two_hundred_runs_can_be_planned() -> None:
    check_plans(plan_runs(SimulationConfig(runs=200)), HESS_LIKE, 200)


def check_plans(plans: list[RunPlan], profile: FacilityProfile, runs: int) -> None:
    assert [p.obs_id for p in plans] == list(range(profile.first_obs_id, profile.first_obs_id + runs))
    for plan in plans:
        assert plan.altitude_deg >= profile.min_altitude_deg
        found = sphere.separation_deg(
            plan.ra_pnt_deg, plan.dec_pnt_deg, plan.target.ra_deg, plan.target.dec_deg
        )
        assert found == pytest.approx(plan.target.offset_deg, abs=1e-5)
        assert 0 <= plan.azimuth_deg < 360
    for one, two in itertools.pairwise(plans):
        assert two.tstart > one.tstop


def test_targets_and_wobble_directions_are_mixed() -> None:
    plans = plan_runs(SimulationConfig())
    assert len({p.target.name for p in plans}) == len(HESS_LIKE.targets)
    crab = [p for p in plan_runs(SimulationConfig(runs=200)) if p.target.tag == "crab"]
    assert len({(p.ra_pnt_deg, p.dec_pnt_deg) for p in crab}) == 4


def test_pointings_are_up_in_the_dark_says_astropy(no_downloads: None) -> None:
    site = EarthLocation(
        HESS_LIKE.longitude_deg * u.deg, HESS_LIKE.latitude_deg * u.deg, HESS_LIKE.altitude_m * u.m
    )
    for plan in plan_runs(CONFIG):
        ends = [mission_time(HESS_LIKE, t) for t in (plan.tstart, (plan.tstart + plan.tstop) / 2, plan.tstop)]
        sky = SkyCoord(plan.ra_pnt_deg, plan.dec_pnt_deg, unit="deg")
        places = [sky.transform_to(AltAz(obstime=t, location=site)) for t in ends]
        assert abs(places[1].alt.deg - plan.altitude_deg) < 0.02
        assert abs(places[1].az.deg - plan.azimuth_deg) * np.cos(places[1].alt.rad) < 0.02
        for time in (ends[0], ends[2]):
            assert get_sun(time).transform_to(AltAz(obstime=time, location=site)).alt.deg < -17.9


# --- responses ------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ALL_PROFILES)
@pytest.mark.parametrize("zenith", ZENITHS)
class TestResponses:
    def test_energy_dispersion_is_normalised(self, profile: FacilityProfile, zenith: float) -> None:
        table = tables.edisp_table(Instrument(profile, zenith))
        migra = table.axes[1]
        sums = np.einsum("tme,m->te", table.values, migra.high - migra.low)
        assert (table.values >= 0).all()
        np.testing.assert_allclose(sums, 1, atol=1e-9)

    def test_energy_is_right_at_high_energies(self, profile: FacilityProfile, zenith: float) -> None:
        table = tables.edisp_table(Instrument(profile, zenith))
        migra = table.axes[1]
        mean = np.sum(table.values[0, :, -1] * (migra.high**2 - migra.low**2) / 2)
        assert mean == pytest.approx(1, abs=0.05)

    def test_point_spread_function_is_normalised(self, profile: FacilityProfile, zenith: float) -> None:
        table = tables.psf_table(Instrument(profile, zenith))
        rad = table.axes[2]
        solid_angle = 2 * np.pi * (np.cos(np.radians(rad.low)) - np.cos(np.radians(rad.high)))
        assert (table.values >= 0).all()
        np.testing.assert_allclose(np.einsum("rte,r->te", table.values, solid_angle), 1, atol=1e-6)

    def test_point_spread_function_shrinks_with_energy(self, profile: FacilityProfile, zenith: float) -> None:
        width = Instrument(profile, zenith).psf_width(np.geomspace(0.02, 200, 30), 0.5)
        assert (np.diff(width) <= 0).all()
        assert width[0] > 1.5 * width[-1]

    def test_effective_area_rises_and_falls_off(self, profile: FacilityProfile, zenith: float) -> None:
        table = tables.aeff_table(Instrument(profile, zenith))
        assert (table.values >= 0).all()
        assert (np.diff(table.values[0]) > 0).all()
        assert (np.diff(table.values, axis=0) < 0).all()

    def test_background_falls_off_from_the_centre(self, profile: FacilityProfile, zenith: float) -> None:
        values = tables.background_table(Instrument(profile, zenith)).values
        half = values.shape[1] // 2
        assert (values > 0).all()
        assert (np.diff(values[:, half, half:], axis=1) < 0).all()
        np.testing.assert_allclose(values, values[:, ::-1, ::-1])
        np.testing.assert_allclose(values, values.transpose(0, 2, 1))

    def test_tables_fit_32_bits(self, profile: FacilityProfile, zenith: float) -> None:
        instrument = Instrument(profile, zenith)
        makers = (tables.aeff_table, tables.edisp_table, tables.psf_table, tables.background_table)
        for values in (make(instrument).values for make in makers):
            assert np.isfinite(values.astype(np.float32)).all()


@pytest.mark.parametrize("profile", ALL_PROFILES)
def test_threshold_and_dead_time_depend_on_zenith_angle(profile: FacilityProfile) -> None:
    near, far = Instrument(profile, 5.0), Instrument(profile, 48.0)
    assert profile.energy_min_tev < near.threshold < far.threshold < 1
    assert near.dead_time_correction < far.dead_time_correction < 1
    assert far.effective_area(20.0, 0.5) > near.effective_area(20.0, 0.5)


def test_error_function() -> None:
    np.testing.assert_allclose(
        erf([[-1.0, 0.0], [0.5, 3.0]]), [[-0.842701, 0], [0.5205, 0.999978]], atol=1e-6
    )


# --- events against responses ---------------------------------------------------------


def background_from_table(table: ResponseTable, livetime: float) -> float:
    """Integrate a background table as a reader would: sum over its bins."""
    detx, dety, energy = table.axes
    strip = np.diff(np.sin(np.radians(np.append(dety.low, dety.high[-1]))))
    sky = np.radians(detx.high - detx.low)[None, :] * strip[:, None]
    width = (energy.high - energy.low) * MEV_PER_TEV
    return float(np.einsum("eyx,yx,e->", table.values, sky, width) * livetime)


@pytest.mark.parametrize("profile", ALL_PROFILES)
def test_background_counts_follow_the_table(profile: FacilityProfile) -> None:
    instrument = Instrument(profile, 25.0)
    plan = plan_for(Target("off", "off", 120.0, -30.0))
    expected = background_from_table(tables.background_table(instrument), 20_000.0)
    events = draw_events(instrument, plan, 20_000.0, np.random.default_rng(1))
    # Two per cent: a value at the centre of a bin is not quite the mean over it.
    assert_poisson(len(events.time), expected, systematic=0.02)
    assert expected == pytest.approx(background_expectation(instrument, 20_000.0).sum(), rel=0.02)


def test_background_follows_the_acceptance() -> None:
    instrument = Instrument(HESS_LIKE, 25.0)
    plan = plan_for(Target("off", "off", 120.0, -30.0))
    events = draw_events(instrument, plan, 20_000.0, np.random.default_rng(2))
    lon, lat = sphere.to_offsets(plan.ra_pnt_deg, plan.dec_pnt_deg, events.ra_deg, events.dec_deg)
    assert np.abs(np.concatenate([lon, lat])).max() < HESS_LIKE.offset_max_deg + 1e-3
    assert_poisson((lon > 0).sum(), len(lon) / 2)
    assert_poisson((lat > 0).sum(), len(lat) / 2)
    table = tables.background_table(instrument)
    detx, dety, energy = table.axes
    weight = np.einsum("eyx,y,e->x", table.values, np.cos(np.radians(dety.low)), energy.high - energy.low)
    found, _ = np.histogram(lon, np.append(detx.low, detx.high[-1]))
    for n, share in zip(found, weight / weight.sum(), strict=True):
        assert_poisson(n, share * len(lon), systematic=0.02)


def quiet(profile: FacilityProfile) -> FacilityProfile:
    """Switch the background off."""
    return replace(profile, background_rate=1e-30)


@pytest.mark.parametrize("profile", ALL_PROFILES)
def test_source_counts_follow_flux_and_area(profile: FacilityProfile) -> None:
    target = Target("source", "source", 83.0, 22.0, 3e-11, 2.2)
    instrument, plan = Instrument(quiet(profile), 25.0), plan_for(target)
    expected = source_expectation(instrument, plan, 20_000.0).sum()
    # An independent integral, over the axes of the file at the offset of the source.
    table = tables.aeff_table(instrument)
    energy, theta = table.axes
    centre = np.sqrt(energy.low * energy.high)
    area = np.exp([np.interp(0.5**2, theta.low**2, np.log(column)) for column in table.values.T])
    rough = np.sum(3e-11 * centre**-2.2 * area * 1e4 * (energy.high - energy.low)) * 20_000.0
    assert expected == pytest.approx(rough, rel=0.03)
    events = draw_events(instrument, plan, 20_000.0, np.random.default_rng(3))
    assert_poisson(len(events.time), expected, systematic=0.01)  # some end up out of range


def test_point_source_has_the_shape_of_the_psf() -> None:
    target = Target("source", "source", 83.0, 22.0, 3e-10, 2.2)
    instrument, plan = Instrument(quiet(HESS_LIKE), 25.0), plan_for(target)
    events = draw_events(instrument, plan, 20_000.0, np.random.default_rng(4))
    lon, lat = sphere.to_offsets(target.ra_deg, target.dec_deg, events.ra_deg, events.dec_deg)
    distance = np.hypot(lon, lat)
    assert len(distance) > 10_000
    edges = np.geomspace(HESS_LIKE.energy_min_tev, HESS_LIKE.energy_max_tev, 401)
    mean = source_expectation(instrument, plan, 1.0)
    weight = mean / mean.sum()
    for rad in (0.03, 0.06, 0.1, 0.2, 0.4):
        contained = np.sum(weight * instrument.psf_containment(rad, np.sqrt(edges[1:] * edges[:-1]), 0.5))
        assert_poisson((distance < rad).sum(), contained * len(distance), systematic=0.01)
    assert distance.max() < RAD_MAX_DEG + 1e-3


def test_energies_have_the_shape_of_the_dispersion() -> None:
    target = Target("source", "source", 83.0, 22.0, 1e-10, 2.0, curvature=200.0)  # a line at 1 TeV
    instrument, plan = Instrument(quiet(HESS_LIKE), 10.0), plan_for(target)
    events = draw_events(instrument, plan, 2_000_000.0, np.random.default_rng(5))
    mean, sigma = instrument.migra_parameters(1.0, 0.5)
    assert len(events.energy) > 10_000
    assert np.std(np.log(events.energy)) == pytest.approx(float(np.hypot(sigma, 1 / 20)), rel=0.05)
    assert np.mean(np.log(events.energy)) == pytest.approx(float(mean), abs=0.01)


def test_extended_source_fills_its_disc() -> None:
    target = Target("disc", "disc", 83.0, 22.0, 3e-10, 2.0, radius_deg=0.5)
    sharp = replace(quiet(HESS_LIKE), psf_sigma_deg=0.01)
    events = draw_events(Instrument(sharp, 25.0), plan_for(target), 5_000.0, np.random.default_rng(6))
    lon, lat = sphere.to_offsets(target.ra_deg, target.dec_deg, events.ra_deg, events.dec_deg)
    assert_poisson((np.hypot(lon, lat) < 0.25).sum(), len(lon) / 4, systematic=0.02)


def test_times_are_uniform_over_good_times() -> None:
    plan = replace(plan_for(HESS_LIKE.targets[0]), gtis=((0.0, 600.0), (900.0, 1200.0)))
    events = draw_events(Instrument(HESS_LIKE, 25.0), plan, 5_000.0, np.random.default_rng(7))
    assert_poisson((events.time < 600).sum(), len(events.time) * 2 / 3)
    assert not ((events.time > 600) & (events.time < 900)).any()


# --- other facilities, and geometry ---------------------------------------------------


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


@given(ra0=st.floats(0, 359.99), dec0=st.floats(-80, 80), lon=st.floats(-5, 5), lat=st.floats(-5, 5))
def test_offsets_come_back(ra0: float, dec0: float, lon: float, lat: float) -> None:
    ra, dec = sphere.from_offsets(ra0, dec0, lon, lat)
    assert 0 <= ra < 360
    found = np.array(sphere.to_offsets(ra0, dec0, ra, dec))
    np.testing.assert_allclose(found, [lon, lat], atol=1e-6)


@given(
    radius=st.floats(0.001, 5), angle=st.floats(0, 6.28), ra0=st.floats(0, 359.99), dec0=st.floats(-85, 85)
)
def test_polar_offsets_agree_with_astropy(radius: float, angle: float, ra0: float, dec0: float) -> None:
    ra, dec = sphere.from_offsets(ra0, dec0, *sphere.polar_offsets(radius, angle))
    centre, there = SkyCoord(ra0, dec0, unit="deg"), SkyCoord(ra, dec, unit="deg")
    assert centre.separation(there).deg == pytest.approx(radius, abs=1e-6)
    assert np.cos(centre.position_angle(there).rad - angle) == pytest.approx(1, abs=1e-6)
    assert sphere.separation_deg(ra0, dec0, float(ra), float(dec)) == pytest.approx(radius, abs=1e-6)
