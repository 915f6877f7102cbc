"""Writing when the database is full, locked or away: a typed error, nothing half done, and no restart afterwards."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from storygen.errors import CallerMistake, DiskFull, InvalidSettings, ResourceFailure
from storygen.jobs import database, store
from storygen.jobs.base import JobState
from storygen.jobs.store import SqlJobs
from storygen.jobs.writer import Writer
from tests.jobs.postgresql import PostgreSql
from tests.jobs.queues import queue, story


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted: run as root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_told_of_and_takes_nothing_that_was_accepted(small_disk: Path) -> None:
    async def go() -> None:
        async with queue(f"sqlite:///{small_disk / 'queue.sqlite'}") as jobs:
            accepted = await jobs.submit([story()])
            with pytest.raises(DiskFull, match="No space"):
                for _ in range(100):
                    accepted += await jobs.submit([story(text="x" * 50_000)])
            with pytest.raises(DiskFull):
                await asyncio.gather(*(jobs.submit([story(text="x" * 50_000)]) for _ in range(20)))
            for job in accepted:
                assert (await jobs.get(job.id)).state is JobState.QUEUED
            assert (await jobs.counts())["queued"] == len(accepted)

    asyncio.run(go())


def test_a_limit_of_the_file_is_a_full_disk_too_and_room_ends_it(tmp_path: Path) -> None:
    async def go() -> None:
        async with queue(f"sqlite:///{tmp_path / 'queue.sqlite'}") as jobs:
            await jobs.submit([story()])
            with jobs._engine.connect() as connection:
                pages = connection.execute(text("PRAGMA page_count")).scalar_one()
                connection.execute(text(f"PRAGMA max_page_count={pages}"))
            with pytest.raises(DiskFull):
                await jobs.submit([story(text="x" * 50_000)])
            with jobs._engine.connect() as connection:
                connection.execute(text("PRAGMA max_page_count=100000"))
            await jobs.submit([story(text="x" * 50_000)])

    asyncio.run(go())


def test_a_file_that_others_keep_locked_is_a_failure_in_time_and_works_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.2)

    async def go() -> None:
        path = tmp_path / "queue.sqlite"
        async with queue(f"sqlite:///{path}") as jobs:
            (job,) = await jobs.submit([story()])
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            answers = await asyncio.gather(*(jobs.submit([story()]) for _ in range(30)), return_exceptions=True)
            assert {type(answer) for answer in answers} == {ResourceFailure}
            assert (await jobs.get(job.id)).id == job.id
            other.execute("COMMIT")
            other.close()
            await jobs.submit([story()])
            assert (await jobs.counts())["queued"] == 2

    asyncio.run(go())


def test_one_change_that_fails_fails_alone(address: str) -> None:
    def broken(connection: Connection) -> None:
        connection.execute(text("UPDATE jobs SET title = 'spoilt'"))
        raise ZeroDivisionError

    async def go() -> None:
        async with queue(address) as jobs:
            (job,) = await jobs.submit([story()])
            tries = [jobs._writer.write(broken), jobs.submit([story()]), jobs.cancel("nobody"), jobs.submit([story()])]
            failed, *answers = await asyncio.gather(*tries, return_exceptions=True)
            assert isinstance(failed, ZeroDivisionError)
            assert [isinstance(answer, Exception) for answer in answers] == [False, True, False]
            assert (await jobs.get(job.id)).title == "The storm"
            assert (await jobs.counts())["queued"] == 3

    asyncio.run(go())


def test_a_queue_that_is_closed_writes_what_is_on_its_way_and_refuses_the_rest(address: str) -> None:
    async def go() -> None:
        async with queue(address) as jobs:
            accepted = [asyncio.create_task(jobs.submit([story()])) for _ in range(20)]
            await asyncio.sleep(0)
            await jobs.close()
            assert len(await asyncio.gather(*accepted)) == 20
            with pytest.raises(ResourceFailure, match="closed"):
                await jobs.submit([story()])

    asyncio.run(go())


def test_one_who_ends_before_the_answer_leaves_the_writer_to_the_others(tmp_path: Path) -> None:
    go_on = threading.Event()

    async def leave() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await writer.write(lambda _: go_on.wait(20))

    async def stay() -> str:
        async with asyncio.timeout(20):
            return await writer.write(lambda _: "written")

    engine = database.open_address(f"sqlite:///{tmp_path / 'queue.sqlite'}", 5)
    writer = Writer(engine)
    asyncio.run(leave())
    go_on.set()
    assert asyncio.run(stay()) == "written"
    writer.close()
    engine.dispose()


def test_a_process_that_is_forked_off_makes_ids_of_its_own() -> None:
    forking = """
import os
from storygen.jobs.store import new_job_id
new_job_id()
child = os.fork()
os.write(1, f"{new_job_id()[16:]}\\n".encode())  # at once, so that two do not mix
if child:
    os.waitpid(child, 0)
else:
    os._exit(0)
"""
    said = subprocess.run([sys.executable, "-c", forking], capture_output=True, text=True, check=True).stdout.split()
    assert len(said) == len(set(said)) == 2


def test_postgresql_may_go_and_come_back_without_a_restart_of_the_queue(postgresql: PostgreSql) -> None:
    async def cut_off(jobs: SqlJobs, job: str) -> None:
        tries = [jobs.submit([story()]), jobs.claim("w", 1, 30), jobs.get(job), jobs.beat("w", [job], 30)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert [type(answer) for answer in answers] == [ResourceFailure] * 4

    async def go() -> None:
        async with queue(postgresql.new_database()) as jobs:
            (job,) = await jobs.submit([story()])
            for end in (postgresql.stop, postgresql.kill):
                end()
                await cut_off(jobs, job.id)
                postgresql.start()
                await jobs.submit([story()])
            assert (await jobs.counts())["queued"] == 3
            assert len(await jobs.claim("w", 5, 30)) == 3

    asyncio.run(go())


def test_a_postgresql_that_freezes_refuses_in_time_and_never_does_later_what_had_not_begun(
    postgresql: PostgreSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_begun, go_on = threading.Event(), threading.Event()

    def work(connection: Connection) -> int:
        has_begun.set()
        go_on.wait(20)
        return int(connection.execute(text("SELECT 7")).scalar_one())

    async def go() -> None:
        async with queue(postgresql.new_database()) as jobs:
            (job,) = await jobs.submit([story()])
            monkeypatch.setattr(store, "PATIENCE_SECONDS", 0.3)
            begun = asyncio.create_task(jobs._writer.write(work))
            await asyncio.to_thread(has_begun.wait, 20)
            postgresql.freeze()
            go_on.set()
            try:
                tries = [jobs.submit([story()]), jobs.cancel(job.id), *(jobs.get(job.id) for _ in range(6))]
                async with asyncio.timeout(20):
                    answers = await asyncio.gather(*tries, return_exceptions=True)
            finally:
                postgresql.thaw()
            assert {str(answer) for answer in answers} == {"The database does not answer."}
            assert await begun == 7
            monkeypatch.undo()
            await jobs.submit([story()])
            assert (await jobs.counts())["queued"] == 2
            assert (await jobs.get(job.id)).state is JobState.QUEUED

    asyncio.run(go())


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("postgresql+psycopg://nobody@127.0.0.1:1/none", ResourceFailure),
        ("sqlite:////nowhere/at/all/queue.sqlite", ResourceFailure),
        ("nonsense", InvalidSettings),
        ("nosuch://host/name", InvalidSettings),
    ],
)
def test_an_address_where_no_database_is_says_so_without_showing_it(url: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        database.open_address(url, 1)
    assert url not in str(caught.value)


def test_a_file_that_is_no_database_is_named_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "queue.sqlite").write_bytes(b"this is no database at all" * 200)
    with pytest.raises((ResourceFailure, CallerMistake)):
        database.open_address(f"sqlite:///{tmp_path / 'queue.sqlite'}", 1)
