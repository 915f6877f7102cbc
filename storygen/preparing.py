"""All of a run but its rendering, for another machine that renders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from storygen import events
from storygen.costs.ledger import Ledger
from storygen.errors import StorygenError
from storygen.past import open_history
from storygen.production import Order, timed_run
from storygen.providers.registry import chains
from storygen.resilience.gears import Gears
from storygen.settings import Settings
from storygen.store.artifacts import Store
from storygen.store.files import staying
from storygen.store.history import PastRun
from storygen.story import Cost
from storygen.surroundings import at_most, costed, ffmpeg_in_use, pipeline_in, remember, tell_lost
from storygen.telemetry.context import describe
from storygen.telemetry.recorder import Recorder
from storygen.telemetry.report import build


async def prepare(
    order: Order,
    settings: Settings,
    observers: Sequence[events.Observer],
    gears: Gears,
    *,
    run_id: str,
    longest: float | None = None,
) -> Cost:
    """Make all that the film of `order` waits for, and leave the rendering to the run that is to find it in the cache.

    Returns what it cost, for that run's `Order.spent`. Only what fails is a run of its own, which the history has:
    raises what `produce` raises.
    """
    recorder, ledger = Recorder(run_id, context=describe(settings, ffmpeg_in_use(settings))), Ledger()
    try:
        with events.watched(events.Watch((*observers, ledger, recorder), run_id)), staying(settings.folders.cache):
            try:
                async with at_most(longest):
                    store, asked = Store(settings.folders.cache), cast("Any", chains(settings))
                    tell_lost(gears, store, run_id, order.earlier)
                    resumes = order.earlier is not None
                    pipeline = pipeline_in(settings, asked, store, gears, None, resumes=resumes, takes=order.takes)
                    await pipeline.prepare(order.story)
            except StorygenError:
                with timed_run(order, run_id, order.earlier) as run, costed(run, ledger):
                    raise
    finally:
        recording = recorder.recording()
        if recording.run is not None:
            past = PastRun.from_report(build(recording).to_json(), recording.to_document(), None)
            remember(past, open_history(settings))
    return ledger.cost()
