"""The seams of one film: each is made as soon as both of its scenes are ready, while others are still under way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

from storygen.stages.assembly import Side
from storygen.story import Made, Segment

MakesSeam = Callable[[Side | None, Side | None], Awaitable[Made[Segment] | None]]


class Seaming:
    """Begins seams, and hands them out in the order of the film; leaving it ends those that nobody asked for."""

    def __init__(self, make: MakesSeam) -> None:
        self._make = make
        self._sides: dict[int, Side] = {}
        self._begun: dict[tuple[int | None, int | None], asyncio.Future[Made[Segment] | None]] = {}

    def ready(self, side: Side) -> None:
        """All parts of a scene are there: begin its seams to those neighbours that are ready, too."""
        self._sides[side.number] = side
        for before, after in ((side.number - 1, side.number), (side.number, side.number + 1)):
            if before in self._sides and after in self._sides:
                self._begun_between(before, after)

    async def around(self, shown: Sequence[int]) -> tuple[Made[Segment] | None, ...]:
        """What lies before each of the scenes that are shown, and behind the last.

        Where a scene was left out its neighbours are joined, and a scene at an end of the film keeps its frames. Raises
        what the first seam raised that could not be made.
        """
        if not self._sides:
            return ()
        ends = zip([None, *shown], [*shown, None], strict=True)
        return tuple(await asyncio.gather(*(self._begun_between(before, after) for before, after in ends)))

    def _begun_between(self, before: int | None, after: int | None) -> asyncio.Future[Made[Segment] | None]:
        if (before, after) not in self._begun:
            sides = (self._sides[number] if number else None for number in (before, after))
            self._begun[before, after] = asyncio.ensure_future(self._make(*sides))
        return self._begun[before, after]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for seam in self._begun.values():
            seam.cancel()
        await asyncio.gather(*self._begun.values(), return_exceptions=True)
