"""What can be observed, and the one small protocol of those who observe.

Work is timed by `timed`, a context manager that ends exactly once; what happens inside is told by `emit`. Both find their
watch in the context, so two runs at once never mix, and cost next to nothing where nobody watches. An observer that
raises is reported once and ignored; the work goes on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol

from storygen.story import Check, Outcome, Usage

FIGURES = {
    "loudness": "audio_loudness_lufs",
    "coverage": "subtitle_coverage_ratio",
    "drift": "subtitle_drift_seconds",
}
"""Checks whose value is also a figure of its own, and that figure's name."""

Kind = Literal["run", "stage", "call", "attempt", "operation", "ffmpeg"]


class Observer(Protocol):
    """Told when timed work begins and ends, and what happens within it. Called in the order of registration."""

    def began(self, timed: Timed) -> None: ...
    def ended(self, timed: Timed) -> None: ...
    def noted(self, event: Event, within: Timed | None) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLooked:
    """A cache was asked; `result` is hit, miss, bypass or error. The savings are what making it took the first time."""

    cache: str
    result: Literal["hit", "miss", "bypass", "error"]
    saved_usd: float = 0.0
    saved_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEvicted:
    """Entries left a cache, which now holds `size_bytes`."""

    cache: str
    count: int
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
    """What an attempt used and cost; `cost_usd` is None where the price is unknown; `wasted` says why, if it was for nothing."""

    provider: str
    model: str
    usage: Usage
    cost_usd: float | None
    wasted: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """An artifact that `provider` made was measured."""

    check: Check
    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure of what the viewer gets, by who made it: audio_loudness_lufs, subtitle_coverage_ratio, subtitle_drift_seconds."""

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
    """Work moved on: `done` of `total` units of the current timed work (seconds of film for ffmpeg), at `speed` units a second."""

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
    | Retried
    | GaveUp
    | FellBack
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
    """A set of observers, and the run they watch; `run_id` is empty outside a run."""

    __slots__ = ("excused", "observers", "run_id")

    def __init__(self, observers: Sequence[Observer] = (), run_id: str = "") -> None:
        self.observers = tuple(observers)
        self.run_id = run_id
        self.excused: set[int] = set()

    def excuse(self, observer: Observer) -> None:
        """Report the failure of an observer once, then never again."""
        if id(observer) not in self.excused:
            self.excused.add(id(observer))
            logging.getLogger("storygen.events").exception(
                "observer.failed", extra={"observer": type(observer).__name__}
            )


class Timed:
    """One piece of timed work; an observer may read it from `began` to `ended` and after.

    `stage` and `scene` are inherited from the work around it. `fields` are rich values for spans, reports and logs; metrics
    take only names and closed values from it. `outcome` is set by `end` or by the exception that left the block. `trace`
    belongs to the tracing observer, which also fills `trace_id` and `span_id` (hex, empty where the span is not sampled).
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

    def add(self, **fields: Any) -> None:
        """Put down what is known only later."""
        self.fields.update(fields)

    def end(self, outcome: Outcome) -> None:
        """Name the outcome; without this it is success, or follows from the exception."""
        self.outcome = outcome

    def __enter__(self) -> Timed:
        self._token = _current.set(self)
        self.started_at = time.perf_counter()
        for observer in self.watch.observers:
            try:
                observer.began(self)
            except Exception:
                self.watch.excuse(observer)
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
        for observer in self.watch.observers:
            try:
                observer.ended(self)
            except Exception:
                self.watch.excuse(observer)
        try:
            _current.reset(self._token)
        except ValueError:  # a generator that was closed from elsewhere: its context ends with it
            pass


class _Nothing:
    """Stands in for timed work that nobody watches."""

    __slots__ = ()
    seconds = 0.0
    trace_id = ""
    span_id = ""

    def add(self, **fields: Any) -> None: ...
    def end(self, outcome: Outcome) -> None: ...
    def __enter__(self) -> _Nothing:
        return self

    def __exit__(self, *failure: object) -> None: ...


NOTHING = _Nothing()
_current: ContextVar[Timed | Watch | None] = ContextVar("storygen_current", default=None)
_default = Watch()


def watch_by_default(watch: Watch) -> None:
    """Use `watch` for everything that happens outside a run; an empty one switches observation off."""
    global _default
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


def timed(kind: Kind, name: str, **fields: Any) -> Timed | _Nothing:
    """Time the work of a `with` block."""
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
    for observer in watch.observers:
        try:
            observer.noted(event, here if isinstance(here, Timed) else None)
        except Exception:
            watch.excuse(observer)


def _outcome_of(error: BaseException) -> Outcome:
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt) or getattr(error, "kind", "") == "cancelled":
        return Outcome.CANCELLED
    if isinstance(error, TimeoutError) or getattr(error, "kind", "") in {"timeout", "stage_timeout"}:
        return Outcome.TIMEOUT
    return Outcome.FAILED
