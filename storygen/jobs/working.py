"""One claimed job, from its order to its end: what the embedded worker and a broker's tasks have in common."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from storygen.choices import with_choices
from storygen.endings import Ending, fault
from storygen.errors import Cancelled, ResourceFailure, StorygenError
from storygen.events import Observer
from storygen.jobs.base import Job, Jobs, JobState, Result, Submission
from storygen.jobs.scribe import Scribe
from storygen.jobs.traces import processing
from storygen.production import Order, Performance, past_durations, perform
from storygen.resilience.gears import Gears
from storygen.scripts import Reading, read_text, read_topic
from storygen.settings import Settings
from storygen.store.files import discard
from storygen.store.history import PastDurations
from storygen.store.records import digest
from storygen.store.unfinished import Begun
from storygen.story import Source

R = TypeVar("R")
LONGEST_WAIT = 5.0
_LOG = logging.getLogger("storygen.jobs")


class Films(Protocol):
    """Where finished films are kept."""

    async def put(self, run_id: str, folder: Path) -> str:
        """Keep the files of a film's folder; returns the name of their place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the work on a job ended: what `Jobs.finish` is told."""

    state: JobState
    result: Result | None = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Works on jobs that were claimed under the name `worker`.

    `settings` gives the operator's settings that hold when a job begins; `observers` are told of every run.
    """

    jobs: Jobs
    settings: Callable[[], Settings]
    worker: str
    gears: Gears
    films: Films
    observers: Sequence[Observer] = field(default=())
    queue: str = "runs"

    async def work(self, job: Job) -> Ended:
        """Make the film of a job and say how that ended; the job itself is not ended.

        Raises `CancelledError` where the task is cancelled: whoever did that knows what is to become of the job.
        """
        try:
            return await self._make(job, with_choices(self.settings(), job.submission.settings))
        except StorygenError as error:
            return Ended(state=_state(error), error=error.fields())
        except Exception as error:  # noqa: BLE001 - one job must not end the worker
            _LOG.exception("A fault of storygen spoiled run %s.", job.id)
            return Ended(state=JobState.FAILED, error=fault(error))

    async def finish(self, job: Job, ended: Ended) -> None:
        """End the job, however long the database is away; one that another worker has by now is left to it.

        One that is only ready for the next step goes back into the queue.
        """
        if ended.state is JobState.QUEUED:
            await insisting(partial(self.jobs.release, job.id, self.worker))
            return
        await insisting(
            partial(self.jobs.finish, job.id, self.worker, ended.state, result=ended.result, error=ended.error)
        )

    async def _make(self, job: Job, settings: Settings) -> Ended:
        """The film, and where it is kept."""
        ending, order, past = Ending(), await self._order(job, settings), await past_of(settings)
        with processing(self.observers, self.queue, job):
            async with Scribe(self.jobs, job, self.worker, past) as scribe:
                performance = await perform(
                    order,
                    settings,
                    (*self.observers, ending, scribe),
                    self.gears,
                    run_id=job.id,
                    longest=settings.queue.run_timeout,
                )
                scribe.title = job.submission.name or performance.delivery.manifest.title
        folder = await self._put(job, performance.delivery.folder)
        return Ended(state=JobState.SUCCESS, result=_result(performance, folder, ending))

    async def _order(self, job: Job, settings: Settings) -> Order:
        """What is to be made, and what an earlier worker has made of it."""
        order = await asyncio.to_thread(order_of, job, settings)
        return replace(order, earlier=await self._earlier(job))

    async def _put(self, job: Job, made: Path) -> str:
        """Hand the film over; where it is kept elsewhere the folder that it was made in goes."""
        place = await self.films.put(job.id, made)
        await asyncio.to_thread(_leave, made, place)
        return place

    async def _earlier(self, job: Job) -> Begun | None:
        """The run of this job that a worker began and did not end well, so that this one is linked to it."""
        after, found = 0, None
        while told := await insisting(partial(self.jobs.events, job.id, after)):
            after = told[-1].number
            began = [event for event in told if event.kind == "began"]
            found = began[-1] if began else found
        if found is None and job.claims <= 1:
            return None
        return Begun(run_id=job.id, traceparent=str(found.data["traceparent"]) if found is not None else "")


async def past_of(settings: Settings) -> list[PastDurations]:
    """How long the stages of earlier runs took."""
    return await asyncio.to_thread(past_durations, settings)


def _leave(made: Path, place: str) -> None:
    if place != str(made.absolute()):
        discard(made)


def order_of(job: Job, settings: Settings) -> Order:
    """What a job asks for, in a folder of its own. Raises `InvalidScript`."""
    reading = reading_of(job.submission, settings)
    story = reading.story()
    takes = {int(scene): take for scene, take in job.submission.takes.items()}
    source = Source(
        name=job.submission.name or reading.name, format=reading.format, sha256=digest(story), origin=digest(job.id)
    )
    return Order(story=story, source=source, folder=settings.folders.films / job.id, takes=takes)


def reading_of(asked: Submission, settings: Settings) -> Reading:
    """What was read in a submission's text. Raises `InvalidScript`."""
    film = settings.film
    if asked.format == "topic":
        return read_topic(asked.text, film.language, film.seconds, asked.seed)
    return read_text(asked.text.encode("utf-8", "surrogatepass"), asked.name or "story", language=film.language)


async def insisting(work: Callable[[], Awaitable[R]]) -> R:
    """What `work` gives, tried again for as long as the database is away."""
    wait = 0.1
    while True:
        try:
            return await work()
        except ResourceFailure as error:
            _LOG.warning("The queue's database is away, and is tried again in %g s: %s", wait, error.message)
            await asyncio.sleep(wait)
            wait = min(LONGEST_WAIT, 2 * wait)


def stopped(reason: str = "The run was cancelled.") -> Ended:
    """The end of a job that somebody cancelled."""
    said = Cancelled(reason, hint="What is finished is kept: trying it again goes on from here.")
    return Ended(state=JobState.CANCELLED, error=said.fields())


def _state(error: StorygenError) -> JobState:
    if error.kind == "cancelled":
        return JobState.CANCELLED
    return JobState.TIMEOUT if error.kind in {"timeout", "stage_timeout"} else JobState.FAILED


def _result(performance: Performance, folder: str, ending: Ending) -> Result:
    manifest = performance.delivery.manifest
    return Result(
        folder=folder,
        fidelity=manifest.fidelity.value,
        reasons=manifest.reasons,
        film_seconds=manifest.film_seconds,
        cost_usd=manifest.cost_usd,
        seconds=round(ending.seconds, 3),
        trace_id=ending.trace_id,
    )
