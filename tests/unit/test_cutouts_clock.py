import io

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time, TimeDelta

from tests import gadf_files
from tests.cut_outs import GTIS, START, STOP, ZERO, N, events, mjd, numbers, select, written


@pytest.fixture(scope="module")
def table():
    return fits.open(io.BytesIO(written(events())))[1].data


@pytest.fixture(scope="module")
def content():
    return written(events(), gadf_files.gti(GTIS))


def test_events_on_the_border_of_a_time_interval_belong_to_it(content, table):
    for first, last in ((0, 0), (0, N - 1), (17, 101), (55, 56), (120, 199)):
        low, high = float(mjd(table["TIME"][first])), float(mjd(table["TIME"][last]))
        found = select(content, TIME=f"{low!r} {high!r}")
        assert numbers(found) == list(range(first, last + 1))


def test_a_microsecond_from_a_time_limit_decides():
    times = START + 10.0 + np.arange(-5, 6) * 1e-6
    hdu = gadf_files.events(np.ones(11))
    hdu.data["TIME"] = times
    limit = float(mjd(times[5]))
    found = numbers(select(written(hdu), TIME=f"{limit!r} +Inf"))
    assert found == [5, 6, 7, 8, 9, 10]
    assert numbers(select(written(hdu), TIME=f"-Inf {limit!r}")) == [0, 1, 2, 3, 4, 5]


def test_good_times_and_keywords_follow_a_cut_in_time(content):
    low, high = float(mjd(START + 100.0)), float(mjd(START + 900.0))
    found = select(content, TIME=f"{low!r} {high!r}")
    ends = [tuple(row) for row in found["GTI"].data]
    assert ends[0] == pytest.approx((START + 100.0, START + 600.0), rel=0, abs=2e-6)
    assert ends[1] == pytest.approx((START + 700.0, START + 900.0), rel=0, abs=2e-6)
    assert (ends[0][1], ends[1][0]) == (START + 600.0, START + 700.0)
    header = found["EVENTS"].header
    assert header["TSTART"] == pytest.approx(START + 100.0, rel=0, abs=2e-6)
    assert header["TSTOP"] == pytest.approx(START + 900.0, rel=0, abs=2e-6)
    assert header["TELAPSE"] == pytest.approx(800.0, abs=2e-6)
    assert header["ONTIME"] == pytest.approx(700.0, abs=4e-6)
    assert header["LIVETIME"] == pytest.approx(0.9 * 700.0, abs=4e-6)
    times = found["EVENTS"].data["TIME"]
    assert ((times >= ends[0][0]) & (times <= ends[1][1])).all()


def test_a_cut_that_leaves_all_changes_nothing(content, table):
    found = select(content, TIME=f"{float(mjd(START))!r} {float(mjd(STOP))!r}")
    assert found["EVENTS"].data.tobytes() == table.tobytes()
    header = found["EVENTS"].header
    assert (header["TSTART"], header["ONTIME"], header["LIVETIME"]) == (START, 1680.0, 1534.5)
    assert [tuple(row) for row in found["GTI"].data] == list(GTIS)


@pytest.mark.parametrize(
    ("low", "high", "at"), [(-100.0, -50.0, 0.0), (2000.0, 3000.0, 1680.0), (620.0, 680.0, 620.0)]
)
def test_without_any_good_time_an_interval_without_length_is_left(content, low, high, at):
    found = select(content, TIME=f"{float(mjd(START + low))!r} {float(mjd(START + high))!r}")
    start, stop = found["GTI"].data[0]
    assert len(found["GTI"].data) == 1
    assert start == stop == pytest.approx(START + at, rel=0, abs=2e-6)
    header = found["EVENTS"].header
    assert (header["ONTIME"], header["LIVETIME"]) == (0.0, 0.0)
    assert START <= header["TSTART"] <= header["TSTOP"] <= STOP


def test_without_good_times_the_whole_run_is_good_or_ontime_shrinks_with_it():
    interval = f"{float(mjd(START + 420.0))!r} +Inf"
    whole = select(written(events()), TIME=interval)["EVENTS"].header
    assert whole["ONTIME"] == pytest.approx(1260.0, abs=2e-6)
    assert whole["LIVETIME"] == pytest.approx(0.9 * 1260.0, abs=2e-6)
    assert not any(str(whole[key]) == "TIME" for key in whole if key.startswith("DSTYP"))
    gaps = select(written(events(ONTIME=1000.0)), TIME=interval)["EVENTS"].header
    assert gaps["ONTIME"] == pytest.approx(750.0, abs=2e-6)


def test_missing_ends_of_the_run_are_told_from_good_times_or_events(table):
    late = float(mjd(START + 1000.0))
    for gtis, start in (([gadf_files.gti(GTIS)], START), ([], table["TIME"].min())):
        content = written(events(TSTART=None, TSTOP=None), *gtis)
        header = select(content, TIME=f"-Inf {late!r}")["EVENTS"].header
        assert header["TSTART"] == pytest.approx(start, rel=0, abs=1e-7)
        assert header["TSTOP"] == pytest.approx(START + 1000.0, rel=0, abs=2e-6)
    empty = written(gadf_files.events([], TSTART=None, TSTOP=None))
    assert "TSTART" not in select(empty, TIME=f"-Inf {late!r}")["EVENTS"].header


def test_live_time_without_dead_time_keeps_its_share_or_is_unknown(content):
    interval = f"{float(mjd(START + 1000.0))!r} +Inf"
    gti = gadf_files.gti(GTIS)
    shared = select(written(events(DEADC=None), gti), TIME=interval)["EVENTS"].header
    assert shared["LIVETIME"] == pytest.approx(680.0 * 1534.5 / 1680.0, abs=2e-6)
    unknown = select(written(events(DEADC=7.0, ONTIME=None), gti), TIME=interval)["EVENTS"].header
    assert "LIVETIME" not in unknown
    assert "ONTIME" not in unknown


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"DATE-OBS": "2004-03-03", "TIME-OBS": "09:47:44.184"}, {"TIME-OBS": "09:49:24.184"}),
        ({"DATE-OBS": "2004-03-03T09:46:40"}, {"DATE-OBS": "2004-03-03T09:48:20.000"}),
        ({"DATE_OBS": "2004-03-03", "TIME_OBS": "09:46:40"}, {"TIME_OBS": "09:48:20.000"}),
        ({"DATE-OBS": "2004-03-03"}, {"DATE-OBS": "2004-03-03"}),
        ({"DATE-OBS": "yesterday", "TIME-OBS": "noon"}, {"TIME-OBS": "09:49:24.184"}),
        ({"DATE-OBS": 7}, {"DATE-OBS": 7}),
    ],
)
def test_dates_follow_in_their_own_form_and_scale(before, after):
    # The run starts at 09:46:40 UTC, which is 09:47:44.184 TT.
    content = written(events(**before), gadf_files.gti(GTIS))
    header = select(content, TIME=f"{float(mjd(START + 100.0))!r} +Inf")["EVENTS"].header
    for keyword, value in (before | after).items():
        assert header[keyword] == ("2004-03-03" if value == "yesterday" else value)


def test_days_and_other_clocks_are_converted():
    # MJD in UTC, in days, 32 leap seconds and 32.184 s from TT; the good times count seconds of TT.
    start = Time("2004-03-03T00:00:00", scale="utc")
    clock = {"MJDREFI": 53000, "MJDREFF": 0.0, "TIMESYS": "UTC", "TIMEUNIT": "d"}
    hdu = gadf_files.events(np.ones(4), **clock, TSTART=67.0, TSTOP=67.02, ONTIME=1728.0, LIVETIME=1555.2)
    hdu.data["TIME"] = 67.0 + np.array([0.0, 0.005, 0.01, 0.02])
    hdu.columns["TIME"].unit = "d"
    first = (start.tt.mjd - ZERO.mjd) * 86400.0
    gti = gadf_files.gti(((first, first + 1728.0),))
    low = float((start + TimeDelta(0.005 * 86400.0, format="sec")).tt.mjd)
    found = select(written(hdu, gti), TIME=f"{low!r} {low + 0.007!r}")
    assert numbers(found) == [1, 2]
    header = found["EVENTS"].header
    assert header["TSTART"] == pytest.approx(67.005, rel=0, abs=1e-10)
    assert header["ONTIME"] == pytest.approx(0.007 * 86400.0, abs=2e-5)
    assert found["GTI"].data["START"][0] == pytest.approx(first + 432.0, rel=0, abs=2e-5)


def test_good_times_in_other_columns_keep_their_form():
    rows = np.array([[0.0, 1680.0]]) / 86400.0
    columns = [
        fits.Column("stop", "D", unit="d", array=rows[:, 1], bscale=0.5, bzero=1.0),
        fits.Column("NAME", "5A", array=["first"]),
        fits.Column("start", "D", unit="d", array=rows[:, 0]),
    ]
    clock = gadf_files.TIMES | {"TIMEZERO": START}
    gti = gadf_files.table("GTI", columns, {"HDUCLAS1": "GTI"} | clock)
    found = select(written(events(), gti), TIME=f"{float(mjd(START + 60.0))!r} {float(mjd(START + 90.0))!r}")
    row = found["GTI"].data[0]
    assert row["NAME"] == "first"
    assert (row["start"] * 86400.0, row["stop"] * 86400.0) == pytest.approx((60.0, 90.0), abs=2e-5)
    assert found["EVENTS"].header["ONTIME"] == pytest.approx(30.0, abs=4e-5)


def test_an_earth_rotation_clock_is_cut_where_its_tables_end():
    hdu = gadf_files.events([1.0, 1.0], TIMESYS="UT1")
    hdu.data["TIME"] = [START + 1.0, STOP - 1.0]
    assert numbers(select(written(hdu), TIME="0 100000")) == [0, 1]
    middle = float(mjd(START + 800.0))
    assert numbers(select(written(hdu), TIME=f"{middle!r} +Inf")) == [1]
