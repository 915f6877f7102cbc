"""What the queue answers, in SQLite and in PostgreSQL alike."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from storygen.errors import CallerMistake, Conflict, NotFound, TooMany
from storygen.jobs.base import Filter, JobState
from tests.jobs.queues import Clock, queue, story

DAY = 86_400


def test_a_key_that_is_used_again_gives_the_same_job_and_never_another_story(address: str) -> None:
    async def go() -> None:
        async with queue(address) as jobs:
            twice = await jobs.submit([story(key="k"), story(key="k")])
            again = await asyncio.gather(*(jobs.submit([story(key="k")]) for _ in range(5)))
            assert [job for made in [twice, *again] for job in made] == [twice[0]] * 7
            (other,) = await jobs.submit([story(key="k", caller="ben")])
            assert other.id != twice[0].id
            with pytest.raises(Conflict, match="another story"):
                await jobs.submit([story(), story(key="k", content="d")])
            with pytest.raises(Conflict, match="another story"):
                await jobs.submit([story(key="n"), story(key="n", content="d")])
            assert (await jobs.counts())["queued"] == 2

    asyncio.run(go())


def test_a_caller_may_have_so_many_open_runs_and_one_more_when_one_is_over(address: str) -> None:
    async def go() -> None:
        async with queue(address, most_open=3) as jobs:
            first, *_ = await jobs.submit([story()] * 2)
            with pytest.raises(TooMany) as refused:
                await jobs.submit([story()] * 2)
            assert refused.value.retry_after
            assert (await jobs.counts())["queued"] == 2
            answers = await asyncio.gather(*(jobs.submit([story()]) for _ in range(4)), return_exceptions=True)
            assert [type(answer) for answer in answers].count(TooMany) == 3
            await jobs.submit([story(caller="ben")] * 3)
            await jobs.cancel(first.id)
            await jobs.submit([story()])

    asyncio.run(go())


def test_a_batch_counts_its_jobs_by_state_and_goes_with_the_last_of_them(address: str) -> None:
    async def go() -> None:
        async with queue(address) as jobs:
            one, two = await jobs.submit([story(), story()], "Nightly")
            assert one.submission.batch == two.submission.batch
            await jobs.cancel(one.id)
            found = await jobs.batch(one.submission.batch)
            assert (found.name, found.caller, found.states) == ("Nightly", "anna", {"queued": 1, "cancelled": 1})
            await jobs.delete(one.id)
            assert (await jobs.batch(one.submission.batch)).states == {"queued": 1}
            await jobs.cancel(two.id)
            await jobs.delete(two.id)
            with pytest.raises(NotFound):
                await jobs.batch(one.submission.batch)

    asyncio.run(go())


def test_what_a_dead_worker_left_is_taken_before_what_waits(address: str) -> None:
    async def go() -> None:
        clock = Clock()
        async with queue(address, clock=clock) as jobs:
            await jobs.submit([story()])
            (lost,) = await jobs.claim("dead", 1, 30)
            clock.now -= 100
            await jobs.submit([story()])  # waits longer than the other one
            clock.now += 130
            assert await jobs.claim("dead", 0, 30) == []
            clock.now += 1
            assert [job.id for job in await jobs.claim("alive", 1, 30)] == [lost.id]

    asyncio.run(go())


def test_a_worker_is_not_given_what_it_holds_however_late_its_beat_is(address: str) -> None:
    async def go() -> None:
        clock = Clock()
        async with queue(address, clock=clock) as jobs:
            (job,) = await jobs.submit([story()])
            await jobs.claim("w", 1, 30)
            clock.now += 31
            assert await jobs.claim("w", 5, 30, holding=[job.id]) == []
            assert await jobs.beat("w", [job.id], 30) == set()
            assert await jobs.claim("other", 5, 30) == []

    asyncio.run(go())


def test_pages_show_each_job_once_newest_first_without_its_text(address: str) -> None:
    async def go() -> None:
        clock = Clock()
        async with queue(address, clock=clock) as jobs:
            made = [job for _ in range(3) for job in await jobs.submit([story(), story()])]
            clock.now += 1
            made += await jobs.submit([story(name="100 % sun", caller="ben")])
            seen, cursor = [], ""
            while True:
                page = await jobs.page(Filter(), 2, cursor)
                seen += page.jobs
                if not (cursor := page.cursor):
                    break
            assert [job.id for job in seen] == [j.id for j in sorted(made, key=lambda j: (j.created, j.id))][::-1]
            assert seen[0] == replace(made[-1], submission=replace(made[-1].submission, text=""))
            assert (await jobs.get(made[-1].id)) == made[-1]
            for wanted in (Filter(caller="ben"), Filter(text="0 % S"), Filter(text=made[-1].id)):
                assert [job.id for job in (await jobs.page(wanted)).jobs] == [made[-1].id]
            assert (await jobs.page(Filter(states=(JobState.RUNNING,)))).jobs == ()
            with pytest.raises(CallerMistake):
                await jobs.page(Filter(), 2, "nonsense")

    asyncio.run(go())


@pytest.mark.parametrize("hostile", ["\0", "\ud800", "';DROP TABLE jobs--", "%", "\u202e", "e\u0301" * 500])
def test_hostile_words_are_stored_or_refused_and_break_nothing(address: str, hostile: str) -> None:
    async def go() -> None:
        async with queue(address) as jobs:
            (job,) = await jobs.submit(
                [story(name=hostile, text=hostile, settings={"a": hostile}, traceparent=hostile)]
            )
            (taken,) = await jobs.claim("w", 1, 30)
            assert taken.submission.settings == {"a": hostile}
            await jobs.note(job.id, "w", [("x", {"said": hostile})], title=hostile)
            await jobs.finish(job.id, "w", JobState.FAILED, error={"message": hostile})
            assert (await jobs.get(job.id)).error == {"message": hostile}
            answers = await asyncio.gather(jobs.submit([story(key=hostile, caller=hostile)]), return_exceptions=True)
            assert isinstance(answers[0], list | CallerMistake)
            await jobs.submit([story()], hostile)
            for look in (jobs.get(hostile), jobs.batch(hostile), jobs.cancel(hostile)):
                with pytest.raises(NotFound):
                    await look
            await jobs.page(Filter(text=hostile, caller=hostile, batch=hostile))
            assert await jobs.events(hostile) == []

    asyncio.run(go())


def test_deliveries_are_given_to_one_sender_until_they_are_settled(address: str) -> None:
    async def go() -> None:
        clock = Clock()
        async with queue(address, clock=clock) as jobs:
            (job,) = await jobs.submit([story(webhook="http://x")])
            assert await jobs.due_deliveries(clock.now, 10) == []
            await jobs.cancel(job.id)
            (first,) = await jobs.due_deliveries(clock.now, 10, hold_seconds=60)
            assert (first.job, first.number, first.url, first.attempts) == (job.id, 2, "http://x", 0)
            assert await jobs.due_deliveries(clock.now + 59, 10) == []
            assert len(await jobs.due_deliveries(clock.now + 61, 10)) == 1  # its sender died
            await jobs.delivered(job.id, 2, False, clock.now + 100, "503")
            assert await jobs.due_deliveries(clock.now + 99, 10) == []
            (again,) = await jobs.due_deliveries(clock.now + 100, 10)
            assert (again.attempts, again.said) == (1, "503")
            await jobs.delivered(job.id, 2, True, None, "204")
            await jobs.delivered(job.id, 2, False, clock.now, "late news of an attempt that was held too long")
            assert await jobs.due_deliveries(clock.now + 10_000, 10) == []
            (told,) = await jobs.deliveries(job.id)
            assert (told.attempts, told.is_delivered, told.due, told.said) == (2, True, None, "204")
            await jobs.retry(job.id)
            await jobs.cancel(job.id)
            assert [delivery.number for delivery in await jobs.deliveries(job.id)] == [2, 4]
            await jobs.delete(job.id)
            await jobs.delivered(job.id, 4, True, None, "204")

    asyncio.run(go())


def test_usage_counts_by_day_caller_and_hour_and_old_jobs_come_oldest_first(address: str) -> None:
    async def go() -> None:
        clock = Clock(DAY * 20_000.0)
        async with queue(address, clock=clock) as jobs:
            (first,) = await jobs.submit([story()])
            clock.now += DAY
            second, _ = await jobs.submit([story(caller="ben"), story()])
            await jobs.cancel(second.id)
            clock.now += 3600
            await jobs.cancel(first.id)
            used = await jobs.usage(0)
            assert used.days == {"2024-10-04": {"cancelled": 1}, "2024-10-05": {"cancelled": 1, "queued": 1}}
            assert used.callers == {"anna": {"cancelled": 1, "queued": 1}, "ben": {"cancelled": 1}}
            assert used.hours == {DAY * 20_001: 1, DAY * 20_001 + 3600: 1}
            assert (await jobs.usage(DAY * 20_001, "anna")).callers == {"anna": {"queued": 1}}
            assert [job.id for job in await jobs.old(clock.now + 1)] == [second.id, first.id]
            assert [job.id for job in await jobs.old(clock.now)] == [second.id]

    asyncio.run(go())


def test_who_waits_for_a_job_hears_of_it_at_once_and_of_other_processes_by_polling(address: str) -> None:
    async def go() -> None:
        async with queue(address, is_shared=True, poll_seconds=0.05) as here, queue(address) as there:
            (job,) = await here.submit([story()])
            for writer in (here, there):
                number = len(await here.events(job.id))
                waiting = asyncio.create_task(here.changed(job.id, number, 30))
                await asyncio.sleep(0)
                await (writer.cancel(job.id) if writer is here else writer.retry(job.id))
                await asyncio.wait_for(waiting, 10)
                assert len(await here.events(job.id, number)) == 1

    asyncio.run(go())
