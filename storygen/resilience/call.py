"""How a call goes out, composed here and nowhere else: see `LAYERS`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from storygen import events
from storygen.costs.base import Prices
from storygen.errors import CircuitOpen, StorygenError
from storygen.providers.base import Capability, Provider
from storygen.resilience import layers
from storygen.resilience.budget import Purse
from storygen.resilience.errand import Call, Errand, Layer, Validate, compose
from storygen.resilience.fallback import first_of
from storygen.resilience.gears import CallPolicy, Gears
from storygen.resilience.retry import Sleep
from storygen.store.artifacts import Store
from storygen.story import Made, Usage

__all__ = ["LAYERS", "Call", "CallPolicy", "Caller", "Validate"]

R = TypeVar("R")
FORMAT = 1
# After the chain and the cache, which are asked for each provider in turn. An attempt is observed once the breaker has
# let it through: what was rejected or waited for its turn never reached the provider.
LAYERS: tuple[Layer, ...] = (
    layers.retried,
    layers.budgeted,
    layers.limited,
    layers.guarded,
    layers.attempted,
    layers.timed_out,
    layers.validated,
)


class BuiltinsOnly:
    """The prices of those who have no list: built-ins are free, everything else is unpriced."""

    def cost(self, provider: str, model: str, usage: Usage) -> float | None:  # noqa: ARG002 - the shape of a price list
        """See `Prices.cost`."""
        return 0.0 if provider == "builtin" else None


class Caller:
    """Asks chains of providers, for one run.

    `gears` are what the process shares between its runs. A run that `resumes` an earlier one takes what a fallback
    made then, rather than asking the first provider again.
    """

    def __init__(
        self,
        chains: Mapping[Capability, Sequence[Provider[Any, Any]]],
        store: Store,
        policy: CallPolicy | None = None,
        *,
        gears: Gears | None = None,
        prices: Prices | None = None,
        purse: Purse | None = None,
        resumes: bool = False,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._chains = chains
        self._gears = gears or Gears(policy=policy, sleep=sleep)
        self._cache = self._gears.cache(store)
        self._prices = prices or BuiltinsOnly()
        self._purse = purse or self._gears.purse()
        self._resumes = resumes
        self._go = compose(LAYERS, layers.provided)

    async def __call__(self, call: Call[R]) -> Made[R]:
        """Deliver what is asked for, from the cache or from the first provider that can.

        Raises the last provider's error when all have failed; every other reason stands in its notes.
        """
        chain = self._chains[call.capability]
        with events.timed("call", chain[0].operation, capability=call.capability.value) as timed:
            errands = [self._errand(provider, call) for provider in chain]
            try:
                made = await self._deliver(errands)
            except StorygenError as error:
                result = "rejected" if isinstance(error, CircuitOpen) else "error"
                timed.add(
                    attempts=sum(errand.attempts for errand in errands), result=result, breaker=_state(errands[0])
                )
                raise
            timed.add(
                provider=made.provider,
                model=made.model,
                attempts=made.attempts,
                cached=made.cached,
                missing=made.missing,
                breaker=_state(errands[0]),
                result="fallback" if made.missing else "success",
            )
            return made

    async def _deliver(self, errands: Sequence[Errand]) -> Made[Any]:
        if self._resumes and (kept := await self._kept(errands)) is not None:
            return kept
        return await first_of(errands, self._cached, dearer=self._gears.budget.dearer_fallback)

    async def _kept(self, errands: Sequence[Errand]) -> Made[Any] | None:
        """What any provider of the chain made before the run was interrupted."""
        for place, errand in enumerate(errands):
            call = errand.call
            found = await self._cache.kept(call.capability.value, _inputs(errand), call.expect, stood_in=place > 0)
            if found is not None:
                return found if place else replace(found, missing=())
        return None

    async def _cached(self, errand: Errand) -> Made[Any]:
        async def fetch(folder: Path, key: str) -> Made[Any]:
            errand.folder, errand.key = folder, key
            made: Made[Any] = await self._go(errand)
            return made

        call = errand.call
        permit = None if errand.lane.breaker is None else partial(layers.permitted, errand)
        made = await self._cache.get(call.capability.value, _inputs(errand), call.expect, fetch, permit)
        if errand.reserved is not None:
            errand.reserved.close()
        if (settle := getattr(errand.provider, "settle", None)) is not None:
            settle(call.request)
        return made

    def _errand(self, provider: Provider[Any, Any], call: Call[Any]) -> Errand:
        gears = self._gears
        lane = gears.lane(provider.name, call.capability.value)
        return Errand(provider, call, lane, self._purse, self._prices, gears.clock, gears.sleep)


def _state(errand: Errand) -> str | None:
    return errand.lane.breaker.state if errand.lane.breaker is not None else None


def key_inputs(provider: Provider[Any, Any], request: object) -> dict[str, Any]:
    """All that an answer depends on: it is stored under the digest of this."""
    return {
        "format": FORMAT,
        "provider": provider.name,
        "model": provider.model,
        "settings": provider.fingerprint,
        "request": request,
        "kind": type(request).__name__,
    }


def _inputs(errand: Errand) -> dict[str, Any]:
    inputs = key_inputs(errand.provider, errand.call.request)
    return {**inputs, "take": errand.call.take} if errand.call.take else inputs
