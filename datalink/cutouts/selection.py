"""What a client wants of an event list: the filter parameters of SODA 1.0, and one of our own for energies.

Their values are written as in DALI 1.1: numbers with blanks between them, positions in degrees (ICRS),
intervals closed, with -Inf or +Inf for an open end. Parameters that are given together all hold.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datalink.cutouts.region import SkyPolygon
from ingest.constants import HC_EV_M, MJD_LIMITS
from ingest.errors import SelectionError

PARAMETERS = ("CIRCLE", "POLYGON", "TIME", "BAND", "ENERGY")
"""The parameters that select events."""

MOST_CORNERS = 1000
"""Corners of a polygon at most: a selection must not take minutes."""

_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)", re.IGNORECASE)


@dataclass(frozen=True)
class Interval:
    """A closed interval; an end may be infinite."""

    low: float
    high: float


@dataclass(frozen=True)
class Selection:
    """Which events are wanted; None where a parameter was not given.

    Attributes
    ----------
    circle
        Right ascension, declination (ICRS) and radius in degrees.
    polygon
        Corners as ``(ra, dec)`` in degrees, ICRS; its sides are great circles.
    time
        MJD in TT.
    band
        Wavelength in m.
    energy
        Energy in eV.
    """

    circle: tuple[float, float, float] | None = None
    polygon: tuple[tuple[float, float], ...] | None = None
    time: Interval | None = None
    band: Interval | None = None
    energy: Interval | None = None

    @staticmethod
    def parse(parameters: Mapping[str, Sequence[str]]) -> Selection:
        """Read the parameters of a request.

        Parameters
        ----------
        parameters
            Name, in any case, to its values; other names do not matter, nor do blank values.

        Raises
        ------
        SelectionError
            A parameter has more than one value, or one that makes no sense.
        """
        single = {name: _single(name, parameters) for name in PARAMETERS}
        return Selection(
            circle=_circle(single["CIRCLE"]),
            polygon=_polygon(single["POLYGON"]),
            time=_interval("TIME", single["TIME"], "days (MJD, TT)", MJD_LIMITS),
            band=_interval("BAND", single["BAND"], "wavelengths in m", (0.0, math.inf)),
            energy=_interval("ENERGY", single["ENERGY"], "energies in eV", (0.0, math.inf)),
        )

    def parameters(self) -> dict[str, str]:
        """Give the parameters that were given, name to value, as `parse` takes them."""
        found = {}
        if self.circle is not None:
            found["CIRCLE"] = _written(self.circle)
        if self.polygon is not None:
            found["POLYGON"] = _written([number for corner in self.polygon for number in corner])
        for name, interval in (("TIME", self.time), ("BAND", self.band), ("ENERGY", self.energy)):
            if interval is not None:
                found[name] = _written([interval.low, interval.high])
        return found

    def energies(self) -> Interval | None:
        """Give the energies in eV that BAND and ENERGY leave together; None without both.

        The interval is empty, its low end above its high one, if they exclude each other.
        """
        if self.band is None:
            return self.energy
        # No photon has a wavelength below 0: the whole line and the upper half mean the same.
        shortest, longest = max(self.band.low, 0.0), self.band.high
        low = HC_EV_M / longest if longest > 0.0 else math.inf
        high = HC_EV_M / shortest if shortest > 0.0 else math.inf
        if self.energy is None:
            return Interval(low, high)
        return Interval(max(low, self.energy.low), min(high, self.energy.high))


def _single(name: str, parameters: Mapping[str, Sequence[str]]) -> str | None:
    values = [value for key, given in parameters.items() if key.upper() == name for value in given]
    values = [value for value in values if value.strip()]
    if len(values) > 1:
        raise SelectionError(
            name,
            ", ".join(values),
            f"{len(values)} values, expected one",
            label="MultiValuedParamNotSupported",
        )
    return values[0] if values else None


def _numbers(name: str, text: str, expected: str) -> list[float]:
    items = text.split()
    if not all(_NUMBER.fullmatch(item) for item in items):
        raise SelectionError(name, text, f"{expected}, with blanks between them")
    found = [float(item) for item in items]
    if any(math.isnan(number) for number in found):
        raise SelectionError(name, text, f"NaN is no limit, {expected}")
    for item, number in zip(items, found, strict=True):
        if math.isinf(number) and "inf" not in item.lower():
            raise SelectionError(name, text, f"{item} is too large, {expected}")
    return found


def _position(name: str, text: str, ra: float, dec: float) -> tuple[float, float]:
    if not 0.0 <= ra <= 360.0:
        raise SelectionError(name, text, f"right ascension {ra!r}, expected degrees from 0 to 360")
    if not -90.0 <= dec <= 90.0:
        raise SelectionError(name, text, f"declination {dec!r}, expected degrees from -90 to 90")
    return ra, dec


def _circle(text: str | None) -> tuple[float, float, float] | None:
    if text is None:
        return None
    expected = "expected three numbers: right ascension, declination and radius in degrees (ICRS)"
    numbers = _numbers("CIRCLE", text, expected)
    if len(numbers) != 3:
        raise SelectionError("CIRCLE", text, f"{len(numbers)} numbers, {expected}")
    if not 0.0 <= numbers[2] <= 180.0:
        raise SelectionError("CIRCLE", text, f"radius {numbers[2]!r}, expected degrees from 0 to 180")
    return (*_position("CIRCLE", text, numbers[0], numbers[1]), numbers[2])


def _polygon(text: str | None) -> tuple[tuple[float, float], ...] | None:
    if text is None:
        return None
    expected = "expected right ascension and declination in degrees (ICRS) of at least three corners"
    numbers = _numbers("POLYGON", text, expected)
    if len(numbers) < 6 or len(numbers) % 2:
        raise SelectionError("POLYGON", text, f"{len(numbers)} numbers, {expected}")
    if len(numbers) > 2 * MOST_CORNERS:
        raise SelectionError("POLYGON", text, f"{len(numbers) // 2} corners, expected at most {MOST_CORNERS}")
    corners = tuple(
        _position("POLYGON", text, ra, dec) for ra, dec in zip(numbers[::2], numbers[1::2], strict=True)
    )
    try:
        SkyPolygon(corners)
    except ValueError as error:
        raise SelectionError("POLYGON", text, str(error)) from error
    return corners


def _interval(name: str, text: str | None, unit: str, limits: tuple[float, float]) -> Interval | None:
    if text is None:
        return None
    expected = f"expected two {unit}, the lower one first, -Inf or +Inf for an open end"
    numbers = _numbers(name, text, expected)
    if len(numbers) != 2:
        raise SelectionError(name, text, f"{len(numbers)} numbers, {expected}")
    low, high = numbers
    if low > high or low == math.inf or high == -math.inf:
        raise SelectionError(name, text, f"empty, {expected}")
    for number in numbers:
        if math.isfinite(number) and not limits[0] <= number <= limits[1]:
            written = f"from {limits[0]:g}" + (f" to {limits[1]:g}" if math.isfinite(limits[1]) else "")
            raise SelectionError(name, text, f"{number!r}, expected {unit} {written}")
    return Interval(low, high)


def _written(numbers: Sequence[float]) -> str:
    return " ".join(
        repr(number) if math.isfinite(number) else ("+Inf" if number > 0 else "-Inf") for number in numbers
    )
