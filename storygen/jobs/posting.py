"""The durable queue whose workers are told by messages: each is sent after what it tells of is on the disk."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select

from storygen.jobs.base import Job, JobState, Submission
from storygen.jobs.celery import CALLS, RENDERS, task_name
from storygen.jobs.store import SqlJobs
from storygen.jobs.tables import jobs
from storygen.story import Stage

if TYPE_CHECKING:
    from celery import Celery
    from kombu.connection import Connection as BrokerConnection

PAUSE_SECONDS = 1.0
_LOG = logging.getLogger("storygen.jobs")


class Message(NamedTuple):
    """What a broker carries: which run, through which queue, and the W3C trace context of its submission."""

    run: str
    queue: str = CALLS
    traceparent: str = ""


class Poster:
    """Sends messages from a thread of its own; nobody waits for a broker.

    While the broker is away messages are let go of: whoever compares the store with the queues sends them later.
    """

    def __init__(self, app: Celery, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._clock = clock
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._connection: BrokerConnection | None = None
        self._again_at = 0.0
        self._is_away = False
        self._thread = threading.Thread(target=self._serve, name="storygen-poster", daemon=True)
        self._thread.start()

    def post(self, messages: Iterable[Message]) -> None:
        """Send these, as soon as may be."""
        for message in messages:
            self._messages.put(message)

    def ready(self, name: str) -> int:
        """How many messages wait in a queue. It blocks; raises what the broker's library raises."""
        with self._app.connection_for_write() as connection, connection.channel() as channel:
            try:
                return int(channel.queue_declare(name, passive=True).message_count)
            except connection.channel_errors:
                return 0  # a queue that nobody has used yet

    def close(self) -> None:
        """Send what is on its way, and end."""
        self._messages.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (message := self._messages.get()) is not None:
            if self._clock() >= self._again_at:
                self._send(message)
        self._hang_up()

    def _send(self, message: Message) -> None:
        try:
            if self._connection is None:
                self._connection = self._app.connection_for_write()
            self._app.send_task(
                task_name(message.queue),
                kwargs={"run": message.run},
                queue=message.queue,
                headers={"traceparent": message.traceparent} if message.traceparent else None,
                connection=self._connection,
                retry=False,
            )
        except Exception as error:  # noqa: BLE001 - brokers share no root of their errors, and the store has the job
            self._again_at = self._clock() + PAUSE_SECONDS
            self._hang_up()
            self._change(is_away=True, reason=type(error).__name__)
        else:
            self._change(is_away=False)

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()  # type: ignore[no-untyped-call]  # kombu types some of its parts only

    def _change(self, *, is_away: bool, reason: str = "") -> None:
        if is_away != self._is_away:
            self._is_away = is_away
            if is_away:
                _LOG.warning("The broker cannot be reached (%s). What was accepted is kept and sent later.", reason)
            else:
                _LOG.info("The broker can be reached again.")


class PostedJobs(SqlJobs):
    """The queue in a database that many share; workers are told of what is queued there."""

    def __init__(self, engine: Engine, poster: Poster, **options: Any) -> None:
        super().__init__(engine, is_shared=True, **options)
        self.poster = poster

    async def submit(self, submissions: Sequence[Submission], batch: str = "") -> list[Job]:
        """Accept all or none, and tell the workers."""
        made = await super().submit(submissions, batch)
        self.poster.post(_message(job) for job in made if job.state is JobState.QUEUED)
        return made

    async def retry(self, job: str) -> Job:
        """Queue a job again, and tell the workers."""
        again = await super().retry(job)
        self.poster.post([_message(again)])
        return again

    async def release(self, job: str, worker: str) -> None:
        """Put a job back into the queue, and tell the workers."""
        await super().release(job, worker)
        back = await self.get(job)
        if back.state is JobState.QUEUED:
            self.poster.post([_message(back)])

    async def stranded(self, name: str, before: float, lost_before: float) -> int:
        """How many jobs wait for a message of a queue: see `waits`."""
        query = select(func.count()).select_from(jobs).where(waits(name, before, lost_before))
        return await self._read(lambda connection: connection.execute(query).scalar_one())

    async def oldest_stranded(self, name: str, before: float, lost_before: float, limit: int) -> list[Message]:
        """The messages of those that wait longest."""
        return await self._read(partial(_oldest, name=name, moments=(before, lost_before), limit=limit))

    async def close(self) -> None:
        """Write and send what is on its way, and let go."""
        self.poster.close()
        await super().close()


def queue_of(stage: str) -> str:
    """The queue that a job waits in: all but its rendering is done where it was released in its last stage."""
    return RENDERS if stage == Stage.ASSEMBLY else CALLS


def waits(name: str, before: float, lost_before: float) -> ColumnElement[bool]:
    """Jobs that were queued before a moment, and those whose worker was last heard of too long ago, by queue."""
    rendering = jobs.c.stage == Stage.ASSEMBLY.value
    queued = and_(
        jobs.c.state == JobState.QUEUED.value, jobs.c.available < before, rendering if name == RENDERS else ~rendering
    )
    if name == RENDERS:
        return queued
    return or_(queued, and_(jobs.c.state == JobState.RUNNING.value, jobs.c.lease_until < lost_before))


def _oldest(connection: Connection, name: str, moments: tuple[float, float], limit: int) -> list[Message]:
    query = select(jobs.c.id, jobs.c.submission).where(waits(name, *moments)).order_by(jobs.c.available, jobs.c.id)
    return [Message(row.id, name, _traceparent(row.submission)) for row in connection.execute(query.limit(limit))]


def _traceparent(submission: str) -> str:
    said: Mapping[str, Any] = json.loads(submission)
    return str(said.get("traceparent", ""))


def _message(job: Job) -> Message:
    return Message(job.id, queue_of(job.stage), job.submission.traceparent)
