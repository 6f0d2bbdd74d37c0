"""The simulated instrument: its responses as formulae of energy, offset and zenith angle.

With ``E`` in TeV, ``t`` the offset and ``z`` the zenith angle:

- effective area ``area * E**slope * sec(z)**2 * exp(-t**2 / 2 w(E)**2) / (1 + (E / Eh)**-3)``
  with ``w = width * E**0.1`` and ``Eh = half_area * sec(z)**2.5``: the light pool grows
  and thins out with the distance to the shower;
- energy dispersion log-normal in ``migra``, of width ``sigma * (1 + (E / Eh)**-0.5)``,
  biased upwards below the threshold, where only upward fluctuations trigger;
- point spread function: two Gaussians, 80 % and 20 %, the second 2.5 times as wide, of
  width ``psf * E**-0.25 * (1 + 0.04 t**2)``, cut off and normalised at the last RAD;
- background ``rate * E**-index / (1 + (E / Eh)**-4)``, falling in the field as a
  Gaussian of width ``w = width * E**0.05``, cut off at the square field's edges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulate.profiles import FacilityProfile, Target

Floats = NDArray[np.float64]

AREA_TURN_ON = 3.0
"""Steepness of the effective area below the threshold; about that of real telescopes."""

BACKGROUND_TURN_ON = 4.0
"""The same for the background, which cuts suppress more."""

AREA_ZENITH_POWER, THRESHOLD_ZENITH_POWER = 2.0, 2.5
"""Powers of sec(z): geometry of the light pool, and that with some absorption."""

AREA_WIDTH_POWER, BACKGROUND_WIDTH_POWER = 0.1, 0.05
"""The field of view is wider for bright, that is energetic, showers."""

MIGRA_MIN, MIGRA_MAX = 0.2, 5.0
"""Range of the MIGRA axis, as in the H.E.S.S. DL3 DR1."""

BIAS_SCALE, BIAS_LIMIT = 0.15, 0.5
"""Bias of ln(migra) at the threshold and the most it can be."""

SIGMA_LIMIT = 0.4
"""Widest ln(migra): keeps 4 sigma within the MIGRA axis."""

PSF_CORE, PSF_TAIL_WIDTH = 0.8, 2.5
"""Share of the core and width of the tail relative to it."""

PSF_ENERGY_POWER, PSF_OFFSET_GROWTH = -0.25, 0.04
"""Change of the width with the energy and with the square of the offset in degrees."""

PSF_RANGE_DEG = (0.01, 0.15)
"""Narrowest and widest core: optics, and cuts on the shape of images."""

RAD_MAX_DEG = 0.6656
"""Last RAD, as in the H.E.S.S. DL3 DR1."""

THRESHOLD_FRACTION = 0.1
"""LO_THRES is where the area on axis reaches this share of its maximum."""

CM2_PER_M2 = 1.0e4
"""Square centimetres in a square metre: SI."""

MEV_PER_TEV = 1.0e6
"""MeV in a TeV: SI."""


def erf(x: ArrayLike) -> Floats:
    """Evaluate the error function on an array (numpy has none of its own)."""
    values = np.asarray(x, dtype=np.float64)
    return np.fromiter((math.erf(v) for v in values.flat), np.float64, values.size).reshape(values.shape)


@dataclass(frozen=True)
class Instrument:
    """Responses of a facility at one zenith angle.

    All energies are in TeV, all angles in degrees; arguments broadcast.
    """

    profile: FacilityProfile
    zenith_deg: float

    @property
    def _sec(self) -> float:
        return 1.0 / math.cos(math.radians(self.zenith_deg))

    @property
    def half_energy(self) -> float:
        """Energy at which the effective area is half of what it tends to, TeV."""
        return float(self.profile.half_area_tev * self._sec**THRESHOLD_ZENITH_POWER)

    @property
    def dead_time_correction(self) -> float:
        """Share of the time in which the array can trigger: Poisson triggers, fixed dead time."""
        rate = self.profile.trigger_rate_hz / self._sec
        return 1.0 / (1.0 + rate * self.profile.dead_time_s)

    @property
    def threshold(self) -> float:
        """Energy from which the area on axis is a tenth of its maximum or more, TeV."""
        energies = np.geomspace(self.profile.energy_min_tev, self.profile.energy_max_tev, 1001)
        area = self.effective_area(energies, 0.0)
        # Above its own maximum a growing area has no knee: measure at ten times the half energy.
        knee = min(10 * self.half_energy, self.profile.energy_max_tev)
        limit = THRESHOLD_FRACTION * float(self.effective_area(knee, 0.0))
        return float(energies[int(np.argmax(area >= limit))])

    def effective_area(self, energy: ArrayLike, offset: ArrayLike) -> Floats:
        """Effective area for gamma rays in m2."""
        p, e = self.profile, np.asarray(energy, dtype=np.float64)
        width = p.area_width_deg * e**AREA_WIDTH_POWER
        area = p.area_m2 * e**p.area_slope * self._sec**AREA_ZENITH_POWER
        turn_on = 1.0 + (e / self.half_energy) ** -AREA_TURN_ON
        return np.asarray(area / turn_on * np.exp(-0.5 * (np.asarray(offset) / width) ** 2))

    def migra_parameters(self, energy: ArrayLike, offset: ArrayLike) -> tuple[Floats, Floats]:
        """Mean and width of ln(migra); without a unit."""
        ratio = np.asarray(energy, dtype=np.float64) / self.half_energy
        mean = np.minimum(BIAS_SCALE * ratio**-1.5, BIAS_LIMIT)
        sigma = self.profile.energy_sigma * (1.0 + ratio**-0.5) * (1.0 + 0.02 * np.asarray(offset) ** 2)
        return np.broadcast_to(mean, sigma.shape), np.minimum(sigma, SIGMA_LIMIT)

    def psf_width(self, energy: ArrayLike, offset: ArrayLike) -> Floats:
        """Gaussian width of the core of the point spread function in degrees."""
        e = np.asarray(energy, dtype=np.float64)
        width = self.profile.psf_sigma_deg * e**PSF_ENERGY_POWER
        growth = 1.0 + PSF_OFFSET_GROWTH * np.asarray(offset, dtype=np.float64) ** 2
        return np.asarray(np.clip(width * growth, *PSF_RANGE_DEG))

    def psf_containment(self, rad: ArrayLike, energy: ArrayLike, offset: ArrayLike) -> Floats:
        """Share of the point spread function within `rad` degrees; 1 at the last RAD."""
        core = self.psf_width(energy, offset)
        total = np.zeros(np.broadcast_shapes(np.shape(rad), core.shape))
        for share, width in ((PSF_CORE, core), (1 - PSF_CORE, PSF_TAIL_WIDTH * core)):
            inside = -np.expm1(-0.5 * (np.asarray(rad) / width) ** 2)
            total = total + share * inside / -np.expm1(-0.5 * (RAD_MAX_DEG / width) ** 2)
        return total

    def background_rate(self, energy: ArrayLike) -> Floats:
        """Background on axis in MeV-1 s-1 sr-1, of reconstructed energy."""
        e = np.asarray(energy, dtype=np.float64)
        power = self.profile.background_rate * e**-self.profile.background_index
        return np.asarray(power / (1.0 + (e / self.half_energy) ** -BACKGROUND_TURN_ON))

    def background_width(self, energy: ArrayLike) -> Floats:
        """Gaussian width of the background's acceptance in degrees."""
        e = np.asarray(energy, dtype=np.float64)
        return np.asarray(self.profile.background_width_deg * e**BACKGROUND_WIDTH_POWER)


def source_flux(target: Target, energy: ArrayLike) -> Floats:
    """Differential flux of a target in cm-2 s-1 TeV-1 at energies in TeV."""
    e = np.asarray(energy, dtype=np.float64)
    return np.asarray(target.flux * e ** -(target.index + target.curvature * np.log(e)))
