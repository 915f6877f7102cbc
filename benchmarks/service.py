"""The service under load, over real HTTP: `storygen serve` in a process of its own, asked by this one."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from benchmarks.harness import Figure, suite
from storygen.jobs.base import JobState
from storygen.jobs.opening import open_jobs
from storygen.settings import FolderSettings, QueueSettings, Settings

ROOT = Path(__file__).parents[1]
RUNS = 10_000
CLIENTS = 16
STREAMS = 500
EVENTS = 20
PAGES = 30


@dataclass(slots=True)
class Load:
    """What submitting came to: seconds of each request, and of all of them."""

    took: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def p95_ms(self) -> float:
        """The 95th percentile of a request, in milliseconds."""
        return 1000 * statistics.quantiles(self.took, n=20)[-1]


@suite()
def service() -> Iterator[Figure]:
    """10,000 stories handed in by 16 clients side by side, each on the disk before it is answered, and then listed.

    Their stages are no-ops, since nobody works on them: what is measured is taking them in. `submit_cpu_ms` is what the
    service itself takes for one, which others on the machine change less than the rate. Then 500 clients watch runs
    that another process works on.
    """
    with _served() as served:
        before = served.cpu
        load = asyncio.run(_submit(served.url, RUNS))
        cpu = 1000 * (served.cpu - before) / RUNS
        yield Figure(name="submit_per_s", values=(RUNS / load.seconds,), unit="/s", limit=1000.0, sense="at least")
        yield Figure(name="submit_cpu_ms", values=(cpu,), unit="ms")
        yield Figure(name="accept_p95_ms", values=(load.p95_ms,), unit="ms", limit=20.0)
        yield Figure(name="list_page_ms", values=tuple(asyncio.run(_pages(served.url))), unit="ms", limit=200.0)
        yield Figure(name="service_memory_mb", values=(served.memory / 1e6,), unit="MB", limit=300.0)
        lost = asyncio.run(_watch(served))
        yield Figure(name="streams_lost_events", values=(float(lost),), unit="events", limit=0.0)


@dataclass(frozen=True, slots=True)
class Served:
    """A service that runs: its address, its settings, its process."""

    url: str
    settings: Settings
    process: psutil.Process

    @property
    def memory(self) -> int:
        """Bytes that it holds now."""
        return int(self.process.memory_info().rss)

    @property
    def cpu(self) -> float:
        """Seconds that its threads have been on a core."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def _served() -> Iterator[Served]:
    with tempfile.TemporaryDirectory() as home:
        folders = FolderSettings(films=Path(home, "films"), cache=Path(home, "cache"), state=Path(home, "state"))
        own = {f"STORYGEN_FOLDERS__{name.upper()}": str(path) for name, path in folders}
        own = {name: value for name, value in own.items() if not name.endswith("GB")}
        started = subprocess.Popen(
            [sys.executable, "-m", "storygen", "serve", "--port", "0"],
            env={**os.environ, **own, "PYTHONPATH": str(ROOT), "STORYGEN_QUEUE__RUNS_AT_ONCE": "0"},
            stdout=subprocess.PIPE,
            text=True,
            cwd=home,
        )
        try:
            assert started.stdout is not None
            url = started.stdout.readline().split()[-1].rstrip("/")
            settings = Settings(folders=folders, queue=QueueSettings(runs_at_once=0))
            yield Served(url, settings, psutil.Process(started.pid))
        finally:
            started.terminate()
            started.wait(30)


class Line:
    """A connection that is kept, and as little around it as will do: the load must not cost what it measures."""

    def __init__(self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = urlsplit(url).netloc
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, url: str) -> Line:
        """A connection to the service."""
        return cls(url, *await asyncio.open_connection(urlsplit(url).hostname, urlsplit(url).port))

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The body of a whole answer; it has to say how long it is, and that it went well."""
        await self.begin(method, path, body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 20"), head
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return await self._reader.readexactly(length)

    async def begin(self, method: str, path: str, body: bytes = b"") -> None:
        """Send a request."""
        said = f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n"
        self._writer.write(f"{said}Content-Type: application/json\r\n\r\n".encode() + body)

    async def lines(self) -> AsyncIterator[str]:
        """The lines of an answer that comes bit by bit; what says how long the bits are is among them."""
        while line := await self._reader.readline():
            yield line.decode().rstrip()
            if line == b"0\r\n":
                return

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def _submit(url: str, count: int) -> Load:
    load = Load()
    stories = [{"topic": f"a lighthouse that went dark, number {number}"} for number in range(count)]
    bodies = iter([json.dumps(story).encode() for story in stories])

    async def client() -> None:
        line = await Line.to(url)
        for body in bodies:
            began = time.perf_counter()
            await line.ask("POST", "/api/v1/runs", body)
            load.took.append(time.perf_counter() - began)
        line.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    load.seconds = time.perf_counter() - began
    return load


async def _pages(url: str) -> list[float]:
    """Milliseconds for each of some pages, one behind the other."""
    line, cursor, took = await Line.to(url), "", []
    for _ in range(PAGES):
        began = time.perf_counter()
        page = json.loads(await line.ask("GET", f"/api/v1/runs?limit=50&cursor={cursor}"))
        took.append(1000 * (time.perf_counter() - began))
        cursor = page["cursor"]
    line.close()
    return took


async def _watch(served: Served) -> int:
    """How many events 500 clients, each at a run of its own, missed or were told twice."""
    line = await Line.to(served.url)
    runs: deque[str] = deque()
    cursor = ""
    while len(runs) < STREAMS:
        page = json.loads(await line.ask("GET", f"/api/v1/runs?limit=100&cursor={cursor}"))
        runs.extend(run["id"] for run in page["runs"])
        cursor = page["cursor"]
    line.close()
    is_there = asyncio.Semaphore(0)

    async def watch(run: str) -> list[int]:
        stream, seen = await Line.to(served.url), []
        await stream.begin("GET", f"/api/v1/runs/{run}/events")
        async for said in stream.lines():
            if said.startswith("id: "):
                seen.append(int(said[4:]))
                if len(seen) == 1:
                    is_there.release()
        stream.close()
        return seen

    watching = asyncio.gather(*(watch(run) for run in runs))
    for _ in runs:
        await is_there.acquire()
    await _work(served.settings, list(runs))
    expected = list(range(1, EVENTS + 4))  # queued and started come before, the end behind
    seen = await asyncio.wait_for(watching, 120)
    return sum(abs(len(expected) - len(numbers)) + (numbers != expected) for numbers in seen)


async def _work(settings: Settings, runs: list[str]) -> None:
    """What a worker of another process would tell of the runs, all of them at once."""
    jobs = open_jobs(settings)

    async def one(run: str) -> None:
        assert await jobs.take(run, "bench", 300) is not None
        for number in range(EVENTS):
            await jobs.note(run, "bench", [("stage.began", {"stage": "voice", "scene": number})])
        await jobs.finish(run, "bench", JobState.CANCELLED)

    await asyncio.gather(*map(one, runs))
    await jobs.close()
