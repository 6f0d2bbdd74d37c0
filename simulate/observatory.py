"""What a simulated observatory is made of: two sites, their targets, analyses and the observing programme.

The programme of a site is a cycle of sessions of six runs each; whoever takes the first 24 runs or
more has every kind of observation at least once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from ingest.errors import ConfigError
from simulate.config import DEFAULT_SEED, MAX_SEED
from simulate.profiles import CTAO_NORTH_LIKE, CTAO_SOUTH_LIKE, FacilityProfile, Target
from simulate.responses import Instrument

CTAO_LIKE = "ctao-like"
"""Name of the observatory, where a facility is asked for."""

SITES: tuple[FacilityProfile, ...] = (CTAO_NORTH_LIKE, CTAO_SOUTH_LIKE)
"""The arrays, in the order of their numbers."""

FIRST_OBS_ID = 930_001
"""``OBS_ID`` of the first run; the others count up from it in the order of their starts."""

MAX_RUNS = 1_000_000
"""More would not fit the nights until 2100."""

MJDREFI, MJDREFF = 51_544, 0.5
"""Reference epoch of all times, TT: that of both sites' profiles, J2000."""

ZENITH_BINS = (20, 40, 60)
"""Zenith angles in degrees for which there are responses, as in CTA's first data challenge."""

ORIGIN = CTAO_NORTH_LIKE.origin
"""ORIGIN of the files that belong to both sites."""


@dataclass(frozen=True)
class ObservatoryConfig:
    """A release of the observatory.

    Attributes
    ----------
    runs
        Number of runs, 1 to 1,000,000.
    seed
        Seed of all random numbers, 0 to 2**63 - 1.
    metadata_only
        Write the indexes and the responses, but no events.

    Raises
    ------
    ingest.errors.ConfigError
        A value is out of range.
    """

    runs: int = 60
    seed: int = DEFAULT_SEED
    metadata_only: bool = False

    def __post_init__(self) -> None:
        for name, value, low, high in (("runs", self.runs, 1, MAX_RUNS), ("seed", self.seed, 0, MAX_SEED)):
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ConfigError(f"Simulation: {name}={value!r}, expected a whole number {low}..{high}")


@dataclass(frozen=True)
class ResponseSet:
    """The responses of one selection of events, relative to those of a site's profile.

    Attributes
    ----------
    key
        Part of the file's name.
    ev_class, ev_type
        ``EV_CLASS`` and ``EVTYPE``; the latter None where events are not told apart by type.
    area, psf, energy, background, field
        Factors on the effective area, the width of the PSF, the energy resolution, the background rate,
        and the width of the field of view with its limit.
    """

    key: str
    ev_class: str = "std"
    ev_type: str | None = None
    area: float = 1.0
    psf: float = 1.0
    energy: float = 1.0
    background: float = 1.0
    field: float = 1.0


_STD = ResponseSet("std")
_HIRES = ResponseSet("hires", ev_class="hires", area=0.7, psf=0.75, energy=0.85, background=0.4)
_TYPE1 = ResponseSet("type1", ev_type="type1", area=0.4, psf=0.75, energy=0.85, background=0.2)
_TYPE2 = ResponseSet("type2", ev_type="type2", area=0.6, psf=1.2, energy=1.1, background=0.8)
_DIVERGENT = ResponseSet("divergent", area=0.5, psf=1.5, energy=1.4, background=0.6, field=1.25)

ANALYSES: dict[str, tuple[ResponseSet, ...]] = {
    "std": (_STD,),
    "hires": (_HIRES,),
    "types": (_TYPE1, _TYPE2),
    "divergent": (_DIVERGENT,),
}
"""Analysis configurations (``CONFIG``) with their response sets, one for each event list of a run."""

SITE_SETS: tuple[tuple[ResponseSet, ...], ...] = (
    (_STD, _HIRES, _TYPE1, _TYPE2),
    (_STD, _HIRES, _TYPE1, _TYPE2, _DIVERGENT),
)
"""The response sets of each site."""


@cache
def instrument(site: int, responses: ResponseSet, zenith_deg: int) -> Instrument:
    """Give the responses of a set at one of `ZENITH_BINS` (degrees)."""
    profile = SITES[site]
    changed = replace(
        profile,
        area_m2=profile.area_m2 * responses.area,
        area_width_deg=profile.area_width_deg * responses.field,
        offset_max_deg=profile.offset_max_deg * responses.field,
        psf_sigma_deg=profile.psf_sigma_deg * responses.psf,
        energy_sigma=profile.energy_sigma * responses.energy,
        background_rate=profile.background_rate * responses.background,
        background_width_deg=profile.background_width_deg * responses.field,
    )
    return Instrument(changed, float(zenith_deg))


# Positions: SIMBAD, ICRS. Spectra: those of the profiles, or about as bright as in TeVCat.
_KNOWN = {target.name: target for site in SITES for target in site.targets}
_TARGETS: tuple[tuple[int, str, Target], ...] = (
    (0, "PWN", _KNOWN["Crab Nebula"]),
    (0, "AGN", _KNOWN["Mrk 421"]),
    (0, "AGN", _KNOWN["Mrk 501"]),
    (0, "AGN", _KNOWN["1ES 1959+650"]),
    (0, "SNR", _KNOWN["Tycho SNR"]),
    (0, "AGN", Target("NGC 1275", "ngc1275", 49.9507, 41.5117, 5.0e-13, 3.6)),
    (0, "AGN", Target("M 87", "m87", 187.7059, 12.3911, 8.0e-13, 2.4)),
    (0, "AGN", Target("PG 1553+113", "pg1553", 238.9294, 11.1901, 5.0e-13, 4.0)),
    (1, "SNR", _KNOWN["RX J1713.7-3946"]),
    (1, "GC", _KNOWN["Sgr A*"]),
    (1, "AGN", _KNOWN["PKS 2155-304"]),
    (1, "SNR", _KNOWN["Vela Junior"]),
    (1, "PWN", _KNOWN["LMC N 157B"]),
    (1, "PWN", Target("MSH 15-52", "msh1552", 228.5290, -59.1575, 5.7e-12, 2.27, radius_deg=0.1)),
    (1, "AGN", Target("Centaurus A", "cena", 201.3651, -43.0191, 2.5e-13, 2.7)),
    (1, "AGN", Target("PKS 0447-439", "pks0447", 72.3529, -43.8358, 4.0e-13, 3.8)),
    (1, "AGN", Target("1ES 0347-121", "1es0347", 57.3467, -11.9908, 4.5e-13, 3.1)),
    (1, "GAL", Target("NGC 253", "ngc253", 11.8881, -25.2888, 1.4e-13, 2.4)),
)

TARGETS: tuple[Target, ...] = tuple(target for _, _, target in _TARGETS)
"""All targets; a target's number is its place here."""

TARGET_SITES: tuple[int, ...] = tuple(site for site, _, _ in _TARGETS)
"""The site from which each is observed."""

TARGET_TYPES: tuple[str, ...] = tuple(kind for _, kind, _ in _TARGETS)
"""``OBJTYPE`` of each."""

OFF_SHIFT_DEG = 7.5
"""An OFF field lies this much further east: taken half an hour later, it is at the same altitude."""

FIELD_ALTITUDE_DEG = 75.0
"""Altitude of the fields of a survey on the meridian, when they are chosen."""

DRIFT_ALTITUDE_DEG = 65.0
"""Altitude on the meridian of the drift scans."""

SLEW_START_DEG = (-6.0, -3.0)
"""Where a slew to a target begins: longitude and latitude of the frame around it, degrees."""


@dataclass(frozen=True)
class Entry:
    """One run of a session.

    Attributes
    ----------
    mode
        ``OBS_MODE``.
    aim
        What it points at: ``source``, ``off`` (beside a source), ``field`` (of a survey), ``drift``
        (a point of the meridian), ``slew``.
    block
        Runs of a session with the same number have the same target.
    offset_deg
        Longitude and latitude of the pointing in the frame around the target.
    analysis
        Key of `ANALYSES`.
    proposal
        ``PROP_TYP``; None for technical time.
    conv_dep
        ``CONV_DEP``: 0 for parallel pointing, negative for divergent, positive for convergent.
    """

    mode: str
    aim: str
    block: int
    offset_deg: tuple[float, float] = (0.0, 0.0)
    analysis: str = "std"
    proposal: str | None = "KSP"
    conv_dep: float = 0.0


def _wobble(
    block: int, offset: float, runs: int, analysis: str = "std", proposal: str = "KSP"
) -> tuple[Entry, ...]:
    offsets = ((0.0, offset), (0.0, -offset), (offset, 0.0), (-offset, 0.0))
    return tuple(Entry("WOBBLE", "source", block, offsets[n], analysis, proposal) for n in range(runs))


_RASTER = tuple(Entry("RASTER", "source", 0, (x, y)) for y in (-0.6, 0.6) for x in (-1.2, 0.0, 1.2))

SESSIONS: tuple[tuple[tuple[Entry, ...], ...], ...] = (
    (  # North
        (
            *_wobble(0, 0.5, 2, "types"),
            Entry("POINTING", "source", 1, analysis="hires", proposal="GO"),
            Entry("ON", "source", 2),
            Entry("OFF", "off", 2),
            Entry("SLEW", "slew", 3, proposal=None),
        ),
        (
            *_wobble(0, 0.5, 2, proposal="DDT"),
            Entry("DRIFT", "drift", 1, proposal=None),
            Entry("POINTING", "source", 2, conv_dep=12_000.0, proposal=None),
            Entry("POINTING", "field", 3),
            Entry("SLEW", "slew", 4, proposal=None),
        ),
        (*_wobble(0, 0.5, 4), *_wobble(1, 0.7, 2, "hires", "GO")),
    ),
    (  # South
        _RASTER,
        (
            *_wobble(0, 0.7, 2, "types"),
            Entry("POINTING", "field", 1, analysis="divergent", conv_dep=-8_000.0),
            Entry("POINTING", "field", 2, analysis="divergent", conv_dep=-8_000.0),
            Entry("POINTING", "source", 3, analysis="hires", proposal="GO"),
            Entry("DRIFT", "drift", 4, proposal=None),
        ),
        (
            *_wobble(0, 0.5, 4, proposal="DDT"),
            Entry("POINTING", "field", 1),
            Entry("SLEW", "slew", 2, proposal=None),
        ),
    ),
)
"""Sessions of each site, which come round in this order."""

RUNS_PER_SESSION = 6
