"""The two spans of a job beside its run's own: `send`, when it was accepted, and `process`, while it is worked on."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from storygen import events
from storygen.events import Observer
from storygen.jobs.base import Job

RUNS = "runs"


@contextmanager
def sending(observers: Sequence[Observer], queue: str = RUNS, *, parent: str = "", count: int = 1) -> Iterator[str]:
    """A `send` span around the submission of `count` jobs; gives the W3C trace context that they carry, if traced.

    `parent` is the trace context of the request that asks for it.
    """
    with (
        events.watched(events.Watch(observers)),
        events.timed("send", queue, parent=parent, count=count) as span,
    ):
        yield span.traceparent


@contextmanager
def processing(observers: Sequence[Observer], queue: str, job: Job) -> Iterator[None]:
    """A `process` span around the work on a job, in the trace of its submission; it tells how long the job waited."""
    sent = job.submission.traceparent
    waited = max(0.0, time.time() - (job.available or job.created)) if job.claims <= 1 else None
    with (
        events.watched(events.Watch(observers, job.id)),
        events.timed("process", queue, parent=sent, link=sent, job=job.id, claim=job.claims, waited=waited),
    ):
        yield
