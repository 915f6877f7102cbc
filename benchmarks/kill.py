"""The worker, killed again and again over a load of runs: nothing is lost, and nothing that is kept is paid twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import Figure, suite
from storygen.events import Event, Timed
from storygen.jobs.base import Job, JobState, Submission
from storygen.jobs.database import open_database
from storygen.jobs.store import SqlJobs
from storygen.settings import FilmSettings, FolderSettings, QueueSettings, Settings

ROOT = Path(__file__).parents[1]
KEY = "sk-simulated-0123456789"
MOMENTS = 100
STORIES = 60
LEASE = 1.5
PATIENCE = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Toll:
    """What a load of runs came to: how each ended, what vendors billed, and what is listed as uncertain, in dollars."""

    jobs: tuple[Job, ...]
    billed: float
    uncertain: float

    @property
    def lost(self) -> int:
        """Submissions that did not become films."""
        return sum(job.state is not JobState.SUCCESS for job in self.jobs)


@suite(long=True)
def kill() -> Iterator[Figure]:
    """`storygen serve`, killed with signal 9 at a hundred random moments, and the same load left alone."""
    quiet = toll_of(STORIES, moments=0)
    killed = toll_of(STORIES, moments=MOMENTS)
    yield Figure(name="kill_lost_runs", values=(float(quiet.lost + killed.lost),), unit="runs", limit=0.0)
    yield Figure(name="kill_double_paid", values=(paid_twice(quiet, killed),), unit="USD", limit=0.0)


@suite()
def scheduling() -> Iterator[Figure]:
    """From a submission to the first stage, in a process whose worker is free."""
    values = tuple(asyncio.run(_waits(20)))
    yield Figure(name="schedule_embedded_ms", values=values, unit="ms", limit=20.0)


def paid_twice(quiet: Toll, killed: Toll) -> float:
    """What was billed beyond what the load costs once and what is listed as uncertain, in US dollars."""
    return round(max(0.0, killed.billed - quiet.billed - killed.uncertain), 6)


def toll_of(stories: int, *, moments: int, seed: int = 0) -> Toll:
    """Submit stories, kill the service at so many random moments, and let it end what is left."""
    from storygen.vendors.server import Simulation

    with Simulation() as vendors, tempfile.TemporaryDirectory() as folder:
        vendors.plan([{"fault": "slow", "rate": 0.5, "seconds": 0.5}], seed=seed)
        home = Path(folder)
        environment = environment_of(home, vendors)
        submitted = asyncio.run(_submit(home, stories))
        dice = random.Random(seed)
        for _ in range(moments):
            with started(environment, home) as service:
                time.sleep(dice.uniform(0.0, 2.0))
                service.send_signal(signal.SIGKILL)
                service.wait()
        with started(environment, home) as service:
            jobs = asyncio.run(_ended(home, submitted))
            service.send_signal(signal.SIGTERM)
            service.wait()
        return Toll(jobs=jobs, billed=float(vendors.billed()["usd"]), uncertain=_uncertain(home))


def environment_of(home: Path, vendors: Any) -> dict[str, str]:
    """What tells storygen to make small films below a folder, with voices and pictures of simulated vendors."""
    folders = {f"STORYGEN_FOLDERS__{kind.upper()}": str(home / kind) for kind in ("films", "cache", "state")}
    return os.environ | folders | {
        "PYTHONPATH": str(ROOT),
        "ELEVENLABS_API_KEY": KEY,
        "OPENAI_API_KEY": KEY,
        "STORYGEN_PROVIDERS__SPEECH": '["elevenlabs"]',
        "STORYGEN_PROVIDERS__IMAGES": '["openai"]',
        "STORYGEN_VENDORS__ELEVENLABS__BASE_URL": vendors.url("elevenlabs"),
        "STORYGEN_VENDORS__OPENAI__BASE_URL": vendors.url("openai"),
        "STORYGEN_FILM__HEIGHT": "144",
        "STORYGEN_FILM__FPS": "10",
        "STORYGEN_FILM__PRESET": "ultrafast",
        "STORYGEN_QUEUE__LEASE_SECONDS": str(LEASE),
        "STORYGEN_QUEUE__CLAIMS": "100",
        "STORYGEN_GUARD__LOAD_PER_CORE": "1000",
        "STORYGEN_GUARD__MEMORY_GB": "16",
        "STORYGEN_SERVICE__PORT": "0",
    }  # fmt: skip


def started(environment: Mapping[str, str], home: Path) -> subprocess.Popen[bytes]:
    """The service, once it answers."""
    command = [sys.executable, "-m", "storygen", "serve"]
    with (home / "service.log").open("ab") as log:
        service = subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.PIPE, stderr=log)
    assert service.stdout is not None
    if not service.stdout.readline():
        raise RuntimeError(f"the service did not begin: {(home / 'service.log').read_text()[-2000:]}")
    return service


def _settings(home: Path) -> Settings:
    return Settings(
        film=FilmSettings(height=144, fps=10, preset="ultrafast"),
        folders=FolderSettings(films=home / "films", cache=home / "cache", state=home / "state"),
        queue=QueueSettings(lease_seconds=LEASE),
    )


async def _submit(home: Path, stories: int) -> list[Job]:
    jobs = SqlJobs(open_database(_settings(home)))
    try:
        texts = (f"Number {n} went to see the sea.\n\nIt was there, all of it, {n} times." for n in range(stories))
        return await jobs.submit([Submission(caller="local", name="", text=text, format="text") for text in texts])
    finally:
        await jobs.close()


async def _ended(home: Path, submitted: Sequence[Job]) -> tuple[Job, ...]:
    """The jobs as they ended, or as they are after a quarter of an hour."""
    jobs = SqlJobs(open_database(_settings(home)))
    until = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < until:
            counts = await jobs.counts()
            if counts["queued"] + counts["running"] == 0:
                break
            await asyncio.sleep(0.2)
        return tuple([await jobs.get(job.id) for job in submitted])
    finally:
        await jobs.close()


def _uncertain(home: Path) -> float:
    """What the reports of all runs list as perhaps billed, in US dollars."""
    from storygen.past import open_history

    runs = open_history(_settings(home)).since(0.0)
    return sum(float(run.report["cost"]["uncertain_usd"]) for run in runs)


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
        settings = _settings(Path(folder))
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
