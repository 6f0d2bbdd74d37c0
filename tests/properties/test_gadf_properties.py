"""Whatever a facility makes of GADF, the record says what is true, and names what was odd."""

import gzip
import tempfile
from pathlib import Path

import pytest
from astropy.io import fits
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ingest import gadf
from ingest.errors import CherenkovVOError
from tests import gadf_files
from tests.gadf_variants import variants

IN_DAYS = 2e-9  # 0.2 ms: MJD as a double, and MET in days
quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module")
def directory():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def near(value, expected, relative):
    return value is None if expected is None else value == pytest.approx(expected, rel=relative)


@settings(quick, max_examples=400)
@given(variant=variants())
def test_the_record_says_what_is_true(variant, directory):
    path = variant.write(directory)
    run, truth = gadf.read(path), variant.truth
    assert (run.obs_id, run.path, run.file_size) == (truth.obs_id, path, path.stat().st_size)
    check_deviations(run, truth)
    assert len(run.event_lists) == len(truth.lists)
    for events, true in zip(run.event_lists, truth.lists, strict=True):
        check_keywords(events, truth)
        check_times(events, truth, true.intervals)
        check_event_list(events, true)
        check_responses(events, truth, true.fov)


def check_deviations(run, truth):
    assert {deviation.keyword or deviation.assumed for deviation in run.deviations} == truth.deviations
    assert all(deviation.path == run.path for deviation in run.deviations)
    assert len(set(run.deviations)) == len(run.deviations)


def check_keywords(events, truth):
    keywords = events.keywords
    pointing = keywords.number("RA_PNT"), keywords.number("DEC_PNT")
    assert pointing == (truth.pointing or (None, None))
    target = keywords.text("OBJECT"), keywords.number("RA_OBJ"), keywords.number("DEC_OBJ")
    assert target == truth.target
    assert keywords.number("ALTITUDE") == truth.altitude
    assert keywords.text("DATE-OBS") == truth.date_obs
    assert (events.event_box_deg is not None) == (truth.box and events.n_events > 0)


def check_times(events, truth, intervals):
    reference, keywords = events.time_reference, events.keywords
    assert reference.mjd_tt(keywords.number("TSTART")) == pytest.approx(truth.t_min, rel=0, abs=IN_DAYS)
    assert reference.mjd_tt(keywords.number("TSTOP")) == pytest.approx(truth.t_max, rel=0, abs=IN_DAYS)
    found = reference.time(events.intervals).mjd
    assert found.shape == (len(intervals), 2)
    assert found.ravel() == pytest.approx([time for span in intervals for time in span], rel=0, abs=IN_DAYS)


def check_event_list(events, true):
    assert (events.label, events.n_events) == (true.label, true.n_events)
    assert events.safe_energy_tev == true.safe
    assert near(events.event_energy_tev, true.energy, 1e-6)


def check_responses(events, truth, fov):
    assert tuple(response.hdu.form for response in events.responses) == truth.forms
    assert {response.enclosure for response in events.responses} <= {truth.enclosure}
    found = events.performance
    assert found.fov_deg == fov
    assert near(found.psf_deg, truth.psf_radius, 3e-3)
    assert near(found.energy_resolution, truth.edisp_width, 1e-2)
    for response in events.responses:
        assert response.energy_tev == pytest.approx((0.1, 100.0), rel=1e-5)


@settings(quick, max_examples=40)
@given(variant=variants())
def test_byte_ranges_hold_the_hdus(variant, directory):
    path = variant.write(directory)
    run, content = gadf.read(path), gadf.unpack(path)
    primary = fits.PrimaryHDU().header.tostring().encode()
    assert sum(hdu.size for hdu in run.hdus) == len(content)
    for hdu in run.hdus[1:]:
        cut = fits.HDUList.fromstring(primary + content[hdu.offset : hdu.offset + hdu.size])
        assert [table.name for table in cut[1:]] == [hdu.name]
        assert cut[1].header.get("OBS_ID") == hdu.header.get("OBS_ID")
        assert len(cut[1].data) == hdu.header["NAXIS2"]


VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
KEYWORDS = st.sampled_from(
    ["TSTART", "TSTOP", "MJDREFI", "MJDREFF", "MJDREF", "TIMESYS", "TIMEUNIT", "TIMEZERO", "OBS_ID", "RA_PNT",
     "DEC_PNT", "RA_OBJ", "DEC_OBJ", "ALTITUDE", "EUNIT", "EVTYPE", "EXTVER", "OBS_MODE", "ONTIME",
     "HDUCLAS1", "HDUCLAS2", "HDUCLAS3", "HDUCLAS4", "LO_THRES", "HI_THRES", "TUNIT5", "TTYPE5", "DATE-OBS"]
)  # fmt: skip


@quick
@given(
    cards=st.dictionaries(KEYWORDS, VALUES | TEXTS, min_size=1, max_size=4),
    where=st.sampled_from(["events", "gti", "aeff"]),
)
def test_senseless_headers_are_read_or_refused(cards, where, directory):
    tables = {"events": gadf_files.events(), "gti": gadf_files.gti(), "aeff": gadf_files.aeff()}
    for keyword, value in cards.items():
        tables[where].header[keyword] = value
    path = directory / "senseless.fits"
    path.unlink(missing_ok=True)
    try:
        run = gadf.read(gadf_files.write(path, *tables.values()))
    except CherenkovVOError as error:
        assert "senseless.fits" in str(error)
    else:
        assert run.obs_id.strip()
        assert run.event_lists[0].n_events == 3


@pytest.fixture(scope="module")
def whole(directory):
    return gadf_files.write(directory / "whole.fits").read_bytes()


@quick
@given(data=st.data())
def test_damaged_bytes_are_read_or_refused(data, whole, directory):
    content = bytearray(whole)
    starts = [at for at in range(0, len(content), 2880) if content[at : at + 8] in (b"SIMPLE  ", b"XTENSION")]
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.sampled_from(starts)) + data.draw(st.integers(0, 2879))
        content[at] = data.draw(st.integers(0, 255))
    path = directory / "damaged.fits"
    packed = data.draw(st.booleans())
    path.write_bytes(gzip.compress(bytes(content), 1) if packed else bytes(content))
    assume(bytes(content) != whole)
    try:
        run = gadf.read(path)
    except CherenkovVOError as error:
        assert "damaged.fits" in str(error)
    else:
        assert run.event_lists
