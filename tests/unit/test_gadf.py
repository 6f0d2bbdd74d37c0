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
    assert run.n_events == 3
    assert run.event_energy_tev == (0.5, 20.0)
    assert run.safe_energy_tev == (0.4, 80.0)
    assert run.gti.tolist() == [[100_000_000.0, 100_001_680.0]]
    assert run.file_size == path.stat().st_size


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
    assert one.hdus == other.hdus
    assert one.performance == other.performance
    assert other.file_size == packed.stat().st_size


def test_times_agree_with_astropy(path):
    run = gadf.read(path)
    header = fits.getheader(path, "EVENTS")
    start = Time(header["MJDREFI"], header["MJDREFF"], format="mjd", scale="tt")
    expected = (start + header["TSTART"] * u.s).mjd
    assert run.time_reference.mjd_tt(header["TSTART"]) == pytest.approx(expected, abs=1e-9)


def test_other_time_scales_become_tt(tmp_path):
    path = gadf_files.write(
        tmp_path / "utc.fits", gadf_files.events(TIMESYS="utc"), gadf_files.gti(TIMESYS="utc")
    )
    run = gadf.read(path)
    tt = gadf_files.write(tmp_path / "tt.fits", gadf_files.events(), gadf_files.gti())
    shift = (run.time_reference.mjd_tt(1e8) - gadf.read(tt).time_reference.mjd_tt(1e8)) * 86400
    assert shift == pytest.approx(32.184 + 32, abs=1e-4)  # TAI - UTC was 32 s in 2004


def test_gti_in_another_reference_is_brought_to_the_events(tmp_path):
    moved = gadf_files.gti(
        ((0.0, 1680.0),), MJDREFI=51910 + 1157, MJDREFF=0.000742870370370241 + 35200 / 86400
    )
    run = gadf.read(gadf_files.write(tmp_path / "run.fits", gadf_files.events(), moved))
    assert run.gti[0] == pytest.approx([100_000_000.0, 100_001_680.0], abs=1e-3)


def test_energies_in_other_units(tmp_path):
    path = gadf_files.write(tmp_path / "gev.fits", gadf_files.events((500.0, np.nan, 2000.0), unit="GeV"))
    assert gadf.read(path).event_energy_tev == pytest.approx((0.5, 2.0))


def test_no_events_no_energies(tmp_path):
    run = gadf.read(gadf_files.write(tmp_path / "empty.fits", gadf_files.events(())))
    assert run.n_events == 0
    assert run.event_energy_tev is None
    assert run.safe_energy_tev is None
    assert len(run.gti) == 0


def test_hdus_without_classes_are_known_by_name(tmp_path):
    area = gadf_files.aeff()
    for keyword in ("HDUCLASS", "HDUCLAS1", "HDUCLAS2", "HDUCLAS4"):
        del area.header[keyword]
    area.name = "EFFECTIVE AREA"
    run = gadf.read(gadf_files.write(tmp_path / "run.fits", gadf_files.events(HDUCLAS1=None), area))
    assert [hdu.kind for hdu in run.hdus] == ["other", "events", "aeff"]


def test_performance_has_the_truth(path):
    performance = gadf.read(path, reference_energy_tev=1.0, reference_offset_deg=0.5).performance
    assert performance.fov_deg == 4.0
    # 68 % of a two-dimensional Gaussian lies within sqrt(-2 ln 0.32) sigma.
    assert performance.psf_deg == pytest.approx(0.06 * np.sqrt(-2 * np.log(0.32)), rel=2e-3)
    assert performance.energy_resolution == pytest.approx(0.15, rel=1e-2)


def test_field_of_view_ends_where_the_area_does(tmp_path):
    path = gadf_files.write(tmp_path / "run.fits", gadf_files.events(), gadf_files.aeff(reach=1.0))
    assert gadf.read(path).performance.fov_deg == 2.0


def test_performance_outside_the_axes_is_unknown(path):
    performance = gadf.read(path, reference_energy_tev=1e4).performance
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
    path = gadf_files.write(tmp_path / "run.fits", gadf_files.events(), gadf_files.gti(((2.0, 1.0),)))
    with pytest.raises(KeywordError, match="GTI"):
        gadf.read(path)
