"""A number of places for work that goes on side by side, whoever's it is."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from storygen import events


class Slots:
    """A number of slots, told of as they are taken; who is urgent goes first among those who wait."""

    def __init__(self, name: str, count: int) -> None:
        self.count = count
        self._name = name
        self._taken = 0
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def resize(self, count: int) -> None:
        """Have another number of slots from now on; who holds one beyond it keeps it to the end."""
        self.count = count
        while self._taken < count and self._invite():
            self._taken += 1

    @asynccontextmanager
    async def one(self, *, urgent: bool = True) -> AsyncIterator[None]:
        """Hold a slot for the time of a block."""
        if self._taken < self.count:
            self._taken += 1
        else:
            await self._wait(urgent=urgent)
        self._tell()
        try:
            yield
        finally:
            self._pass_on()
            self._tell()

    async def _wait(self, *, urgent: bool) -> None:
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (not urgent, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        if self._taken > self.count or not self._invite():
            self._taken -= 1

    def _invite(self) -> bool:
        """Give a slot to the next in line; says whether there is one."""
        while self._waiting:
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                turn.set_result(None)
                return True
        return False

    def _tell(self) -> None:
        events.emit(events.Occupied(name=self._name, in_use=self._taken, limit=self.count))
