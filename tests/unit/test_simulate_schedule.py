"""The sample simulator: configurations that make no sense, and the schedule of runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import AltAz, EarthLocation, SkyCoord, get_sun
from astropy.utils import iers

from ingest.errors import ConfigError
from simulate import HESS_LIKE, PROFILES, FacilityProfile, SimulationConfig, Target, sphere
from simulate.schedule import RunPlan, mission_time, plan_runs

ALL_PROFILES = [pytest.param(p, id=p.key) for p in PROFILES.values()]


@pytest.fixture()
def no_downloads() -> Iterator[None]:
    # Tables as old as the installed astropy's are good enough to check with.
    with iers.conf.set_temp("auto_download", False), iers.conf.set_temp("auto_max_age", None):
        yield


# --- configurations that make no sense ------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {"runs": 0},
        {"runs": 201},
        {"runs": 2.5},
        {"runs": True},
        {"seed": -1},
        {"seed": 2**63},
        {"facility": "x"},
    ],
)
def test_nonsense_configuration_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(values))}=.*expected"):
        SimulationConfig(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [
        {"prefix": "../up"},
        {"origin": "H.E.S.S. Collaboration"},
        {"instrume": "H.E.S.S. Phase I"},
        {"latitude_deg": 91.0},
        {"longitude_deg": 181.0},
        {"telescopes": ()},
        {"targets": ()},
        {"first_obs_id": 0},
        {"first_obs_id": 999_900},
        {"energy_min_tev": 1.0},
        {"run_seconds": 4000},
        {"min_altitude_deg": 5.0},
        {"area_m2": 0.0},
        {"background_rate": -1.0},
    ],
)
def test_nonsense_profile_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="Facility profile hess-like"):
        replace(HESS_LIKE, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [{"ra_deg": 360.0}, {"dec_deg": 91.0}, {"flux": -1.0}, {"offset_deg": 3.0}, {"radius_deg": -0.1}],
)
def test_nonsense_target_is_refused(values: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="Target x"):
        replace(Target("x", "x", 0.0, 0.0), **values)


def test_profile_without_visible_target_is_refused() -> None:
    polaris = Target("Polaris", "polaris", 37.9546, 89.2641)
    with pytest.raises(ConfigError, match="no target is above 40"):
        plan_runs(SimulationConfig(runs=1, facility=replace(HESS_LIKE, targets=(polaris,))))


# --- schedule -------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ALL_PROFILES)
@pytest.mark.parametrize("runs", [1, 25])
def test_any_number_of_runs_can_be_planned(profile: FacilityProfile, runs: int) -> None:
    plans = plan_runs(SimulationConfig(runs=runs, facility=profile))
    check_plans(plans, profile, runs)


def test_two_hundred_runs_can_be_planned() -> None:
    check_plans(plan_runs(SimulationConfig(runs=200)), HESS_LIKE, 200)


def check_plans(plans: list[RunPlan], profile: FacilityProfile, runs: int) -> None:
    assert [p.obs_id for p in plans] == list(range(profile.first_obs_id, profile.first_obs_id + runs))
    for plan in plans:
        assert plan.altitude_deg >= profile.min_altitude_deg
        found = sphere.separation_deg(
            plan.ra_pnt_deg, plan.dec_pnt_deg, plan.target.ra_deg, plan.target.dec_deg
        )
        assert found == pytest.approx(plan.target.offset_deg, abs=1e-5)
        assert 0 <= plan.azimuth_deg < 360
    for one, two in itertools.pairwise(plans):
        assert two.tstart > one.tstop


def test_targets_and_wobble_directions_are_mixed() -> None:
    plans = plan_runs(SimulationConfig())
    assert len({p.target.name for p in plans}) == len(HESS_LIKE.targets)
    crab = [p for p in plan_runs(SimulationConfig(runs=200)) if p.target.tag == "crab"]
    assert len({(p.ra_pnt_deg, p.dec_pnt_deg) for p in crab}) == 4


def test_pointings_are_up_in_the_dark_says_astropy(no_downloads: None) -> None:
    site = EarthLocation(
        HESS_LIKE.longitude_deg * u.deg, HESS_LIKE.latitude_deg * u.deg, HESS_LIKE.altitude_m * u.m
    )
    for plan in plan_runs(SimulationConfig(runs=10)):
        ends = [mission_time(HESS_LIKE, t) for t in (plan.tstart, (plan.tstart + plan.tstop) / 2, plan.tstop)]
        sky = SkyCoord(plan.ra_pnt_deg, plan.dec_pnt_deg, unit="deg")
        places = [sky.transform_to(AltAz(obstime=t, location=site)) for t in ends]
        assert abs(places[1].alt.deg - plan.altitude_deg) < 0.02
        assert abs(places[1].az.deg - plan.azimuth_deg) * np.cos(places[1].alt.rad) < 0.02
        for time in (ends[0], ends[2]):
            assert get_sun(time).transform_to(AltAz(obstime=time, location=site)).alt.deg < -17.9
