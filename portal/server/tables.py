"""The tables of accounts. Migrations make them; a test holds both together."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What all tables share. Constraints have names, so that migrations can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_index",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it from the class)
        str: Text(),
        int: BigInteger(),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(none_as_null=True),
    }


class UserRow(Base):
    """Someone who has logged in, known by the provider's issuer and subject."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    issuer: Mapped[str]
    subject: Mapped[str]
    name: Mapped[str]
    email: Mapped[str | None]
    made: Mapped[datetime] = mapped_column(server_default=func.now())
    seen: Mapped[datetime] = mapped_column(server_default=func.now())


class QueryRow(Base):
    """A stored query."""

    __tablename__ = "queries"
    __table_args__ = (Index(None, "user_id", "made"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    service: Mapped[str]
    name: Mapped[str | None]
    adql: Mapped[str]
    search: Mapped[dict[str, Any] | None]
    view: Mapped[str | None]
    count: Mapped[int | None]
    made: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    last_run: Mapped[datetime | None]
    release: Mapped[str | None]
    shared: Mapped[str | None] = mapped_column(unique=True)


class BasketRow(Base):
    """A basket."""

    __tablename__ = "baskets"
    __table_args__ = (Index(None, "user_id", "made"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str]
    note: Mapped[str | None]
    made: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    changed: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    shared: Mapped[str | None] = mapped_column(unique=True)


class ItemRow(Base):
    """A data set in a basket. Positions grow: the order is that of putting in."""

    __tablename__ = "basket_items"
    __table_args__ = (Index(None, "basket_id", "position"),)

    basket_id: Mapped[UUID] = mapped_column(ForeignKey("baskets.id", ondelete="CASCADE"), primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    did: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Identity())
    label: Mapped[str | None]
    note: Mapped[str | None]
    size: Mapped[int | None]
