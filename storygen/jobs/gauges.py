"""The queue's figures as they are in the database, for the one process that shows them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Engine, func, select

from storygen.jobs import views
from storygen.jobs.base import JobState
from storygen.jobs.scribe import PROGRESS
from storygen.jobs.store import SqlJobs
from storygen.jobs.tables import events, jobs
from storygen.jobs.traces import RUNS
from storygen.telemetry.queues import QueueGauges, QueueStanding

if TYPE_CHECKING:
    from storygen.telemetry.setup import Telemetry


def standing(engine: Engine, now: float) -> QueueStanding:
    """Count jobs, and say how old the oldest are and how long nothing was heard of one that runs."""
    heard = (
        select(func.max(events.c.at).label("at"))
        .join(jobs, jobs.c.id == events.c.job)
        .where(jobs.c.state == JobState.RUNNING.value, events.c.kind != PROGRESS)
        .group_by(events.c.job)
        .subquery()
    )
    with engine.connect() as connection:
        last = connection.execute(select(func.min(heard.c.at))).scalar_one()
        return QueueStanding(
            counts=views.counts(connection),
            oldest=views.oldest(connection, now),
            silent=None if last is None else max(0.0, now - last),
        )


@contextmanager
def showing(telemetry: Telemetry, queue: SqlJobs) -> Iterator[None]:
    """Show the queue among the metrics of this process, where it has any, for the time of a block."""
    registry = telemetry.registry
    if registry is None:
        yield
        return
    gauges = QueueGauges(RUNS, lambda: standing(queue.engine, time.time()))
    registry.register(gauges)
    try:
        yield
    finally:
        registry.unregister(gauges)
        gauges.close()
