"""Sessions: what happened between two moments of a program, bound to its context so that two at once never mix."""

from __future__ import annotations

import contextvars
import heapq
import threading
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any, ParamSpec, TypeVar

from storygen import events
from storygen.events import Event, Observer, Timed, Watch
from storygen.telemetry import observe as door

P = ParamSpec("P")
R = TypeVar("R")
KEPT = 100
SLOWEST = 5
LARGE_SHARE = 0.2
_current: ContextVar[Session | None] = ContextVar("storygen_session", default=None)
_history: deque[SessionSummary] = deque(maxlen=KEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationSummary:
    """All operations of one name; times in seconds."""

    name: str
    count: int
    failures: int
    total: float
    mean: float
    longest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSummary:
    """What happened in a session; times in seconds, money in US dollars.

    `mean` is over all operations; `slowest` are the five that took longest, as name and seconds; `large` are the names
    that took more than a fifth of the session. `cost_usd` is what is known; `unpriced` calls are not in it.
    """

    name: str
    run_id: str
    seconds: float
    operations: int
    failures: int
    mean: float
    by_name: tuple[OperationSummary, ...]
    slowest: tuple[tuple[str, float], ...]
    large: tuple[str, ...]
    cache_hits: int
    cache_misses: int
    hit_rate: float | None
    calls: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unpriced: int
    elements: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    def __str__(self) -> str:
        rate = "-" if self.hit_rate is None else f"{self.hit_rate:.0%}"
        tokens = f"{self.input_tokens} tokens in, {self.output_tokens} out"
        lines = [
            f"{self.name}: {self.operations} operations in {self.seconds:.3f} s, {self.failures} failed",
            *(f"  {o.name}: {o.count} times, {o.failures} failed, mean {o.mean:.3f} s" for o in self.by_name),
            *(f"  slow: {name} {seconds:.3f} s" for name, seconds in self.slowest),
            *(f"  warning: {name} takes more than {LARGE_SHARE:.0%} of the session" for name in self.large),
            f"  cache: {self.cache_hits} hits, {self.cache_misses} misses, rate {rate}",
            f"  calls: {self.calls}, {self.errors} failed, {tokens}, {self.cost_usd:.4f} USD",
        ]
        if self.unpriced:
            lines.append(f"  {self.unpriced} calls have no known price")
        if self.elements:
            lines.append("  " + ", ".join(f"{element} {number}" for element, number in self.elements.items()))
        return "\n".join(lines)


class Session:
    """What a `with session(...)` block yields."""

    def __init__(self, name: str, run_id: str, tally: _Tally) -> None:
        self.name = name
        self.run_id = run_id
        self._tally = tally
        self._context = contextvars.copy_context()

    def summary(self) -> SessionSummary:
        """What has happened up to now, or up to its end."""
        return self._tally.summary(self.name, self.run_id)

    def carry(self, function: Callable[P, R]) -> Callable[P, R]:
        """`function`, bound to this session wherever it is called: a new thread starts with an empty context."""

        def carried(*args: P.args, **kwargs: P.kwargs) -> R:
            return self._context.copy().run(function, *args, **kwargs)

        return carried


@contextmanager
def session(name: str, *observers: Observer, **metadata: Any) -> Iterator[Session]:
    """Observe what happens in the block, in the threads and tasks that inherit its context, and nowhere else.

    `observers` watch this session alone, besides those who watch already (a `Recorder`, to build a report from).
    """
    run_id, tally = uuid.uuid4().hex, _Tally()
    around = events.current_watch().observers
    watch = Watch((*around, *observers, tally) if door.is_enabled() else (), run_id)
    with events.watched(watch), events.timed("run", name, run_id=run_id, **metadata):
        opened = Session(name, run_id, tally)
        token = _current.set(opened)
        try:
            yield opened
        finally:
            _current.reset(token)
            _history.append(opened.summary())


def current_session() -> Session | None:
    """The session of this context."""
    return _current.get()


def session_history() -> tuple[SessionSummary, ...]:
    """The summaries of the last hundred sessions that ended, oldest first."""
    return tuple(_history)


class _Tally:
    """The observer of a session: sums only, so that a session that never ends does not fill memory."""

    hears = frozenset({events.CacheLooked, events.Called, events.Counted, events.Spent})

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums: dict[str, _Sums] = defaultdict(_Sums)
        self._slowest: list[tuple[float, str]] = []
        self._totals: Counter[str] = Counter()
        self._elements: Counter[str] = Counter()
        self._cost = 0.0
        self._seconds = 0.0
        self._run: Timed | None = None

    def began(self, timed: Timed) -> None:
        if self._run is None and timed.kind == "run":
            self._run = timed

    def ended(self, timed: Timed) -> None:
        if timed.kind == "operation":
            seconds = timed.ended_at - timed.started_at
            with self._lock:
                self._sums[timed.name].add(seconds, failed=timed.error is not None)
                if len(self._slowest) < SLOWEST or seconds > self._slowest[0][0]:
                    change = heapq.heappush if len(self._slowest) < SLOWEST else heapq.heapreplace
                    change(self._slowest, (seconds, timed.name))
        elif timed.kind == "call":
            with self._lock:
                self._totals["calls"] += 1
                self._totals["errors"] += timed.error is not None

    def noted(self, event: Event, within: Timed | None) -> None:  # noqa: ARG002 - the place does not matter here
        with self._lock:
            match event:
                case events.CacheLooked():
                    self._totals[event.result] += 1
                case events.Called():
                    self._totals["calls"] += 1
                    self._totals["errors"] += bool(event.error)
                case events.Spent():
                    self._totals["input_tokens"] += event.usage.input_tokens
                    self._totals["output_tokens"] += event.usage.output_tokens
                    self._totals["unpriced"] += event.cost_usd is None
                    self._cost += event.cost_usd or 0.0
                case events.Counted():
                    self._elements[event.element] += event.count
                case _:
                    pass

    def summary(self, name: str, run_id: str) -> SessionSummary:
        with self._lock:
            by_name = tuple(sorted((sums.summary(of) for of, sums in self._sums.items()), key=lambda o: -o.total))
            slowest = tuple((of, seconds) for seconds, of in sorted(self._slowest, reverse=True))
            totals, elements, cost = self._totals.copy(), dict(self._elements), self._cost
        seconds = self._run.seconds if self._run is not None else 0.0
        operations, asked = sum(o.count for o in by_name), totals["hit"] + totals["miss"]
        return SessionSummary(
            name=name,
            run_id=run_id,
            seconds=seconds,
            operations=operations,
            failures=sum(o.failures for o in by_name),
            mean=sum(o.total for o in by_name) / operations if operations else 0.0,
            by_name=by_name,
            slowest=slowest,
            large=tuple(o.name for o in by_name if o.total > LARGE_SHARE * seconds),
            cache_hits=totals["hit"],
            cache_misses=totals["miss"],
            hit_rate=totals["hit"] / asked if asked else None,
            calls=totals["calls"],
            errors=totals["errors"],
            input_tokens=totals["input_tokens"],
            output_tokens=totals["output_tokens"],
            cost_usd=cost,
            unpriced=totals["unpriced"],
            elements=elements,
        )


class _Sums:
    """What is known of the operations of one name."""

    __slots__ = ("count", "failures", "longest", "total")

    def __init__(self) -> None:
        self.count = self.failures = 0
        self.total = self.longest = 0.0

    def add(self, seconds: float, *, failed: bool) -> None:
        self.count += 1
        self.failures += failed
        self.total += seconds
        self.longest = max(self.longest, seconds)

    def summary(self, name: str) -> OperationSummary:
        return OperationSummary(
            name=name,
            count=self.count,
            failures=self.failures,
            total=self.total,
            mean=self.total / self.count,
            longest=self.longest,
        )
