"""Whatever a facility makes of GADF, a cut-out in time is what the reader takes, with what lies within."""

import io
import tempfile
import warnings
from pathlib import Path

import pytest
from astropy.io import fits
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from datalink.cutouts.cut import Origin, cut
from datalink.cutouts.selection import Interval, Selection
from ingest import gadf
from tests.gadf_variants import variants
from tests.gadf_writing import LENGTH

ORIGIN = Origin("ivo://org.example", "ivo://org.example/~?test/1", "events.fits")
IN_DAYS = 1e-8  # 0.9 ms: MJD as a double, and dates in days
quick = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module")
def directory():
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@quick
@given(
    variant=variants(),
    # Seconds from the start, never where an event or a good time begins.
    first=st.integers(-20, int(LENGTH)).map(lambda second: second + 2.3),
    length=st.integers(1, int(LENGTH)),
)
def test_a_cut_in_time_leaves_what_is_within(variant, first, length, directory):
    assume(variant.n_lists == 1 and variant.without != "TIME")
    path, last = variant.write(directory), first + length
    window = Interval(variant.mjd(first), variant.mjd(last))
    made = cut(path.read_bytes(), Selection(time=window), origin=ORIGIN)
    with warnings.catch_warnings():
        warnings.simplefilter("error", fits.verify.VerifyWarning)
        with fits.open(io.BytesIO(made), checksum=True) as opened:
            assert len(opened) > 1
    (directory / "cut.fits").write_bytes(made)
    events = gadf.read(directory / "cut.fits").event_lists[0]
    rows = len(variant.energies) + len(variant.bad_energies)
    assert events.n_events == sum(first <= 10.0 + 5.0 * row <= last for row in range(rows))
    if not variant.gti.startswith("none"):
        found = [tuple(span) for span in events.time_reference.time(events.intervals).mjd]
        clipped = [(max(start, first), min(stop, last)) for start, stop in variant.good_spans]
        expected = [(variant.mjd(start), variant.mjd(stop)) for start, stop in clipped if stop > start]
        if expected:
            assert found == [pytest.approx(span, rel=0, abs=IN_DAYS) for span in expected]
        else:
            assert [stop - start for start, stop in found] == [0.0]
