"""One run from settings to a folder: puts the rooms together."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from storygen import events
from storygen.costs.ledger import Ledger
from storygen.delivery import gather
from storygen.errors import StorygenError
from storygen.filming import filmed
from storygen.media.ffmpeg import find_binary
from storygen.past import open_history
from storygen.pipeline import Steps
from storygen.providers.base import Capability, Provider
from storygen.providers.registry import chains
from storygen.resilience.gears import Gears
from storygen.results import Production
from storygen.scripts import Reading, read_source
from storygen.settings import Settings
from storygen.store import output
from storygen.store.artifacts import Store
from storygen.store.files import staying, writing
from storygen.store.history import PastDurations, PastRun, Runs
from storygen.store.records import digest
from storygen.store.unfinished import Begun, Unfinished
from storygen.story import Brief, Cost, Manifest, Script, Source
from storygen.surroundings import at_most, costed, ffmpeg_in_use, in_gear, pipeline_in, remember, tell_lost
from storygen.telemetry.context import describe
from storygen.telemetry.recorder import Recorder, Recording
from storygen.telemetry.report import build
from storygen.telemetry.report_html import page
from storygen.telemetry.report_records import Report

PIPELINE = "story"
_LOG = logging.getLogger("storygen")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to make: a brief or a script, where it came from, and the folder for it (None: named by the title).

    `link` is the W3C trace context of another run that this one belongs to; `earlier` is the run that it goes on from,
    where whoever asks knows it and this machine may not. `takes` says how often scenes, by their numbers, are to be
    made anew. `spent` is what it cost to `prepare` it.
    """

    story: Brief | Script
    source: Source
    folder: Path | None = None
    link: str = ""
    earlier: Begun | None = None
    takes: Mapping[int, int] = field(default_factory=dict)
    spent: Cost | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A finished film: its folder, and the manifest that stands in it."""

    folder: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """A delivery, and the report of how it was made."""

    delivery: Delivery
    report: Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What is brought along instead of what the settings would choose: chains of providers, the cache, the history."""

    providers: Mapping[Capability, Sequence[Provider[Any, Any]]] = field(default_factory=dict)
    store: Store | None = None
    history: Runs | None = None


_NO_PARTS = Parts()


def order_of(source: str, settings: Settings, seed: int = 0, folder: Path | None = None) -> tuple[Order, Reading]:
    """What to make of a topic, a file or `-` for standard input, and what was read there. Raises `InvalidScript`."""
    film = settings.film
    reading = read_source(source, language=film.language, seconds=film.seconds, seed=seed)
    story = reading.story()
    content = digest(story)
    origin = digest(str(Path(source).resolve())) if reading.script and source != "-" else content
    described = Source(name=reading.name, format=reading.format, sha256=content, origin=origin)
    return Order(story=story, source=described, folder=folder), reading


def new_run_id() -> str:
    """An id that sorts by time and is unique: `20261120-180312-5f3a9c`."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


async def perform(
    order: Order,
    settings: Settings,
    observers: Sequence[events.Observer] = (),
    gears: Gears | None = None,
    *,
    run_id: str = "",
    longest: float | None = None,
    parts: Parts = _NO_PARTS,
) -> Performance:
    """Make a film and put down how that went: in its folder, and in the history of runs.

    A process that makes several films passes the same `gears` each time, so that they share what they learn of vendors.
    `run_id` is given where the run was known before it began; a run that takes `longest` seconds is ended.
    Raises what `produce` raises, after the history has it; what is refused before it begins is no run.
    """
    run_id = run_id or new_run_id()
    recorder = Recorder(run_id, context=describe(settings, ffmpeg_in_use(settings)))
    delivery = None
    try:
        watching = (*observers, recorder)
        delivery = await produce(
            order, settings, run_id=run_id, observers=watching, gears=gears, longest=longest, parts=parts
        )
    finally:
        recording = recorder.recording()
        report, folder = build(recording), delivery.folder if delivery else None
        if recording.run is not None:
            run = PastRun.from_report(report.to_json(), recording.to_document(), folder)
            remember(run, parts.history or open_history(settings))
    _write_report(report, recording, delivery.folder)
    return Performance(delivery=delivery, report=report)


async def produce(
    order: Order,
    settings: Settings,
    *,
    run_id: str,
    observers: Sequence[events.Observer] = (),
    steps: Steps | None = None,
    gears: Gears | None = None,
    longest: float | None = None,
    parts: Parts = _NO_PARTS,
) -> Delivery:
    """Make the film that `order` asks for, and publish its folder.

    Raises errors of our own tree, and `CancelledError` when it is cancelled; the folder is then as it was before.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    unfinished, story, ledger = Unfinished(settings.folders.state), order.source.origin, Ledger(order.spent)
    earlier = order.earlier or unfinished.earlier(story)
    if order.folder is not None:
        output.refuse_strangers(order.folder)
    with (
        events.watched(events.Watch((*observers, ledger), run_id)),
        timed_run(order, run_id, earlier) as run,
        costed(run, ledger),
        staying(settings.folders.cache),
        output.staging(order.folder or settings.folders.films) as gathered,
    ):
        unfinished.begin(story, Begun(run_id=run_id, traceparent=run.traceparent))
        store = parts.store or Store(settings.folders.cache)
        async with in_gear(gears, settings) as turning, at_most(longest):
            tell_lost(turning, store, run_id, earlier)
            asked = ChainMap({**parts.providers}, cast("Any", chains(settings)))

            async def make(own: Settings) -> Production:
                resumes = earlier is not None
                pipeline = pipeline_in(own, asked, store, turning, steps, resumes=resumes, takes=order.takes)
                return await pipeline.run(order.story)

            made = await filmed(settings, find_binary(settings.ffmpeg_path), make)
        manifest = replace(
            await asyncio.to_thread(
                gather, made.production, order.source, settings, _seed(order), ledger.cost(), gathered
            ),
            run_id=run_id,
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.perf_counter() - clock, 3),
            traceparent=run.traceparent,
            encoder=made.encoder,
            encoders_left=made.left,
        )
        folder = order.folder or output.choose_folder(settings.folders.films, manifest)
        output.publish(gathered, folder, manifest)  # not in a thread, which a cancelled run would leave behind
        unfinished.end(story)
        _ship(run, manifest)
        await _trim(store, settings)
    return Delivery(folder=folder, manifest=manifest)


def past_durations(settings: Settings) -> list[PastDurations]:
    """How long the stages of earlier runs took; nothing where there is no history that can be read."""
    try:
        return open_history(settings).durations()
    except StorygenError as error:
        _LOG.warning("Nothing is known of earlier runs: %s.", error.message)
        return []


def last_success(settings: Settings) -> dict[str, float]:
    """When a run of each pipeline last succeeded (Unix), as far as the history knows."""
    try:
        moment = open_history(settings).last_success()
    except StorygenError:
        return {}  # `past_durations` tells of a history that cannot be read
    return {} if moment is None else {PIPELINE: moment}


def _write_report(report: Report, recording: Recording, folder: Path) -> None:
    with writing(folder):
        (folder / "report.json").write_text(json.dumps(report.to_json(), ensure_ascii=False, indent=1), "utf-8")
        (folder / "report.html").write_text(page(report, recording), "utf-8")


def timed_run(order: Order, run_id: str, earlier: Begun | None) -> Any:
    """The timed work that is a run, linked to the one that it goes on from."""
    title = order.story.title if isinstance(order.story, Script) else order.story.topic
    link = earlier.traceparent if earlier else order.link
    return events.timed("run", PIPELINE, run_id=run_id, title=title, source=order.source.format, link=link)


def _seed(order: Order) -> int:
    return order.story.seed if isinstance(order.story, Brief) else 0


def _ship(run: Any, manifest: Manifest) -> None:
    events.emit(
        events.Shipped(fidelity=manifest.fidelity.value, seconds=manifest.film_seconds, reasons=manifest.reasons)
    )
    run.add(scenes=len(manifest.scenes), fidelity=manifest.fidelity.value)


async def _trim(store: Store, settings: Settings) -> None:
    trimmed = await asyncio.to_thread(store.trim, int(settings.folders.cache_limit_gb * 1e9))
    events.emit(events.CacheSized(cache="store", size_bytes=trimmed.size_bytes))
    if trimmed.removed:
        events.emit(events.CacheEvicted(cache="store", count=trimmed.removed, size_bytes=trimmed.size_bytes))
