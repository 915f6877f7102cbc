"""The hands that the runner lends to the stages: calls, stored work, ffmpeg and slow Python, each observed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from storygen import events
from storygen.errors import ProviderFailure, RenderFailed, Stalled
from storygen.media.ffmpeg import Command, Finished, one_by_one
from storygen.media.ffmpeg import run as run_ffmpeg
from storygen.providers.base import Capability
from storygen.resilience.cache import Cache
from storygen.resilience.call import Call, Caller, Validate
from storygen.resilience.slots import Slots
from storygen.story import Made

R = TypeVar("R")
P = ParamSpec("P")
LOCAL = "local"
_TWICE = frozenset({"render", "stitch", "join", "convert"})  # what writes a film, not what reads files of others
_MORE_PATIENCE = 2
_take: ContextVar[int] = ContextVar("storygen_take", default=0)


@contextmanager
def taking(take: int) -> Iterator[None]:
    """Calls in the block ask for another answer than those of lower takes, also where one is stored."""
    token = _take.set(take)
    try:
        yield
    finally:
        _take.reset(token)


class Pulse:
    """When anything of a run last moved."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        """Something moved."""
        self._last = self._clock()

    @property
    def quiet(self) -> float:
        """Seconds since."""
        return self._clock() - self._last


class Workshop:
    """`stages.base.Tools` for one run.

    What needs a core (ffmpeg, slow Python) waits for one of `cores`, a number or what the runs of a process share; what
    waits for a network does not. Rendering lets everything else go first, because a voice or a picture that is ready
    gives others something to do.
    """

    def __init__(
        self, caller: Caller, cache: Cache, *, binary: Path, cores: int | Slots, stall_seconds: float, pulse: Pulse
    ) -> None:
        self._caller = caller
        self._cache = cache
        self._binary = binary
        self._slots = cores if isinstance(cores, Slots) else Slots("cores", cores)
        self.cores = self._slots.count
        self._stall_seconds = stall_seconds
        self._pulse = pulse

    def asking(self, caller: Caller) -> Workshop:
        """The same hands, asking other providers."""
        other = copy(self)
        other._caller = caller  # noqa: SLF001 - a copy of its own
        return other

    async def call(
        self, capability: Capability, request: object, expect: type[R], check: Validate[R], *, otherwise: str = ""
    ) -> Made[R]:
        """See `Tools.call`."""
        try:
            take = _take.get()
            made = await self._caller(
                Call(capability=capability, request=request, expect=expect, check=check, take=take)
            )
        except ProviderFailure as failure:
            if otherwise:
                fell = events.FellBack(from_provider=failure.provider, to_provider=otherwise, reason=failure.kind)
                events.emit(fell)
            raise
        self._pulse.beat()
        return made

    def part(self, name: str) -> AbstractContextManager[object]:
        """See `Tools.part`."""
        return events.timed("operation", name)

    async def make(
        self, step: str, inputs: Mapping[str, Any], expect: type[R], work: Callable[[Path], Awaitable[R]]
    ) -> Made[R]:
        """See `Tools.make`."""

        async def carry_out(folder: Path, key: str) -> Made[R]:
            started = time.perf_counter()
            with events.timed("operation", step):
                value = await work(folder)
            return Made(value=value, key=key, provider=LOCAL, seconds=time.perf_counter() - started)

        made = await self._cache.get(step, inputs, expect, carry_out, is_free=True)
        self._pulse.beat()
        return replace(made, checks=getattr(made.value, "checks", ()))

    async def ffmpeg(self, command: Command) -> Finished:
        """See `Tools.ffmpeg`."""
        async with self._slots.one(urgent=command.step != "render"):
            with self._part_of(command), events.timed("ffmpeg", command.step) as timed:
                try:
                    finished = await self._run(command)
                except RenderFailed as failure:
                    timed.add(exit_code=failure.status)
                    raise
                timed.add(
                    in_seconds=finished.in_seconds,
                    out_seconds=finished.out_seconds,
                    speed=finished.speed or round(finished.out_seconds / max(timed.seconds, 1e-3), 2),
                    exit_code=0,
                )
                return finished

    async def compute(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """See `Tools.compute`."""
        async with self._slots.one():
            result = await asyncio.to_thread(function, *args, **kwargs)
        self._pulse.beat()
        return result

    def _part_of(self, command: Command) -> AbstractContextManager[object]:
        """Probing is one command, wherever it is done; other operations take several."""
        return self.part("probe") if command.step == "probe" else nullcontext()

    async def _run(self, command: Command) -> Finished:
        """Run a command; one that writes a film and stands still is tried once more, more simply and patiently."""
        try:
            return await self._try(command, self._stall_seconds)
        except Stalled as stalled:
            if command.step not in _TWICE:
                raise
            events.emit(events.Retried(provider=LOCAL, reason=stalled.kind, attempt=1, wait=0.0))
        try:
            return await self._try(one_by_one(command), self._stall_seconds * _MORE_PATIENCE)
        except Stalled as stalled:
            events.emit(events.GaveUp(provider=LOCAL, reason=stalled.kind))
            raise

    async def _try(self, command: Command, patience: float) -> Finished:
        def moved(done: float, speed: float) -> None:
            self._pulse.beat()
            events.emit(events.Progressed(done=done, total=command.seconds or 0.0, speed=speed))

        try:
            return await run_ffmpeg(
                command,
                binary=self._binary,
                timeout=_time_limit(command),
                stall_after=patience,
                on_progress=moved,
            )
        except Stalled:
            events.emit(events.Halted(seconds=patience))
            raise


def _time_limit(command: Command) -> float:
    """Five minutes, and for long films ten seconds for each second that comes out."""
    return max(300.0, 10.0 * (command.seconds or 0.0))
