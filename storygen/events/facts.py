"""What can happen within timed work: one frozen record for each kind of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from storygen.story import Check, Usage

FIGURES = {
    "loudness": ("audio_loudness_lufs", 1.0),
    "coverage": ("subtitle_coverage_ratio", 0.01),
    "drift": ("subtitle_drift_seconds", 1.0),
}
"""Checks whose value is also a figure of its own: that figure's name, and what makes the value its base unit."""


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
    Where `is_repeated`, a process that died told of it before: it is the run's, and no news to who counts all runs.
    """

    provider: str
    model: str
    usage: Usage
    cost_usd: float | None
    wasted: str = ""
    is_uncertain: bool = False
    is_repeated: bool = False


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
