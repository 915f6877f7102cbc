"""What of this machine is in use, and whether one more run fits on it: one that would not waits rather than dies."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from storygen.resilience.gears import available_cores
from storygen.settings import Settings

FRESH_SECONDS = 5.0
GB = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What was measured; bytes, load as the machine has it by core, and processes below this one."""

    memory_bytes: int
    free_memory_bytes: int
    free_disk_bytes: int
    load_per_core: float
    children: int


class Guard:
    """Holds what this process, its children and the machine use against `settings.guard`.

    Measuring takes some milliseconds: who asks often has it done by `look(0)` in a thread now and then.
    """

    def __init__(
        self, settings: Callable[[], Settings], *, measure: Callable[[Settings], Machine] | None = None
    ) -> None:
        self._settings = settings
        self._measure = measure or machine
        self._seen: Machine | None = None
        self._seen_at = 0.0

    def look(self, fresh_seconds: float = FRESH_SECONDS) -> Machine:
        """How the machine is, or was not longer ago than this."""
        now = time.monotonic()
        if self._seen is None or now - self._seen_at > fresh_seconds:
            self._seen, self._seen_at = self._measure(self._settings()), now
        return self._seen

    def fits(self) -> str:
        """Why one more run does not fit now, as a sentence; empty where it does."""
        wanted, here = self._settings().guard, self.look()
        if here.memory_bytes > wanted.memory_gb * GB:
            return f"Runs wait: they use {here.memory_bytes / GB:.1f} GB of memory (guard.memory_gb)."
        if here.free_memory_bytes < wanted.free_memory_gb * GB:
            return f"Runs wait: {here.free_memory_bytes / GB:.1f} GB of memory are free (guard.free_memory_gb)."
        if here.free_disk_bytes < wanted.free_disk_gb * GB:
            return f"Runs wait: {here.free_disk_bytes / GB:.1f} GB of disk are free (guard.free_disk_gb)."
        if here.load_per_core > wanted.load_per_core:
            return f"Runs wait: the load is {here.load_per_core:.1f} per core (guard.load_per_core)."
        return ""


def machine(settings: Settings) -> Machine:
    """Measure; takes some milliseconds where there are many children."""
    memory, children = _memory()
    folders = (settings.folders.films, settings.folders.cache, settings.folders.state)
    return Machine(
        memory_bytes=memory,
        free_memory_bytes=psutil.virtual_memory().available,
        free_disk_bytes=min(psutil.disk_usage(str(_existing(folder))).free for folder in folders),
        load_per_core=psutil.getloadavg()[0] / available_cores(),
        children=children,
    )


def _memory() -> tuple[int, int]:
    """Bytes that this process and those below it hold, and how many those are; some may end meanwhile."""
    own = psutil.Process(os.getpid())
    children = own.children(recursive=True)
    total = own.memory_info().rss
    for child in children:
        try:
            total += child.memory_info().rss
        except psutil.Error:
            continue
    return total, len(children)


def _existing(folder: Path) -> Path:
    absolute = folder.absolute()
    return next(path for path in (absolute, *absolute.parents) if path.exists())
