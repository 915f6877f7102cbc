"""A folder of stories becomes films: what `storygen watch` does, for as long as it lives."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from storygen.endings import Ending, fault
from storygen.errors import DiskFull, InvalidSettings, ResourceFailure, StorygenError
from storygen.events import Observer
from storygen.production import Order, Performance, order_of, perform
from storygen.reloading import Reloader
from storygen.resilience.gears import Gears
from storygen.settings import Settings
from storygen.store.inbox import Inbox, Story
from storygen.story import Outcome

LOOK_SECONDS = 0.25
LONGEST_WAIT = 60.0
_LOG = logging.getLogger("storygen.watching")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What became of a story: its film, or the fields of the error that left it without one.

    `run_id` is empty where the story could not even be read, `trace_id` where the run was not traced.
    """

    story: str
    run_id: str = ""
    trace_id: str = ""
    outcome: str = Outcome.FAILED.value
    fidelity: str = ""
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0
    film_seconds: float | None = None
    cost_usd: float | None = None
    folder: Path | None = None
    error: dict[str, object] | None = None


class Watcher:
    """Makes a film of every story that appears in a folder, at most `at_once` side by side, until it is cancelled.

    A story stays where it is until its film is made, so that a killed process goes on from the cache when it is started
    again. A story that cannot become a film fails alone; where this machine is the reason (a full disk, a folder that
    cannot be written to) stories stay, and waiting between two tries grows to a minute. `tell` is told of each story
    that is done with; what it raises ends the watch. The settings are those that the files say when a story begins;
    `adopt` is told of other ones.
    """

    def __init__(
        self,
        inbox: Inbox,
        reloader: Reloader,
        gears: Gears,
        observers: Sequence[Observer] = (),
        *,
        at_once: int = 2,
        tell: Callable[[Finished], None] = lambda _: None,
        adopt: Callable[[Settings], None] = lambda _: None,
    ) -> None:
        self._inbox = inbox
        self._reloader = reloader
        self._gears = gears
        self._observers = tuple(observers)
        self._at_once = at_once
        self._tell = tell
        self._adopt = adopt
        self._working: dict[str, asyncio.Task[None]] = {}
        self._delays: Counter[str] = Counter()
        self._patience = _Patience()
        self._is_lost = False

    async def run(self) -> None:
        """Watch until cancelled; what is being made then is cancelled, too."""
        try:
            while True:
                self._reap()
                self._begin(self._look())
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in self._working.values():
                task.cancel()
            await asyncio.gather(*self._working.values(), return_exceptions=True)

    def _reap(self) -> None:
        for name, task in list(self._working.items()):
            if task.done():
                del self._working[name]
                task.result()

    def _look(self) -> list[Story]:
        """The stories that are there, those first that were not put off; none where the folder cannot be read now."""
        try:
            found = self._inbox.look()
        except OSError as error:
            if not self._is_lost:
                _LOG.warning("%s cannot be read, and is tried again: %s.", self._inbox.folder, error.strerror)
            self._is_lost = True
            return []
        if self._is_lost:
            _LOG.warning("%s can be read again.", self._inbox.folder)
        self._is_lost = False
        return sorted(found, key=lambda story: self._delays[story.name])

    def _begin(self, stories: Sequence[Story]) -> None:
        waiting = [story for story in stories if story.name not in self._working]
        if self._reloader.check():
            self._adopt(self._reloader.settings)
        for story in waiting[: self._at_once - len(self._working)]:
            if self._patience.is_waiting:
                return
            self._working[story.name] = asyncio.create_task(self._handle(story, self._reloader.settings))

    async def _handle(self, story: Story, settings: Settings) -> None:
        """Make the film of a story and put both where they belong, or leave the story for later."""
        ending = Ending()
        try:
            order = await asyncio.to_thread(_order, story, settings)
            performance = await perform(order, settings, (*self._observers, ending), self._gears)
            finished = _made(story, performance, ending)
        except StorygenError as error:
            if not story.path.exists():  # whoever took it away wants no film of it
                return
            if _is_ours(error):
                self._put_off(story, error.message)
                return
            finished = _failed(story, error.fields(), ending)
        except Exception as error:  # noqa: BLE001 - one story must not end the watch
            _LOG.exception("A fault of storygen spoiled %s.", story.name)
            finished = _failed(story, fault(error), ending)
        try:
            self._put_away(story, finished)
        except OSError as error:
            self._put_off(story, f"it cannot be moved: {error.strerror}")
            return
        self._patience.restore()
        del self._delays[story.name]
        self._tell(finished)

    def _put_away(self, story: Story, finished: Finished) -> None:
        if finished.error is None:
            self._inbox.put_away(story, "done")
        else:
            told = {"story": story.name, "run_id": finished.run_id, "trace_id": finished.trace_id, **finished.error}
            self._inbox.put_away(story, "failed", json.dumps(told, ensure_ascii=False, indent=1) + "\n")

    def _put_off(self, story: Story, reason: str) -> None:
        self._delays[story.name] += 1
        seconds = self._patience.wait()
        _LOG.warning("%s stays for now, and is tried again in %g s: %s", story.name, seconds, reason)


class _Patience:
    """Waits that double, from one second to a minute, until something goes well."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._until = 0.0

    @property
    def is_waiting(self) -> bool:
        return time.monotonic() < self._until

    def wait(self) -> float:
        """Wait from now on; says for how many seconds. What fails together counts once."""
        if not self.is_waiting:
            self._seconds = min(LONGEST_WAIT, 2 * self._seconds or 1.0)
            self._until = time.monotonic() + self._seconds
        return self._seconds

    def restore(self) -> None:
        """Something went well."""
        self._seconds = self._until = 0.0


def _order(story: Story, settings: Settings) -> Order:
    """What to make of a story, which is known by its words: another one under the same name has a film of its own."""
    order, _ = order_of(str(story.path), settings)
    return replace(order, source=replace(order.source, origin=order.source.sha256))


def _is_ours(error: StorygenError) -> bool:
    """Whether this machine is the reason, so that another story would fare no better."""
    return isinstance(error, DiskFull | InvalidSettings) or type(error) is ResourceFailure


def _made(story: Story, performance: Performance, ending: Ending) -> Finished:
    manifest, folder = performance.delivery.manifest, performance.delivery.folder
    return Finished(
        story=story.name,
        run_id=ending.run_id,
        trace_id=ending.trace_id,
        outcome=ending.outcome,
        fidelity=manifest.fidelity.value,
        reasons=manifest.reasons,
        seconds=round(ending.seconds, 3),
        film_seconds=manifest.film_seconds,
        cost_usd=manifest.cost_usd,
        folder=folder,
    )


def _failed(story: Story, error: dict[str, Any], ending: Ending) -> Finished:
    return Finished(
        story=story.name,
        run_id=ending.run_id,
        trace_id=ending.trace_id,
        outcome=ending.outcome,
        seconds=round(ending.seconds, 3),
        cost_usd=ending.cost_usd,
        error=error,
    )
