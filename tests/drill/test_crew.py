"""The queue that the drill breaks: it makes films, survives what is done to it, and leaves nothing behind."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storygen.drill import crew as crews
from storygen.drill.crew import Crew
from storygen.drill.settings import Usual, merged
from tests.drill.processes import still_running
from tests.servers import eventually, need

BUILTINS = {"text": ["builtin"], "speech": ["builtin"], "images": ["builtin"], "video": []}


class Offline(Usual):
    """The drill's settings without vendors."""

    def of(self, folder: Path, *, films: bool = False) -> dict[str, Any]:
        return merged(super().of(folder, films=films), {"providers": BUILTINS})


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    need("redis-server")
    folder = tmp_path_factory.mktemp("crew")
    with Crew(folder, lambda ffmpeg: Offline(vendors="http://127.0.0.1:9", ffmpeg=ffmpeg, scale=200), {}, 1) as held:
        yield held
    assert still_running(str(folder)) == []


def test_what_a_killed_worker_had_begun_another_one_ends(crew: Crew) -> None:
    since = time.time()
    crew.keep_busy()
    crew.workers[-1].kill()
    crew.workers[-1].start()
    crew.workers[-1].wait_ready(60)
    crew.wait_over()
    over = {run["id"]: run for run in crew.runs(since)}
    assert crew.struck <= over.keys()
    assert {over[run]["outcome"] for run in crew.struck} == {"success"}
    assert max(over[run]["claims"] for run in crew.struck) > 1
    assert crew.runs(since)[-1]["id"] in crew.struck
    crew.check()


def test_a_run_that_hangs_is_cancelled_and_tried_again(crew: Crew) -> None:
    crew.ffmpeg.set("hold")
    crew.submit()
    eventually((crew.ffmpeg.path.parent / "ffmpeg.held").exists, seconds=60)
    crew.begin_again()
    crew.ffmpeg.set("")
    assert [run["outcome"] for run in crew.runs(0) if run["id"] in crew.struck] == ["success"]


def test_what_waits_is_cleared_away_and_redis_comes_back(crew: Crew) -> None:
    crew.redis.stop()
    with crew.flooded():
        eventually(lambda: len(crew._ids("queued")) > 8, seconds=60)
    crew.redis.start()
    crew.redis.wait_ready()
    since = time.time()
    crew.submit()
    eventually(lambda: crew.runs(since), seconds=60)


def test_without_redis_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert crews.lacking() == "redis-server missing: apt-get install redis-server"
