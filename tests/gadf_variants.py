"""GADF runs as facilities really write them, drawn by hypothesis, each with its truth.

``variants()`` draws a `Variant`: one run in one file in some spelling of GADF. ``Variant.write`` writes
it, ``Variant.truth`` says what a reader must find in it, computed from what was drawn.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from tests.gadf_writing import (
    ENERGY_UNITS,
    GTI_STYLES,
    LENGTH,
    LIST_LABELS,
    ODD_SCALES,
    PSF_FORMS,
    RESPONSES,
    SCALES,
    UNITS,
    Writing,
)


@dataclass(frozen=True)
class ListTruth:
    """What is true of one event list; times are MJD in TT, energies in TeV, angles in degrees."""

    label: str | None
    n_events: int
    energy: tuple[float, float] | None
    safe: tuple[float, float] | None
    intervals: tuple[tuple[float, float], ...]
    fov: float | None


@dataclass(frozen=True)
class Truth:
    """What is true of a run; ``deviations`` has the keyword or, without one, the phrase of each."""

    obs_id: str
    lists: tuple[ListTruth, ...]
    t_min: float
    t_max: float
    pointing: tuple[float, float] | None
    target: tuple[str | None, float | None, float | None]
    box: bool
    altitude: float
    date_obs: str | None
    forms: tuple[str, ...]
    enclosure: str | None
    psf_radius: float | None
    edisp_width: float | None
    deviations: frozenset[str]


@dataclass(frozen=True)
class Variant(Writing):
    """One run, how it is written, and what is true of it."""

    @functools.cached_property
    def truth(self) -> Truth:
        """What a reader must find."""
        present = [kind for kind in RESPONSES if kind in self.responses]
        form = {"aeff": "aeff_2d", "edisp": "edisp_2d", "psf": self.psf_form, "bkg": self.bkg_form.lower()}
        from_gti = self.limits != "header" and not self.gti.startswith("none")
        spans = [span for span in self.spans if np.all(np.isfinite(span)) and span[1] >= span[0]]
        t_min, t_max = 0.0, LENGTH
        if self.limits == "missing":
            t_min = min(span[0] for span in spans) if from_gti else 10.0
        if self.limits != "header":
            last = 10.0 + 5.0 * (len(self.energies) + len(self.bad_energies) - 1)
            t_max = max(span[1] for span in spans) if from_gti else last
        return Truth(
            obs_id="4711" if self.obs_id == 4711.0 else str(self.obs_id).strip(),
            lists=tuple(self.list_truth(number) for number in range(self.n_lists)),
            t_min=self.mjd(t_min),
            t_max=self.mjd(t_max),
            pointing=(83.633333, 22.514444) if self.pointing == "header" else None,
            target={"known": ("Crab", 83.6, 22.0), "missing": (None, None, None)}.get(
                self.target, ("Crab", None, None) if self.pointing == "header" else ("Crab", 0.0, 0.0)
            ),
            box=self.pointing != "header" and self.without not in ("RA", "DEC"),
            altitude=1800.0,
            date_obs=None if self.dates == "blank" else "2004-03-03",
            forms=tuple(form.get(kind, "rad_max_2d") for kind in present),
            enclosure={"FULL-ENCLOSURE": "full-enclosure", "POINT-LIKE": "point-like"}.get(
                self.enclosure or ""
            ),
            psf_radius=self.psf_radius if "psf" in self.responses else None,
            edisp_width=0.15 if "edisp" in self.responses else None,
            deviations=frozenset(self.deviations()),
        )

    def list_truth(self, number: int) -> ListTruth:
        energies = self.energies if number == 0 else (2.0,)
        label = str(LIST_LABELS[self.list_label][number]) if self.list_label else None
        if self.without == "ENERGY":
            energies = ()
        has_area = "aeff" in self.responses
        reach = 1 if self.own_responses and number else 2
        return ListTruth(
            label=label,
            n_events=len(self.energies) + len(self.bad_energies) if number == 0 else 1,
            energy=(min(energies), max(energies)) if energies else None,
            safe=(0.4, 80.0) if has_area and self.thresholds in ("good", "text") else None,
            intervals=tuple((self.mjd(start), self.mjd(stop)) for start, stop in self.good_spans),
            fov=2.0 * reach if has_area else None,
        )

    @property
    def psf_radius(self) -> float:
        """68 % radius, by integration of the formulas in GADF on a fine grid, or in closed form."""
        gauss = self.psf_size * np.sqrt(-2.0 * np.log(0.32))
        if self.psf_form in ("psf_table", "psf_gtpsf"):
            return float(gauss)
        size = self.psf_size
        if self.psf_form == "psf_king":
            power = 0.32 ** (1.0 / (1.0 - self.king_slope))
            return float(size * np.sqrt(2.0 * self.king_slope * (power - 1.0)))
        radius = np.linspace(0.0, 30.0 * size, 30001)
        density = sum(
            a * np.exp(-0.5 * (radius / s) ** 2) for a, s in ((1, size), (0.2, 2 * size), (0.05, 3 * size))
        )
        content = np.cumsum(density * radius)
        return float(np.interp(0.68, content / content[-1], radius))

    def deviations(self) -> set[str]:
        """Collect everything that is not as GADF has it."""
        odd = {
            "HDUCLAS1": self.known_by != "classes",
            "HDUCLAS4": self.known_by == "classes" and self.short_classes_show,
            "TIMESYS": self.scale in ODD_SCALES,
            "MJDREF": self.reference == "single",
            "MJDREFF": self.reference == "no fraction",
            "TIMEZERO": self.zero != 0.0,
            "TSTART": self.limits == "missing",
            "TSTOP": self.limits != "header",
            "START": self.gti == "outside" and self.limits != "missing",
            "sorted and merged": self.gti in ("unsorted", "overlapping"),
            "not finite or ending before they start, left out": self.gti == "bad row",
            "no good time intervals": self.gti == "none",
            "no good time intervals, TSTART to TSTOP taken": self.gti == "none, whole",
            "ENERGY": self.without == "ENERGY" or bool(self.bad_energies) or self.energy_unit is None,
            "RA": self.without == "RA",
            "DEC": self.without == "DEC",
            "RA_PNT": self.pointing == "missing",
            "RA_OBJ": self.target == "placeholder" and self.pointing == "header",
            "ALTITUDE": self.kilometres,
            "DATE_OBS": self.dates == "both",
            "HDUCLAS3": self.enclosure == "HALF" and bool(self.responses),
            "LO_THRES": "aeff" in self.responses and self.thresholds in ("negative", "one"),
            "no effective area": "aeff" not in self.responses,
            "no energy dispersion": "edisp" not in self.responses,
            "no background": "bkg" not in self.responses,
        }
        point_like = self.enclosure == "POINT-LIKE" and bool(self.responses)
        has_cut = "rad_max" in self.responses or (self.cut_keyword and "aeff" in self.responses)
        odd["no point spread function"] = "psf" not in self.responses and not point_like
        odd["no directional cut (RAD_MAX) of the point-like responses"] = point_like and not has_cut
        return {name for name, is_odd in odd.items() if is_odd}

    @property
    def short_classes_show(self) -> bool:
        """Whether a shortened HDUCLAS4 is another word than GADF's: GTPSF is not shortened."""
        return (
            self.short_classes
            and bool(self.responses - {"psf"} or self.psf_form != "psf_gtpsf")
            and bool(self.responses)
        )


@st.composite
def variants(draw: st.DrawFn) -> Variant:
    """Draw a run; what cannot be together in a file is not drawn together."""
    energy_format = draw(st.sampled_from(["E", "D", "J", "scaled"]))
    whole = st.integers(1, 100).map(float)
    energies = tuple(
        draw(st.lists(whole if energy_format in ("J", "scaled") else st.floats(0.01, 300.0), max_size=6))
    )
    unit = draw(st.sampled_from(sorted(ENERGY_UNITS, key=str)))
    if energy_format in ("J", "scaled") and unit == "erg":
        unit = "TeV"
    list_label = draw(st.sampled_from([None, None, None, *LIST_LABELS]))
    known_by = draw(st.sampled_from(["classes", "classes", "names", "numbered", "columns"]))
    if list_label:
        known_by = "classes" if known_by == "columns" or list_label == "EXTNAME" else known_by
    without = draw(st.sampled_from([None] * 6 + ["ENERGY", "RA", "DEC", "TIME"]))
    if known_by == "columns":
        without = None
    gti = draw(st.sampled_from(GTI_STYLES))
    limits = draw(st.sampled_from(["header", "header", "header", "missing", "text"]))
    if gti == "none, whole" or (gti == "none" and (not energies or without == "TIME" or list_label)):
        limits = "header"
    bad = (
        ()
        if energy_format == "J"
        else tuple(draw(st.lists(st.sampled_from([np.nan, -1.0, 0.0]), max_size=2)))
    )
    if without == "ENERGY":
        bad = ()
    return Variant(
        name=draw(st.sampled_from(["run.fits", "run.fits.gz", "run.fit", "RUN.FITS", "run.FITS.GZ"])),
        obs_id=draw(st.sampled_from([4711, 4711.0, "4711", " 4711 ", "LST 1/05"])),
        known_by=known_by,
        short_classes=draw(st.booleans()),
        scale=draw(st.sampled_from(sorted(SCALES, key=str))),
        reference=draw(st.sampled_from(["GADF", "text", "float", "single", "no fraction"])),
        unit=draw(st.sampled_from(sorted(UNITS, key=str))),
        zero=draw(st.sampled_from([0.0, 0.0, 0.5, -100.0])),
        start=float(draw(st.integers(50_000_000, 600_000_000))),
        limits=limits,
        gti=gti,
        gti_unit=draw(st.booleans()),
        energies=energies,
        bad_energies=bad,
        energy_unit=unit,
        energy_unit_in=draw(st.sampled_from(["column", "column", "header"])),
        energy_format=energy_format,
        lower_case=draw(st.booleans()),
        without=without,
        pointing=draw(st.sampled_from(["header", "header", "missing", "drift"])),
        target=draw(st.sampled_from(["known", "missing", "placeholder"])),
        kilometres=draw(st.booleans()),
        dates=draw(st.sampled_from(["GADF", "alias", "both", "blank"])),
        list_label=list_label,
        own_responses=draw(st.booleans()),
        responses=frozenset(draw(st.sets(st.sampled_from(RESPONSES)) | st.just(set(RESPONSES)))),
        psf_form=draw(st.sampled_from(PSF_FORMS)),
        psf_size=draw(st.floats(0.02, 0.1)),
        king_slope=draw(st.floats(1.3, 5.0)),
        bkg_form=draw(st.sampled_from(["BKG_2D", "BKG_3D"])),
        enclosure=draw(st.sampled_from([None, "FULL-ENCLOSURE", "POINT-LIKE", "HALF"])),
        cut_keyword=draw(st.booleans()),
        axis_unit=draw(st.sampled_from(sorted(ENERGY_UNITS, key=str))),
        dimensions=draw(st.booleans()),
        thresholds=draw(st.sampled_from(["good", "none", "negative", "one", "text"])),
    )
