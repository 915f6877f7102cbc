"""The process of the service: everything is put together here, run in one event loop, and ended in order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from storygen.errors import InvalidSettings
from storygen.jobs.cleaning import Cleaner
from storygen.jobs.gauges import showing
from storygen.jobs.guard import Guard
from storygen.jobs.opening import open_jobs, reconcile
from storygen.jobs.store import new_job_id
from storygen.jobs.traces import RUNS
from storygen.jobs.worker import Worker
from storygen.past import open_history
from storygen.providers.registry import models, serving
from storygen.reloading import Reloader
from storygen.resilience.gears import Gears
from storygen.service.app import create_app
from storygen.service.base import House
from storygen.service.limits import MOST_CONNECTIONS, MOST_HEADER_BYTES, impatient
from storygen.service.services import Services
from storygen.service.summarising import of_house as summaries_of
from storygen.service.webhooks import Sender
from storygen.settings import Settings
from storygen.store.films import open_films
from storygen.telemetry.queues import serve_queue
from storygen.telemetry.setup import Telemetry

LOOK_SECONDS = 2.0
REQUESTS_SECONDS = 5
KEEP_ALIVE_SECONDS = 75


class Server(uvicorn.Server):
    """Uvicorn, which leaves signals to the command that started it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Catch none."""
        yield


async def serve(
    reloader: Reloader, telemetry: Telemetry, listener: socket.socket, tell: Callable[[str], object]
) -> None:
    """Serve until cancelled; then end requests, streams and, within `queue.grace_seconds`, what is being made.

    `tell` is given the address of the service once it answers.
    """
    async with _house(reloader, telemetry) as house:
        app = create_app(house)
        server = Server(_config(app))
        parts: list[Coroutine[Any, Any, Any]] = [
            server.serve([listener]),
            _follow(reloader, telemetry),
            Sender(house).run(),
            summaries_of(house).run(),
            Cleaner(house.settings, house.jobs, house.films).run(),
        ]
        if house.worker is not None:
            parts.append(house.worker.run())
        if house.settings().queue.engine == "celery":
            parts.append(reconcile(house.jobs))
        tasks = [asyncio.create_task(part) for part in parts]
        tell(address_of(listener))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await asyncio.shield(_end(app, server, house, tasks))


def listen(settings: Settings) -> socket.socket:
    """A socket on the address that the settings name; port 0 picks a free one. Raises `InvalidSettings`."""
    host, port = settings.service.host, settings.service.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, place = found[0]
        # Asyncio switches Nagle's algorithm off, which costs 40 ms an answer, where a socket says that it is TCP.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
    except OSError as error:
        raise InvalidSettings(
            f"service.port: port {port} of {host} cannot be used: {error.strerror}.", hint="Choose another with --port."
        ) from error
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def address_of(listener: socket.socket) -> str:
    """Where people find a service that listens here."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - read, not bound
    return f"http://{shown}:{port}"


@asynccontextmanager
async def _house(reloader: Reloader, telemetry: Telemetry) -> AsyncIterator[House]:
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
        held.enter_context(showing(telemetry, jobs))
        worker = None
        if first.queue.engine == "embedded":
            if telemetry.metrics is not None:
                serve_queue(telemetry.metrics.families, (RUNS,))
            name = f"{socket.gethostname()}-{new_job_id()}"
            guard = Guard(settings)
            telemetry.observers = (*telemetry.observers, Services())
            worker = Worker(jobs, settings, telemetry, name=name, gears=gears, films=films, guard=guard)
        yield House(
            settings=settings,
            jobs=jobs,
            history=open_history(first),
            films=films,
            telemetry=telemetry,
            worker=worker,
        )


def _config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        http=impatient(),
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=REQUESTS_SECONDS,
        h11_max_incomplete_event_size=2 * MOST_HEADER_BYTES,
    )


async def _follow(reloader: Reloader, telemetry: Telemetry) -> None:
    """Take settings whose files changed, for what begins from then on."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if await asyncio.to_thread(reloader.check):
            settings = reloader.settings
            telemetry.adopt(settings, models(settings), serving(settings))


async def _end(app: FastAPI, server: Server, house: House, tasks: list[asyncio.Task[Any]]) -> None:
    """Take no more requests, let the worker end or put back what it has, and raise what ended the service."""
    app.state.streams.close()
    server.should_exit = True
    if house.worker is not None:
        await house.worker.stop(house.settings().queue.grace_seconds)
    for task in tasks[1:]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    failures = [one for one in done if isinstance(one, BaseException) and not isinstance(one, asyncio.CancelledError)]
    if failures:
        raise failures[0]
