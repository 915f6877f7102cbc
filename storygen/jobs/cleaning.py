"""What is kept grows no further than the operator said: old runs and films go, and so do parts that nobody will need.

Nothing that is worked on is touched, and nothing that is not ours: films are found by the mark that their store gives
them, parts by the folders of the cache that only unfinished work has.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from storygen.errors import Conflict, NotFound, StorygenError
from storygen.jobs.base import Job
from storygen.jobs.store import SqlJobs
from storygen.settings import Settings
from storygen.store.artifacts import FORMAT
from storygen.store.files import discard
from storygen.store.films import FilmStore

HOUR_SECONDS = 3600.0
DAY_SECONDS = 86_400.0
_LOG = logging.getLogger("storygen.cleaning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What a clean-up removed: runs, films (those of the runs, too), unfinished parts, and the films' bytes."""

    runs: int = 0
    films: int = 0
    parts: int = 0
    film_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """What is kept, in bytes: films and their number, the cache by kind, parts under way, databases by name."""

    film_bytes: int
    films: int
    cache_bytes: Mapping[str, int]
    part_bytes: int
    state_bytes: Mapping[str, int]
    free_bytes: int


class Cleaner:
    """Cleans up by `service.keep_days` and `service.keep_gb`, every hour or when it is asked to."""

    def __init__(
        self, settings: Callable[[], Settings], jobs: SqlJobs, films: FilmStore, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._jobs = jobs
        self._films = films
        self._clock = clock
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Clean up now and every hour until cancelled; what fails is tried again in an hour."""
        while True:
            try:
                await self.clean()
            except (StorygenError, OSError) as error:
                _LOG.warning("Old films could not be cleaned up, which is tried again in an hour: %s", error)
            await asyncio.sleep(HOUR_SECONDS)

    async def clean(self) -> Cleaned:
        """Remove what is too old or too much; one clean-up at a time."""
        async with self._turn:
            keep = self._settings().service
            before = self._clock() - keep.keep_days * DAY_SECONDS
            sizes = dict(await self._films.sizes())
            runs = await self._forget_runs(before)
            removed = await self._remove_films(sizes, set(runs), before, keep.keep_gb * 1e9)
            folders = self._settings().folders
            parts = await asyncio.to_thread(_sweep, folders.cache, folders.state, self._clock() - DAY_SECONDS, before)
        cleaned = Cleaned(
            runs=len(runs), films=len(removed), parts=parts, film_bytes=sum(sizes[run] for run in removed)
        )
        if cleaned != Cleaned():
            _LOG.info("storage.cleaned", extra={"runs": cleaned.runs, "films": cleaned.films, "parts": parts})
        return cleaned

    async def storage(self) -> Storage:
        """What is kept now; takes as long as it takes to look at every file."""
        sizes = await self._films.sizes()
        return await asyncio.to_thread(_storage, self._settings(), sum(sizes.values()), len(sizes))

    async def _forget_runs(self, before: float) -> list[str]:
        """Forget runs that ended before a moment; one that is tried again this very moment stays."""
        forgotten: list[str] = []
        while old := await self._jobs.old(before):
            gone = [job.id for job in old if await self._forget(job)]
            forgotten += gone
            if len(gone) < len(old):
                break
        return forgotten

    async def _forget(self, job: Job) -> bool:
        with suppress(Conflict, NotFound):
            await self._jobs.delete(job.id)
            return True
        return False

    async def _remove_films(
        self, sizes: Mapping[str, int], forgotten: set[str], before: float, most_bytes: float
    ) -> list[str]:
        """Remove the films of forgotten runs, old ones that no run knows, and the oldest while there are too many."""
        removed: list[str] = []
        left = sum(sizes.values())
        for run in sorted(sizes):  # an id begins with its time
            job = None if run in forgotten else await self._known(run)
            is_too_old = run in forgotten or (job is None and _begun(run) < before)
            is_too_much = left > most_bytes and (job is None or job.state.is_over)
            if is_too_old or is_too_much:
                await self._films.delete(run)
                removed.append(run)
                left -= sizes[run]
        return removed

    async def _known(self, run: str) -> Job | None:
        try:
            return await self._jobs.get(run)
        except NotFound:
            return None


def _begun(run: str) -> float:
    """When a run was submitted, by its id (Unix seconds); never, where the id does not say."""
    try:
        return datetime.strptime(run[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return float("inf")


def _sweep(cache: Path, state: Path, parts_before: float, runs_before: float) -> int:
    """Remove what was being made a day ago and never was, and notes of runs that nobody went on with."""
    making = cache / f"v{FORMAT}" / "making"
    old = [folder for folder in _entries(making) if _changed(folder) < parts_before]
    for folder in old:
        discard(folder)
    notes = [note for note in _entries(state / "unfinished") if _changed(note) < runs_before]
    for note in notes:
        note.unlink(missing_ok=True)
    return len(old) + len(notes)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _changed(path: Path) -> float:
    """When something was last changed (Unix seconds), in it, too; now where it vanished."""
    try:
        return max((each.stat().st_mtime for each in (path, *path.rglob("*"))), default=0.0)
    except FileNotFoundError:
        return time.time()


def _storage(settings: Settings, film_bytes: int, films: int) -> Storage:
    root = settings.folders.cache / f"v{FORMAT}"
    caches = {folder.name: _bytes(folder) for folder in _entries(root) if folder.is_dir()}
    state: Counter[str] = Counter()
    for path in _entries(settings.folders.state):
        state[path.name.removesuffix("-wal").removesuffix("-shm")] += _bytes(path)
    place = settings.folders.films.absolute()
    existing = next(path for path in (place, *place.parents) if path.exists())
    return Storage(
        film_bytes=film_bytes,
        films=films,
        part_bytes=caches.pop("making", 0),
        cache_bytes=caches,
        state_bytes=dict(state),
        free_bytes=shutil.disk_usage(existing).free,
    )


def _bytes(path: Path) -> int:
    total = 0
    for each in (path, *path.rglob("*")):
        with suppress(FileNotFoundError):  # it was finished or trimmed this very moment
            total += each.stat().st_size if each.is_file() else 0
    return total
