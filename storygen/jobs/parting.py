"""A job in two parts, on machines of two kinds: one waits for vendors, one renders what it finds in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from storygen.jobs.base import Job, JobState
from storygen.jobs.scribe import Scribe
from storygen.jobs.traces import processing
from storygen.jobs.working import Ended, Hand, insisting, past_of
from storygen.preparing import prepare
from storygen.production import Order
from storygen.settings import Settings
from storygen.store import records
from storygen.store.unfinished import Begun
from storygen.story import Cost, Stage
from storygen.surroundings import forget_lost

PREPARED = "prepared"


class Preparer(Hand):
    """Makes all that a film waits for, and puts the job back for those who render."""

    __slots__ = ()

    async def _make(self, job: Job, settings: Settings) -> Ended:
        order, past = await self._order(job, settings), await past_of(settings)
        with processing(self.observers, self.queue, job):
            async with Scribe(self.jobs, job, self.worker, past) as scribe:
                spent = await prepare(
                    order,
                    settings,
                    (*self.observers, scribe),
                    self.gears,
                    run_id=job.id,
                    longest=settings.queue.run_timeout,
                )
        told = (PREPARED, {"spent": records.plain(spent)})
        await insisting(partial(self.jobs.note, job.id, self.worker, [told], stage=Stage.ASSEMBLY.value))
        forget_lost(self.gears, job.id)
        return Ended(state=JobState.QUEUED)


class Renderer(Hand):
    """Makes the film; what was prepared for it is found in the cache, and its cost is that of both parts."""

    __slots__ = ()

    async def _order(self, job: Job, settings: Settings) -> Order:
        order, told = await super()._order(job, settings), await self._prepared(job)
        if told is None:
            return order
        # It goes on from what was prepared, so that a stand-in of then is used, and nobody is asked once more.
        earlier = order.earlier or Begun(run_id=job.id, traceparent=job.submission.traceparent)
        return replace(order, earlier=earlier, spent=records.load(Cost, told["spent"], Path()))

    async def _prepared(self, job: Job) -> Mapping[str, Any] | None:
        """What was said when the job was last prepared, since somebody asked for it; None where it was not."""
        after, found = 0, None
        while told := await insisting(partial(self.jobs.events, job.id, after)):
            after = told[-1].number
            for event in told:
                found = event.data if event.kind == PREPARED else None if event.kind == "queued" else found
        return found
