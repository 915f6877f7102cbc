"""How stages run: timed, ended in time, side by side, and told of where nothing moves."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from storygen import events
from storygen.errors import StageTimeout, StorygenError
from storygen.settings import RunSettings
from storygen.story import Made, Outcome, Stage
from storygen.telling import sizes, tell_made
from storygen.workshop import Pulse

R = TypeVar("R")


class Staging:
    """Runs the stages of one run, and knows which of them are under way."""

    def __init__(self, settings: RunSettings, pulse: Pulse) -> None:
        self._settings = settings
        self._pulse = pulse
        self._running: dict[object, contextvars.Context] = {}

    async def stage(self, stage: Stage, work: Callable[[], Awaitable[Made[R]]], scene: int | None = None) -> Made[R]:
        """Time a stage, end it in time, say where it failed, and tell what it made.

        Raises `StageTimeout`, and what the work raises.
        """
        with events.timed("stage", stage.value, **({} if scene is None else {"scene": scene})) as timed:
            made = await self._in_time(stage, work, scene)
            tell_made(stage, made)
            timed.add(provider=made.provider, cached=made.cached, **sizes(made))
            if made.cached:
                timed.end(Outcome.CACHED)
            return made

    async def _in_time(self, stage: Stage, work: Callable[[], Awaitable[Made[R]]], scene: int | None) -> Made[R]:
        limit, here = self._settings.stage_timeout.of(stage), object()
        self._running[here] = contextvars.copy_context()
        try:
            async with asyncio.timeout(limit) as clock:
                return await work()
        except TimeoutError as error:
            if not clock.expired():
                raise
            raise _too_slow(stage, limit, scene) from error
        except StorygenError as error:
            error.locate(stage=stage.value, scene=scene)
            raise
        finally:
            del self._running[here]

    @asynccontextmanager
    async def watchdog(self) -> AsyncIterator[None]:
        """Tell of every running stage, once a quiet spell, that nothing in the run moves."""
        watcher = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watcher.cancel()

    async def _watch(self) -> None:
        patience = self._settings.stall_seconds
        while True:
            await asyncio.sleep(max(0.01, patience - self._pulse.quiet))
            if (quiet := self._pulse.quiet) >= patience:
                for context in list(self._running.values()):
                    context.run(events.emit, events.Halted(seconds=quiet))
                self._pulse.beat()


async def together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run coroutines side by side and return their results; the first failure ends the others and is raised itself."""
    here = asyncio.current_task()
    before = here.cancelling() if here else 0
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except BaseExceptionGroup as failures:
        # Before Python 3.13 a group leaves its own cancel behind, and the next film of this task would look cancelled.
        if here and here.cancelling() > before:
            here.uncancel()
        raise failures.exceptions[0] from failures.exceptions[0].__cause__
    return [task.result() for task in tasks]


def _too_slow(stage: Stage, limit: float, scene: int | None) -> StageTimeout:
    where = f" of scene {scene}" if scene else ""
    return StageTimeout(
        f"{stage.value.capitalize()}{where} took longer than {limit:g} s.",
        stage=stage.value,
        scene=scene,
        hint=f"Raise `run.stage_timeout.{stage.value}`; what is finished is kept, so run again to go on.",
    )
