"""An end for attempts that hang."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from storygen.errors import ProviderTimeout

R = TypeVar("R")


async def in_time(seconds: float, provider: str, work: Callable[[asyncio.Timeout], Awaitable[R]]) -> R:
    """What `work(clock)` delivers within `seconds`; it may stop the clock once the provider's part is done.

    Raises `ProviderTimeout`: nobody knows whether an answer that is no longer waited for is billed.
    """
    try:
        async with asyncio.timeout(seconds) as clock:
            return await work(clock)
    except TimeoutError as error:
        if not clock.expired():
            raise
        raise ProviderTimeout(
            f"{provider} did not answer within {seconds:g} s.",
            provider=provider,
            is_uncertain=True,
            hint=f"Try again later, or raise `{_setting(provider)}`.",
        ) from error


def _setting(provider: str) -> str:
    return "run.call_timeout" if provider == "builtin" else f"vendors.{provider}.timeout"
