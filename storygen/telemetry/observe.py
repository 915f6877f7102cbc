"""The public door: what storygen observes of its own runs, for the pipelines of others.

    with session("episode") as episode:
        with observe("write scene", number=1):
            ...
    print(episode.summary())

`observe` and its companions tell whoever watches: the session that they happen in, and the observers that were passed
to `enable`. With neither, or after `disable`, they cost well below a microsecond.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from storygen import events
from storygen.errors import CallerMistake
from storygen.events import Observer, Timed, Watch
from storygen.story import Usage
from storygen.telemetry.words import OBSERVED

P = ParamSpec("P")
R = TypeVar("R")
_HIT = events.CacheLooked(cache=OBSERVED, result="hit")
_MISS = events.CacheLooked(cache=OBSERVED, result="miss")
_on = True


def enable(*observers: Observer) -> None:
    """Observe from now on, as a process does when it starts; `observers` see what happens outside sessions, too."""
    global _on  # noqa: PLW0603 - one switch for the process
    _on = True
    events.watch_by_default(Watch(observers))


def disable() -> None:
    """Observe nothing from now on, in sessions that are open as well."""
    global _on  # noqa: PLW0603
    _on = False
    events.watch_by_default(Watch())


def is_enabled() -> bool:
    """Whether anything is observed."""
    return _on


class observe:  # noqa: N801 - it is used as a function is
    """Time the work of a `with` block, or of each call of a function that it decorates, plain or `async`.

    `metadata` goes to the span, the report and the log. A block may add to it and name its outcome:
    `with observe("draw") as work: work.add(size=3)`. Raises `CallerMistake` for a generator function, whose body runs
    between the steps of somebody else.
    """

    __slots__ = ("_metadata", "_name", "_open")

    def __init__(self, name: str, **metadata: Any) -> None:
        self._name = name
        self._metadata = metadata
        self._open: list[Any] = []

    def __enter__(self) -> Timed:
        timed = events.begin("operation", self._name, dict(self._metadata)) if _on else events.NOTHING
        self._open.append(timed)
        # What stands in for timed work that nobody watches has the same methods.
        return timed if timed is events.NOTHING else timed.__enter__()  # type: ignore[return-value]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        timed = self._open[0] if len(self._open) == 1 else self._entered()
        self._open.remove(timed)
        if timed is not events.NOTHING:
            timed.__exit__(kind, error, trace)

    def _entered(self) -> Any:
        """What this context entered last: one object may be in use several times, nested and side by side."""
        entered, here = tuple(self._open), events.current()
        if here in entered:
            return here
        return events.NOTHING if events.NOTHING in entered else entered[-1]

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate `function`."""
        name, metadata = self._name, self._metadata
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise CallerMistake(
                f"observe({name!r}): {function.__qualname__} is a generator.",
                hint="Observe the function that consumes it, or a block inside it that does not yield.",
            )
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def observed_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                with events.begin("operation", name, dict(metadata)) if _on else events.NOTHING:
                    return await function(*args, **kwargs)

            return cast("Callable[P, R]", observed_async)

        @functools.wraps(function)
        def observed(*args: P.args, **kwargs: P.kwargs) -> R:
            with events.begin("operation", name, dict(metadata)) if _on else events.NOTHING:
                return function(*args, **kwargs)

        return observed


def cache_hit(*, saved_usd: float = 0.0, saved_seconds: float = 0.0) -> None:
    """A cache of yours had it; the savings are what making it took the first time."""
    if _on:
        saved = saved_usd or saved_seconds
        hit = events.CacheLooked(cache=OBSERVED, result="hit", saved_usd=saved_usd, saved_seconds=saved_seconds)
        events.emit(hit if saved else _HIT)


def cache_miss() -> None:
    """A cache of yours did not have it."""
    if _on:
        events.emit(_MISS)


def record_call(
    provider: str,
    model: str,
    *,
    operation: str = "chat",
    input_tokens: int = 0,
    output_tokens: int = 0,
    cost_usd: float | None = None,
    error: str = "",
) -> None:
    """A model was called; `cost_usd` is None where the price is unknown, `error` is the kind of failure (`timeout`)."""
    if _on:
        usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
        wasted = "failed" if error else ""
        events.emit(events.Called(provider=provider, model=model, operation=operation, error=error))
        events.emit(events.Spent(provider=provider, model=model, usage=usage, cost_usd=cost_usd, wasted=wasted))


def count(element: str, number: int = 1) -> None:
    """The script has `number` more of `element`: scene, narration, dialogue_line, stage_direction, joke."""
    if _on:
        events.emit(events.Counted(element=element, count=number))
