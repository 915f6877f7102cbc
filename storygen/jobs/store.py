"""The durable queue in an SQL database: a SQLite file for one machine, PostgreSQL for many."""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from storygen.jobs import changes, deliveries, views
from storygen.jobs.accepting import Acceptance, Order, check
from storygen.jobs.base import Batch, Delivery, Filter, Job, JobEvent, JobState, Page, Result, Submission, Usage
from storygen.jobs.bell import Bell
from storygen.jobs.failures import failure, silent
from storygen.jobs.writer import Writer
from storygen.store.hands import staffed

T = TypeVar("T")
READERS = 4
PATIENCE_SECONDS = 10.0  # of those who read, and of people who want something written
RANDOM_AT_ONCE = 256


class SqlJobs:
    """The queue in the database of `engine`, as `base.Jobs` describes it.

    `claims` is how often a job is begun, `most_open` how many open runs a caller may have. Other processes may use the
    same database; where `is_shared`, what they change is looked for every `poll_seconds`.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        claims: int = 5,
        most_open: int = 20_000,
        is_shared: bool = False,
        poll_seconds: float = 0.5,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine = engine
        self._claims = claims
        self._accept = Acceptance(most_open).accept
        self._clock = clock
        self._writer = Writer(engine)
        self._readers = staffed(READERS, "storygen-reader")
        self._bell = Bell(poll_seconds if is_shared else None)

    @property
    def engine(self) -> Engine:
        """The database, for those who only read and must not wait their turn."""
        return self._engine

    async def submit(self, submissions: Sequence[Submission], batch: str = "") -> list[Job]:
        """Accept all or none."""
        check(submissions)
        now, ids = self._clock(), [new_job_id() for _ in submissions]
        named = (f"batch-{new_job_id()}", batch) if batch else ("", "")
        made = await self._writer.write_together(Order(ids, submissions, named, now), self._accept, PATIENCE_SECONDS)
        self._bell.ring("")
        return made

    async def claim(self, worker: str, limit: int, lease_seconds: float, holding: Sequence[str] = ()) -> list[Job]:
        """Take the oldest that are free."""
        work = partial(
            changes.claim,
            worker=worker,
            limit=limit,
            now=self._clock(),
            lease=lease_seconds,
            most=self._claims,
            holding=holding,
        )
        return self._told(await self._writer.write(work))

    async def take(self, job: str, worker: str, lease_seconds: float) -> Job | None:
        """Take this one, where it is free."""
        work = partial(changes.take, job=job, worker=worker, now=self._clock(), lease=lease_seconds, most=self._claims)
        taken = await self._writer.write(work)
        self._bell.ring(job)
        return taken

    async def beat(self, worker: str, jobs: Sequence[str], lease_seconds: float) -> set[str]:
        """Hold on to jobs; returns those that have to stop."""
        if not jobs:
            return set()
        until = self._clock() + lease_seconds
        return await self._writer.write(partial(changes.beat, worker=worker, ids=list(jobs), until=until))

    async def note(self, job: str, worker: str, events: Sequence[tuple[str, Mapping[str, Any]]], **seen: Any) -> None:
        """Put down what happened."""
        work = partial(changes.note, job=job, worker=worker, said=events, seen=seen, now=self._clock())
        await self._writer.write(work)
        self._bell.ring(job)

    async def finish(
        self,
        job: str,
        worker: str,
        state: JobState,
        result: Result | None = None,
        error: Mapping[str, Any] | None = None,
    ) -> bool:
        """End a job, unless it is no longer the worker's."""
        work = partial(
            changes.finish, job=job, worker=worker, state=state, now=self._clock(), result=result, error=error
        )
        done = await self._writer.write(work)
        self._bell.ring(job)
        return done

    async def release(self, job: str, worker: str) -> None:
        """Put a job back into the queue."""
        await self._writer.write(partial(changes.release, job=job, worker=worker, now=self._clock()))
        self._bell.ring(job)
        self._bell.ring("")

    async def cancel(self, job: str) -> Job:
        """End a queued job; tell the worker of a running one."""
        work = partial(changes.cancel, job=job, now=self._clock())
        return self._told([await self._writer.write(work, PATIENCE_SECONDS)])[0]

    async def retry(self, job: str) -> Job:
        """Queue a job again that did not end well."""
        work = partial(changes.retry, job=job, now=self._clock())
        again = self._told([await self._writer.write(work, PATIENCE_SECONDS)])[0]
        self._bell.ring("")
        return again

    async def delete(self, job: str) -> Job:
        """Forget a job that is over."""
        removed = await self._writer.write(partial(changes.remove, job=job), PATIENCE_SECONDS)
        self._bell.ring(job)
        return removed

    async def get(self, job: str) -> Job:
        """One job."""
        return await self._read(partial(views.get, job=job))

    async def page(self, wanted: Filter, limit: int = 50, cursor: str = "") -> Page:
        """Jobs, newest first."""
        return await self._read(partial(views.page, wanted=wanted, limit=limit, cursor=cursor))

    async def batch(self, batch: str) -> Batch:
        """One batch."""
        return await self._read(partial(views.batch, wanted=batch))

    async def events(self, job: str, after: int = 0, limit: int = 500) -> list[JobEvent]:
        """What happened to a job."""
        return await self._read(partial(views.happened, job=job, after=after, limit=limit))

    async def changed(self, job: str, after: int, seconds: float) -> None:
        """Wait for events behind number `after`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        async with self._bell.listening(job) as heard:
            while not await self.events(job, after, 1) and (left := until - loop.time()) > 0:
                await heard(left)

    async def waiting(self, seconds: float) -> None:
        """Return when something was queued, or after `seconds`: for workers in this process that have nothing to do."""
        async with self._bell.listening("") as heard:
            await heard(seconds)

    async def counts(self) -> Mapping[str, int]:
        """How many jobs are in each state."""
        return await self._read(views.counts)

    async def oldest(self) -> Mapping[str, float]:
        """The age of the oldest job in each open state."""
        return await self._read(partial(views.oldest, now=self._clock()))

    async def usage(self, since: float, caller: str = "") -> Usage:
        """What was asked for and what ended since a moment."""
        return await self._read(partial(views.usage, since=since, caller=caller))

    async def old(self, before: float, limit: int = 100) -> list[Job]:
        """Jobs that ended before a moment."""
        return await self._read(partial(views.old, before=before, limit=limit))

    async def due_deliveries(self, now: float, limit: int, hold_seconds: float = 60.0) -> list[Delivery]:
        """Take the deliveries that are due."""
        if not await self._read(partial(deliveries.is_due, now=now)):
            return []
        return await self._writer.write(partial(deliveries.due, now=now, limit=limit, hold=hold_seconds))

    async def delivered(self, job: str, number: int, ok: bool, next_due: float | None, said: str) -> None:
        """Put down what an attempt came to."""
        work = partial(deliveries.delivered, job=job, number=number, ok=ok, next_due=next_due, said=said)
        await self._writer.write(work)

    async def deliveries(self, job: str) -> list[Delivery]:
        """What was and will be told of a job."""
        return await self._read(partial(deliveries.told, job=job))

    async def close(self) -> None:
        """Write what is on its way, and let go."""
        await asyncio.to_thread(self._writer.close)
        self._readers.shutdown()
        self._engine.dispose()

    async def _read(self, work: Callable[[Connection], T]) -> T:
        def read() -> T:
            try:
                with self._engine.connect() as connection:
                    return work(connection)
            except SQLAlchemyError as error:
                raise failure(error, "read") from error

        try:
            async with asyncio.timeout(PATIENCE_SECONDS):  # before Python 3.12 wait_for may swallow a cancellation
                return await asyncio.get_running_loop().run_in_executor(self._readers, read)
        except TimeoutError as error:
            raise silent() from error

    def _told(self, jobs: list[Job]) -> list[Job]:
        for job in jobs:
            self._bell.ring(job.id)
        return jobs


def new_job_id() -> str:
    """An id that sorts by time and cannot be guessed: `20261120-180312-5f3a9c0b1d2e4f60`."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{_random()}"


def _random() -> str:
    """Eight random bytes in hex, of those that the system was asked for by the hundred.

    Each asking lets other threads have the interpreter, and under load it is a while until they give it back.
    """
    while True:
        try:
            return _RANDOM.popleft()
        except IndexError:
            found = os.urandom(8 * RANDOM_AT_ONCE).hex()
            _RANDOM.extend(found[start : start + 16] for start in range(0, len(found), 16))


_RANDOM: deque[str] = deque()
os.register_at_fork(after_in_child=_RANDOM.clear)
