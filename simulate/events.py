"""Drawing the events of a run through the responses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulate import sphere
from simulate.responses import (
    CM2_PER_M2,
    MEV_PER_TEV,
    MIGRA_MAX,
    MIGRA_MIN,
    PSF_CORE,
    PSF_TAIL_WIDTH,
    RAD_MAX_DEG,
    Instrument,
    erf,
    source_flux,
)
from simulate.schedule import RunPlan

Floats = NDArray[np.float64]

FINE_BINS = 400
"""Energy bins of the spectra that are drawn from: far finer than any response."""

EVENT_ID_SHIFT = 32
"""EVENT_ID is the run's number shifted by this plus a counter, as in the H.E.S.S. DL3 DR1."""

EVENT_ID_STEP = 40
"""Counters grow by up to this: most triggers do not survive the cuts."""


@dataclass(frozen=True)
class EventList:
    """Events of one run, in order of time; all arrays have shape (n,).

    Attributes
    ----------
    event_id
        Unique within a release.
    time
        Seconds since the profile's epoch, TT.
    ra_deg, dec_deg
        Reconstructed directions, ICRS, degrees.
    energy
        Reconstructed energies, TeV.
    """

    event_id: NDArray[np.int64]
    time: Floats
    ra_deg: NDArray[np.float32]
    dec_deg: NDArray[np.float32]
    energy: NDArray[np.float32]


def _fine_energies(instrument: Instrument) -> tuple[Floats, Floats, Floats]:
    """Give edges, centres and widths of the fine energy bins, TeV."""
    profile = instrument.profile
    edges = np.geomspace(profile.energy_min_tev, profile.energy_max_tev, FINE_BINS + 1)
    return edges, np.sqrt(edges[:-1] * edges[1:]), np.diff(edges)


def source_expectation(instrument: Instrument, plan: RunPlan, livetime: float) -> Floats:
    """Compute the mean number of source events per fine bin of true energy.

    The area is that at the centre of the source. Events that are then reconstructed
    outside the energy range or the field of view are not taken off.

    Parameters
    ----------
    instrument, plan
        The responses and the run.
    livetime
        Seconds.

    Returns
    -------
    numpy.ndarray
        Shape (FINE_BINS,).
    """
    _, centres, widths = _fine_energies(instrument)
    target = plan.target
    offset = sphere.separation_deg(plan.ra_pnt_deg, plan.dec_pnt_deg, target.ra_deg, target.dec_deg)
    area = instrument.effective_area(centres, offset) * CM2_PER_M2
    return np.asarray(source_flux(target, centres) * area * widths * livetime)


def background_expectation(instrument: Instrument, livetime: float) -> Floats:
    """Compute the mean number of background events per fine energy bin, the field taken as flat.

    `livetime` is in seconds; the shape is (FINE_BINS,).
    """
    _, centres, widths = _fine_energies(instrument)
    sigma = instrument.background_width(centres)
    half = instrument.profile.offset_max_deg
    side = np.radians(sigma * np.sqrt(2.0 * np.pi) * erf(half / (sigma * np.sqrt(2.0))))
    return np.asarray(instrument.background_rate(centres) * widths * MEV_PER_TEV * side**2 * livetime)


def draw_events(
    instrument: Instrument, plan: RunPlan, livetime: float, rng: np.random.Generator
) -> EventList:
    """Draw all events of a run.

    Parameters
    ----------
    instrument, plan
        The responses and the run.
    livetime
        Seconds.
    rng
        Source of random numbers.
    """
    lon_b, lat_b, energy_b = draw_background(instrument, livetime, rng)
    lon_s, lat_s, energy_s = _draw_source(instrument, plan, livetime, rng)
    lon, lat = np.concatenate([lon_b, lon_s]), np.concatenate([lat_b, lat_s])
    energy = np.concatenate([energy_b, energy_s]).astype(np.float32)
    # All events are shuffled in time: neither the source nor the background varies in a run.
    order = rng.permutation(len(energy))
    ra, dec = sphere.from_offsets(plan.ra_pnt_deg, plan.dec_pnt_deg, lon[order], lat[order])
    steps = rng.integers(1, EVENT_ID_STEP + 1, len(order), dtype=np.int64)
    return EventList(
        event_id=(np.int64(plan.obs_id) << EVENT_ID_SHIFT) + np.cumsum(steps),
        time=draw_times(plan, len(order), rng),
        ra_deg=single_ra(ra),
        dec_deg=dec.astype(np.float32),
        energy=energy[order],
    )


def single_ra(ra_deg: Floats) -> NDArray[np.float32]:
    """Round right ascensions in [0, 360) to 32 bit, which can reach the full circle."""
    single = ra_deg.astype(np.float32)
    single[single >= 360.0] = 0.0
    return single


def draw_times(plan: RunPlan, count: int, rng: np.random.Generator) -> Floats:
    """Draw sorted times, uniform over the good time intervals."""
    lengths = np.array([stop - start for start, stop in plan.gtis])
    ends = np.cumsum(lengths)
    elapsed = np.sort(rng.random(count) * ends[-1])
    interval = np.minimum(np.searchsorted(ends, elapsed, side="right"), len(ends) - 1)
    starts = np.array([start for start, _ in plan.gtis])
    return np.asarray(starts[interval] + elapsed - (ends - lengths)[interval])


def _draw_energies(instrument: Instrument, mean: Floats, rng: np.random.Generator) -> Floats:
    """Draw a Poisson number of energies (TeV) from mean numbers per fine bin."""
    edges, _, _ = _fine_energies(instrument)
    counts = rng.poisson(mean)
    low, high = np.repeat(edges[:-1], counts), np.repeat(edges[1:], counts)
    return np.asarray(low * (high / low) ** rng.random(len(low)))


def draw_background(
    instrument: Instrument, livetime: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Draw background events: offsets in degrees and energies in TeV."""
    energy = _draw_energies(instrument, background_expectation(instrument, livetime), rng)
    width, half = instrument.background_width(energy), instrument.profile.offset_max_deg
    lon = _truncated_normal(width, -half, half, rng)
    lat = _truncated_normal(width, -half, half, rng)
    # A degree of longitude is less sky away from the equator of the field.
    keep = rng.random(len(energy)) < np.cos(np.radians(lat))
    return lon[keep], lat[keep], energy[keep]


def _draw_source(
    instrument: Instrument, plan: RunPlan, livetime: float, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Draw source events: offsets in degrees and energies in TeV."""
    target, profile = plan.target, instrument.profile
    true = _draw_energies(instrument, source_expectation(instrument, plan, livetime), rng)
    count = len(true)
    radius = target.radius_deg * np.sqrt(rng.random(count))
    lon, lat = sphere.polar_offsets(radius, 2 * np.pi * rng.random(count))
    ra, dec = sphere.from_offsets(target.ra_deg, target.dec_deg, lon, lat)
    lon, lat = sphere.to_offsets(plan.ra_pnt_deg, plan.dec_pnt_deg, ra, dec)
    offset = np.hypot(lon, lat)
    blur = _draw_psf(instrument, true, offset, rng)
    angle = 2 * np.pi * rng.random(count)
    # Over less than a degree the sky is flat enough to add the blur to the offsets.
    lon, lat = lon + blur * np.sin(angle) / np.cos(np.radians(lat)), lat + blur * np.cos(angle)
    energy = true * _draw_migra(instrument, true, offset, rng)
    keep = (energy >= profile.energy_min_tev) & (energy <= profile.energy_max_tev)
    keep &= np.maximum(np.abs(lon), np.abs(lat)) <= profile.offset_max_deg
    return lon[keep], lat[keep], energy[keep]


def _draw_psf(instrument: Instrument, energy: Floats, offset: Floats, rng: np.random.Generator) -> Floats:
    """Draw distances in degrees from the point spread function."""
    core = rng.random(len(energy)) < PSF_CORE
    width = instrument.psf_width(energy, offset) * np.where(core, 1.0, PSF_TAIL_WIDTH)
    within = -np.expm1(-0.5 * (RAD_MAX_DEG / width) ** 2)
    return np.asarray(width * np.sqrt(-2.0 * np.log1p(-within * rng.random(len(energy)))))


def _draw_migra(instrument: Instrument, energy: Floats, offset: Floats, rng: np.random.Generator) -> Floats:
    """Draw ratios of reconstructed to true energy."""
    mean, sigma = instrument.migra_parameters(energy, offset)
    low, high = np.log(MIGRA_MIN) - mean, np.log(MIGRA_MAX) - mean
    return np.asarray(np.exp(mean + _truncated_normal(sigma, low, high, rng)))


def _truncated_normal(
    width: Floats, low: Floats | float, high: Floats | float, rng: np.random.Generator
) -> Floats:
    """Draw from Gaussians around 0, of the widths given, again and again until all are within the limits."""
    values = rng.normal(0.0, width)
    outside = np.flatnonzero((values < low) | (values > high))
    lows, highs = np.broadcast_to(low, width.shape), np.broadcast_to(high, width.shape)
    while len(outside):
        values[outside] = rng.normal(0.0, width[outside])
        wrong = (values[outside] < lows[outside]) | (values[outside] > highs[outside])
        outside = outside[wrong]
    return values
