"""Service and workers, killed again and again over a load of runs: nothing is lost, nothing kept is paid twice."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.clients import Client, door
from benchmarks.harness import Figure, suite
from benchmarks.machines import SERVICE, WORKER, Machine, environment_of, settings_of
from storygen.events import Event, Timed
from storygen.jobs.base import Job, JobState, Submission
from storygen.jobs.database import open_database
from storygen.jobs.store import SqlJobs
from storygen.settings import Settings
from storygen.vendors.server import Simulation
from tests.jobs.brokers import Redis, free_port

MOMENTS = 100
STORIES = 60
LONGEST_LIFE = 2.0
UNREADY = 0.2  # of the kills do not wait until their process is ready
PATIENCE = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Toll:
    """What a load of runs came to: how each ended, what clients saw, and dollars: billed, and uncertain.

    `dead_answers` are calls that vendors billed and whose answers met nobody, `dead_usd` what those cost.
    """

    jobs: tuple[Job, ...]
    clients: tuple[Client, ...]
    billed: float
    uncertain: float
    dead_answers: int
    dead_usd: float

    @property
    def lost(self) -> int:
        """Submissions that did not become films."""
        return sum(job.state is not JobState.SUCCESS for job in self.jobs)

    @property
    def gaps(self) -> int:
        """Streams with a gap, a repeat, another end than the queue knows, or an answer that nobody should give."""
        ends = {job.id: job.state.value for job in self.jobs}
        return sum(client.has_gap or bool(client.odd) or not _ended_so(client, ends) for client in self.clients)


@suite(long=True)
def kill() -> Iterator[Figure]:
    """`storygen serve`, and a service with a Celery worker, killed with signal 9 at a hundred moments each."""
    quiet = toll_of(STORIES, moments=0)
    tolls = [toll_of(STORIES, moments=MOMENTS), toll_of(STORIES, moments=MOMENTS, engine="celery")]
    for toll in tolls:
        print(
            f"# billed {toll.billed:.4f}, uncertain {toll.uncertain:.4f}, undisturbed {quiet.billed:.4f} USD; "
            f"answers that met nobody: {toll.dead_answers} for {toll.dead_usd:.4f} USD",
            file=sys.stderr,
        )
    yield Figure(name="kill_lost_runs", values=worst(toll.lost for toll in [quiet, *tolls]), unit="runs", limit=0.0)
    yield Figure(
        name="kill_double_paid", values=worst(paid_twice(quiet, toll) for toll in tolls), unit="USD", limit=0.0
    )
    dead = min(toll.dead_answers for toll in tolls)
    yield Figure(name="kill_dead_answers", values=(float(dead),), unit="calls", limit=1.0, sense="at least")
    yield Figure(name="kill_unlisted", values=worst(map(unlisted, tolls)), unit="USD", limit=0.0)
    yield Figure(
        name="kill_stream_gaps", values=worst(toll.gaps for toll in [quiet, *tolls]), unit="streams", limit=0.0
    )


@suite()
def scheduling() -> Iterator[Figure]:
    """From a submission to the first stage, in a process whose worker is free."""
    values = tuple(asyncio.run(_waits(20)))
    yield Figure(name="schedule_embedded_ms", values=values, unit="ms", limit=20.0)


def paid_twice(quiet: Toll, disturbed: Toll) -> float:
    """What was billed beyond what the load costs once and what is listed as uncertain, in US dollars."""
    return round(max(0.0, disturbed.billed - quiet.billed - disturbed.uncertain), 6)


def unlisted(toll: Toll) -> float:
    """What was billed for answers that died with their process beyond what is listed as uncertain, in US dollars."""
    return round(max(0.0, toll.dead_usd - toll.uncertain), 4)


def toll_of(stories: int, *, moments: int, seed: int = 0, engine: str = "embedded") -> Toll:
    """Let clients submit stories and watch them, while processes are killed at so many moments; then let all end."""
    with ExitStack() as held:
        vendors = held.enter_context(Simulation())
        home = Path(held.enter_context(tempfile.TemporaryDirectory()))
        vendors.plan([{"fault": "slow", "rate": 0.5, "seconds": 0.5}], seed=seed)
        environment = environment_of(home, vendors) | {"STORYGEN_SERVICE__PORT": str(free_port())}
        commands = [SERVICE]
        if engine == "celery":
            broker = Redis(home / "redis")
            held.callback(broker.kill)
            environment |= {"STORYGEN_QUEUE__ENGINE": "celery", "STORYGEN_QUEUE__BROKER": broker.url}
            commands.append(WORKER)
        machines = [Machine(words, environment, home) for words in commands]
        for machine in machines:
            held.callback(machine.end)
        dice = random.Random(seed)
        texts = [f"Number {n} went to see the sea.\n\nIt was there, all of it, {n} times." for n in range(stories)]
        clients = asyncio.run(_disturbed(machines, texts, dice, moments))
        for machine in reversed(machines):
            machine.end(signal.SIGTERM)
        jobs = asyncio.run(ended(settings_of(home), clients))
        return Toll(jobs=jobs, clients=clients, uncertain=uncertain_of(settings_of(home)), **bill_of(vendors))


async def _disturbed(
    machines: Sequence[Machine], texts: Sequence[str], dice: random.Random, moments: int
) -> tuple[Client, ...]:
    """Clients whose stories are over, one after the other submitted while machines were killed."""
    url = f"http://127.0.0.1:{machines[0].environment['STORYGEN_SERVICE__PORT']}"
    clients = tuple(Client(text) for text in texts)
    for machine in machines:
        machine.begin()
    async with door(url) as http, asyncio.timeout(PATIENCE + 20 * moments):
        waits = [dice.uniform(0, moments) for _ in clients]
        watching = [asyncio.create_task(client.go(http, wait)) for client, wait in zip(clients, waits, strict=True)]
        for _ in range(moments):
            victim = dice.choice(machines)
            if dice.random() >= UNREADY:
                await victim.ready()
            await asyncio.sleep(dice.uniform(0, LONGEST_LIFE))
            await asyncio.to_thread(victim.end)
            victim.begin()
        await asyncio.gather(*watching, *(machine.ready() for machine in machines))
    return clients


async def ended(settings: Settings, clients: Sequence[Client]) -> tuple[Job, ...]:
    """The jobs of clients, as the queue has them in the end."""
    jobs = SqlJobs(open_database(settings))
    try:
        return tuple([await jobs.get(client.run) for client in clients])
    finally:
        await jobs.close()


def uncertain_of(settings: Settings) -> float:
    """What the reports of all runs list as perhaps billed, in US dollars."""
    from storygen.past import open_history

    runs = open_history(settings).since(0.0)
    return sum(float(run.report["cost"]["uncertain_usd"]) for run in runs)


def bill_of(vendors: Simulation) -> dict[str, Any]:
    """What vendors billed, as a toll has it."""
    bill = vendors.billed()
    dead = sum(charge["lost"] for charge in bill["charges"])
    return {"billed": float(bill["usd"]), "dead_answers": dead, "dead_usd": float(bill["lost_usd"])}


def worst(values: Iterator[float]) -> tuple[float]:
    """The value of several loads that is told."""
    return (max(map(float, values)),)


def _ended_so(client: Client, ends: Mapping[str, str]) -> bool:
    return client.ends == 1 and client.told[-1].kind == ends[client.run]


class _FirstStage:
    """An observer that keeps when the first stage of a run began."""

    hears: frozenset[type] = frozenset()

    def __init__(self) -> None:
        self.at = 0.0
        self.seen = asyncio.Event()

    def began(self, timed: Timed) -> None:
        """Keep it."""
        if timed.kind == "stage" and not self.seen.is_set():
            self.at = time.perf_counter()
            self.seen.set()

    def ended(self, timed: Timed) -> None:
        """Ends are not asked for."""

    def noted(self, event: Event, within: Timed | None) -> None:
        """No event is heard."""


async def _waits(times: int) -> list[float]:
    """Milliseconds from each of so many submissions to the first stage of its run."""
    from types import SimpleNamespace

    from storygen.jobs.guard import Guard
    from storygen.jobs.worker import Worker
    from storygen.resilience.gears import Gears
    from storygen.store.films import open_films

    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(Path(folder))
        jobs, gears, films, probe = SqlJobs(open_database(settings)), Gears(), open_films(settings), _FirstStage()
        watching = SimpleNamespace(observers=(probe,))
        worker = Worker(
            jobs, lambda: settings, watching, name="bench", gears=gears, films=films, guard=Guard(lambda: settings)
        )
        task, values = asyncio.create_task(worker.run()), []
        for number in range(times + 1):
            probe.seen.clear()
            started = time.perf_counter()
            asked = Submission(caller="local", name="", text=f"It rained {number} times.", format="text")
            (job,) = await jobs.submit([asked])
            await probe.seen.wait()
            values.append(1000 * (probe.at - started))
            while not (await jobs.get(job.id)).state.is_over:
                await jobs.changed(job.id, 10_000, 0.05)
        await worker.stop(10)
        await task
        await films.close()
        await jobs.close()
    return values[1:]  # the first one imports what all need
