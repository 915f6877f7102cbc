"""Redis, RabbitMQ and PostgreSQL, frozen and killed for half a minute under load: what was accepted is not lost."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.clients import Client, door
from benchmarks.harness import Figure, suite
from benchmarks.kill import PATIENCE, Toll, bill_of, ended, paid_twice, uncertain_of, worst
from benchmarks.machines import SERVICE, WORKER, Machine, environment_of, settings_of
from storygen.vendors.server import Simulation
from tests.jobs.brokers import Rabbit, Redis, Server, free_port
from tests.jobs.postgresql import PostgreSql

SECONDS = 30.0
CALM = 8.0  # at most so many seconds before a server goes
STORIES = 40
SERVERS = ("redis", "rabbitmq", "postgresql")


@suite(long=True)
def outage() -> Iterator[Figure]:
    """A service and two Celery workers, while what they lean on is frozen for 30 s, and then killed for 30 s."""
    quiet = outage_toll("", STORIES)
    tolls = [outage_toll(server, STORIES) for server in SERVERS]
    for server, toll in zip(SERVERS, tolls, strict=True):
        refused = sum(client.refused for client in toll.clients)
        print(f"# {server}: refused {refused}, uncertain {toll.uncertain:.4f} USD", file=sys.stderr)
    lost, gaps = (worst(getattr(toll, what) for toll in [quiet, *tolls]) for what in ("lost", "gaps"))
    yield Figure(name="outage_lost_runs", values=lost, unit="runs", limit=0.0)
    yield Figure(name="outage_stream_gaps", values=gaps, unit="streams", limit=0.0)
    twice = worst(paid_twice(quiet, toll) for toll in tolls)
    yield Figure(name="outage_double_paid", values=twice, unit="USD", limit=0.0)


def outage_toll(server: str, stories: int, *, seconds: float = SECONDS, calm: float = CALM, seed: int = 0) -> Toll:
    """What a load comes to while a server, unless it is named "", is away for so many seconds, twice, after a calm."""
    with ExitStack() as held:
        vendors = held.enter_context(Simulation())
        home = Path(held.enter_context(tempfile.TemporaryDirectory()))
        vendors.plan([{"fault": "slow", "rate": 0.5, "seconds": 1.0}], seed=seed)
        broker: Redis | Rabbit = Rabbit(home / "broker") if server == "rabbitmq" else Redis(home / "broker")
        held.callback(broker.close if isinstance(broker, Rabbit) else broker.kill)
        database = PostgreSql()
        held.callback(database.remove)
        address = database.new_database()
        environment = environment_of(home, vendors) | {
            "STORYGEN_DATABASE__URL": address,
            "STORYGEN_FILM__STRATEGY": "audio-only",
            "STORYGEN_QUEUE__BROKER": broker.url,
            "STORYGEN_QUEUE__ENGINE": "celery",
            "STORYGEN_QUEUE__LEASE_SECONDS": str(max(1.5, seconds / 3)),
            "STORYGEN_SERVICE__PORT": str(free_port()),
        }
        homes = [home / name for name in ("service", "one", "two")]
        machines = [
            Machine(words, environment, _made(at)) for words, at in zip([SERVICE, WORKER, WORKER], homes, strict=True)
        ]
        for machine in machines:
            held.callback(machine.end)
        broken = {"": None, "postgresql": database}.get(server, broker)
        texts = [f"The lamp went out {n} times." for n in range(stories)]
        clients = asyncio.run(_weathered(machines, texts, random.Random(seed), broken, (calm, seconds)))
        settings = settings_of(home, address)
        jobs = asyncio.run(ended(settings, clients))
        return Toll(jobs=jobs, clients=clients, uncertain=uncertain_of(settings), **bill_of(vendors))


async def _weathered(
    machines: Sequence[Machine],
    texts: Sequence[str],
    dice: random.Random,
    server: Server | None,
    times: tuple[float, float],
) -> tuple[Client, ...]:
    """Clients whose stories are over, submitted all the time while a server is frozen, and then killed."""
    calm, seconds = times
    url = f"http://127.0.0.1:{machines[0].environment['STORYGEN_SERVICE__PORT']}"
    clients = tuple(Client(text) for text in texts)
    for machine in machines:
        machine.begin()
    await asyncio.gather(*(machine.ready() for machine in machines))
    span = 2 * (seconds + calm) if server else 0.0
    async with door(url) as http, asyncio.timeout(PATIENCE):
        waits = [dice.uniform(0, span) for _ in clients]
        watching = [asyncio.create_task(client.go(http, wait)) for client, wait in zip(clients, waits, strict=True)]
        for leave, come_back in [(server.freeze, server.thaw), (server.kill, server.start)] if server else ():
            await asyncio.sleep(dice.uniform(0, calm))
            await asyncio.to_thread(leave)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(come_back)
        await asyncio.gather(*watching)
    return clients


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
