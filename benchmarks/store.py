"""How fast the durable queue is by itself: accepting, listing and claiming, in a SQLite file on this disk."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.harness import Figure, suite
from storygen.jobs.base import Filter, Submission
from storygen.jobs.database import open_address
from storygen.jobs.store import SqlJobs

CLIENTS = 16
SUBMITTED = 3_000
QUEUED = 10_000
REPEATS = 15
_STORY = Submission(caller="local", name="A storm", text="It rained. " * 100, format="text")


@suite()
def store() -> Iterator[Figure]:
    """Submissions of 16 clients at once, and what 10,000 queued runs cost those who list and claim."""
    with TemporaryDirectory() as folder:
        figures = asyncio.run(_measure(Path(folder) / "queue.sqlite"))
    yield Figure(name="store_submit_per_s", values=figures["submit"], unit="1/s", limit=2000.0, sense="at least")
    yield Figure(name="store_list_ms", values=figures["list"], unit="ms", limit=20.0)
    yield Figure(name="store_search_ms", values=figures["search"], unit="ms", limit=50.0)
    yield Figure(name="store_claim_ms", values=figures["claim"], unit="ms", limit=20.0)
    yield Figure(name="store_beat_ms", values=figures["beat"], unit="ms", limit=20.0)


async def _measure(path: Path) -> dict[str, tuple[float, ...]]:
    jobs = SqlJobs(open_address(f"sqlite:///{path}", 5))
    try:
        rates = tuple([await _rate(jobs) for _ in range(3)])
        await jobs.submit([_STORY] * (QUEUED - 3 * SUBMITTED))
        held: list[str] = []

        async def claim() -> None:
            held.extend(job.id for job in await jobs.claim("worker", 1, 60.0))

        return {
            "submit": rates,
            "list": await _times(lambda: jobs.page(Filter())),
            "search": await _times(lambda: jobs.page(Filter(text="nowhere"))),
            "claim": await _times(claim),
            "beat": await _times(lambda: jobs.beat("worker", held, 60.0)),
        }
    finally:
        await jobs.close()


async def _rate(jobs: SqlJobs) -> float:
    """Submissions a second, each on the disk before the next of its client."""

    async def client() -> None:
        for _ in range(SUBMITTED // CLIENTS):
            await jobs.submit([_STORY])

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return SUBMITTED // CLIENTS * CLIENTS / (time.perf_counter() - began)


async def _times(ask: Callable[[], Awaitable[Any]]) -> tuple[float, ...]:
    """Milliseconds that it takes, several times."""
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        await ask()
        taken.append((time.perf_counter() - began) * 1e3)
    return tuple(taken)
