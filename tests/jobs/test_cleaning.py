"""Old and orphaned things go; what is worked on, and what is not ours, stays."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from storygen.jobs.base import JobState
from storygen.jobs.cleaning import DAY_SECONDS, Cleaner
from storygen.settings import ServiceSettings
from storygen.store.films import FilmStore, open_films
from tests.jobs.shop import Shop, shop

ORPHAN = "20200101-120000-0123456789abcdef"


def cleaning(home: Path, test: Callable[[Shop, FilmStore], Awaitable[None]], **service: Any) -> None:
    """Run a test with a queue and its films; `keep_days` and `keep_gb` may be named."""

    async def go() -> None:
        async with shop(home) as here:
            here.settings = here.settings.model_copy(update={"service": ServiceSettings(**service)})
            films = open_films(here.settings)
            await test(here, films)
            await films.close()

    asyncio.run(go())


async def put(films: FilmStore, home: Path, run: str, size: int = 1000) -> None:
    """Publish a film of so many bytes."""
    folder = home / "made" / run
    folder.mkdir(parents=True)
    (folder / "film.mp4").write_bytes(bytes(size))
    await films.put(run, folder)


async def end(here: Shop, job: str) -> None:
    """See a job through."""
    await here.jobs.take(job, "one", 60.0)
    await here.jobs.finish(job, "one", JobState.SUCCESS)


def later(days: float) -> Callable[[], float]:
    """A clock that is ahead."""
    return lambda: time.time() + days * DAY_SECONDS


def test_runs_that_ended_long_ago_go_with_their_films_and_open_ones_stay(tmp_path: Path) -> None:
    async def test(here: Shop, films: FilmStore) -> None:
        over, waiting, running = await here.submit(3)
        await end(here, over.id)
        await here.jobs.take(running.id, "one", 1e9)
        for job in (over, waiting, running):
            await put(films, tmp_path, job.id)

        assert (await Cleaner(lambda: here.settings, here.jobs, films, later(1)).clean()).runs == 0
        cleaned = await Cleaner(lambda: here.settings, here.jobs, films, later(3)).clean()

        assert (cleaned.runs, cleaned.films, cleaned.film_bytes) == (1, 1, 1000)
        assert set(await films.sizes()) == {waiting.id, running.id}
        assert {job.id for job in (await here.jobs.page(_all())).jobs} == {running.id, waiting.id}

    cleaning(tmp_path, test, keep_days=2)


def _all() -> Any:
    from storygen.jobs.base import Filter

    return Filter()


def test_the_oldest_films_go_while_there_are_too_many_bytes_but_their_runs_stay(tmp_path: Path) -> None:
    async def test(here: Shop, films: FilmStore) -> None:
        jobs = sorted(job.id for job in await here.submit(3))
        for job in jobs:
            await put(films, tmp_path, job)
        for job in jobs[1:]:
            await end(here, job)

        cleaned = await Cleaner(lambda: here.settings, here.jobs, films).clean()

        assert (cleaned.runs, cleaned.films) == (0, 1)
        assert set(await films.sizes()) == {jobs[0], jobs[2]}
        assert (await here.jobs.get(jobs[1])).state is JobState.SUCCESS

    cleaning(tmp_path, test, keep_gb=2.5e-6)


def test_old_films_without_a_run_go_and_folders_of_others_stay(tmp_path: Path) -> None:
    async def test(here: Shop, films: FilmStore) -> None:
        await put(films, tmp_path, ORPHAN)
        own = here.settings.folders.films / "20190101-120000-0123456789abcdef"
        own.mkdir()
        (own / "film.mp4").write_text("mine")

        cleaned = await Cleaner(lambda: here.settings, here.jobs, films).clean()

        assert cleaned.films == 1
        assert await films.sizes() == {}
        assert (own / "film.mp4").read_text() == "mine"

    cleaning(tmp_path, test)


def test_what_was_being_made_a_day_ago_and_never_was_goes(tmp_path: Path) -> None:
    async def test(here: Shop, films: FilmStore) -> None:
        making = here.settings.folders.cache / "v1" / "making"
        for name in ("elsewhere-1-old", "elsewhere-2-new"):
            (making / name).mkdir(parents=True)
            (making / name / "part.wav").write_bytes(bytes(10))
        for path in (making / "elsewhere-1-old" / "part.wav", making / "elsewhere-1-old"):
            os.utime(path, (0, time.time() - 2 * DAY_SECONDS))

        assert (await Cleaner(lambda: here.settings, here.jobs, films).clean()).parts == 1
        assert [folder.name for folder in making.iterdir()] == ["elsewhere-2-new"]

    cleaning(tmp_path, test)


def test_storage_is_told_by_kind(tmp_path: Path) -> None:
    async def test(here: Shop, films: FilmStore) -> None:
        await put(films, tmp_path, ORPHAN, 70)
        for cache, size in {"voice": 20, "making": 30}.items():
            folder = here.settings.folders.cache / "v1" / cache / "ab"
            folder.mkdir(parents=True)
            (folder / "x").write_bytes(bytes(size))

        kept = await Cleaner(lambda: here.settings, here.jobs, films).storage()

        assert (kept.film_bytes, kept.films, kept.cache_bytes, kept.part_bytes) == (70, 1, {"voice": 20}, 30)
        assert kept.state_bytes["queue.sqlite"] > 0
        assert kept.free_bytes > 0

    cleaning(tmp_path, test)
