"""A search: what people fill in, and the ADQL that comes of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from portal.server.models.base import Model

Degrees = Annotated[float, Field(ge=-360, le=360)]


class Position(Model):
    """A place in the sky."""

    ra: float = Field(ge=0, lt=360, description="ICRS, degrees.")
    dec: float = Field(ge=-90, le=90, description="ICRS, degrees.")
    label: str | None = Field(None, max_length=200)


class Cone(Model):
    """One or several cones; a row that lies in any of them is found."""

    positions: list[Position] = Field(min_length=1, max_length=200)
    radius: float = Field(gt=0, le=180, description="Degrees.")
    what: Literal["pointing", "region"] = Field(
        "pointing",
        description="'pointing': s_ra, s_dec lie in it; 'region': the field of view (s_region) meets it.",
    )


class TimeSpan(Model):
    """An interval of time, open where a bound is None."""

    start: float | None = Field(None, description="MJD in TT.")
    end: float | None = Field(None, description="MJD in TT.")
    how: Literal["overlaps", "within"] = Field(
        "overlaps", description="Observations that meet it, or lie in it."
    )


class Energy(Model):
    """A range of energies, open where a bound is None."""

    low: float | None = Field(None, gt=0, description="eV.")
    high: float | None = Field(None, gt=0, description="eV.")
    how: Literal["overlaps", "contains", "within"] = Field(
        "overlaps", description="The observation's range meets this one, contains it, or lies within it."
    )


class Among(Model):
    """A column has one of these values."""

    kind: Literal["among"] = "among"
    field: str
    values: list[str] = Field(min_length=1, max_length=500)


class Between(Model):
    """A column lies between bounds, which belong to it; in the field's unit."""

    kind: Literal["between"] = "between"
    field: str
    low: float | None = None
    high: float | None = None


class Contains(Model):
    """A column's text contains this, whatever its case."""

    kind: Literal["contains"] = "contains"
    field: str
    text: str = Field(min_length=1, max_length=200)


Condition = Annotated[Among | Between | Contains, Field(discriminator="kind")]


class Search(Model):
    """What is filled in."""

    table: str | None = Field(None, description="Key of a table of the service; None for the default.")
    cone: Cone | None = None
    time: TimeSpan | None = None
    intervals: list[tuple[float, float]] | None = Field(
        None,
        max_length=1000,
        description="MJD in TT: the observation's time coverage (its TMOC) meets one of these.",
    )
    energy: Energy | None = None
    conditions: list[Condition] = Field(default_factory=list, max_length=60)


class Ask(Model):
    """What rows are meant: a search, or ADQL that people wrote themselves. Exactly one of the two."""

    search: Search | None = None
    adql: str | None = Field(
        None, max_length=100_000, description="A SELECT without TOP, OFFSET and ORDER BY."
    )


class Ignored(Model):
    """A part of a search that the service cannot answer; the search is refused as long as there is one."""

    part: str
    reason: str


class Snippets(Model):
    """Code that gets the same rows elsewhere."""

    pyvo: str
    topcat: str


class Written(Model):
    """The ADQL of a search."""

    adql: str
    impossible: list[Ignored]
    snippets: Snippets
