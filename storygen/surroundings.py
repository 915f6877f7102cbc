"""What every run happens in: gears, a limit of time, threads, what an earlier run left, and the history."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from storygen import events
from storygen.costs.ledger import Ledger
from storygen.costs.prices import PriceTable
from storygen.delivery import spent_usd
from storygen.errors import StageTimeout, StorygenError
from storygen.media import ffmpeg
from storygen.pipeline import Pipeline, Steps
from storygen.providers.base import Capability, Provider
from storygen.providers.registry import builtins
from storygen.resilience.call import Caller
from storygen.resilience.gears import Gears
from storygen.settings import Settings
from storygen.store.artifacts import Store
from storygen.store.hands import staffed
from storygen.store.history import PastRun, Runs
from storygen.store.unfinished import Begun
from storygen.story import Usage
from storygen.workshop import Pulse, Workshop

_LOG = logging.getLogger("storygen")
_threads: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()


@asynccontextmanager
async def in_gear(gears: Gears | None, settings: Settings) -> AsyncIterator[Gears]:
    """The gears that the process has, or some for this run alone."""
    own = gears or Gears.from_settings(settings)
    try:
        yield own
    finally:
        if gears is None:
            await own.close()


def tell_lost(gears: Gears, store: Store, run_id: str, earlier: Begun | None) -> None:
    """Tell of calls whose answers died with the process of an earlier run: they may have been billed."""
    if earlier is None or gears.book is None:
        return
    try:
        lost = gears.book.inherit(run_id, earlier.run_id, store.holds)
        before = gears.book.tell(run_id)
    except StorygenError as error:
        _LOG.warning("Nobody knows what the interrupted run paid for nothing: %s.", error.message)
        return
    known = [(provider, usd, True) for provider, usd in before.items()]
    news = [(provider, usd - before.get(provider, 0.0), False) for provider, usd in lost.items()]
    for provider, usd, is_repeated in known + news:
        if usd > 0:
            spent = events.Spent(
                provider=provider,
                model="",
                usage=Usage(),
                cost_usd=usd,
                wasted="failed",
                is_uncertain=True,
                is_repeated=is_repeated,
            )
            events.emit(spent)


def forget_lost(gears: Gears, run_id: str) -> None:
    """Tell of them no more: the cost of the run was handed over, and they are part of it."""
    if gears.book is None:
        return
    try:
        gears.book.disinherit(run_id)
    except StorygenError as error:
        _LOG.warning("What an interrupted run paid for nothing may be counted twice: %s.", error.message)


@asynccontextmanager
async def at_most(seconds: float | None) -> AsyncIterator[None]:
    """Raise `StageTimeout` where the block takes longer."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise StageTimeout(
            f"The run took longer than {seconds:g} s.",
            hint="What is finished is kept: try it again, or raise `queue.run_timeout`.",
        ) from error


def remember(run: PastRun, history: Runs) -> None:
    """Put a run into the history; a history that cannot be written is told of and spoils nothing."""
    try:
        history.record(run)
    except StorygenError as error:
        _LOG.warning("This run will not be found again: %s.", error.message)


def pipeline_in(
    settings: Settings,
    asked: Mapping[Capability, Sequence[Provider[Any, Any]]],
    store: Store,
    gears: Gears,
    steps: Steps | None,
    *,
    resumes: bool,
    takes: Mapping[int, int],
) -> Pipeline:
    """The stages, asking the chains in `asked` through the gears, with built-ins to stand in."""
    pulse = Pulse()
    gears.adopt(settings)
    _have_threads(gears.cores.count)
    prices, purse = PriceTable(settings.prices), gears.purse()
    ask = partial(Caller, store=store, gears=gears, prices=prices, purse=purse, resumes=resumes)
    workshop = Workshop(
        ask(asked),
        gears.cache(store),
        binary=ffmpeg.find_binary(settings.ffmpeg_path),
        cores=gears.cores,
        stall_seconds=settings.run.stall_seconds,
        pulse=pulse,
    )
    stand_in = workshop.asking(ask(builtins(settings)))
    return Pipeline(workshop, settings, pulse, steps, stand_in=stand_in, gate=gears.scenes, takes=takes)


def ffmpeg_in_use(settings: Settings) -> Path | None:
    """The ffmpeg in use, None where there is none, which the run will tell of."""
    try:
        return ffmpeg.find_binary(settings.ffmpeg_path)
    except StorygenError:
        return None


def _have_threads(cores: int) -> None:
    """A thread per core for slow Python, made once for an event loop and kept for its later runs."""
    loop = asyncio.get_running_loop()
    if _threads.get(loop) != cores:
        loop.set_default_executor(staffed(cores, "storygen"))
        _threads[loop] = cores


@contextmanager
def costed(run: Any, ledger: Ledger) -> Iterator[None]:
    """Put down what a run cost, also where it fails; nothing where a price is unknown."""
    try:
        yield
    finally:
        run.add(cost_usd=spent_usd(ledger.cost()))
