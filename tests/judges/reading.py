"""The release, read with astropy alone: what the service must say, from another hand.

Nothing here may come from the project's own code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time, TimeDelta
from mocpy import TimeMOC

REFERENCE_ENERGY = 1.0 * u.TeV
EXTENSIONS = {"aeff": "AEFF", "bkgrate": "BKG", "edisp": "EDISP", "psf": "PSF"}


@dataclass(frozen=True)
class Run:
    """One run.

    Parameters
    ----------
    path
        Its file.
    header
        The header of the HDU EVENTS.
    aeff
        The header of the HDU AEFF.
    gti
        Starts and stops of the good time intervals.
    fov
        Diameter of the field of view: twice the largest offset with an area above zero at 1 TeV.
    """

    path: Path
    header: fits.Header
    aeff: fits.Header
    gti: tuple[Time, Time]
    fov: u.Quantity

    @property
    def obs_id(self) -> str:
        return str(self.header["OBS_ID"])

    @property
    def events(self) -> int:
        return int(self.header["NAXIS2"])

    @property
    def pointing(self) -> SkyCoord:
        # FK5 of J2000.0 is ICRS within 25 mas.
        return SkyCoord(self.header["RA_PNT"], self.header["DEC_PNT"], unit="deg")

    @property
    def start(self) -> Time:
        return met(self.header, self.header["TSTART"])

    @property
    def stop(self) -> Time:
        return met(self.header, self.header["TSTOP"])

    @property
    def energies(self) -> tuple[float, float]:
        """The safe energy range in eV."""
        return tuple((self.aeff[key] * u.TeV).to_value(u.eV) for key in ("LO_THRES", "HI_THRES"))

    @property
    def stem(self) -> str:
        return self.path.name.removesuffix(".gz").removesuffix(".fits")

    def time_moc(self, order: int) -> TimeMOC:
        return TimeMOC.from_time_ranges(*self.gti, order=order)


def met(header: fits.Header, seconds: float | np.ndarray) -> Time:
    """Convert mission elapsed time."""
    scale = header["TIMESYS"].lower()
    reference = Time(header["MJDREFI"], header["MJDREFF"], format="mjd", scale=scale)
    return (reference + TimeDelta(seconds * u.s, scale="tt" if scale == "tt" else None)).tt


def field_of_view(aeff: fits.BinTableHDU) -> u.Quantity:
    """Give the diameter of the field in which there is effective area at 1 TeV."""
    names = ("ENERG_LO", "ENERG_HI", "THETA_HI", "EFFAREA")
    low, high, theta, area = (
        u.Quantity(aeff.data[name][0], aeff.columns[name].unit, dtype=float) for name in names
    )
    inside = (low <= REFERENCE_ENERGY) & (high > REFERENCE_ENERGY)
    assert inside.sum() == 1
    return 2 * theta[area[:, inside][:, 0] > 0].max().to(u.deg)


def read_run(path: Path) -> Run:
    with fits.open(path) as hdus:
        gti = hdus["GTI"]
        return Run(
            path=path,
            header=hdus["EVENTS"].header.copy(),
            aeff=hdus["AEFF"].header.copy(),
            gti=tuple(met(gti.header, np.array(gti.data[name], dtype=float)) for name in ("START", "STOP")),
            fov=field_of_view(hdus["AEFF"]),
        )


def read_release(directory: Path) -> dict[str, Run]:
    """Read all runs of a release; by obs_id, in the order of file names."""
    paths = sorted((directory / "data").glob("*.fits.gz"))
    assert paths, f"no runs below {directory}"
    runs = [read_run(path) for path in paths]
    found = {run.obs_id: run for run in runs}
    assert len(found) == len(runs), "obs_ids are not unique"
    return found
