"""The sample simulator: physical sanity of the responses and of what is drawn from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from simulate import HESS_LIKE, PROFILES, FacilityProfile, Target, sphere, tables
from simulate.events import background_expectation, draw_events, source_expectation
from simulate.responses import MEV_PER_TEV, RAD_MAX_DEG, Instrument, erf
from simulate.schedule import RunPlan
from simulate.tables import ResponseTable

ALL_PROFILES = [pytest.param(p, id=p.key) for p in PROFILES.values()]
ZENITHS = [0.0, 30.0, 49.0]


def plan_for(target: Target, ontime: float = 1500.0) -> RunPlan:
    """Make a run with the target at its wobble offset."""
    ra, dec = sphere.from_offsets(target.ra_deg, target.dec_deg, 0.0, target.offset_deg)
    return RunPlan(900_001, target, float(ra), float(dec), 60.0, 180.0, ((1000.0, 1000.0 + ontime),))


def assert_poisson(found: float, expected: float, systematic: float = 0.0) -> None:
    """Check that a number is within 5 sigma of its mean."""
    assert abs(found - expected) < 5 * np.sqrt(expected) + systematic * expected, (found, expected)


# --- responses ------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ALL_PROFILES)
@pytest.mark.parametrize("zenith", ZENITHS)
class TestResponses:
    def test_energy_dispersion_is_normalised(self, profile: FacilityProfile, zenith: float) -> None:
        table = tables.edisp_table(Instrument(profile, zenith))
        migra = table.axes[1]
        sums = np.einsum("tme,m->te", table.values, migra.high - migra.low)
        assert (table.values >= 0).all()
        np.testing.assert_allclose(sums, 1, atol=1e-9)

    def test_energy_is_right_at_high_energies(self, profile: FacilityProfile, zenith: float) -> None:
        table = tables.edisp_table(Instrument(profile, zenith))
        migra = table.axes[1]
        mean = np.sum(table.values[0, :, -1] * (migra.high**2 - migra.low**2) / 2)
        assert mean == pytest.approx(1, abs=0.05)

    def test_point_spread_function_is_normalised(self, profile: FacilityProfile, zenith: float) -> None:
        table = tables.psf_table(Instrument(profile, zenith))
        rad = table.axes[2]
        solid_angle = 2 * np.pi * (np.cos(np.radians(rad.low)) - np.cos(np.radians(rad.high)))
        assert (table.values >= 0).all()
        np.testing.assert_allclose(np.einsum("rte,r->te", table.values, solid_angle), 1, atol=1e-6)

    def test_point_spread_function_shrinks_with_energy(self, profile: FacilityProfile, zenith: float) -> None:
        width = Instrument(profile, zenith).psf_width(np.geomspace(0.02, 200, 30), 0.5)
        assert (np.diff(width) <= 0).all()
        assert width[0] > 1.5 * width[-1]

    def test_effective_area_rises_and_falls_off(self, profile: FacilityProfile, zenith: float) -> None:
        table = tables.aeff_table(Instrument(profile, zenith))
        assert (table.values >= 0).all()
        assert (np.diff(table.values[0]) > 0).all()
        assert (np.diff(table.values, axis=0) < 0).all()

    def test_background_falls_off_from_the_centre(self, profile: FacilityProfile, zenith: float) -> None:
        values = tables.background_table(Instrument(profile, zenith)).values
        half = values.shape[1] // 2
        assert (values > 0).all()
        assert (np.diff(values[:, half, half:], axis=1) < 0).all()
        np.testing.assert_allclose(values, values[:, ::-1, ::-1])
        np.testing.assert_allclose(values, values.transpose(0, 2, 1))

    def test_tables_fit_32_bits(self, profile: FacilityProfile, zenith: float) -> None:
        instrument = Instrument(profile, zenith)
        makers = (tables.aeff_table, tables.edisp_table, tables.psf_table, tables.background_table)
        for values in (make(instrument).values for make in makers):
            assert np.isfinite(values.astype(np.float32)).all()


@pytest.mark.parametrize("profile", ALL_PROFILES)
def test_threshold_and_dead_time_depend_on_zenith_angle(profile: FacilityProfile) -> None:
    near, far = Instrument(profile, 5.0), Instrument(profile, 48.0)
    assert profile.energy_min_tev < near.threshold < far.threshold < 1
    assert near.dead_time_correction < far.dead_time_correction < 1
    assert far.effective_area(20.0, 0.5) > near.effective_area(20.0, 0.5)


def test_error_function() -> None:
    np.testing.assert_allclose(
        erf([[-1.0, 0.0], [0.5, 3.0]]), [[-0.842701, 0], [0.5205, 0.999978]], atol=1e-6
    )


# --- events against responses ---------------------------------------------------------


def background_from_table(table: ResponseTable, livetime: float) -> float:
    """Integrate a background table as a reader would: sum over its bins."""
    detx, dety, energy = table.axes
    strip = np.diff(np.sin(np.radians(np.append(dety.low, dety.high[-1]))))
    sky = np.radians(detx.high - detx.low)[None, :] * strip[:, None]
    width = (energy.high - energy.low) * MEV_PER_TEV
    return float(np.einsum("eyx,yx,e->", table.values, sky, width) * livetime)


@pytest.mark.parametrize("profile", ALL_PROFILES)
def test_background_counts_follow_the_table(profile: FacilityProfile) -> None:
    instrument = Instrument(profile, 25.0)
    plan = plan_for(Target("off", "off", 120.0, -30.0))
    expected = background_from_table(tables.background_table(instrument), 20_000.0)
    events = draw_events(instrument, plan, 20_000.0, np.random.default_rng(1))
    # Two per cent: a value at the centre of a bin is not quite the mean over it.
    assert_poisson(len(events.time), expected, systematic=0.02)
    assert expected == pytest.approx(background_expectation(instrument, 20_000.0).sum(), rel=0.02)


def test_background_follows_the_acceptance() -> None:
    instrument = Instrument(HESS_LIKE, 25.0)
    plan = plan_for(Target("off", "off", 120.0, -30.0))
    events = draw_events(instrument, plan, 20_000.0, np.random.default_rng(2))
    lon, lat = sphere.to_offsets(plan.ra_pnt_deg, plan.dec_pnt_deg, events.ra_deg, events.dec_deg)
    assert np.abs(np.concatenate([lon, lat])).max() < HESS_LIKE.offset_max_deg + 1e-3
    assert_poisson((lon > 0).sum(), len(lon) / 2)
    assert_poisson((lat > 0).sum(), len(lat) / 2)
    table = tables.background_table(instrument)
    detx, dety, energy = table.axes
    weight = np.einsum("eyx,y,e->x", table.values, np.cos(np.radians(dety.low)), energy.high - energy.low)
    found, _ = np.histogram(lon, np.append(detx.low, detx.high[-1]))
    for n, share in zip(found, weight / weight.sum(), strict=True):
        assert_poisson(n, share * len(lon), systematic=0.02)


def quiet(profile: FacilityProfile) -> FacilityProfile:
    """Switch the background off."""
    return replace(profile, background_rate=1e-30)


@pytest.mark.parametrize("profile", ALL_PROFILES)
def test_source_counts_follow_flux_and_area(profile: FacilityProfile) -> None:
    target = Target("source", "source", 83.0, 22.0, 3e-11, 2.2)
    instrument, plan = Instrument(quiet(profile), 25.0), plan_for(target)
    expected = source_expectation(instrument, plan, 20_000.0).sum()
    # An independent integral, over the axes of the file at the offset of the source.
    table = tables.aeff_table(instrument)
    energy, theta = table.axes
    centre = np.sqrt(energy.low * energy.high)
    area = np.exp([np.interp(0.5**2, theta.low**2, np.log(column)) for column in table.values.T])
    rough = np.sum(3e-11 * centre**-2.2 * area * 1e4 * (energy.high - energy.low)) * 20_000.0
    assert expected == pytest.approx(rough, rel=0.03)
    events = draw_events(instrument, plan, 20_000.0, np.random.default_rng(3))
    assert_poisson(len(events.time), expected, systematic=0.01)  # some end up out of range


def test_point_source_has_the_shape_of_the_psf() -> None:
    target = Target("source", "source", 83.0, 22.0, 3e-10, 2.2)
    instrument, plan = Instrument(quiet(HESS_LIKE), 25.0), plan_for(target)
    events = draw_events(instrument, plan, 20_000.0, np.random.default_rng(4))
    lon, lat = sphere.to_offsets(target.ra_deg, target.dec_deg, events.ra_deg, events.dec_deg)
    distance = np.hypot(lon, lat)
    assert len(distance) > 10_000
    edges = np.geomspace(HESS_LIKE.energy_min_tev, HESS_LIKE.energy_max_tev, 401)
    mean = source_expectation(instrument, plan, 1.0)
    weight = mean / mean.sum()
    for rad in (0.03, 0.06, 0.1, 0.2, 0.4):
        contained = np.sum(weight * instrument.psf_containment(rad, np.sqrt(edges[1:] * edges[:-1]), 0.5))
        assert_poisson((distance < rad).sum(), contained * len(distance), systematic=0.01)
    assert distance.max() < RAD_MAX_DEG + 1e-3


def test_energies_have_the_shape_of_the_dispersion() -> None:
    target = Target("source", "source", 83.0, 22.0, 1e-10, 2.0, curvature=200.0)  # a line at 1 TeV
    instrument, plan = Instrument(quiet(HESS_LIKE), 10.0), plan_for(target)
    events = draw_events(instrument, plan, 2_000_000.0, np.random.default_rng(5))
    mean, sigma = instrument.migra_parameters(1.0, 0.5)
    assert len(events.energy) > 10_000
    assert np.std(np.log(events.energy)) == pytest.approx(float(np.hypot(sigma, 1 / 20)), rel=0.05)
    assert np.mean(np.log(events.energy)) == pytest.approx(float(mean), abs=0.01)


def test_extended_source_fills_its_disc() -> None:
    target = Target("disc", "disc", 83.0, 22.0, 3e-10, 2.0, radius_deg=0.5)
    sharp = replace(quiet(HESS_LIKE), psf_sigma_deg=0.01)
    events = draw_events(Instrument(sharp, 25.0), plan_for(target), 5_000.0, np.random.default_rng(6))
    lon, lat = sphere.to_offsets(target.ra_deg, target.dec_deg, events.ra_deg, events.dec_deg)
    assert_poisson((np.hypot(lon, lat) < 0.25).sum(), len(lon) / 4, systematic=0.02)


def test_times_are_uniform_over_good_times() -> None:
    plan = replace(plan_for(HESS_LIKE.targets[0]), gtis=((0.0, 600.0), (900.0, 1200.0)))
    events = draw_events(Instrument(HESS_LIKE, 25.0), plan, 5_000.0, np.random.default_rng(7))
    assert_poisson((events.time < 600).sum(), len(events.time) * 2 / 3)
    assert not ((events.time > 600) & (events.time < 900)).any()


# --- geometry -------------------------------------------------------------------------


@given(ra0=st.floats(0, 359.99), dec0=st.floats(-80, 80), lon=st.floats(-5, 5), lat=st.floats(-5, 5))
def test_offsets_come_back(ra0: float, dec0: float, lon: float, lat: float) -> None:
    ra, dec = sphere.from_offsets(ra0, dec0, lon, lat)
    assert 0 <= ra < 360
    found = np.array(sphere.to_offsets(ra0, dec0, ra, dec))
    np.testing.assert_allclose(found, [lon, lat], atol=1e-6)


@given(
    radius=st.floats(0.001, 5), angle=st.floats(0, 6.28), ra0=st.floats(0, 359.99), dec0=st.floats(-85, 85)
)
def test_polar_offsets_agree_with_astropy(radius: float, angle: float, ra0: float, dec0: float) -> None:
    ra, dec = sphere.from_offsets(ra0, dec0, *sphere.polar_offsets(radius, angle))
    centre, there = SkyCoord(ra0, dec0, unit="deg"), SkyCoord(ra, dec, unit="deg")
    assert centre.separation(there).deg == pytest.approx(radius, abs=1e-6)
    assert np.cos(centre.position_angle(there).rad - angle) == pytest.approx(1, abs=1e-6)
    assert sphere.separation_deg(ra0, dec0, float(ra), float(dec)) == pytest.approx(radius, abs=1e-6)
