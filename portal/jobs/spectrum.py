"""The spectrum at the target: a power law, flux points, and the light curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from astropy.time import Time
from gammapy.datasets import Datasets, SpectrumDataset
from gammapy.estimators import FluxPointsEstimator, LightCurveEstimator
from gammapy.makers import ReflectedRegionsBackgroundMaker, SafeMaskMaker, SpectrumDatasetMaker
from gammapy.maps import MapAxis, RegionGeom, WcsGeom
from gammapy.modeling import Fit
from gammapy.modeling.models import PowerLawSpectralModel, SkyModel
from regions import CircleSkyRegion

from portal.jobs.bundle import Run
from portal.jobs.errors import NotPossibleError
from portal.jobs.maps import background_mask
from portal.jobs.parameters import Parameters
from portal.jobs.report import Report

RECO_PER_DECADE, TRUE_PER_DECADE, POINTS_PER_DECADE = 12, 20, 4
SAFE_AREA_PERCENT = 10
"""Energies count from where the effective area reaches this part of its largest value."""
MIN_ON, MIN_SIGNIFICANCE = 10, 3.0
"""Less than this is not fitted."""
USUAL_INDEX = 2.5
"""Of the light curve's spectrum if none could be fitted."""


@dataclass(frozen=True)
class Fitted:
    """A power law that fits.

    Attributes
    ----------
    model
        The spectral model, with its errors.
    described
        The numbers, for the summary.
    """

    model: Any
    described: dict[str, Any]


def _axis(low: float, high: float, per_decade: int, name: str) -> MapAxis:
    number = max(2, round(per_decade * np.log10(high / low)))
    return MapAxis.from_energy_bounds(low, high, number, unit="TeV", name=name)


def spectrum_datasets(
    runs: list[Run], target: SkyCoord, parameters: Parameters, report: Report
) -> dict[str, Any]:
    """Reduce each run to counts on and off by energy, with exposure and energy dispersion.

    Returns
    -------
    dict
        Datasets by the identifier of the run.

    Raises
    ------
    NotPossibleError
        There are none.
    """
    reco = _axis(parameters.energy_min, parameters.energy_max, RECO_PER_DECADE, "energy")
    true = _axis(parameters.energy_min / 5, parameters.energy_max * 3, TRUE_PER_DECADE, "energy_true")
    region = CircleSkyRegion(target, parameters.on_radius * u.deg)
    empty = SpectrumDataset.create(geom=RegionGeom.create(region, axes=[reco]), energy_axis_true=true)
    mask = _exclusion(target, parameters)
    found = {}
    for run in runs:
        reason = _unfit(run)
        dataset = None if reason else _reduced(empty, mask, run)
        if dataset is not None and dataset.counts_off is None:
            reason = "has no off regions: it points too near to the target"
        elif dataset is not None and not dataset.mask_safe.data.any():
            reason = "is not sensitive in these energies"
        if reason:
            report.note(f"{run.did} {reason}; it is missing in the spectrum and the light curve")
        else:
            found[run.did] = dataset
    if not found:
        raise NotPossibleError("No run can be used: see the notes")
    return found


def _exclusion(target: SkyCoord, parameters: Parameters) -> Any:
    """Make the mask of what is background; it reaches as far as off regions can be."""
    if parameters.exclusion_radius <= parameters.on_radius:
        return None
    width = 4 * parameters.max_offset + 2 * parameters.on_radius
    geom = WcsGeom.create(skydir=target, width=width * u.deg, binsz=0.02 * u.deg, frame="icrs", proj="TAN")
    return background_mask(geom, target, parameters)


def _unfit(run: Run) -> str | None:
    missing = [kind for kind in ("aeff", "edisp") if kind not in run.responses]
    return f"has no {' and no '.join(missing)}" if missing else None


def _reduced(empty: SpectrumDataset, mask: Any, run: Run) -> Any:
    # Responses of one cut on the direction have the share of the source in the on region in them already.
    correct = not run.point_like and "psf" in run.responses
    maker = SpectrumDatasetMaker(selection=["counts", "exposure", "edisp"], containment_correction=correct)
    dataset = maker.run(empty.copy(name=run.did), run.observation)
    dataset = ReflectedRegionsBackgroundMaker(exclusion_mask=mask).run(dataset, run.observation)
    if dataset.counts_off is None:
        return dataset
    return SafeMaskMaker(methods=["aeff-max"], aeff_percent=SAFE_AREA_PERCENT).run(dataset, run.observation)


def fit(datasets: dict[str, Any]) -> tuple[Fitted, Any]:
    """Fit a power law to all runs together.

    Returns
    -------
    tuple
        The result, and the stacked dataset with the model.

    Raises
    ------
    NotPossibleError
        There are too few events for it, or it does not converge.
    """
    stacked = Datasets(list(datasets.values())).stack_reduce(name="stacked")
    info = stacked.info_dict(in_safe_data_range=True)
    on, significance = int(info["counts"]), float(info["sqrt_ts"])
    if on < MIN_ON or not significance >= MIN_SIGNIFICANCE:
        raise NotPossibleError(
            f"{on} events in the on region with a significance of {significance:.1f} are too few; "
            f"{MIN_ON} and {MIN_SIGNIFICANCE:g} are needed"
        )
    spectral = PowerLawSpectralModel(index=2.5, amplitude="1e-12 cm-2 s-1 TeV-1", reference="1 TeV")
    stacked.models = [SkyModel(spectral_model=spectral, name="target")]
    result = Fit().run([stacked])
    index, amplitude = spectral.index, spectral.amplitude
    errors = (index.error, amplitude.error)
    if not result.success or not all(np.isfinite(error) and error > 0 for error in errors):
        raise NotPossibleError(f"The fit of the power law does not converge: {result.message}".strip())
    low, high = safe_range(stacked)
    described = {
        "model": "power law: amplitude * (energy / reference) ** -index",
        "index": index.value,
        "index_error": index.error,
        "amplitude": amplitude.quantity.to_value("cm-2 s-1 TeV-1"),
        "amplitude_error": (amplitude.error * amplitude.unit).to_value("cm-2 s-1 TeV-1"),
        "amplitude_unit": "cm-2 s-1 TeV-1",
        "reference_tev": spectral.reference.quantity.to_value("TeV"),
        "energy_min_tev": low,
        "energy_max_tev": high,
        "stat": float(result.total_stat),
        "counts_on": on,
        "runs": len(datasets),
    }
    return Fitted(spectral, described), stacked


def safe_range(dataset: Any) -> tuple[float, float]:
    """Give the energies in TeV between which a dataset is used."""
    axis = dataset.counts.geom.axes["energy"]
    used = np.flatnonzero(dataset.mask_safe.data.reshape(-1))
    edges = axis.edges.to_value("TeV")
    return float(edges[used[0]]), float(edges[used[-1] + 1])


def flux_points(stacked: Any) -> Any:
    """Estimate the flux in intervals of energy."""
    edges = stacked.counts.geom.axes["energy"].edges.to_value("TeV")
    low, high = safe_range(stacked)
    used = edges[(edges >= low * 0.999) & (edges <= high * 1.001)]
    step = RECO_PER_DECADE // POINTS_PER_DECADE
    coarse = used[::step]
    if len(coarse) < 2:
        raise NotPossibleError("The energies are too few for flux points")
    estimator = FluxPointsEstimator(energy_edges=coarse * u.TeV, source="target", selection_optional=["ul"])
    return estimator.run([stacked])


def light_curve(datasets: dict[str, Any], fitted: Fitted | None, parameters: Parameters) -> Any:
    """Estimate the flux in steps of time, above the highest threshold of all runs.

    The spectrum is the fitted one, or has the usual index if there is none.
    """
    ranges = [safe_range(dataset) for dataset in datasets.values()]
    low, high = max(pair[0] for pair in ranges), min(pair[1] for pair in ranges)
    if low >= high:
        raise NotPossibleError("The runs have no energies in common")
    if fitted is None:
        spectral = PowerLawSpectralModel(
            index=USUAL_INDEX, amplitude="1e-12 cm-2 s-1 TeV-1", reference="1 TeV"
        )
    else:
        spectral = fitted.model.copy()
    spectral.index.frozen = True
    used = Datasets([dataset.copy(name=name) for name, dataset in datasets.items()])
    used.models = [SkyModel(spectral_model=spectral, name="target")]
    estimator = LightCurveEstimator(
        energy_edges=[low, high] * u.TeV,
        source="target",
        selection_optional=["ul"],
        time_intervals=_nights(used) if parameters.light_curve == "night" else None,
    )
    return estimator.run(used)


def _nights(datasets: Datasets) -> list[Time]:
    """Make intervals of a day that end where no run of these is: half-way between the nearest ones."""
    starts = sorted(dataset.gti.time_start[0].tt.mjd for dataset in datasets)
    stops = sorted(dataset.gti.time_stop[-1].tt.mjd for dataset in datasets)
    groups: list[list[float]] = []
    for start, stop in zip(starts, stops, strict=True):
        if groups and start - groups[-1][1] < 0.4 and stop - groups[-1][0] < 0.8:
            groups[-1][1] = max(stop, groups[-1][1])
        else:
            groups.append([start, stop])
    margin = 1 / 86400
    return [Time([a - margin, b + margin], format="mjd", scale="tt") for a, b in groups]


def light_curve_table(found: Any) -> Table:
    """Make the light curve a plain table: a row for each step, times in MJD (TT)."""
    table = found.to_table(sed_type="flux", format="lightcurve")
    plain = Table(meta={"TIMESYS": "TT", "TIMEUNIT": "d"})
    for name in table.colnames:
        column = table[name]
        if column.ndim > 1:
            column = column[:, 0]
        plain[name] = column
    return plain
