"""What a search gives: pages, the overview behind map and plots, links."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from portal.server.models.base import Model
from portal.server.models.config import ColumnInfo
from portal.server.models.search import Ask

Cell = str | float | int | bool | None | list[float | int | str | None]


class Counted(Model):
    """How many rows there are in all."""

    count: int
    seconds: float
    adql: str


class SortKey(Model):
    """A column to sort by."""

    column: str
    descending: bool = False


class PageRequest(Ask):
    """One page of the rows, sorted as a whole."""

    sort: list[SortKey] = Field(default_factory=list, max_length=3)
    offset: int = Field(0, ge=0, le=100_000_000)
    limit: int = Field(50, ge=1, le=500)
    columns: list[str] | None = Field(
        None, max_length=200, description="None for the table's principal columns."
    )


class Page(Model):
    """Rows of the answer, in its order."""

    columns: list[ColumnInfo]
    rows: list[list[Cell]]
    offset: int
    overflow: bool = Field(description="Whether the service cut the answer short of what was asked.")
    adql: str
    key_column: str | None = Field(
        description="The column that tells rows apart (obs_publisher_did), if it is there."
    )
    seconds: float


class Footprint(Model):
    """A field of view."""

    kind: Literal["circle", "polygon"]
    points: list[float] = Field(
        description="Degrees ICRS: ra, dec, radius of a circle; ra, dec of each corner."
    )


class Observed(Model):
    """What map and plots show of one row. None is what the service does not have."""

    did: str
    obs_id: str | None
    product: str | None = Field(description="dataproduct_type.")
    target_name: str | None
    ra: float | None
    dec: float | None
    target_ra: float | None
    target_dec: float | None
    region: Footprint | None
    t_min: float | None
    t_max: float | None
    intervals: list[tuple[float, float]] | None = Field(description="Good time, MJD in TT, from the TMOC.")
    energy_min: float | None = Field(description="eV.")
    energy_max: float | None = Field(description="eV.")
    zenith: float | None = Field(description="Degrees.")
    livetime: float | None = Field(description="Seconds.")
    events: int | None
    size: int | None = Field(description="Bytes, as the service estimates them; None behind DataLink.")


class Overview(Model):
    """All rows, or as many as map and plots can show."""

    rows: list[Observed]
    total: int
    truncated: bool
    moc: str | None = Field(description="Space MOC of the fields of view (JSON of MOC 2.0), for the map.")
    seconds: float


class Drawn(Model):
    """Fields of view that are drawn."""

    footprints: list[Footprint] = Field(min_length=1)


class Coverage(Model):
    """The part of the sky that fields of view cover."""

    moc: str | None = Field(description="Space MOC (JSON of MOC 2.0); None if they cover nothing.")


class Link(Model):
    """One row of a DataLink document."""

    access_url: str | None
    description: str | None
    semantics: str
    content_type: str | None
    content_length: int | None
    content_qualifier: str | None
    service_def: str | None = Field(
        description="Name of the service that the link needs, if it is one to be asked."
    )
    error: str | None = Field(description="Why there is no link.")


class LinkGroup(Model):
    """Links of one meaning."""

    semantics: str
    label: str
    links: list[Link]


class Links(Model):
    """A data set's DataLink document, grouped."""

    id: str
    groups: list[LinkGroup]
    document_url: str


class Resolved(Model):
    """Where an object is."""

    name: str
    ra: float
    dec: float
    resolver: str
    object_type: str | None
    aliases: list[str]


class ResolveRequest(Model):
    """A name to look up."""

    name: str = Field(min_length=1, max_length=200)
    resolver: Literal["own", "simbad", "ned", "vizier", "any"] = "any"
    service: str | None = Field(None, description="Whose own targets are looked at first.")


class ExportRequest(Ask):
    """Rows as a file."""

    format: Literal["votable", "csv", "ecsv", "parquet"]
    sort: list[SortKey] = Field(default_factory=list, max_length=3)
    columns: list[str] | None = Field(None, max_length=200)
