"""What the pages have to know before anything is asked, and what a service can do."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from portal.server.models.base import Model


class Availability(Model):
    """Whether something can be used, and why not."""

    available: bool
    reason: str | None = Field(None, description="Why not, in a sentence for people.")


class ServiceInfo(Model):
    """One of the TAP services that the operator allows."""

    key: str = Field(description="Name in URLs of this API.")
    label: str
    url: str = Field(description="The TAP service's base URL, for snippets.")
    is_own: bool = Field(description="Whether it is this archive's own: preview jobs and rights apply to it.")


class RunnerInfo(Model):
    """One of the services that run preview jobs."""

    key: str = Field(description="What a new job names.")
    label: str
    is_own: bool = Field(description="Whether it is the one that comes with the explorer.")


class ResolverInfo(Model):
    """A resolver of names."""

    name: Literal["own", "simbad", "ned", "vizier"]
    label: str
    state: Availability


class SurveyInfo(Model):
    """A picture of the sky for the map (HiPS)."""

    id: str
    label: str
    url: str = Field(description="URL of the HiPS, on this server for local ones.")
    is_local: bool
    state: Availability


class Limits(Model):
    """Bounds that the pages tell people about."""

    page_rows: int
    overview_rows: int
    export_rows: int
    basket_items: int
    job_items: int


class Login(Model):
    """How to log in."""

    state: Availability
    provider: str | None = Field(None, description="The provider's name for people.")


class Config(Model):
    """What the pages have to know first."""

    title: str
    version: str
    notice: str | None = Field(
        None, description="A sentence to show on every page, such as 'simulated data'."
    )
    services: list[ServiceInfo]
    default_service: str
    resolvers: list[ResolverInfo]
    surveys: list[SurveyInfo]
    login: Login
    jobs: Availability
    runners: list[RunnerInfo] = Field(description="The first one is taken where people choose none.")
    limits: Limits


class FieldKind(StrEnum):
    """How a search field is filled in."""

    CHOICE = "choice"
    RANGE = "range"
    TEXT = "text"


class FieldInfo(Model):
    """A search field beyond cone, time and energy, and whether the chosen table has it."""

    key: str
    group: Literal["observation", "programme", "conditions", "data"]
    label: str
    kind: FieldKind
    unit: str | None
    description: str
    column: str | None = Field(
        description="The column asked for; None if the table has none of those it could be."
    )
    state: Availability


class ColumnInfo(Model):
    """A column, as the service describes it."""

    name: str
    datatype: str
    unit: str | None
    ucd: str | None
    utype: str | None
    description: str | None
    principal: bool


class TableInfo(Model):
    """A table, or a join of two, that can be searched: it has ObsCore's columns."""

    key: str = Field(description="What a search names; the table's name, or several joined by '+'.")
    label: str
    description: str | None
    has_extension: bool = Field(description="Whether the High-Energy extension's columns are there.")


class Feature(Model):
    """One of cone, time, intervals, energy, sorting, paging, moc."""

    key: Literal["cone", "region", "time", "intervals", "energy", "offset", "nocase"]
    state: Availability


class Capabilities(Model):
    """What can be searched in one table of a service."""

    service: str
    table: str
    tables: list[TableInfo]
    features: list[Feature]
    fields: list[FieldInfo]
    columns: list[ColumnInfo]
    time_scale: Annotated[
        str, Field(description="Scale of t_min and t_max as declared (TIMESYS), such as 'TT'.")
    ]
    release: str | None = Field(description="Version of the release, as far as the service tells.")
    notice: str | None = Field(
        None, description="A sentence if this is what was known earlier, because the service does not answer."
    )


class Choice(Model):
    """A value that a column has."""

    value: str
    count: int | None


class Choices(Model):
    """Values that a column has."""

    field: str
    values: list[Choice]
    complete: bool = Field(description="Whether these are all.")


class Target(Model):
    """A target of the service's own observations."""

    name: str
    ra: float = Field(description="ICRS, degrees.")
    dec: float = Field(description="ICRS, degrees.")
    observations: int


class Targets(Model):
    """Targets whose names have a part."""

    values: list[Target]
    complete: bool = Field(description="Whether these are all.")
    reason: str | None = Field(
        default=None,
        description="Why the service could not be asked for others than its most frequent targets.",
    )
