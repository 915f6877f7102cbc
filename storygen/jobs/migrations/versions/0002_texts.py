"""Texts in a table of their own, what became of deliveries, and indexes for claims and for retention."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_JOBS = sa.table("jobs", sa.column("id"), sa.column("submission"))
_AT_ONCE = 200


def upgrade() -> None:
    """Go forward, with the texts that there are."""
    texts = op.create_table(
        "texts",
        sa.Column("job", sa.String(64), sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
    )
    _move(op.get_bind(), texts)
    op.add_column("deliveries", sa.Column("is_delivered", sa.Boolean, nullable=False, server_default=sa.false()))
    op.drop_index("jobs_waiting", "jobs")
    op.create_index("jobs_waiting", "jobs", ["state", "available", "id"])
    op.create_index("jobs_ended", "jobs", ["ended"])


def _move(connection: sa.Connection, texts: sa.Table) -> None:
    last = ""
    while True:
        query = sa.select(_JOBS).where(_JOBS.c.id > last).order_by(_JOBS.c.id).limit(_AT_ONCE)
        rows = connection.execute(query).all()
        if not rows:
            return
        for row in rows:
            rest = json.loads(row.submission)
            connection.execute(texts.insert().values(job=row.id, text=rest.pop("text")))
            connection.execute(sa.update(_JOBS).where(_JOBS.c.id == row.id).values(submission=json.dumps(rest)))
        last = rows[-1].id
