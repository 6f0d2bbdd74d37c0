import gzip

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.time import Time

from ingest import gadf
from ingest.errors import KeywordError, UnreadableFileError
from tests import gadf_files


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return gadf_files.write(tmp_path_factory.mktemp("gadf") / "run.fits")


def test_a_run_is_read(path):
    run = gadf.read(path)
    assert [hdu.kind for hdu in run.hdus] == ["other", "events", "gti", "aeff", "edisp", "psf"]
    assert (run.obs_id, run.path, run.file_size) == ("4711", path, path.stat().st_size)
    (events,) = run.event_lists
    assert events.label is None
    assert events.n_events == 3
    assert events.event_energy_tev == (0.5, 20.0)
    assert events.safe_energy_tev == (0.4, 80.0)
    assert events.intervals.tolist() == [[100_000_000.0, 100_001_680.0]]
    assert (events.events, events.gti) == (run.hdus[1], run.hdus[2])
    assert [response.hdu.form for response in events.responses] == ["aeff_2d", "edisp_2d", "psf_table"]
    assert events.responses[0].energy_tev == pytest.approx((0.1, 100.0))
    assert events.responses[0].offset_deg == (0.0, 2.0)
    assert [str(deviation) for deviation in run.deviations] == ["run.fits: missing: no background"]


def only(path, **reference):
    (events,) = gadf.read(path, **reference).event_lists
    return events


def test_byte_ranges_are_whole_hdus(path):
    content = path.read_bytes()
    run = gadf.read(path)
    assert run.hdus[0].offset == 0
    for one, next_one in zip(run.hdus, run.hdus[1:], strict=False):
        assert one.offset + one.size == next_one.offset
    assert run.hdus[-1].offset + run.hdus[-1].size == len(content)
    for hdu in run.hdus[1:]:
        assert content[hdu.offset :].startswith(b"XTENSION")


def test_gzip_makes_no_difference(path, tmp_path):
    packed = tmp_path / "run.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    one, other = gadf.read(path), gadf.read(packed)
    assert [(hdu.offset, hdu.size) for hdu in one.hdus] == [(hdu.offset, hdu.size) for hdu in other.hdus]
    assert one.event_lists[0].performance == other.event_lists[0].performance
    assert other.file_size == packed.stat().st_size


def test_times_agree_with_astropy(path):
    run = only(path)
    header = fits.getheader(path, "EVENTS")
    start = Time(header["MJDREFI"], header["MJDREFF"], format="mjd", scale="tt")
    expected = (start + header["TSTART"] * u.s).mjd
    assert run.time_reference.mjd_tt(header["TSTART"]) == pytest.approx(expected, abs=1e-9)


def test_other_time_scales_become_tt(tmp_path):
    path = gadf_files.write(
        tmp_path / "utc.fits", gadf_files.events(TIMESYS="utc"), gadf_files.gti(TIMESYS="utc")
    )
    tt = gadf_files.write(tmp_path / "tt.fits", gadf_files.events(), gadf_files.gti())
    shift = (only(path).time_reference.mjd_tt(1e8) - only(tt).time_reference.mjd_tt(1e8)) * 86400
    assert shift == pytest.approx(32.184 + 32, abs=1e-4)  # TAI - UTC was 32 s in 2004


def test_leap_seconds_count_in_utc(tmp_path):
    path = gadf_files.write(tmp_path / "utc.fits", gadf_files.events(TIMESYS="UTC"))
    reference = only(path).time_reference
    zero = Time(reference.mjd_int, reference.mjd_frac, format="mjd", scale="utc")
    assert (reference.time(5e8) - zero.tt).sec == pytest.approx(5e8, abs=1e-4)  # 2001 to 2016


def test_gti_in_another_reference_is_brought_to_the_events(tmp_path):
    moved = gadf_files.gti(
        ((0.0, 1680.0),), MJDREFI=51910 + 1157, MJDREFF=0.000742870370370241 + 35200 / 86400
    )
    events = only(gadf_files.write(tmp_path / "run.fits", gadf_files.events(), moved))
    assert events.intervals[0] == pytest.approx([100_000_000.0, 100_001_680.0], abs=1e-3)


def test_energies_in_other_units(tmp_path):
    path = gadf_files.write(tmp_path / "gev.fits", gadf_files.events((500.0, np.nan, 2000.0), unit="GeV"))
    run = gadf.read(path)
    assert run.event_lists[0].event_energy_tev == pytest.approx((0.5, 2.0))
    assert "gev.fits, HDU EVENTS, ENERGY: 1 events: not a positive number, left out of the range" in [
        str(deviation) for deviation in run.deviations
    ]


def test_no_events_no_energies(tmp_path):
    events = only(gadf_files.write(tmp_path / "empty.fits", gadf_files.events(())))
    assert events.n_events == 0
    assert events.event_energy_tev is None
    assert events.safe_energy_tev is None
    assert events.gti is None


@pytest.mark.parametrize(
    ("ontime", "expected"), [(1681.0, [[100_000_000.0, 100_001_680.0]]), (1682.0, []), (None, [])]
)
def test_without_gti_the_ontime_decides(tmp_path, ontime, expected):
    run = gadf.read(gadf_files.write(tmp_path / "run.fits", gadf_files.events(ONTIME=ontime)))
    assert run.event_lists[0].intervals.tolist() == expected
    assert "no good time intervals" in str(run.deviations)


def test_hdus_without_classes_are_known_by_name(tmp_path):
    area = gadf_files.aeff()
    for keyword in ("HDUCLASS", "HDUCLAS1", "HDUCLAS2", "HDUCLAS4"):
        del area.header[keyword]
    area.name = "EFFECTIVE AREA"
    run = gadf.read(gadf_files.write(tmp_path / "run.fits", gadf_files.events(HDUCLAS1=None), area))
    assert [(hdu.kind, hdu.form) for hdu in run.hdus[1:]] == [("events", "events"), ("aeff", "aeff_2d")]
    assert [d.hdu for d in run.deviations if d.keyword == "HDUCLAS1"] == ["EVENTS", "EFFECTIVE AREA"]


def test_performance_has_the_truth(path):
    performance = only(path, reference_energy_tev=1.0, reference_offset_deg=0.5).performance
    assert performance.fov_deg == 4.0
    # 68 % of a two-dimensional Gaussian lies within sqrt(-2 ln 0.32) sigma.
    assert performance.psf_deg == pytest.approx(0.06 * np.sqrt(-2 * np.log(0.32)), rel=2e-3)
    assert performance.energy_resolution == pytest.approx(0.15, rel=1e-2)


def test_field_of_view_ends_where_the_area_does(tmp_path):
    path = gadf_files.write(tmp_path / "run.fits", gadf_files.events(), gadf_files.aeff(reach=1.0))
    assert only(path).performance.fov_deg == 2.0


def test_performance_outside_the_axes_is_unknown(path):
    performance = only(path, reference_energy_tev=1e4).performance
    assert (performance.fov_deg, performance.psf_deg, performance.energy_resolution) == (None, None, None)


@pytest.mark.parametrize(
    ("cards", "keyword"),
    [
        ({"MJDREFI": None}, "MJDREFI"),
        ({"TIMESYS": "martian"}, "TIMESYS"),
        ({"TIMEUNIT": "week"}, "TIMEUNIT"),
        ({"MJDREFF": "soon"}, "MJDREFF"),
    ],
)
def test_time_keywords_that_make_no_sense(tmp_path, cards, keyword):
    path = gadf_files.write(tmp_path / "run.fits", gadf_files.events(**cards))
    with pytest.raises(KeywordError, match=keyword) as failure:
        gadf.read(path)
    assert "run.fits" in str(failure.value)
    assert "EVENTS" in str(failure.value)


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x1f\x8b\x08", gzip.compress(b"x" * 9000, mtime=0)[:40]]
)
def test_files_that_are_no_fits(tmp_path, content):
    path = tmp_path / "bad.fits.gz"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"bad\.fits\.gz"):
        gadf.read(path)


def test_missing_file(tmp_path):
    with pytest.raises(UnreadableFileError, match="No such file"):
        gadf.read(tmp_path / "nowhere.fits")


@pytest.mark.filterwarnings("ignore::astropy.utils.exceptions.AstropyUserWarning")
@pytest.mark.parametrize("keep", [3000, 6000, 9000, 20000, -2880, -1])
def test_truncated_files(path, tmp_path, keep):
    cut = tmp_path / "cut.fits"
    cut.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UnreadableFileError, match=r"cut\.fits"):
        gadf.read(cut)


def test_no_event_list(tmp_path):
    with pytest.raises(UnreadableFileError, match="no EVENTS HDU"):
        gadf.read(gadf_files.write(tmp_path / "irf.fits", gadf_files.aeff()))


def test_gti_that_end_before_they_start(tmp_path):
    bad = gadf_files.gti(((2.0, 1.0), (100_000_000.0, 100_000_100.0)))
    run = gadf.read(gadf_files.write(tmp_path / "run.fits", gadf_files.events(), bad))
    assert run.event_lists[0].intervals.tolist() == [[100_000_000.0, 100_000_100.0]]
    assert "GTI 1 of 2 intervals: not finite" in "; ".join(d.remark for d in run.deviations)


def test_event_lists_of_two_runs_in_one_file(tmp_path):
    two = [gadf_files.events(OBS_ID=number, EXTVER=number) for number in (1, 2)]
    with pytest.raises(UnreadableFileError, match="several runs: OBS_ID 1, 2"):
        gadf.read(gadf_files.write(tmp_path / "run.fits", *two))


@pytest.mark.parametrize("value", [None, True, 1.5, " "])
def test_obs_id_is_needed(tmp_path, value):
    path = gadf_files.write(tmp_path / "run.fits", gadf_files.events(OBS_ID=value))
    with pytest.raises(KeywordError, match="OBS_ID"):
        gadf.read(path)


def test_ut1_without_earth_rotation_data_is_taken_as_utc(tmp_path):
    path = gadf_files.write(tmp_path / "run.fits", gadf_files.events(TIMESYS="UT1", MJDREFI=88_000))
    run = gadf.read(path)
    assert run.event_lists[0].time_reference.scale == "utc"
    assert "taken as UTC, within 0.9 s" in str(run.deviations)


def test_a_site_at_sea_level_is_no_mountain(tmp_path):
    """Without the site's coordinates a small ALTITUDE is left as it is."""
    path = gadf_files.write(tmp_path / "run.fits", gadf_files.events(ALTITUDE=2.2))
    assert only(path).keywords["ALTITUDE"] == 2.2


def test_files_of_responses_and_indexes_are_no_sources(tmp_path):
    gadf_files.write(tmp_path / "b.fits")
    gadf_files.write(tmp_path / "irf.fits", gadf_files.aeff())
    (tmp_path / "a.fits").write_bytes(b"damaged")
    index = gadf_files.table("OBS_INDEX", [fits.Column("OBS_ID", "K", array=[1])], {"HDUCLAS1": "INDEX"})
    gadf_files.write(tmp_path / "obs-index.fits", index)
    gadf_files.write(tmp_path / "nothing.fits", fits.ImageHDU())
    assert [source.name for source in gadf.sources(tmp_path, "*.fits", None)] == [
        "a.fits",
        "b.fits",
        "nothing.fits",
    ]


def test_cards_that_are_no_fits_are_left_out(path, tmp_path):
    content = path.read_bytes()
    damaged = content.replace(b"TELESCOP= 'TEST    '", b"TELESCOP= TEST'     ")
    assert damaged != content
    bad = tmp_path / "card.fits"
    bad.write_bytes(damaged)
    run = gadf.read(bad)
    assert "TELESCOP" not in run.event_lists[0].keywords
    assert [d.assumed for d in run.deviations if d.keyword == "TELESCOP"] == ["not a FITS card, left out"]


def test_the_first_of_two_cards_counts(tmp_path):
    events = gadf_files.events()
    events.header.append(("OBJECT", "second"), end=True)
    assert only(gadf_files.write(tmp_path / "run.fits", events)).keywords["OBJECT"] == "Crab"


@pytest.mark.parametrize(("scale", "zero", "expected"), [(1.0, 0.0, (1.0, 40.0)), (2.0, 10.0, (12.0, 90.0))])
def test_null_in_columns_of_integers(tmp_path, scale, zero, expected):
    """TNULL is the stored number, before TSCAL and TZERO."""
    column = fits.Column("ENERGY", "J", unit="TeV", null=5, array=np.array([1, 5, 40]))
    other = gadf_files.events()
    columns = [*(one for one in other.columns if one.name != "ENERGY"), column]
    table = gadf_files.table("EVENTS", columns, dict(other.header) | {"XSCAL5": scale, "XZERO5": zero})
    path = gadf_files.write(tmp_path / "run.fits", table)
    # astropy does not write scaled integers from what is stored.
    path.write_bytes(path.read_bytes().replace(b"XSCAL5", b"TSCAL5").replace(b"XZERO5", b"TZERO5"))
    run = gadf.read(path)
    assert run.event_lists[0].event_energy_tev == expected
    assert "EVENTS ENERGY 1 events: not a positive number, left out of the range" in [
        deviation.remark for deviation in run.deviations
    ]
