"""Users, stored queries and baskets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NOW, _CLOCK = sa.text("now()"), sa.text("clock_timestamp()")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("made", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
        sa.UniqueConstraint("issuer", "subject", name="users_issuer_subject_key"),
    )
    op.create_table(
        "queries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("adql", sa.Text(), nullable=False),
        sa.Column("search", postgresql.JSONB(none_as_null=True)),
        sa.Column("view", sa.Text()),
        sa.Column("count", sa.BigInteger()),
        sa.Column("made", sa.DateTime(timezone=True), server_default=_CLOCK, nullable=False),
        sa.Column("last_run", sa.DateTime(timezone=True)),
        sa.Column("release", sa.Text()),
        sa.Column("shared", sa.Text()),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="queries_user_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="queries_pkey"),
        sa.UniqueConstraint("shared", name="queries_shared_key"),
    )
    op.create_index("queries_user_id_made_index", "queries", ["user_id", "made"])
    op.create_table(
        "baskets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text()),
        sa.Column("made", sa.DateTime(timezone=True), server_default=_CLOCK, nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), server_default=_CLOCK, nullable=False),
        sa.Column("shared", sa.Text()),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="baskets_user_id_fkey", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="baskets_pkey"),
        sa.UniqueConstraint("shared", name="baskets_shared_key"),
    )
    op.create_index("baskets_user_id_made_index", "baskets", ["user_id", "made"])
    op.create_table(
        "basket_items",
        sa.Column("basket_id", sa.Uuid(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("did", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("label", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("size", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["basket_id"], ["baskets.id"], name="basket_items_basket_id_fkey", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("basket_id", "service", "did", name="basket_items_pkey"),
    )
    op.create_index("basket_items_basket_id_position_index", "basket_items", ["basket_id", "position"])


def downgrade() -> None:
    """Drop the tables, and everything in them."""
    for name in ("basket_items", "baskets", "queries", "users"):
        op.drop_table(name)
