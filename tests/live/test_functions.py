"""The functions on time coverage and energies, in the database, against mocpy and numpy."""

import numpy as np
import pytest
from mocpy import TimeMOC

from ingest.errors import InstanceError
from tests.live.time_coverage import (
    ask,
    chunks,
    common,
    multirange,
    numbered,
    quoted,
    ranges_of,
    rows_of,
    tcb_microseconds,
)

VALID = [
    "41/5 6 7",
    "31/4 41/",
    "41/5 31/9",
    "31/9 10 5-7",
    "31/ 4 5",
    "61/",
    "61/4611686018427387903",
    "0/0-1",
    "40/3\n41/5",
]
"""Forms that mocpy reads, too."""

FOREIGN = {
    "t61/": "61/",
    "31/1-3,5\n41/9999999": "31/1-3 5 41/9999999",
    " T31/4 ": "31/4",
    "40/ 41/5 5": "41/5",
}
"""Forms that others write, and the same for mocpy."""

MALFORMED = [
    "nonsense", "5", "31", "31/x", "31/-5", "31/5-", "31/5-6-7", "31/7-5", "31/5/6", "62/1", "0/2",
    "61/4611686018427387904", "61/99999999999999999999", "s3/1 t31/4", "31/+5", "31/5.0",
]  # fmt: skip


def random_mocs(generator, number):
    """Make time MOCs of all sizes and orders, some of them empty."""
    mocs = []
    for _ in range(number):
        order = int(generator.integers(0, 62))
        cells = 2 << order
        starts = generator.integers(0, cells, size=generator.integers(0, 12), dtype=np.int64)
        lengths = np.minimum(generator.integers(1, 2000, size=len(starts)), cells - starts)
        ranges = np.stack([starts, starts + lengths], axis=1).astype(np.uint64) << np.uint64(61 - order)
        mocs.append(TimeMOC.from_depth61_ranges(order, ranges.reshape(-1, 2)).to_string().strip())
    return mocs


@pytest.fixture(scope="module")
def runs(instance):
    return rows_of(instance)


@pytest.fixture
def generator():
    return np.random.default_rng(20040801)


def test_time_coverage_of_all_rows_is_read_and_written_as_mocpy_does(instance, runs):
    mocs = [moc for moc, _, _ in runs]
    rows = [[quoted(moc)] for moc in mocs]
    assert ask(instance, "tmoc_ranges(moc)", "moc", rows) == [multirange(ranges_of(moc)) for moc in mocs]
    written = ask(instance, "tmoc_text(tmoc_ranges(moc), tmoc_order(moc))", "moc", rows)
    for moc, text in zip(mocs, written, strict=True):
        assert TimeMOC.from_string(text) == TimeMOC.from_string(moc)
        assert text == moc


def test_random_mocs_are_read_and_written_as_mocpy_does(instance, generator):
    mocs = random_mocs(generator, 600)
    assert any(moc.endswith("/") for moc in mocs)
    assert ask(instance, "tmoc_ranges(moc)", "moc", [[quoted(moc)] for moc in mocs]) == [
        multirange(ranges_of(moc)) for moc in mocs
    ]
    orders = [str(TimeMOC.from_string(moc).max_order) for moc in mocs]
    rows = [[quoted(moc), order] for moc, order in zip(mocs, orders, strict=True)]
    written = ask(instance, "tmoc_text(tmoc_ranges(moc), moc_order)", "moc, moc_order", rows)
    assert [TimeMOC.from_string(text) for text in written] == [TimeMOC.from_string(moc) for moc in mocs]
    assert written == [" ".join(moc.split()) for moc in mocs]
    assert ask(instance, "tmoc_order(moc)", "moc", [[quoted(moc)] for moc in mocs]) == orders
    # The lowest order that will do loses nothing, and is what no lower one could be.
    shortest = ask(instance, "tmoc_text(tmoc_ranges(moc))", "moc", [[quoted(moc)] for moc in mocs])
    for text, moc in zip(shortest, mocs, strict=True):
        lowest = TimeMOC.from_string(text)
        assert np.array_equal(ranges_of(text), ranges_of(moc))
        if lowest.max_order > 0:
            coarse = TimeMOC.from_string(moc).degrade_to_order(int(lowest.max_order) - 1)
            assert multirange(ranges_of(coarse.to_string())) != multirange(ranges_of(moc))


def test_all_forms_of_time_mocs_are_read(instance):
    mine = ask(instance, "tmoc_ranges(moc)", "moc", [[quoted(moc)] for moc in [*VALID, *FOREIGN]])
    assert mine == [multirange(ranges_of(moc)) for moc in [*VALID, *FOREIGN.values()]]
    assert instance.cluster.sql("SELECT tmoc_ranges('')") == ["{}"]


@pytest.mark.parametrize("moc", MALFORMED)
def test_what_is_no_time_moc_is_an_error(instance, moc):
    with pytest.raises(InstanceError, match=r"Not a time MOC|out of range for type bigint"):
        instance.cluster.sql(f"SELECT tmoc_ranges({quoted(moc)})")


def test_times_too_fine_for_an_order_are_an_error(instance):
    with pytest.raises(InstanceError, match="order 60 cannot express"):
        instance.cluster.sql("SELECT tmoc_text('{[3,5)}', 60)")


def test_mjd_becomes_tcb_as_in_astropy(instance):
    mjd = np.linspace(40_587.0, 88_069.0, 4001)  # 1970 to 2100
    mine = ask(instance, "tmoc_index(mjd)", "mjd", [[repr(float(value))] for value in mjd])
    difference = np.array([int(value) for value in mine]) - tcb_microseconds(mjd)
    assert np.abs(difference).max() < 50
    assert len(set(difference)) > 1


def test_absurd_times_stand_for_open_ends(instance):
    limits = (
        "tmoc_index('-infinity'), tmoc_index(-1e99), tmoc_index(1e99) > tmoc_index(5e7), tmoc_index('NaN')"
    )
    assert instance.cluster.sql(f"SELECT {limits}") == ["0|0|t|"]


def test_intervals_overlap_as_counted_by_hand(instance, runs, generator):
    chosen = generator.integers(0, len(runs), size=10_000)
    starts = np.array([runs[index][1] for index in chosen]) + generator.normal(0, 0.02, size=10_000)
    stops = starts + generator.exponential(0.01, size=10_000) - 0.001  # some are the wrong way round
    low, high = tcb_microseconds(starts), tcb_microseconds(stops)
    mocs = [ranges_of(moc) for moc, _, _ in runs]
    expected = []
    for index, first, last, start, stop in zip(chosen, low, high, starts, stops, strict=True):
        span = np.array([[first, last + 1]]) if start <= stop else np.empty((0, 2), np.int64)
        expected.append(common(mocs[index], span) / 1e6)
    lines = []
    intervals = zip(chosen, starts, stops, strict=True)
    for rows in chunks([str(run), repr(float(start)), repr(float(stop))] for run, start, stop in intervals):
        lines += instance.cluster.sql(
            "WITH runs AS (SELECT t_intervals, row_number() OVER (ORDER BY t_min) - 1 AS run"
            " FROM hess_dr.obscore) SELECT tmoc_ranges(t_intervals) && tmoc_span(low, high),"
            " tmoc_seconds(tmoc_ranges(t_intervals) * int8multirange(tmoc_span(low, high)))"
            f" FROM (VALUES {numbered(rows)}) AS v(number, run, low, high) JOIN runs USING (run)"
            " ORDER BY number"
        )
    overlaps, seconds = zip(*(line.split("|") for line in lines), strict=True)
    assert [flag == "t" for flag in overlaps] == [length > 0 for length in expected]
    assert 1000 < overlaps.count("t") < 9000
    np.testing.assert_allclose(np.array(seconds, dtype=float), expected, atol=1e-4)


def test_mocs_overlap_as_in_mocpy(instance, runs, generator):
    mocs = [*random_mocs(generator, 100), *(moc for moc, _, _ in runs)]
    pairs = generator.integers(0, len(mocs), size=(800, 2))
    rows = [[quoted(mocs[first]), quoted(mocs[second])] for first, second in pairs]
    both = "tmoc_ranges(a) && tmoc_ranges(b), tmoc_seconds(tmoc_ranges(a) * tmoc_ranges(b))"
    lines = ask(instance, both, "a, b", rows)
    overlapping = 0
    for (first, second), line in zip(pairs, lines, strict=True):
        both = TimeMOC.from_string(mocs[first]).intersection(TimeMOC.from_string(mocs[second]))
        length = sum(int(stop) - int(start) for start, stop in ranges_of(both.to_string()))
        flag, seconds = line.split("|")
        assert flag == ("t" if length else "f")
        assert float(seconds) == pytest.approx(length / 1e6, abs=1e-6)
        overlapping += flag == "t"
    assert 0 < overlapping < len(pairs)


def test_energies_overlap_as_counted_by_hand(instance, generator):
    ends = np.round(10 ** generator.uniform(10, 14, size=(10_000, 4)), -10)  # rounded: some are equal
    rows = [[f"{value!r}::double precision" for value in map(float, row)] for row in ends]
    lines = ask(instance, "energy_span(a, b) && energy_span(c, d)", "a, b, c, d", rows)
    a, b, c, d = ends.T
    expected = (a <= b) & (c <= d) & (a <= d) & (c <= b)
    assert [line == "t" for line in lines] == expected.tolist()
    assert 0 < expected.sum() < len(ends)
    touching = "energy_span(1, 2) && energy_span(2, 3), energy_span(1, 2) && energy_span(NULL, 3)"
    assert instance.cluster.sql(f"SELECT {touching}") == ["t|"]
