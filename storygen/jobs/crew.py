"""The worker that follows a broker's messages: many tasks of Celery, one event loop, one set of gears."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from storygen.errors import ResourceFailure
from storygen.jobs.base import Job
from storygen.jobs.worker import Worker

R = TypeVar("R")
AGAIN_SECONDS = 0.5
_LOG = logging.getLogger("storygen.jobs")


class Crew(Worker):
    """Works on the jobs that messages name; it takes none by itself. `is_ready` once its broker has let it in."""

    is_ready = False

    async def follow(self, run_id: str, queue: str) -> bool:  # noqa: ARG002
        """Work on a job to its end, unless it is somebody else's or over; False where the worker shuts down before."""
        job = await self._obtain(run_id)
        if job is None:
            return not self._is_stopping
        if self._is_releasing:  # it was told to end while the job was being taken
            await self._jobs.release(job.id, self.name)
            return True
        self._begin(job)
        await asyncio.wait([self._working[job.id]])
        return True

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
