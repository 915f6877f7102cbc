"""One call on its way to one provider, and the shape that all the layers on that way share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from storygen import events
from storygen.costs.base import Prices
from storygen.errors import ProviderFailure
from storygen.providers.base import Answer, Capability, Provider
from storygen.resilience.budget import Purse, Reservation
from storygen.resilience.gears import Lane
from storygen.resilience.retry import Clock, Sleep
from storygen.story import Check, Usage

R = TypeVar("R")
Validate = Callable[[R], Awaitable[tuple[Check, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[R]):
    """One logical request: what is asked for, what record comes back, and what makes it acceptable.

    Another `take` is another answer to the same request.
    """

    capability: Capability
    request: object
    expect: type[R]
    check: Validate[R]
    take: int = 0


class Errand:
    """What the layers know of a call to one provider; the inner ones fill it in."""

    __slots__ = (
        "answer",
        "answers",
        "attempts",
        "began",
        "call",
        "clock",
        "cost_usd",
        "folder",
        "key",
        "lane",
        "limit_clock",
        "missing",
        "prices",
        "provider",
        "purse",
        "reserved",
        "sleep",
    )

    def __init__(
        self,
        provider: Provider[Any, Any],
        call: Call[Any],
        lane: Lane,
        purse: Purse,
        prices: Prices,
        clock: Clock,
        sleep: Sleep,
    ) -> None:
        self.provider = provider
        self.call = call
        self.lane = lane
        self.purse = purse
        self.prices = prices
        self.clock = clock
        self.sleep = sleep
        self.began = clock()
        self.folder = Path()
        self.key = ""
        self.attempts = 0
        self.answers = 0
        self.answer: Answer[Any] | None = None
        self.cost_usd: float | None = 0.0
        self.limit_clock: asyncio.Timeout | None = None
        self.missing: tuple[str, ...] = ()
        self.reserved: Reservation | None = None

    @property
    def left(self) -> float:
        """Seconds of the total time that are left."""
        return max(0.0, self.lane.policy.total - (self.clock() - self.began))

    @property
    def idempotency_key(self) -> str:
        """Stays while answers are lost on the way; another one once an answer came that does not do."""
        return f"{self.key}-{self.answers}"

    def expected(self) -> float | None:
        """What an attempt is expected to cost, in US dollars; None where nobody knows the price."""
        return self._price(self.provider.expected(self.call.request))

    def pay(self) -> None:
        """Tell what a good answer cost."""
        assert self.answer is not None  # noqa: S101 - there is one
        self.cost_usd = self._spend(self.answer.usage, "")

    def pay_failed(self, error: BaseException) -> None:
        """Tell what a failed attempt cost, or may have cost where its answer was lost."""
        if self.answer is not None:
            self.cost_usd = self._spend(self.answer.usage, "discarded")
            return
        is_lost = isinstance(error, asyncio.CancelledError) or getattr(error, "is_uncertain", False)
        usage = error.usage if isinstance(error, ProviderFailure) else None
        if not is_lost and usage in {None, Usage()}:
            return  # a request that was refused used nothing, and has no price that could be unknown
        retryable = isinstance(error, ProviderFailure) and error.retryable
        wasted = "retried" if retryable and self.attempts < self.lane.policy.retry.attempts else "failed"
        used = self.provider.expected(self.call.request) if usage is None else usage
        if is_lost and self._price(used) == 0:
            return
        self.cost_usd = self._spend(used, wasted, is_uncertain=is_lost)

    def _price(self, usage: Usage) -> float | None:
        return self.prices.cost(self.provider.name, self.provider.model, usage)

    def _spend(self, usage: Usage, wasted: str, *, is_uncertain: bool = False) -> float | None:
        cost = self._price(usage)
        if not events.is_watched():
            return cost
        events.emit(
            events.Spent(
                provider=self.provider.name,
                model=self.provider.model,
                usage=usage,
                cost_usd=cost,
                wasted=wasted,
                is_uncertain=is_uncertain,
            )
        )
        return cost


Onward = Callable[[Errand], Awaitable[Any]]
Layer = Callable[[Errand, Onward], Awaitable[Any]]


def compose(layers: Sequence[Layer], last: Onward) -> Onward:
    """One function that goes through `layers`, from the first to the last, and then to `last`."""
    way = last
    for layer in reversed(layers):
        way = _before(layer, way)
    return way


def _before(layer: Layer, onward: Onward) -> Onward:
    def go(errand: Errand) -> Awaitable[Any]:
        return layer(errand, onward)

    return go
