"""Sessions: what happened between two moments of a program, bound to its context so that two at once never mix."""

from __future__ import annotations

import contextvars
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any, ParamSpec, TypeVar

from storygen import events
from storygen.events import Watch
from storygen.telemetry import observe as door
from storygen.telemetry.recorder import Recorder, Recording

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

    def __init__(self, name: str, run_id: str, recorder: Recorder) -> None:
        self.name = name
        self.run_id = run_id
        self._recorder = recorder
        self._context = contextvars.copy_context()

    def summary(self) -> SessionSummary:
        """What has happened up to now, or up to its end."""
        return _summarise(self.name, self.run_id, self._recorder.recording())

    def carry(self, function: Callable[P, R]) -> Callable[P, R]:
        """`function`, bound to this session wherever it is called: a new thread starts with an empty context."""

        def carried(*args: P.args, **kwargs: P.kwargs) -> R:
            return self._context.copy().run(function, *args, **kwargs)

        return carried


@contextmanager
def session(name: str, **metadata: Any) -> Iterator[Session]:
    """Observe what happens in the block, in the threads and tasks that inherit its context, and nowhere else."""
    run_id = uuid.uuid4().hex
    recorder = Recorder(run_id)
    outer = events.current_watch()
    watch = Watch((*outer.observers, recorder), run_id) if door.is_enabled() else Watch((), run_id)
    with events.watched(watch), events.timed("run", name, run_id=run_id, **metadata):
        opened = Session(name, run_id, recorder)
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


def _summarise(name: str, run_id: str, recording: Recording) -> SessionSummary:
    seconds = recording.run.seconds if recording.run else max((e.ended for e in recording.entries), default=0.0)
    operations = _by_name(recording)
    count, total = sum(o.count for o in operations), sum(o.total for o in operations)
    longest = sorted(recording.of_kind("operation"), key=lambda entry: entry.seconds, reverse=True)
    looked = Counter(note.data["result"] for note in recording.events("CacheLooked"))
    asked = looked["hit"] + looked["miss"]
    spent = [note.data for note in recording.events("Spent")]
    called = [note.data["error"] for note in recording.events("Called")]
    called += [entry.error for entry in recording.of_kind("call")]
    elements: Counter[str] = Counter()
    for note in recording.events("Counted"):
        elements[note.data["element"]] += note.data["count"]
    return SessionSummary(
        name=name,
        run_id=run_id,
        seconds=seconds,
        operations=count,
        failures=sum(o.failures for o in operations),
        mean=total / count if count else 0.0,
        by_name=operations,
        slowest=tuple((entry.name, entry.seconds) for entry in longest[:SLOWEST]),
        large=tuple(o.name for o in operations if seconds and o.total > LARGE_SHARE * seconds),
        cache_hits=looked["hit"],
        cache_misses=looked["miss"],
        hit_rate=looked["hit"] / asked if asked else None,
        calls=len(called),
        errors=sum(1 for error in called if error),
        input_tokens=sum(data["usage"]["input_tokens"] for data in spent),
        output_tokens=sum(data["usage"]["output_tokens"] for data in spent),
        cost_usd=sum(data["cost_usd"] or 0.0 for data in spent),
        unpriced=sum(1 for data in spent if data["cost_usd"] is None),
        elements=dict(elements),
    )


def _by_name(recording: Recording) -> tuple[OperationSummary, ...]:
    """The operations by name, the one that took most first; those that the recorder folded are in it."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0, 0.0])
    for entry in recording.of_kind("operation"):
        known = sums[entry.name]
        known[:] = known[0] + 1, known[1] + bool(entry.error), known[2] + entry.seconds, max(known[3], entry.seconds)
    for name, folded in recording.folded.items():
        known = sums[name]
        known[0] += folded.count
        known[1] += folded.failures
        known[2] += folded.seconds
        known[3] = max(known[3], folded.longest)
    found = (
        OperationSummary(name=name, count=int(n), failures=int(failed), total=total, mean=total / n, longest=longest)
        for name, (n, failed, total, longest) in sums.items()
    )
    return tuple(sorted(found, key=lambda operation: operation.total, reverse=True))
