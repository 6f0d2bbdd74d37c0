"""What the instrument responses say at one energy and off-axis angle.

These numbers fill s_fov, s_region, s_resolution, em_res_power and em_resolution, and the reference
columns of the High-Energy extension that say where they hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.units import Quantity, Unit

from ingest.arrays import FloatArray

CONTAINMENT = 0.68
"""Fraction of events that defines both resolutions, as is usual for Cherenkov telescopes."""


@dataclass(frozen=True)
class Performance:
    """Field of view and resolutions; None where the responses do not tell.

    Attributes
    ----------
    fov_deg
        Diameter in degrees of the field in which the effective area at the reference energy is
        above zero.
    psf_deg
        Radius in degrees that contains 68 % of the gamma rays of a point source.
    energy_resolution
        Half of the central 68 % interval of measured over true energy.
    """

    fov_deg: float | None = None
    psf_deg: float | None = None
    energy_resolution: float | None = None


def measure(responses: Mapping[str, Any], *, energy_tev: float, offset_deg: float) -> Performance:
    """Evaluate the responses of one run.

    Parameters
    ----------
    responses
        astropy table HDUs by type: ``aeff``, ``edisp``, ``psf``. Forms that are not tabulated
        over energy and offset give None.
    energy_tev, offset_deg
        Where to evaluate; the bin that holds the value is used, without interpolation.
    """
    aeff, edisp, psf = (responses.get(kind) for kind in ("aeff", "edisp", "psf"))
    return Performance(
        fov_deg=_field_of_view(aeff, energy_tev) if _has(aeff, "EFFAREA") else None,
        psf_deg=_psf_radius(psf, energy_tev, offset_deg) if _has(psf, "RPSF") else None,
        energy_resolution=_energy_width(edisp, energy_tev, offset_deg) if _has(edisp, "MIGRA_LO") else None,
    )


def _has(hdu: Any, name: str) -> bool:
    return hdu is not None and name in hdu.columns.names and len(hdu.data) == 1


def _axis(hdu: Any, name: str, unit: str) -> tuple[FloatArray, FloatArray]:
    """Give the lower and upper bin edges of one axis, shape (n,), in a unit."""
    edges = []
    for column in (f"{name}_LO", f"{name}_HI"):
        given = hdu.columns[column].unit
        values = np.asarray(hdu.data[column][0], dtype=float)
        edges.append(Quantity(values, Unit(given)).to_value(unit) if given else values)
    return edges[0], edges[1]


def _bin(low: FloatArray, high: FloatArray, value: float) -> int | None:
    """Give the bin of a value, the nearest node where LO equals HI, or None outside."""
    if np.array_equal(low, high):
        return int(np.argmin(np.abs(low - value))) if low[0] <= value <= low[-1] else None
    inside = np.flatnonzero((low <= value) & (value < high))
    return int(inside[0]) if inside.size else None


def _field_of_view(aeff: Any, energy_tev: float) -> float | None:
    energy = _bin(*_axis(aeff, "ENERG", "TeV"), energy_tev)
    if energy is None:
        return None
    offsets = _axis(aeff, "THETA", "deg")[1]
    seen = offsets[np.asarray(aeff.data["EFFAREA"][0])[:, energy] > 0]
    return 2.0 * float(seen.max()) if seen.size and seen.max() > 0 else None


def _psf_radius(psf: Any, energy_tev: float, offset_deg: float) -> float | None:
    energy = _bin(*_axis(psf, "ENERG", "TeV"), energy_tev)
    offset = _bin(*_axis(psf, "THETA", "deg"), offset_deg)
    if energy is None or offset is None:
        return None
    low, high = _axis(psf, "RAD", "rad")
    density = np.asarray(psf.data["RPSF"][0], dtype=float)[:, offset, energy]
    content = np.cumsum(density * 2.0 * np.pi * (np.cos(low) - np.cos(high)))
    if not np.isfinite(content[-1]) or content[-1] <= 0:
        return None
    radius = np.interp(CONTAINMENT * content[-1], np.concatenate([[0.0], content]), np.append(low[:1], high))
    return float(np.rad2deg(radius))


def _energy_width(edisp: Any, energy_tev: float, offset_deg: float) -> float | None:
    axis = "ENERG" if "ENERG_LO" in edisp.columns.names else "ETRUE"
    energy = _bin(*_axis(edisp, axis, "TeV"), energy_tev)
    offset = _bin(*_axis(edisp, "THETA", "deg"), offset_deg)
    if energy is None or offset is None:
        return None
    low, high = _axis(edisp, "MIGRA", "")
    density = np.asarray(edisp.data["MATRIX"][0], dtype=float)[offset, :, energy]
    content = np.cumsum(density * (high - low))
    if not np.isfinite(content[-1]) or content[-1] <= 0:
        return None
    tail = 0.5 * (1.0 - CONTAINMENT)
    edges = np.concatenate([low[:1], high])
    at = np.interp([tail, 1.0 - tail], np.concatenate([[0.0], content]) / content[-1], edges)
    return float(0.5 * (at[1] - at[0]))
