"""What all models of the API share."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """A model that refuses unknown keys and numbers that are none."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, frozen=True)


class Problem(Model):
    """What went wrong, in words for people; the body of every answer that is not a success."""

    code: str = Field(description="A stable word for programs, such as 'service_down'.")
    message: str = Field(description="What happened and what to do, in one or two sentences.")
    detail: dict[str, Any] | None = Field(None, description="Figures that belong to it.")
    request_id: str | None = Field(None, description="What the logs call this request.")
