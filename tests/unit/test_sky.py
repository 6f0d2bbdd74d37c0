import math

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import AltAz, EarthLocation, PrecessedGeocentric, SkyCoord, get_body, get_sun
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from ingest import moonlight, sky
from ingest.constants import MOON_HORIZON_DEG

HESS = sky.Site(16.5002222, -23.2717778, 1835.0)
MAGIC = sky.Site(-17.8901, 28.7619, 2200.0)
HALF_HOUR = 28.0 / 1440.0


def nights(number=2000):
    """Runs of 28 minutes spread over years, pointing to where the sky is high at the middle."""
    random = np.random.default_rng(20)
    start = 52_000.0 + random.uniform(0.0, 6000.0, number)
    middle = Time(start + HALF_HOUR / 2, format="mjd", scale="tt")
    ra = (
        middle.sidereal_time("apparent", HESS.longitude_deg * u.deg).deg + random.uniform(-40, 40, number)
    ) % 360
    return start, start + HALF_HOUR, ra, random.uniform(-60.0, 20.0, number)


@pytest.fixture(scope="module")
def runs():
    return nights()


@pytest.fixture(scope="module")
def found(runs):
    start, stop, ra, dec = runs
    return sky.conditions(HESS, start, stop, icrs=(ra, dec))


def straightforward(site, mjd, ra, dec):
    """The same from astropy's own functions, one moment at a time."""
    location = EarthLocation.from_geodetic(
        site.longitude_deg * u.deg, site.latitude_deg * u.deg, site.height_m * u.m
    )
    time = Time(mjd, format="mjd", scale="tt")
    frame = AltAz(obstime=time, location=location)
    sun, moon = (get_body(name, time, location) for name in ("sun", "moon"))
    target = SkyCoord(ra, dec, unit="deg").transform_to(frame)
    seen = moon.transform_to(frame)
    return {
        "sun_alt_deg": sun.transform_to(frame).alt.deg,
        "moon_alt_deg": seen.alt.deg,
        "moon_separation_deg": target.separation(seen).deg,
        "pointing_alt_deg": target.alt.deg,
        "elongation": sun.separation(moon).deg,
        "sun_over_moon": (sun.distance / moon.distance).to_value(u.one),
    }


@pytest.mark.parametrize("site", [HESS, MAGIC])
def test_positions_are_those_of_astropy(site):
    random = np.random.default_rng(3)
    start = 41_700.0 + random.uniform(0.0, 18_000.0, 12)
    stop, ra, dec = start + HALF_HOUR, random.uniform(0.0, 360.0, 12), random.uniform(-80.0, 80.0, 12)
    rows = sky.conditions(site, start, stop, icrs=(ra, dec))
    for index in range(12):
        row = rows.row(index)
        wanted = straightforward(site, 0.5 * (start + stop)[index], ra[index], dec[index])
        for name in ("sun_alt_deg", "moon_alt_deg", "moon_separation_deg", "pointing_alt_deg"):
            # A run knows UT1 only where the table does; 1 arcsec is what the simpler Moon leaves out.
            assert getattr(row, name) == pytest.approx(wanted[name], abs=1 / 3600)
        elongation = math.radians(wanted["elongation"])
        phase = math.degrees(
            math.atan2(
                wanted["sun_over_moon"] * math.sin(elongation),
                1.0 - wanted["sun_over_moon"] * math.cos(elongation),
            )
        )
        assert row.moon_phase_deg == pytest.approx(phase, abs=0.01)
        assert row.moon_illumination == pytest.approx(math.cos(math.radians(phase / 2)) ** 2, abs=1e-4)


@pytest.mark.parametrize("hours", [0.4, 0.99, 3.0, 8.0])
def test_mean_zenith_angle(hours):
    start, stop = 53_090.1, 53_090.1 + hours / 24
    times = Time(np.linspace(start, stop, 401), format="mjd", scale="tt")
    frame = AltAz(obstime=times, location=EarthLocation.from_geodetic(16.5002222, -23.2717778, 1835.0))
    zenith = SkyCoord(228.6, -58.8, unit="deg").transform_to(frame).zen.deg
    mean = np.sum(zenith[1:] + zenith[:-1]) / 800
    assert sky.condition(HESS, start, stop, icrs=(228.6, -58.8)).zenith_deg == pytest.approx(mean, abs=0.01)


@pytest.mark.parametrize(
    ("date", "illumination"),
    [
        ("2000-01-21T04:44", 1.0),  # total eclipse of the Moon
        ("2004-10-28T03:04", 1.0),  # total eclipse of the Moon
        ("1999-08-11T11:03", 0.0),  # total eclipse of the Sun
        ("2006-03-29T10:11", 0.0),  # total eclipse of the Sun
        ("2024-01-18T03:53", 0.5),  # first quarter
    ],
)
def test_known_phases(date, illumination):
    mjd = Time(date, scale="utc").tt.mjd
    row = sky.condition(HESS, mjd, mjd)
    assert row.moon_illumination == pytest.approx(illumination, abs=0.01)


def by_hand(phase, separation, moon, place):
    """Krisciunas & Schaefer 1991 with a pocket calculator: dark sky and moonlight in nanolamberts."""
    path = [1 / math.sqrt(1 - 0.96 * math.sin(math.radians(angle)) ** 2) for angle in (moon, place)]
    zenith = 34.08 * math.exp(20.7233 - 0.92104 * 21.6)
    dark = zenith * 10 ** (-0.4 * 0.172 * (path[1] - 1)) * path[1]
    illuminance = 10 ** (-0.4 * (3.84 + 0.026 * phase + 4e-9 * phase**4))
    f = 10**5.36 * (1.06 + math.cos(math.radians(separation)) ** 2)
    f += 10 ** (6.15 - separation / 40) if separation >= 10 else 6.2e7 / separation**2
    added = f * illuminance * 10 ** (-0.4 * 0.172 * path[0]) * (1 - 10 ** (-0.4 * 0.172 * path[1]))
    return dark, added


@pytest.mark.parametrize(
    ("phase", "separation", "moon", "place"),
    [
        (0, 60, 60, 0),
        (30, 40, 20, 45),
        (90, 90, 70, 30),
        (120, 9.999, 50, 45),
        (120, 10, 50, 45),
        (10, 2, 31, 30),
    ],
)
def test_brightness_by_hand(phase, separation, moon, place):
    dark, added = by_hand(phase, separation, moon, place)
    assert moonlight.dark_sky(place) == pytest.approx(dark, rel=1e-12)
    assert moonlight.moonlight(phase, separation, moon, place) == pytest.approx(added, rel=1e-12)


def test_brightness_as_published(monkeypatch):
    # The paper: 79.0 nL for the dark zenith of Mauna Kea. The documentation of specsim, an implementation
    # of its own, gives 19.855 for a Moon 45 degrees from full and k = 0.15.
    assert moonlight.nanolambert(21.587) == pytest.approx(79.0, abs=0.1)
    assert moonlight.magnitude(moonlight.nanolambert([18.0, 21.6])) == pytest.approx([18.0, 21.6])
    assert moonlight.air_mass([0.0, 60.0]) == pytest.approx([1.0, 1.88982], abs=1e-5)
    monkeypatch.setattr(moonlight, "EXTINCTION_V", 0.15)
    assert moonlight.magnitude(moonlight.moonlight(45, 50, 70, 20)) == pytest.approx(19.855, abs=5e-4)


def test_a_run_gets_the_brightness_of_its_geometry(found):
    """From the row's own middle, where the run is short enough for it to stand for the mean."""
    lit = [index for index in range(len(found)) if found.moon_level[index] in ("Dark", "Moderate", "Bright")]
    steady = [index for index in lit if found.moon_alt_deg[index] > 10 and found.pointing_alt_deg[index] > 30]
    assert len(steady) > 50
    for index in steady:
        row = found.row(index)
        if row.moon_separation_deg < 15:
            continue
        dark, added = by_hand(
            row.moon_phase_deg, row.moon_separation_deg, 90 - row.moon_alt_deg, 90 - row.pointing_alt_deg
        )
        assert row.sky_ratio == pytest.approx(1 + added / dark, rel=0.03)
        assert row.sky_brightness == pytest.approx(float(moonlight.magnitude(dark + added)), abs=0.03)


def test_levels_occur_and_follow_from_the_ratio(found):
    assert set(found.moon_level) == {None, *moonlight.LEVELS}
    for level, ratio in zip(found.moon_level, found.sky_ratio, strict=True):
        if level is None:
            assert math.isnan(ratio)
        elif level == "None":
            assert ratio == 1.0
        else:
            assert level == ("Dark" if ratio < 2 else "Moderate" if ratio < 5 else "Bright")


def test_level_edges():
    ratio = np.array([1.0, 1.0, np.nextafter(2, 1), 2.0, np.nextafter(5, 1), 5.0, np.nan, np.nan])
    up = np.array([False, True, True, True, True, True, True, False])
    wanted = ["None", "Dark", "Dark", "Moderate", "Moderate", "Bright", None, None]
    assert moonlight.levels(ratio, up).tolist() == wanted


def test_moon_that_rises_or_sets_during_the_run_counts(runs, found):
    start, stop, ra, dec = runs
    ends = [sky.conditions(HESS, times, times, icrs=(ra, dec)).moon_alt_deg for times in (start, stop)]
    up = [altitude > MOON_HORIZON_DEG for altitude in ends]
    crossing = (up[0] ^ up[1]) & (found.moon_level != None)  # noqa: E711  (an array of objects)
    assert crossing.sum() > 5
    assert "None" not in found.moon_level[crossing]
    assert np.all(found.sky_ratio[crossing] > 1.0)


def test_twilight_has_no_brightness(found):
    assert np.all(np.isnan(found.sky_brightness[found.sun_alt_deg > -12.0]))
    dark = (found.sun_alt_deg < -16.0) & (found.pointing_alt_deg > 10.0)  # it sinks by 7 degrees in a run
    assert dark.sum() > 100
    assert np.all(np.isfinite(found.sky_brightness[dark]))


def test_sun_limit_holds_for_the_whole_run():
    """A run into the morning: its middle is dark enough, its end is not."""
    start = np.linspace(53_090.0, 53_090.5, 400)
    long = sky.conditions(HESS, start, start + 1 / 24.1, icrs=(np.full(400, 228.0), np.full(400, -40.0)))
    between = (long.sun_alt_deg > -18.0) & (long.sun_alt_deg < -12.5)
    ended = [sky.condition(HESS, t + 1 / 24.1, t + 1 / 24.1).sun_alt_deg for t in start[between]]
    assert max(ended) > -12.0
    for altitude, level in zip(ended, long.moon_level[between], strict=True):
        assert (level is None) == (altitude > -12.0)


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        (None, 53_090.1),
        (53_090.1, None),
        (53_090.2, 53_090.1),
        (53_090.1, 53_090.9),
        (math.nan, 53_090.1),
        (40_000.0, 40_000.1),
        (88_068.99, 88_069.01),
    ],
)
def test_unusable_times(start, stop):
    assert sky.condition(HESS, start, stop, icrs=(10.0, -20.0)) == sky.Condition()


def test_unknown_site_or_pointing():
    assert sky.condition(None, 53_090.1, 53_090.12, icrs=(10.0, -20.0)) == sky.Condition()
    row = sky.condition(HESS, 53_090.1, 53_090.12)
    assert row.sun_alt_deg is not None
    assert row.moon_illumination is not None
    assert (row.moon_level, row.sky_brightness, row.zenith_deg, row.moon_separation_deg) == (None,) * 4


def test_low_pointing_has_no_brightness():
    low, high = (sky.condition(HESS, 53_090.1, 53_090.12, altaz=(alt, 90.0)) for alt in (4.999, 5.001))
    assert (low.moon_level, low.sky_brightness) == (None, None)
    assert low.zenith_deg == pytest.approx(85.001)
    assert high.moon_level == "None"


def test_pointing_at_the_moon_has_no_brightness():
    mjd = Time("2004-10-28T01:00", scale="utc").tt.mjd
    time = Time(mjd, format="mjd", scale="tt")
    location = EarthLocation.from_geodetic(16.5002222, -23.2717778, 1835.0)
    moon = get_body("moon", time, location).transform_to(AltAz(obstime=time, location=location))
    for distance, level in ((0.1, None), (0.5, "Bright")):
        row = sky.condition(HESS, mjd, mjd, altaz=(moon.alt.deg + distance, moon.az.deg))
        assert row.moon_separation_deg == pytest.approx(distance, abs=1e-3)
        assert row.moon_level == level


def test_drift_scan():
    row = sky.condition(HESS, 53_090.1, 53_090.15, altaz=(60.0, 200.0))
    assert (row.pointing_alt_deg, row.zenith_deg) == pytest.approx((60.0, 30.0))
    time = Time(53_090.125, format="mjd", scale="tt")
    location = EarthLocation.from_geodetic(16.5002222, -23.2717778, 1835.0)
    frame = AltAz(obstime=time, location=location)
    moon = get_body("moon", time, location).transform_to(frame)
    fixed = SkyCoord(alt=60 * u.deg, az=200 * u.deg, frame=frame)
    assert row.moon_separation_deg == pytest.approx(fixed.separation(moon).deg, abs=1e-3)


def test_position_on_the_sky_goes_before_one_on_the_ground():
    start, stop = np.full(2, 53_090.1), np.full(2, 53_090.12)
    icrs = (np.array([228.6, np.nan]), np.array([-58.8, np.nan]))
    rows = sky.conditions(HESS, start, stop, icrs=icrs, altaz=(np.full(2, 60.0), np.full(2, 200.0)))
    assert rows.row(0) == sky.condition(HESS, 53_090.1, 53_090.12, icrs=(228.6, -58.8))
    assert rows.row(1) == sky.condition(HESS, 53_090.1, 53_090.12, altaz=(60.0, 200.0))


@pytest.mark.parametrize("chunk", [7, 4096])
def test_a_run_does_not_depend_on_its_batch(monkeypatch, found, runs, chunk):
    """Neither on its size nor on runs in years that no table of Earth rotation covers; and no warnings."""
    monkeypatch.setattr(sky, "_CHUNK", chunk)
    start = np.concatenate([runs[0][:20], [40_600.0, 62_000.0, 75_000.3, 88_000.0, np.nan]])
    stop = start + np.where(np.arange(25) % 3 == 0, 0.1, HALF_HOUR)
    ra, dec = np.resize(runs[2], 25), np.resize(runs[3], 25)
    rows = sky.conditions(HESS, start, stop, icrs=(ra, dec))
    for index in range(25):
        alone = sky.condition(HESS, start[index], stop[index], icrs=(ra[index], dec[index]))
        assert rows.row(index) == alone
    assert [rows.row(index).sun_alt_deg is None for index in range(20, 25)] == [False] * 4 + [True]
    assert rows.row(1) == found.row(1)


def test_future_sun_is_where_it_should_be():
    """Without UT1 the Earth may be up to a second off, which is 15 arcsec."""
    mjd = 75_000.3
    location = EarthLocation.from_geodetic(16.5002222, -23.2717778, 1835.0)
    time = Time(mjd, format="mjd", scale="tt")
    # From the Sun's declination and the IAU's formula for the mean sidereal time, with UTC = TT - 69.184 s.
    days = mjd - 51_544.5 - 69.184 / 86_400
    rotation = 360.0 * ((0.7790572732640 + 1.00273781191135448 * days) % 1.0)
    century = days / 36_525.0
    sidereal = rotation + (0.014506 + 4612.156534 * century + 1.3915817 * century**2) / 3600
    place = get_sun(Time(mjd, format="mjd", scale="tdb")).transform_to(
        PrecessedGeocentric(equinox=time, obstime=Time(mjd, format="mjd", scale="tdb"))
    )
    hour_angle = math.radians(sidereal + 16.5002222 - place.ra.deg)
    latitude, declination = math.radians(location.lat.deg), place.dec.rad
    altitude = math.asin(
        math.sin(latitude) * math.sin(declination)
        + math.cos(latitude) * math.cos(declination) * math.cos(hour_angle)
    )
    assert sky.condition(HESS, mjd, mjd).sun_alt_deg == pytest.approx(math.degrees(altitude), abs=0.02)


@given(
    phase=st.floats(0, 180),
    separation=st.floats(0.25, 180),
    moon=st.floats(0, 90.8),
    place=st.floats(0, 85),
)
def test_moonlight_is_light(phase, separation, moon, place):
    light = float(moonlight.moonlight(phase, separation, moon, place))
    assert light > 0
    assert math.isfinite(light)
    assert light <= moonlight.moonlight(0.0, separation, moon, place)
    assert light <= moonlight.moonlight(phase, separation, 0.0, place)


@pytest.mark.parametrize(
    "values", [(181, 361, 0), (math.nan, 0, 0), (0, 91, 0), (0, 0, 9001), (0, 0, -501), (0, 0, math.inf)]
)
def test_impossible_sites(values):
    with pytest.raises(ValueError, match="expected a number from"):
        sky.Site(*values)


def test_arrays_of_different_shapes():
    with pytest.raises(ValueError, match=r"expected one shape \(n,\)"):
        sky.conditions(HESS, np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match=r"expected one shape \(n,\)"):
        sky.conditions(HESS, np.zeros(2), np.zeros(2), icrs=(np.zeros(2), np.zeros(1)))


def test_no_runs():
    assert len(sky.conditions(HESS, np.empty(0), np.empty(0))) == 0
