"""Preview jobs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import Field

from portal.server.models.base import Model


class Phase(StrEnum):
    """Phases of UWS 1.1."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    ABORTED = "ABORTED"
    UNKNOWN = "UNKNOWN"
    HELD = "HELD"
    SUSPENDED = "SUSPENDED"
    ARCHIVED = "ARCHIVED"


class Parameter(Model):
    """A parameter of the analysis, with what is sensible."""

    name: str
    label: str
    kind: Literal["number", "choice", "text"]
    unit: str | None
    value: str | None = Field(description="Prefilled from the basket.")
    low: float | None
    high: float | None
    choices: list[str] | None
    description: str


class JobForm(Model):
    """What a job on a basket can be told."""

    runner: str
    parameters: list[Parameter]
    items: int = Field(description="How many data sets of the basket it would use.")
    left_out: list[str] = Field(description="Why others are not used.")


class NewJob(Model):
    """A job to start."""

    runner: str = Field("own", description="Key of a UWS service that the operator allows.")
    basket: UUID
    name: str | None = Field(None, max_length=200)
    parameters: dict[str, str] = Field(default_factory=dict, max_length=40)


class JobResult(Model):
    """A file that a job made."""

    id: str
    label: str
    content_type: str | None
    size: int | None
    url: str = Field(description="On this server.")


class Job(Model):
    """A job and how it goes."""

    id: UUID
    name: str
    runner: str
    basket: UUID | None
    basket_name: str
    items: int
    parameters: dict[str, str]
    phase: Phase
    progress: str | None = Field(description="What it is doing, in words.")
    fraction: float | None = Field(ge=0, le=1)
    made: datetime
    started: datetime | None
    ended: datetime | None
    error: str | None
    results: list[JobResult]
    retry_of: UUID | None


class ProvenanceNode(Model):
    """An entity, activity or agent of a job's provenance."""

    id: str
    kind: Literal["entity", "activity", "agent"]
    label: str
    url: str | None
    attributes: dict[str, str]


class ProvenanceEdge(Model):
    """A relation of the W3C's PROV, such as used or wasGeneratedBy."""

    source: str
    target: str
    relation: str


class ProvenanceGraph(Model):
    """Where a job's results come from."""

    nodes: list[ProvenanceNode]
    edges: list[ProvenanceEdge]
