"""Maps of counts, excess and significance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from gammapy.datasets import MapDataset, MapDatasetOnOff
from gammapy.estimators import ExcessMapEstimator
from gammapy.makers import FoVBackgroundMaker, MapDatasetMaker, RingBackgroundMaker
from gammapy.maps import Map, MapAxis, WcsGeom
from regions import CircleSkyRegion

from portal.jobs.bundle import Run
from portal.jobs.errors import NotPossibleError
from portal.jobs.parameters import Parameters
from portal.jobs.report import Report

BINS_PER_DECADE = 4
MIN_BACKGROUND = 5
"""Counts outside the excluded region that a run needs for its model to be scaled."""


@dataclass(frozen=True)
class Maps:
    """Images of the sky. All but the counts are NULL where nothing is known; None if they cannot be made.

    Attributes
    ----------
    counts
        Events per pixel.
    excess, significance
        Within the on radius around each pixel: counts above the background, and how significant.
    spread
        Mean and standard deviation of the significance away from the target: 0 and 1 if all is well.
    """

    counts: Any
    excess: Any | None
    significance: Any | None
    spread: tuple[float, float] | None


def geometry(target: SkyCoord, parameters: Parameters) -> WcsGeom:
    """Make the geometry of the maps, with energies."""
    decades = np.log10(parameters.energy_max / parameters.energy_min)
    energies = MapAxis.from_energy_bounds(
        parameters.energy_min,
        parameters.energy_max,
        max(1, round(BINS_PER_DECADE * decades)),
        unit="TeV",
    )
    return WcsGeom.create(
        skydir=target,
        width=parameters.width * u.deg,
        binsz=parameters.binsz * u.deg,
        frame="icrs",
        proj="TAN",
        axes=[energies],
    )


def background_mask(geom: WcsGeom, target: SkyCoord, parameters: Parameters) -> Any:
    """Make the mask of what is background: all but a circle around the target."""
    circle = CircleSkyRegion(target, parameters.exclusion_radius * u.deg)
    return geom.to_image().region_mask([circle], inside=False)


def counts_map(runs: list[Run], target: SkyCoord, parameters: Parameters) -> Any:
    """Count the events of all runs; the answer has no energies."""
    geom = geometry(target, parameters)
    total = Map.from_geom(geom)
    for run in runs:
        total += _one_counts(geom, run, parameters)
    return total.sum_over_axes(keepdims=False)


def _one_counts(geom: WcsGeom, run: Run, parameters: Parameters) -> Any:
    counts = MapDatasetMaker.make_counts(geom, run.observation)
    counts.data *= _field(geom, run, parameters).data
    return counts


def _field(geom: WcsGeom, run: Run, parameters: Parameters) -> Any:
    near = geom.separation(run.pointing).deg <= parameters.max_offset
    return Map.from_geom(geom, data=np.broadcast_to(near, geom.data_shape).copy())


def excess_maps(
    runs: list[Run], target: SkyCoord, parameters: Parameters, report: Report
) -> tuple[Any, Any, tuple[float, float]]:
    """Make maps of excess and significance.

    Returns
    -------
    tuple
        Both maps, and mean and standard deviation of the significance away from the target.

    Raises
    ------
    NotPossibleError
        No run has a model of the background that can be scaled.
    """
    geom = geometry(target, parameters)
    mask = background_mask(geom, target, parameters)
    stacked = _stack(geom, mask, runs, parameters, report)
    radius = parameters.on_radius * u.deg
    image = stacked.to_image()
    if parameters.background == "ring":
        maker = RingBackgroundMaker(
            r_in=parameters.ring_radius * u.deg, width=parameters.ring_width * u.deg, exclusion_mask=mask
        )
        image = maker.run(image)
    estimator = ExcessMapEstimator(correlation_radius=radius, selection_optional=[], correlate_off=False)
    found = estimator.run(image)
    excess = found["npred_excess"].sum_over_axes(keepdims=False)
    significance = found["sqrt_ts"].sum_over_axes(keepdims=False)
    seen = stacked.mask_safe.reduce_over_axes(np.logical_or, keepdims=False).data
    for made in (excess, significance):
        made.data = np.where(seen, made.data, np.nan)
    away = significance.data[mask.data & np.isfinite(significance.data)]
    if not len(away):
        raise NotPossibleError("No place on the map has a background; a wider map or a smaller ring may help")
    return excess, significance, (float(away.mean()), float(away.std()))


def _stack(
    geom: WcsGeom, mask: Any, runs: list[Run], parameters: Parameters, report: Report
) -> MapDataset | MapDatasetOnOff:
    """Add up counts and scaled background of all runs that have a model of it."""
    stacked = MapDataset(
        counts=Map.from_geom(geom),
        background=Map.from_geom(geom),
        mask_safe=Map.from_geom(geom, dtype=bool),
        name="stacked",
    )
    used = 0
    for run in runs:
        if "bkg" not in run.responses:
            report.note(f"{run.did} has no model of the background and is missing in the maps of the excess")
            continue
        dataset = _with_background(geom, mask, run, parameters)
        if dataset is None:
            report.note(
                f"{run.did} has fewer than {MIN_BACKGROUND} events outside the excluded circle and is "
                "missing in the maps of the excess"
            )
            continue
        stacked.stack(dataset)
        used += 1
    if not used:
        raise NotPossibleError("No run has a model of the background and enough events to scale it")
    return stacked


def _with_background(geom: WcsGeom, mask: Any, run: Run, parameters: Parameters) -> MapDataset | None:
    counts = _one_counts(geom, run, parameters)
    field = _field(geom, run, parameters)
    outside = float((counts.data * mask.data * field.data).sum())
    if outside < MIN_BACKGROUND:
        return None
    background = MapDatasetMaker(selection=["background"]).make_background(geom, run.observation)
    dataset = MapDataset(
        counts=counts, background=background, mask_safe=field, gti=run.observation.gti, name=f"run-{run.did}"
    )
    # The ring has its own scale, so this only weights the runs there.
    return FoVBackgroundMaker(method="scale", exclusion_mask=mask).run(dataset)
