"""The queue through Celery: real brokers, real workers, and nothing lost or done twice whatever dies."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pickle
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from storygen import events
from storygen.configuration import load
from storygen.jobs.base import Job, JobState, Submission
from storygen.jobs.opening import open_jobs
from storygen.jobs.posting import Message, PostedJobs
from storygen.jobs.reconciling import Reconciler
from storygen.past import open_history
from storygen.resilience.budget import FILE, Book
from storygen.telemetry.receiver import receiving
from storygen.vendors.server import Simulation
from tests.jobs.brokers import ROOT, CeleryWorker, Rabbit, Redis, free_port
from tests.servers import eventually

Broker = Redis | Rabbit
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp(request.param)
    server: Broker = Redis(folder) if request.param == "redis" else Rabbit(folder)
    yield server
    server.close() if isinstance(server, Rabbit) else server.kill()


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis-alone"))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def vendor() -> Iterator[Simulation]:
    with Simulation() as running:
        yield running


@dataclass
class Plant:
    """A team's machines: one broker, one database, and workers."""

    folder: Path
    broker: Broker
    vendor: Simulation
    workers: list[CeleryWorker] = field(default_factory=list)

    def start(self, *options: str, ready: bool = True) -> CeleryWorker:
        """Start a worker."""
        self.workers.append(CeleryWorker(self.folder, *options, ready=ready))
        return self.workers[-1]

    @asynccontextmanager
    async def jobs(self, every: float | None = 0.1) -> AsyncIterator[PostedJobs]:
        """The queue as a service has it, with its reconciler unless `every` is None."""
        jobs = open_jobs(load(self.folder / "storygen.toml", {}))
        assert isinstance(jobs, PostedJobs)
        task = asyncio.create_task(Reconciler(jobs, every=every, after=0.5).run()) if every else None
        try:
            yield jobs
        finally:
            if task is not None:
                task.cancel()
            await jobs.close()

    def hold(self, seconds: float) -> None:
        """Let the vendor that speaks take its time."""
        self.vendor.plan([{"fault": "slow", "vendor": "elevenlabs", "seconds": seconds}])


@pytest.fixture
def plant(tmp_path: Path, broker: Broker, vendor: Simulation) -> Iterator[Plant]:
    yield from _plant(tmp_path, broker, vendor)


@pytest.fixture
def small(tmp_path: Path, redis: Redis, vendor: Simulation) -> Iterator[Plant]:
    """A plant on Redis alone, for what no broker changes."""
    yield from _plant(tmp_path, redis, vendor)


def _plant(folder: Path, broker: Broker, vendor: Simulation) -> Iterator[Plant]:
    vendor.reset()
    (folder / "storygen.toml").write_text(
        f"""
        [film]
        strategy = "audio-only"
        [providers]
        speech = ["elevenlabs"]
        [vendors.elevenlabs]
        base_url = "{vendor.url("elevenlabs")}"
        api_keys = ["a-key"]
        [folders]
        films = "{folder}/films"
        cache = "{folder}/cache"
        state = "{folder}/state"
        [queue]
        engine = "celery"
        broker = "{broker.url}"
        lease_seconds = 2
        grace_seconds = 0
        [guard]
        load_per_core = 1000
        free_memory_gb = 0
        """
    )
    plant = Plant(folder, broker, vendor)
    yield plant
    for worker in plant.workers:
        worker.kill()
    vendor.reset()
    if broker.is_up():
        broker.flush()


def story(number: int = 0, **more: Any) -> Submission:
    text = f"The lamp went out {number} times."
    return Submission(**{"caller": "anna", "name": "lamp", "text": text, "format": "text", **more})


async def until(look: Callable[[], Awaitable[bool]], seconds: float = 90) -> None:
    async with asyncio.timeout(seconds):
        while not await look():
            await asyncio.sleep(0.05)


async def ended(jobs: PostedJobs, asked: list[Job]) -> list[Job]:
    async def are_over() -> bool:
        return all([(await jobs.get(job.id)).state.is_over for job in asked])

    await until(are_over)
    return [await jobs.get(job.id) for job in asked]


async def is_at(jobs: PostedJobs, job: Job, state: JobState) -> bool:
    return (await jobs.get(job.id)).state is state


async def kinds(jobs: PostedJobs, job: Job) -> list[str]:
    return [event.kind for event in await jobs.events(job.id)]


async def ready(jobs: PostedJobs, queue: str = "calls") -> int:
    return await asyncio.to_thread(jobs.poster.ready, queue)


def test_what_is_submitted_becomes_films_and_a_message_too_many_changes_nothing(plant: Plant) -> None:
    plant.start()

    async def work() -> None:
        async with plant.jobs() as jobs:
            asked = await jobs.submit([story(number) for number in range(2)], "a batch")
            jobs.poster.post([Message(job.id) for job in asked for _ in range(3)])
            for job in await ended(jobs, asked):
                assert job.state is JobState.SUCCESS, job.error
                assert job.claims == 1
                assert (await kinds(jobs, job)).count("started") == 1
                assert job.result is not None
                assert (Path(job.result.folder) / "film.m4a").exists()

            async def are_gone() -> bool:
                return await ready(jobs) == 0

            await until(are_gone)

    asyncio.run(work())


def test_messages_that_the_broker_lost_are_sent_again(plant: Plant) -> None:
    async def work() -> None:
        async with plant.jobs(every=None) as jobs:
            reconciler = Reconciler(jobs, after=0.0)
            asked = await jobs.submit([story(number) for number in range(2)])

            async def are_there() -> bool:
                return await ready(jobs) == 2

            await until(are_there)
            assert await reconciler.look() == 0, "nothing is missing"
            plant.broker.flush()
            assert await reconciler.look() == 2
            await until(are_there)
            assert await reconciler.look() == 0, "nothing is sent a third time"
            plant.start()
            assert {job.state for job in await ended(jobs, asked)} == {JobState.SUCCESS}

    asyncio.run(work())


def test_a_killed_workers_run_goes_on_elsewhere(plant: Plant) -> None:
    plant.hold(60)
    first = plant.start()

    async def work() -> None:
        async with plant.jobs() as jobs:
            [asked] = await jobs.submit([story()])
            await until(lambda: is_at(jobs, asked, JobState.RUNNING))
            first.kill()
            plant.vendor.reset()
            plant.start()
            [job] = await ended(jobs, [asked])
            assert job.state is JobState.SUCCESS, job.error
            assert job.claims == 2

    asyncio.run(work())


def test_a_broker_that_is_away_for_a_while_loses_nothing_and_stops_no_submission(plant: Plant) -> None:
    plant.hold(0.3)
    plant.start()

    async def work() -> None:
        async with plant.jobs() as jobs:
            before = await jobs.submit([story(number) for number in range(4)])
            await until(lambda: is_at(jobs, before[0], JobState.RUNNING))
            plant.broker.kill()
            meanwhile = await jobs.submit([story(10)])
            assert meanwhile[0].state is JobState.QUEUED
            await until(lambda: is_at(jobs, before[0], JobState.SUCCESS))
            await asyncio.to_thread(plant.broker.start)
            after = await jobs.submit([story(20)])
            for job in await ended(jobs, [*before, *meanwhile, *after]):
                assert job.state is JobState.SUCCESS, job.error
                assert (await kinds(jobs, job)).count("started") == 1

    asyncio.run(work())


def test_a_worker_that_is_told_to_end_gives_back_what_it_has_and_exits_with_0(plant: Plant) -> None:
    plant.hold(60)
    worker = plant.start()

    async def work() -> None:
        async with plant.jobs(every=None) as jobs:
            [asked] = await jobs.submit([story()])
            await until(lambda: is_at(jobs, asked, JobState.RUNNING))
            worker.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.process.wait, 30) == 0, worker.said()
            job = await jobs.get(asked.id)
            assert (job.state, job.claims, job.worker) == (JobState.QUEUED, 0, "")
            assert await ready(jobs) >= 1, "the next worker is told"

    asyncio.run(work())


def test_machines_that_render_finish_what_those_that_call_have_prepared(plant: Plant) -> None:
    async def work() -> None:
        async with plant.jobs() as jobs:
            [asked] = await jobs.submit([story()])
            await jobs.take(asked.id, "one that dies", 0.0)
            book = Book(load(plant.folder / "storygen.toml", {}).folders.state / FILE)
            with events.watched(events.Watch((), asked.id)):
                book.reserve("elevenlabs", 0.5, None, None)
            book.close()
            callers = plant.start("--queues", "calls")

            async def is_prepared() -> bool:
                return "released" in await kinds(jobs, asked)

            await until(is_prepared)
            assert (await jobs.get(asked.id)).state is JobState.QUEUED
            spoken = len(plant.vendor.requests("elevenlabs"))
            assert spoken > 0
            renderers = plant.start("--queues", "renders")
            [job] = await ended(jobs, [asked])
            assert job.state is JobState.SUCCESS, job.error
            assert job.worker in renderers.said()
            assert len(plant.vendor.requests("elevenlabs")) == spoken, "nothing is asked for twice"
            assert job.result is not None
            assert job.result.cost_usd, "what the calls cost is the run's cost"
            spent = json.loads(Path(job.result.folder, "manifest.json").read_text())["spent"]
            assert spent["uncertain_usd"] == 0.5, "what the dead worker may have paid is counted once"
            assert "run.ended" not in callers.said()

    asyncio.run(work())


def test_what_fails_before_the_rendering_ends_as_a_failed_run_of_the_history(small: Plant) -> None:
    small.vendor.plan([{"fault": "unauthorized", "vendor": "elevenlabs"}])
    toml = small.folder / "storygen.toml"
    toml.write_text(toml.read_text() + '[degrade]\nvoice = "fail"\n')
    small.start("--queues", "calls")

    async def work() -> None:
        async with small.jobs() as jobs:
            [job] = await ended(jobs, await jobs.submit([story()]))
            assert job.state is JobState.FAILED
            assert job.error is not None
            assert job.error["kind"] == "authentication_failed", job.error
            assert open_history(load(toml, {})).find(job.id).outcome == "failed"

    asyncio.run(work())


def test_who_cancels_a_run_ends_it_on_its_worker(small: Plant) -> None:
    small.hold(60)
    small.start()

    async def work() -> None:
        async with small.jobs() as jobs:
            running, waiting = await jobs.submit([story(1)]), await jobs.submit([story(2)])
            await until(lambda: is_at(jobs, running[0], JobState.RUNNING))
            for job in (*running, *waiting):
                await jobs.cancel(job.id)
            assert {job.state for job in await ended(jobs, [*running, *waiting])} == {JobState.CANCELLED}
            small.vendor.reset()
            again = await jobs.retry(running[0].id)
            assert (await ended(jobs, [again]))[0].state is JobState.SUCCESS

    asyncio.run(work())


def test_a_worker_that_ends_sends_its_spans_first_and_they_belong_to_the_submission(
    small: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{receiver.grpc_port}")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
        worker = small.start()

        async def work() -> None:
            async with small.jobs() as jobs:
                await ended(jobs, await jobs.submit([story(traceparent=TRACE)]))

        asyncio.run(work())
        assert receiver.spans() == []
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(30) == 0
        spans = {span.name: span for span in receiver.spans()}
    assert {span.trace_id.hex() for span in spans.values()} == {TRACE.split("-")[1]}
    [process] = [span for name, span in spans.items() if name.startswith("process")]
    assert process.parent_span_id.hex() == TRACE.split("-")[2]
    assert spans["invoke_workflow story"].parent_span_id == process.span_id


def test_a_message_carries_the_runs_id_and_its_trace_and_nothing_of_the_story(small: Plant) -> None:
    from redis import Redis as Client

    async def work() -> None:
        async with small.jobs(every=None) as jobs:
            [asked] = await jobs.submit([story(traceparent=TRACE, webhook="http://inside.test")])
            with Client.from_url(small.broker.url) as client:
                _, raw = await asyncio.to_thread(client.blpop, ["calls"], 10)
            message = json.loads(raw)
            assert message["content-type"] == "application/json"
            assert message["headers"]["traceparent"] == TRACE
            assert json.loads(base64.b64decode(message["body"]))[:2] == [[], {"run": asked.id}]
            assert b"lamp" not in raw
            assert b"inside" not in raw

    asyncio.run(work())


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_pickled_messages_are_refused_and_the_worker_goes_on(plant: Plant) -> None:
    from kombu import Connection, Producer

    worker, trap = plant.start(), plant.folder / "exploded"
    with Connection(plant.broker.url) as connection, Producer(connection) as producer:
        for body, kind in ((pickle.dumps(Bomb(trap)), "application/x-python-serialize"), (b"{", "application/json")):
            producer.publish(
                body,
                routing_key="calls",
                content_type=kind,
                content_encoding="binary",
                headers={"id": "1", "task": "storygen.calls", "lang": "py"},
            )

    async def work() -> None:
        async with plant.jobs() as jobs:
            [job] = await ended(jobs, await jobs.submit([story()]))
            assert job.state is JobState.SUCCESS, job.error

    asyncio.run(work())
    assert not trap.exists()
    assert worker.process.poll() is None


def test_the_solo_pool_works_too_and_shows_its_own_metrics(small: Plant) -> None:
    port = free_port()
    small.start("--pool", "solo", "--metrics-port", str(port))

    async def work() -> None:
        async with small.jobs() as jobs:
            asked = await jobs.submit([story(number) for number in range(2)])
            assert {job.state for job in await ended(jobs, asked)} == {JobState.SUCCESS}

    asyncio.run(work())
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        shown = answer.read().decode()
    assert 'storygen_runs_started_total{pipeline="story"} 2' in shown
    assert 'storygen_queue_wait_seconds_count{queue="renders"} 0' in shown  # there before anything has waited


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pool", "prefork"], "share one event loop"),
        (["--queues", "films"], "there are calls and renders"),
        ([], "queue.broker"),
    ],
)
def test_a_worker_that_cannot_work_says_why(tmp_path: Path, options: list[str], said: str) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "storygen", "worker", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def test_flower_sees_the_worker_and_what_it_has_done(small: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    small.start()
    command = [sys.executable, "-m", "celery", f"--broker={small.broker.url}", "flower", f"--port={port}"]
    environment = {**os.environ, "FLOWER_UNAUTHENTICATED_API": "true"}
    flower = subprocess.Popen(
        [*command, "--address=127.0.0.1"],
        cwd=small.folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def asked(path: str) -> Any:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/{path}", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return None

    async def work() -> None:
        async with small.jobs() as jobs:
            await ended(jobs, await jobs.submit([story()]))

    try:
        eventually(lambda: asked("workers?refresh=true"))
        asyncio.run(work())
        tasks = eventually(
            lambda: {id_: one for id_, one in (asked("tasks") or {}).items() if one["state"] == "SUCCESS"}
        )
        assert {task["name"] for task in tasks.values()} == {"storygen.calls"}
        assert all(task["worker"].startswith("storygen@") for task in tasks.values())
        assert any(name.startswith("storygen@") for name in asked("workers"))
    finally:
        flower.kill()
        flower.wait()
