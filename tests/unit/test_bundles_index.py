"""GADF index tables."""

import gzip
import io
import math

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time, TimeDelta

from datalink.bundles import index
from datalink.bundles.index import Entry, Run, hdu_index, numbers, obs_index
from tests.bundle_files import row


def opened(content):
    hdus = fits.open(io.BytesIO(gzip.decompress(content)), checksum=True)
    hdus.verify("exception")
    return hdus


def table(content):
    return opened(content)[1]


def entry(**values):
    plain = {"obs_id": 7, "kind": "events", "form": "events", "directory": "tele/7", "file_name": "f.fits"}
    return Entry(**(plain | {"hdu_name": "EVENTS", "size": 5} | values))


def test_the_hdu_index_is_what_gadf_has():
    kinds = ("bkg", "gti", "events", "rad_max", "psf")
    entries = [entry(kind=kind, form=f"{kind}_x", hdu_name=kind.upper()) for kind in kinds]
    found = table(hdu_index([*entries, entry(obs_id=3, form=None)]))
    assert found.name == "HDU_INDEX"
    assert [found.header[key] for key in ("HDUCLASS", "HDUCLAS1", "HDUCLAS2")] == ["GADF", "INDEX", "HDU"]
    assert found.header["HDUDOC"].startswith("https://")
    assert found.header["HDUVERS"] == "0.3"
    assert found.columns.names == [
        *("OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME", "SIZE")
    ]
    assert list(found.data["OBS_ID"]) == [3, 7, 7, 7, 7, 7]
    assert list(found.data["HDU_TYPE"]) == ["events", "events", "gti", "psf", "bkg", "rad_max"]
    assert list(found.data["HDU_CLASS"])[:2] == ["events", "events_x"]
    assert found.data["OBS_ID"].dtype.kind == "i"
    assert set(found.data["FILE_DIR"]) == {"tele/7"}


def test_index_files_hold_no_time_of_day_and_are_the_same_each_time(monkeypatch):
    first = hdu_index([entry()]), obs_index([Run(1, row("1"))])
    monkeypatch.setattr("time.time", lambda: 2e9)
    assert (hdu_index([entry()]), obs_index([Run(1, row("1"))])) == first
    for content in first:
        assert content[4:8] == bytes(4)  # gzip's time
        for hdu in opened(content):
            assert "T" not in hdu.header.comments["CHECKSUM"]
            assert "DATE" not in hdu.header
            assert hdu.verify_checksum() == hdu.verify_datasum() == 1


def test_the_observation_index_has_the_keywords_as_the_files_have_them():
    found = table(obs_index([Run(9, row("9")), Run(4, row("4", n_tels=4, object="Crab", quality=0))]))
    assert found.name == "OBS_INDEX"
    assert [found.header[key] for key in ("HDUCLASS", "HDUCLAS1", "HDUCLAS2")] == ["GADF", "INDEX", "OBS"]
    for key, value in (
        *(("MJDREFI", 51910), ("MJDREFF", 0.000742870370370241), ("TIMESYS", "TT"), ("TIMEUNIT", "s")),
        *(("GEOLON", 16.5), ("GEOLAT", -23.25), ("ALTITUDE", 1835.0), ("TELESCOP", "TELE")),
    ):
        assert found.header[key] == value
    assert list(found.data["OBS_ID"]) == [4, 9]
    assert list(found.data["TSTART"]) == [100.5, 100.5]
    assert list(found.data["EVENT_COUNT"]) == [11, 11]
    assert list(found.data["OBS_PUBLISHER_DID"]) == ["did-4", "did-9"]
    units = {column.name: column.unit for column in found.columns}
    assert units["RA_PNT"] == units["ZEN_PNT"] == "deg"
    assert units["TSTART"] == units["LIVETIME"] == "s"


def test_the_pointing_is_there_in_galactic_coordinates_too():
    found = table(obs_index([Run(1, row("1"))])).data
    galactic = SkyCoord(83.63, 22.01, unit="deg").galactic
    assert found["GLON_PNT"][0] == pytest.approx(galactic.l.deg, abs=1e-9)
    assert found["GLAT_PNT"][0] == pytest.approx(galactic.b.deg, abs=1e-9)


def test_what_is_unknown_is_null():
    blank = dict.fromkeys(("ra_pnt", "dec_pnt", "n_tels", "quality", "tellist", "ev_xel"))
    found = table(obs_index([Run(1, row("1", **blank)), Run(2, row("2", n_tels=3, muoneff=0.5))]))
    assert math.isnan(found.data["RA_PNT"][0])
    assert math.isnan(found.data["GLON_PNT"][0])
    assert math.isnan(found.data["MUONEFF"][0])
    assert found.columns["N_TELS"].null == index.NULL_COUNT == found.data["N_TELS"][0]
    assert found.columns["EVENT_COUNT"].null == found.data["EVENT_COUNT"][0]
    assert found.data["QUALITY"][0] == index.UNKNOWN_QUALITY
    assert list(found.data["TELLIST"]) == ["", ""]
    assert "OBJECT" not in found.columns.names  # optional, and nobody has it


@pytest.mark.parametrize("columns", [{"mjdrefi": 51544}, {"timesys": "UTC"}, {"mjdreff": None}])
def test_runs_without_a_common_zero_point_get_one(columns):
    runs = [Run(1, row("1")), Run(2, row("2", **columns, t_min=53001.25, t_max=None))]
    found = table(obs_index(runs))
    zero = Time(found.header["MJDREFI"], found.header["MJDREFF"], format="mjd", scale="tt")
    assert found.header["TIMESYS"] == "TT"
    starts = (zero + TimeDelta(np.array(found.data["TSTART"], float), format="sec")).mjd
    assert starts == pytest.approx([53000.5, 53001.25], abs=1e-11)
    assert math.isnan(found.data["TSTOP"][1])


def test_sites_that_differ_are_columns_and_not_keywords():
    runs = [Run(1, row("1")), Run(2, row("2", geolon=-17.9, facility_name=None))]
    found = table(obs_index(runs))
    assert "GEOLON" not in found.header
    assert "TELESCOP" not in found.header
    assert list(found.data["GEOLON"]) == [16.5, -17.9]
    assert list(found.data["TELESCOP"]) == ["TELE", ""]
    assert found.header["GEOLAT"] == -23.25


def test_a_site_that_nobody_knows_is_left_out():
    unknown = dict.fromkeys(("geolon", "geolat", "altitude"))
    found = table(obs_index([Run(1, row("1", **unknown))]))
    assert "GEOLON" not in found.header
    assert "GEOLON" not in found.columns.names


def test_texts_that_fits_cannot_hold_are_written_with_question_marks():
    found = table(obs_index([Run(1, row("1", object="η Car", facility_name="Télé"))]))
    assert list(found.data["OBJECT"]) == ["? Car"]
    assert found.header["TELESCOP"] == "T?l?"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["20136", "7"], {"20136": 20136, "7": 7}),
        (["0042"], {"0042": 42}),
        (["20136", "run-7"], None),
        (["-5"], None),
        (["9" * 19], None),
        (["٣"], None),
    ],
)
def test_obs_ids_are_numbers_if_all_are(names, expected):
    assert numbers(names) == expected


def test_the_largest_number_fits():
    largest = numbers(["9" * 18])["9" * 18]
    assert table(hdu_index([entry(obs_id=largest)])).data["OBS_ID"][0] == largest
    assert np.iinfo(np.int64).max > largest
