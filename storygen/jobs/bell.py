"""Tells coroutines of this process that something has changed; with a poll where other processes change things, too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Heard = Callable[[float], Awaitable[None]]


class Bell:
    """Rung by name. Nobody who listens before the ring misses it; a listener that is gone costs nothing."""

    def __init__(self, poll_seconds: float | None = None) -> None:
        self._poll = poll_seconds
        self._ears: dict[str, set[asyncio.Event]] = {}

    def ring(self, name: str) -> None:
        """Wake all who listen for `name`."""
        for ear in self._ears.get(name, ()):
            ear.set()

    @asynccontextmanager
    async def listening(self, name: str) -> AsyncIterator[Heard]:
        """Listen from here on; the function that it gives waits for a ring, at most so many seconds."""
        ear = asyncio.Event()
        self._ears.setdefault(name, set()).add(ear)

        async def heard(seconds: float) -> None:
            try:
                async with asyncio.timeout(seconds if self._poll is None else min(seconds, self._poll)):
                    await ear.wait()
            except TimeoutError:
                return
            ear.clear()

        try:
            yield heard
        finally:
            self._ears[name].discard(ear)
            if not self._ears[name]:
                del self._ears[name]
