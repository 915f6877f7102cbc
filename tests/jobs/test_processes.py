"""Several processes on one database, and processes that are killed in the middle of writing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path

from storygen.jobs.base import Filter, JobState
from tests.jobs.queues import queue, story

ROOT = Path(__file__).parents[2]
_HEAD = """
import asyncio, json, sys
from storygen.jobs.base import JobState
from tests.jobs.queues import queue, story

async def main(address, name):
    async with queue(address) as jobs:
"""
CLAIMS = """
        sys.stdin.readline()
        while taken := await jobs.claim(name, 3, 300):
            print(json.dumps([job.id for job in taken]), flush=True)
"""
SUBMITS = """
        async def client(number):
            while True:
                (job,) = await jobs.submit([story(text="x" * 500)])
                print(json.dumps([job.id]), flush=True)
                await jobs.take(job.id, name, 0.001)
                await jobs.note(job.id, name, [("stage.began", {}), ("stage.ended", {})])
                await jobs.finish(job.id, name, JobState.SUCCESS)
        await asyncio.gather(*map(client, range(8)))
"""
OPENS = """
        await jobs.submit([story()])
"""


def process(what: str, address: str, name: str) -> subprocess.Popen[str]:
    body = _HEAD + textwrap.indent(textwrap.dedent(what), " " * 8) + "\nasyncio.run(main(*sys.argv[1:]))\n"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", body, address, name], text=True, cwd=ROOT, **pipes)


def told(lines: str) -> list[str]:
    return [id_ for line in lines.splitlines() if line.endswith("]") for id_ in json.loads(line)]


def test_claims_of_several_processes_never_give_a_job_twice(address: str) -> None:
    async def fill() -> set[str]:
        async with queue(address) as jobs:
            return {job.id for job in await jobs.submit([story()] * 120)}

    made = asyncio.run(fill())
    workers = [process(CLAIMS, address, f"w{number}") for number in range(3)]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("\n")
        worker.stdin.flush()
    taken = [told(worker.communicate(timeout=120)[0]) for worker in workers]
    counted = Counter(id_ for ids in taken for id_ in ids)
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    assert set(counted) == made
    assert set(counted.values()) == {1}


def test_a_process_that_is_killed_while_it_writes_loses_nothing_that_it_answered(address: str) -> None:
    answered = []
    for turn in range(3):
        writer = process(SUBMITS, address, f"w{turn}")
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(40 + 17 * turn)]
        os.kill(writer.pid, signal.SIGKILL)
        rest, _ = writer.communicate()
        answered += told("".join(lines) + rest)

    async def look() -> None:
        async with queue(address) as jobs:
            known = [job.id for job in (await jobs.page(Filter(), 100_000)).jobs]
            assert set(answered) <= set(known)
            for id_ in known:
                events = await jobs.events(id_)
                assert [event.number for event in events] == list(range(1, len(events) + 1))
                ended = [event.kind for event in events].count("success")
                assert ended == ((await jobs.get(id_)).state is JobState.SUCCESS)

    asyncio.run(look())


def test_several_processes_may_open_a_new_database_at_once(address: str) -> None:
    openers = [process(OPENS, address, f"o{number}") for number in range(4)]
    for opener in openers:
        opener.communicate(timeout=120)
    assert [opener.returncode for opener in openers] == [0, 0, 0, 0]

    async def count() -> int:
        async with queue(address) as jobs:
            return (await jobs.counts())["queued"]

    assert asyncio.run(count()) == 4
