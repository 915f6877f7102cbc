"""The worker that follows a broker's messages: many tasks of Celery, one event loop, one set of gears."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from storygen.errors import ResourceFailure
from storygen.jobs.base import Job
from storygen.jobs.celery import RENDERS
from storygen.jobs.parting import Preparer, Renderer
from storygen.jobs.worker import Worker
from storygen.jobs.working import Hand

R = TypeVar("R")
AGAIN_SECONDS = 0.5
HAND = tuple(field.name for field in fields(Hand))
_LOG = logging.getLogger("storygen.jobs")


class Crew(Worker):
    """Works on the jobs that messages name; it takes none by itself.

    Messages of `calls` are followed to the end where the worker also serves `renders` and settings do not want that
    apart; else up to the rendering. `is_ready` once its broker has let it in.
    """

    def __init__(self, *parts: Any, queues: Sequence[str], **more: Any) -> None:
        super().__init__(*parts, **more)
        self.is_ready = False
        self._queues = queues
        self._followed: dict[str, str] = {}

    async def follow(self, run_id: str, queue: str) -> bool:
        """Work on a job until nothing is left to do here; False where the worker shuts down before it could begin."""
        job = await self._obtain(run_id)
        if job is None:
            return not self._is_stopping
        if self._is_releasing:  # it was told to end while the job was being taken
            await self._jobs.release(job.id, self.name)
            return True
        self._followed[job.id] = queue
        self._begin(job)
        await asyncio.wait([self._working[job.id]])
        return True

    def _hand_for(self, job: Job) -> Hand:
        queue, one = self._followed.pop(job.id), self._hand
        if queue == RENDERS:
            kind: type[Hand] = Renderer
        else:
            is_whole = RENDERS in self._queues and not self._settings().queue.renders_apart
            kind = Hand if is_whole else Preparer
        return kind(**{name: getattr(one, name) for name in HAND} | {"queue": queue})

    async def _take(self) -> None:
        """Messages say what to take."""

    async def _obtain(self, run_id: str) -> Job | None:
        """The job, once there is room for it; nothing while the worker has it, where others do, or where it is over."""
        while not self._is_stopping:
            if run_id in self._working:
                return None
            if self._has_room():
                try:
                    return await self._jobs.take(run_id, self.name, self._settings().queue.lease_seconds)
                except ResourceFailure as error:
                    _LOG.warning("Run %s cannot be taken now, and it is tried again: %s", run_id, error.message)
            await asyncio.sleep(AGAIN_SECONDS)
        return None


class Loop:
    """An event loop in a thread of its own, for threads that hand their work to it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="storygen-loop", daemon=True)
        self._thread.start()

    def do(self, work: Coroutine[Any, Any, R]) -> R:
        """What `work` gives; it blocks the thread that asks."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def begin(self, work: Coroutine[Any, Any, object]) -> None:
        """Begin something that nobody waits for."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Cancel what still goes on, and end."""
        self.do(_cancel_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
