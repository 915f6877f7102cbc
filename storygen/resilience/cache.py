"""Find what was made before, or make it once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from storygen import events
from storygen.store import records
from storygen.store.artifacts import BrokenEntry, Store
from storygen.story import Made

R = TypeVar("R")


class Cache:
    """A store that is asked by inputs, with one flight per key.

    Whoever asks for what is being made waits for it; when the one who makes it fails or is cancelled, the next in line
    makes it.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._flights: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(
        self,
        cache: str,
        inputs: Mapping[str, Any],
        expect: type[R],
        make: Callable[[Path, str], Awaitable[Made[R]]],
    ) -> Made[R]:
        """The entry for `inputs`, or what `make(folder, key)` makes of them, stored before it is handed out."""
        key = records.digest(inputs)
        flight = self._flights.setdefault(f"{cache}/{key}", asyncio.Lock())
        async with flight:
            if (found := self._look(cache, key, expect)) is not None:
                return found
            with self._store.room() as folder:
                made = await make(folder, key)
                return self._store.keep(cache, made, folder)

    def _look(self, cache: str, key: str, expect: type[R]) -> Made[R] | None:
        try:
            found = self._store.find(cache, key, expect)
        except BrokenEntry:
            events.emit(events.CacheLooked(cache=cache, result="error"))
            return None
        if found is None:
            events.emit(events.CacheLooked(cache=cache, result="miss"))
            return None
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
