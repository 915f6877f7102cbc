"""What the health pages show, as plain values: looked up at most once in a few seconds, and never waited for long."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import psutil
from fastapi import FastAPI

from storygen.errors import ResourceFailure, StorygenError
from storygen.service.base import House
from storygen.service.services import Services, configured, hours
from storygen.service.threads import apart
from storygen.settings import Settings, VendorsSettings
from storygen.telemetry.report_compare import summarise

T = TypeVar("T")
FRESH_SECONDS = 2.0
PATIENCE_SECONDS = 8.0
READY_SECONDS = 3.0
MOST_KEPT = 64
LEAST_FREE_BYTES = 100_000_000
DAY_SECONDS = 86_400.0


class Kept:
    """Keeps what was looked up for some seconds; those who ask meanwhile wait for the same look, with patience."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: dict[str, tuple[float, asyncio.Task[Any]]] = {}

    @classmethod
    def of(cls, app: FastAPI) -> Kept:
        """The one of an app."""
        if not hasattr(app.state, "kept"):
            app.state.kept = cls()
        kept: Kept = app.state.kept
        return kept

    async def get(
        self,
        name: str,
        look: Callable[[], Awaitable[T]],
        *,
        fresh: float = FRESH_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> T:
        """What `look` finds, or found lately. Raises what it raises, and `ResourceFailure` where it takes too long."""
        at, task = self._looks.get(name, (0.0, None))
        if task is None or (task.done() and self._clock() - at > fresh):
            task = asyncio.ensure_future(look())
            task.add_done_callback(_heard)
            self._forget()
            self._looks[name] = (self._clock(), task)
        try:
            async with asyncio.timeout(patience):
                found: T = await asyncio.shield(task)
                return found
        except TimeoutError as error:
            raise ResourceFailure(
                f"{name} cannot be told within {patience:g} s.", hint="Look at the machine."
            ) from error

    def _forget(self) -> None:
        """Let go of what is done where there is much, the oldest first."""
        for name in [name for name, (_, task) in self._looks.items() if task.done()][: len(self._looks) - MOST_KEPT]:
            del self._looks[name]


async def readiness(house: House, kept: Kept, *, is_ending: bool) -> dict[str, Any]:
    """Whether stories can be taken, and why not."""
    checks = {"process": "The process is shutting down." if is_ending else ""}
    try:
        await kept.get("ready.database", house.jobs.counts, patience=READY_SECONDS)
        checks["database"] = ""
    except StorygenError as failure:
        checks["database"] = failure.message
    try:
        checks["disk"] = await kept.get(
            "ready.disk", lambda: apart(_disk_reason, house.settings()), patience=READY_SECONDS
        )
    except ResourceFailure as failure:
        checks["disk"] = failure.message
    reasons = [reason for reason in checks.values() if reason]
    waits_for = house.worker.waits_for if house.worker is not None else ""
    return {"ready": not reasons, "reasons": reasons, "checks": checks, "waits_for": waits_for}


async def services(house: House, kept: Kept, past_hours: int) -> dict[str, Any]:
    """Each provider: since the process began, and by hour in the runs of the last `past_hours`."""
    since = time.time() - past_hours * 3600

    async def look() -> list[dict[str, Any]]:
        return await apart(lambda: hours(house.history.each(since)))

    rows = await kept.get(f"services.{past_hours}", look, fresh=10.0)
    seen = Services.among(house.telemetry.observers)
    chains = configured(house.settings())
    names = [*chains, *sorted({row["provider"] for row in rows} - set(chains))]
    return {
        "hours": past_hours,
        "services": [
            {
                "provider": name,
                "capabilities": chains.get(name, []),
                **seen.figures(name, chains.get(name, []) if name in VendorsSettings.model_fields else ()),
                "history": [row for row in rows if row["provider"] == name],
            }
            for name in names
        ],
    }


async def system(house: House, kept: Kept) -> dict[str, Any]:
    """This machine and this process."""
    found = await kept.get("system", lambda: apart(_measure, house.settings()))
    worker = house.worker
    return {
        **found,
        "worker": None
        if worker is None
        else {"name": worker.name, "running": len(worker.running), "waits_for": worker.waits_for},
    }


async def figures(house: House, kept: Kept, past_hours: int) -> dict[str, Any]:
    """The figures of the reports of all runs within a window."""
    since = time.time() - past_hours * 3600

    async def look() -> dict[str, Any]:
        return await apart(lambda: summarise([run.report for run in house.history.since(since)]).to_json())

    return {"hours": past_hours, **await kept.get(f"figures.{past_hours}", look, fresh=10.0)}


async def stats(house: House, kept: Kept, days: int, caller: str) -> dict[str, Any]:
    """Runs, throughput and use since some days, of all or of one caller."""
    now = time.time()

    async def look() -> dict[str, Any]:
        used = await house.jobs.usage(now - days * DAY_SECONDS, caller)
        ended = {hour: count for hour, count in used.hours.items() if hour > now - DAY_SECONDS}
        return {
            "runs": {day: dict(states) for day, states in used.days.items()},
            "callers": {name: dict(states) for name, states in used.callers.items()},
            "ended_by_hour": [{"hour": hour, "runs": count} for hour, count in sorted(used.hours.items())],
            "ended_per_hour": sum(ended.values()) / 24,
            "states": {} if caller else dict(await house.jobs.counts()),
            "oldest_seconds": {} if caller else dict(await house.jobs.oldest()),
        }

    return {"days": days, **await kept.get(f"stats.{days}.{caller}", look)}


def _disk_reason(settings: Settings) -> str:
    folder = existing(settings.folders.state)
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        return f"{free / 1e6:.0f} MB of disk are free where the queue is."
    return "" if os.access(folder, os.W_OK) else "The state folder cannot be written to."


def _measure(settings: Settings) -> dict[str, Any]:
    own = psutil.Process()
    with own.oneshot():
        memory, threads, files, began = own.memory_info().rss, own.num_threads(), own.num_fds(), own.create_time()
    children = [(child, _name(child)) for child in own.children(recursive=True)]
    machine = psutil.virtual_memory()
    folders = {"films": settings.folders.films, "cache": settings.folders.cache, "state": settings.folders.state}
    return {
        "cpu": {"percent": psutil.cpu_percent(), "cores": psutil.cpu_count(), "load": list(psutil.getloadavg())},
        "memory": {"total_bytes": machine.total, "available_bytes": machine.available, "percent": machine.percent},
        "disks": {name: _disk(folder) for name, folder in folders.items()},
        "process": {
            "memory_bytes": memory + sum(_memory(child) for child, _ in children),
            "own_memory_bytes": memory,
            "open_files": files,
            "threads": threads,
            "children": len(children),
            "ffmpeg": sum("ffmpeg" in name for _, name in children),
            "seconds": time.time() - began,
        },
    }


def _disk(folder: Path) -> dict[str, float]:
    used = shutil.disk_usage(existing(folder))
    return {"free_bytes": used.free, "total_bytes": used.total}


def existing(folder: Path) -> Path:
    """The folder, or the first one above it that is there."""
    absolute = folder.absolute()
    return next(path for path in (absolute, *absolute.parents) if path.exists())


def _name(child: psutil.Process) -> str:
    try:
        return str(child.name())
    except psutil.Error:  # it has ended meanwhile
        return ""


def _memory(child: psutil.Process) -> int:
    try:
        return int(child.memory_info().rss)
    except psutil.Error:
        return 0


def _heard(task: asyncio.Future[Any]) -> None:
    """Whoever asked has gone: what went wrong is told to the next one."""
    if not task.cancelled():
        task.exception()
