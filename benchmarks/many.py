"""Many machines: how soon a Celery worker begins what was submitted, and what a second worker is worth."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import Figure, suite
from storygen.configuration import load
from storygen.jobs.base import Job, JobState, Submission
from storygen.jobs.opening import open_jobs
from storygen.jobs.store import SqlJobs
from storygen.vendors.server import Simulation

ROOT = Path(__file__).parents[1]
SCHEDULED = 15
LOADS = 3
RUNS = 8
AT_ONCE = 2
WAIT_SECONDS = 4.0
READY = b"Ctrl-C ends it"


@suite(long=True)
def many() -> Iterator[Figure]:
    """A Redis, one database, and workers that make two films at once, each of which waits for a vendor's voice.

    A run waits far longer than it computes: workers of one machine share its cores, those of many do not. What counts
    is the median of the same loads, once for one worker and once for two.
    """
    with Simulation() as vendor, _team(vendor) as folder, _worker(folder, "first"):
        waits = tuple(asyncio.run(_schedule(folder)))
        yield Figure(name="schedule_celery_ms", values=waits, unit="ms", limit=100.0)
        one = _loads(folder, vendor, "one")
        yield Figure(name="celery_one_worker_s", values=one, unit="s")
        with _worker(folder, "second"):
            asyncio.run(_warm(folder))
            two = _loads(folder, vendor, "two")
    alone = statistics.median(one)
    yield Figure(name="celery_two_workers_ratio", values=tuple(took / alone for took in two), unit="", limit=0.55)


def _loads(folder: Path, vendor: Simulation, name: str) -> tuple[float, ...]:
    """Seconds that each of some loads takes while the vendor takes its time."""
    vendor.plan([{"fault": "slow", "vendor": "elevenlabs", "seconds": WAIT_SECONDS}])
    took = tuple(asyncio.run(_load(folder, f"{name} {number}")) for number in range(LOADS))
    vendor.plan([])
    return took


async def _schedule(folder: Path) -> list[float]:
    """Milliseconds from a submission to its first stage, one submission after another, the first of all left out."""
    jobs, waits = open_jobs(load(folder / "storygen.toml", {})), []
    for number in range(SCHEDULED + 1):
        [job] = await _ended(jobs, await jobs.submit([_story(f"scheduled {number}")]))
        first = next(event for event in await jobs.events(job.id) if event.kind == "stage.began")
        waits.append(1000 * (first.at - job.created))
    await jobs.close()
    return waits[1:]


async def _warm(folder: Path) -> None:
    """Runs for every worker, so that none is at its first when it counts."""
    jobs = open_jobs(load(folder / "storygen.toml", {}))
    await _ended(jobs, await jobs.submit([_story(f"warm {number}") for number in range(4 * AT_ONCE)]))
    await jobs.close()


async def _load(folder: Path, name: str) -> float:
    """Seconds until a load of runs is through."""
    jobs = open_jobs(load(folder / "storygen.toml", {}))
    began = time.perf_counter()
    await _ended(jobs, await jobs.submit([_story(f"{name} {number}") for number in range(RUNS)]))
    took = time.perf_counter() - began
    await jobs.close()
    return took


async def _ended(jobs: SqlJobs, asked: Sequence[Job]) -> list[Job]:
    while not all([(await jobs.get(job.id)).state.is_over for job in asked]):  # noqa: ASYNC110 - other processes end them
        await asyncio.sleep(0.05)
    over = [await jobs.get(job.id) for job in asked]
    assert {job.state for job in over} == {JobState.SUCCESS}, [job.error for job in over]
    return over


def _story(words: str) -> Submission:
    return Submission(caller="bench", name="bench", text=f"The lamp went out: {words}.", format="text")


@contextmanager
def _team(vendor: Simulation) -> Iterator[Path]:
    """A folder of settings, with a Redis that they name."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise SystemExit("redis-server is missing: apt-get install -y redis-server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        Path(home, "storygen.toml").write_text(_settings(home, port, vendor.url("elevenlabs")), "utf-8")
        command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", home]
        redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            yield Path(home)
        finally:
            redis.terminate()
            redis.wait()


def _settings(home: str, port: int, vendor: str) -> str:
    return f"""
        film = {{ strategy = "audio-only" }}
        folders = {{ films = "{home}/films", cache = "{home}/cache", state = "{home}/state" }}
        guard = {{ load_per_core = 1000 }}
        queue = {{ engine = "celery", broker = "redis://127.0.0.1:{port}/0", runs_at_once = {AT_ONCE} }}
        providers = {{ speech = ["elevenlabs"] }}
        vendors = {{ elevenlabs = {{ base_url = "{vendor}", api_keys = ["a-key"] }} }}
        """


@contextmanager
def _worker(folder: Path, name: str) -> Iterator[None]:
    """One more worker that is ready, a process of its own."""
    command, said = [sys.executable, "-W", "ignore", "-m", "storygen", "worker"], folder / f"{name}.log"
    with said.open("wb") as log:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        worker = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        while READY not in said.read_bytes():
            assert worker.poll() is None, said.read_text("utf-8", "replace")
            time.sleep(0.05)
        yield
    finally:
        worker.terminate()
        worker.wait(60)
