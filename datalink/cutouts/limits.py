"""Where the events of a run lie: the limits that a service descriptor tells for each parameter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.coordinates import angular_separation

from datalink.cutouts.selection import Interval
from ingest.constants import HC_EV_M


@dataclass(frozen=True)
class Limits:
    """Limits of the parameters for one event list; None where nothing is known.

    Attributes
    ----------
    circle
        Right ascension, declination and radius in degrees of a circle around the field of view.
    polygon
        Right ascensions and declinations in degrees of the corners of the field of view, in turn.
    time
        MJD in TT.
    band
        Wavelength in m.
    energy
        Energy in eV.
    """

    circle: tuple[float, float, float] | None = None
    polygon: tuple[float, ...] | None = None
    time: Interval | None = None
    band: Interval | None = None
    energy: Interval | None = None

    @staticmethod
    def of(row: Mapping[str, Any]) -> Limits:
        """Read them from a row of a collection's table ``obscore``.

        Parameters
        ----------
        row
            Column name to value; ``s_region`` is a list of degrees, or an object of DaCHS that gives one.
        """
        polygon = _corners(row.get("s_region"))
        energy = _interval(row, "energy_min", "energy_max")
        return Limits(
            circle=_circle(row, polygon),
            polygon=polygon,
            time=_interval(row, "t_min", "t_max"),
            band=_wavelengths(energy) or _interval(row, "em_min", "em_max"),
            energy=energy,
        )

    def written(self) -> dict[str, tuple[str | None, str | None]]:
        """Give the limits as SODA 1.0 writes them into VALUES: parameter to MIN and MAX.

        Regions have a MAX only. Parameters without known limits are left out.
        """
        found: dict[str, tuple[str | None, str | None]] = {}
        for name, region in (("CIRCLE", self.circle), ("POLYGON", self.polygon)):
            if region is not None:
                found[name] = None, " ".join(f"{number:.10g}" for number in region)
        for name, interval in (("TIME", self.time), ("BAND", self.band), ("ENERGY", self.energy)):
            if interval is not None:
                found[name] = repr(interval.low), repr(interval.high)
        return found


def _number(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    return None if value is None or not math.isfinite(value) else float(value)


def _interval(row: Mapping[str, Any], low: str, high: str) -> Interval | None:
    ends = _number(row, low), _number(row, high)
    return None if ends[0] is None or ends[1] is None else Interval(ends[0], ends[1])


def _wavelengths(energy: Interval | None) -> Interval | None:
    # em_min and em_max are the same, but rounded in the database.
    return Interval(HC_EV_M / energy.high, HC_EV_M / energy.low) if energy and energy.low > 0.0 else None


def _corners(region: Any) -> tuple[float, ...] | None:
    if region is None:
        return None
    numbers: Sequence[float] = region.asDALI() if hasattr(region, "asDALI") else region
    return tuple(float(number) for number in numbers)


def _circle(row: Mapping[str, Any], polygon: tuple[float, ...] | None) -> tuple[float, float, float] | None:
    ra, dec, field = (_number(row, name) for name in ("s_ra", "s_dec", "s_fov"))
    if ra is None or dec is None:
        return None
    # The corners of a round field lie on its edge, up to rounding in the database.
    radius = 0.0 if field is None else field / 2.0
    if polygon is not None:
        corners = np.radians(polygon)
        away = angular_separation(*np.radians([ra, dec]), corners[::2], corners[1::2])
        farthest = float(np.max(np.degrees(away)))
        radius = farthest if farthest > radius + 1e-6 else radius
    return (ra, dec, radius) if radius > 0.0 else None
