"""The process of a Celery worker: Celery in the main thread, every run in one event loop beside it."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from celery import Celery, signals

from storygen.jobs.celery import add_tasks, celery_app
from storygen.jobs.crew import Crew, Loop
from storygen.jobs.guard import Guard
from storygen.jobs.opening import open_jobs, reconcile
from storygen.providers.registry import models, serving
from storygen.reloading import Reloader
from storygen.resilience.gears import Gears
from storygen.settings import Settings
from storygen.store.films import open_films
from storygen.telemetry.queues import serve_queue
from storygen.telemetry.setup import Telemetry

LOOK_SECONDS = 2.0


def work(
    reloader: Reloader, telemetry: Telemetry, queues: tuple[str, ...], pool: str, tell: Callable[[str], object]
) -> int:
    """Follow the messages of `queues` until a signal comes; returns the exit code that Celery means.

    `tell` is given a sentence when the worker is ready.
    """
    app = celery_app(reloader.settings)
    loop = Loop()
    held = AsyncExitStack()
    crew = loop.do(held.enter_async_context(_crew(reloader, telemetry, queues)))
    add_tasks(app, lambda run, queue: loop.do(crew.follow(run, queue)))

    def ready(**_: Any) -> None:
        if crew.is_ready:  # it comes again with every new connection
            return
        crew.is_ready = True
        tell(f"Worker {crew.name} follows {' and '.join(queues)}. Ctrl-C ends it.")

    def end(**_: Any) -> None:
        loop.begin(crew.stop(reloader.settings.queue.grace_seconds))

    signals.setup_logging.connect(_leave_logging)
    signals.worker_ready.connect(ready)
    signals.worker_shutting_down.connect(end)
    try:
        return _serve(app, crew.name, queues, pool, reloader.settings)
    finally:
        loop.do(held.aclose())
        loop.close()


def _serve(app: Celery, name: str, queues: tuple[str, ...], pool: str, settings: Settings) -> int:
    at_once = 1 if pool == "solo" else max(1, settings.queue.runs_at_once)
    worker = app.Worker(
        hostname=f"storygen@{name}",
        pool=pool,
        concurrency=at_once,
        queues=list(queues),
        quiet=True,
        without_mingle=True,
        without_gossip=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _leave_logging(**_: Any) -> None:
    """Whoever listens keeps Celery from setting up logging, which is ours."""


@asynccontextmanager
async def _crew(reloader: Reloader, telemetry: Telemetry, queues: tuple[str, ...]) -> AsyncIterator[Crew]:
    """What the process shares, let go of in the opposite order."""

    def settings() -> Settings:
        return reloader.settings

    async with AsyncExitStack() as held:
        first = settings()
        jobs = await asyncio.to_thread(open_jobs, first)
        held.push_async_callback(jobs.close)
        films = open_films(first)
        held.push_async_callback(films.close)
        gears = Gears.from_settings(first)
        held.push_async_callback(gears.close)
        if telemetry.metrics is not None:
            serve_queue(telemetry.metrics.families, queues)
        crew = Crew(
            jobs,
            settings,
            telemetry,
            name=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}",
            gears=gears,
            films=films,
            guard=Guard(settings),
            queues=queues,
        )
        tasks = [asyncio.create_task(part) for part in (crew.run(), _reload(reloader, telemetry), reconcile(jobs))]
        try:
            yield crew
        finally:
            await crew.stop(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _reload(reloader: Reloader, telemetry: Telemetry) -> None:
    """Take settings whose files changed, for what begins from then on."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if await asyncio.to_thread(reloader.check):
            settings = reloader.settings
            telemetry.adopt(settings, models(settings), serving(settings))
