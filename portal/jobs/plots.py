"""The plots of a job."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from portal.jobs.outputs import Outputs
from portal.jobs.parameters import Parameters

SIZE = (6.4, 5.2)
COLOURS = {"counts": "viridis", "excess": "inferno", "significance": "RdBu_r"}


def sky_map(outputs: Outputs, names: tuple[str, str], made: Any, target: SkyCoord, radius: float) -> None:
    """Draw a map, called by its kind and its label, with the on region."""
    kind, label = names
    figure = Figure(figsize=SIZE)
    wcs = made.geom.wcs
    axes = figure.add_subplot(projection=wcs)
    data = np.asarray(made.data, dtype=float)
    limits = {}
    if kind == "significance":
        largest = min(15.0, max(5.0, float(np.nanmax(np.abs(data)))))
        limits = {"vmin": -largest, "vmax": largest}
    image = axes.imshow(data, origin="lower", cmap=COLOURS[kind], interpolation="nearest", **limits)
    units = {"counts": "counts per pixel", "excess": "counts", "significance": "standard deviations"}
    figure.colorbar(image, ax=axes, label=units[kind], extend="both" if limits else "neither")
    x, y = wcs.world_to_pixel(target)
    pixel = float(np.abs(wcs.wcs.cdelt[0]))
    axes.add_patch(Circle((float(x), float(y)), radius / pixel, fill=False, color="lime", lw=1.2))
    axes.set_xlabel("Right ascension (ICRS)")
    axes.set_ylabel("Declination (ICRS)")
    axes.set_title(outputs.title(label))
    outputs.figure(f"{kind}-map.png", f"{label}, picture", figure)


def theta_squared(outputs: Outputs, label: str, table: Table, radius: float) -> None:
    """Draw the squared distances from the target and from the mirrored positions."""
    on, off = np.asarray(table["on"]), np.asarray(table["off"])
    edges = np.append(table["theta2_min"], table["theta2_max"][-1])
    figure = Figure(figsize=SIZE)
    axes = figure.add_subplot()
    centres = (edges[1:] + edges[:-1]) / 2
    axes.errorbar(centres, on, np.sqrt(on), fmt="o", ms=3, label="at the target")
    axes.stairs(off, edges, fill=True, alpha=0.4, color="tab:orange", label="at the mirrored positions")
    axes.axvline(radius**2, color="0.4", ls="--", lw=1, label="on region")
    axes.set_xlim(0, edges[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("Squared distance (square degrees)")
    axes.set_ylabel("Events")
    axes.legend()
    axes.set_title(outputs.title(label))
    outputs.figure("theta-squared.png", f"{label}, plot", figure)


def spectrum(outputs: Outputs, label: str, points: Table, described: dict[str, Any]) -> None:
    """Draw flux points, times energy squared, and the power law with its uncertainty."""
    figure = Figure(figsize=SIZE)
    axes = figure.add_subplot()
    low, high = described["energy_min_tev"], described["energy_max_tev"]
    grid = np.geomspace(low, high, 100)
    ratio = grid / described["reference_tev"]
    flux = described["amplitude"] * ratio ** -described["index"]
    spread = np.sqrt(
        (described["amplitude_error"] / described["amplitude"]) ** 2
        + (np.log(ratio) * described["index_error"]) ** 2
    )
    axes.plot(grid, flux * grid**2, color="tab:blue")
    band = (flux * np.exp(-spread) * grid**2, flux * np.exp(spread) * grid**2)
    axes.fill_between(grid, *band, color="tab:blue", alpha=0.2, lw=0)
    _points(axes, points)
    index = f"{described['index']:.2f} ± {described['index_error']:.2f}"
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("Energy (TeV)")
    axes.set_ylabel("E² dN/dE (TeV cm⁻² s⁻¹)")
    axes.set_title(outputs.title(f"{label} (index {index})"))
    outputs.figure("spectrum.png", f"{label}, plot", figure)


def _points(axes: Any, points: Table) -> None:
    energy = points["e_ref"].quantity.to_value("TeV")
    square = energy**2
    value, error, limit = (
        points[name].quantity.to_value("TeV-1 cm-2 s-1") for name in ("dnde", "dnde_err", "dnde_ul")
    )
    width = [
        energy - points["e_min"].quantity.to_value("TeV"),
        points["e_max"].quantity.to_value("TeV") - energy,
    ]
    upper = np.asarray(points["is_ul"], dtype=bool) & np.isfinite(limit)
    good = ~upper & np.isfinite(value) & (value > 0)
    for chosen, y, spread, limits in (
        (good, value, error, False),
        (upper, limit, np.nan_to_num(limit) * 0.4, True),
    ):
        if chosen.any():
            axes.errorbar(
                energy[chosen],
                (y * square)[chosen],
                (spread * square)[chosen],
                [side[chosen] for side in width],
                fmt="o",
                ms=4,
                color="k",
                uplims=limits,
            )


def light_curve(outputs: Outputs, label: str, table: Table, low: float, high: float) -> None:
    """Draw the flux over time."""
    figure = Figure(figsize=SIZE)
    axes = figure.add_subplot()
    start, stop = np.asarray(table["time_min"], float), np.asarray(table["time_max"], float)
    zero = float(np.floor(start.min()))
    centre = (start + stop) / 2 - zero
    flux, error, limit = (
        table[name].quantity.to_value("cm-2 s-1") for name in ("flux", "flux_err", "flux_ul")
    )
    upper = np.asarray(table["is_ul"], dtype=bool) & np.isfinite(limit)
    good = ~upper & np.isfinite(flux)
    half = (stop - start) / 2
    axes.errorbar(centre[good], flux[good], error[good], half[good], fmt="o", ms=4, color="k")
    if upper.any():
        arrows = np.full(upper.sum(), np.nanmax(limit) * 0.08)
        axes.errorbar(centre[upper], limit[upper], arrows, half[upper], fmt="_", color="k", uplims=True)
    axes.axhline(0, color="0.6", lw=0.8)
    axes.set_xlabel(f"Time (MJD {zero:.0f} + days, TT)")
    axes.set_ylabel(f"Flux, {low:.3g} to {high:.3g} TeV (cm⁻² s⁻¹)")
    axes.set_title(outputs.title(label))
    outputs.figure("light-curve.png", f"{label}, plot", figure)


def relevance(outputs: Outputs, label: str, table: Table, parameters: Parameters) -> None:
    """Draw how the significance grows with live time, run after run in order of time."""
    figure = Figure(figsize=SIZE)
    axes = figure.add_subplot()
    hours = np.cumsum(np.asarray(table["livetime"])) / 3600
    axes.step(hours, table["cumulative_significance"], where="post", marker="o", ms=3)
    axes.axhline(5, color="0.5", ls="--", lw=1)
    axes.set_xlabel("Live time (h)")
    axes.set_ylabel("Significance so far (standard deviations)")
    energies = f"{parameters.energy_min:g} to {parameters.energy_max:g} TeV"
    axes.set_title(outputs.title(f"{label}, {energies}"))
    outputs.figure("relevance.png", f"{label}, plot", figure)
