"""Settings that a long-lived process reads again when their files change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from storygen.configuration import load, watched_files
from storygen.errors import InvalidSettings

_LOG = logging.getLogger("storygen.settings")
Seen = tuple[tuple[int, int, bytes] | None, ...]


class Reloader:
    """The settings of a process that goes on, from the same file and flags as it began with.

    `settings` are those for the next run; a run that is under way keeps what it was given. Raises `InvalidSettings`
    where the first ones are wrong.
    """

    def __init__(
        self,
        config: Path | None = None,
        flags: Mapping[str, Any] | None = None,
        *,
        on_refused: Callable[[InvalidSettings], None] = lambda _: None,
    ) -> None:
        self._config = config.absolute() if config else None
        self._flags = flags or {}
        self._on_refused = on_refused
        self._files = tuple(path.absolute() for path in watched_files(config))
        self._seen = self._look(())
        self.settings = load(config, flags)

    def check(self) -> bool:
        """Read the settings again where a file of theirs has changed; say whether they are others now.

        Wrong ones are refused: that is logged as `settings.refused`, `on_refused` is told, and the old ones stay.
        """
        seen = self._look(self._seen)
        if _contents(seen) == _contents(self._seen):
            self._seen = seen
            return False
        self._seen = seen
        try:
            settings = load(self._config, self._flags)
        except InvalidSettings as refusal:
            _LOG.error("settings.refused", extra={"reason": refusal.message})
            self._on_refused(refusal)
            return False
        changed = settings != self.settings
        self.settings = settings
        if changed:
            _LOG.info("settings.reloaded")
        return changed

    async def watch(self, every: float = 2.0) -> None:
        """Check every so many seconds until cancelled."""
        while True:
            await asyncio.sleep(every)
            await asyncio.to_thread(self.check)

    def _look(self, before: Seen) -> Seen:
        """What stands in each file; one whose time and size are as before is not read again."""
        return tuple(_file(path, before[index] if before else None) for index, path in enumerate(self._files))


def _file(path: Path, before: tuple[int, int, bytes] | None) -> tuple[int, int, bytes] | None:
    try:
        stat = path.stat()
        if before is not None and before[:2] == (stat.st_mtime_ns, stat.st_size):
            return before
        return stat.st_mtime_ns, stat.st_size, path.read_bytes()
    except OSError:
        return None


def _contents(seen: Seen) -> tuple[bytes | None, ...]:
    return tuple(None if file is None else file[2] for file in seen)
