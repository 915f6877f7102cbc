"""Timed work, those who watch it, and how they find each other: through the context."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from storygen.events.facts import Event
from storygen.story import Outcome

Kind = Literal["run", "stage", "call", "attempt", "operation", "ffmpeg", "send", "process", "request"]


class Observer(Protocol):
    """Told when timed work begins and ends, and what happens within it. Called in the order of registration."""

    def began(self, timed: Timed) -> None:
        """Timed work begins."""

    def ended(self, timed: Timed) -> None:
        """Timed work has ended, with its outcome and error."""

    def noted(self, event: Event, within: Timed | None) -> None:
        """Something happened within the innermost timed work, where there is any."""


class Watch:
    """A set of observers, and the run they watch; `run_id` is empty outside a run.

    An observer with an attribute `hears`, a collection of event classes, is not told of others.
    """

    __slots__ = ("_hearing", "began", "ended", "excused", "observers", "run_id")

    def __init__(self, observers: Sequence[Observer] = (), run_id: str = "") -> None:
        self.observers = tuple(observers)
        self.run_id = run_id
        self.began = tuple(observer.began for observer in self.observers)
        self.ended = tuple(observer.ended for observer in self.observers)
        self.excused: set[int] = set()
        self._hearing: dict[type, tuple[Callable[[Event, Timed | None], None], ...]] = {}

    def hearing(self, kind: type) -> tuple[Callable[[Event, Timed | None], None], ...]:
        """Those who want to be told of events of `kind`."""
        known = self._hearing.get(kind)
        if known is None:
            wanting = (observer for observer in self.observers if kind in getattr(observer, "hears", (kind,)))
            known = self._hearing[kind] = tuple(observer.noted for observer in wanting)
        return known

    def excuse(self, hook: Callable[..., None]) -> None:
        """Report the failure of an observer once, then never again."""
        observer = getattr(hook, "__self__", hook)
        if id(observer) not in self.excused:
            self.excused.add(id(observer))
            said = {"observer": type(observer).__name__}
            logging.getLogger("storygen.events").error("observer.failed", extra=said, exc_info=sys.exception())


class Timed:
    """One piece of timed work; an observer may read it from `began` to `ended` and after.

    `stage` and `scene` are inherited from the work around it. `fields` are rich values for spans, reports and logs;
    metrics take only names and closed values from it. `outcome` is set by `end` or by the exception that left the
    block. `trace` belongs to the tracing observer, which also fills `trace_id` and `span_id` (hex, empty where the span
    is not sampled).
    """

    __slots__ = (
        "_token",
        "ended_at",
        "error",
        "fields",
        "kind",
        "name",
        "outcome",
        "parent",
        "scene",
        "span_id",
        "stage",
        "started_at",
        "trace",
        "trace_id",
        "watch",
    )

    def __init__(self, kind: Kind, name: str, watch: Watch, parent: Timed | None, fields: dict[str, Any]) -> None:
        self.kind = kind
        self.name = name
        self.watch = watch
        self.parent = parent
        self.fields = fields
        self.stage: str = name if kind == "stage" else parent.stage if parent else ""
        self.scene: int | None = fields.get("scene", parent.scene if parent else None)
        self.outcome: Outcome | None = None
        self.error: BaseException | None = None
        self.trace: Any = None
        self.trace_id = ""
        self.span_id = ""
        self.started_at = 0.0
        self.ended_at = 0.0

    @property
    def seconds(self) -> float:
        """How long it took, or has taken up to now."""
        return (self.ended_at or time.perf_counter()) - self.started_at

    @property
    def traceparent(self) -> str:
        """Its W3C trace context, empty where it is not traced."""
        return f"00-{self.trace_id}-{self.span_id}-01" if self.trace_id else ""

    def add(self, **fields: Any) -> None:
        """Put down what is known only later."""
        self.fields.update(fields)

    def end(self, outcome: Outcome) -> None:
        """Name the outcome; without this it is success, or follows from the exception."""
        self.outcome = outcome

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        self.started_at = time.perf_counter()
        for tell in self.watch.began:
            try:
                tell(self)
            except Exception:  # noqa: BLE001 - whatever an observer does, the work goes on
                self.watch.excuse(tell)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ended_at = time.perf_counter()
        if error is not None:
            self.error = error
            self.outcome = self.outcome or _outcome_of(error)
        elif self.outcome is None:
            self.outcome = Outcome.SUCCESS
        for tell in self.watch.ended:
            try:
                tell(self)
            except Exception:  # noqa: BLE001
                self.watch.excuse(tell)
        try:  # noqa: SIM105 - `suppress` would cost as much as the rest of this method
            _current.reset(self._token)
        except ValueError:  # a generator that is closed from elsewhere has another context, which ends with it
            pass


class _Nothing:
    """Stands in for timed work that nobody watches."""

    __slots__ = ()
    seconds = 0.0
    trace_id = ""
    span_id = ""
    traceparent = ""

    def add(self, **fields: Any) -> None: ...
    def end(self, outcome: Outcome) -> None: ...
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None: ...


NOTHING = _Nothing()
_current: ContextVar[Timed | Watch | None] = ContextVar("storygen_current", default=None)
_default = Watch()


def watch_by_default(watch: Watch) -> None:
    """Use `watch` for everything that happens outside a run; an empty one switches observation off."""
    global _default  # noqa: PLW0603 - one for the process
    _default = watch


def current() -> Timed | None:
    """The innermost timed work of this context."""
    here = _current.get()
    return here if isinstance(here, Timed) else None


def current_watch() -> Watch:
    """Who watches this context."""
    here = _current.get()
    if here is None:
        return _default
    return here.watch if isinstance(here, Timed) else here


@contextmanager
def watched(watch: Watch) -> Iterator[Watch]:
    """Bind `watch` to this context and everything that is started from it."""
    token = _current.set(watch)
    try:
        yield watch
    finally:
        _current.reset(token)


def is_watched() -> bool:
    """Whether anybody is told of what happens here: an event that nobody hears need not be made."""
    here = _current.get()
    watch = _default if here is None else here.watch if isinstance(here, Timed) else here
    return bool(watch.observers)


def timed(kind: Kind, name: str, **fields: Any) -> Timed | _Nothing:
    """Time the work of a `with` block."""
    return begin(kind, name, fields)


def begin(kind: Kind, name: str, fields: dict[str, Any]) -> Timed | _Nothing:
    """As `timed`, with fields that now belong to it."""
    here = _current.get()
    if isinstance(here, Timed):
        watch, parent = here.watch, here
    else:
        watch, parent = here or _default, None
    return Timed(kind, name, watch, parent, fields) if watch.observers else NOTHING


def emit(event: Event) -> None:
    """Tell what happened to whoever watches this context."""
    here = _current.get()
    watch = _default if here is None else here.watch if isinstance(here, Timed) else here
    within = here if isinstance(here, Timed) else None
    for tell in watch.hearing(type(event)):
        try:
            tell(event, within)
        except Exception:  # noqa: BLE001
            watch.excuse(tell)


def _outcome_of(error: BaseException) -> Outcome:
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt) or getattr(error, "kind", "") == "cancelled":
        return Outcome.CANCELLED
    if isinstance(error, TimeoutError) or getattr(error, "kind", "") in {"timeout", "stage_timeout"}:
        return Outcome.TIMEOUT
    return Outcome.FAILED
