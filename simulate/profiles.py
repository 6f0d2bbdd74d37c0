"""Facilities that can be simulated: every number that makes one differ from another.

A facility is a value of :class:`FacilityProfile`, never a branch in the code. The
response parameters are round numbers chosen so that the result resembles published
performance; they are not the performance of any instrument.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest.errors import ConfigError

_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,30}")
_MAX_OBS_ID = 999_999  # file names carry six digits


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise ConfigError(problem)


@dataclass(frozen=True)
class Target:
    """A field on the sky and the gamma-ray source in it.

    Attributes
    ----------
    name, tag
        What goes to ``TARGET_NAME``/``OBJECT`` and to ``TARGET_TAG``.
    ra_deg, dec_deg
        ICRS position in degrees.
    flux
        Differential flux at 1 TeV in cm-2 s-1 TeV-1; 0 for a field without a source.
    index, curvature
        ``dN/dE = flux * E**-(index + curvature * ln E)``, E in TeV.
    radius_deg
        Radius of a uniformly bright disc in degrees; 0 for a point.
    offset_deg
        Wobble offset in degrees; 0 points straight at the field.
    """

    name: str
    tag: str
    ra_deg: float
    dec_deg: float
    flux: float = 0.0
    index: float = 2.5
    curvature: float = 0.0
    radius_deg: float = 0.0
    offset_deg: float = 0.5

    def __post_init__(self) -> None:
        _require(0 <= self.ra_deg < 360, f"Target {self.name}: ra_deg={self.ra_deg}, expected 0 <= ra < 360")
        _require(-90 <= self.dec_deg <= 90, f"Target {self.name}: dec_deg={self.dec_deg}, expected -90..90")
        _require(self.flux >= 0, f"Target {self.name}: flux={self.flux}, expected at least 0")
        _require(
            0 <= self.offset_deg <= 2, f"Target {self.name}: offset_deg={self.offset_deg}, expected 0..2"
        )
        _require(
            0 <= self.radius_deg <= 2, f"Target {self.name}: radius_deg={self.radius_deg}, expected 0..2"
        )

    @property
    def is_off(self) -> bool:
        """Whether the field holds no gamma-ray source."""
        return self.flux == 0


@dataclass(frozen=True)
class FacilityProfile:
    """One array of telescopes: names, site, responses and what it points at.

    Attributes
    ----------
    key
        Short name of the profile.
    telescop, instrume, origin
        The FITS keywords of the same names; `instrume` and `origin` say "simulated".
    tassign
        Place name for ``TASSIGN``.
    prefix
        File names are ``<prefix>_obs_id_NNNNNN.fits.gz``.
    first_obs_id
        ``OBS_ID`` of the first run; the others count up from it.
    latitude_deg, longitude_deg, altitude_m
        Site: geodetic latitude (north positive), longitude (east positive), height.
    telescopes
        Names of the telescopes, written to ``TELLIST``.
    mjdrefi, mjdreff
        Reference epoch of ``TIME`` in days, MJD, scale TT.
    first_night_mjd
        MJD (UTC) of the evening of the first night that may be used.
    run_seconds
        Shortest length of a run in seconds; up to 12 s are added, as in real releases.
    min_altitude_deg
        Targets below this altitude are not observed.
    energy_min_tev, energy_max_tev
        Range of all energy axes and of the events, TeV.
    offset_max_deg
        Half width of the field of view; last node of the THETA axes.
    area_m2, area_slope
        Effective area on axis at the zenith and 1 TeV far above the threshold, and its
        power of energy.
    half_area_tev
        Energy at which the area reaches half of that, at the zenith.
    area_width_deg
        Gaussian width of the fall of the area with the offset, at 1 TeV.
    energy_sigma
        Width of ln(migra) far above the threshold.
    psf_sigma_deg
        Gaussian width of the PSF's core at 1 TeV, on axis.
    background_rate
        Rate on axis at 1 TeV, zenith, far above the threshold, MeV-1 s-1 sr-1.
    background_index
        Power law index of the background's spectrum.
    background_width_deg
        Gaussian width of the background's acceptance at 1 TeV.
    trigger_rate_hz, dead_time_s
        Array trigger rate at the zenith and dead time per trigger.
    targets
        What is observed; a release takes them in turn as they become visible.
    """

    key: str
    telescop: str
    instrume: str
    origin: str
    tassign: str
    prefix: str
    first_obs_id: int
    latitude_deg: float
    longitude_deg: float
    altitude_m: float
    telescopes: tuple[str, ...]
    mjdrefi: int
    mjdreff: float
    first_night_mjd: int
    run_seconds: int
    min_altitude_deg: float
    energy_min_tev: float
    energy_max_tev: float
    offset_max_deg: float
    area_m2: float
    area_slope: float
    half_area_tev: float
    area_width_deg: float
    energy_sigma: float
    psf_sigma_deg: float
    background_rate: float
    background_index: float
    background_width_deg: float
    trigger_rate_hz: float
    dead_time_s: float
    targets: tuple[Target, ...]

    def __post_init__(self) -> None:
        here = f"Facility profile {self.key}"
        _require(bool(_PREFIX.fullmatch(self.prefix)), f"{here}: prefix={self.prefix!r}, expected [a-z0-9_]+")
        for word in (self.origin, self.instrume):
            _require("simulated" in word.lower(), f"{here}: {word!r} does not say that it is simulated")
        _require(
            -90 <= self.latitude_deg <= 90, f"{here}: latitude_deg={self.latitude_deg}, expected -90..90"
        )
        _require(
            -180 <= self.longitude_deg <= 180,
            f"{here}: longitude_deg={self.longitude_deg}, expected -180..180",
        )
        _require(len(self.telescopes) > 0, f"{here}: no telescopes")
        _require(len(self.targets) > 0, f"{here}: no targets")
        _require(
            0 < self.first_obs_id <= _MAX_OBS_ID - 200,
            f"{here}: first_obs_id={self.first_obs_id}, expected 1..{_MAX_OBS_ID - 200}",
        )
        _require(
            0 < self.energy_min_tev < self.half_area_tev < self.energy_max_tev,
            f"{here}: expected 0 < energy_min_tev < half_area_tev < energy_max_tev, found "
            f"{self.energy_min_tev}, {self.half_area_tev}, {self.energy_max_tev}",
        )
        _require(
            600 <= self.run_seconds <= 1800, f"{here}: run_seconds={self.run_seconds}, expected 600..1800"
        )
        _require(
            30 <= self.min_altitude_deg < 90,
            f"{here}: min_altitude_deg={self.min_altitude_deg}, expected 30..90: "
            "the responses do not hold lower down",
        )
        self._require_positive()

    def _require_positive(self) -> None:
        names = (
            "offset_max_deg area_m2 area_width_deg energy_sigma psf_sigma_deg background_rate "
            "background_index background_width_deg trigger_rate_hz dead_time_s"
        )
        for name in names.split():
            value = getattr(self, name)
            _require(value > 0, f"Facility profile {self.key}: {name}={value}, expected more than 0")


# Positions: SIMBAD, ICRS. Spectra: rounded from the publications named, close enough for samples.
_CRAB = Target("Crab Nebula", "crab", 83.6331, 22.0145, 3.45e-11, 2.63)  # A&A 457, 899 (2006)
_OFF_3C273 = Target("3C 273", "offdata", 187.2779, 2.0524, offset_deg=0.7)
_OFF_NGC253 = Target("NGC 253", "offdata", 11.8881, -25.2888, offset_deg=0.0)
_PKS2155 = Target("PKS 2155-304", "pks2155", 329.7169, -30.2256, 3.0e-12, 3.2, 0.1)  # A&A 502, 749 (2009)
_RXJ1713 = Target(  # A&A 612, A6 (2018), cut-off taken as curvature
    "RX J1713.7-3946", "rxj1713", 258.3879, -39.7622, 2.0e-11, 2.1, 0.1, radius_deg=0.5, offset_deg=0.7
)
_SGR_A = Target("Sgr A*", "sgra", 266.4168, -29.0078, 2.5e-12, 2.1, offset_deg=0.7)  # A&A 503, 817 (2009)

HESS_LIKE = FacilityProfile(
    key="hess-like",
    telescop="HESS",
    instrume="Simulated IACT array, 4 telescopes",
    origin="SIMULATED, not H.E.S.S. data",
    tassign="Namibia",
    prefix="sim_hess",
    first_obs_id=900_001,
    latitude_deg=-23.2717777777778,  # site and epoch: as in the H.E.S.S. DL3 DR1
    longitude_deg=16.5002222222222,
    altitude_m=1835.0,
    telescopes=("1", "2", "3", "4"),
    mjdrefi=51910,
    mjdreff=0.000742870370370241,
    first_night_mjd=53090,
    run_seconds=1680,
    min_altitude_deg=40.0,
    energy_min_tev=0.1,
    energy_max_tev=100.0,
    offset_max_deg=2.5,
    area_m2=3.0e5,
    area_slope=0.0,
    half_area_tev=0.35,
    area_width_deg=1.6,
    energy_sigma=0.12,
    psf_sigma_deg=0.055,
    background_rate=2.5e-4,
    background_index=2.7,
    background_width_deg=1.5,
    trigger_rate_hz=230.0,
    dead_time_s=4.5e-4,
    targets=(
        _CRAB,
        Target("MSH 15-52", "msh1552", 228.5290, -59.1575, 5.7e-12, 2.27, radius_deg=0.1),  # A&A 435, L17
        _PKS2155,
        _RXJ1713,
        _OFF_3C273,
        _OFF_NGC253,
        Target("Vela X", "velax", 128.7500, -45.6000, 9.0e-12, 1.5, 0.25, radius_deg=0.5, offset_deg=0.7),
    ),
)
"""Four telescopes in Namibia, 0.1 to 100 TeV: the layout of the H.E.S.S. DL3 DR1."""

CTAO_NORTH_LIKE = FacilityProfile(
    key="ctao-north-like",
    telescop="CTAO-N",
    instrume="Simulated CTAO-North-like array, LST+MST",
    origin="SIMULATED, not CTAO data",
    tassign="La Palma",
    prefix="sim_ctao_north",
    first_obs_id=910_001,
    latitude_deg=28.7621640,  # site: gammapy's observatory_locations
    longitude_deg=-17.8920050,
    altitude_m=2147.0,
    telescopes=(*(f"LST{i}" for i in range(1, 5)), *(f"MST{i}" for i in range(1, 10))),
    mjdrefi=51544,
    mjdreff=0.5,
    first_night_mjd=60950,
    run_seconds=1200,
    min_altitude_deg=40.0,
    energy_min_tev=0.02,
    energy_max_tev=100.0,
    offset_max_deg=3.0,
    area_m2=2.5e5,
    area_slope=0.25,
    half_area_tev=0.06,
    area_width_deg=2.0,
    energy_sigma=0.08,
    psf_sigma_deg=0.035,
    background_rate=6.0e-6,
    background_index=2.7,
    background_width_deg=1.9,
    trigger_rate_hz=6000.0,
    dead_time_s=7.0e-6,
    targets=(
        _CRAB,
        Target("Mrk 421", "mrk421", 166.1138, 38.2088, 1.5e-11, 2.3, 0.2),
        Target("Mrk 501", "mrk501", 253.4676, 39.7602, 8.0e-12, 2.4, 0.15),
        Target("1ES 1959+650", "1es1959", 299.9994, 65.1485, 4.0e-12, 2.6, 0.1),
        Target("Tycho SNR", "tycho", 6.3400, 64.1300, 2.2e-13, 2.9, radius_deg=0.05),
        _OFF_3C273,
        Target("3C 120", "offdata", 68.2962, 5.3543, offset_deg=0.0),
    ),
)
"""Thirteen telescopes on La Palma, 0.02 to 100 TeV."""

CTAO_SOUTH_LIKE = FacilityProfile(
    key="ctao-south-like",
    telescop="CTAO-S",
    instrume="Simulated CTAO-South-like array, MST+SST",
    origin="SIMULATED, not CTAO data",
    tassign="Paranal",
    prefix="sim_ctao_south",
    first_obs_id=920_001,
    latitude_deg=-24.6834278,  # site: gammapy's observatory_locations
    longitude_deg=-70.3163444,
    altitude_m=2000.0,
    telescopes=(*(f"MST{i}" for i in range(1, 15)), *(f"SST{i}" for i in range(1, 38))),
    mjdrefi=51544,
    mjdreff=0.5,
    first_night_mjd=60950,
    run_seconds=1200,
    min_altitude_deg=40.0,
    energy_min_tev=0.05,
    energy_max_tev=200.0,
    offset_max_deg=4.0,
    area_m2=8.0e5,
    area_slope=0.35,
    half_area_tev=0.18,
    area_width_deg=2.8,
    energy_sigma=0.08,
    psf_sigma_deg=0.035,
    background_rate=2.5e-5,
    background_index=2.7,
    background_width_deg=2.5,
    trigger_rate_hz=9000.0,
    dead_time_s=5.0e-6,
    targets=(
        _RXJ1713,
        _SGR_A,
        _PKS2155,
        Target(
            "Vela Junior", "velajr", 133.0000, -46.3333, 2.1e-11, 1.9, 0.15, radius_deg=1.0, offset_deg=0.7
        ),
        Target("LMC N 157B", "n157b", 84.4400, -69.1600, 8.0e-13, 2.8),
        _OFF_NGC253,
        _OFF_3C273,
    ),
)
"""Fifty-one telescopes at Paranal, 0.05 to 200 TeV."""

PROFILES: dict[str, FacilityProfile] = {p.key: p for p in (HESS_LIKE, CTAO_NORTH_LIKE, CTAO_SOUTH_LIKE)}
"""The profiles by their `key`."""
