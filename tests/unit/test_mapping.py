"""ObsCore and High-Energy columns of an event list."""

import datetime

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.time import Time
from mocpy import TimeMOC

from ingest import columns
from ingest.coverage import box_polygon, circle_polygon, to_icrs
from tests import gadf_files
from tests.gadf_releases import REGISTRY, made, made_of

OBSCORE = {
    "dataproduct_type", "dataproduct_subtype", "calib_level", "obs_collection", "obs_id", "obs_title",
    "obs_publisher_did", "obs_creator_did", "access_url", "access_format", "access_estsize", "target_name",
    "target_class", "s_ra", "s_dec", "s_fov", "s_region", "s_resolution", "s_xel1", "s_xel2", "s_pixel_scale",
    "t_min", "t_max", "t_exptime", "t_resolution", "t_xel", "em_min", "em_max", "em_res_power", "em_xel",
    "em_ucd", "o_ucd", "pol_states", "pol_xel", "facility_name", "instrument_name", "preview",
    "file_url", "file_format", "file_estsize",
}  # fmt: skip
HC = 6.62607015e-34 * 299792458.0 / 1.602176634e-19  # eV m, from the exact constants of the SI


@pytest.fixture(scope="module")
def row(tmp_path_factory):
    return made(tmp_path_factory.mktemp("gadf")).only()


def test_the_row_has_all_columns_and_no_others(row):
    defined = {column.name for group in ("hea", "obscore", "context") for column in columns.in_group(group)}
    assert set(row) == OBSCORE | defined


def test_identity(row):
    assert row["obs_id"] == "4711"
    assert row["obs_publisher_did"] == "ivo://org.example/~?test_dr/4711"
    assert row["publisher_id"] == "ivo://org.example"
    assert row["obs_collection"] == "TEST-DR1"
    assert row["dataproduct_type"] == "event-list"
    assert row["dataproduct_subtype"] == "GADF DL3"
    assert row["calib_level"] == 2
    assert row["obs_creator_name"] == "The Testers"
    assert (row["facility_name"], row["instrument_name"]) == ("TEST", "Test array")
    assert row["target_name"] == "Crab"
    assert row["obs_title"] == "TEST observation 4711 of Crab"
    assert row["data_rights"] == "public"


def test_what_is_the_same_in_all_rows(row):
    assert (row["o_ucd"], row["em_ucd"]) == ("pos.eq#time#em.energy", "em.energy")
    assert (row["messenger_name"], row["messenger_pdgid"]) == ("photon", "+22")
    assert {row[name] for name in ("s_xel1", "s_xel2", "t_xel", "em_xel", "pol_xel")} == {-1}
    always_null = ("obs_creator_did", "pol_states", "s_pixel_scale")
    assert {row[name] for name in always_null} == {None}
    assert row["preview"] == "https://vo.example/test_dr/q/file/custom/4711/4711_event-list_counts-map.png"


def test_access_is_the_file_with_everything(row, tmp_path):
    assert row["access_url"] == "https://vo.example/test_dr/q/file/custom/4711/run.fits"
    assert row["access_format"] == "application/x-fits-gadf"
    path = gadf_files.write(tmp_path / "run.fits")
    assert row["access_estsize"] == -(-path.stat().st_size // 1000)


def test_energies(row):
    assert (row["energy_min"], row["energy_max"]) == (4e11, 8e13)
    assert row["em_min"] == pytest.approx(HC / 8e13, rel=1e-12)
    assert row["em_max"] == pytest.approx(HC / 4e11, rel=1e-12)
    assert row["em_res_power"] == pytest.approx(1 / 0.15, rel=1e-2)
    assert row["em_resolution"] == pytest.approx(HC / 1e12 * 0.15, rel=1e-2)
    assert (row["em_ref_energy"], row["em_ref_oaa"]) == (1e12, 0.5)


def test_without_safe_range_the_events_tell(tmp_path):
    row = made_of(tmp_path).only()
    assert (row["energy_min"], row["energy_max"]) == (0.5e12, 20e12)
    resolution = ("em_res_power", "em_resolution", "em_ref_energy", "em_ref_oaa")
    assert {row[name] for name in resolution} == {None}


def test_without_events_and_responses_there_is_no_energy(tmp_path):
    row = made(tmp_path, gadf_files.events(()), gadf_files.gti()).only()
    assert {row[name] for name in ("energy_min", "energy_max", "em_min", "em_max")} == {None}
    assert row["ev_xel"] == 0


def test_the_reference_point_is_the_releases(tmp_path):
    row = made(tmp_path, reference_energy_tev=10.0, reference_offset_deg=1.0).only()
    assert (row["em_ref_energy"], row["em_ref_oaa"]) == (1e13, 1.0)
    assert (row["s_ref_energy"], row["s_ref_oaa"]) == (1e13, 1.0)
    assert row["em_resolution"] == pytest.approx(HC / 1e13 * 0.15, rel=1e-2)


def test_sky(row):
    assert (row["s_ra"], row["s_dec"], row["s_fov"]) == (83.633333, 22.514444, 4.0)
    corners = SkyCoord(row["s_region"][::2], row["s_region"][1::2], unit="deg")
    distances = corners.separation(SkyCoord(83.633333, 22.514444, unit="deg")).deg
    assert distances == pytest.approx(np.full(24, 2.0), abs=1e-9)
    # 68 % of a Gaussian in two dimensions lie within this radius.
    assert row["s_resolution"] == pytest.approx(0.06 * np.sqrt(-2 * np.log(0.32)) * 3600, rel=2e-3)
    assert (row["s_ref_energy"], row["s_ref_oaa"]) == (1e12, 0.5)


def test_what_refers_to_nothing_is_null(tmp_path):
    (tmp_path / "none").mkdir()
    row = made_of(tmp_path / "none").only()
    for name in ("s_fov", "s_region", "s_resolution", "s_ref_energy", "s_ref_oaa"):
        assert row[name] is None
    row = made(tmp_path, gadf_files.events(), gadf_files.gti(), gadf_files.aeff()).only()
    assert (row["s_fov"], row["s_ref_energy"], row["s_ref_oaa"]) == (4.0, 1e12, None)


def test_times_and_their_moc(row):
    zero = Time(51910, 0.000742870370370241, format="mjd", scale="tt")
    assert row["t_min"] == pytest.approx((zero + 1e8 * u.s).tt.mjd, rel=0, abs=1e-10)
    assert row["t_max"] == pytest.approx((zero + (1e8 + 1680) * u.s).tt.mjd, rel=0, abs=1e-10)
    assert row["t_exptime"] == 1534.5
    moc = TimeMOC.from_string(row["t_intervals"])
    assert moc.max_order == 41
    assert moc.total_duration.sec == pytest.approx(1680, abs=3)
    inside, outside = ([zero + (1e8 + s) * u.s for s in times] for times in ((2, 800, 1678), (-3, 1683)))
    assert all(moc.contains(Time(inside)))
    assert not any(moc.contains(Time(outside)))


def test_times_in_days_and_in_utc(tmp_path):
    cards = {"TIMEUNIT": "d", "TIMESYS": "UTC", "TSTART": 1000.0, "TSTOP": 1000.02, "TIMEDEL": 1e-8}
    row = made(tmp_path, gadf_files.events(**cards)).only()
    zero = Time(51910, 0.000742870370370241, format="mjd", scale="utc")
    assert row["t_min"] == pytest.approx((zero.tai + 1000 * u.day).tt.mjd, rel=0, abs=1e-10)
    assert row["t_resolution"] == pytest.approx(86400e-8)
    assert row["t_intervals"] is None


MODES = (
    "obs_mode",
    "tracking_mode",
    "tracking_type",
    "scan_mode",
    "pointing_mode",
    "analysis_mode",
    "event_type",
)


def test_modes(row):
    assert [row[name] for name in MODES] == [
        "WOBBLE", "sidereal", "sidereal", "on-the-fly-cross-map", "parallel", None, "std",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "scan", "tracking"),
    [
        ("POINTING", "on-source", "sidereal"),
        ("ON", "on-source", "sidereal"),
        (" wobble ", "on-the-fly-cross-map", "sidereal"),
        ("OFF", "on-off", "sidereal"),
        ("RASTER", "raster-map", "sidereal"),
        ("SURVEY", "raster-map", "sidereal"),
        ("SCAN", "on-the-fly-cross-scan", "sidereal"),
        ("SLEW", "slew", "none"),
        ("DRIFT", "on-the-fly-cross-scan", "fixed-az-el-transit"),
        ("CALIBRATION", None, "sidereal"),
        (None, None, "sidereal"),
    ],
)
def test_modes_of_observation(tmp_path, mode, scan, tracking):
    row = made_of(tmp_path, OBS_MODE=mode).only()
    assert (row["scan_mode"], row["tracking_mode"], row["tracking_type"]) == (scan, tracking, tracking)
    assert row["obs_mode"] == (mode.strip() if mode else None)


@pytest.mark.parametrize(
    ("cards", "name", "value"),
    [
        ({"OBS_MODE": None, "RA_PNT": None}, "tracking_mode", None),
        ({"CONV_DEP": None}, "pointing_mode", None),
        ({"CONV_DEP": 15000.0}, "pointing_mode", "convergent"),
        ({"CONV_DEP": -3}, "pointing_mode", "divergent"),
        ({"CONV_DEP": "far"}, "pointing_mode", None),
        ({"OBJECT": "  "}, "target_name", None),
        ({"OBJECT": None}, "obs_title", "TEST observation 4711"),
        ({"OBJECT": None, "TELESCOP": None}, "obs_title", "observation 4711"),
        ({"TELESCOP": None}, "facility_name", None),
        ({"INSTRUME": None}, "instrument_name", None),
        ({"LIVETIME": None}, "t_exptime", None),
        ({"LIVETIME": -1.0}, "t_exptime", None),
        ({"EV_CLASS": None}, "event_type", None),
        ({"EVTYPE": "MST"}, "event_type", "MST"),
        ({}, "t_resolution", None),
        ({"TIMEDEL": 1e-6}, "t_resolution", 1e-6),
        ({"TIMEDEL": 0.0}, "t_resolution", None),
        ({"CONFIG": "hard", "ANA_VER": "9", "IRF": "x"}, "analysis_mode", "hard"),
        ({"ANA_VER": "9", "IRF": "x"}, "analysis_mode", "9"),
        ({"IRF": "South_50h"}, "analysis_mode", "South_50h"),
        ({"RA_PNT": -10.0}, "s_ra", 350.0),
        ({"RA_PNT": None}, "s_ra", None),
        ({"RA_PNT": None}, "s_dec", None),
    ],
)
def test_single_keywords(tmp_path, cards, name, value):
    assert made_of(tmp_path, **cards).only()[name] == value


def test_the_effective_area_names_the_analysis(tmp_path):
    tables = gadf_files.events(ANA_VER="9"), gadf_files.gti(), gadf_files.aeff(CONFIG="std_zeta")
    assert made(tmp_path, *tables).only()["analysis_mode"] == "std_zeta"


@pytest.mark.parametrize(
    ("cards", "keyword"),
    [
        ({"DEC_PNT": 91.0}, "DEC_PNT"),
        ({"DEC_PNT": "north"}, "DEC_PNT"),
        ({"RA_PNT": 721.0}, "RA_PNT"),
        ({"RADECSYS": "GALACTIC"}, "RADECSYS"),
        ({"TSTOP": 1.0}, "TSTOP"),
        ({"TSTART": -9e9}, "TSTART"),
        ({"TSTOP": 9e11}, "TSTOP"),
        ({"OBS_ID": None}, "OBS_ID"),
        ({"OBS_ID": 1.5}, "OBS_ID"),
        ({"MJDREFI": None}, "MJDREFI"),
        ({"TIMEUNIT": "parsec"}, "TIMEUNIT"),
    ],
)
def test_senseless_headers_are_named(tmp_path, cards, keyword):
    message = made_of(tmp_path, **cards).problem()
    for part in ("run.fits", "EVENTS", keyword):
        assert part in message


def test_senseless_extras_are_null_and_said(tmp_path):
    row = made_of(tmp_path, LIVETIME=-1.0, CONV_DEP="far").only()
    assert "LIVETIME -1.0: expected a number from 0 to 1e+09, left NULL" in row["remarks"]
    assert "CONV_DEP 'far'" in row["remarks"]


def test_intervals_out_of_this_world(tmp_path):
    result = made(tmp_path, gadf_files.events(), gadf_files.gti(((1e8, 1e13),)))
    assert "GTI: an interval reaches" in result.problem()


def test_releases_say_the_rest(tmp_path):
    said = {
        "dataproduct_subtype": "DL3 test", "calib_level": 3, "bib_reference": "2018A&A...1",
        "data_rights": "secure", "release_date": "2020-05-06", "calib_status": "calibrated",
        "registry": REGISTRY,
    }  # fmt: skip
    row = made_of(tmp_path, said).only()
    for name in ("dataproduct_subtype", "calib_level", "bib_reference"):
        assert row[name] == said[name]
    assert (row["obs_release_date"], row["data_rights"]) == (datetime.date(2020, 5, 6), "public")
    assert {row[f"{axis}_calib_status"] for axis in ("s", "t", "em")} == {"calibrated"}
    assert row["obs_title"] == "Test Observatory observation 4711 of Crab"
    assert row["facility_name"] == "TEST"


def test_what_a_release_does_not_say_is_null(row):
    names = ("s_calib_status", "t_calib_status", "em_calib_status", "bib_reference", "obs_release_date")
    assert {row[name] for name in (*names, "proposal_id", "target_class")} == {None}


def test_keywords_of_the_facility(tmp_path):
    own = {"proposal_id": "PROP_ID", "target_class": "OBJTYPE", "proposal_type": "PROP_TYP",
           "proposal_title": "PROP_TTL", "proposal_contact": "PROP_PI"}  # fmt: skip
    cards = {"PROP_ID": "KSP-1", "OBJTYPE": "SNR", "PROP_TYP": "KSP", "PROP_TTL": " Survey ", "PROP_PI": ""}
    row = made_of(tmp_path, {"keywords": own}, **cards).only()
    assert [row[name] for name in own] == ["KSP-1", "SNR", "KSP", "Survey", None]


@pytest.mark.parametrize(
    ("said", "date", "rights"),
    [
        ("2999-01-02T00:00:00", datetime.date(2999, 1, 2), "proprietary"),
        ("2001-01-02", datetime.date(2001, 1, 2), "public"),
        (None, datetime.date(2010, 1, 1), "public"),
        ("soon", datetime.date(2010, 1, 1), "public"),
    ],
)
def test_embargo(tmp_path, said, date, rights):
    release = {"keywords": {"release_date": "RELDATE"}, "release_date": "2010-01-01"}
    result = made_of(tmp_path, release, RELDATE=said)
    row = result.only()
    assert (row["obs_release_date"], row["data_rights"]) == (date, rights)
    assert {link["release_date"] for link in result.links} == {date}
    assert {item["release_date"] for item in result.provenance} == {date}
    assert ("RELDATE 'soon'" in (row["remarks"] or "")) is (said == "soon")


def test_simulated_is_said(tmp_path):
    result = made(tmp_path, simulated=True, obs_collection="SIMULATED-TEST")
    titles = [row["obs_title"] for row in result.observations + result.companions]
    descriptions = [link["description"] for link in result.links]
    assert titles
    assert all("(simulated)" in text for text in titles + descriptions)


@pytest.mark.parametrize(("vocabulary", "term"), [("talk", "event-list"), ("draft", "hea-event-list")])
def test_vocabulary(tmp_path, vocabulary, term):
    assert made(tmp_path, vocabulary=vocabulary).only()["dataproduct_type"] == term


# Drift scans: the sky passes by.


def drift(tmp_path, ra, dec, **cards):
    events = gadf_files.events(tuple(np.ones(len(ra))), OBS_MODE="DRIFT", ALT_PNT=70.0, AZ_PNT=180.0, **cards)
    events.data["RA"], events.data["DEC"] = ra, dec
    return made(tmp_path, events, gadf_files.gti(), gadf_files.aeff()).only()


@pytest.mark.parametrize("cards", [{"RA_PNT": None, "DEC_PNT": None}, {"RA_PNT": 0.0, "DEC_PNT": 0.0}])
@pytest.mark.parametrize(("centre", "dec"), [(83.0, 22.0), (359.5, -30.0), (180.0, 88.0)])
def test_drift_scans_have_a_region_and_no_position(tmp_path, cards, centre, dec):
    grid = np.linspace(-2.0, 2.0, 21)
    offsets, decs = (found.ravel() for found in np.meshgrid(grid, dec + 0.5 * grid))
    row = drift(tmp_path, (centre + offsets) % 360.0, decs, **cards)
    for name in ("s_ra", "s_dec", "ra_pnt", "dec_pnt", "offset_obj"):
        assert row[name] is None
    assert row["s_fov"] == 4.0
    corners = np.array(row["s_region"]).reshape(-1, 2)
    east = (corners[:, 0] - centre + 180.0) % 360.0 - 180.0
    assert np.all(np.abs(east) <= 2.0 + 1e-4)
    assert np.all(np.abs(corners[:, 1] - dec) <= 1.0 + 1e-4)
    assert np.ptp(east) > 3.0
    assert np.ptp(corners[:, 1]) > 1.5
    assert np.all((corners[:, 0] >= 0.0) & (corners[:, 0] < 360.0))


def test_a_drift_around_the_pole_has_no_region(tmp_path):
    row = drift(tmp_path, np.linspace(0.0, 350.0, 36), np.full(36, 85.0) + np.linspace(0, 1, 36))
    assert row["s_region"] is None
    assert row["s_ra"] is None


def test_boxes():
    assert box_polygon(350.0, 370.0, -5.0, 5.0) == [350, -5, 10, -5, 10, 5, 350, 5]
    # Towards the equator it follows the parallel; towards the pole, that would make it concave.
    assert box_polygon(350.0, 370.0, 5.0, 9.0) == [350, 5, 355, 5, 0, 5, 5, 5, 10, 5, 10, 9, 350, 9]
    assert box_polygon(350.0, 360.0, -9.0, -5.0) == [350, -9, 0, -9, 0, -5, 355, -5, 350, -5]
    pole = box_polygon(10.0, 40.0, 80.0, 90.0)
    assert max(pole[1::2]) == 89.9
    for nothing in ((0.0, 121.0, 0.0, 1.0), (10.0, 10.0, 0.0, 1.0), (10.0, 11.0, 5.0, 5.0)):
        assert box_polygon(*nothing) is None


def test_fk5_of_j2000_is_icrs_and_other_equinoxes_are_not(tmp_path):
    assert to_icrs(228.6125, -58.771666666667, "FK5", 2000.0) == (228.6125, -58.771666666667)
    row = made_of(tmp_path, RA_PNT=10.0, DEC_PNT=20.0, RADECSYS="fk5", EQUINOX=1975.0).only()
    expected = SkyCoord(10 * u.deg, 20 * u.deg, frame="fk5", equinox="J1975").icrs
    assert (row["s_ra"], row["s_dec"]) == pytest.approx((expected.ra.deg, expected.dec.deg))
    assert abs(row["s_ra"] - 10.0) > 0.1
    assert (row["ra_pnt"], row["dec_pnt"]) == (10.0, 20.0)


@pytest.mark.parametrize(("ra", "dec"), [(0.1, 0.0), (359.9, 89.0), (180.0, -90.0)])
def test_polygons_at_awkward_places(ra, dec):
    polygon = circle_polygon(ra, dec, 2.5)
    corners = SkyCoord(polygon[::2], polygon[1::2], unit="deg")
    assert corners.separation(SkyCoord(ra, dec, unit="deg")).deg == pytest.approx(np.full(24, 2.5), abs=1e-9)


def test_several_event_lists(tmp_path):
    lists = [
        gadf_files.events(energies, EVTYPE=label)
        for label, energies in (("MST Q1", (1.0,)), ("LST", (2.0, 3.0)))
    ]
    result = made(tmp_path, *lists, gadf_files.gti(), gadf_files.aeff())
    base = "ivo://org.example/~?test_dr/4711"
    assert [row["obs_publisher_did"] for row in result.observations] == [
        f"{base}/events-mst-q1",
        f"{base}/events-lst",
    ]
    assert [row["event_type"] for row in result.observations] == ["MST Q1", "LST"]
    assert [row["ev_xel"] for row in result.observations] == [1, 2]
    assert {row["obs_id"] for row in result.observations} == {"4711"}
    assert result.observations[1]["obs_title"] == "TEST observation 4711 of Crab, events of type LST"
    assert {row["access_url"] for row in result.observations} == {
        "https://vo.example/test_dr/q/file/custom/4711/run.fits"
    }
    assert (result.report.files, result.report.published, result.report.events) == (1, 1, 3)


@pytest.mark.parametrize(
    "box", [(10.0, 25.0, 60.0, 68.0), (350.0, 380.0, -70.0, -62.0), (0.0, 119.0, 1.0, 9.0)]
)
def test_boxes_are_convex_for_pg_sphere(box):
    polygon = np.radians(np.array(box_polygon(*box)).reshape(-1, 2))
    ra, dec = polygon.T
    corners = np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    following, after = np.roll(corners, -1, axis=0), np.roll(corners, -2, axis=0)
    turns = np.einsum("ij,ij->i", np.cross(corners, following), after)
    assert np.all(turns > -1e-9)
    assert np.any(turns > 1e-4)
