"""What is computed without astropy's and mocpy's objects, or for many at once, is what they say."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st
from mocpy import TimeMOC

from ingest import coverage, times
from ingest.times import TimeReference

CELL = 2 ** (61 - coverage.TMOC_ORDER)


@given(
    st.lists(st.tuples(st.integers(0, 200 * CELL), st.integers(0, 40 * CELL)), min_size=1, max_size=6),
    st.sampled_from([0, 212_653_512_093_460_827 // CELL * CELL]),
)
def test_time_mocs_are_mocpys(intervals, zero):
    ends = [(zero + start, zero + start + length) for start, length in intervals]
    days = [np.array([end[side] for end in ends], dtype=np.uint64) for side in (0, 1)]
    made = TimeMOC(coverage_index(*days))
    assert coverage.moc_of_microseconds(ends) == " ".join(made.to_string().split())


def coverage_index(starts, stops):
    import mocpy  # noqa: PLC0415

    return mocpy.mocpy.from_time_ranges_in_microsec_since_jd_origin(coverage.TMOC_ORDER, starts, stops)


@given(st.floats(0, 359.99), st.floats(-89.9, 89.9), st.floats(0.1, 10))
def test_circles_are_astropys(ra, dec, radius):
    angles = np.arange(coverage.POLYGON_CORNERS) * (360.0 / coverage.POLYGON_CORNERS) * u.deg
    corners = SkyCoord(ra * u.deg, dec * u.deg).directional_offset_by(angles, radius * u.deg)
    expected = np.column_stack([corners.ra.deg, corners.dec.deg]).ravel()
    assert coverage.circle_polygon(ra, dec, radius) == pytest.approx(expected.tolist(), rel=0, abs=1e-11)


@pytest.mark.parametrize("scale", ["tt", "utc", "tdb", "tai", "ut1"])
def test_prepared_times_are_the_same(scale):
    reference = TimeReference(51910.0, 0.000742870370370241, scale)
    elapsed = [1e8, 1.5e8 + 0.123, 2e8]
    times.prepare([])
    single = [reference.mjd_tt(value) for value in elapsed], reference.moments(elapsed)
    times.prepare([(reference, value) for value in [*elapsed, float("nan"), 1e300]])
    times.prepare([(reference, value) for value in elapsed])
    assert (times.prepared(reference, np.array(elapsed)) is None) == (scale == "ut1")
    assert ([reference.mjd_tt(value) for value in elapsed], reference.moments(elapsed)) == single
    times.prepare([])
    assert times.prepared(reference, np.array(elapsed)) is None
