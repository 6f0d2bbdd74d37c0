"""What responses say: every form of a point spread function, and tables that are not as they should be."""

import numpy as np
import pytest
from astropy.io import fits

from ingest.performance import examine
from ingest.scan import event_box
from tests import gadf_files

GAUSS_68 = float(np.sqrt(-2.0 * np.log(0.32)))
KING_68 = float(np.sqrt(2.0 * 2.0 * (1.0 / 0.32 - 1.0)))  # gamma = 2


def measure(hdu, form, energy=1.0, offset=0.5, theta=None):
    return examine(hdu, form, energy_tev=energy, offset_deg=offset, theta=theta)


@pytest.mark.parametrize(
    ("hdu", "form", "expected"),
    [
        (gadf_files.psf(0.06), "psf_table", 0.06 * GAUSS_68),
        (gadf_files.psf_3gauss((1.0, 0.06)), "psf_3gauss", 0.06 * GAUSS_68),
        (gadf_files.psf_3gauss((1.0, 0.06), (7.0, 0.06), (0.1, 0.06)), "psf_3gauss", 0.06 * GAUSS_68),
        (gadf_files.psf_king(0.05, 2.0), "psf_king", 0.05 * KING_68),
    ],
)
def test_radius_of_point_spread_functions(hdu, form, expected):
    found = measure(hdu, form)
    assert found.value == pytest.approx(expected, rel=2e-3)
    assert found.energy_tev == pytest.approx((0.1, 100.0))
    assert found.offset_deg == (0.0, 2.0)
    assert found.problem is None


def test_radius_of_unequal_gaussians_contains_68_percent():
    parts = ((1.0, 0.04), (0.3, 0.1), (0.02, 0.3))
    radius = measure(gadf_files.psf_3gauss(*parts), "psf_3gauss").value
    weights = [amplitude * sigma**2 for amplitude, sigma in parts]
    inside = [w * (1 - np.exp(-0.5 * (radius / s) ** 2)) for w, (_, s) in zip(weights, parts, strict=True)]
    assert sum(inside) / sum(weights) == pytest.approx(0.68, rel=1e-5)


def test_radius_of_gtpsf():
    psf, theta = gadf_files.psf_gtpsf(0.06)
    found = measure(psf, "psf_gtpsf", theta=theta)
    assert found.value == pytest.approx(0.06 * GAUSS_68, rel=1e-3)
    assert found.energy_tev == pytest.approx((0.1, 100.0))
    assert found.offset_deg is None
    assert measure(psf, "psf_gtpsf", energy=200.0, theta=theta).value is None
    assert "THETA" in measure(psf, "psf_gtpsf").problem


@pytest.mark.parametrize(
    ("hdu", "form"),
    [
        (gadf_files.psf_king(0.05, 1.0), "psf_king"),
        (gadf_files.psf_king(0.05, 1.0 + 1e-7), "psf_king"),
        (gadf_files.psf_king(np.nan, 2.0), "psf_king"),
        (gadf_files.psf_king(0.0, 2.0), "psf_king"),
        (gadf_files.psf_3gauss((1.0, 0.0)), "psf_3gauss"),
        (gadf_files.psf_3gauss((1.0, np.nan)), "psf_3gauss"),
        (gadf_files.psf_3gauss((1.0, 0.05), (-2.0, 0.05)), "psf_3gauss"),
        (gadf_files.psf(np.nan), "psf_table"),
        (gadf_files.edisp(np.nan), "edisp_2d"),
        (gadf_files.aeff(reach=-1.0), "aeff_2d"),
    ],
)
def test_senseless_values_say_nothing(hdu, form):
    with np.errstate(all="ignore"):
        found = measure(hdu, form)
    assert (found.value, found.problem) == (None, None)


@pytest.mark.parametrize(("energy", "offset"), [(1e-3, 0.5), (1e3, 0.5), (1.0, 2.5)])
def test_outside_of_the_axes_nothing_is_known(energy, offset):
    for hdu, form in (
        (gadf_files.psf(), "psf_table"),
        (gadf_files.psf_king(), "psf_king"),
        (gadf_files.edisp(), "edisp_2d"),
    ):
        assert measure(hdu, form, energy, offset).value is None


def without(hdu, *names):
    columns = [column for column in hdu.columns if column.name not in names]
    return gadf_files.table(hdu.name, columns, {})


@pytest.mark.parametrize(
    ("hdu", "form", "problem"),
    [
        (without(gadf_files.aeff(), "ENERG_LO"), "aeff_2d", "no column ENERG_LO"),
        (without(gadf_files.aeff(), "THETA_HI"), "aeff_2d", "no column THETA_HI"),
        (without(gadf_files.edisp(), "MIGRA_HI"), "edisp_2d", "no column MIGRA_HI"),
        (without(gadf_files.psf(), "RAD_LO"), "psf_table", "no column RAD_LO"),
        (without(gadf_files.psf_king(), "SIGMA"), "psf_king", "no column SIGMA"),
        (without(gadf_files.psf_3gauss((1.0, 0.1)), "SCALE"), "psf_3gauss", "no column SCALE"),
    ],
)
def test_tables_with_missing_columns(hdu, form, problem):
    found = measure(hdu, form)
    assert found.value is None
    assert problem in found.problem


def test_tables_of_the_wrong_size():
    area = gadf_files.aeff()
    columns = [column for column in area.columns if column.name != "EFFAREA"]
    columns.append(fits.Column("EFFAREA", "5E", unit="m2", array=np.ones((1, 5))))
    found = measure(gadf_files.table("AEFF", columns, {}), "aeff_2d")
    assert found.problem == "5 values of EFFAREA, expected 4 x 12"
    empty = fits.BinTableHDU(area.data[:0], area.header)
    assert "0 rows" in measure(empty, "aeff_2d").problem


def test_units_that_are_none():
    area = gadf_files.aeff()
    for number, column in enumerate(area.columns, 1):
        if column.name.startswith("ENERG"):
            area.header[f"TUNIT{number}"] = "m"
    again = fits.HDUList.fromstring(fits.PrimaryHDU().header.tostring().encode() + as_bytes(area))[1]
    assert "unit 'm' of ENERG_LO" in measure(again, "aeff_2d").problem


def as_bytes(hdu):
    data = hdu.data.tobytes()
    return hdu.header.tostring().encode() + data + b"\0" * (-len(data) % 2880)


# Around the sky.


def test_box_across_the_origin_of_right_ascension():
    ra = np.array([359.0, 359.5, 0.5, 1.0, np.nan, 1.2])
    box = event_box(ra, np.array([10.0, 11.0, 12.0, 10.0, 11.0, np.inf]))
    assert box[:2] == pytest.approx((359.0, 361.0))
    assert 10.0 <= box[2] < box[3] <= 12.0


def test_box_leaves_stray_events_out():
    ra = np.concatenate([np.linspace(100.0, 102.0, 995), [10.0, 200.0, 300.0, 301.0, 302.0]])
    dec = np.concatenate([np.linspace(-31.0, -29.0, 995), np.full(5, 80.0)])
    west, east, south, north = event_box(ra, dec)
    assert 100.0 <= west < east <= 102.0
    assert -31.0 <= south < north <= -29.0
    assert (east - west, north - south) == pytest.approx((2.0, 2.0), abs=0.1)


@pytest.mark.parametrize("pole", [1.0, -1.0])
def test_box_around_a_pole_is_none(pole):
    ra = np.linspace(0.0, 359.0, 360)
    assert event_box(ra, pole * np.full(360, 85.0)) is None


def test_box_of_a_belt_around_the_sky_is_a_belt():
    west, east, south, north = event_box(np.linspace(0.0, 359.0, 360), np.full(360, 20.0))
    assert 0.0 <= west < 360.0
    assert 350.0 < east - west < 360.0
    assert (south, north) == (20.0, 20.0)


def test_box_of_one_event_and_of_none():
    assert event_box(np.array([-10.0]), np.array([5.0])) == (350.0, 350.0, 5.0, 5.0)
    assert event_box(np.array([np.nan]), np.array([5.0])) is None
    assert event_box(np.empty(0), np.empty(0)) is None
