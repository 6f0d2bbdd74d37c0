"""Columns under GADF's own keywords, the site, and the sky during the observation."""

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_body
from astropy.time import Time

from ingest import columns, context
from tests import gadf_files
from tests.gadf_releases import Made, config, made, made_of, write_indexed

HESS = {"GEOLON": 16.5002, "GEOLAT": -23.2717, "ALTITUDE": 1835.0}
WHOLE = HESS | {
    "DATE-OBS": "2004-03-03", "TIME-OBS": "09:46:40", "DATE-END": "2004-03-03", "TIME-END": "10:14:40",
    "DEADC": 0.91, "RA_OBJ": 83.633333, "DEC_OBJ": 22.014444, "ALT_PNT": 62.5, "AZ_PNT": 300.0,
    "N_TELS": 4, "TELLIST": "1,2,3,4", "QUALITY": 0, "MUONEFF": 0.07, "NSBLEVEL": 1.2, "CONV_DEP": 0.0,
}  # fmt: skip
SKY = ("zen_mean", "moon_level", "sky_brightness", "moon_alt", "moon_sep", "moon_illumination", "sun_alt")
SAME = (
    "date_obs", "time_obs", "date_end", "time_end", "tstart", "tstop", "ontime", "livetime", "deadc",
    "object", "ra_obj", "dec_obj", "ra_pnt", "dec_pnt", "alt_pnt", "az_pnt", "conv_dep", "n_tels",
    "tellist", "quality", "muoneff", "nsblevel", "geolon", "geolat", "altitude",
)  # fmt: skip


@pytest.fixture(scope="module")
def row(tmp_path_factory):
    return made_of(tmp_path_factory.mktemp("context"), **WHOLE).only()


def test_keywords_are_published_as_they_are(row):
    header = gadf_files.POINTING | WHOLE
    for name in SAME:
        keyword = name.upper().replace("_OBS", "-OBS").replace("_END", "-END")
        assert row[name] == header[keyword], name


def test_the_zero_point_is_that_of_the_file(row):
    assert (row["mjdrefi"], row["mjdreff"], row["timesys"]) == (51910, 0.000742870370370241, "TT")
    assert row["t_min"] == pytest.approx(
        row["mjdrefi"] + row["mjdreff"] + row["tstart"] / 86400, rel=0, abs=1e-9
    )


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"TIMESYS": "UTC"}, (51910, 0.000742870370370241, "UTC")),
        ({"TIMESYS": "GPS"}, (51910, 0.000742870370370241 + 19 / 86400, "TAI")),
        ({"TIMEZERO": 8640.0}, (51910, 0.100742870370370241, "TT")),
        ({"MJDREFI": None, "MJDREFF": None, "MJDREF": 51910.5}, (51910, 0.5, "TT")),
        ({"MJDREFI": 51910.5, "MJDREFF": 0.75}, (51911, 0.25, "TT")),
    ],
)
def test_zero_points(tmp_path, cards, expected):
    row = made_of(tmp_path, **cards).only()
    assert (row["mjdrefi"], row["timesys"]) == (expected[0], expected[2])
    assert isinstance(row["mjdrefi"], int)
    assert row["mjdreff"] == pytest.approx(expected[1], rel=0, abs=1e-12)


def test_what_headers_do_not_say_is_null(tmp_path):
    row = made_of(tmp_path).only()
    known = {"mjdrefi", "mjdreff", "timesys", "tstart", "tstop", "ontime", "livetime", "object", "ra_pnt",
             "dec_pnt", "conv_dep", "remarks"}  # fmt: skip
    for column in columns.in_group("context"):
        assert (row[column.name] is not None) == (column.name in known), column.name


def test_angles(row, tmp_path):
    assert row["offset_obj"] == pytest.approx(0.5, abs=1e-9)
    assert row["zen_pnt"] == 27.5
    columns = {"ZEN_PNT": [27.6], "OFFSET_OBJ": [0.7], "ALT_PNT": [10.0], "RA_OBJ": [80.0], "DEC_OBJ": [20.0]}
    said = Made(write_indexed(tmp_path / "release", (1,), **columns), config(index=".")).only()
    assert (said["zen_pnt"], said["offset_obj"]) == (27.6, 0.7)


def test_start_and_stop_are_in_seconds(tmp_path):
    row = made_of(tmp_path, TIMEUNIT="d", TSTART=1000.0, TSTOP=1000.02).only()
    assert (row["tstart"], row["tstop"]) == (86400e3, pytest.approx(1000.02 * 86400, abs=1e-6))
    assert row["t_min"] == pytest.approx(row["mjdrefi"] + row["mjdreff"] + 1000.0, rel=0, abs=1e-9)


@pytest.mark.parametrize(
    ("cards", "name", "value"),
    [
        ({"QUALITY": -1}, "quality", None),
        ({"QUALITY": 2}, "quality", 2),
        ({"QUALITY": "good"}, "quality", None),
        ({"N_TELS": 0}, "n_tels", None),
        ({"N_TELS": "4"}, "n_tels", 4),
        ({"DEADC": 1.5}, "deadc", None),
        ({"MUONEFF": -1.0}, "muoneff", None),
        ({"DATE-OBS": " "}, "date_obs", None),
        ({"ALT_PNT": 95.0}, "zen_pnt", None),
        ({"RA_OBJ": 0.0, "DEC_OBJ": 0.0}, "ra_obj", None),
        ({"RA_OBJ": 0.0, "DEC_OBJ": 0.0}, "offset_obj", None),
        ({"ALTITUDE": 1.835}, "altitude", 1835.0),
        ({"GEOLON": None}, "geolat", None),
        ({"GEOLON": None}, "altitude", None),
    ],
)
def test_placeholders_and_senseless_values(tmp_path, cards, name, value):
    assert made_of(tmp_path, **WHOLE | cards).only()[name] == value


def test_unknown_quality_is_nothing_odd(tmp_path):
    row = made_of(tmp_path, **WHOLE | {"QUALITY": -1}).only()
    assert "QUALITY" not in row["remarks"]


def test_quality_and_telescopes_come_from_the_observation_index(tmp_path):
    columns = {"QUALITY": [2.0, -1.0], "N_TELS": [4.0, 0.0]}
    result = Made(write_indexed(tmp_path / "release", (1, 2), **columns), config(index="."))
    assert [(row["quality"], row["n_tels"]) for row in result.observations] == [(2, 4), (None, None)]


@pytest.mark.parametrize(
    ("enclosures", "expected"),
    [
        (("FULL-ENCLOSURE", "FULL-ENCLOSURE"), "full-enclosure"),
        (("POINT-LIKE", "POINT-LIKE"), "point-like"),
        (("POINT-LIKE", "FULL-ENCLOSURE"), None),
        (("POINT-LIKE", None), "point-like"),
        ((None, None), None),
    ],
)
def test_responses(tmp_path, enclosures, expected):
    area, dispersion = enclosures
    tables = gadf_files.aeff(HDUCLAS3=area), gadf_files.edisp(HDUCLAS3=dispersion)
    row = made(tmp_path, gadf_files.events(), gadf_files.gti(), *tables).only()
    assert (row["safe_energy_lo"], row["safe_energy_hi"]) == (0.4, 80.0)
    assert row["enclosure"] == expected


def altaz(row, what):
    site = EarthLocation.from_geodetic(row["geolon"] * u.deg, row["geolat"] * u.deg, row["altitude"] * u.m)
    when = Time((row["t_min"] + row["t_max"]) / 2, format="mjd", scale="tt")
    body = get_body(what, when, site) if isinstance(what, str) else what
    return body.transform_to(AltAz(obstime=when, location=site)).alt.deg


def test_the_sky_is_computed(row):
    assert row["sun_alt"] == pytest.approx(altaz(row, "sun"), abs=0.05)
    assert row["moon_alt"] == pytest.approx(altaz(row, "moon"), abs=0.05)
    pointing = SkyCoord(row["s_ra"], row["s_dec"], unit="deg")
    assert row["zen_mean"] == pytest.approx(90 - altaz(row, pointing), abs=0.3)


def test_without_a_site_the_sky_is_unknown(tmp_path):
    row = made_of(tmp_path, **WHOLE | {"GEOLON": None}).only()
    assert {row[name] for name in SKY} == {None}


def test_the_releases_site_wins(tmp_path):
    release = {"site": {"longitude_deg": -70.3, "latitude_deg": -24.7, "height_m": 2150}}
    row = made_of(tmp_path, release, **WHOLE).only()
    assert (row["geolon"], row["geolat"], row["altitude"]) == (-70.3, -24.7, 2150)
    assert row["sun_alt"] == pytest.approx(altaz(row, "sun"), abs=0.05)


def test_drift_scans_look_where_the_telescope_stands(tmp_path):
    cards = {"OBS_MODE": "DRIFT", "RA_PNT": None, "DEC_PNT": None, "ALT_PNT": 70.0, "AZ_PNT": 0.0}
    row = made_of(tmp_path, **WHOLE | cards).only()
    assert row["zen_mean"] == pytest.approx(20.0, abs=1e-6)
    assert (row["zen_pnt"], row["ra_pnt"], row["offset_obj"]) == (20.0, None, None)


def test_each_observation_has_its_own_sky(tmp_path):
    sites = [HESS, {"GEOLON": -17.9, "GEOLAT": 28.76, "ALTITUDE": 2200.0}, {}, HESS]
    for number, site in enumerate(sites):
        cards = site | {"OBS_ID": number, "RA_PNT": 80.0 + number}
        gadf_files.write(tmp_path / f"{number}.fits", gadf_files.events(**cards), gadf_files.gti())
    rows = Made(tmp_path, config()).observations
    for row in rows:
        alone = tmp_path / row["obs_id"]
        alone.mkdir()
        (tmp_path / f"{row['obs_id']}.fits").rename(alone / "run.fits")
        single = Made(alone, config()).only()
        assert {name: row[name] for name in SKY} == pytest.approx({name: single[name] for name in SKY})
    assert len({row["sun_alt"] for row in rows}) == 3
    assert np.ptp([row["moon_sep"] for row in rows if row["moon_sep"] is not None]) > 0.5


def test_remarks_are_joined_and_not_too_long():
    assert context.remarks([]) is None
    assert context.remarks(["one", "two"]) == "one; two"
    long = context.remarks(["x" * 1500, "y" * 1500])
    assert len(long) == 2000
    assert long.endswith("y ...")


def test_remarks_stand_on_all_lists_of_the_run(tmp_path):
    lists = [gadf_files.events(EVTYPE=label, N_TELS=0) for label in ("MST", "LST")]
    rows = made(tmp_path, *lists, gadf_files.gti()).observations
    assert rows[0]["remarks"] == rows[1]["remarks"]
    assert "EVENTS N_TELS 0: expected a number from 1 to 10000, left NULL" in rows[0]["remarks"]
