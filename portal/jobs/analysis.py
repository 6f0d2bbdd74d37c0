"""The analysis of a job, from a bundle to its results."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table

from portal.jobs import counting, maps, plots, relevance, spectrum
from portal.jobs.bundle import Bundle, LeftOut, Run, choose, read_bundle, unpack
from portal.jobs.errors import BundleError, JobError, NotPossibleError, ParameterError
from portal.jobs.limits import Clock, Limits
from portal.jobs.outputs import Outputs
from portal.jobs.parameters import Parameters, check_limits
from portal.jobs.provenance import NAME, versions, write_provenance
from portal.jobs.report import LOG, Report

CREATOR = "cherenkov-vo preview job 1.0"
SUMMARY = "summary.json"
THETA_SQUARED_EDGES = np.linspace(0, 0.2, 41)


class Job:
    """One analysis: its input, its limits, and what has been made so far.

    Attributes
    ----------
    summary
        The numbers, as they come.
    """

    def __init__(self, name: str, parameters: Parameters, limits: Limits, directory: Path) -> None:
        self.name = name
        self.parameters = parameters
        self.limits = limits
        self.outputs = Outputs(directory, CREATOR)
        self.clock = Clock(limits.seconds)
        self.report = Report(directory, self.clock)
        self.started = datetime.now(UTC)
        self.summary: dict[str, Any] = {}
        self.runs: list[Run] = []
        self.left_out: list[LeftOut] = []

    def run(self, source: Path, scratch: Path) -> None:
        """Do all steps and write all results.

        Parameters
        ----------
        source
            The bundle: a directory, or a tar archive.
        scratch
            An empty directory to unpack it into.

        Raises
        ------
        JobError
            Nothing can be done at all. What is known then stands in the summary nevertheless.
        """
        try:
            self._all(source, scratch)
        except JobError as error:
            self._fail(str(error))
            raise
        except MemoryError as error:
            self._fail("There was not enough memory to read the bundle")
            raise BundleError(self.summary["error"]) from error
        finally:
            self._close()

    def _fail(self, words: str) -> None:
        self.report.say(f"The job cannot go on. {words}")
        self.summary["error"] = words

    def _all(self, source: Path, scratch: Path) -> None:
        check_limits(self.parameters, self.limits.pixels)
        with self.clock.watching():
            target, bundle = self._read(source, scratch)
        self.outputs.simulated = bundle.simulated
        if bundle.simulated:
            self.report.note("The data are simulated: no telescope took them")
        chosen, left_out = choose(bundle, target, self.parameters, self.limits.runs)
        self.runs, self.left_out = chosen, [*bundle.left_out, *left_out]
        for left in self.left_out:
            self.report.say(f"Left out: {left.did}. {left.reason}")
        if not chosen:
            raise BundleError(_nothing(self.left_out))
        self.summary["livetime_s"] = relevance.livetime(chosen)
        self._assess(target)
        if self.parameters.mode == "preview":
            self._maps(target)
            self._theta_squared(target)
            self._spectrum(target)

    def _read(self, source: Path, scratch: Path) -> tuple[SkyCoord, Bundle]:
        self.report.progress(0.02, "Reading the bundle")
        directory = source if source.is_dir() else unpack(source, scratch)
        bundle = read_bundle(directory)
        self.report.say(f"{len(bundle.runs)} event lists can be used, {len(bundle.left_out)} cannot")
        name, target = bundle.objects[0] if bundle.objects else (None, None)
        if self.parameters.ra is not None:
            target = SkyCoord(self.parameters.ra, self.parameters.dec, unit="deg", frame="icrs")
            near = [
                known
                for known, place in bundle.objects
                if place.separation(target).deg <= self.parameters.on_radius
            ]
            name = near[0] if near else None
        if target is None:
            self.left_out = list(bundle.left_out)
            if not bundle.runs:
                raise BundleError(_nothing(bundle.left_out))
            raise ParameterError("ra and dec are missing, and the runs name no object")
        self.summary["target"] = {"name": name, "ra": target.ra.deg, "dec": target.dec.deg}
        return target, bundle

    def _label(self, what: str) -> str:
        name = self.summary["target"]["name"]
        return f"{what} of {name}" if name else what

    def _assess(self, target: SkyCoord) -> None:
        with self.report.step("relevance", "Counting events at the target", 0.15):
            table, counts = relevance.assess(self.runs, target, self.parameters)
            grown = [counting.total(counts[: number + 1]).significance for number in range(len(counts))]
            table["cumulative_significance"] = grown
            found = counting.total(counts)
            self.summary["counts"] = found.described()
            judged = relevance.judged(table, counts, self.summary["livetime_s"])
            self.summary["relevance"] = judged
            self.report.say(judged["words"])
            self.outputs.table("relevance.ecsv", "Each run at the target", table)
            if not np.isfinite(found.alpha):
                raise NotPossibleError(
                    "No run has off regions: they point too near to the target for the on region and "
                    "what is excluded"
                )
            label = self._label("Significance over live time")
            plots.relevance(self.outputs, label, table, self.parameters)

    def _maps(self, target: SkyCoord) -> None:
        with self.report.step("counts map", "Making the map of counts", 0.25):
            counts = maps.counts_map(self.runs, target, self.parameters)
            self._map("counts", "Counts", counts, target, "count")
        with self.report.step("excess maps", "Making the maps of excess and significance", 0.35):
            excess, significance, spread = maps.excess_maps(self.runs, target, self.parameters, self.report)
            self.summary["significance_away_from_target"] = {"mean": spread[0], "std": spread[1]}
            peak = float(significance.get_by_coord(target)[0])
            if not np.isfinite(peak):
                self.report.note(
                    "The map has no background for the target itself; a wider map or a smaller ring has"
                )
            self.summary["significance_in_map"] = peak
            self._map("excess", "Excess", excess, target, "count")
            self._map("significance", "Significance", significance, target, "")

    def _map(self, kind: str, what: str, made: Any, target: SkyCoord, unit: str) -> None:
        label = self._label(what)
        self.outputs.image(
            f"{kind}-map.fits", f"{label}, map", made.data, made.geom.to_image().wcs.to_header(), unit
        )
        plots.sky_map(self.outputs, (kind, label), made, target, self.parameters.on_radius)

    def _theta_squared(self, target: SkyCoord) -> None:
        with self.report.step("theta squared", "Counting events by their distance from the target", 0.5):
            edges = THETA_SQUARED_EDGES
            on, off, without = counting.theta_squared(self.runs, target, self.parameters, edges)
            for run in without:
                self.report.note(
                    f"{run.did} points too near to the target to have a mirrored position; it is missing in "
                    "the plot of squared distances"
                )
            if len(without) == len(self.runs):
                raise NotPossibleError("No run has a mirrored position: all point too near to the target")
            label = self._label("Squared distances")
            table = Table({"theta2_min": edges[:-1], "theta2_max": edges[1:], "on": on, "off": off})
            for name in ("theta2_min", "theta2_max"):
                table[name].unit = "deg2"
            self.outputs.table("theta-squared.ecsv", label, table)
            plots.theta_squared(self.outputs, label, table, self.parameters.on_radius)

    def _spectrum(self, target: SkyCoord) -> None:
        datasets: dict[str, Any] = {}
        fitted, stacked = None, None
        with self.report.step("reduction", "Reducing runs for the spectrum", 0.55):
            datasets = spectrum.spectrum_datasets(self.runs, target, self.parameters, self.report)
        if not datasets:
            self.report.say("Spectrum and light curve are left out: see above")
            return
        with self.report.step("fit", "Fitting a power law", 0.75):
            fitted, stacked = spectrum.fit(datasets)
            self.summary["spectrum"] = fitted.described
            self.report.say(
                "Index {index:.2f} +- {index_error:.2f}, amplitude at {reference_tev:g} TeV "
                "{amplitude:.2e} +- {amplitude_error:.1e} {amplitude_unit}".format(**fitted.described)
            )
        if fitted is not None:
            with self.report.step("flux points", "Estimating flux points", 0.8):
                table = spectrum.flux_points(stacked).to_table(sed_type="dnde")
                self.outputs.table("flux-points.ecsv", self._label("Flux points"), table)
                plots.spectrum(self.outputs, self._label("Spectrum"), table, fitted.described)
        with self.report.step("light curve", "Estimating the light curve", 0.88):
            self._light_curve(datasets, fitted)

    def _light_curve(self, datasets: dict[str, Any], fitted: spectrum.Fitted | None) -> None:
        if fitted is None:
            self.report.note(
                f"No spectrum could be fitted: the light curve takes an index of {spectrum.USUAL_INDEX}"
            )
        table = spectrum.light_curve_table(spectrum.light_curve(datasets, fitted, self.parameters))
        low, high = (float(table[name].quantity[0].to_value("TeV")) for name in ("e_min", "e_max"))
        self.summary["light_curve"] = {"points": len(table), "energy_min_tev": low, "energy_max_tev": high}
        label = self._label("Light curve")
        self.outputs.table("light-curve.ecsv", label, table)
        plots.light_curve(self.outputs, label, table, low, high)

    def _close(self) -> None:
        """Write summary, provenance and the list of results."""
        used = [run.did for run in self.runs]
        content = {
            "job": self.name,
            "simulated": self.outputs.simulated,
            **self.summary,
            "parameters": self.parameters.described(),
            "runs_used": used,
            "runs_left_out": [asdict(left) for left in self.left_out],
            "steps": self.report.steps,
            "notes": self.report.notes,
            "limits": asdict(self.limits),
            "software": {"creator": CREATOR, **versions()},
        }
        self.outputs.document(SUMMARY, "Summary", content)
        write_provenance(
            self.outputs.directory / NAME,
            job=self.name,
            creator=CREATOR,
            started=self.started,
            ended=datetime.now(UTC),
            parameters=self.parameters,
            used=used,
            outputs=self.outputs.files,
            simulated=self.outputs.simulated,
        )
        self.outputs.add(NAME, "Provenance")
        self.report.progress(1.0, "Failed" if "error" in self.summary else "Done")
        self.report.close()
        self.outputs.add(LOG, "Log")
        self.outputs.close()


def _nothing(left_out: list[LeftOut] | tuple[LeftOut, ...]) -> str:
    if not left_out:
        return "There are no event lists in the bundle"
    first = left_out[0]
    return f"None of {len(left_out)} data sets can be used; the first, {first.did}: {first.reason}"
