import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from mocpy import TimeMOC

from ingest import columns, feed, gadf, mapping, release
from ingest.constants import HC_EV_M
from ingest.coverage import circle_polygon, to_icrs
from ingest.errors import KeywordError
from ingest.identifiers import DatasetId
from tests import gadf_files

INPUTS = Path(__file__).resolve().parents[2] / "inputs" / "hess_dr"
DATASET = DatasetId("org.example", "hess_dr", "4711")
SERVER = "https://vo.example"


@pytest.fixture(scope="module")
def config():
    return release.load(INPUTS / "release.toml")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return gadf.read(gadf_files.write(tmp_path_factory.mktemp("gadf") / "run.fits"))


@pytest.fixture(scope="module")
def row(run, config):
    return mapping.observation_row(run, config, DATASET, SERVER)


def changed(tmp_path, config, **cards):
    path = gadf_files.write(tmp_path / "run.fits", gadf_files.events(**cards), gadf_files.gti())
    return mapping.observation_row(gadf.read(path), config, DATASET, SERVER)


def test_identity(row):
    assert row["obs_publisher_did"] == str(DATASET)
    assert row["obs_id"] == "4711"
    assert row["dataproduct_type"] == "event-list"
    assert row["obs_collection"] == "HESS-DL3-DR1"
    assert row["target_name"] == "Crab"
    assert row["access_url"] == "https://vo.example/hess_dr/q/file/custom/4711/run.fits"
    assert row["obs_title"] == "H.E.S.S. observation 4711 of Crab"


def test_every_column_of_the_extension_has_a_value_or_null(row):
    for group in ("hea", "obscore"):
        for column in columns.in_group(group):
            assert column.name in row


def test_energies(row):
    assert (row["energy_min"], row["energy_max"]) == (4e11, 8e13)
    assert row["em_min"] == HC_EV_M / 8e13
    assert row["em_max"] == HC_EV_M / 4e11
    assert row["em_min"] * row["energy_max"] == pytest.approx(1.239841984332e-6, rel=1e-12)
    assert row["em_res_power"] == pytest.approx(1 / 0.15, rel=1e-2)
    assert row["em_ref_energy"] == 1e12


def test_without_safe_range_the_events_tell(tmp_path, config):
    row = changed(tmp_path, config)
    assert (row["energy_min"], row["energy_max"]) == (0.5e12, 20e12)


def test_sky(row):
    assert (row["s_ra"], row["s_dec"]) == (83.633333, 22.514444)
    assert row["s_fov"] == 4.0
    corners = SkyCoord(row["s_region"][::2], row["s_region"][1::2], unit="deg")
    distances = corners.separation(SkyCoord(83.633333, 22.514444, unit="deg")).deg
    assert distances == pytest.approx(np.full(24, 2.0), abs=1e-9)


def test_times_and_their_moc(row, run):
    assert row["t_max"] - row["t_min"] == pytest.approx(1680 / 86400, abs=1e-9)
    assert row["t_exptime"] == 1534.5
    moc = TimeMOC.from_string(row["t_intervals"])
    expected = TimeMOC.from_time_ranges(
        run.time_reference.time(run.gti[:, 0]), run.time_reference.time(run.gti[:, 1]), order=41
    )
    assert moc == expected
    assert moc.total_duration.sec == pytest.approx(1680, abs=3)


def test_modes(row):
    assert row["obs_mode"] == "WOBBLE"
    assert row["tracking_mode"] == row["tracking_type"] == "sidereal"
    assert row["scan_mode"] == "on-the-fly-cross-map"
    assert row["pointing_mode"] == "parallel"
    assert row["event_type"] == "std"


@pytest.mark.parametrize(
    ("cards", "name", "value"),
    [
        ({"OBS_MODE": None}, "tracking_mode", None),
        ({"OBS_MODE": "SLEW"}, "scan_mode", "slew"),
        ({"OBS_MODE": "SLEW"}, "tracking_mode", None),
        ({"CONV_DEP": None}, "pointing_mode", None),
        ({"CONV_DEP": 15000.0}, "pointing_mode", "convergent"),
        ({"OBJECT": "  "}, "target_name", None),
        ({"LIVETIME": None}, "t_exptime", None),
        ({"EV_CLASS": None}, "event_type", None),
        ({"TIMEDEL": 1e-6}, "t_resolution", 1e-6),
        ({"CONFIG": "hard"}, "analysis_mode", "hard"),
        ({"RA_PNT": -10.0}, "s_ra", 350.0),
    ],
)
def test_what_headers_leave_out_is_null(tmp_path, config, cards, name, value):
    assert changed(tmp_path, config, **cards)[name] == value


@pytest.mark.parametrize(
    ("cards", "keyword"),
    [
        ({"RA_PNT": None}, "RA_PNT"),
        ({"DEC_PNT": 91.0}, "DEC_PNT"),
        ({"DEC_PNT": "north"}, "DEC_PNT"),
        ({"RADECSYS": "GALACTIC"}, "RADECSYS"),
        ({"TSTOP": 1.0}, "TSTOP"),
        ({"LIVETIME": -1.0}, "LIVETIME"),
        ({"CONV_DEP": "far"}, "CONV_DEP"),
        ({"TSTART": -9e9}, "TSTART"),
        ({"TSTOP": 9e11}, "TSTOP"),
    ],
)
def test_senseless_headers_are_named(tmp_path, config, cards, keyword):
    with pytest.raises(KeywordError) as failure:
        changed(tmp_path, config, **cards)
    message = str(failure.value)
    assert "run.fits" in message
    assert "EVENTS" in message
    assert keyword in message


def test_intervals_out_of_this_world(tmp_path, config):
    path = gadf_files.write(tmp_path / "run.fits", gadf_files.events(), gadf_files.gti(((1e8, 1e13),)))
    with pytest.raises(KeywordError, match="GTI: an interval reaches"):
        mapping.observation_row(gadf.read(path), config, DATASET, SERVER)


def test_unforeseen_errors_stop_one_file_only(tmp_path, config, monkeypatch):
    (tmp_path / "data").mkdir()
    gadf_files.write(tmp_path / "data" / "a.fits.gz")
    gadf_files.write(tmp_path / "data" / "b.fits.gz", gadf_files.events(OBS_ID=5))
    known = mapping.link_rows

    def odd(observation, *rest):
        if observation.path.name == "a.fits.gz":
            raise ZeroDivisionError("nobody thought of this")
        return known(observation, *rest)

    monkeypatch.setattr(mapping, "link_rows", odd)
    report = feed.Report("hess_dr")
    identity = feed.Identity("org.example", SERVER, "hess_dr")
    rows = list(feed.rows(tmp_path, config, identity, report=report))
    assert [row["obs_id"] for role, row in rows if role == "observation"] == ["5"]
    assert "ZeroDivisionError: nobody thought of this" in report.failures[0]["problem"]


def test_missing_obs_id(tmp_path):
    run = gadf.read(gadf_files.write(tmp_path / "run.fits", gadf_files.events(OBS_ID=None)))
    with pytest.raises(KeywordError, match="OBS_ID"):
        mapping.observation_id(run)


def test_fk5_of_j2000_is_icrs_and_other_equinoxes_are_not():
    assert to_icrs(228.6125, -58.771666666667, "FK5", 2000.0) == (228.6125, -58.771666666667)
    ra, dec = to_icrs(10.0, 20.0, "fk5", 1975.0)
    expected = SkyCoord(10 * u.deg, 20 * u.deg, frame="fk5", equinox="J1975").icrs
    assert (ra, dec) == pytest.approx((expected.ra.deg, expected.dec.deg))
    assert abs(ra - 10.0) > 0.1


@pytest.mark.parametrize(("ra", "dec"), [(0.1, 0.0), (359.9, 89.0), (180.0, -90.0)])
def test_polygons_at_awkward_places(ra, dec):
    polygon = circle_polygon(ra, dec, 2.5)
    corners = SkyCoord(polygon[::2], polygon[1::2], unit="deg")
    assert corners.separation(SkyCoord(ra, dec, unit="deg")).deg == pytest.approx(np.full(24, 2.5), abs=1e-9)


def test_links(run, config):
    links = mapping.link_rows(run, config, DATASET, "hess_dr/data/run.fits")
    assert [(link["semantics"], link["content_qualifier"]) for link in links] == [
        ("#this", "event-list"),
        ("#calibration", "aeff"),
        ("#calibration", "edisp"),
        ("#calibration", "psf"),
        ("#package", "event-bundle"),
    ]
    assert links[0]["access_path"] == "/hess_dr/q/file/custom/4711/4711_event-list.fits"
    assert links[-1]["access_path"] == "/hess_dr/q/file/custom/4711/run.fits"
    assert {link["source"] for link in links} == {"hess_dr/data/run.fits"}
    assert links[-1]["content_length"] == run.file_size
    for link in links[:-1]:
        sizes = [int(item.split("+")[1]) for item in link["hdus"].split()]
        assert link["content_length"] == 2880 + sum(sizes)


def test_odd_observation_ids_make_plain_paths(run, config):
    odd = replace(DATASET, obs_id="night 1/run#2")
    path = mapping.link_rows(run, config, odd, "hess_dr/data/run.fits")[0]["access_path"]
    assert path == "/hess_dr/q/file/custom/night%201%2Frun%232/night%201%2Frun%232_event-list.fits"


def test_the_drafts_terms(run, config):
    draft = config.model_copy(update={"vocabulary": "draft"})
    row = mapping.observation_row(run, draft, DATASET, "x")
    links = mapping.link_rows(run, draft, DATASET, "x")
    assert row["dataproduct_type"] == "hea-event-list"
    assert links[0]["content_qualifier"] == "hea-event-list"
    assert links[-1]["content_qualifier"] == "hea-event-bundle"


def test_calibration_status_is_null_unless_the_release_says_it(run, config):
    silent = release.Release.model_validate(config.model_dump(exclude={"calib_status"}))
    row = mapping.observation_row(run, silent, DATASET, SERVER)
    assert {row[f"{axis}_calib_status"] for axis in ("s", "t", "em")} == {None}


def test_simulated_is_said(run):
    sample = release.load(INPUTS / "sample.toml")
    row = mapping.observation_row(run, sample, DATASET, "x")
    assert "SIMULATED" in row["obs_collection"]
    assert "(simulated)" in row["obs_title"]
    assert all("(simulated)" in link["description"] for link in mapping.link_rows(run, sample, DATASET, "x"))


def test_bad_files_neither_stop_nor_hide_the_others(tmp_path, config, monkeypatch):
    data = tmp_path / "data"
    data.mkdir()
    gadf_files.write(data / "a.fits.gz")
    (data / "b.fits.gz").write_bytes(b"nothing")
    gadf_files.write(data / "c.fits.gz", gadf_files.events(OBS_ID=4712, RA_PNT=None), gadf_files.gti())
    gadf_files.write(data / "d.fits.gz", gadf_files.events(OBS_ID=4711))
    gadf_files.write(data / "e.fits.gz", gadf_files.events(OBS_ID=4713))
    monkeypatch.setenv(feed.REPORT_VARIABLE, str(tmp_path))
    rows = list(feed.rows(tmp_path, config, feed.Identity("org.example", SERVER, "hess_dr")))
    assert [row["obs_id"] for role, row in rows if role == "observation"] == ["4711", "4713"]
    assert {role for role, _ in rows} == {"observation", "link"}
    report = feed.Report.load(tmp_path, "hess_dr")
    assert (report.files, report.published) == (5, 2)
    assert [failure["file"] for failure in report.failures] == ["b.fits.gz", "c.fits.gz", "d.fits.gz"]
    assert "already read from a.fits.gz" in report.failures[2]["problem"]
    assert "expected 105" in report.warnings[0]


def test_sizes_are_in_kilobyte(row, run):
    assert row["access_estsize"] == math.ceil(run.file_size / 1000)
