"""What the pictures show: counts, rates, radii and limits, against values computed otherwise."""

import io

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits

from datalink.previews import bkg, counts_map, edisp, event_rate, page, response, spectrum, tables
from datalink.previews.containment import containment
from datalink.previews.response import Axis
from ingest.performance import examine
from ingest.times import TimeReference
from tests import gadf_files

CLOCK = TimeReference(51910, 0.000742870370370241, "tt")


@pytest.fixture
def read():
    """Open HDUs as the tables of a file."""
    contexts = []

    def open_(*hdus):
        memory = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(memory)
        contexts.append(tables.opened(memory.getvalue(), "run.fits"))
        return contexts[-1].__enter__()

    yield open_
    for context in contexts:
        context.__exit__(None, None, None)


def event_hdu(ra, dec, **cards):
    hdu = gadf_files.events(np.ones(len(ra)), **cards)
    hdu.data["RA"][:], hdu.data["DEC"][:] = ra, dec
    return hdu


def scattered(ra, dec, width, number=5000):
    draws = np.random.default_rng(4711)
    around = SkyCoord(ra, dec, unit="deg").directional_offset_by(
        draws.uniform(0.0, 360.0, number) * u.deg, width * np.sqrt(draws.uniform(0.0, 1.0, number)) * u.deg
    )
    return event_hdu(around.ra.deg, around.dec.deg)


# Tables.


def test_columns_are_read_in_chunks_with_scales_nulls_and_units(read, monkeypatch):
    monkeypatch.setattr(tables, "CHUNK_ROWS", 2)
    columns = [
        fits.Column("Energy", "1J", unit="GeV", null=-1, array=np.array([1, -1, 3, 4, 5])),
        fits.Column("TIME", "1D", array=np.arange(5.0)),
        fits.Column("SCALED", "1D", unit="deg", bscale=0.5, bzero=8.0, array=np.arange(5) * 0.5 + 10.0),
        fits.Column("UNSIGNED", "1J", bzero=2**31, array=np.arange(5, dtype=np.uint32)),
    ]
    table = read(gadf_files.table("EVENTS", columns, {})).tables[0]
    pieces = list(table.chunks(ENERGY="TeV", TIME="s", SCALED="rad", UNSIGNED=""))
    assert [len(piece[0]) for piece in pieces] == [2, 2, 1]
    energy, time, scaled, unsigned = (np.concatenate(column) for column in zip(*pieces, strict=True))
    assert energy == pytest.approx([0.001, np.nan, 0.003, 0.004, 0.005], nan_ok=True)
    assert time == pytest.approx(np.arange(5.0))
    assert scaled == pytest.approx(np.radians(np.arange(5) * 0.5 + 10.0))
    assert unsigned == pytest.approx(np.arange(5.0))


@pytest.mark.parametrize(
    ("name", "form", "array"),
    [
        ("ENERGY", "3A", np.array(["a", "b"])),
        ("ENERGY", "2E", np.ones((2, 2))),
        ("ENERGY", "PE()", np.array([np.ones(1), np.ones(2)], dtype=object)),
    ],
)
def test_columns_that_are_no_numbers_are_errors(read, name, form, array):
    table = read(gadf_files.table("EVENTS", [fits.Column(name, form, array=array)], {})).tables[0]
    with pytest.raises(tables.KeywordError, match="EVENTS, ENERGY: expected a column of numbers"):
        list(table.chunks(ENERGY="TeV"))


def test_good_time_intervals_belong_to_the_event_list_of_their_number(read):
    names = ("EVENTS_1", "GTI_1", "EVENTS_2", "GTI_2")
    hdus = [gadf_files.events() if name.startswith("E") else gadf_files.gti() for name in names]
    for hdu, name in zip(hdus, names, strict=True):
        hdu.name = name
    found = read(*hdus)
    events = [table for table in found.tables if table.kind == "events"]
    assert [found.gti_of(table).hdu.name for table in events] == ["GTI_1", "GTI_2"]
    alone = read(gadf_files.events(), gadf_files.gti())
    assert alone.gti_of(alone.first("events")).hdu.name == "GTI"
    assert read(gadf_files.events()).gti_of(alone.first("events")) is None


@pytest.mark.parametrize(
    ("wanted", "step"), [(1.0, 1.0), (1.01, 2.0), (0.03, 0.05), (0.05, 0.05), (7.0, 10.0), (300.0, 500.0)]
)
def test_steps_are_round_numbers(wanted, step):
    assert tables.nice_step(wanted) == pytest.approx(step)


# Counts map.


@pytest.mark.parametrize(("ra", "dec"), [(0.05, 20.0), (83.6, 22.0), (120.0, 89.5), (300.0, -90.0)])
def test_events_are_counted_in_their_pixels(read, ra, dec):
    events = read(scattered(ra, dec, 2.0)).first("events")
    field = counts_map.Field((ra, dec), 1.5, events.rows)
    wcs = counts_map.make_wcs(field, 40, 0.1)
    counts = counts_map.fill(events, wcs, 40)
    # Otherwise: astropy's frame of offsets and the formulas of the gnomonic projection.
    data = events.hdu.data
    away = SkyCoord(data["RA"], data["DEC"], unit="deg").transform_to(
        SkyCoord(ra, dec, unit="deg").skyoffset_frame()
    )
    lon, lat = away.lon.rad, away.lat.rad
    x, y = np.degrees(np.tan(lon)), np.degrees(np.tan(lat) / np.cos(lon))
    edges = np.linspace(-2.0, 2.0, 41)
    expected, _, _ = np.histogram2d(y, -x, bins=(edges, edges))
    assert counts.sum() == expected.sum()
    assert np.abs(counts - expected).sum() <= 4, "but for rounding at the edges"


def test_east_is_left_and_north_is_up(read):
    events = read(event_hdu([84.6], [23.0])).first("events")
    counts = counts_map.fill(events, counts_map.make_wcs(counts_map.Field((83.6, 22.0), 2.0, 1), 40, 0.1), 40)
    row, column = np.argwhere(counts)[0]
    assert row > 20 > column


@pytest.mark.parametrize(
    ("known", "centre", "radius"),
    [
        ({"pointing": (10.0, 20.0), "target": (11.0, 20.0), "fov_deg": 6.0}, (10.0, 20.0), 3.0),
        ({"pointing": (370.0, 20.0), "target": None, "fov_deg": 2.0}, (10.0, 20.0), 2.0 * np.sqrt(0.75)),
        ({"pointing": (10.0, 20.0), "target": None, "fov_deg": None}, (10.0, 20.0), 2.0 * np.sqrt(0.97)),
        ({"pointing": None, "target": (11.0, 20.0), "fov_deg": 9.0}, (10.0, 20.0), 2.0 * np.sqrt(0.97)),
        ({"pointing": (np.nan, 20.0), "target": None, "fov_deg": np.nan}, (10.0, 20.0), 2.0 * np.sqrt(0.97)),
    ],
)
def test_the_map_covers_the_field_or_most_events(read, known, centre, radius):
    field = counts_map.find_field(read(scattered(10.0, 20.0, 2.0)).first("events"), **known)
    assert field.centre == pytest.approx(centre, abs=0.05)
    assert field.radius == pytest.approx(radius, abs=0.1)
    assert field.events == 5000


def test_without_events_the_field_is_around_what_is_known(read):
    events = read(gadf_files.events(())).first("events")
    field = counts_map.find_field(events, None, (5.0, 6.0), None)
    assert (field.centre, field.events) == ((5.0, 6.0), 0)
    assert counts_map.find_field(events, None, None, 5.0) is None


def test_events_without_a_position_are_not_counted(read):
    events = read(event_hdu([10.0, np.nan, 10.0], [20.0, 20.0, 95.0])).first("events")
    assert counts_map.find_field(events, None, None, None).events == 1


# Spectrum.


def test_energies_are_counted_in_logarithmic_bins(read):
    hdu = gadf_files.events((1.0, 1.1, 1000.0, np.nan, -1.0, 0.0, np.inf), unit="GeV")
    counts, total = spectrum.count(read(hdu).first("events"))
    edges = 10.0 ** (-9.0 + np.arange(len(counts) + 1) / spectrum.BINS_PER_DECADE)
    assert total == 7
    assert counts.sum() == 3
    assert edges[np.flatnonzero(counts)] == pytest.approx([1e-3, 1.0])


def test_few_events_have_wide_bins():
    counts = np.zeros(360)
    counts[181], counts[190] = 3, 4
    merged, edges = spectrum._rebinned(counts, np.flatnonzero(counts))
    assert merged == pytest.approx([3, 0, 4])
    assert edges == pytest.approx(10.0 ** (np.array([180, 184, 188, 192]) / 20.0 - 9.0))


# Rate.


def test_bins_of_time_fill_the_good_time_intervals(read):
    hdu = gadf_files.events(np.ones(11))
    hdu.data["TIME"][:] = [0.0, 99.0, 100.0, 100.5, 150.0, 199.0, 200.0, 219.999, 220.0, 300.0, np.nan]
    intervals = np.array([[0.0, 100.0], [200.0, 220.0]])
    rates = event_rate.bin_events(read(hdu).first("events"), intervals, 12)
    for start, stop in intervals:
        inside = (rates.start >= start) & (rates.stop <= stop)
        assert rates.start[inside][0] == start
        assert rates.stop[inside][-1] == stop
        assert rates.start[inside][1:] == pytest.approx(rates.stop[inside][:-1])
    assert np.all((rates.stop <= 100.0) | (rates.start >= 200.0)), "no bin reaches over the gap"
    assert rates.counts.sum() == 6
    assert rates.outside == 5
    assert rates.counts[rates.start < 150.0].sum() == 3


@pytest.mark.parametrize(
    ("cards", "values", "expected"),
    [
        ({}, [(10.0, 20.0), (5.0, 12.0), (30.0, 40.0)], [(5, 20), (30, 40)]),
        ({}, [(50.0, 50.0), (np.nan, 60.0), (9.0, 8.0), (30.0, 40.0)], [(30, 40)]),
        ({"MJDREFI": 51911}, [(10.0, 20.0)], [(86410, 86420)]),
        ({"TIMESYS": "TAI"}, [(10.0, 20.0)], [(42.184, 52.184)]),
        ({"TIMEUNIT": "d"}, [(1.0, 2.0)], [(86400, 172800)]),
        ({"MJDREFI": None, "MJDREFF": None, "TIMESYS": None}, [(10.0, 20.0)], [(10, 20)]),
        ({}, [], []),
    ],
)  # fmt: skip
def test_good_time_intervals_are_on_the_clock_of_the_events(read, cards, values, expected):
    hdu = gadf_files.gti(values, **cards)
    if cards.get("TIMEUNIT") == "d":
        hdu.columns["START"].unit = hdu.columns["STOP"].unit = "d"
    found = read(gadf_files.events(), hdu)
    intervals = event_rate.good_intervals(found.tables[1], found.tables[0], CLOCK)
    assert intervals == pytest.approx(np.array(expected, dtype=float).reshape(-1, 2), abs=1e-3)


def test_the_time_axis_is_in_tt():
    clock = TimeReference(53000, 0.0, "utc")
    # 53000 is 2003-12-27; TT - UTC was 64.184 s then.
    days = event_rate._Clock(clock, 0.0).place(np.array([0.0, 86400.0]))
    assert days == pytest.approx(np.array([53000, 53001]) - 40587 + 64.184 / 86400, abs=1e-9)
    assert event_rate._Clock(None, 60.0).place(np.array([60.0, 180.0])) == pytest.approx([0.0, 2.0])


@pytest.mark.parametrize(
    ("counts", "seconds", "unit"),
    [(10, 10, "second"), (10, 1000, "minute"), (1, 1680, "hour"), (0, 10, "second")],
)
def test_rates_are_no_small_numbers(counts, seconds, unit):
    rates = event_rate.Rates(np.array([0.0]), np.array([float(seconds)]), np.array([float(counts)]), 0, 10.0)
    assert event_rate._unit_of_rate(rates)[0] == unit


# Responses.


@pytest.mark.parametrize(
    ("form", "hdus"),
    [
        ("psf_table", [gadf_files.psf()]),
        ("psf_3gauss", [gadf_files.psf_3gauss((1.0, 0.05), (0.2, 0.1), (0.05, 0.15))]),
        ("psf_king", [gadf_files.psf_king()]),
        ("psf_gtpsf", gadf_files.psf_gtpsf()),
    ],
)
def test_containment_radii_are_those_of_the_ingestion(read, form, hdus):
    found = read(*hdus)
    theta = found.tables[1] if form == "psf_gtpsf" else None
    radii = containment(found.tables[0], theta)
    single = examine(
        found.tables[0].hdu, form, energy_tev=1.5, offset_deg=0.5, theta=theta.hdu if theta else None
    )
    assert radii.radius_deg[0] == pytest.approx(np.full(radii.radius_deg.shape[1:], single.value), rel=1e-3)
    assert radii.span_tev == pytest.approx((0.1, 100.0), rel=1e-5)


def test_the_95_per_cent_radius_of_a_gaussian(read):
    wanted = 0.05 * np.sqrt(-2.0 * np.log(0.05))
    for hdus in ([gadf_files.psf(0.05)], [gadf_files.psf_3gauss((1.0, 0.05))], gadf_files.psf_gtpsf(0.05)):
        found = read(*hdus)
        theta = next((table for table in found.tables if table.has("THETA")), None)
        assert containment(found.tables[0], theta).radius_deg[1] == pytest.approx(wanted, rel=5e-3)


def test_the_95_per_cent_radius_of_a_king_function(read):
    radius = containment(read(gadf_files.psf_king(0.05, 2.0)).tables[0], None).radius_deg[1]
    grid = np.linspace(0.0, 20.0, 2_000_001)
    reached = np.cumsum(grid * (1.0 + grid**2 / (2.0 * 2.0 * 0.05**2)) ** -2.0)
    assert radius == pytest.approx(np.interp(0.95, reached / reached[-1], grid), rel=1e-3)


def test_unknown_radii_are_nan(read):
    assert np.isnan(containment(read(gadf_files.psf_king(gamma=0.5)).tables[0], None).radius_deg).all()
    assert np.isnan(containment(read(gadf_files.psf_3gauss((1.0, 0.0))).tables[0], None).radius_deg).all()
    empty = gadf_files.psf()
    empty.data["RPSF"][:] = 0.0
    assert np.isnan(containment(read(empty).tables[0], None).radius_deg).all()


def test_quantiles_of_the_migration():
    ratio = Axis(np.linspace(0.0, 1.99, 200), np.linspace(0.01, 2.0, 200))
    shape = np.exp(-0.5 * ((ratio.middle - 0.9) / 0.1) ** 2)
    probability = np.stack([shape / shape.sum(), np.full(200, np.nan)], axis=1)
    low, median, high = edisp.quantiles(ratio, probability, (0.16, 0.5, 0.84))
    assert [low[0], median[0], high[0]] == pytest.approx([0.8006, 0.9, 0.9994], abs=2e-3)
    assert np.isnan([low[1], median[1], high[1]]).all()


def test_many_energies_are_put_together():
    edges = np.geomspace(1.0, 2.0, 502)
    energy, content, number = edisp._merged(Axis(edges[:-1], edges[1:]), np.ones((3, 501)))
    assert number == 5
    assert content[:, :-1] == pytest.approx(np.full((3, 100), 5.0))
    assert content[:, -1] == pytest.approx(np.ones(3))
    assert (energy.low[1:] == energy.high[:-1]).all()
    assert (energy.low[0], energy.high[-1]) == (1.0, 2.0)


@pytest.mark.parametrize("form", ["BKG_2D", "BKG_3D"])
@pytest.mark.parametrize(
    ("unit", "factor"), [("s-1 MeV-1 sr-1", 1.0), ("1/s/MeV/sr", 1.0), ("s-1 TeV-1 sr-1", 1e-6), (None, 1.0)]
)
def test_background_rates(read, form, unit, factor):
    hdu = gadf_files.bkg(form)
    hdu.columns["BKG"].unit = unit
    found = bkg.read(read(hdu).tables[0])
    # A rate of 1 from 0.1 to 100 TeV.
    wanted = factor * 99.9e6 * np.radians(1.0) ** 2
    assert found.integrated() == pytest.approx(np.full((6,) * len(found.over), wanted), rel=1e-5)
    names, rates = found.curves(3)
    assert len(names) == len(rates) == 3
    assert np.stack(rates) == pytest.approx(np.full((3, 12), factor))


def test_rings_of_the_field_of_view(read):
    hdu = gadf_files.bkg("BKG_3D")
    hdu.data["BKG"][0][:, 0, 0] = 9.0
    names, rates = bkg.read(read(hdu).tables[0]).curves(3)
    assert names[0] == "0 to 0.92°"
    assert rates[0][0] == pytest.approx((9.0 + 1.0 + 1.0) / 3.0)
    assert rates[2][0] == pytest.approx(1.0)


def test_edges_of_bins_and_nodes():
    bins = Axis(np.array([0.0, 1.0]), np.array([1.0, 3.0]))
    assert bins.edges() == pytest.approx([0.0, 1.0, 3.0])
    assert bins.edges(log=True) == pytest.approx([0.5, 1.0, 3.0])
    assert bins.log_middle == pytest.approx([0.5, np.sqrt(3.0)])
    nodes = Axis(np.array([0.0, 0.5, 1.5]), np.array([0.0, 0.5, 1.5]))
    assert nodes.edges() == pytest.approx([0.0, 0.25, 1.0, 2.0])
    nodes = Axis(np.array([1.0, 100.0]), np.array([1.0, 100.0]))
    assert nodes.edges(log=True) == pytest.approx([0.1, 10.0, 1000.0])
    one = Axis(np.array([0.0]), np.array([0.0]))
    assert one.edges()[1] > one.edges()[0]


def test_axes_show_what_is_there():
    energy = Axis(np.array([1.0, 2.0, 4.0, 8.0, 16.0]), np.array([2.0, 4.0, 8.0, 16.0, 32.0]))
    assert response.lit_span(energy, np.array([0, 0, 1, 0, 0], dtype=bool)) == (2.0, 16.0)
    assert response.lit_span(energy, np.zeros(5, dtype=bool)) == (1.0, 32.0)
    assert response.some(6, 3) == [0, 2, 5]
    assert response.some(2, 5) == [0, 1]
    assert response.decades_below(np.array([0.0, np.nan]), 2.0) is None
    assert response.decades_below(np.array([1e-9, 3.0]), 2.0) == pytest.approx((0.02, 6.0))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.001, "0.001"), (0.5, "0.5"), (1e3, "1000"), (1e4, "10⁴"), (2e5, "2·10⁵"), (1e-4, "10⁻⁴")],
)
def test_numbers_are_written_plainly(value, text):
    assert page.plain(value) == text
