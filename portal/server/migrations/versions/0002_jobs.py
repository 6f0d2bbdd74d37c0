"""Preview jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("runner", sa.Text(), nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("account", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("basket_id", sa.Uuid()),
        sa.Column("basket_name", sa.Text(), nullable=False),
        sa.Column("items", postgresql.JSONB(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("progress", sa.Text()),
        sa.Column("fraction", sa.Float()),
        sa.Column(
            "made", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("started", sa.DateTime(timezone=True)),
        sa.Column("ended", sa.DateTime(timezone=True)),
        sa.Column("seen", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text()),
        sa.Column("results", postgresql.JSONB(), nullable=False),
        sa.Column("retry_of", sa.Uuid()),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="jobs_user_id_fkey", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["basket_id"], ["baskets.id"], name="jobs_basket_id_fkey", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["retry_of"], ["jobs.id"], name="jobs_retry_of_fkey", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="jobs_pkey"),
    )
    op.create_index("jobs_user_id_made_index", "jobs", ["user_id", "made"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("jobs")
