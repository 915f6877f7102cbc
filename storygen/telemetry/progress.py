"""Shows the person who waits how far a run is: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

from storygen.events import Event, Progressed, Timed
from storygen.telemetry.estimate import SIDE_BY_SIDE, Left, Past, Standing
from storygen.telemetry.pace import Pace
from storygen.telemetry.report_words import plain, seconds, times

if TYPE_CHECKING:
    from rich.console import RenderableType

REDRAWS_PER_SECOND = 4
LINE_SECONDS = 10.0
TITLE_WIDTH = 40
_ENCODING = {"render", "convert"}


class Progress:
    """The observer that shows how far one run is, with `past` to judge how much longer it takes.

    Use it as a context manager, so that the terminal is whole again however the run ends. Of the story it shows the
    title alone. Events only change a few numbers; drawing is a thread's work, four times a second.
    """

    def __init__(
        self, past: Sequence[Past] = (), out: TextIO | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._pace = Pace(past, clock)
        self._out = out or sys.stderr
        self._clock = clock
        self._live: Any = None
        self._title = ""
        self._seen: set[str] = set()
        self._line_at = float("-inf")
        self._speeds: dict[int, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def began(self, timed: Timed) -> None:
        """A run or a stage begins."""
        self._pace.began(timed)
        if timed.kind == "run":
            self._title = _title(str(timed.fields.get("title") or ""))
            if self._out.isatty():
                self._start()
            else:
                self._say(f"making {self._title or 'a film'}")
        elif timed.kind == "stage":
            self._maybe_say(timed.name)

    def ended(self, timed: Timed) -> None:
        """A run, a stage or an ffmpeg has ended."""
        self._pace.ended(timed)
        if timed.kind == "ffmpeg":
            self._speeds.pop(id(timed), None)
        elif timed.kind == "stage":
            self._maybe_say("")
        elif timed.kind == "run":
            self._stop()
            if not self._out.isatty():
                self._say(f"{timed.outcome or 'ended'} after {seconds(timed.seconds)}")

    def noted(self, event: Event, within: Timed | None) -> None:
        """The number of scenes becomes known, or how fast an ffmpeg is."""
        self._pace.noted(event, within)
        if isinstance(event, Progressed) and within is not None and within.name in _ENCODING:
            self._speeds[id(within)] = event.speed

    def standing(self) -> Standing:
        """How far the run is now."""
        return self._pace.standing()

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

        standing, left, share = self._pace.judge()
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=1.0, completed=share, width=30),
            Text(f"{share * 100:3.0f} %"),
            Text(seconds(self._pace.spent), style="dim"),
            Text(words_left(left)),
        )
        return Group(
            Text(self._title, style="bold", no_wrap=True, overflow="ellipsis"),
            bar,
            Text(self._doing(standing), style="dim"),
        )

    def _maybe_say(self, stage: str) -> None:
        """Off a terminal: a line when a stage is seen for the first time, else every ten seconds at most."""
        if self._out.isatty():
            return
        now, fresh = self._clock(), bool(stage) and stage not in self._seen
        self._seen.add(stage)
        if fresh or now - self._line_at >= LINE_SECONDS:
            self._line_at = now
            standing, left, _ = self._pace.judge()
            self._say(f"{self._doing(standing) or 'between two stages'}; {words_left(left)}")

    def _doing(self, standing: Standing) -> str:
        """The stages under way, and how fast all encoders are together, in seconds of film a second."""
        together = sum(list(self._speeds.values()))
        return f"{_doing(standing)}; encoding at {together:.1f}x" if together else _doing(standing)

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


def _title(text: str) -> str:
    shown = plain(text)
    return shown if len(shown) <= TITLE_WIDTH else shown[: TITLE_WIDTH - 1] + "…"
