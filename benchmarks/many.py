"""Many machines: how soon a Celery worker begins what was submitted, and what a second worker is worth."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.harness import Figure, suite
from storygen.configuration import load
from storygen.jobs.base import Job, JobState, Submission
from storygen.jobs.opening import open_jobs
from storygen.jobs.store import SqlJobs
from storygen.vendors.server import Simulation

ROOT = Path(__file__).parents[1]
SCHEDULED = 15
RUNS = 18
WAIT_SECONDS = 3.0
READY = b"Ctrl-C ends it"


@suite(long=True)
def many() -> Iterator[Figure]:
    """A Redis, one database, and workers that make three films at once, each of which waits for a vendor's voice."""
    with Simulation() as vendor, _team(vendor) as folder:
        with _workers(folder, 1):
            waits = tuple(asyncio.run(_schedule(folder)))
            yield Figure(name="schedule_celery_ms", values=waits, unit="ms", limit=100.0)
            vendor.plan([{"fault": "slow", "vendor": "elevenlabs", "seconds": WAIT_SECONDS}])
            one = asyncio.run(_load(folder, "one"))
            yield Figure(name="celery_one_worker_s", values=(one,), unit="s")
        vendor.plan([])
        with _workers(folder, 2):
            asyncio.run(_warm(folder))
            vendor.plan([{"fault": "slow", "vendor": "elevenlabs", "seconds": WAIT_SECONDS}])
            two = asyncio.run(_load(folder, "two"))
    yield Figure(name="celery_two_workers_ratio", values=(two / one,), unit="", limit=0.55)


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
    await _ended(jobs, await jobs.submit([_story(f"warm {number}") for number in range(12)]))
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
        queue = {{ engine = "celery", broker = "redis://127.0.0.1:{port}/0", runs_at_once = 3 }}
        providers = {{ speech = ["elevenlabs"] }}
        vendors = {{ elevenlabs = {{ base_url = "{vendor}", api_keys = ["a-key"] }} }}
        """


@contextmanager
def _workers(folder: Path, count: int) -> Iterator[None]:
    """So many workers that are ready, each a process."""
    command = [sys.executable, "-W", "ignore", "-m", "storygen", "worker"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with ExitStack() as held:
        for number in range(count):
            said = folder / f"worker-{count}-{number}.log"
            with said.open("wb") as log:
                worker = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
            held.callback(_end, worker)
            while READY not in said.read_bytes():
                assert worker.poll() is None, said.read_text("utf-8", "replace")
                time.sleep(0.05)
        yield


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    worker.wait(60)
