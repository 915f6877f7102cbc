"""How a call goes out: fallback, cache, retry, timeout, validation, provider, composed here and nowhere else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from storygen import events
from storygen.errors import InvalidOutput, ProviderFailure, ProviderTimeout
from storygen.providers.base import Answer, Capability, Provider
from storygen.resilience.cache import Cache
from storygen.resilience.retry import RetryPolicy, Sleep, with_retry
from storygen.store.artifacts import Store
from storygen.store.files import discard
from storygen.story import Check, Made, Verdict

R = TypeVar("R")
Validate = Callable[[R], Awaitable[tuple[Check, ...]]]
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[R]):
    """One logical request: what is asked for, what record comes back, and what makes it acceptable."""

    capability: Capability
    request: object
    expect: type[R]
    check: Validate[R]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPolicy:
    """How long and how often a provider is asked."""

    timeout: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)


class Caller:
    """Asks chains of providers."""

    def __init__(
        self,
        chains: Mapping[Capability, Sequence[Provider[Any, Any]]],
        store: Store,
        policy: CallPolicy | None = None,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._chains = chains
        self._cache = Cache(store)
        self._policy = policy or CallPolicy()
        self._sleep = sleep

    async def __call__(self, call: Call[R]) -> Made[R]:
        """Deliver what is asked for, from the cache or from the first provider that can.

        Raises the last provider's error when all have failed; every other reason stands in its notes.
        """
        chain = self._chains[call.capability]
        with events.timed("call", chain[0].operation, capability=call.capability.value) as timed:
            made = await self._first_of(chain, call)
            timed.add(
                provider=made.provider,
                model=made.model,
                attempts=made.attempts,
                cached=made.cached,
                missing=made.missing,
                result="fallback" if made.missing else "success",
            )
            return made

    async def _first_of(self, chain: Sequence[Provider[Any, Any]], call: Call[R]) -> Made[R]:
        missing: list[str] = []
        for provider, following in zip(chain, [*chain[1:], None], strict=True):
            try:
                made = await self._cached(provider, call)
            except ProviderFailure as error:
                error.locate(provider=provider.name)
                missing.append(f"{provider.name}: {error.kind}: {error.message}")
                if following is None:
                    for reason in missing[:-1]:
                        error.add_note(f"before it, {reason}")
                    raise
                events.emit(events.FellBack(from_provider=provider.name, to_provider=following.name, reason=error.kind))
            else:
                return replace(made, missing=tuple(missing))
        raise AssertionError("a chain has at least one provider")

    async def _cached(self, provider: Provider[Any, R], call: Call[R]) -> Made[R]:
        inputs = {
            "format": FORMAT,
            "provider": provider.name,
            "model": provider.model,
            "settings": provider.fingerprint,
            "request": call.request,
            "kind": type(call.request).__name__,
        }

        async def fetch(folder: Path, key: str) -> Made[R]:
            return await self._retried(provider, call, folder, key)

        return await self._cache.get(call.capability.value, inputs, call.expect, fetch)

    async def _retried(self, provider: Provider[Any, R], call: Call[R], folder: Path, key: str) -> Made[R]:
        started, attempts = time.perf_counter(), 0

        async def attempt(number: int) -> tuple[Answer[R], tuple[Check, ...]]:
            nonlocal attempts
            attempts = number
            return await self._attempt(provider, call, folder, number)

        answer, checks = await with_retry(attempt, self._policy.retry, provider.name, sleep=self._sleep)
        return Made(
            value=answer.value,
            key=key,
            provider=provider.name,
            model=provider.model,
            attempts=attempts,
            seconds=time.perf_counter() - started,
            cost_usd=answer.cost_usd,
            usage=answer.usage,
            checks=checks,
        )

    async def _attempt(
        self, provider: Provider[Any, R], call: Call[R], folder: Path, number: int
    ) -> tuple[Answer[R], tuple[Check, ...]]:
        if number > 1:
            _empty(folder)
        with events.timed(
            "attempt", provider.operation, provider=provider.name, model=provider.model, output=provider.output
        ) as timed:
            timed.add(capability=call.capability.value, number=number)
            answer = await self._in_time(provider, call, folder)
            checks = await call.check(answer.value)
            failed = [check for check in checks if check.verdict is Verdict.FAIL]
            events.emit(
                events.Spent(
                    provider=provider.name,
                    model=provider.model,
                    usage=answer.usage,
                    cost_usd=answer.cost_usd,
                    wasted="invalid_output" if failed else "",
                )
            )
            if failed:
                raise InvalidOutput(_explain(provider.name, failed), provider=provider.name, attempt=number)
            return answer, checks

    async def _in_time(self, provider: Provider[Any, R], call: Call[R], folder: Path) -> Answer[R]:
        try:
            async with asyncio.timeout(self._policy.timeout) as limit:
                return await provider.answer(call.request, folder)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise ProviderTimeout(
                f"{provider.name} did not answer within {self._policy.timeout:g} s.",
                provider=provider.name,
                hint="Try again later, or raise `run.call_timeout`.",
            ) from error


def _explain(provider: str, failed: Sequence[Check]) -> str:
    reasons = "; ".join(f"{c.artifact} {c.name} is {c.value}, the limit is {c.limit}" for c in failed)
    return f"What {provider} delivered does not pass its checks: {reasons}."


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        discard(path) if path.is_dir() else path.unlink()
