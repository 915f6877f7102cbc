"""Shows the person who waits how far a run is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from storygen.events import Counted, Event, Timed
from storygen.story import Outcome, Stage
from storygen.telemetry.estimate import JOIN, SIDE_BY_SIDE, Left, Past, Standing, time_left
from storygen.telemetry.report_words import plain, seconds, times

if TYPE_CHECKING:
    from rich.console import RenderableType

REDRAWS_PER_SECOND = 4
LINE_SECONDS = 10.0
TITLE_WIDTH = 40


class Progress:
    """The observer that shows how far one run is, with `past` to judge how much longer it takes.

    Use it as a context manager, so that the terminal is whole again however the run ends. Of the story it shows the
    title alone. Events only change a few numbers; drawing is a thread's work, four times a second.
    """

    def __init__(
        self, past: Sequence[Past] = (), out: TextIO | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._past = past
        self._out = out or sys.stderr
        self._clock = clock
        self._lock = threading.Lock()
        self._live: Any = None
        self._title = ""
        self._started = 0.0
        self._side_started: float | None = None
        self._scenes: int | None = None
        self._finished: set[int] = set()
        self._done: dict[str, list[float]] = defaultdict(list)
        self._running: dict[tuple[str, int | None], float] = {}
        self._seen: set[str] = set()
        self._line_at = float("-inf")
        self._share = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def began(self, timed: Timed) -> None:
        """A run or a stage begins."""
        if timed.kind == "run":
            self._title = _title(str(timed.fields.get("title") or ""))
            self._started = timed.started_at
            if self._out.isatty():
                self._start()
            else:
                self._say(f"making {self._title or 'a film'}")
        elif timed.kind == "stage":
            with self._lock:
                self._running[timed.name, timed.scene] = timed.started_at
                if timed.scene is not None and self._side_started is None:
                    self._side_started = timed.started_at
            self._maybe_say(timed.name)

    def ended(self, timed: Timed) -> None:
        """A run or a stage has ended."""
        if timed.kind == "stage":
            with self._lock:
                self._running.pop((timed.name, timed.scene), None)
                if timed.outcome in {Outcome.SUCCESS, Outcome.CACHED}:
                    self._done[_step(timed.name, timed.scene)].append(timed.seconds)
                if timed.scene is not None and (timed.name == Stage.ASSEMBLY or timed.error is not None):
                    self._finished.add(timed.scene)
            self._maybe_say("")
        elif timed.kind == "run":
            self._stop()
            if not self._out.isatty():
                self._say(f"{timed.outcome or 'ended'} after {seconds(timed.seconds)}")

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

    def _start(self) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self._out)
        self._live = Live(
            get_renderable=self._draw, console=console, refresh_per_second=REDRAWS_PER_SECOND, transient=True
        )
        self._live.start()

    def _stop(self) -> None:
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        standing, left = self._judge()
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=1.0, completed=self._share, width=30),
            Text(f"{self._share * 100:3.0f} %"),
            Text(seconds(self._clock() - self._started), style="dim"),
            Text(words_left(left)),
        )
        return Group(
            Text(self._title, style="bold", no_wrap=True, overflow="ellipsis"), bar, Text(_doing(standing), style="dim")
        )

    def _judge(self) -> tuple[Standing, Left | None]:
        """How far it is and how long it still takes; the share that is done never goes back."""
        standing = self.standing()
        left = time_left(standing, self._past)
        spent = max(0.0, self._clock() - self._started)
        if left is not None and left.high is not None:
            middle = (left.low + left.high) / 2
            share = spent / (spent + middle) if spent + middle else 0.0
        else:
            share = standing.scenes_done / (standing.scenes + 1) if standing.scenes else 0.0
        self._share = max(self._share, min(0.99, share))
        return standing, left

    def _maybe_say(self, stage: str) -> None:
        """Off a terminal: a line when a stage is seen for the first time, else every ten seconds at most."""
        if self._out.isatty():
            return
        now, fresh = self._clock(), bool(stage) and stage not in self._seen
        self._seen.add(stage)
        if fresh or now - self._line_at >= LINE_SECONDS:
            self._line_at = now
            standing, left = self._judge()
            self._say(f"{_doing(standing) or 'between two stages'}; {words_left(left)}")

    def _say(self, text: str) -> None:
        encoding = self._out.encoding or "utf-8"
        self._out.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        self._out.flush()


def words_left(left: Left | None) -> str:
    """What is left, as people say it: in whole seconds, more would be a promise."""
    if left is None:
        return "no history yet to tell how long it takes"
    low = _whole(left.low)
    if left.high is None:
        return f"at least {low} left"
    high = _whole(left.high)
    if low == high:
        return f"about {high} left"
    both = low.endswith(" s") and high.endswith(" s") and "min" not in low + high
    return f"{low.removesuffix(' s') if both else low} to {high} left"


def _whole(value: float) -> str:
    whole = max(1, round(value))
    return f"{whole} s" if whole < 60 else seconds(whole) if whole >= 100 else f"1 min {whole - 60:02d} s"


def _doing(standing: Standing) -> str:
    doing = Counter(step for step, _ in standing.running)
    stages = ", ".join(step if number == 1 else f"{step} x{number}" for step, number in doing.items())
    if not standing.scenes or not any(step in SIDE_BY_SIDE for step in {*doing, *standing.done}):
        return stages
    return f"{stages + '; ' if stages else ''}{standing.scenes_done} of {times(standing.scenes, 'scene')} done"


def _step(name: str, scene: int | None) -> str:
    return JOIN if name == Stage.ASSEMBLY and scene is None else name


def _title(text: str) -> str:
    shown = plain(text)
    return shown if len(shown) <= TITLE_WIDTH else shown[: TITLE_WIDTH - 1] + "…"
