"""Containment radii of point spread functions, in all forms of GADF.

`ingest.performance` has the same for one energy and offset; here it is for all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datalink.previews.response import Axis, axis, cube, energy_axis, lit_span
from datalink.previews.tables import Table
from ingest.arrays import FloatArray
from ingest.fits_files import convert, raw_column, unit_of

FRACTIONS = (0.68, 0.95)
_BISECTIONS = 50


@dataclass(frozen=True)
class Containment:
    """Radii that contain fractions of the gamma rays of a point source.

    Attributes
    ----------
    energy_tev
        Shape (n_energy,), rising.
    offset_deg
        Shape (n_offset,); None where the function holds for one offset that is not told.
    radius_deg
        Shape (len(FRACTIONS), n_offset or 1, n_energy); NaN where unknown.
    span_tev
        Lowest and highest energy with a radius, and a bin more.
    """

    energy_tev: FloatArray
    offset_deg: FloatArray | None
    radius_deg: FloatArray
    span_tev: tuple[float, float]


def containment(table: Table, theta: Table | None) -> Containment:
    """Evaluate a point spread function.

    Parameters
    ----------
    table
        The point spread function.
    theta
        The table with the angles of a ``psf_gtpsf``.

    Raises
    ------
    ingest.errors.KeywordError
        A column is missing or makes no sense, or the form is none of GADF's.
    """
    if table.form == "psf_gtpsf":
        return _gtpsf(table, theta)
    makers = {"psf_table": _table, "psf_3gauss": _gauss, "psf_king": _king}
    if table.form not in makers:
        raise table.error(f"form of the point spread function unknown, expected one of {', '.join(makers)}")
    energy, offset = energy_axis(table), axis(table, "THETA", "deg")
    radius = makers[table.form](table, offset, energy)
    span = lit_span(energy, np.any(np.isfinite(radius), axis=(0, 1)))
    return Containment(energy.log_middle, offset.middle, radius, span)


def _table(table: Table, offset: Axis, energy: Axis) -> FloatArray:
    rad = axis(table, "RAD", "deg")
    density = cube(table, "RPSF", "sr-1", rad, offset, energy)
    ring = 2.0 * np.pi * (np.cos(np.radians(rad.low)) - np.cos(np.radians(rad.high)))
    return _reached(np.append(rad.low[:1], rad.high), density * ring[:, None, None])


def _reached(edges: FloatArray, content: FloatArray) -> FloatArray:
    """Give where the sum over the first axis reaches each fraction of its end, shape (fractions, ...)."""
    total = np.cumsum(np.where(np.isfinite(content), content, 0.0), axis=0)
    found = np.full((len(FRACTIONS), *total.shape[1:]), np.nan)
    for place in np.ndindex(total.shape[1:]):
        column = total[(slice(None), *place)]
        if column[-1] > 0:
            found[(slice(None), *place)] = np.interp(
                FRACTIONS, np.concatenate([[0.0], column]) / column[-1], edges
            )
    return found


def _gauss(table: Table, offset: Axis, energy: Axis) -> FloatArray:
    """Solve for the radii of GADF's sum of three Gaussians, of which SCALE is a common factor."""
    scale = (
        cube(table, "SCALE", "", offset, energy)
        if _unitless(table)
        else cube(table, "SCALE", "sr-1", offset, energy)
    )
    weights, sigmas = [], []
    for number in ("1", "2", "3"):
        if number != "1" and not (table.has(f"AMPL_{number}") and table.has(f"SIGMA_{number}")):
            continue
        sigma = cube(table, f"SIGMA_{number}", "deg", offset, energy)
        amplitude = (
            np.ones_like(sigma) if number == "1" else cube(table, f"AMPL_{number}", "", offset, energy)
        )
        good = np.isfinite(sigma) & np.isfinite(amplitude) & (sigma > 0) & (amplitude != 0)
        weights.append(np.where(good, amplitude * sigma**2, 0.0))
        sigmas.append(np.where(good, sigma, 1.0))
    weight, sigma = np.stack(weights), np.stack(sigmas)
    total = weight.sum(axis=0)
    unknown = ~(scale > 0) | ~(total > 0)
    found = []
    for fraction in FRACTIONS:
        low, high = np.zeros(total.shape), 10.0 * np.max(np.where(weight != 0, sigma, 0.0), axis=0)
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            inside = np.sum(weight * -np.expm1(-0.5 * (middle / sigma) ** 2), axis=0)
            low = np.where(inside < fraction * total, middle, low)
            high = np.where(inside < fraction * total, high, middle)
        found.append(np.where(unknown, np.nan, 0.5 * (low + high)))
    return np.stack(found)


def _unitless(table: Table) -> bool:
    return unit_of(table.hdu, "SCALE") is None


def _king(table: Table, offset: Axis, energy: Axis) -> FloatArray:
    """Invert the integral of the King function, 1 - (1 + r^2 / (2 gamma sigma^2))^(1 - gamma)."""
    gamma = cube(table, "GAMMA", "", offset, energy)
    sigma = cube(table, "SIGMA", "deg", offset, energy)
    good = (gamma > 1) & (sigma > 0) & np.isfinite(gamma) & np.isfinite(sigma)
    slope = np.where(good, gamma, 2.0)
    radii = [
        sigma * np.sqrt(2.0 * slope * np.expm1(np.log1p(-fraction) / (1.0 - slope))) for fraction in FRACTIONS
    ]
    return np.stack([np.where(good & np.isfinite(radius), radius, np.nan) for radius in radii])


def _gtpsf(table: Table, theta: Table | None) -> Containment:
    """Evaluate the output of gtpsf: a row per energy, the angles in another HDU."""
    if theta is None:
        raise table.error("no HDU with the angles in a column THETA")
    angles, energies = raw_column(theta.hdu, "THETA"), raw_column(table.hdu, "ENERGY")
    density = raw_column(table.hdu, "PSF")
    if angles is None or angles.size < 2:
        raise theta.error("expected several angles", "THETA")
    if energies is None or density is None or density.shape != (energies.size, angles.size):
        raise table.error(f"expected {angles.size} values in each row", "PSF")
    radii = convert(angles.ravel(), unit_of(theta.hdu, "THETA") or "deg", "deg")
    nodes = convert(energies.ravel(), unit_of(table.hdu, "ENERGY") or "MeV", "TeV")
    if radii is None:
        raise theta.error(f"unit {unit_of(theta.hdu, 'THETA')!r}, expected one like 'deg'", "THETA")
    if nodes is None:
        raise table.error(f"unit {unit_of(table.hdu, 'ENERGY')!r}, expected one like 'MeV'", "ENERGY")
    if not np.any(nodes > 0):
        raise table.error("no positive energies", "ENERGY")
    good = np.flatnonzero(nodes > 0)
    order = good[np.argsort(nodes[good])]
    ring = density[order] * np.sin(np.radians(radii))
    content = 0.5 * (ring[:, 1:] + ring[:, :-1]) * np.diff(radii)
    found = _reached(radii, content.T)[:, None, :]
    energy = nodes[order]
    margin = 1.0 if len(energy) > 1 else 2.0
    return Containment(energy, None, found, (float(energy[0] / margin), float(energy[-1] * margin)))
