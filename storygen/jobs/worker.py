"""The embedded worker: takes jobs from the durable queue, as many at once as it may, and sees them through."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Protocol

from storygen import events
from storygen.errors import ResourceFailure
from storygen.events import Observer
from storygen.jobs.base import Job
from storygen.jobs.memory import give_back
from storygen.jobs.store import SqlJobs
from storygen.jobs.traces import RUNS
from storygen.jobs.working import Films, Hand, stopped
from storygen.resilience.gears import Gears
from storygen.settings import Settings

LOOK_SECONDS = 1.0
MEASURE_SECONDS = 2.0
SPARING_SECONDS = 10.0  # memory is given back at most so often while jobs are worked on
BEAT_SECONDS = 1.0  # what others cancel is heard of by a beat
_LOG = logging.getLogger("storygen.jobs")


class Fits(Protocol):
    """Says whether one more run fits on this machine."""

    def look(self, fresh_seconds: float) -> object:
        """Measure the machine, if that was done longer ago."""

    def fits(self) -> str:
        """Why not, as a sentence; empty where it does."""


class Watching(Protocol):
    """Has observers, as `telemetry.setup.Telemetry` does."""

    @property
    def observers(self) -> tuple[Observer, ...]:
        """Who is told of every run."""


class Worker:
    """Works on up to `queue.runs_at_once` jobs at once, under a `name` that no other worker has.

    `settings` gives those that hold now. Jobs that are not ended when the process dies are another worker's when their
    lease has run out. `waits_for` says why no job is begun now, empty where nothing speaks against it.
    """

    def __init__(
        self,
        jobs: SqlJobs,
        settings: Callable[[], Settings],
        telemetry: Watching,
        *,
        name: str,
        gears: Gears,
        films: Films,
        guard: Fits,
    ) -> None:
        self.name = name
        self.waits_for = ""
        self._jobs = jobs
        self._settings = settings
        self._observers = telemetry.observers
        self._guard = guard
        self._hand = Hand(
            jobs=jobs, settings=settings, worker=name, gears=gears, films=films, observers=self._observers
        )
        self._working: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._is_stopping = False
        self._is_releasing = False
        self._is_cut_off = False
        self._has_leavings = False

    @property
    def running(self) -> tuple[str, ...]:
        """The ids of the jobs that are worked on."""
        return tuple(self._working)

    async def run(self) -> None:
        """Take jobs and work on them until `stop`; cancelled, it lets go of them at once, as `stop(0)` does."""
        self._tell()
        ears = [asyncio.create_task(part) for part in (self._listen(), self._beat(), self._measure())]
        await asyncio.sleep(0)  # they listen from here on: what is queued while jobs are claimed is heard
        try:
            while not self._is_stopping:
                self._wake.clear()
                await self._take()
                await self._wake.wait()
            await asyncio.gather(*self._working.values(), return_exceptions=True)
        finally:
            await self._let_go()
            for ear in ears:
                ear.cancel()
            await asyncio.gather(*ears, return_exceptions=True)

    async def stop(self, grace_seconds: float) -> None:
        """Take no more jobs, go on with those that run for so long, and put the rest back: others go on with them."""
        self._is_stopping = True
        self._wake.set()
        if self._working:
            await asyncio.wait(self._working.values(), timeout=grace_seconds)
        await self._let_go()

    async def _let_go(self) -> None:
        self._is_stopping = self._is_releasing = True
        tasks = list(self._working.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        """Wake when something was queued, and every second for what other processes leave."""
        while True:
            await self._jobs.waiting(LOOK_SECONDS)
            self._wake.set()

    async def _measure(self) -> None:
        """Keep what the guard knows fresh, so that no job waits for it, and give back what ended jobs have left."""
        given_back = 0.0
        while True:
            is_due = not self._working or time.monotonic() - given_back > SPARING_SECONDS
            if self._has_leavings and is_due:
                self._has_leavings, given_back = False, time.monotonic()
                await asyncio.to_thread(give_back)
            await asyncio.to_thread(self._guard.look, 0.0)
            await asyncio.sleep(MEASURE_SECONDS)

    async def _take(self) -> None:
        """Claim as many jobs as there is room for."""
        queue = self._settings().queue
        free = queue.runs_at_once - len(self._working)
        if free <= 0 or not self._has_room():
            return
        try:
            claimed = await self._jobs.claim(self.name, free, queue.lease_seconds, self.running)
        except ResourceFailure as error:
            if not self._is_cut_off:
                _LOG.warning("No job can be taken, and it is tried again: %s", error.message)
            self._is_cut_off = True
            return
        self._is_cut_off = False
        for job in claimed:
            self._begin(job)

    def _has_room(self) -> bool:
        reason = self._guard.fits()
        if bool(reason) != bool(self.waits_for):  # the figures in it change all the time
            self._emit(events.Held(reason=reason))
        self.waits_for = reason
        return not reason

    def _begin(self, job: Job) -> None:
        task = asyncio.create_task(self._handle(job), name=f"job {job.id}")
        self._working[job.id] = task
        self._tell()

        def end(_: asyncio.Task[None]) -> None:
            del self._working[job.id]
            self._has_leavings = True
            self._tell()
            self._wake.set()

        task.add_done_callback(end)

    def _tell(self) -> None:
        limit = self._settings().queue.runs_at_once
        self._emit(events.Occupied(name=RUNS, in_use=len(self._working), limit=limit))

    def _emit(self, event: events.Event) -> None:
        with events.watched(events.Watch(self._observers)):
            events.emit(event)

    def _hand_for(self, job: Job) -> Hand:  # noqa: ARG002 - who follows messages has several
        return self._hand

    async def _handle(self, job: Job) -> None:
        """Work on a job to its end; where it is cancelled it ends so, or goes back while the worker shuts down."""
        try:
            ended = await self._hand_for(job).work(job)
        except asyncio.CancelledError:
            if self._is_releasing:
                await self._jobs.release(job.id, self.name)
                return
            ended = stopped()
        await self._hand.finish(job, ended)

    async def _beat(self) -> None:
        """Hold on to the jobs that are worked on, and stop those that are cancelled or lost."""
        while True:
            lease = self._settings().queue.lease_seconds
            await asyncio.sleep(min(lease / 3, BEAT_SECONDS))
            if not self._working:
                continue
            try:
                for job in await self._jobs.beat(self.name, self.running, lease):
                    if (task := self._working.get(job)) is not None:
                        task.cancel()
            except ResourceFailure as error:
                _LOG.warning("The beat of the worker was not heard: %s", error.message)
