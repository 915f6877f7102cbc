"""Submission, queue and run are one trace, and a run that is begun again leads to the one before."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from storygen.errors import ProviderUnavailable
from storygen.jobs.base import JobState, Submission
from storygen.jobs.traces import RUNS, sending
from storygen.resilience.budget import FILE, Book
from storygen.telemetry.queues import serve_queue
from tests.jobs.shop import STORY, shop
from tests.telemetry.conftest import Measured, Traced

REQUEST = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_one_trace_tells_of_the_request_the_submission_the_wait_and_the_run(tmp_path: Path) -> None:
    traced, measured = Traced(), Measured()
    serve_queue(measured.observer.families, (RUNS,))

    async def go() -> str:
        async with shop(tmp_path, observers=(traced.observer, measured.observer)) as here:
            here.begin()
            with sending(here.watching.observers, parent=REQUEST) as traceparent:
                (job,) = await here.jobs.submit(
                    [Submission(caller="local", name="", text=STORY, format="text", traceparent=traceparent)]
                )
            done = await here.ended(job)
            assert done.result is not None
            return done.result.trace_id

    trace_id = asyncio.run(go())
    sent, worked, run = (traced.named(name) for name in ("send runs", "process runs", "invoke_workflow story"))
    ids = {f"{span.get_span_context().trace_id:032x}" for span in (sent, worked, run)}
    assert ids == {REQUEST.split("-")[1]} == {trace_id}
    assert sent.parent is not None
    assert worked.parent is not None
    assert run.parent is not None
    assert f"{sent.parent.span_id:016x}" == REQUEST.split("-")[2]
    assert worked.parent.span_id == worked.links[0].context.span_id == sent.get_span_context().span_id
    assert run.parent.span_id == worked.get_span_context().span_id
    assert (worked.attributes or {})["messaging.destination.name"] == RUNS
    assert measured.value("storygen_queue_wait_seconds_count", queue=RUNS) == 1
    assert measured.value("storygen_concurrency_limit", limit=RUNS) == 2
    assert measured.value("storygen_concurrency_in_use", limit=RUNS) == 0


def test_a_run_that_is_begun_again_is_linked_to_the_first_and_lists_what_that_may_have_paid(tmp_path: Path) -> None:
    traced = Traced()

    async def go() -> None:
        async with shop(tmp_path, observers=(traced.observer,)) as here:
            (job,) = await here.submit()
            first = await here.jobs.take(job.id, "dead", -1.0)
            assert first is not None
            await here.jobs.note(job.id, "dead", [("began", {"traceparent": REQUEST})])
            book = Book(here.settings.folders.state / FILE)
            with _run(job.id):
                book.reserve("elevenlabs", 0.5, None, None)
            book.close()
            here.begin()
            done = await here.ended(job)
            assert (done.state, done.claims) == (JobState.SUCCESS, 2)
            assert done.result is not None
            report = (Path(done.result.folder) / "report.json").read_text()
            assert '"uncertain_usd": 0.5' in report

    asyncio.run(go())
    (link,) = traced.named("invoke_workflow story").links
    assert f"{link.context.trace_id:032x}" == REQUEST.split("-")[1]


def _run(run_id: str):  # type: ignore[no-untyped-def]
    from storygen import events

    return events.watched(events.Watch((), run_id))


def test_a_job_that_is_tried_again_has_waited_since_then(tmp_path: Path) -> None:
    measured = Measured()
    serve_queue(measured.observer.families, (RUNS,))

    async def go() -> None:
        async with shop(tmp_path, observers=(measured.observer,)) as here:
            (job,) = await here.submit()
            await here.jobs.take(job.id, "one", 60.0)
            await here.jobs.finish(job.id, "one", JobState.FAILED, error=ProviderUnavailable("down").fields())
            again = await here.jobs.retry(job.id)
            assert again.available is not None
            assert again.available > again.created
            here.begin()
            await here.ended(replace(again))

    asyncio.run(go())
    assert measured.value("storygen_queue_wait_seconds_count", queue=RUNS) == 1
