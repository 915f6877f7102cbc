"""Trying again, where that can help."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception
from tenacity.wait import wait_random_exponential

from storygen import events
from storygen.errors import StorygenError

R = TypeVar("R")
Sleep = Callable[[float], Awaitable[None]]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how patiently: exponential waits with full jitter, bounded by attempts and by total seconds."""

    attempts: int = 3
    first_wait: float = 1.0
    longest_wait: float = 30.0
    total: float = 300.0


async def with_retry(
    attempt: Callable[[int], Awaitable[R]],
    policy: RetryPolicy,
    provider: str,
    *,
    sleep: Sleep = asyncio.sleep,
    clock: Clock = time.monotonic,
    left: Clock | None = None,
) -> R:
    """Call `attempt(number)` until it delivers, raises what is not retryable, or the policy is used up.

    No wait is begun that would end after the total time, also where the provider asks for it; `left` says how many
    seconds are left of it where somebody else keeps the time. The first attempt goes without tenacity, which costs more
    than all the rest of a call that succeeds.
    """
    started = clock()
    try:
        return await attempt(1)
    except StorygenError as error:
        if not error.retryable:
            raise
        if policy.attempts == 1:
            events.emit(events.GaveUp(provider=provider, reason=error.kind))
            raise
        return await _again(attempt, policy, provider, error, sleep, left or (lambda: started + policy.total - clock()))


async def _again(
    attempt: Callable[[int], Awaitable[R]],
    policy: RetryPolicy,
    provider: str,
    first: StorygenError,
    sleep: Sleep,
    left: Clock,
) -> R:
    def wait(state: RetryCallState) -> float:
        asked = getattr(_failure(state), "retry_after", None)
        return float(asked) if asked is not None else backoff(state)

    def stop(state: RetryCallState) -> bool:
        return state.attempt_number >= policy.attempts or state.upcoming_sleep > left()

    def before_sleep(state: RetryCallState) -> None:
        reason = _failure(state).kind
        events.emit(
            events.Retried(provider=provider, reason=reason, attempt=state.attempt_number, wait=state.upcoming_sleep)
        )

    async def once() -> R:
        number = retrying.statistics["attempt_number"]
        if number == 1:
            raise first
        return await attempt(number)

    backoff = wait_random_exponential(multiplier=policy.first_wait, max=policy.longest_wait)
    retrying = AsyncRetrying(
        stop=stop,
        wait=wait,
        retry=retry_if_exception(lambda error: isinstance(error, StorygenError) and error.retryable),
        before_sleep=before_sleep,
        sleep=sleep,
        reraise=True,
    )
    try:
        return await retrying(once)
    except StorygenError as error:
        if error.retryable:
            events.emit(events.GaveUp(provider=provider, reason=error.kind))
        raise


def _failure(state: RetryCallState) -> StorygenError:
    failure = state.outcome.exception() if state.outcome else None
    assert isinstance(failure, StorygenError)  # noqa: S101 - only such failures are retried
    return failure
