"""What was consumed, in the units that are billed, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one attempt consumed, in the units that are billed."""

    input_tokens: int = 0
    output_tokens: int = 0
    characters: int = 0
    images: int = 0
    audio_seconds: float = 0.0
    video_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """What one stage used of one model, in the units that are billed, and what that cost in US dollars.

    `known_usd` was billed for certain, also where it was for nothing (`wasted_usd`, a part of it); `uncertain_usd` is
    the price of answers that were lost on the way, if they were billed; `saved_usd` is what the cache kept from being
    paid again; `unpriced` counts uses whose price nobody knows.
    """

    stage: str = ""
    provider: str = ""
    model: str = ""
    uses: int = 0
    usage: Usage = field(default_factory=Usage)
    known_usd: float = 0.0
    wasted_usd: float = 0.0
    uncertain_usd: float = 0.0
    saved_usd: float = 0.0
    unpriced: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a run cost: the sums of its lines."""

    known_usd: float = 0.0
    wasted_usd: float = 0.0
    uncertain_usd: float = 0.0
    saved_usd: float = 0.0
    unpriced: int = 0
    lines: tuple[CostLine, ...] = ()
