"""The cache that workers on many machines share through fsspec: entries of any size, beside each one's own disk.

The depot is a helper, never a need: what goes wrong with it is told of once, and it is left alone for a while.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

from storygen.errors import ResourceFailure
from storygen.store.hands import Hands
from storygen.store.remote import Shelf

PAUSE_SECONDS = 30.0
_FORMAT = "v1"
_LOG = logging.getLogger("storygen.store")


class Depot:
    """Entries below an address, each put whole. Raises `InvalidSettings` for an address that is none."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._shelf = Shelf(url, "film_store.cache_url")
        self._hands = Hands("depot")
        self._clock = clock
        self._again_at = 0.0
        self._is_away = False

    async def find(self, cache: str, key: str, folder: Path) -> bool:
        """Bring an entry into an empty folder; False where there is none that is whole, or none can be had now."""
        return await self._try(lambda: self._shelf.fetch(_name(cache, key), folder))

    async def keep(self, cache: str, key: str, place: Path) -> None:
        """Put the entry in `place` there, unless it is there already."""
        await self._try(lambda: self._put(_name(cache, key), place))

    def close(self) -> None:
        """Let go of its threads."""
        self._hands.close()

    def _put(self, name: str, place: Path) -> bool:
        if not self._shelf.index(name)["files"]:
            self._shelf.put(name, place)
        return True

    async def _try(self, work: Callable[[], bool]) -> bool:
        if self._clock() < self._again_at:
            return False
        try:
            done = await self._hands.do(work)
        except (ResourceFailure, OSError, ValueError, KeyError, TypeError) as error:
            self._again_at = self._clock() + PAUSE_SECONDS
            if not self._is_away:
                _LOG.warning("The shared cache is left alone for a while: %s", error)
            self._is_away = True
            return False
        self._is_away = False
        return done


def _name(cache: str, key: str) -> str:
    return f"{_FORMAT}/{cache}/{key[:2]}/{key}"
