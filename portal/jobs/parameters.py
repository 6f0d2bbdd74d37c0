"""What a preview job can be told: names, ranges and defaults.

This module needs Python only: the program that runs the analysis, the service that starts it and the portal's
form all take their parameters from here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal

from portal.jobs.errors import ParameterError

Kind = Literal["number", "choice"]

ID = "ID"
"""Name of the parameter with the data sets, which can come many times."""


@dataclass(frozen=True)
class Definition:
    """A parameter.

    Attributes
    ----------
    name, label, description
        What programs and people call it, and what it does.
    kind
        A number or one word of several.
    default
        The value if none is given; None if it comes from the data.
    unit
        Of a number; None if it has none.
    low, high
        Least and largest number.
    choices
        The words.
    """

    name: str
    label: str
    kind: Kind
    default: str | None
    description: str
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] | None = None

    def read(self, text: str) -> float | str:
        """Read a value.

        Raises
        ------
        ParameterError
            It is no number, out of range, or none of the choices.
        """
        if self.choices is not None:
            if text not in self.choices:
                raise ParameterError(f"{self.name}={text[:80]!r}, expected one of {', '.join(self.choices)}")
            return text
        low, high = self.low, self.high
        assert low is not None and high is not None
        try:
            value = float(text)
        except ValueError:
            raise ParameterError(f"{self.name}={text[:80]!r}, expected a number") from None
        if not math.isfinite(value) or not low <= value <= high:
            unit = f" {self.unit}" if self.unit else ""
            raise ParameterError(f"{self.name}={text[:80]}, expected {low:g} to {high:g}{unit}")
        return value


DEFINITIONS: tuple[Definition, ...] = (
    Definition(
        "mode",
        "What to do",
        "choice",
        "preview",
        "preview makes maps, spectrum and light curve; assess only estimates what the runs are worth at the "
        "target, in a few seconds.",
        choices=("preview", "assess"),
    ),
    Definition(
        "ra",
        "Right ascension",
        "number",
        None,
        "Of the target, ICRS. Without it, that of the object that most of the runs name.",
        "deg",
        0,
        360,
    ),
    Definition(
        "dec",
        "Declination",
        "number",
        None,
        "Of the target, ICRS. Without it, that of the object that most of the runs name.",
        "deg",
        -90,
        90,
    ),
    Definition("energy_min", "Lowest energy", "number", "0.1", "Of events to use.", "TeV", 0.005, 100),
    Definition("energy_max", "Highest energy", "number", "100", "Of events to use.", "TeV", 0.02, 500),
    Definition(
        "on_radius",
        "Radius of the on region",
        "number",
        "0.1",
        "Around the target; also the radius over which the excess and significance maps are summed.",
        "deg",
        0.03,
        1,
    ),
    Definition(
        "exclusion_radius",
        "Radius left out of the background",
        "number",
        "0.3",
        "Nothing this near to the target is taken for background.",
        "deg",
        0,
        3,
    ),
    Definition(
        "max_offset",
        "Largest offset",
        "number",
        "2.5",
        "Runs that point farther from the target, and events farther from the pointing, are left out.",
        "deg",
        0.5,
        5,
    ),
    Definition(
        "background",
        "Background of the maps",
        "choice",
        "ring",
        "From a ring around each place, or the model of the whole field of view, scaled to each run.",
        choices=("ring", "fov"),
    ),
    Definition("ring_radius", "Inner radius of the ring", "number", "0.5", "Of the ring.", "deg", 0.1, 3),
    Definition("ring_width", "Width of the ring", "number", "0.3", "Of the ring.", "deg", 0.05, 2),
    Definition("width", "Width of the maps", "number", "3", "Of their sides.", "deg", 0.5, 10),
    Definition("binsz", "Pixels of the maps", "number", "0.02", "Of their sides.", "deg", 0.01, 0.2),
    Definition(
        "light_curve",
        "Steps of the light curve",
        "choice",
        "run",
        "A point for each run, or for each night.",
        choices=("run", "night"),
    ),
)
"""All parameters but the data sets, in the order of the form."""

BY_NAME = {definition.name: definition for definition in DEFINITIONS}


@dataclass(frozen=True)
class Parameters:
    """Values of all parameters: degrees and TeV. The position is None if it is to come from the runs."""

    mode: str
    ra: float | None
    dec: float | None
    energy_min: float
    energy_max: float
    on_radius: float
    exclusion_radius: float
    max_offset: float
    background: str
    ring_radius: float
    ring_width: float
    width: float
    binsz: float
    light_curve: str

    def described(self) -> dict[str, float | str]:
        """Give names and values of those that are set."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def pixels(self) -> int:
        """How many a map has."""
        return math.ceil(self.width / self.binsz) ** 2


def read_parameters(given: Mapping[str, str]) -> Parameters:
    """Read parameters and fill in defaults; an empty text counts as not given.

    Raises
    ------
    ParameterError
        One is unknown, or has no sensible value, or some do not fit together.
    """
    unknown = sorted(set(given) - set(BY_NAME))
    if unknown:
        raise ParameterError(f"Unknown parameter {unknown[0][:80]!r}; there are {', '.join(BY_NAME)}")
    values: dict[str, float | str | None] = {}
    for definition in DEFINITIONS:
        text = given.get(definition.name, "").strip() or definition.default
        values[definition.name] = None if text is None else definition.read(text)
    parameters = Parameters(**values)  # type: ignore[arg-type]
    _check(parameters)
    return parameters


def _check(parameters: Parameters) -> None:
    if (parameters.ra is None) != (parameters.dec is None):
        raise ParameterError("ra and dec: give both or none")
    if parameters.energy_min * 1.5 > parameters.energy_max:
        raise ParameterError(
            f"energy_min={parameters.energy_min:g} and energy_max={parameters.energy_max:g}: "
            "expected a range of at least a factor of 1.5"
        )
    if parameters.binsz > parameters.on_radius:
        raise ParameterError(
            f"binsz={parameters.binsz:g}: expected no more than on_radius={parameters.on_radius:g}"
        )


def check_limits(parameters: Parameters, max_pixels: int) -> None:
    """Refuse maps that would be too large.

    Raises
    ------
    ParameterError
        They would have more pixels than allowed.
    """
    if parameters.pixels > max_pixels:
        raise ParameterError(
            f"width={parameters.width:g} and binsz={parameters.binsz:g} make maps of {parameters.pixels:,} "
            f"pixels, and {max_pixels:,} are allowed"
        )


def unique(dids: Iterable[str]) -> list[str]:
    """Give identifiers without repetitions, in their order."""
    return list(dict.fromkeys(did for did in (text.strip() for text in dids) if did))
