"""How far a run is: what of it is done and under way, which share that is, and how much longer it takes."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from storygen.events import Counted, Event, Timed
from storygen.story import Outcome, Stage
from storygen.telemetry.estimate import JOIN, Left, Past, Standing, time_left


class Pace:
    """The observer that keeps how far one run is, with `past` to judge how much longer it takes; threads may ask it."""

    def __init__(self, past: Sequence[Past] = (), clock: Callable[[], float] = time.perf_counter) -> None:
        self._past = past
        self._clock = clock
        self._lock = threading.Lock()
        self._started = 0.0
        self._side_started: float | None = None
        self._scenes: int | None = None
        self._finished: set[int] = set()
        self._done: dict[str, list[float]] = defaultdict(list)
        self._running: dict[tuple[str, int | None], float] = {}
        self._share = 0.0

    @property
    def spent(self) -> float:
        """How long the run has taken up to now, in seconds."""
        return max(0.0, self._clock() - self._started)

    def began(self, timed: Timed) -> None:
        """A run or a stage begins."""
        if timed.kind == "run":
            self._started = timed.started_at
        elif timed.kind == "stage":
            with self._lock:
                self._running[timed.name, timed.scene] = timed.started_at
                if timed.scene is not None and self._side_started is None:
                    self._side_started = timed.started_at

    def ended(self, timed: Timed) -> None:
        """A stage has ended."""
        if timed.kind == "stage":
            with self._lock:
                self._running.pop((timed.name, timed.scene), None)
                if timed.outcome in {Outcome.SUCCESS, Outcome.CACHED}:
                    self._done[_step(timed.name, timed.scene)].append(timed.seconds)
                if timed.scene is not None and (timed.name == Stage.ASSEMBLY or timed.error is not None):
                    self._finished.add(timed.scene)

    def noted(self, event: Event, within: Timed | None) -> None:  # noqa: ARG002  # the protocol's signature
        """The number of scenes becomes known."""
        if isinstance(event, Counted) and event.element == "scene":
            with self._lock:
                self._scenes = event.count

    def standing(self) -> Standing:
        """How far the run is now."""
        now = self._clock()
        with self._lock:
            return Standing(
                scenes=self._scenes,
                scenes_done=len(self._finished),
                done={step: tuple(values) for step, values in self._done.items()},
                running=tuple((_step(name, scene), max(0.0, now - at)) for (name, scene), at in self._running.items()),
                side_seconds=now - self._side_started if self._side_started is not None else 0.0,
            )

    def judge(self) -> tuple[Standing, Left | None, float]:
        """How far it is, how long it still takes, and the share that is done, which never goes back."""
        standing = self.standing()
        left = time_left(standing, self._past)
        spent = self.spent
        if left is not None and left.high is not None:
            middle = (left.low + left.high) / 2
            share = spent / (spent + middle) if spent + middle else 0.0
        else:
            share = standing.scenes_done / (standing.scenes + 1) if standing.scenes else 0.0
        self._share = max(self._share, min(0.99, share))
        return standing, left, self._share


def _step(name: str, scene: int | None) -> str:
    return JOIN if name == Stage.ASSEMBLY and scene is None else name
