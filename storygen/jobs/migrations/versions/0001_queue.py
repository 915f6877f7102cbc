"""The queue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables of the first version."""
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("key", sa.String(200)),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("batch", sa.String(64), nullable=False, server_default=""),
        sa.Column("submission", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
        sa.Column("available", sa.Double, nullable=False),
        sa.Column("started", sa.Double),
        sa.Column("ended", sa.Double),
        sa.Column("claims", sa.Integer, nullable=False, server_default="0"),
        sa.Column("worker", sa.String(200), nullable=False, server_default=""),
        sa.Column("lease_until", sa.Double),
        sa.Column("is_cancelling", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("title", sa.Text, nullable=False, server_default=""),
        sa.Column("stage", sa.String(32), nullable=False, server_default=""),
        sa.Column("progress", sa.Double, nullable=False, server_default="0"),
        sa.Column("eta_seconds", sa.Double),
        sa.Column("result", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("changed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("events", sa.Integer, nullable=False, server_default="0"),
        sa.UniqueConstraint("caller", "key", name="jobs_caller_key"),
    )
    op.create_index("jobs_waiting", "jobs", ["state", "available"])
    op.create_index("jobs_newest", "jobs", ["created", "id"])
    op.create_index("jobs_of_caller", "jobs", ["caller", "created", "id"])
    op.create_index("jobs_open", "jobs", ["caller", "state"])
    op.create_index("jobs_of_batch", "jobs", ["batch"])
    op.create_table(
        "job_events",
        sa.Column("job", sa.String(64), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("data", sa.Text, nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("created", sa.Double, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("job", sa.String(64), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("due", sa.Double),
        sa.Column("said", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("deliveries_due", "deliveries", ["due"])
