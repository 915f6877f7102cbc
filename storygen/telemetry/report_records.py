"""What a run's report says, as records with a stable JSON form.

Definitions: the *share* of a stage or operation is the part of the run's length during which it was under way (side by
side counts once, so no share exceeds 1); *mean* and *p95* (nearest rank) are over those that were really made, not
found in the cache; *critical* and *saved if instant* are defined in `critical`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """The run as a whole; `film_seconds` is None where no film was made, `started_at` is ISO 8601 in UTC."""

    run_id: str
    pipeline: str
    title: str
    source: str
    started_at: str
    seconds: float
    outcome: str
    fidelity: str
    reasons: tuple[str, ...]
    scenes: int
    film_seconds: float | None
    trace_id: str
    error: str = ""
    error_message: str = ""
    error_stage: str = ""
    error_scene: int | None = None
    error_provider: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFigures:
    """One stage over all scenes, or one operation over all its uses; seconds, and shares between 0 and 1."""

    name: str
    count: int
    failures: int
    cached: int
    mean: float | None
    p95: float | None
    total: float
    share: float
    critical_seconds: float = 0.0
    saved_if_instant: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One piece of work; `started` is seconds after the run's start."""

    name: str
    stage: str
    scene: int | None
    started: float
    seconds: float
    outcome: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFigures:
    """How often the caches had it; the savings are estimates: what making it took the first time."""

    hits: int
    misses: int
    bypassed: int
    errors: int
    hit_rate: float | None
    saved_seconds: float
    saved_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """How often one provider stood in for another, and why."""

    from_provider: str
    to_provider: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFigures:
    """What one provider and model did; `cost_usd` is None where no use of it has a price."""

    provider: str
    model: str
    attempts: int
    errors: int
    seconds: float
    input_tokens: int
    output_tokens: int
    characters: int
    images: int
    cost_usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFigures:
    """Logical calls, and the attempts that reached a provider; an error that a retry cured is none of the call."""

    calls: int
    cached: int
    errors: int
    attempts: int
    failed_attempts: int
    retries: int
    retry_wait_seconds: float
    gave_up: int
    fallbacks: tuple[Fallback, ...]
    providers: tuple[ProviderFigures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CostFigures:
    """Dollars: `usd` is what is known, None where nothing has a price; unpriced uses are counted, not zero.

    `uncertain_usd` is the price of answers that were lost on the way, if they were billed; it is no part of `usd`.
    """

    usd: float | None
    unpriced: int
    wasted_usd: float
    wasted: Mapping[str, float]
    input_tokens: int
    output_tokens: int
    uncertain_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityFigures:
    """The checks of what was made; `findings` are those that did not pass."""

    passed: int
    warned: int
    failed: int
    findings: tuple[Mapping[str, Any], ...]
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that a report shows; `durations` are those of stages really made, `join` the last step of assembly.

    `critical_path` holds the longest 200 pieces of it, in order of time.
    """

    schema: int
    run: RunFigures
    sentence: str
    warnings: tuple[str, ...]
    stages: tuple[StageFigures, ...]
    operations: tuple[StageFigures, ...]
    slowest: tuple[Step, ...]
    critical_path: tuple[Step, ...]
    idle_seconds: float
    cache: CacheFigures
    calls: CallFigures
    cost: CostFigures
    elements: Mapping[str, int]
    quality: QualityFigures
    durations: Mapping[str, tuple[float, ...]]

    def to_json(self) -> dict[str, Any]:
        """As plain values; keys are only ever added within one `schema`."""
        document: dict[str, Any] = _rounded(dataclasses.asdict(self))
        return document


def _rounded(value: Any) -> Any:
    """Figures to a millionth: more would be noise of the clock."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
