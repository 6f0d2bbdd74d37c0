"""The table of preview jobs. Migrations make it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.server.tables import Base


class JobRow(Base):
    """A job at a UWS service, and what was last seen of it.

    Basket's name and data sets are copies: the basket may change or go afterwards.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "user_id", "made"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    runner: Mapped[str]
    # The job at the runner; NULL until it has taken it.
    url: Mapped[str | None]
    # Which of the explorer's accounts it was handed in with.
    account: Mapped[str | None]
    name: Mapped[str]
    basket_id: Mapped[UUID | None] = mapped_column(ForeignKey("baskets.id", ondelete="SET NULL"))
    basket_name: Mapped[str]
    items: Mapped[list[Any]] = mapped_column(JSONB)
    parameters: Mapped[dict[str, Any]]
    phase: Mapped[str]
    progress: Mapped[str | None]
    fraction: Mapped[float | None]
    made: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    started: Mapped[datetime | None]
    ended: Mapped[datetime | None]
    # When the runner was last asked.
    seen: Mapped[datetime | None]
    error: Mapped[str | None]
    results: Mapped[list[Any]] = mapped_column(JSONB)
    retry_of: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
