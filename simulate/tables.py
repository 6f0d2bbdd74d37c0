"""The responses on the axes of the files, as GADF tables hold them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulate.responses import MIGRA_MAX, MIGRA_MIN, RAD_MAX_DEG, Instrument, erf

Floats = NDArray[np.float64]

# Coarser than the H.E.S.S. DL3 DR1 (96, 160, 32, 144, 50, 20), for small files; but more energies of
# the background, so that its interpolation is right to a per cent where the threshold bends it.
ENERGY_BINS, MIGRA_BINS, PSF_ENERGY_BINS, RAD_BINS, DET_BINS, BKG_ENERGY_BINS = 48, 80, 24, 60, 24, 40

THETA_NODES = 6
"""Offsets are points (THETA_LO equals THETA_HI), as in the H.E.S.S. DL3 DR1."""


@dataclass(frozen=True)
class Axis:
    """One axis of a response.

    Attributes
    ----------
    name
        Columns are called ``<name>_LO`` and ``<name>_HI``.
    unit
        FITS unit, empty for none.
    low, high
        Edges, shape (n,); equal where the axis has points.
    """

    name: str
    unit: str
    low: Floats
    high: Floats


@dataclass(frozen=True)
class ResponseTable:
    """One response.

    Attributes
    ----------
    axes
        In the order of the columns.
    name, unit
        Name and FITS unit of the column with the values.
    values
        Shape: the axes that `tdim` names, the first of them last, as numpy has it.
    """

    axes: tuple[Axis, ...]
    name: str
    unit: str
    values: Floats


def _binned(name: str, unit: str, edges: Floats) -> Axis:
    return Axis(name, unit, edges[:-1], edges[1:])


def _energy(instrument: Instrument, bins: int) -> tuple[Axis, Floats]:
    """Make an energy axis and the logarithmic centres of its bins, TeV."""
    profile = instrument.profile
    edges = np.geomspace(profile.energy_min_tev, profile.energy_max_tev, bins + 1)
    return _binned("ENERG", "TeV", edges), np.sqrt(edges[:-1] * edges[1:])


def _theta(instrument: Instrument) -> tuple[Axis, Floats]:
    nodes = np.linspace(0.0, instrument.profile.offset_max_deg, THETA_NODES)
    return Axis("THETA", "deg", nodes, nodes), nodes


def aeff_table(instrument: Instrument) -> ResponseTable:
    """Tabulate the effective area in m2, shape (theta, energy)."""
    energy, centres = _energy(instrument, ENERGY_BINS)
    theta, nodes = _theta(instrument)
    values = instrument.effective_area(centres[None, :], nodes[:, None])
    return ResponseTable((energy, theta), "EFFAREA", "m2", values)


def edisp_table(instrument: Instrument) -> ResponseTable:
    """Tabulate the density of migra, mean over each bin, shape (theta, migra, energy)."""
    energy, centres = _energy(instrument, ENERGY_BINS)
    theta, nodes = _theta(instrument)
    edges = np.linspace(MIGRA_MIN, MIGRA_MAX, MIGRA_BINS + 1)
    mean, sigma = instrument.migra_parameters(centres[None, None, :], nodes[:, None, None])
    cumulative = 0.5 * (1.0 + erf((np.log(edges)[None, :, None] - mean) / (sigma * np.sqrt(2.0))))
    norm = cumulative[:, -1:, :] - cumulative[:, :1, :]
    values = np.diff(cumulative, axis=1) / norm / np.diff(edges)[None, :, None]
    return ResponseTable((energy, _binned("MIGRA", "", edges), theta), "MATRIX", "", values)


def psf_table(instrument: Instrument) -> ResponseTable:
    """Tabulate the point spread function in sr-1, mean over each ring, shape (rad, theta, energy)."""
    energy, centres = _energy(instrument, PSF_ENERGY_BINS)
    theta, nodes = _theta(instrument)
    # Rings get wider outwards, where the function is smooth.
    edges = RAD_MAX_DEG * np.linspace(0.0, 1.0, RAD_BINS + 1) ** 1.5
    inside = instrument.psf_containment(edges[:, None, None], centres[None, None, :], nodes[None, :, None])
    solid_angle = 2 * np.pi * -np.diff(np.cos(np.radians(edges)))
    values = np.diff(inside, axis=0) / solid_angle[:, None, None]
    return ResponseTable((energy, theta, _binned("RAD", "deg", edges)), "RPSF", "sr^-1", values)


def background_table(instrument: Instrument) -> ResponseTable:
    """Tabulate the background in MeV-1 s-1 sr-1, shape (energy, dety, detx).

    At the logarithmic centre of each energy bin, mean over each bin of the field: readers
    take the values between bins from the centres.
    """
    energy, centres = _energy(instrument, BKG_ENERGY_BINS)
    half = instrument.profile.offset_max_deg
    edges = np.linspace(-half, half, DET_BINS + 1)
    width = instrument.background_width(centres)[:, None]
    scaled = erf(edges[None, :] / (width * np.sqrt(2.0)))
    shape = np.diff(scaled, axis=1) * width * np.sqrt(np.pi / 2.0) / np.diff(edges)[None, :]
    values = instrument.background_rate(centres)[:, None, None] * shape[:, :, None] * shape[:, None, :]
    axes = (_binned("DETX", "deg", edges), _binned("DETY", "deg", edges), energy)
    return ResponseTable(axes, "BKG", "MeV-1 s-1 sr-1", values)
