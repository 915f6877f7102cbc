"""A worker takes what is queued, sees it through, and loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from storygen.errors import DiskFull, ResourceFailure
from storygen.jobs import worker as working
from storygen.jobs.base import JobState
from storygen.jobs.store import SqlJobs
from tests.jobs.shop import STORY, Room, Shop, Studio, shop, until


def studied(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    test: Callable[[Shop, Studio], Awaitable[None]],
    *,
    is_open: bool = False,
    **queue: Any,
) -> None:
    """Run a test in a shop whose films are made by a stand-in."""

    async def go() -> None:
        studio = Studio(is_open=is_open)
        monkeypatch.setattr("storygen.jobs.working.perform", studio.perform)
        async with shop(home, **queue) as here:
            await test(here, studio)

    asyncio.run(go())


def test_a_story_becomes_a_film_and_its_events_tell_how_without_its_words(tmp_path: Path) -> None:
    async def go() -> None:
        async with shop(tmp_path) as here:
            here.begin()
            (job,) = await here.submit(settings={"film": {"aspect": "16:9"}})
            done = await here.ended(job)
            events = await here.jobs.events(job.id)

        assert done.result is not None
        assert (done.state, done.result.fidelity, done.progress) == (JobState.SUCCESS, "full", 1)
        assert done.title == "It rained. Then it stopped"
        assert (Path(done.result.folder) / "film.mp4").stat().st_size > 0
        kinds = [event.kind for event in events]
        assert kinds[:3] == ["queued", "started", "began"]
        assert kinds[-1] == "success"
        assert {"stage.began", "stage.ended", "scenes", "scene.ready", "progress", "shipped"} <= set(kinds)
        assert [event.number for event in events] == list(range(1, len(events) + 1))
        assert not any("rain" in str(event.data) for event in events)

    asyncio.run(go())


def test_what_is_queued_is_begun_at_once_and_not_when_the_worker_looks_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "LOOK_SECONDS", 3600.0)

    async def test(here: Shop, studio: Studio) -> None:
        here.begin()
        await asyncio.sleep(0)
        for _ in range(3):
            (job,) = await here.submit()
            assert (await here.ended(job)).state is JobState.SUCCESS

    studied(tmp_path, monkeypatch, test, is_open=True)


def test_no_more_are_worked_on_at_once_than_the_setting_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(here: Shop, studio: Studio) -> None:
        here.begin()
        jobs = await here.submit(5)
        await until(lambda: len(studio.at_work) == 2)
        studio.gate.set()
        for job in jobs:
            await here.ended(job)
        assert studio.most == 2

    studied(tmp_path, monkeypatch, test)


def test_what_an_ended_job_has_left_is_given_back_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "MEASURE_SECONDS", 0.01)
    done: list[str] = []
    monkeypatch.setattr(working, "give_back", lambda: done.append("given back"))
    monkeypatch.setattr(Room, "look", lambda *_: done.append("looked"))

    async def test(here: Shop, studio: Studio) -> None:
        here.begin()
        (job,) = await here.submit()
        await until(lambda: bool(studio.at_work) and len(done) > 2)
        assert set(done) == {"looked"}
        studio.gate.set()
        await here.ended(job)
        await until(lambda: "given back" in done and done[-3:] == ["looked"] * 3)
        assert done.count("given back") == 1

    studied(tmp_path, monkeypatch, test)


def test_a_run_that_is_cancelled_is_stopped_and_ends_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(here: Shop, studio: Studio) -> None:
        here.begin()
        (job,) = await here.submit()
        await until(lambda: job.id in studio.at_work)
        await here.jobs.cancel(job.id)
        done = await here.ended(job)
        assert (done.state, studio.cancelled) == (JobState.CANCELLED, [job.id])
        assert done.error is not None
        assert done.error["kind"] == "cancelled"

    studied(tmp_path, monkeypatch, test)


def test_nothing_is_begun_while_it_would_not_fit_and_it_is_said_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "LOOK_SECONDS", 0.01)

    async def test(here: Shop, studio: Studio) -> None:
        here.room.reason = "Runs wait: no memory."
        worker = here.begin()
        (job,) = await here.submit()
        await until(lambda: worker.waits_for == "Runs wait: no memory.")
        assert await here.state(job) is JobState.QUEUED
        here.room.reason = ""
        assert (await here.ended(job)).state is JobState.SUCCESS
        assert worker.waits_for == ""

    studied(tmp_path, monkeypatch, test, is_open=True)


def test_a_worker_that_stops_ends_what_it_can_and_puts_the_rest_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(here: Shop, studio: Studio) -> None:
        worker = here.begin()
        (slow,) = await here.submit()
        await until(lambda: slow.id in studio.at_work)
        (later,) = await asyncio.gather(here.submit())
        await worker.stop(0.05)
        back = await here.jobs.get(slow.id)
        assert (back.state, back.claims) == (JobState.QUEUED, 0)
        studio.gate.set()
        here.begin("two")
        for job in (slow, *later):
            assert (await here.ended(job)).state is JobState.SUCCESS
        assert "released" in await here.kinds(slow)

    studied(tmp_path, monkeypatch, test)


def test_a_run_that_ends_within_the_grace_time_is_not_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(here: Shop, studio: Studio) -> None:
        worker = here.begin()
        (job,) = await here.submit()
        await until(lambda: job.id in studio.at_work)
        stopping = asyncio.create_task(worker.stop(30))
        await asyncio.sleep(0)
        studio.gate.set()
        await stopping
        assert await here.state(job) is JobState.SUCCESS

    studied(tmp_path, monkeypatch, test)


def test_a_job_whose_worker_died_is_begun_again_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(here: Shop, studio: Studio) -> None:
        (job,) = await here.submit()
        await here.jobs.claim("dead", 1, -1.0)
        here.begin()
        done = await here.ended(job)
        assert (done.state, done.claims, done.worker) == (JobState.SUCCESS, 2, "one")

    studied(tmp_path, monkeypatch, test, is_open=True)


def test_a_worker_that_has_lost_a_job_lets_go_of_it_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "BEAT_SECONDS", 0.02)

    async def test(here: Shop, studio: Studio) -> None:
        here.begin()
        (job,) = await here.submit()
        await until(lambda: job.id in studio.at_work)
        here.settings = here.settings.model_copy(
            update={"queue": here.settings.queue.model_copy(update={"lease_seconds": -1.0})}
        )
        await until(lambda: _taken(here, job.id))
        await until(lambda: studio.cancelled == [job.id])
        await until(lambda: not studio.at_work)
        held = await here.jobs.get(job.id)
        assert (held.state, held.worker) == (JobState.RUNNING, "other")

    studied(tmp_path, monkeypatch, test, runs_at_once=1)


async def _taken(here: Shop, job: str) -> bool:
    return await here.jobs.take(job, "other", 3600.0) is not None


def test_an_end_is_written_down_when_the_database_is_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        """The queue, whose `finish` finds no database twice."""

        def __init__(self, jobs: SqlJobs) -> None:
            self._jobs = jobs
            self.failures = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self._jobs, name)

        async def finish(self, *args: Any, **more: Any) -> bool:
            if self.failures < 2:
                self.failures += 1
                raise ResourceFailure("The database cannot be written to.")
            return await self._jobs.finish(*args, **more)

    async def test(here: Shop, studio: Studio) -> None:
        away = Away(here.jobs)
        here.begin(jobs=away)
        (job,) = await here.submit()
        assert (await here.ended(job)).state is JobState.SUCCESS
        assert away.failures == 2
        assert studio.made == [job.id]

    studied(tmp_path, monkeypatch, test, is_open=True)


@pytest.mark.parametrize(
    ("error", "kind"), [(DiskFull("No space."), "disk_full"), (RuntimeError("a mistake of ours"), "error")]
)
def test_what_breaks_one_run_fails_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str
) -> None:
    async def test(here: Shop, studio: Studio) -> None:
        studio.error = error
        here.begin()
        (job,) = await here.submit()
        done = await here.ended(job)
        studio.error = None
        (after,) = await here.submit()
        assert done.error is not None
        assert (done.state, done.error["kind"]) == (JobState.FAILED, kind)
        assert (await here.ended(after)).state is JobState.SUCCESS

    studied(tmp_path, monkeypatch, test, is_open=True)


def test_settings_that_no_caller_may_choose_fail_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(here: Shop, studio: Studio) -> None:
        here.begin()
        (job,) = await here.submit(settings={"folders": {"films": "/etc"}})
        done = await here.ended(job)
        assert done.error is not None
        assert (done.state, done.error["kind"], studio.made) == (JobState.FAILED, "invalid_settings", [])

    studied(tmp_path, monkeypatch, test, is_open=True)


def test_a_run_that_takes_too_long_ends_as_timeout(tmp_path: Path) -> None:
    async def go() -> None:
        async with shop(tmp_path, run_timeout=0.02) as here:
            here.begin()
            (job,) = await here.submit(text="\n\n".join([STORY] * 20))
            done = await here.ended(job)
        assert done.error is not None
        assert (done.state, done.error["kind"]) == (JobState.TIMEOUT, "stage_timeout")

    asyncio.run(go())
