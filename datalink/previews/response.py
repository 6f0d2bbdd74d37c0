"""Axes and values of GADF responses: tables of one row with a vector in each cell."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from datalink.previews.tables import Table
from ingest.arrays import FloatArray
from ingest.fits_files import convert, raw_column, unit_of


@dataclass(frozen=True)
class Axis:
    """One axis of a response.

    Attributes
    ----------
    low, high
        Edges of its bins, shape (n,), low values first; equal where the values hold at nodes.
    """

    low: FloatArray
    high: FloatArray

    def __len__(self) -> int:
        return len(self.low)

    @property
    def middle(self) -> FloatArray:
        """Middles of the bins."""
        return np.asarray(0.5 * (self.low + self.high))

    @property
    def log_middle(self) -> FloatArray:
        """Geometric middles; half the upper edge where a bin begins at or below zero."""
        return np.where(self.low > 0, np.sqrt(np.abs(self.low * self.high)), 0.5 * self.high)

    def edges(self, *, log: bool = False) -> FloatArray:
        """Give n + 1 edges to draw the bins between; those of nodes lie half way between them."""
        if np.any(self.high > self.low):
            edges = np.append(self.low, self.high[-1:])
            if log and edges[0] <= 0:
                edges[0] = 0.5 * edges[1]
            return edges
        nodes = np.log(self.low) if log else self.low
        if len(nodes) == 1:
            half = 0.5 if log else max(0.5 * abs(float(nodes[0])), 0.25)
            edges = np.array([nodes[0] - half, nodes[0] + half])
        else:
            between = 0.5 * (nodes[1:] + nodes[:-1])
            edges = np.concatenate([[2 * nodes[0] - between[0]], between, [2 * nodes[-1] - between[-1]]])
            if not log and nodes[0] >= 0:
                edges[0] = max(edges[0], 0.0)
        return np.exp(edges) if log else edges


def vector(table: Table, name: str, unit: str, default: str | None = None) -> FloatArray:
    """Give the one cell of a column, flat.

    Parameters
    ----------
    table
        A response.
    name
        The column, upper case.
    unit
        The unit that is wanted.
    default
        The unit of a column that has none; None for ``unit``.

    Raises
    ------
    ingest.errors.KeywordError
        There is no such column of numbers, or not one row, or the unit cannot be converted.
    """
    if not table.has(name):
        raise table.error(f"no such column among {', '.join(table.hdu.columns.names)}", name)
    values = raw_column(table.hdu, name)
    if values is None:
        raise table.error("expected a column of numbers", name)
    if len(values) != 1:
        raise table.error(f"{len(values)} rows, expected 1", name)
    written = unit_of(table.hdu, name) or default
    converted = convert(np.atleast_1d(values[0]).ravel(), written and _slashes(written), unit)
    if converted is None:
        raise table.error(f"unit {written!r}, expected one like {unit!r}", name)
    return converted


def _slashes(written: str) -> str:
    """Write ``1/s/MeV/sr``, as CTA's responses have it, as ``1/(s MeV sr)``, which astropy can read."""
    first, *others = (part.strip() for part in written.split("/"))
    if len(others) < 2 or "(" in written:
        return written
    return f"{first or 1}/({' '.join(others)})"


def axis(table: Table, name: str, unit: str, default: str | None = None) -> Axis:
    """Give an axis in a unit.

    Raises
    ------
    ingest.errors.KeywordError
        A column is missing or cannot be converted, or the bins make no sense.
    """
    low, high = (vector(table, f"{name}_{side}", unit, default) for side in ("LO", "HI"))
    if not len(low) or len(low) != len(high):
        raise table.error(f"{len(low)} lower and {len(high)} upper edges", f"{name}_LO")
    if not np.all(np.isfinite(low) & np.isfinite(high)):
        raise table.error("edges that are not finite", f"{name}_LO")
    if np.any(high < low) or np.any(np.diff(low) <= 0) or np.any(np.diff(high) <= 0):
        raise table.error("edges that do not rise", f"{name}_LO")
    return Axis(low, high)


def energy_axis(table: Table) -> Axis:
    """Give the energy axis in TeV, whatever its name.

    Raises
    ------
    ingest.errors.KeywordError
        As `axis`; or it has no positive energies.
    """
    name = "ETRUE" if table.has("ETRUE_LO") and not table.has("ENERG_LO") else "ENERG"
    found = axis(table, name, "TeV")
    if np.any(found.high <= 0):
        raise table.error("energies that are not positive", f"{name}_HI")
    return found


def cube(table: Table, name: str, unit: str, *axes: Axis, default: str | None = None) -> FloatArray:
    """Give the values of a response in the shape of its axes: some files have no TDIM.

    Raises
    ------
    ingest.errors.KeywordError
        As `vector`; or the number of values is another one.
    """
    values = vector(table, name, unit, default)
    shape = tuple(len(one) for one in axes)
    if values.size != math.prod(shape):
        raise table.error(f"{values.size} values, expected {' x '.join(map(str, shape))}", name)
    return values.reshape(shape)


def lit_span(energy: Axis, lit: FloatArray) -> tuple[float, float]:
    """Give the energies in TeV from the first to the last bin with something in it, of all bins if none has.

    Parameters
    ----------
    energy
        The axis.
    lit
        Whether each bin has something in it, boolean, shape (n,).
    """
    edges = energy.edges(log=True)
    filled = np.flatnonzero(lit)
    first, last = (filled[0], filled[-1] + 1) if filled.size else (0, len(energy))
    # The bins beside them show where it ends.
    return float(edges[max(first - 1, 0)]), float(edges[min(last + 1, len(energy))])


def some(count: int, most: int) -> list[int]:
    """Choose numbers from 0 to count - 1, evenly, with the first and the last."""
    return [int(n) for n in np.unique(np.rint(np.linspace(0, count - 1, min(count, most))))]


def decades_below(values: FloatArray, most: float) -> tuple[float, float] | None:
    """Give limits for a logarithmic axis: the values above zero, but not more than some decades.

    None if there are none.
    """
    shown = values[np.isfinite(values) & (values > 0)]
    if not shown.size:
        return None
    high = float(shown.max())
    return max(float(shown.min()), high * 10.0**-most) / 1.5, high * 2.0
