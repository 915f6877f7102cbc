"""A queue with a worker, and a stand-in for the making of films that tests can hold and break."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from storygen.events import Observer
from storygen.jobs.base import Job, JobState, Submission
from storygen.jobs.database import open_database
from storygen.jobs.store import SqlJobs
from storygen.jobs.worker import Worker
from storygen.resilience.gears import Gears
from storygen.settings import FilmSettings, FolderSettings, QueueSettings, ServiceSettings, Settings
from storygen.store.films import open_films

STORY = "It rained.\n\nThen it stopped."


@dataclass(slots=True)
class Room:
    """A guard that says what it is told to."""

    reason: str = ""

    def look(self, fresh_seconds: float) -> None:
        pass

    def fits(self) -> str:
        return self.reason


@dataclass(slots=True)
class Watching:
    """Telemetry of which only the observers count."""

    observers: tuple[Observer, ...] = ()


class Studio:
    """Stands in for `perform`: counts who is at work, and waits until it is told to let them go."""

    def __init__(self, *, is_open: bool = False) -> None:
        self.at_work: set[str] = set()
        self.most = 0
        self.made: list[str] = []
        self.cancelled: list[str] = []
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        if is_open:
            self.gate.set()

    async def perform(self, order: Any, settings: Settings, *_: object, run_id: str, **__: object) -> Any:
        self.at_work.add(run_id)
        self.most = max(self.most, len(self.at_work))
        try:
            await self.gate.wait()
            if self.error is not None:
                raise self.error
        except asyncio.CancelledError:
            self.cancelled.append(run_id)
            raise
        finally:
            self.at_work.discard(run_id)
        self.made.append(run_id)
        return _performance(order.folder)


def _performance(folder: Path) -> Any:
    from types import SimpleNamespace as Thing

    from storygen.story import Fidelity

    folder.mkdir(parents=True, exist_ok=True)
    manifest = Thing(title="It rained", fidelity=Fidelity.FULL, reasons=(), film_seconds=2.5, cost_usd=0.25)
    return Thing(delivery=Thing(folder=folder, manifest=manifest), report=None)


@dataclass(slots=True)
class Shop:
    """What a test works with."""

    settings: Settings
    jobs: SqlJobs
    room: Room = field(default_factory=Room)
    watching: Watching = field(default_factory=Watching)
    workers: list[tuple[Worker, asyncio.Task[None]]] = field(default_factory=list)
    gears: Gears = field(default_factory=Gears)

    def begin(self, name: str = "one", jobs: Any = None) -> Worker:
        """Start a worker."""
        worker = Worker(
            jobs or self.jobs,
            lambda: self.settings,
            self.watching,
            name=name,
            gears=self.gears,
            films=open_films(self.settings),
            guard=self.room,
        )
        self.workers.append((worker, asyncio.create_task(worker.run())))
        return worker

    async def submit(self, count: int = 1, **more: Any) -> list[Job]:
        """Put stories into the queue."""
        asked = {"caller": "local", "name": "", "text": STORY, "format": "text", **more}
        return await self.jobs.submit([Submission(**asked) for _ in range(count)])

    async def ended(self, job: Job) -> Job:
        """The job once it is over."""
        await until(lambda: self._is_over(job))
        return await self.jobs.get(job.id)

    async def _is_over(self, job: Job) -> bool:
        return (await self.jobs.get(job.id)).state.is_over

    async def state(self, job: Job) -> JobState:
        """Where a job is."""
        return (await self.jobs.get(job.id)).state

    async def kinds(self, job: Job) -> list[str]:
        """What happened to a job."""
        return [event.kind for event in await self.jobs.events(job.id)]


async def until(holds: Callable[[], Coroutine[Any, Any, bool] | bool], seconds: float = 20.0) -> None:
    """Wait until something holds; fails after so long."""
    deadline = time.monotonic() + seconds
    while True:
        found = holds()
        if found if isinstance(found, bool) else await found:
            return
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def shop(home: Path, *, observers: Sequence[Observer] = (), **queue: Any) -> AsyncIterator[Shop]:
    """A queue in a folder; its workers end with it."""
    settings = Settings(
        film=FilmSettings(height=144, fps=10, preset="ultrafast", seconds=6),
        folders=FolderSettings(films=home / "films", cache=home / "cache", state=home / "state"),
        queue=QueueSettings(**{"runs_at_once": 2, **queue}),
        service=ServiceSettings(),
    )
    here = Shop(settings, SqlJobs(open_database(settings)), gears=Gears.from_settings(settings))
    here.watching.observers = tuple(observers)
    try:
        yield here
    finally:
        for worker, task in here.workers:
            await worker.stop(0)
            task.cancel()
        await asyncio.gather(*(task for _, task in here.workers), return_exceptions=True)
        await here.jobs.close()
        await here.gears.close()
