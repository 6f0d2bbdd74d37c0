"""Whatever a facility makes of GADF, the rows say what is true: computed anew here, column by column."""

import math
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.time import Time, TimeDelta
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mocpy import TimeMOC

from ingest import columns
from tests import gadf_files
from tests.gadf_releases import Made, config
from tests.gadf_variants import variants
from tests.gadf_writing import LENGTH

IN_DAYS = 2e-9  # 0.2 ms: MJD as a double, and MET in days
CELL = 2**20 / 1e6  # seconds; cells of a time MOC of order 41
HC = 6.62607015e-34 * 299792458.0 / 1.602176634e-19  # eV m
COMPUTED = {
    "zen_mean",
    "moon_level",
    "sky_brightness",
    "moon_alt",
    "moon_sep",
    "moon_illumination",
    "sun_alt",
}
CHECKED_APART = COMPUTED | {
    "t_intervals",
    "s_region",
    "remarks",
    "tstart",
    "tstop",
    "mjdrefi",
    "mjdreff",
    "timesys",
}
TYPES = {"aeff": "aeff", "edisp": "edisp", "psf": "psf", "bkg": "bkgrate", "rad_max": "rad-max"}
quick = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module")
def place():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name) / "release"


def fresh(place):
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return place


def near(value, relative=1e-12):
    return None if value is None else pytest.approx(value, rel=relative, abs=0)


def near_time(mjd):
    return pytest.approx(mjd, rel=0, abs=IN_DAYS)


@settings(quick, max_examples=300)
@given(variant=variants())
def test_rows_say_what_is_true(variant, place):
    path = variant.write(fresh(place))
    made, truth = Made(place, config()), variant.truth
    assert made.report.failures == []
    assert (made.report.files, made.report.published) == (1, 1)
    assert made.report.events == sum(one.n_events for one in truth.lists)
    assert len(made.observations) == len(truth.lists)
    for row, one in zip(made.observations, truth.lists, strict=True):
        expected = (
            identity_of(variant, one) | obscore(variant, one) | modes(variant, one) | context(variant, one)
        )
        expected["access_estsize"] = -(-path.stat().st_size // 1000)
        expected["access_url"] = f"https://vo.example{folder(truth.obs_id)}/{path.name}"
        own = [link["access_path"] for link in made.links if link["id"] == row["obs_publisher_did"]]
        expected["preview"] = f"https://vo.example{own[0].removesuffix('.fits')}_counts-map.png"
        expected |= {f"file_{name}": expected[f"access_{name}"] for name in ("url", "estsize")}
        expected["file_format"] = row["access_format"]
        assert set(row) == set(expected) | CHECKED_APART
        assert {name: row[name] for name in expected} == expected
        check_times(row, truth)
        check_coverage(row["t_intervals"], one.intervals)
        check_region(row, truth, one)
        check_sky(row, truth)
    check_remarks(made, truth)
    check_companions(made, variant)
    for _, row in made.all:
        check_values(row)


def folder(obs_id):
    return f"/test_dr/q/file/custom/{quote(obs_id, safe='')}"


def did(variant, one):
    whole = f"ivo://org.example/~?test_dr/{quote(variant.truth.obs_id, safe='')}"
    return whole if one.label is None else f"{whole}/events-{one.label.lower().replace('_', '-')}"


def identity_of(variant, one):
    obs_id, target = variant.truth.obs_id, variant.truth.target[0]
    title = f"TEST observation {obs_id}{f' of {target}' if target else ''}"
    nothing = ("target_class", "bib_reference", "obs_release_date", "proposal_id", "obs_creator_did",
               "pol_states", "s_pixel_scale", "s_calib_status", "t_calib_status",
               "em_calib_status")  # fmt: skip
    return dict.fromkeys(nothing) | {
        "obs_id": obs_id, "obs_publisher_did": did(variant, one), "target_name": target,
        "obs_title": title + (f", events of type {one.label}" if one.label else ""),
        "dataproduct_type": "event-list", "dataproduct_subtype": "GADF DL3", "calib_level": 2,
        "obs_collection": "TEST-DR1", "obs_creator_name": "The Testers", "data_rights": "public",
        "publisher_id": "ivo://org.example", "facility_name": "TEST", "instrument_name": "Test array",
        "access_format": "application/x-fits-gadf", "o_ucd": "pos.eq#time#em.energy", "em_ucd": "em.energy",
        "s_xel1": -1, "s_xel2": -1, "t_xel": -1, "em_xel": -1, "pol_xel": -1,
        "messenger_name": "photon", "messenger_pdgid": "+22",
    }  # fmt: skip


def obscore(variant, one):
    truth = variant.truth
    ra, dec = truth.pointing or (None, None)
    low, high = one.safe or one.energy or (None, None)
    relative = 1e-12 if one.safe else 1e-6  # ENERGY may be in single precision
    radius, width = truth.psf_radius, truth.edisp_width
    return {
        "s_ra": ra, "s_dec": dec, "s_fov": one.fov, "ev_xel": one.n_events,
        "s_resolution": near(radius and 3600 * radius, 3e-3),
        "s_ref_energy": None if one.fov is None and radius is None else 1e12,
        "s_ref_oaa": None if radius is None else 0.5,
        "t_min": near_time(truth.t_min), "t_max": near_time(truth.t_max),
        "t_exptime": 1534.5, "t_resolution": None,
        "energy_min": near(low and low * 1e12, relative), "energy_max": near(high and high * 1e12, relative),
        "em_min": near(high and HC / (high * 1e12), relative),
        "em_max": near(low and HC / (low * 1e12), relative),
        "em_res_power": near(width and 1 / width, 1e-2),
        "em_resolution": near(width and HC / 1e12 * width, 1e-2),
        "em_ref_energy": width and 1e12, "em_ref_oaa": width and 0.5,
    }  # fmt: skip


def modes(variant, one):
    mode = "drift" if variant.pointing == "drift" else "WOBBLE"
    tracking = {"header": "sidereal", "missing": None, "drift": "fixed-az-el-transit"}[variant.pointing]
    labelled = variant.list_label in ("EVTYPE", "EV_CLASS")
    return {
        "obs_mode": mode, "tracking_mode": tracking, "tracking_type": tracking,
        "scan_mode": "on-the-fly-cross-scan" if mode == "drift" else "on-the-fly-cross-map",
        "pointing_mode": "parallel", "analysis_mode": None, "event_type": one.label if labelled else "std",
    }  # fmt: skip


def context(variant, one):
    truth = variant.truth
    (name, *target), pointing = truth.target, truth.pointing or (None, None)
    apart = None
    if truth.pointing and target[0] is not None:
        centres = [SkyCoord(*place, unit="deg") for place in (truth.pointing, target)]
        apart = float(centres[0].separation(centres[1]).deg)
    low, high = one.safe or (None, None)
    nothing = ("time_obs", "date_end", "time_end", "deadc", "tellist", "alt_pnt", "az_pnt", "zen_pnt",
               "n_tels", "quality", "muoneff", "nsblevel", "proposal_type", "proposal_title",
               "proposal_contact")  # fmt: skip
    return dict.fromkeys(nothing) | {
        "date_obs": truth.date_obs, "object": name, "ra_obj": target[0], "dec_obj": target[1],
        "offset_obj": near(apart, 1e-9), "ra_pnt": pointing[0], "dec_pnt": pointing[1], "conv_dep": 0.0,
        "ontime": LENGTH - 1.0 if variant.gti == "none, whole" else 1000.0, "livetime": 1534.5,
        "safe_energy_lo": low, "safe_energy_hi": high,
        "enclosure": truth.enclosure if variant.responses else None,
        "geolon": 16.5, "geolat": -23.27, "altitude": truth.altitude,
    }  # fmt: skip


def check_times(row, truth):
    """What the columns under GADF's names say, read as GADF has it, is t_min and t_max."""
    assert isinstance(row["mjdrefi"], int)
    zero = Time(row["mjdrefi"], row["mjdreff"], format="mjd", scale=row["timesys"].lower())
    for name, mjd in (("tstart", truth.t_min), ("tstop", truth.t_max)):
        assert (zero + TimeDelta(row[name], format="sec")).tt.mjd == near_time(mjd)


def check_coverage(text, intervals):
    """The MOC holds all of the intervals, and nothing but them and parts of cells at their ends."""
    assert (text is None) == (not intervals)
    if text is None:
        return
    moc = TimeMOC.from_string(text)
    days = np.array(intervals)
    samples = np.linspace(days[:, 0] + IN_DAYS, days[:, 1] - IN_DAYS, 41).ravel()
    assert all(moc.contains(Time(samples, format="mjd", scale="tt")))
    step = (CELL + 1e-3) / 86400
    gaps = [days[0, 0] - step, days[-1, 1] + step]
    for stop, start in zip(days[:-1, 1], days[1:, 0], strict=True):
        gaps += list(np.linspace(stop + step, start - step, 7))
    assert not any(moc.contains(Time(gaps, format="mjd", scale="tt")))
    length = 86400 * float(np.sum(days[:, 1] - days[:, 0]))
    assert -1e-2 <= moc.total_duration.sec - length <= 2 * CELL * len(days)


def check_region(row, truth, one):
    if truth.pointing is None or one.fov is None:
        assert row["s_region"] is None  # the drawn events of drift scans lie on a line
        return
    corners = SkyCoord(row["s_region"][::2], row["s_region"][1::2], unit="deg")
    away = corners.separation(SkyCoord(*truth.pointing, unit="deg")).deg
    assert away == pytest.approx(np.full(24, one.fov / 2), abs=1e-9)


def check_sky(row, truth):
    pointed = truth.pointing is not None
    assert (row["zen_mean"] is not None) == (row["moon_sep"] is not None) == pointed
    for name, low, high in (("sun_alt", -90, 90), ("moon_alt", -90, 90), ("moon_illumination", 0, 1)):
        assert low <= row[name] <= high
    assert pointed or row["sky_brightness"] is None
    if pointed:
        # A circle of declination that culminates where latitude and declination say.
        assert 22.514444 + 23.27 - 0.5 <= row["zen_mean"] <= 180.0


def check_remarks(made, truth):
    assert made.report.deviation_count == len(made.report.deviations)
    assert bool(made.report.deviations) == bool(truth.deviations)
    for row in made.observations:
        assert (row["remarks"] is None) == (not truth.deviations)
        for named in truth.deviations:
            assert named in row["remarks"]


def check_companions(made, variant):
    truth, lists = variant.truth, variant.n_lists
    kinds = [kind for kind in TYPES if kind in variant.responses]
    types = [row["dataproduct_type"] for row in made.companions]
    own = lists if variant.own_responses else 1
    assert sorted(types) == sorted([TYPES[kind] for kind in kinds] * own + ["event-bundle"])
    for row in made.companions[:-1]:
        assert {row[name] for name in ("s_ra", "s_dec", "s_region", "t_min", "t_max", "t_intervals")} == {
            None
        }
        assert (row["energy_min"], row["energy_max"]) == (near(1e11, 1e-5), near(1e14, 1e-5))
    wanted = ["#this", *["#calibration"] * len(kinds), "#package"] * lists
    assert [link["semantics"] for link in made.links] == wanted
    dids = {row["obs_publisher_did"] for row in made.observations + made.companions}
    assert len(dids) == lists + len(types)
    assert {link["dataset"] for link in made.links} == dids
    assert len({(link["id"], link["dataset"]) for link in made.links}) == len(made.links)
    assert [row["obs_id"] for row in made.provenance] == [truth.obs_id]


def check_values(row):
    """No NaN, no blank text, no numpy type that a database driver does not know."""
    for name, value in row.items():
        assert value is None or type(value).__module__ in ("builtins", "datetime"), (name, type(value))
        if isinstance(value, float):
            assert math.isfinite(value), name
        if isinstance(value, str):
            assert value.strip() == value != "", name
            assert value.isprintable(), name


PYTHON = {"text": str, "integer": int, "bigint": int, "double precision": (float, int)}
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
KEYWORDS = st.sampled_from(
    ["TSTART", "TSTOP", "MJDREFI", "MJDREFF", "TIMESYS", "TIMEUNIT", "TIMEZERO", "TIMEDEL", "OBS_ID",
     "RA_PNT", "DEC_PNT", "RADECSYS", "EQUINOX", "RA_OBJ", "DEC_OBJ", "ALT_PNT", "AZ_PNT", "ZEN_PNT",
     "GEOLON", "GEOLAT", "ALTITUDE", "EVTYPE", "EV_CLASS", "OBJECT", "OBS_MODE", "CONV_DEP", "N_TELS",
     "TELLIST", "QUALITY", "ONTIME", "LIVETIME", "DEADC", "MUONEFF", "NSBLEVEL", "DATE-OBS", "TELESCOP",
     "INSTRUME", "CONFIG", "RELDATE"]
)  # fmt: skip


@quick
@given(cards=st.dictionaries(KEYWORDS, VALUES | TEXTS, min_size=1, max_size=6))
@example(cards={"OBS_MODE": "DRIFT", "ALT_PNT": 90.0, "AZ_PNT": 360.0})
@example(cards={"TIMEUNIT": "d", "TSTART": 0.0, "TSTOP": 1e4})
@example(cards={"EQUINOX": 1800.0, "RADECSYS": "FK5"})
@example(cards={"TIMEZERO": -1e9})
def test_senseless_headers_make_sensible_rows_or_are_reported(cards, place):
    site = {"GEOLON": 16.5, "GEOLAT": -23.27, "ALTITUDE": 1800.0}
    tables = gadf_files.events(**site | cards), gadf_files.gti(), gadf_files.aeff()
    gadf_files.write(fresh(place) / "run.fits", *tables)
    made = Made(place, config(keywords={"release_date": "RELDATE"}))
    if not made.all:
        (failure,) = made.report.failures
        assert "run.fits" in failure["problem"]
        assert "cannot be read (" not in failure["problem"]  # an error that nobody foresaw
        return
    row = made.only()
    assert made.report.failures == []
    check_values(row)
    for group in ("hea", "context"):
        for column in columns.in_group(group):
            value = row[column.name]
            assert value is None or isinstance(value, PYTHON[column.type]), (column.name, value)
    assert 40587 <= row["t_min"] <= row["t_max"] <= 88069
    assert (row["s_ra"] is None) == (row["s_dec"] is None)
    assert row["s_ra"] is None or (0 <= row["s_ra"] < 360 and -90 <= row["s_dec"] <= 90)
    assert row["deadc"] is None or 0 <= row["deadc"] <= 1
