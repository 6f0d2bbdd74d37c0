"""What runs are worth at a target, without a full analysis: live time, counts, exposure, significance."""

from __future__ import annotations

import math
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table

from portal.jobs.bundle import Run
from portal.jobs.counting import Counts, count, selected, total
from portal.jobs.parameters import Parameters

WANTED = 5.0
"""Significance of a detection."""


def assess(runs: list[Run], target: SkyCoord, parameters: Parameters) -> tuple[Table, list[Counts]]:
    """Assess each run.

    Returns
    -------
    tuple
        A table with a row for each run, and the counts at the target.
    """
    energy = reference_energy(parameters)
    rows, counts = [], []
    for run in runs:
        found = count(run, target, parameters)
        counts.append(found)
        radec, _ = selected(run, parameters)
        offset = run.pointing.separation(target)
        rows.append(
            {
                "obs_publisher_did": run.did,
                "obs_id": run.obs_id,
                "t_min": run.start,
                "livetime": run.livetime,
                "offset": offset.deg,
                "counts": len(radec),
                "on": found.on,
                "off": found.off,
                "alpha": found.alpha,
                "excess": found.excess,
                "significance": found.significance,
                "exposure": exposure(run, offset, energy),
            }
        )
    table = Table(rows=rows)
    units = {"t_min": "d", "livetime": "s", "offset": "deg", "exposure": "m2 s"}
    for name, unit in units.items():
        table[name].unit = unit
    table["exposure"].description = f"Effective area times live time at the target at {energy:g} TeV"
    table["t_min"].description = "Begin of the first good time, MJD in TT"
    return table, counts


def reference_energy(parameters: Parameters) -> float:
    """Choose the energy in TeV for which exposures are given: 1 TeV if it is among those used."""
    low, high = parameters.energy_min, parameters.energy_max
    return 1.0 if low <= 1 <= high else float(np.sqrt(low * high))


def exposure(run: Run, offset: Any, energy_tev: float) -> float:
    """Give effective area times live time in m2 s; NaN without an effective area."""
    if "aeff" not in run.responses:
        return math.nan
    area = run.observation.aeff.evaluate(energy_true=energy_tev * u.TeV, offset=offset)
    return float(area.to_value("m2").squeeze()) * run.livetime


def livetime(runs: list[Run]) -> float:
    """Add up live times in seconds; types of events of one run count once."""
    return float(sum({run.name: run.livetime for run in runs}.values()))


def judged(table: Table, counts: list[Counts], seconds: float) -> dict[str, Any]:
    """Sum up: what the runs give together, and how much time a detection would take.

    Parameters
    ----------
    table, counts
        As made by `assess`.
    seconds
        Live time of all runs.
    """
    found = total(counts)
    significance, needed = found.significance, None
    if not math.isfinite(significance):
        words = "There are no off regions, so nothing can be said of a source."
    elif significance >= WANTED:
        words = f"A source at the target is detected with {significance:.1f} sigma."
    elif significance > 0:
        needed = seconds * (WANTED / significance) ** 2
        words = (
            f"The runs together give {significance:.1f} sigma; if that is a source, {WANTED:g} sigma take "
            f"{needed / 3600:.1f} h instead of {seconds / 3600:.1f} h."
        )
    else:
        words = "There is no excess at the target."
    return {
        "words": words,
        # Of what is detected, and of what no time would detect, this would be read as a time nobody knows.
        **({} if needed is None else {"livetime_for_detection_s": needed}),
        "exposure_m2_s": float(np.nansum(table["exposure"])),
        "runs_with_off_regions": sum(math.isfinite(part.alpha) for part in counts),
    }
