"""The queue's figures as they are in the database, for the one process that shows them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import Engine, func, select

from storygen.jobs import views
from storygen.jobs.base import JobState
from storygen.jobs.tables import events, jobs
from storygen.jobs.traces import RUNS
from storygen.telemetry.queues import QueueGauges, QueueStanding, watch_queue

if TYPE_CHECKING:
    from storygen.telemetry.setup import Telemetry


def standing(engine: Engine, now: float) -> QueueStanding:
    """Count jobs, and say how old the oldest are and how long nothing was heard of one that runs."""
    heard = (
        select(func.max(events.c.at).label("at"))
        .join(jobs, jobs.c.id == events.c.job)
        .where(jobs.c.state == JobState.RUNNING.value)
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


def show_queue(telemetry: Telemetry, engine: Engine, queue: str = RUNS) -> QueueGauges | None:
    """Show the queue among the metrics of this process; None where it has none. Close it when the process ends."""
    if telemetry.registry is None:
        return None
    return watch_queue(telemetry.registry, queue, lambda: standing(engine, time.time()))
