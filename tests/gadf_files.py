"""Small GADF files for tests, written with astropy, each with its own truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

OBS_ID = 4711
TIMES = {"MJDREFI": 51910, "MJDREFF": 0.000742870370370241, "TIMESYS": "TT", "TIMEUNIT": "s"}
POINTING = {
    "RA_PNT": 83.633333,
    "DEC_PNT": 22.514444,
    "RADECSYS": "ICRS",
    "EQUINOX": 2000.0,
    "OBJECT": "Crab",
    "OBS_MODE": "WOBBLE",
    "CONV_DEP": 0.0,
    "TELESCOP": "TEST",
    "INSTRUME": "Test array",
    "EV_CLASS": "std",
    "TSTART": 100_000_000.0,
    "TSTOP": 100_001_680.0,
    "ONTIME": 1680.0,
    "LIVETIME": 1534.5,
}
ENERGY_EDGES = np.geomspace(0.1, 100.0, 13)
OFFSETS = np.array([0.0, 0.5, 1.0, 2.0])


def events(energies: Any = (0.5, 1.0, 20.0), unit: str = "TeV", **cards: Any) -> fits.BinTableHDU:
    """Write an event list; a card of None is left out."""
    n = len(energies)
    columns = [
        fits.Column("EVENT_ID", "1K", array=np.arange(n)),
        fits.Column("TIME", "1D", unit="s", array=np.linspace(100_000_001, 100_001_679, n)),
        fits.Column("RA", "1E", unit="deg", array=np.full(n, 83.6)),
        fits.Column("DEC", "1E", unit="deg", array=np.full(n, 22.0)),
        fits.Column("ENERGY", "1E", unit=unit, array=np.asarray(energies, dtype=float)),
    ]
    identity = {"HDUCLASS": "GADF", "HDUCLAS1": "EVENTS", "OBS_ID": OBS_ID}
    return table("EVENTS", columns, identity | TIMES | POINTING | cards)


def gti(intervals: Any = ((100_000_000.0, 100_001_680.0),), **cards: Any) -> fits.BinTableHDU:
    """Write good time intervals."""
    values = np.asarray(intervals, dtype=float).reshape(-1, 2)
    columns = [
        fits.Column("START", "1D", unit="s", array=values[:, 0]),
        fits.Column("STOP", "1D", unit="s", array=values[:, 1]),
    ]
    return table("GTI", columns, {"HDUCLASS": "GADF", "HDUCLAS1": "GTI"} | TIMES | cards)


def aeff(reach: float = 2.0, **cards: Any) -> fits.BinTableHDU:
    """Write an effective area that is zero beyond an offset."""
    area = np.where(OFFSETS[:, None] <= reach, 1e5, 0.0) * np.ones(len(ENERGY_EDGES) - 1)
    columns = [*axis("ENERG", ENERGY_EDGES, "TeV"), *nodes("THETA", OFFSETS), cube("EFFAREA", area, "m2")]
    thresholds = {"LO_THRES": 0.4, "HI_THRES": 80.0}
    return table("AEFF", columns, response("EFF_AREA", "AEFF_2D") | thresholds | cards)


def edisp(width: float = 0.15, **cards: Any) -> fits.BinTableHDU:
    """Write an energy dispersion, Gaussian in migra around 1."""
    migra = np.linspace(0.2, 2.0, 361)
    middle = 0.5 * (migra[1:] + migra[:-1])
    shape = np.exp(-0.5 * ((middle - 1.0) / width) ** 2)
    shape /= np.sum(shape * np.diff(migra))
    matrix = np.broadcast_to(shape[None, :, None], (len(OFFSETS), len(middle), len(ENERGY_EDGES) - 1))
    axes = [*axis("ENERG", ENERGY_EDGES, "TeV"), *axis("MIGRA", migra, None), *nodes("THETA", OFFSETS)]
    return table("EDISP", [*axes, cube("MATRIX", matrix, None)], response("EDISP", "EDISP_2D") | cards)


def psf(sigma: float = 0.06, **cards: Any) -> fits.BinTableHDU:
    """Write a point spread function, Gaussian with a width in degrees."""
    radius = np.linspace(0.0, 0.6, 241)
    middle = 0.5 * (radius[1:] + radius[:-1])
    shape = np.exp(-0.5 * (middle / sigma) ** 2)
    density = np.broadcast_to(shape[:, None, None], (len(middle), len(OFFSETS), len(ENERGY_EDGES) - 1))
    axes = [*axis("ENERG", ENERGY_EDGES, "TeV"), *nodes("THETA", OFFSETS), *axis("RAD", radius, "deg")]
    return table("PSF", [*axes, cube("RPSF", density, "sr-1")], response("RPSF", "PSF_TABLE") | cards)


def psf_3gauss(*parts: tuple[float, float], **cards: Any) -> fits.BinTableHDU:
    """Write a sum of Gaussians, amplitude relative to the first and width in degrees each."""
    shape = (len(OFFSETS), len(ENERGY_EDGES) - 1)
    columns = [
        *axis("ENERG", ENERGY_EDGES, "TeV"),
        *nodes("THETA", OFFSETS),
        cube("SCALE", np.full(shape, 3.0), None),
    ]
    for number, (amplitude, sigma) in enumerate([*parts, (0.0, 0.0), (0.0, 0.0)][:3], 1):
        if number > 1:
            columns.append(cube(f"AMPL_{number}", np.full(shape, amplitude), None))
        columns.append(cube(f"SIGMA_{number}", np.full(shape, sigma), "deg"))
    return table("PSF", columns, response("RPSF", "PSF_3GAUSS") | cards)


def psf_king(sigma: float = 0.05, gamma: float = 2.0, **cards: Any) -> fits.BinTableHDU:
    """Write a King function, the width in degrees."""
    shape = (len(OFFSETS), len(ENERGY_EDGES) - 1)
    axes = [*axis("ENERG", ENERGY_EDGES, "TeV"), *nodes("THETA", OFFSETS)]
    values = [cube("GAMMA", np.full(shape, gamma), None), cube("SIGMA", np.full(shape, sigma), "deg")]
    return table("PSF", [*axes, *values], response("RPSF", "PSF_KING") | cards)


def psf_gtpsf(sigma: float = 0.06, **cards: Any) -> list[fits.BinTableHDU]:
    """Write what gtpsf makes, a Gaussian with a width in degrees: the function, and the angles."""
    angles, energies = np.linspace(0.0, 8.0 * sigma, 401), np.geomspace(1e5, 1e8, 7)
    shape = np.exp(-0.5 * (angles / sigma) ** 2)
    columns = [
        fits.Column("Energy", "1D", unit="MeV", array=energies),
        fits.Column("Exposure", "1D", unit="cm2 s", array=np.ones(len(energies))),
        fits.Column("Psf", f"{len(angles)}D", unit="sr-1", array=np.tile(shape, (len(energies), 1))),
    ]
    theta = fits.BinTableHDU.from_columns(
        [fits.Column("Theta", "1D", unit="deg", array=angles)], name="THETA"
    )
    return [table("PSF", columns, response("RPSF", "GTPSF") | cards), theta]


def bkg(form: str = "BKG_2D", **cards: Any) -> fits.BinTableHDU:
    """Write a background rate."""
    edges = np.linspace(0.0, 3.0, 7)
    sides = {"BKG_2D": ("THETA",), "BKG_3D": ("DETX", "DETY")}[form]
    axes = [column for side in sides for column in axis(side, edges, "deg")]
    rate = np.ones((len(ENERGY_EDGES) - 1, *(len(edges) - 1 for _ in sides)))
    columns = [*axes, *axis("ENERG", ENERGY_EDGES, "TeV"), cube("BKG", rate, "s-1 MeV-1 sr-1")]
    return table("BKG", columns, response("BKG", form) | cards)


def rad_max(**cards: Any) -> fits.BinTableHDU:
    """Write a directional cut."""
    values = np.full((len(OFFSETS), len(ENERGY_EDGES) - 1), 0.1)
    columns = [*axis("ENERG", ENERGY_EDGES, "TeV"), *nodes("THETA", OFFSETS), cube("RAD_MAX", values, "deg")]
    return table("RAD_MAX", columns, response("RAD_MAX", "RAD_MAX_2D") | cards)


def write(path: Path, *hdus: fits.BinTableHDU) -> Path:
    """Write a file; without HDUs it gets events, GTI, and three responses."""
    content = hdus or (events(), gti(), aeff(), edisp(), psf())
    fits.HDUList([fits.PrimaryHDU(), *content]).writeto(path)
    return path


def response(second: str, fourth: str) -> dict[str, Any]:
    return {"HDUCLASS": "GADF", "HDUCLAS1": "RESPONSE", "HDUCLAS2": second, "HDUCLAS4": fourth}


def table(name: str, columns: list[fits.Column], cards: dict[str, Any]) -> fits.BinTableHDU:
    hdu = fits.BinTableHDU.from_columns(columns, name=name)
    for key, value in cards.items():
        if value is not None:
            hdu.header[key] = value
    return hdu


def axis(name: str, edges: np.ndarray, unit: str | None) -> list[fits.Column]:
    n = len(edges) - 1
    return [
        fits.Column(f"{name}_LO", f"{n}E", unit=unit, array=edges[None, :-1]),
        fits.Column(f"{name}_HI", f"{n}E", unit=unit, array=edges[None, 1:]),
    ]


def nodes(name: str, values: np.ndarray) -> list[fits.Column]:
    n = len(values)
    return [
        fits.Column(f"{name}_{side}", f"{n}E", unit="deg", array=values[None, :]) for side in ("LO", "HI")
    ]


def cube(name: str, values: np.ndarray, unit: str | None) -> fits.Column:
    dim = "(" + ",".join(str(n) for n in reversed(values.shape)) + ")"
    return fits.Column(name, f"{values.size}E", unit=unit, dim=dim, array=values[None])
