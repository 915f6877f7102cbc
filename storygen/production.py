"""One run from settings to a folder: puts the rooms together."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from storygen import events
from storygen.delivery import gather
from storygen.media import ffmpeg
from storygen.pipeline import Pipeline, Steps
from storygen.providers.registry import chains
from storygen.resilience.cache import Cache
from storygen.resilience.call import Caller, CallPolicy
from storygen.resilience.retry import RetryPolicy
from storygen.settings import Settings
from storygen.store import output
from storygen.store.artifacts import Store
from storygen.story import Brief, Manifest, Script, Source
from storygen.workshop import Pulse, Workshop

PIPELINE = "story"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to make: a brief or a script, where it came from, and the folder for it (None: named by the title).

    `link` is the traceparent of an earlier run of the same story that this one goes on from.
    """

    story: Brief | Script
    source: Source
    folder: Path | None = None
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A finished film: its folder, and the manifest that stands in it."""

    folder: Path
    manifest: Manifest


def new_run_id() -> str:
    """An id that sorts by time and is unique: `20261120-180312-5f3a9c`."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


async def produce(
    order: Order,
    settings: Settings,
    *,
    run_id: str = "",
    observers: Sequence[events.Observer] = (),
    steps: Steps | None = None,
) -> Delivery:
    """Make the film that `order` asks for, and publish its folder.

    Raises errors of our own tree, and `CancelledError` when it is cancelled; the folder is then as it was before.
    """
    run_id = run_id or new_run_id()
    started, clock = datetime.now(UTC), time.perf_counter()
    title = order.story.title if isinstance(order.story, Script) else order.story.topic
    seed = order.story.seed if isinstance(order.story, Brief) else 0
    with (
        events.watched(events.Watch(observers, run_id)),
        events.timed("run", PIPELINE, run_id=run_id, title=title, source=order.source.format, link=order.link) as run,
        output.staging(order.folder or settings.folders.films) as gathered,
    ):
        store = Store(settings.folders.cache)
        production = await _pipeline(settings, store, steps).run(order.story)
        manifest = replace(
            await asyncio.to_thread(gather, production, order.source, settings, seed, gathered),
            run_id=run_id,
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.perf_counter() - clock, 3),
            traceparent=_traceparent(run),
        )
        folder = order.folder or output.choose_folder(settings.folders.films, manifest)
        await asyncio.to_thread(output.publish, gathered, folder, manifest)
        _ship(run, manifest)
        await _trim(store, settings)
    return Delivery(folder=folder, manifest=manifest)


def _pipeline(settings: Settings, store: Store, steps: Steps | None) -> Pipeline:
    run, pulse = settings.run, Pulse()
    cores = run.cores or _cores()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(cores, thread_name_prefix="storygen"))
    policy = CallPolicy(timeout=run.call_timeout, retry=RetryPolicy(attempts=run.attempts, first_wait=run.retry_wait))
    workshop = Workshop(
        Caller(chains(settings), store, policy),
        Cache(store),
        binary=ffmpeg.find_binary(settings.ffmpeg_path),
        cores=cores,
        stall_seconds=run.stall_seconds,
        pulse=pulse,
    )
    return Pipeline(workshop, settings, pulse, steps)


def _cores() -> int:
    """The cores that this process may use, which can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _ship(run: Any, manifest: Manifest) -> None:
    events.emit(
        events.Shipped(fidelity=manifest.fidelity.value, seconds=manifest.film_seconds, reasons=manifest.reasons)
    )
    run.add(scenes=len(manifest.scenes), fidelity=manifest.fidelity.value, cost_usd=manifest.cost_usd)


def _traceparent(run: Any) -> str:
    """The run's W3C trace context, empty where it is not traced."""
    return f"00-{run.trace_id}-{run.span_id}-01" if run.trace_id else ""


async def _trim(store: Store, settings: Settings) -> None:
    trimmed = await asyncio.to_thread(store.trim, int(settings.folders.cache_limit_gb * 1e9))
    if trimmed.removed:
        events.emit(events.CacheEvicted(cache="store", count=trimmed.removed, size_bytes=trimmed.size_bytes))
