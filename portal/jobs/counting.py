"""Counts on and off: reflected regions, squared distances, and the significance of Li and Ma."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from gammapy.stats import WStatCountsStatistic
from numpy.typing import NDArray

from portal.jobs.bundle import Run
from portal.jobs.parameters import Parameters

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Counts at the target.

    Attributes
    ----------
    on, off
        Events in the on region, and in all off regions.
    background
        Expected in the on region, from the off regions.
    alpha
        On over off acceptance; NaN without off regions.
    """

    on: int
    off: int
    background: float
    alpha: float

    @property
    def excess(self) -> float:
        """Events above the background; NaN without off regions."""
        return self.on - self.background

    @property
    def significance(self) -> float:
        """Of Li and Ma (1983), their equation 17, negative if there are too few; NaN without off regions."""
        if not np.isfinite(self.alpha):
            return float("nan")
        return float(WStatCountsStatistic(self.on, self.off, self.alpha).sqrt_ts)

    def described(self) -> dict[str, Any]:
        """Give all of it by name."""
        return {
            "on": self.on,
            "off": self.off,
            "alpha": self.alpha,
            "background": self.background,
            "excess": self.excess,
            "significance": self.significance,
        }


def total(parts: list[Counts]) -> Counts:
    """Add up runs, those with off regions if any has: alpha is such that the backgrounds add up."""
    parts = [part for part in parts if np.isfinite(part.alpha)] or parts
    on, off = sum(part.on for part in parts), sum(part.off for part in parts)
    background = float(sum(part.background for part in parts))
    if off:
        alpha = background / off
    else:
        alpha = float(np.mean([part.alpha for part in parts])) if parts else float("nan")
    return Counts(on, off, background, alpha)


def selected(run: Run, parameters: Parameters) -> tuple[SkyCoord, Floats]:
    """Give directions and energies (TeV) of a run's events within energies and offset."""
    events = run.observation.events
    energy = events.energy.to_value("TeV")
    inside = (energy >= parameters.energy_min) & (energy < parameters.energy_max)
    radec = events.radec[inside]
    near = radec.separation(run.pointing).deg <= parameters.max_offset
    return radec[near], energy[inside][near]


def off_positions(run: Run, target: SkyCoord, parameters: Parameters) -> SkyCoord | None:
    """Place as many off regions as fit on the circle around the pointing.

    They do not overlap each other, the on region, or what is not background.

    Returns
    -------
    astropy.coordinates.SkyCoord or None
        Their centres; None if none fits.
    """
    offset = run.pointing.separation(target)
    radius = parameters.on_radius
    free = max(parameters.exclusion_radius, radius) + radius
    if free >= 2 * offset.deg:
        return None
    first = 2 * np.arcsin(free / (2 * offset.deg))
    step = 2 * np.arcsin(min(1.0, radius / offset.deg))
    number = 1 + int((2 * np.pi - 2 * first) / step)
    angles = first + (2 * np.pi - 2 * first) * (np.arange(number) / (number - 1) if number > 1 else 0.5)
    return run.pointing.directional_offset_by(
        run.pointing.position_angle(target) + np.atleast_1d(angles) * u.rad, offset
    )


def count(run: Run, target: SkyCoord, parameters: Parameters) -> Counts:
    """Count a run's events on and off."""
    radec, _ = selected(run, parameters)
    on = int((radec.separation(target).deg <= parameters.on_radius).sum())
    centres = off_positions(run, target, parameters)
    if centres is None:
        return Counts(on, 0, float("nan"), float("nan"))
    off = sum(int((radec.separation(centre).deg <= parameters.on_radius).sum()) for centre in centres)
    return Counts(on, off, off / len(centres), 1 / len(centres))


def theta_squared(
    runs: list[Run], target: SkyCoord, parameters: Parameters, edges: Floats
) -> tuple[NDArray[np.int64], Floats, list[Run]]:
    """Count events by their squared distance from the target and from its off positions.

    Parameters
    ----------
    runs, target, parameters
        What to count.
    edges
        Of squared distances in square degrees.

    Returns
    -------
    tuple
        Counts on; expected background; and the runs in which there is no off position.
    """
    on = np.zeros(len(edges) - 1, dtype=np.int64)
    background = np.zeros(len(edges) - 1)
    without = []
    for run in runs:
        offset = run.pointing.separation(target)
        # The whole plot around the mirrored position has to be free of the source.
        if 2 * offset.deg < np.sqrt(edges[-1]) + parameters.on_radius:
            without.append(run)
            continue
        radec, _ = selected(run, parameters)
        mirrored = run.pointing.directional_offset_by(
            run.pointing.position_angle(target) + 180 * u.deg, offset
        )
        on += np.histogram(radec.separation(target).deg ** 2, edges)[0]
        background += np.histogram(radec.separation(mirrored).deg ** 2, edges)[0]
    return on, background, without
