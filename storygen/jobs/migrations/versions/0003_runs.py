"""The history of runs, for machines that share one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("started", sa.Double, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("fidelity", sa.String(32), nullable=False),
        sa.Column("film_seconds", sa.Double),
        sa.Column("scenes", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("cost_usd", sa.Double),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        sa.Column("recording", sa.LargeBinary, nullable=False),
    )
    op.create_index("runs_started", "runs", ["started"])
