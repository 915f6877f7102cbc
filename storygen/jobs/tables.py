"""The tables of the queue. Times are Unix seconds; documents are JSON text, so that every database can hold them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData()

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("caller", String(200), nullable=False),
    Column("key", String(200)),
    Column("content", String(64), nullable=False),
    Column("batch", String(64), nullable=False, server_default=""),
    Column("submission", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created", Double, nullable=False),
    Column("available", Double, nullable=False),
    Column("started", Double),
    Column("ended", Double),
    Column("claims", Integer, nullable=False, server_default="0"),
    Column("worker", String(200), nullable=False, server_default=""),
    Column("lease_until", Double),
    Column("is_cancelling", Boolean, nullable=False, server_default=false()),
    Column("title", Text, nullable=False, server_default=""),
    Column("stage", String(32), nullable=False, server_default=""),
    Column("progress", Double, nullable=False, server_default="0"),
    Column("eta_seconds", Double),
    Column("result", Text),
    Column("error", Text),
    Column("changed", Integer, nullable=False, server_default="0"),
    Column("events", Integer, nullable=False, server_default="0"),
    UniqueConstraint("caller", "key", name="jobs_caller_key"),
)
Index("jobs_waiting", jobs.c.state, jobs.c.available, jobs.c.id)
Index("jobs_newest", jobs.c.created, jobs.c.id)
Index("jobs_of_caller", jobs.c.caller, jobs.c.created, jobs.c.id)
Index("jobs_open", jobs.c.caller, jobs.c.state)
Index("jobs_of_batch", jobs.c.batch)
Index("jobs_ended", jobs.c.ended)

# Apart from the jobs, whose rows are written anew with every step of a run and read by the hundred.
texts = Table(
    "texts",
    metadata,
    Column("job", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("text", Text, nullable=False),
)

events = Table(
    "job_events",
    metadata,
    Column("job", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("data", Text, nullable=False),
)

batches = Table(
    "batches",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("caller", String(200), nullable=False),
    Column("name", String(200), nullable=False),
    Column("created", Double, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("job", String(64), ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("url", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due", Double),
    Column("is_delivered", Boolean, nullable=False, server_default=false()),
    Column("said", Text, nullable=False, server_default=""),
)
Index("deliveries_due", deliveries.c.due)

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("started", Double, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("fidelity", String(32), nullable=False),
    Column("film_seconds", Double),
    Column("scenes", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("cost_usd", Double),
    Column("folder", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("recording", LargeBinary, nullable=False),
)
Index("runs_started", runs.c.started)
