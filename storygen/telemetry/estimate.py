"""How much longer a run takes, from what it has done and how long earlier runs took: a pure function.

What is still to do is counted per step, and each is taken to last as long as those that are known: three or more of
this run where it has them (found in the cache counts, as next to nothing), else those of earlier runs too. The range is
from the lower to the upper fifth of them. Scenes are worked on side by side, so their work is divided by how much of it
went on at once before; a scene's own steps follow each other. A step that nobody has ever timed leaves the upper end
open instead of being guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from storygen.telemetry.report_figures import percentile

OPENING = ("idea", "script", "revise")
SIDE_BY_SIDE = ("voice", "subtitles", "visuals", "terminal", "assembly")
JOIN = "join"
_FOLLOWED_BY = {"voice": ("subtitles", "assembly"), "assembly": ()}
ENOUGH = 3
LOWER, UPPER = 0.2, 0.8


class Past(Protocol):
    """An earlier run: seconds of every step that was really made, and how often each stage was there at all."""

    @property
    def scenes(self) -> int:
        """How many it had."""
        ...

    @property
    def seconds(self) -> float:
        """How long it took."""
        ...

    @property
    def durations(self) -> Mapping[str, Sequence[float]]:
        """Seconds of each piece that was made, per step."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """Pieces per stage, the cached ones too."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far a run is: seconds of the finished pieces per step in `done`, of those under way in `running`.

    `side_seconds` is how long scenes have been worked on; `scenes` is None before their number is known.
    """

    scenes: int | None = None
    scenes_done: int = 0
    done: Mapping[str, Sequence[float]] = field(default_factory=dict)
    running: Sequence[tuple[str, float]] = ()
    side_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Seconds that are left: at least `low`, probably at most `high`, which is None where something was never timed."""

    low: float
    high: float | None


def time_left(now: Standing, past: Sequence[Past]) -> Left | None:
    """The range of what is left; None where nothing that is left was ever timed."""
    ahead = _ahead(now, past)
    if not ahead and not now.running:
        return Left(low=0.0, high=0.0) if now.done else None
    known = {
        step: samples for step in {*ahead, *(step for step, _ in now.running)} if (samples := _samples(step, now, past))
    }
    if not known:
        return None
    low = _play(now, ahead, {step: percentile(values, LOWER) or 0.0 for step, values in known.items()}, past)
    high = _play(now, ahead, {step: percentile(values, UPPER) or 0.0 for step, values in known.items()}, past)
    whole = all(step in known for step in {*ahead, *(step for step, _ in now.running)})
    return Left(low=low, high=max(low, high) if whole else None)


def _ahead(now: Standing, past: Sequence[Past]) -> dict[str, float]:
    """How many of each step have not begun; a fraction where only some scenes have it."""
    begun = {step for step, _ in now.running} | set(now.done)
    ahead: dict[str, float] = {}
    if not begun & {*SIDE_BY_SIDE, JOIN}:
        reached = max((index for index, step in enumerate(OPENING) if step in begun), default=-1)
        ahead |= {step: 1.0 for step in OPENING[reached + 1 :] if any(run.counts.get(step) for run in past)}
    scenes = now.scenes if now.scenes is not None else round(median([run.scenes for run in past])) if past else 0
    for step in SIDE_BY_SIDE:
        started = len(now.done.get(step, ())) + sum(1 for name, _ in now.running if name == step)
        missing = min(scenes * _usual(step, begun, past) - started, scenes - now.scenes_done)
        if missing > 0:
            ahead[step] = missing
    if scenes and JOIN not in begun:
        ahead[JOIN] = 1.0
    return ahead


def _usual(step: str, begun: set[str], past: Sequence[Past]) -> float:
    """The share of scenes that have this step."""
    shares = [min(1.0, _per_scene(run, step)) for run in past if run.scenes]
    return median(shares) if shares else float(step in begun or step in {"voice", "assembly"})


def _per_scene(run: Past, step: str) -> float:
    count = run.counts.get(step, 0) - (step == "assembly")  # the join is one more
    return count / run.scenes


def _samples(step: str, now: Standing, past: Sequence[Past]) -> list[float]:
    own = list(now.done.get(step, ()))
    if len(own) >= ENOUGH:
        return own
    return own + [seconds for run in past for seconds in run.durations.get(step, ())]


def _play(now: Standing, ahead: Mapping[str, float], lasts: Mapping[str, float], past: Sequence[Past]) -> float:
    rest = [(step, max(0.0, lasts.get(step, 0.0) - spent)) for step, spent in now.running]
    alone = sum(count * lasts.get(step, 0.0) for step, count in ahead.items() if step not in SIDE_BY_SIDE)
    alone += sum(seconds for step, seconds in rest if step not in SIDE_BY_SIDE)
    side = sum(count * lasts.get(step, 0.0) for step, count in ahead.items() if step in SIDE_BY_SIDE)
    under_way = [(step, seconds) for step, seconds in rest if step in SIDE_BY_SIDE]
    waiting = [(step, lasts.get(step, 0.0)) for step in ahead if step in SIDE_BY_SIDE]
    longest = max((seconds + _after(step, lasts) for step, seconds in [*under_way, *waiting]), default=0.0)
    shared = (side + sum(seconds for _, seconds in under_way)) / _at_once(now, past)
    return alone + max(shared, longest)


def _after(step: str, lasts: Mapping[str, float]) -> float:
    """What the same scene still needs after `step`: nobody can help with that."""
    return sum(lasts.get(following, 0.0) for following in _FOLLOWED_BY.get(step, ("assembly",)))


def _at_once(now: Standing, past: Sequence[Past]) -> float:
    """How many pieces of scenes go on at the same time, on average: in earlier runs, else in this one."""
    rates = [rate for run in past if (rate := _rate(run)) > 0]
    if rates:
        return max(1.0, median(rates))
    busy = sum(sum(now.done.get(step, ())) for step in SIDE_BY_SIDE)
    busy += sum(spent for step, spent in now.running if step in SIDE_BY_SIDE)
    return max(1.0, busy / now.side_seconds) if now.side_seconds > 0 else 1.0


def _rate(run: Past) -> float:
    side = sum(sum(run.durations.get(step, ())) for step in SIDE_BY_SIDE)
    length = run.seconds - sum(sum(run.durations.get(step, ())) for step in (*OPENING, JOIN))
    return side / length if length > 0 else 0.0
