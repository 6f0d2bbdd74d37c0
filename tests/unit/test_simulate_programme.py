"""The simulated observatory's programme: what is observed, when it is up, and where it points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from astropy.coordinates import get_body
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ingest.constants import LATEST_MJD
from ingest.errors import ConfigError
from simulate import CTAO_NORTH_LIKE, ObservatoryConfig, sky, sphere
from simulate.observatory import (
    ANALYSES,
    DRIFT_ALTITUDE_DEG,
    MAX_RUNS,
    OFF_SHIFT_DEG,
    SESSIONS,
    SITES,
    TARGET_SITES,
    TARGETS,
    ZENITH_BINS,
)
from simulate.programme import CHUNK, ENTRIES, MIN_ALTITUDE_DEG, NO_TARGET, Runs, mjd, moving_pointing, plan
from simulate.schedule import horizontal, sun_altitude
from simulate.timetable import plan_timetable, session_starts

SIZES = [24, 60, 400]


def plan_one(runs: int) -> Runs:
    (found,) = plan(ObservatoryConfig(runs))
    return found


@pytest.fixture(scope="module", params=SIZES)
def runs(request: pytest.FixtureRequest) -> Runs:
    return plan_one(request.param)


@pytest.fixture(scope="module")
def many() -> Runs:
    return plan_one(CHUNK)


def entry_mask(runs: Runs, wanted: Callable[..., bool]) -> NDArray[np.bool_]:
    return np.array([wanted(ENTRIES[n]) for n in runs.entry])


def each_site(
    runs: Runs, values: NDArray[np.float64]
) -> list[tuple[int, NDArray[np.bool_], NDArray[np.float64]]]:
    return [(n, runs.site == n, values[runs.site == n]) for n in range(len(SITES))]


# --- when -----------------------------------------------------------------------------


def test_runs_are_in_order_and_numbered(runs: Runs) -> None:
    assert runs.obs_id.tolist() == list(range(930_001, 930_001 + len(runs)))
    assert (np.diff(runs.start) >= 0).all()
    assert (runs.start == np.round(runs.start)).all()


def test_a_site_does_one_thing_at_a_time(many: Runs) -> None:
    for site in range(len(SITES)):
        mine = many.site == site
        assert (many.start[mine][1:] >= many.stop[mine][:-1] + 60).all()


@pytest.mark.parametrize("size", [60, 400])
def test_sites_observe_at_the_same_time_now_and_then(size: int) -> None:
    runs = plan_one(size)
    north, south = runs.site == 0, runs.site == 1
    both = (runs.start[north][:, None] < runs.stop[south]) & (runs.stop[north][:, None] > runs.start[south])
    assert both.any()
    assert not both.any(axis=1).all()


def test_runs_are_in_the_dark(many: Runs) -> None:
    for seconds in (many.start, many.stop):
        for site, _, mine in each_site(many, seconds):
            # The function takes times that are within some days of each other.
            altitude = np.concatenate(
                [sun_altitude(SITES[site], mjd(part)) for part in np.array_split(mine, 40)]
            )
            assert altitude.max() < -18.0


def test_some_runs_have_the_moon_up_and_some_have_not(runs: Runs) -> None:
    up = []
    for site, _, seconds in each_site(runs, (runs.start + runs.stop) / 2):
        for time in mjd(seconds):
            moon = get_body("moon", Time(time, format="mjd", scale="tt"))
            altitude, _ = horizontal(
                SITES[site], np.array([time]), np.array([moon.ra.deg]), np.array([moon.dec.deg])
            )
            up.append(altitude[0] > 0)
    assert 0.1 < np.mean(up) < 0.9


def test_good_times_are_what_the_gaps_leave(many: Runs) -> None:
    lengths = set()
    for index in range(300):
        gtis = np.array(many.gtis_of(index))
        assert (gtis[0, 0], gtis[-1, 1]) == (many.start[index], many.stop[index])
        assert np.sum(gtis[:, 1] - gtis[:, 0]) == many.ontime[index]
        assert (gtis[:, 1] - gtis[:, 0] >= 100).all()
        assert (gtis[1:, 0] - gtis[:-1, 1] >= 60).all()
        lengths.add(len(gtis))
    assert lengths == {1, 2, 3}


def test_slews_are_short_and_other_runs_are_not(many: Runs) -> None:
    slew = entry_mask(many, lambda e: e.mode == "SLEW")
    length = many.stop - many.start
    assert length[slew].min() >= 120
    assert length[slew].max() <= 132
    assert length[~slew].min() >= 1200
    assert length[~slew].max() <= 1212


def test_the_largest_release_fits_the_nights() -> None:
    table = plan_timetable(ObservatoryConfig(MAX_RUNS))
    assert len(table.site) == MAX_RUNS
    assert mjd(table.session[[-1]])[0] < LATEST_MJD - 1
    with pytest.raises(ConfigError, match="200000 sessions at CTAO-N; expected at most"):
        session_starts(CTAO_NORTH_LIKE, 200_000, late=False)


@given(st.integers(1, 3000))
def test_any_number_of_runs_can_be_had(number: int) -> None:
    runs = plan_one(number)
    assert len(runs) == number
    assert (runs.altitude > 30).all()


@pytest.mark.parametrize(
    "bad", [{"runs": 0}, {"runs": MAX_RUNS + 1}, {"runs": True}, {"runs": 1.5}, {"seed": -1}]
)
def test_senseless_numbers_are_refused(bad: dict[str, int]) -> None:
    (name,) = bad
    with pytest.raises(ConfigError, match=f"{name}=.*expected a whole number"):
        ObservatoryConfig(**bad)


# --- what -----------------------------------------------------------------------------


def test_every_kind_of_observation_is_there(runs: Runs) -> None:
    used = [ENTRIES[n] for n in runs.entry]
    assert {e.mode for e in used} == {"WOBBLE", "POINTING", "ON", "OFF", "RASTER", "DRIFT", "SLEW"}
    assert {e.analysis for e in used} == set(ANALYSES)
    assert {np.sign(e.conv_dep) for e in used} == {-1, 0, 1}
    assert {e.proposal for e in used} == {"KSP", "GO", "DDT", None}
    assert {e.aim for e in used} == {"source", "off", "field", "drift", "slew"}
    assert set(runs.site) == {0, 1}


def test_sessions_are_of_the_length_that_the_timetable_takes() -> None:
    assert {len(session) for of_site in SESSIONS for session in of_site} == {6}


def test_large_releases_use_all_targets_and_responses(many: Runs) -> None:
    assert set(many.target) == {NO_TARGET, *range(len(TARGETS))}
    assert set(many.zenith_bin) == set(ZENITH_BINS)


def test_targets_belong_to_the_site(many: Runs) -> None:
    has = many.target != NO_TARGET
    assert (np.array(TARGET_SITES)[many.target[has]] == many.site[has]).all()


def test_wobble_runs_of_a_block_lie_opposite_each_other(runs: Runs) -> None:
    checked = 0
    for index in np.flatnonzero(entry_mask(runs, lambda e: e.mode == "WOBBLE")):
        offset = np.hypot(*runs.entry_of(int(index)).offset_deg)
        target = TARGETS[runs.target[index]]
        found = sphere.separation_deg(
            float(runs.ra_pnt[index]), float(runs.dec_pnt[index]), target.ra_deg, target.dec_deg
        )
        assert found == pytest.approx(offset, abs=1e-5)
        same = np.flatnonzero(
            (runs.site == runs.site[index])
            & (runs.turn == runs.turn[index])
            & entry_mask(runs, lambda e, i=int(index): e.block == runs.entry_of(i).block)
        )
        distance = [
            sphere.separation_deg(
                float(runs.ra_pnt[index]),
                float(runs.dec_pnt[index]),
                float(runs.ra_pnt[n]),
                float(runs.dec_pnt[n]),
            )
            for n in same
        ]
        if len(same) in {2, 4}:  # the last session may be cut short
            assert max(distance) == pytest.approx(2 * offset, abs=1e-5)
            assert len(set(runs.target[same])) == 1
            checked += 1
    assert checked >= 4


def test_off_fields_lie_beside_the_on_fields(runs: Runs) -> None:
    off = np.flatnonzero(entry_mask(runs, lambda e: e.mode == "OFF"))
    assert len(off)
    for index in off:
        target = TARGETS[runs.target[index]]
        assert runs.dec_pnt[index] == pytest.approx(target.dec_deg, abs=1e-5)
        assert (runs.ra_pnt[index] - target.ra_deg) % 360 == pytest.approx(OFF_SHIFT_DEG, abs=1e-5)


def test_raster_maps_are_grids_about_a_target(runs: Runs) -> None:
    raster = entry_mask(runs, lambda e: e.mode == "RASTER")
    turn = runs.turn[raster][0]
    mine = np.flatnonzero(raster & (runs.turn == turn))
    assert len(mine) == 6
    assert len(set(runs.target[mine])) == 1
    target = TARGETS[runs.target[mine[0]]]
    lon, lat = sphere.to_offsets(target.ra_deg, target.dec_deg, runs.ra_pnt[mine], runs.dec_pnt[mine])
    assert sorted(zip(np.round(lat, 3), np.round(lon, 3), strict=True)) == [
        (y, x) for y in (-0.6, 0.6) for x in (-1.2, 0.0, 1.2)
    ]


# --- where ----------------------------------------------------------------------------


def test_altitudes_are_those_of_another_precession(many: Runs) -> None:
    middle = mjd((many.start + many.stop) / 2)
    for index in range(0, len(many), 97):
        if np.isfinite(many.ra_pnt[index]):
            altitude, azimuth = horizontal(
                SITES[many.site[index]], middle[[index]], many.ra_pnt[[index]], many.dec_pnt[[index]]
            )
            assert many.altitude[index] == pytest.approx(altitude[0], abs=0.02)
            east = np.cos(np.radians(altitude[0])) * ((many.azimuth[index] - azimuth[0] + 180) % 360 - 180)
            assert abs(east) < 0.02


def test_targets_are_up(many: Runs) -> None:
    source = entry_mask(many, lambda e: e.aim == "source")
    # A pointing can be an offset lower than its target.
    assert many.altitude[source].min() > MIN_ALTITUDE_DEG - 1.5
    assert many.altitude.max() <= 90
    assert (many.zenith_bin[source] >= 20).all()


def test_drift_scans_keep_to_the_meridian(many: Runs) -> None:
    drift = np.flatnonzero(entry_mask(many, lambda e: e.aim == "drift"))
    assert np.isnan(many.ra_pnt[drift]).all()
    assert np.isnan(many.dec_pnt[drift]).all()
    for index in drift[:4]:
        seconds = np.linspace(many.start[index], many.stop[index], 7)
        ra, dec = moving_pointing(many, int(index), seconds)
        altitude, azimuth = horizontal(SITES[many.site[index]], mjd(seconds), ra, dec)
        np.testing.assert_allclose(altitude, DRIFT_ALTITUDE_DEG, atol=0.02)
        np.testing.assert_allclose((azimuth - many.azimuth[index] + 180) % 360, 180, atol=0.05)
        # The sky turns by 360 degrees in a sidereal day of 86164 s.
        turned = (ra[-1] - ra[0]) % 360
        assert turned == pytest.approx((seconds[-1] - seconds[0]) * 360 / 86164.1, rel=0.005)
        assert np.ptp(dec) < 0.05


def test_slews_go_to_their_targets(many: Runs) -> None:
    for index in np.flatnonzero(entry_mask(many, lambda e: e.aim == "slew"))[:6]:
        seconds = np.array([many.start[index], (many.start[index] + many.stop[index]) / 2, many.stop[index]])
        ra, dec = (values.tolist() for values in moving_pointing(many, int(index), seconds))
        target = TARGETS[many.target[index]]
        assert sphere.separation_deg(ra[2], dec[2], target.ra_deg, target.dec_deg) < 1e-5
        assert 6 < sphere.separation_deg(ra[0], dec[0], ra[2], dec[2]) < 7
        middle = (float(many.ra_pnt[index]), float(many.dec_pnt[index]))
        assert sphere.separation_deg(ra[1], dec[1], *middle) < 1e-4


@given(st.floats(0, 359.99), st.floats(-89, 89), st.floats(60_950, 80_000))
def test_frames_turn_there_and_back(ra: float, dec: float, time: float) -> None:
    (frame,) = sky.local_frames(CTAO_NORTH_LIKE, np.array([time]))
    vector = sky.unit_vectors(ra, dec)
    np.testing.assert_allclose(frame.T @ (frame @ vector), vector, atol=1e-12)
    found_ra, found_dec = sky.positions(vector)
    assert sphere.separation_deg(float(found_ra), float(found_dec), ra, dec) < 1e-9
