"""Machines that share nothing but PostgreSQL, a broker and a bucket make films together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from storygen.configuration import load
from storygen.jobs.base import JobState, Submission
from storygen.jobs.opening import open_jobs, reconcile
from storygen.store.films import open_films
from storygen.vendors.server import Simulation
from tests.jobs.brokers import CeleryWorker, Redis
from tests.jobs.postgresql import PostgreSql
from tests.store.s3 import bucket, s3_server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path / "redis")
    yield server
    server.kill()


@pytest.fixture
def s3() -> Iterator[str]:
    with s3_server() as url:
        yield url


def machine(folder: Path, broker: str, database: str, vendor: str, place: str) -> Path:
    """The folder of a machine: its settings, and disks of its own."""
    folder.mkdir()
    (folder / "storygen.toml").write_text(
        f"""
        film = {{ height = 320 }}
        providers = {{ speech = ["elevenlabs"] }}
        vendors = {{ elevenlabs = {{ base_url = "{vendor}", api_keys = ["a-key"] }} }}
        folders = {{ films = "{folder}/films", cache = "{folder}/cache", state = "{folder}/state" }}
        database = {{ url = "{database}" }}
        queue = {{ engine = "celery", broker = "{broker}" }}
        film_store = {{ url = "{place}/films", cache_url = "{place}/cache" }}
        guard = {{ load_per_core = 1000, free_memory_gb = 0 }}
        """
    )
    return folder


def test_one_machine_calls_another_renders_and_a_third_hands_out_the_film(
    tmp_path: Path, redis: Redis, postgresql: PostgreSql, s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = bucket(s3, tmp_path.name, monkeypatch)

    async def work(service: Path, vendor: Simulation) -> None:
        settings = load(service / "storygen.toml", {})
        jobs, films = await asyncio.to_thread(open_jobs, settings), open_films(settings)
        sending = asyncio.create_task(reconcile(jobs))
        asked = Submission(caller="anna", name="lamp", text="The lamp went out.", format="text")
        [job] = await jobs.submit([asked])
        async with asyncio.timeout(90):
            while not (job := await jobs.get(job.id)).state.is_over:
                await asyncio.sleep(0.1)
        assert job.state is JobState.SUCCESS, job.error
        prepared = [event for event in await jobs.events(job.id) if event.kind == "prepared"]
        assert len(prepared) == 1
        assert len(vendor.requests("elevenlabs")) == 1, "what one machine paid for the other finds"
        assert job.result is not None
        assert job.result.cost_usd
        assert job.result.folder.startswith("s3://")
        opened = await films.open(job.id, "film.mp4", 4, 8)
        assert b"".join([part async for part in opened.body]) == b"ftyp"
        sending.cancel()
        await films.close()
        await jobs.close()

    with Simulation() as vendor:
        url = postgresql.new_database()
        folders = [
            machine(tmp_path / name, redis.url, url, vendor.url("elevenlabs"), place)
            for name in ("service", "caller", "renderer")
        ]
        workers = [CeleryWorker(folders[1], "--queues", "calls"), CeleryWorker(folders[2], "--queues", "renders")]
        try:
            asyncio.run(work(folders[0], vendor))
        finally:
            for worker in workers:
                worker.kill()
    assert not list((folders[2] / "films").glob("*/film.mp4")), "what is in the bucket need not fill the disk"
