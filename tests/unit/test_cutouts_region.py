import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from datalink.cutouts.region import SkyPolygon, in_circle

PLACES = [(0.0, 0.0), (359.99, 30.0), (0.01, -60.0), (123.4, 89.9), (200.0, -90.0), (83.6, 22.0)]


def scattered(ra, dec, radius, number=400, seed=5):
    """Positions all over a cap."""
    random = np.random.default_rng(seed)
    angles = random.uniform(0, 360, number) * u.deg
    away = radius * np.sqrt(random.uniform(0, 1, number)) * u.deg
    found = SkyCoord(ra, dec, unit="deg").directional_offset_by(angles, away)
    return found.ra.deg, found.dec.deg


def winding(corners, ra, dec):
    """Tell what a polygon surrounds by how far one turns when one's eyes follow its border."""
    places = SkyCoord(ra, dec, unit="deg")
    seen = np.array([places.position_angle(SkyCoord(*corner, unit="deg")).rad for corner in corners])
    turns = np.diff(np.vstack([seen, seen[:1]]), axis=0)
    turns = (turns + np.pi) % (2 * np.pi) - np.pi
    return np.abs(turns.sum(axis=0)) > np.pi


def around(ra, dec, radii, start=0.0):
    """Corners around a place, one per radius."""
    angles = (start + np.arange(len(radii)) * 360.0 / len(radii)) * u.deg
    found = SkyCoord(ra, dec, unit="deg").directional_offset_by(angles, np.array(radii) * u.deg)
    return list(zip(found.ra.deg, found.dec.deg, strict=True))


@pytest.mark.parametrize("place", PLACES)
def test_a_circle_holds_what_is_not_farther_than_its_radius(place):
    ra, dec = scattered(*place, 3.0)
    away = SkyCoord(*place, unit="deg").separation(SkyCoord(ra, dec, unit="deg")).deg
    for number in range(0, len(ra), 40):
        found = in_circle(ra, dec, (*place, away[number]))
        assert found.tolist() == (away <= away[number]).tolist()
        assert found[number]


def test_a_circle_without_a_radius_holds_its_centre_only():
    ra, dec = np.array([10.0, 10.0, 370.0, 10.0]), np.array([20.0, 20.000001, 20.0, np.nan])
    assert in_circle(ra, dec, (10.0, 20.0, 0.0)).tolist() == [True, False, True, False]


def test_the_whole_sky_does_not_hold_what_is_nowhere():
    ra, dec = np.array([10.0, np.nan, 10.0, np.inf]), np.array([20.0, 20.0, 90.5, 0.0])
    assert in_circle(ra, dec, (0.0, 0.0, 180.0)).tolist() == [True, False, False, False]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("radii", [(1.0, 2.0, 2.5), (2.0, 0.3, 2.0, 0.3, 2.0, 0.3), (60.0, 70.0, 65.0, 80.0)])
def test_a_polygon_holds_what_it_surrounds(place, radii):
    corners = around(*place, radii)
    ra, dec = scattered(*place, 1.2 * max(radii))
    expected = winding(corners, ra, dec)
    assert 0 < expected.sum() < len(ra)
    for one in (corners, corners[::-1], corners[2:] + corners[:2]):
        assert SkyPolygon(one).holds(ra, dec).tolist() == expected.tolist()


@pytest.mark.parametrize("place", PLACES)
def test_corners_and_sides_belong_to_a_polygon(place):
    corners = around(*place, (1.0, 2.0, 0.5, 2.0, 1.0), start=7.0)
    polygon = SkyPolygon(corners)
    ra, dec = np.array(corners).T
    assert polygon.holds(ra, dec).all()
    first, second = SkyCoord(ra, dec, unit="deg"), SkyCoord(np.roll(ra, -1), np.roll(dec, -1), unit="deg")
    angle, length = first.position_angle(second), first.separation(second)
    for share in (0.1, 0.5, 0.77):
        on = first.directional_offset_by(angle, share * length)
        assert polygon.holds(on.ra.deg, on.dec.deg).all()
        for turn, inside in ((90, True), (-90, False)):
            # The corners run clockwise in the angle from north through east.
            beside = on.directional_offset_by(on.position_angle(second) + turn * u.deg, 1e-9 * u.deg)
            assert (polygon.holds(beside.ra.deg, beside.dec.deg) == inside).all()


def test_repeated_corners_do_not_count():
    corners = [(10.0, 0.0), (10.0, 0.0), (12.0, 0.0), (12.0, 2.0), (10.0, 2.0), (10.0, 0.0)]
    ra, dec = np.array([11.0, 9.0]), np.array([1.0, 1.0])
    assert SkyPolygon(corners).holds(ra, dec).tolist() == [True, False]


def test_sides_are_great_circles():
    # Halfway between two corners at 60 degrees the great circle is at 67.8 degrees.
    polygon = SkyPolygon([(0.0, 60.0), (90.0, 60.0), (45.0, 0.0)])
    assert polygon.holds(np.array([45.0, 45.0]), np.array([67.79, 67.80])).tolist() == [True, False]


def test_a_polygon_does_not_hold_what_is_nowhere_or_behind_it():
    polygon = SkyPolygon([(10.0, -1.0), (12.0, -1.0), (11.0, 1.0)])
    ra, dec = np.array([np.nan, 11.0, 11.0, 191.0, 11.0]), np.array([0.0, np.inf, 95.0, 0.0, 0.0])
    assert polygon.holds(ra, dec).tolist() == [False, False, False, False, True]


def test_nearly_a_hemisphere_is_possible_and_more_is_not():
    ra, dec = np.array([10.0, 10.0]), np.array([2.0, -2.0])
    assert SkyPolygon([(0.0, 1.0), (120.0, 1.0), (240.0, 1.0)]).holds(ra, dec).tolist() == [True, False]
    with pytest.raises(ValueError, match="larger than a hemisphere"):
        SkyPolygon([(0.0, 0.0), (120.0, 0.0), (240.0, 0.0)])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.tuples(st.floats(0, 360), st.floats(-90, 90)),
    st.lists(st.floats(0.01, 5.0), min_size=3, max_size=9),
    st.floats(0, 360),
)
def test_polygons_anywhere_hold_their_middle_and_corners_and_not_what_is_beyond(place, radii, start):
    corners = around(*place, radii, start)
    polygon = SkyPolygon(corners)
    ra, dec = np.array(corners).T
    assert polygon.holds(ra, dec).all()
    if len(radii) > 3:
        assert polygon.holds(np.array([place[0]]), np.array([place[1]])).all()
    beyond = SkyCoord(*place, unit="deg").directional_offset_by(np.arange(0, 360, 30) * u.deg, 5.1 * u.deg)
    assert not polygon.holds(beyond.ra.deg, beyond.dec.deg).any()
