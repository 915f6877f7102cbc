"""A result together with where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from storygen.story.checks import Check
from storygen.story.costs import Usage
from storygen.story.words import Fidelity

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made(Generic[T]):
    """A result and where it came from, so that nobody has to look back.

    `key` is the content hash under which it is stored; `seconds` and `cost_usd` are what making it took when it was
    made (also when it now came from the cache); `cost_usd` is None where the price is unknown. `missing` names
    providers that were asked before and failed, with the reason: a result with any is degraded.
    """

    value: T
    key: str
    provider: str
    model: str = ""
    attempts: int = 0
    cached: bool = False
    seconds: float = 0.0
    cost_usd: float | None = 0.0
    usage: Usage = field(default_factory=Usage)
    missing: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def fidelity(self) -> Fidelity:
        """Degraded when a fallback made it."""
        return Fidelity.DEGRADED if self.missing else Fidelity.FULL
