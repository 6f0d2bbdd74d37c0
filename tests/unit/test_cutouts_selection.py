import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalink.cutouts.limits import Limits
from datalink.cutouts.selection import MOST_CORNERS, Interval, Selection
from ingest.constants import HC_EV_M
from ingest.errors import SelectionError


def parse(**values):
    return Selection.parse({name: [value] for name, value in values.items()})


def test_every_parameter_is_read():
    found = parse(
        CIRCLE="83.63 -22.01 0.5",
        POLYGON="10 0 12 0 +12 2e0 10.0 2",
        TIME="53000.5 53001",
        BAND="-Inf 1e-18",
        ENERGY="1e12 +inf",
    )
    assert found.circle == (83.63, -22.01, 0.5)
    assert found.polygon == ((10.0, 0.0), (12.0, 0.0), (12.0, 2.0), (10.0, 2.0))
    assert found.time == Interval(53000.5, 53001.0)
    assert found.band == Interval(-math.inf, 1e-18)
    assert found.energy == Interval(1e12, math.inf)


def test_names_are_in_any_case_blank_values_and_other_names_do_not_count():
    found = Selection.parse({"circle": ["", "1 2 3"], "TIME": ["  "], "ID": ["20136", "20137"]})
    assert found == Selection(circle=(1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CIRCLE", "1 2", "2 numbers, expected three"),
        ("CIRCLE", "1,2,3", "blanks between"),
        ("CIRCLE", "1_0 2 3", "blanks between"),
        ("CIRCLE", "NaN 2 3", "NaN is no limit"),
        ("CIRCLE", "1 2 -0.1", "radius -0.1, expected degrees from 0 to 180"),
        ("CIRCLE", "1 2 181", "radius 181.0"),
        ("CIRCLE", "1 2 Inf", "radius inf"),
        ("CIRCLE", "1 90.1 3", "declination 90.1, expected degrees from -90 to 90"),
        ("CIRCLE", "-1 2 3", "right ascension -1.0, expected degrees from 0 to 360"),
        ("CIRCLE", "1e999 2 3", "1e999 is too large"),
        ("POLYGON", "1 2 3 4", "4 numbers, expected"),
        ("POLYGON", "1 2 3 4 5 6 7", "7 numbers, expected"),
        ("POLYGON", "1 2 3 4 5 -91", "declination -91.0"),
        ("POLYGON", "0 0 10 10 10 0 0 10", "crosses itself"),
        ("POLYGON", "0 0 0 1 0 2", "has no area"),
        ("POLYGON", "0 0 1 1 0 0 1 1", "has no area"),
        ("POLYGON", "0 0 1 1 1 1", "at least three different"),
        ("POLYGON", "0 0 120 0 240 0", "larger than a hemisphere"),
        ("POLYGON", "1 2 " * (MOST_CORNERS + 1), f"expected at most {MOST_CORNERS}"),
        ("TIME", "53000", "1 numbers, expected two days (MJD, TT)"),
        ("TIME", "53001 53000", "empty"),
        ("TIME", "+Inf +Inf", "empty"),
        ("TIME", "2453000.5 2453001.5", "expected days (MJD, TT) from 0 to 100000"),
        ("BAND", "-1e-18 1e-18", "expected wavelengths in m from 0"),
        ("BAND", "2e-18 1e-18", "empty"),
        ("ENERGY", "1 TeV", "blanks between"),
        ("ENERGY", "-Inf -Inf", "empty"),
    ],
)
def test_senseless_values_are_refused_with_a_reason(name, value, says):
    with pytest.raises(SelectionError) as caught:
        parse(**{name: value})
    assert str(caught.value).startswith(f"{name} = '{value[:60]}")
    assert says in str(caught.value)
    assert caught.value.label == "UsageError"
    assert len(str(caught.value)) < 250


def test_two_values_are_not_supported():
    with pytest.raises(SelectionError, match="2 values, expected one") as caught:
        Selection.parse({"BAND": ["1e-18 2e-18"], "band": ["3e-18 4e-18"]})
    assert caught.value.label == "MultiValuedParamNotSupported"


def test_wavelengths_and_energies_leave_what_both_have():
    assert Selection().energies() is None
    assert parse(ENERGY="1 2").energies() == Interval(1.0, 2.0)
    both = parse(BAND=f"{HC_EV_M / 3e12!r} {HC_EV_M / 1e12!r}", ENERGY="2e12 4e12").energies()
    assert (both.low, both.high) == pytest.approx((2e12, 3e12), rel=1e-14)
    assert parse(BAND="0 +Inf").energies() == Interval(0.0, math.inf)
    assert parse(BAND="-Inf 0").energies() == Interval(math.inf, math.inf)


def intervals(low, high):
    ends = st.floats(low, high)
    return st.none() | st.tuples(ends | st.just(-math.inf), ends | st.just(math.inf)).filter(
        lambda pair: pair[0] <= pair[1]
    ).map(lambda pair: Interval(*pair))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.builds(
        Selection,
        circle=st.none() | st.tuples(st.floats(0, 360), st.floats(-90, 90), st.floats(0, 180)),
        polygon=st.none() | st.floats(0, 300).map(lambda ra: ((ra, 0.0), (ra + 1 / 3, 0.0), (ra, 1.0))),
        time=intervals(0, 100000),
        band=intervals(0, 1e300),
        energy=intervals(0, 1e300),
    )
)
def test_what_is_written_reads_back(selection):
    assert parse(**selection.parameters()) == selection


class Region:
    def asDALI(self):
        return [9.0, 0.0, 11.0, 0.0, 10.0, 2.0]


ROW = {
    "s_ra": 10.0, "s_dec": 0.5, "s_fov": 5.0, "s_region": Region(), "t_min": 53000.0, "t_max": 53000.5,
    "em_min": 1e-19, "em_max": 1e-18, "energy_min": 1.2e12, "energy_max": 1.2e13,
}  # fmt: skip


def test_limits_are_those_of_the_row():
    found = Limits.of(ROW)
    assert found == Limits(
        circle=(10.0, 0.5, 2.5),
        polygon=(9.0, 0.0, 11.0, 0.0, 10.0, 2.0),
        time=Interval(53000.0, 53000.5),
        band=Interval(HC_EV_M / 1.2e13, HC_EV_M / 1.2e12),
        energy=Interval(1.2e12, 1.2e13),
    )
    assert Limits.of(ROW | {"energy_min": None}).band == Interval(1e-19, 1e-18)


def test_limits_are_written_as_soda_wants_them():
    assert Limits.of(ROW).written() == {
        "CIRCLE": (None, "10 0.5 2.5"),
        "POLYGON": (None, "9 0 11 0 10 2"),
        "TIME": ("53000.0", "53000.5"),
        "BAND": (repr(HC_EV_M / 1.2e13), repr(HC_EV_M / 1.2e12)),
        "ENERGY": ("1200000000000.0", "12000000000000.0"),
    }
    assert Limits().written() == {}


def test_unknown_limits_are_left_out_and_the_circle_holds_the_polygon():
    assert Limits.of({name: None for name in ROW}) == Limits()
    assert Limits.of(ROW | {"s_fov": None}).circle == (10.0, 0.5, pytest.approx(1.5))
    assert Limits.of(ROW | {"s_fov": None, "s_region": None}).circle is None
    assert Limits.of(ROW | {"s_fov": math.nan, "s_region": [9.0, 0.5, 11.0, 0.5, 10.0, 1.5]}).circle[2] == (
        pytest.approx(1.0, rel=1e-4)
    )
    assert Limits.of(ROW | {"t_min": math.nan}).time is None
