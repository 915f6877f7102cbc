"""The queue's figures come from its database, and a scrape never waits for one that is away."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

from prometheus_client import CollectorRegistry
from sqlalchemy import update

from storygen.jobs.gauges import standing
from storygen.jobs.tables import events
from storygen.jobs.traces import RUNS
from storygen.telemetry.queues import QueueGauges, QueueStanding
from tests.jobs.shop import shop


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """A sample of the queue."""
    return registry.get_sample_value(name, {"queue": RUNS, **labels})


def test_jobs_are_counted_by_state_with_the_age_of_the_oldest_and_the_longest_silence(tmp_path: Path) -> None:
    async def go() -> None:
        async with shop(tmp_path) as here:
            first, second, _ = await here.submit(3)
            for job in (first, second):
                await here.jobs.take(job.id, "one", 60.0)
            await here.jobs.cancel((await here.submit())[0].id)
            now = time.time() + 100
            await here.jobs.note(second.id, "one", [("moving", {})])
            found = standing(here.jobs.engine, now)

        assert {state: count for state, count in found.counts.items() if count} == {
            "queued": 1,
            "running": 2,
            "cancelled": 1,
        }
        assert found.oldest["queued"] >= 100
        assert found.oldest["running"] >= 100
        assert found.silent is not None
        assert found.silent >= 100

    asyncio.run(go())


def test_a_run_that_is_only_reckoned_to_get_on_stays_silent(tmp_path: Path) -> None:
    async def go() -> tuple[float | None, float | None]:
        async with shop(tmp_path) as here:
            (job,) = await here.submit(1)
            await here.jobs.take(job.id, "one", 60.0)
            with here.jobs.engine.begin() as connection:
                connection.execute(update(events).values(at=events.c.at - 50))
            found = []
            for kind in ("progress", "moving"):
                await here.jobs.note(job.id, "one", [(kind, {})])
                found.append(standing(here.jobs.engine, time.time()).silent)
            return found[0], found[1]

    reckoned, moved = asyncio.run(go())
    assert reckoned is not None
    assert moved is not None
    assert reckoned >= 50 > moved


def test_figures_are_read_when_somebody_looks_and_absent_where_there_is_nothing_to_tell() -> None:
    registry = CollectorRegistry()
    registry.register(
        QueueGauges(RUNS, lambda: QueueStanding(counts={"queued": 3, "running": 0}, oldest={"queued": 7.5}))
    )

    assert value(registry, "storygen_jobs", state="queued") == 3
    assert value(registry, "storygen_jobs", state="running") == 0
    assert value(registry, "storygen_job_oldest_age_seconds", state="queued") == 7.5
    assert value(registry, "storygen_job_oldest_age_seconds", state="running") is None
    assert value(registry, "storygen_job_silent_seconds") is None


def test_a_scrape_goes_without_the_queue_while_its_database_does_not_answer_and_asks_it_once() -> None:
    away, asked = threading.Event(), []

    def read() -> QueueStanding:
        asked.append(1)
        away.wait()
        return QueueStanding(counts={"queued": 1})

    registry, clock = CollectorRegistry(), iter(float(second) for second in range(100))
    gauges = QueueGauges(RUNS, read, lambda: next(clock))
    registry.register(gauges)

    assert [value(registry, "storygen_jobs", state="queued") for _ in range(3)] == [None] * 3
    assert len(asked) == 1
    away.set()
    assert value(registry, "storygen_jobs", state="queued") == 1
    assert len(asked) <= 2
    gauges.close()


def test_a_database_that_fails_spoils_no_scrape() -> None:
    def read() -> QueueStanding:
        raise OSError("gone")

    registry = CollectorRegistry()
    registry.register(QueueGauges(RUNS, read))

    assert value(registry, "storygen_jobs", state="queued") is None
