"""Half an hour of mixed load with faults against `storygen serve`: what it holds must not grow."""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.harness import Figure, suite
from benchmarks.machines import environment_of, started
from storygen.vendors.server import Simulation

MINUTES = 30.0
ROUND_SECONDS = 40.0
REST_SECONDS = 6.0
AUTHORS = 6
MOST = 5.0
WARM_SHARE = 0.3
FAULTS = (
    {"fault": "transient", "rate": 0.1, "seconds": 0.2},
    {"fault": "slow", "rate": 0.2, "seconds": 0.5},
    {"fault": "hang", "rate": 0.01, "seconds": 10},
)
OWN = {
    "STORYGEN_QUEUE__LEASE_SECONDS": "30",
    "STORYGEN_VENDORS__ELEVENLABS__TIMEOUT": "4",
    "STORYGEN_VENDORS__OPENAI__TIMEOUT": "4",
    "STORYGEN_SERVICE__PRIVATE_WEBHOOKS": "true",
    "STORYGEN_SERVICE__WEBHOOK_SECRET": "a-secret-of-the-bench",
}
LOOKS = (
    "/api/v1/runs?limit=50",
    "/api/v1/runs?state=failed&state=success&limit=200",
    "/api/v1/runs?text=sea",
    "/health/ready",
    "/health/services",
    "/health/system",
    "/health/stats",
    "/metrics",
)


@dataclass(frozen=True, slots=True)
class Held:
    """What a service holds at rest: bytes of memory, open files, threads, and processes with its children."""

    memory: int
    files: int
    threads: int
    processes: int

    @classmethod
    def of(cls, process: psutil.Process) -> Held:
        """What a process holds now."""
        with process.oneshot():
            family = 1 + len(process.children(recursive=True))
            return cls(process.memory_info().rss, process.num_fds(), process.num_threads(), family)


@dataclass(slots=True)
class Soak:
    """What came of it: what was held at the end of each round, answers by status, broken ones, and how runs ended."""

    held: list[Held] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)


@suite(long=True)
def soak() -> Iterator[Figure]:
    """Rounds of stories, cancels, retries, deletes, live streams, lists and webhooks; after each the service rests.

    It is measured at rest, so that only what stays counts. The first rounds fill caches and pools, and are left out.
    """
    with Simulation() as vendors, tempfile.TemporaryDirectory() as folder, _listener() as told:
        home = Path(folder)
        with started(environment_of(home, vendors) | OWN, home) as service:
            url = _address(service.pid)
            try:
                came = asyncio.run(_rounds(url, psutil.Process(service.pid), vendors, told.url))
            finally:
                service.terminate()
    for name in ("memory", "files", "threads", "processes"):
        grown = _growth([getattr(held, name) for held in came.held])
        yield Figure(name=f"soak_{name}_growth", values=(grown,), unit="%", limit=MOST)
    for said in came.broken:
        print(f"# broken: {said}", file=sys.stderr)
    yield Figure(name="soak_broken_answers", values=(float(len(came.broken)),), unit="answers", limit=0.0)
    yield Figure(name="soak_lost_runs", values=(float(came.ends["lost"]),), unit="runs", limit=0.0)
    for name, count in (("runs", came.ends.total()), ("answers", came.answers.total()), ("webhooks", told.count)):
        yield Figure(name=f"soak_{name}", values=(float(count),), unit=name, limit=1.0, sense="at least")


def _growth(values: Sequence[int]) -> float:
    """By how many percent the last third of the rounds that count lies above the first, each by its median."""
    counted = values[int(WARM_SHARE * len(values)) :]
    third = max(1, len(counted) // 3)
    before = statistics.median(counted[:third])
    return 100 * (statistics.median(counted[-third:]) / before - 1)


async def _rounds(url: str, service: psutil.Process, vendors: Simulation, webhook: str) -> Soak:
    came, until, number = Soak(), time.monotonic() + 60 * MINUTES, 0
    while time.monotonic() < until:
        vendors.reset()
        vendors.plan(FAULTS, seed=number)
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            visitor = Visitor(client, came, random.Random(number), webhook)
            await visitor.round(number)
        await asyncio.sleep(REST_SECONDS)
        came.held.append(Held.of(service))
        number += 1
    return came


class Visitor:
    """All clients of one round."""

    def __init__(self, client: httpx.AsyncClient, came: Soak, dice: random.Random, webhook: str) -> None:
        self._client = client
        self._came = came
        self._dice = dice
        self._webhook = webhook
        self._until = time.monotonic() + ROUND_SECONDS

    async def round(self, number: int) -> None:
        """Authors and readers until the time is over, and then until every run has ended."""
        async with asyncio.TaskGroup() as group:
            for author in range(AUTHORS):
                group.create_task(self._write(f"{number}-{author}"))
            group.create_task(self._read())

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = await self._client.request(method, path, **more)
        self._came.answers[answer.status_code] += 1
        if answer.is_server_error:
            self._came.broken.append(f"{method} {path} {answer.status_code} {answer.text[:500]}")
        return answer

    async def _write(self, name: str) -> None:
        count = 0
        while time.monotonic() < self._until:
            count += 1
            text = f"Number {name} went to see the sea.\n\nIt was there, all of it, {count} times."
            asked = await self._ask("POST", "/api/v1/runs", json={"text": text, "webhook": self._webhook})
            await self._follow(asked.raise_for_status().json()["id"])

    async def _follow(self, run: str) -> None:
        """One run to its end, whatever that is; three of four are forgotten then."""
        fate = self._dice.random()
        if fate < 0.3:
            await asyncio.sleep(self._dice.uniform(0, 2))
            await self._ask("POST", f"/api/v1/runs/{run}/cancel")
        await self._watch(run, hangs_up=fate > 0.8)
        if fate < 0.2:
            await self._ask("POST", f"/api/v1/runs/{run}/retry")
        self._came.ends[await self._end(run)] += 1
        if self._dice.random() < 0.75:
            await self._ask("DELETE", f"/api/v1/runs/{run}")

    async def _watch(self, run: str, *, hangs_up: bool) -> None:
        """A live stream to its end, or for three events."""
        async with self._client.stream("GET", f"/api/v1/runs/{run}/events") as stream:
            seen = 0
            async for line in stream.aiter_lines():
                seen += line.startswith("id: ")
                if hangs_up and seen == 3:
                    return

    async def _end(self, run: str) -> str:
        """How a run ended; `lost` after two minutes."""
        for _ in range(600):
            answer = await self._ask("GET", f"/api/v1/runs/{run}")
            if answer.json()["ended"]:
                return str(answer.json()["state"])
            await asyncio.sleep(0.2)
        return "lost"

    async def _read(self) -> None:
        while time.monotonic() < self._until:
            for path in LOOKS:
                await self._ask("GET", path)
            await asyncio.sleep(0.5)


class Told:
    """An address that counts what it is told."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.count = 0


@contextmanager
def _listener() -> Iterator[Told]:
    """A server for webhooks on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            told.count += 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told = Told(f"http://127.0.0.1:{server.server_port}/")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


def _address(pid: int) -> str:
    """Where a service listens."""
    [port] = {
        line.laddr.port for line in psutil.Process(pid).net_connections("tcp") if line.status == psutil.CONN_LISTEN
    }
    return f"http://127.0.0.1:{port}"
