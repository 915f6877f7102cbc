"""What can be observed, and the one small protocol of those who observe.

Work is timed by `timed`, a context manager that ends exactly once; what happens inside is told by `emit`. Both find
their watch in the context, so two runs at once never mix, and cost next to nothing where nobody watches. An observer
that raises is reported once and ignored; the work goes on.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from storygen.story import Check, Outcome, Usage

FIGURES = {
    "loudness": ("audio_loudness_lufs", 1.0),
    "coverage": ("subtitle_coverage_ratio", 0.01),
    "drift": ("subtitle_drift_seconds", 1.0),
}
"""Checks whose value is also a figure of its own: that figure's name, and what makes the value its base unit."""

Kind = Literal["run", "stage", "call", "attempt", "operation", "ffmpeg", "send", "process", "request"]


class Observer(Protocol):
    """Told when timed work begins and ends, and what happens within it. Called in the order of registration."""

    def began(self, timed: Timed) -> None:
        """Timed work begins."""

    def ended(self, timed: Timed) -> None:
        """Timed work has ended, with its outcome and error."""

    def noted(self, event: Event, within: Timed | None) -> None:
        """Something happened within the innermost timed work, where there is any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLooked:
    """A cache was asked; `result` is hit, miss, bypass or error. The savings are what making it took the first time.

    `provider` and `model` are who made what was found, empty where nothing was.
    """

    cache: str
    result: Literal["hit", "miss", "bypass", "error"]
    saved_usd: float = 0.0
    saved_seconds: float = 0.0
    provider: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEvicted:
    """Entries left a cache, which now holds `size_bytes`."""

    cache: str
    count: int
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSized:
    """A cache holds about `size_bytes`."""

    cache: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """An attempt failed for `reason` (the kind of its error); the next starts after `wait` seconds."""

    provider: str
    reason: str
    attempt: int
    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp:
    """The last attempt that was allowed failed."""

    provider: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FellBack:
    """A provider did not deliver and the next of the chain is asked."""

    from_provider: str
    to_provider: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerSaw:
    """A breaker saw what became of a call, or rejected it; `ignored` says nothing of the provider's health."""

    provider: str
    capability: str
    result: Literal["success", "failure", "rejected", "ignored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerChanged:
    """A breaker is in another state than before: closed, open or half_open."""

    provider: str
    capability: str
    to_state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRefused:
    """A call that was expected to cost `expected_usd` was not made: only `left_usd` were left of a budget.

    `window` is run or 24h; the budget is that of one provider where `provider` is named.
    """

    window: Literal["run", "24h"]
    expected_usd: float
    left_usd: float
    provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingChanged:
    """What workers share can no longer be reached, so that each goes on with its own, or can be reached again."""

    service: str
    is_reachable: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """No run is begun for now, for this `reason`; an empty one says that runs are begun again."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """A vendor was asked how far a long job is; `state` is its own word for that, `progress` is between 0 and 1."""

    provider: str
    state: str
    progress: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A call was made elsewhere and is only told of; `error` is the kind of its failure, empty when it went well."""

    provider: str
    model: str
    operation: str = "chat"
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupied:
    """Of a limit (scenes, cores, calls) `in_use` are taken; `limit` may be absent where it never changes."""

    name: str
    in_use: int
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What an attempt used and cost (None where the price is unknown); `wasted` says why, if it was for nothing.

    It is `retried` where the attempt failed and another was allowed, `failed` where none was, and `discarded` where the
    answer came and did not pass its checks.

    Where `is_uncertain`, the answer was lost on the way: usage and cost are those that were expected, if it was billed.
    """

    provider: str
    model: str
    usage: Usage
    cost_usd: float | None
    wasted: str = ""
    is_uncertain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An artifact that `provider` made was measured."""

    check: Check
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure of what the viewer gets, by who made it.

    Figures are audio_loudness_lufs, subtitle_coverage_ratio, subtitle_drift_seconds.
    """

    figure: str
    value: float
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The script has `count` of `element`: scene, narration, dialogue_line, stage_direction, on_screen_text, joke."""

    element: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An artifact of `kind` (audio, subtitles, image, video, text) was written."""

    kind: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progressed:
    """The current work moved on: `done` of `total` units (seconds of film for ffmpeg), at `speed` units a second."""

    done: float
    total: float
    speed: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """Nothing moved for `seconds`: a stall of the current stage."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """A run made its film of `seconds`, with `fidelity` and the reasons why it is not full."""

    fidelity: str
    seconds: float
    reasons: tuple[str, ...] = ()


Event = (
    CacheLooked
    | CacheEvicted
    | CacheSized
    | Retried
    | GaveUp
    | FellBack
    | BreakerSaw
    | BreakerChanged
    | BudgetRefused
    | SharingChanged
    | Held
    | Polled
    | Called
    | Occupied
    | Spent
    | Checked
    | Measured
    | Counted
    | Stored
    | Progressed
    | Halted
    | Shipped
)


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
