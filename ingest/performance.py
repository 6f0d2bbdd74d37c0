"""What the instrument responses say at one energy and off-axis angle.

These numbers fill s_fov, s_region, s_resolution, em_res_power and em_resolution, and the reference
columns of the High-Energy extension that say where they hold.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.arrays import FloatArray
from ingest.fits_files import convert, has, raw_cells, raw_column, unit_of
from ingest.layouts import TYPES
from ingest.plain import PlainHDU

CONTAINMENT = 0.68
"""Fraction of events that defines both resolutions, as is usual for Cherenkov telescopes."""

LARGEST_OFFSET = 180.0
"""Degrees; no direction is further away from another."""

_BISECTIONS = 60
_AXES_REMEMBERED = 512


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


@dataclass(frozen=True)
class Measured:
    """What one response says.

    Attributes
    ----------
    energy_tev, offset_deg
        Range of its energy axis in TeV and of its offset axis in degrees; None where it has none.
    value
        ``fov_deg`` of an effective area, ``psf_deg`` of a point spread function, ``energy_resolution``
        of an energy dispersion; None for others, and where the response does not tell.
    problem
        Why its table cannot be read, None if it can.
    """

    energy_tev: tuple[float, float] | None = None
    offset_deg: tuple[float, float] | None = None
    value: float | None = None
    problem: str | None = None


class _UnusableTableError(Exception):
    """A table is not made as its form demands; the message says what is wrong."""


def examine(
    hdu: Any, form: str | None, *, energy_tev: float, offset_deg: float, theta: Any = None
) -> Measured:
    """Evaluate one response.

    Parameters
    ----------
    hdu
        astropy table HDU.
    form
        Its form, see `ingest.records.HDU`.
    energy_tev, offset_deg
        Where to evaluate; the bin that holds the value is used, without interpolation.
    theta
        The table HDU with the angles of a ``psf_gtpsf``.
    """
    problem, value = None, None
    try:
        if form == "psf_gtpsf":
            value = _gtpsf_radius(hdu, theta, energy_tev)
        elif form in _MEASURES:
            value = _MEASURES[form](hdu, energy_tev, offset_deg)
    except _UnusableTableError as error:
        problem = str(error)
    energies, offsets = _energy_range(hdu), _offset_range(hdu)
    if energies is not None and energies[0] > energies[1]:
        problem, energies = f"energies from {energies[0]:g} to {energies[1]:g} TeV", None
    if offsets is not None and not -LARGEST_OFFSET <= offsets[0] <= offsets[1] <= LARGEST_OFFSET:
        problem, offsets = f"THETA from {offsets[0]:g} to {offsets[1]:g} deg", None
        value = None if form == "aeff_2d" else value  # the field of view
    if form == "aeff_2d" and value is not None and not value <= 2.0 * LARGEST_OFFSET:
        problem, value = f"a field of view of {value:g} deg", None
    return Measured(energies, offsets, value, problem)


class _Axis:
    """Bins: lower and upper edges, shape (n,), and what is often asked of them."""

    def __init__(self, low: FloatArray, high: FloatArray) -> None:
        self.low, self.high = low, high
        self._bins: dict[float, int | None] = {}

    def __len__(self) -> int:
        return len(self.low)

    @functools.cached_property
    def range(self) -> tuple[float, float] | None:
        """Lowest and highest edge."""
        return _range(self.low, self.high)

    @functools.cached_property
    def positive_range(self) -> tuple[float, float] | None:
        """The same, of the lower edges above zero only."""
        return _range(self.low[self.low > 0], self.high)

    @functools.cached_property
    def edges(self) -> FloatArray:
        """All edges, if each bin begins where the one before ends; shape (n + 1,)."""
        return np.append(self.low[:1], self.high)

    @functools.cached_property
    def cosines(self) -> FloatArray:
        """Differences of the cosines of the edges, if these are in radians; shape (n,)."""
        with np.errstate(invalid="ignore"):  # an infinite edge has none
            return np.asarray(np.cos(self.low) - np.cos(self.high))

    def bin(self, value: float) -> int | None:
        """Give the bin of a value, the nearest node where LO equals HI, or None outside."""
        if value not in self._bins:
            self._bins[value] = _bin(self.low, self.high, value)
        return self._bins[value]


def _energy_range(hdu: Any) -> tuple[float, float] | None:
    if has(hdu, "ENERGY", "PSF"):
        values = convert(_floats(raw_column(hdu, "ENERGY")), unit_of(hdu, "ENERGY") or "MeV", "TeV")
        return _range(values, values)
    try:
        return _axis(hdu, _energy_axis(hdu), "TeV").positive_range
    except _UnusableTableError:
        return None


def _offset_range(hdu: Any) -> tuple[float, float] | None:
    try:
        return _axis(hdu, "THETA", "deg").range
    except _UnusableTableError:
        return None


def _floats(values: FloatArray | None) -> FloatArray:
    return np.empty(0) if values is None else values


def _range(low: FloatArray | None, high: FloatArray | None) -> tuple[float, float] | None:
    if low is None or high is None:
        return None
    low, high = low[np.isfinite(low)], high[np.isfinite(high)]
    return (float(low.min()), float(high.max())) if low.size and high.size else None


def _energy_axis(hdu: Any) -> str:
    return "ETRUE" if has(hdu, "ETRUE_LO") and not has(hdu, "ENERG_LO") else "ENERG"


def _vector(hdu: Any, name: str, unit: str | None = None) -> NDArray[Any]:
    """Give the one cell of a column, in a unit; without one, perhaps not yet as floats."""
    values = raw_cells(hdu, name) if unit is None else raw_column(hdu, name)
    if values is None:
        raise _UnusableTableError(f"no column {name} of numbers")
    if len(values) != 1:
        raise _UnusableTableError(f"{len(values)} rows, expected 1")
    if unit is None:
        return np.asarray(values[0])
    return _converted(np.atleast_1d(values[0]), unit_of(hdu, name), unit, name)


def _converted(values: FloatArray, written: str | None, unit: str, name: str) -> FloatArray:
    converted = convert(values, written, unit)
    if converted is None:
        raise _UnusableTableError(f"unit {written!r} of {name}, expected one like {unit!r}")
    return converted


class _Side(NamedTuple):
    """The lower or upper edges of an axis as they are stored."""

    cell: bytes
    code: str
    unit: str | None


def _axis(hdu: Any, name: str, unit: str) -> _Axis:
    """Give one axis in a unit; those of the same bytes, as in all files of a release, are made once."""
    if isinstance(hdu, PlainHDU):
        known: _Axis | None = hdu.axes.get((name, unit))
        if known is not None:
            return known
        low, high = hdu.column(f"{name}_LO"), hdu.column(f"{name}_HI")
        if low is not None and high is not None:
            cells = hdu.cell(low), hdu.cell(high)
            if all(cells):
                sides = _Side(cells[0], low.code, low.unit), _Side(cells[1], high.code, high.unit)
                known = hdu.axes[name, unit] = _axis_of(*sides, name, unit)
                return known
    return _checked(_vector(hdu, f"{name}_LO", unit), _vector(hdu, f"{name}_HI", unit), name)


@functools.lru_cache(maxsize=_AXES_REMEMBERED)
def _axis_of(low: _Side, high: _Side, name: str, unit: str) -> _Axis:
    return _checked(_edges(low, f"{name}_LO", unit), _edges(high, f"{name}_HI", unit), name)


def _edges(side: _Side, name: str, unit: str) -> FloatArray:
    return _converted(np.frombuffer(side.cell, TYPES[side.code]).astype(float), side.unit, unit, name)


def _checked(low: FloatArray, high: FloatArray, name: str) -> _Axis:
    low, high = low.ravel(), high.ravel()
    if len(low) != len(high) or not len(low):
        raise _UnusableTableError(f"{len(low)} values of {name}_LO, {len(high)} of {name}_HI")
    return _Axis(low, high)


def _cube(hdu: Any, name: str, *lengths: int) -> NDArray[Any]:
    """Give the values of a response in a shape: some files have no TDIM. Perhaps not yet as floats."""
    values = _vector(hdu, name)
    if values.size != math.prod(lengths):
        raise _UnusableTableError(f"{values.size} values of {name}, expected {' x '.join(map(str, lengths))}")
    return values.reshape(lengths)


def _as_floats(values: Any) -> FloatArray:
    return np.array(values, dtype=float)


def _bin(low: FloatArray, high: FloatArray, value: float) -> int | None:
    """Give the bin of a value, the nearest node where LO equals HI, or None outside."""
    if np.array_equal(low, high):
        inside = np.nanmin(low) <= value <= np.nanmax(low) if np.isfinite(low).any() else False
        return int(np.nanargmin(np.abs(low - value))) if inside else None
    found = np.flatnonzero((low <= value) & (value < high))
    return int(found[0]) if found.size else None


def _field_of_view(aeff: Any, energy_tev: float, _offset_deg: float) -> float | None:
    energies = _axis(aeff, _energy_axis(aeff), "TeV")
    offsets = _axis(aeff, "THETA", "deg").high
    area = _cube(aeff, "EFFAREA", len(offsets), len(energies))
    energy = energies.bin(energy_tev)
    if energy is None:
        return None
    seen = offsets[(_as_floats(area[:, energy]) > 0) & (offsets > 0)]
    return 2.0 * float(seen.max()) if seen.size else None


def _cell(hdu: Any, energy_tev: float, offset_deg: float) -> tuple[tuple[int, int], int | None, int | None]:
    """Give the lengths of the offset and energy axes, and the bins in them."""
    energies = _axis(hdu, _energy_axis(hdu), "TeV")
    offsets = _axis(hdu, "THETA", "deg")
    return (len(offsets), len(energies)), offsets.bin(offset_deg), energies.bin(energy_tev)


def _contained(edges: FloatArray, content: FloatArray, fractions: FloatArray) -> FloatArray | None:
    """Give where the cumulated content of bins, shape (n,), reaches fractions of its end."""
    content = np.cumsum(content)
    if not np.isfinite(content[-1]) or content[-1] <= 0:
        return None
    at = np.interp(fractions, np.concatenate([[0.0], content]) / content[-1], edges)
    return np.asarray(at) if np.all(np.isfinite(at)) else None


def _table_radius(psf: Any, energy_tev: float, offset_deg: float) -> float | None:
    (n_offsets, n_energies), offset, energy = _cell(psf, energy_tev, offset_deg)
    radii = _axis(psf, "RAD", "rad" if unit_of(psf, "RAD_LO") else "deg")
    if not unit_of(psf, "RAD_LO"):
        radii = _Axis(np.deg2rad(radii.low), np.deg2rad(radii.high))
    cube = _cube(psf, "RPSF", len(radii), n_offsets, n_energies)
    if energy is None or offset is None:
        return None
    content = _as_floats(cube[:, offset, energy]) * 2.0 * np.pi * radii.cosines
    radius = _contained(radii.edges, content, np.array([CONTAINMENT]))
    return None if radius is None else float(np.rad2deg(radius[0]))


def _gauss_radius(psf: Any, energy_tev: float, offset_deg: float) -> float | None:
    """Give the 68 % radius of GADF's sum of three Gaussians, which SCALE does not change."""
    shape, offset, energy = _cell(psf, energy_tev, offset_deg)
    terms = [(_cube(psf, "SCALE", *shape), _vector(psf, "SIGMA_1", "deg").reshape(-1))]
    for number in ("2", "3"):
        if has(psf, f"AMPL_{number}", f"SIGMA_{number}"):
            sigma = _vector(psf, f"SIGMA_{number}", "deg").reshape(-1)
            terms.append((_cube(psf, f"AMPL_{number}", *shape), sigma))
    if any(sigma.size != math.prod(shape) for _, sigma in terms):
        raise _UnusableTableError(f"expected {shape[0]} x {shape[1]} values of SIGMA_1, SIGMA_2, SIGMA_3")
    if energy is None or offset is None:
        return None
    here = [(float(a[offset, energy]), s.reshape(shape)[offset, energy]) for a, s in terms]
    if not here[0][0] > 0:
        return None
    # SCALE is a common factor, and the first amplitude is 1.
    parts = [(1.0, here[0][1]), *here[1:]]
    valid = [(a * s**2, s) for a, s in parts if math.isfinite(a) and math.isfinite(s) and a != 0 and s > 0]
    total = float(sum(weight for weight, _ in valid))
    if not valid or total <= 0:
        return None
    low, high = 0.0, 10.0 * float(max(sigma for _, sigma in valid))
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        inside = sum(weight * -math.expm1(-0.5 * (middle / sigma) ** 2) for weight, sigma in valid)
        low, high = (middle, high) if inside < CONTAINMENT * total else (low, middle)
    return 0.5 * (low + high)


def _king_radius(psf: Any, energy_tev: float, offset_deg: float) -> float | None:
    shape, offset, energy = _cell(psf, energy_tev, offset_deg)
    gamma, sigma = _cube(psf, "GAMMA", *shape), _vector(psf, "SIGMA", "deg")
    if sigma.size != math.prod(shape):
        raise _UnusableTableError(f"{sigma.size} values of SIGMA, expected {shape[0]} x {shape[1]}")
    if energy is None or offset is None:
        return None
    slope, width = float(gamma[offset, energy]), float(sigma.reshape(shape)[offset, energy])
    if not (math.isfinite(slope) and slope > 1 and math.isfinite(width) and width > 0):
        return None
    # The integral up to r is 1 - (1 + r^2 / (2 gamma sigma^2))^(1 - gamma).
    with np.errstate(over="ignore"):
        radius = width * float(np.sqrt(2.0 * slope * np.expm1(math.log1p(-CONTAINMENT) / (1.0 - slope))))
    return radius if math.isfinite(radius) else None


def _gtpsf_radius(psf: Any, theta: Any, energy_tev: float) -> float | None:
    """Give the 68 % radius of the output of gtpsf: a row per energy, the angles in another HDU."""
    angles = None if theta is None else raw_column(theta, "THETA")
    density, energies = raw_column(psf, "PSF"), raw_column(psf, "ENERGY")
    if angles is None:
        raise _UnusableTableError("no HDU with a column THETA of numbers")
    if density is None or energies is None or density.shape != (energies.size, angles.size):
        raise _UnusableTableError(
            f"expected columns ENERGY and PSF, the latter with {angles.size} values per row"
        )
    nodes = convert(energies, unit_of(psf, "ENERGY") or "MeV", "TeV")
    radii = convert(angles.ravel(), unit_of(theta, "THETA") or "deg", "rad")
    if nodes is None or radii is None or radii.size < 2:
        raise _UnusableTableError("expected ENERGY in MeV and several THETA in deg")
    usable = np.flatnonzero(np.isfinite(nodes) & (nodes > 0))
    if not usable.size or not nodes[usable].min() <= energy_tev <= nodes[usable].max():
        return None
    row = usable[np.argmin(np.abs(np.log(nodes[usable] / energy_tev)))]
    ring = density[row] * 2.0 * np.pi * np.sin(radii)
    content = 0.5 * (ring[1:] + ring[:-1]) * np.diff(radii)
    radius = _contained(radii, content, np.array([CONTAINMENT]))
    return None if radius is None else float(np.rad2deg(radius[0]))


def _energy_width(edisp: Any, energy_tev: float, offset_deg: float) -> float | None:
    (n_offsets, n_energies), offset, energy = _cell(edisp, energy_tev, offset_deg)
    migra = _axis(edisp, "MIGRA", "")
    matrix = _cube(edisp, "MATRIX", n_offsets, len(migra), n_energies)
    if energy is None or offset is None:
        return None
    tail = 0.5 * (1.0 - CONTAINMENT)
    content = _as_floats(matrix[offset, :, energy]) * (migra.high - migra.low)
    at = _contained(migra.edges, content, np.array([tail, 1.0 - tail]))
    return None if at is None else float(0.5 * (at[1] - at[0]))


_MEASURES = {
    "aeff_2d": _field_of_view,
    "edisp_2d": _energy_width,
    "psf_table": _table_radius,
    "psf_3gauss": _gauss_radius,
    "psf_king": _king_radius,
}
