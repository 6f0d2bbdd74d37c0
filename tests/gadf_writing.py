"""One GADF run in any of the spellings that facilities use; `tests.gadf_variants` draws them."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.time import Time, TimeDelta

from tests import gadf_files

MJDREFI = 51910
LENGTH = 1680.0
"""TSTOP - TSTART in seconds."""
SITE = {"GEOLON": 16.5, "GEOLAT": -23.27}
SCALES = {
    "TT": "tt", "tt": "tt", " utc ": "utc", "TDT": "tt", "ET": "tt", "TAI": "tai", "IAT": "tai", "TDB": "tdb",
    "TCB": "tcb", "TCG": "tcg", "UT1": "ut1", "GPS": "tai", "LOCAL": "tt", "TT(TAI)": "tt", None: "tt",
}  # fmt: skip
ODD_SCALES = ("ET", "GPS", "LOCAL", None)
UNITS = {"s": 1.0, "sec": 1.0, "Seconds": 1.0, None: 1.0, "d": 86400.0, "day": 86400.0, "DAYS": 86400.0}
GTI_STYLES = (
    "one",
    "two",
    "none",
    "none, whole",
    "unsorted",
    "overlapping",
    "bad row",
    "outside",
    "other reference",
)
RESPONSES = ("aeff", "edisp", "psf", "bkg", "rad_max")
PSF_FORMS = ("psf_table", "psf_3gauss", "psf_king", "psf_gtpsf")
ENERGY_UNITS = {"TeV": 1.0, "GeV": 1e3, "MeV": 1e6, "TEV": 1.0, "erg": 1.602176634, None: 1.0}
LIST_LABELS = {
    "EVTYPE": ("MST", "LST"), "EV_CLASS": ("loose", "hard"), "EXTVER": (1, 2),
    "EXTNAME": ("EVENTS_1", "EVENTS_2"),
}  # fmt: skip


@dataclass(frozen=True)
class Writing:
    """How one run is written."""

    name: str
    obs_id: int | float | str
    known_by: str
    short_classes: bool
    scale: str | None
    reference: str
    unit: str | None
    zero: float
    start: float
    limits: str
    gti: str
    gti_unit: bool
    energies: tuple[float, ...]
    bad_energies: tuple[float, ...]
    energy_unit: str | None
    energy_unit_in: str
    energy_format: str
    lower_case: bool
    without: str | None
    pointing: str
    target: str
    kilometres: bool
    dates: str
    list_label: str | None
    own_responses: bool
    responses: frozenset[str]
    psf_form: str
    psf_size: float
    king_slope: float
    bkg_form: str
    enclosure: str | None
    cut_keyword: bool
    axis_unit: str | None
    dimensions: bool
    thresholds: str
    junk: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write the run; into a directory under its own name. Give the path of the file."""
        path = path / self.name if path.is_dir() else path
        memory = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), *self.hdus()]).writeto(memory)
        content = memory.getvalue()
        path.write_bytes(gzip.compress(content, 1, mtime=0) if self.name.lower().endswith(".gz") else content)
        return path

    # Times: seconds behind the start of the run, as they are written.

    def met(self, seconds: float) -> float:
        """Give mission elapsed time as the file has it."""
        return (self.start + seconds) / UNITS[self.unit] - self.zero

    def mjd(self, seconds: float) -> float:
        """Give MJD in TT."""
        fraction = 0.0 if self.reference == "no fraction" else 0.25
        extra = 19.0 if self.scale == "GPS" else 0.0
        zero = Time(MJDREFI, fraction, format="mjd", scale=SCALES[self.scale])
        return float((zero + TimeDelta(self.start + seconds + extra, format="sec")).tt.mjd)

    def time_cards(self) -> dict[str, Any]:
        cards: dict[str, Any] = {"MJDREFI": MJDREFI, "MJDREFF": 0.25}
        if self.reference == "text":
            cards = {"MJDREFI": f" {MJDREFI}.", "MJDREFF": "0.25"}
        elif self.reference == "float":
            cards["MJDREFI"] = float(MJDREFI)
        elif self.reference == "single":
            cards = {"MJDREFI": None, "MJDREFF": None, "MJDREF": MJDREFI + 0.25}
        elif self.reference == "no fraction":
            cards["MJDREFF"] = None
        cards |= {"TIMESYS": self.scale, "TIMEUNIT": self.unit}
        return cards | ({"TIMEZERO": self.zero} if self.zero else {})

    @property
    def spans(self) -> list[tuple[float, float]]:
        """Rows of the GTI table, seconds behind the start."""
        return {
            "two": [(0.0, 600.0), (700.0, LENGTH)],
            "unsorted": [(700.0, LENGTH), (0.0, 600.0)],
            "overlapping": [(0.0, 900.0), (100.0, 200.0), (300.0, 600.0), (1000.0, LENGTH)],
            "bad row": [(0.0, 600.0), (800.0, 700.0), (np.nan, 900.0), (1000.0, LENGTH)],
            "outside": [(-5.0, LENGTH)],
        }.get(self.gti, [(0.0, LENGTH)])

    @property
    def good_spans(self) -> list[tuple[float, float]]:
        """What a reader makes of them."""
        if self.gti == "none":
            return []
        return {
            "unsorted": [(0.0, 600.0), (700.0, LENGTH)],
            "overlapping": [(0.0, 900.0), (1000.0, LENGTH)],
            "bad row": [(0.0, 600.0), (1000.0, LENGTH)],
        }.get(self.gti, self.spans)

    # HDUs.

    @property
    def n_lists(self) -> int:
        return 2 if self.list_label else 1

    def hdus(self) -> list[fits.BinTableHDU]:
        """Make all tables."""
        found = []
        for number in range(self.n_lists):
            found.append(self.events(number))
            if number == 0 and not self.gti.startswith("none"):
                found.append(self.gti_table())
        for number in range(self.n_lists if self.own_responses else 1):
            for hdu in self.response_tables(number):
                found.append(hdu)
                if self.own_responses and self.n_lists == 2 and hdu.name != "THETA":
                    self.mark(hdu, number)
        counts: dict[str, int] = {}
        for hdu in found:
            if hdu.name == "THETA":
                continue
            base = hdu.name.split("_1")[0].split("_2")[0]
            counts[base] = counts.get(base, 0) + 1
            self.disguise(hdu, base, counts[base])
        return found

    def mark(self, hdu: fits.BinTableHDU, number: int) -> None:
        """Give a response the label of an event list."""
        if self.list_label == "EXTNAME":
            hdu.name = f"{hdu.name}_{number + 1}"
        else:
            hdu.header[self.list_label] = LIST_LABELS[self.list_label][number]

    def disguise(self, hdu: fits.BinTableHDU, base: str, number: int) -> None:
        """Take away what the HDU is not to be known by."""
        if self.short_classes and "HDUCLAS4" in hdu.header:
            hdu.header["HDUCLASS"] = "OGIP"
            hdu.header["HDUCLAS4"] = hdu.header["HDUCLAS4"].split("_")[-1]
        if self.known_by == "classes":
            return
        for keyword in ("HDUCLASS", "HDUCLAS1", "HDUCLAS2", "HDUCLAS4"):
            hdu.header.remove(keyword, ignore_missing=True)
        if self.known_by == "names" and self.n_lists != 2:
            hdu.name = {"AEFF": "Effective Area", "EDISP": "ENERGY DISPERSION", "RAD_MAX": "RADMAX"}.get(
                base, base
            )
        elif self.known_by == "numbered" and self.n_lists == 1:
            hdu.name = f"{base}_ID{number + 2}"
        elif self.known_by == "columns":
            hdu.name = f"TABLE {base[::-1]} {number}"

    def events(self, number: int) -> fits.BinTableHDU:
        """Make an event list."""
        energies = [*self.energies, *self.bad_energies] if number == 0 else [2.0]
        values = np.array(energies) * ENERGY_UNITS[self.energy_unit]
        n = len(values)
        times = [self.met(10.0 + 5.0 * row) for row in range(n)]
        unit = "d" if UNITS[self.unit] > 1 else "s"
        written = self.energy_unit if self.energy_unit_in == "column" else None
        scaled = {"bscale": 0.5, "bzero": 8.0} if self.energy_format == "scaled" else {}
        columns = [
            fits.Column("EVENT_ID", "K", array=np.arange(n)),
            fits.Column("TIME", "D", unit=unit, array=np.array(times)),
            fits.Column("RA", "E", unit="deg", array=np.full(n, 359.9) + np.arange(n) * 0.01),
            fits.Column("DEC", "D", unit="deg", array=np.full(n, 22.0)),
            fits.Column(
                "ENERGY", "D" if scaled else self.energy_format, unit=written, array=values, **scaled
            ),
        ]
        columns = [column for column in columns if column.name != self.without]
        if self.lower_case:
            for column in columns:
                column.name = column.name.lower()
        identity = {"HDUCLASS": "GADF", "HDUCLAS1": "EVENTS"}
        return gadf_files.table("EVENTS", columns, identity | self.cards(number))

    def cards(self, number: int) -> dict[str, Any]:
        """Make the header of an event list."""
        cards = gadf_files.POINTING | SITE | self.time_cards() | {"OBS_ID": self.obs_id}
        cards |= {
            "TSTART": self.met(0.0),
            "TSTOP": self.met(LENGTH),
            "ALTITUDE": 1.8 if self.kilometres else 1800.0,
        }
        cards["ONTIME"] = LENGTH - 1.0 if self.gti == "none, whole" else 1000.0
        cards |= {"header": {}, "missing": {"TSTART": None, "TSTOP": None}, "text": {"TSTOP": "late"}}[
            self.limits
        ]
        cards |= {
            "header": {},
            "missing": {"RA_PNT": None, "DEC_PNT": None},
            "drift": {"OBS_MODE": "drift", "RA_PNT": None, "DEC_PNT": None},
        }[self.pointing]
        cards |= {
            "known": {"RA_OBJ": 83.6, "DEC_OBJ": 22.0},
            "missing": {"OBJECT": None},
            "placeholder": {"RA_OBJ": 0, "DEC_OBJ": 0.0},
        }[self.target]
        cards |= {
            "GADF": {"DATE-OBS": "2004-03-03"},
            "alias": {"DATE_OBS": "2004-03-03"},
            "both": {"DATE-OBS": "2004-03-03", "DATE_OBS": "2004-03-04"},
            "blank": {"DATE-OBS": " "},
        }[self.dates]
        if self.energy_unit_in == "header":
            cards["EUNIT"] = self.energy_unit
        if self.list_label:
            cards |= {
                "EXTNAME" if self.list_label == "EXTNAME" else self.list_label: LIST_LABELS[self.list_label][
                    number
                ]
            }
        return cards | self.junk

    def gti_table(self) -> fits.BinTableHDU:
        """Make the good time intervals."""
        spans = np.array(self.spans)
        unit = "d" if UNITS[self.unit] > 1 else "s"
        if self.gti == "other reference":
            rows = np.array([[(self.mjd(value) - 55000.0) * 86400.0 for value in span] for span in spans])
            cards: dict[str, Any] = {"MJDREFI": 55000, "MJDREFF": 0.0, "TIMESYS": "TT", "TIMEUNIT": "s"}
            unit = "s"
        else:
            rows = np.array([[self.met(value) for value in span] for span in spans])
            cards = self.time_cards()
        columns = [
            fits.Column(name, "D", unit=unit if self.gti_unit else None, array=rows[:, side])
            for side, name in enumerate(("START", "STOP"))
        ]
        return gadf_files.table("GTI", columns, {"HDUCLASS": "GADF", "HDUCLAS1": "GTI"} | cards)

    def response_tables(self, number: int) -> list[fits.BinTableHDU]:
        """Make the responses."""
        cards: dict[str, Any] = {"HDUCLAS3": self.enclosure}
        limits = {
            "good": {}, "none": {"LO_THRES": None, "HI_THRES": None}, "negative": {"LO_THRES": -1.0},
            "one": {"HI_THRES": None}, "text": {"LO_THRES": "0.4"},
        }[self.thresholds]  # fmt: skip
        cut = {"RAD_MAX": 0.11} if self.cut_keyword else {}
        made: dict[str, list[fits.BinTableHDU]] = {
            "aeff": [gadf_files.aeff(reach=2.0 - number, **cards, **limits, **cut)],
            "edisp": [gadf_files.edisp(**cards)],
            "psf": self.psf(cards),
            "bkg": [gadf_files.bkg(self.bkg_form, **cards)],
            "rad_max": [gadf_files.rad_max(**cards)],
        }
        found = [hdu for kind in RESPONSES if kind in self.responses for hdu in made[kind]]
        return [self.respell(hdu) for hdu in found]

    def psf(self, cards: dict[str, Any]) -> list[fits.BinTableHDU]:
        size = self.psf_size
        if self.psf_form == "psf_gtpsf":
            return gadf_files.psf_gtpsf(size, **cards)
        return [
            {
                "psf_table": lambda: gadf_files.psf(size, **cards),
                "psf_3gauss": lambda: gadf_files.psf_3gauss(
                    (1.0, size), (0.2, 2 * size), (0.05, 3 * size), **cards
                ),
                "psf_king": lambda: gadf_files.psf_king(size, self.king_slope, **cards),
            }[self.psf_form]()
        ]

    def respell(self, hdu: fits.BinTableHDU) -> fits.BinTableHDU:
        """Write the energy axis in another unit, and leave out TDIM."""
        names = hdu.columns.names
        if "ENERG_LO" not in names:
            return hdu
        columns = []
        for column in hdu.columns:
            values, unit, dim = np.array(hdu.data[column.name]), column.unit, column.dim
            if column.name.startswith("ENERG_"):
                values, unit = values * ENERGY_UNITS[self.axis_unit], self.axis_unit
            if not self.dimensions and dim:
                values, dim = values.reshape(1, -1), None
            columns.append(fits.Column(column.name, column.format, unit=unit, dim=dim, array=values))
        keep = ("HDUCLAS", "LO_THRES", "HI_THRES", "RAD_MAX")
        cards = {key: value for key, value in hdu.header.items() if key.startswith(keep)}
        return gadf_files.table(hdu.name, columns, cards)
