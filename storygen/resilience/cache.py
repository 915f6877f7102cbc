"""Find what was made before, or make it once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from storygen import events
from storygen.store import records
from storygen.store.artifacts import BrokenEntry, Store
from storygen.store.depot import Depot
from storygen.store.shared import SharedStore
from storygen.story import Made

R = TypeVar("R")
_repeats: ContextVar[bool] = ContextVar("storygen_repeats", default=False)


@contextmanager
def repeating() -> Iterator[None]:
    """In the block a run goes over its work again: what it holds is neither told of nor counted as saved once more."""
    token = _repeats.set(True)
    try:
        yield
    finally:
        _repeats.reset(token)


class Flights:
    """What is being made now, by the place that it is for: of those in one event loop who ask for it, one makes it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[asyncio.AbstractEventLoop, Path], asyncio.Lock] = WeakValueDictionary()

    def of(self, place: Path) -> asyncio.Lock:
        """Who holds this lock makes what belongs to a place."""
        return self._locks.setdefault((asyncio.get_running_loop(), place), asyncio.Lock())


class Cache:
    """A store that is asked by inputs, with one flight per key.

    Whoever asks for what is being made waits for it; when the one who makes it fails or is cancelled, the next in line
    makes it. That holds for all caches that share `flights`. What other workers have made is brought here from a Redis
    (`tier`, small entries) and a `depot`.
    """

    def __init__(
        self,
        store: Store,
        tier: SharedStore | None = None,
        depot: Depot | None = None,
        flights: Flights | None = None,
    ) -> None:
        self._store = store
        self._tier = tier
        self._depot = depot
        self._flights = flights or Flights()
        self._held: dict[tuple[str, str], Made[Any]] = {}

    async def get(
        self,
        cache: str,
        inputs: Mapping[str, Any],
        expect: type[R],
        make: Callable[[Path, str], Awaitable[Made[R]]],
        permit: Callable[[], Awaitable[None]] | None = None,
        *,
        is_free: bool = False,
    ) -> Made[R]:
        """The entry for `inputs`, or what `make(folder, key)` makes of them, stored before it is handed out.

        `permit` raises where making it makes no sense now, before a folder for it is touched. What `is_free` saves
        nobody anything when the same run asks for it again.
        """
        key = records.digest(inputs)
        async with self._flights.of(self._store.place(cache, key)):
            await self._bring_here(cache, key)
            if (found := self._look(cache, key, expect, is_free=is_free)) is not None:
                return found
            if permit is not None:
                await permit()
            with self._store.room() as folder:
                made = await make(folder, key)
                kept = self._store.keep(cache, made, folder)
            self._held[cache, key] = kept
        await self._share(cache, key)
        return kept

    async def kept(self, cache: str, inputs: Mapping[str, Any], expect: type[R], *, stood_in: bool) -> Made[R] | None:
        """The entry for `inputs` if there is one that, where `stood_in`, was made because another had failed.

        A miss is not told of, because somebody else is asked next.
        """
        key = records.digest(inputs)
        await self._bring_here(cache, key)
        with suppress(BrokenEntry):
            found = self._store.find(cache, key, expect)
            if found is not None and (found.missing or not stood_in):
                return self._hit(cache, key, found)
        return None

    async def _bring_here(self, cache: str, key: str) -> None:
        """Bring what another worker has stored to this disk."""
        if (self._tier is None and self._depot is None) or self._store.has(cache, key):
            return
        if self._tier is not None and (files := await self._tier.find(cache, key)):
            self._store.adopt(cache, key, files)
        elif self._depot is not None:
            with self._store.room() as folder:
                if await self._depot.find(cache, key, folder):
                    self._store.take_in(cache, key, folder)

    async def _share(self, cache: str, key: str) -> None:
        """Let other workers have what was stored here."""
        if self._tier is not None and (files := self._store.export(cache, key)):
            await self._tier.keep(cache, key, files)
        if self._depot is not None:
            await self._depot.keep(cache, key, self._store.place(cache, key))

    def _look(self, cache: str, key: str, expect: type[R], *, is_free: bool) -> Made[R] | None:
        try:
            found = self._store.find(cache, key, expect)
        except BrokenEntry:
            events.emit(events.CacheLooked(cache=cache, result="error"))
            return None
        if found is None:
            events.emit(events.CacheLooked(cache=cache, result="miss"))
            return None
        return self._hit(cache, key, found, is_free=is_free)

    def _hit(self, cache: str, key: str, found: Made[R], *, is_free: bool = False) -> Made[R]:
        held = self._held.setdefault((cache, key), found)
        if held is not found and _repeats.get():
            return held
        if held is not found and is_free:
            return found
        saved = found.cost_usd or 0.0
        events.emit(
            events.CacheLooked(
                cache=cache,
                result="hit",
                saved_usd=saved,
                saved_seconds=found.seconds,
                provider=found.provider,
                model=found.model,
            )
        )
        return found
