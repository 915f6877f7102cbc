"""ffmpeg is told what to do, watched while it does it, and always gone afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storygen import events
from storygen.errors import DiskFull, InvalidSettings, RenderFailed, StageTimeout, Stalled
from storygen.events import Timed
from storygen.media import ffmpeg
from storygen.media.ffmpeg import Command
from tests.media.films import BINARY, run, workshop

ENDLESS = Command(step="render", args=("-re", "-f", "lavfi", "-i", "testsrc=s=32x32", "-f", "null", "-"))
SHORT = Command(step="render", args=("-f", "lavfi", "-i", "testsrc=s=32x32:d=2", "-f", "null", "-"), seconds=2)


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_progress_is_told_up_to_the_end() -> None:
    told: list[tuple[float, float]] = []
    finished = asyncio.run(
        ffmpeg.run(SHORT, binary=BINARY, timeout=30, stall_after=30, on_progress=lambda *now: told.append(now))
    )
    assert told[-1][0] == finished.out_seconds == 2.0
    assert finished.speed > 0


def test_an_ffmpeg_that_reads_from_nobody_is_a_stall_and_is_killed_though_it_ignores_the_polite_request(
    tmp_path: Path,
) -> None:
    fifo = tmp_path / "never.wav"
    os.mkfifo(fifo)
    with pytest.raises(Stalled, match="stood still"):
        run(Command(step="render", args=("-f", "wav", "-i", f"file:{fifo}", "-f", "null", "-")), stall_after=0.2)
    assert ffmpeg.running() == frozenset()


def test_an_ffmpeg_that_takes_too_long_is_ended_though_it_moves() -> None:
    with pytest.raises(StageTimeout, match="render was not done"):
        run(ENDLESS, timeout=0.4)
    assert ffmpeg.running() == frozenset()


def test_cancelling_ends_ffmpeg_before_the_cancellation_goes_on() -> None:
    async def cancel_midway() -> int:
        moving = asyncio.Event()
        task = asyncio.create_task(
            ffmpeg.run(ENDLESS, binary=BINARY, timeout=60, stall_after=60, on_progress=lambda *_: moving.set())
        )
        await moving.wait()
        (pid,) = ffmpeg.running()
        assert is_alive(pid)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pid

    pid = asyncio.run(cancel_midway())
    assert not is_alive(pid)
    assert ffmpeg.running() == frozenset()


@pytest.mark.parametrize("turns", range(6))
def test_a_loop_that_closes_while_ffmpeg_starts_leaves_nothing_behind_and_does_not_hang(turns: int) -> None:
    async def leave_early() -> None:
        stray = asyncio.ensure_future(ffmpeg.run(ENDLESS, binary=BINARY, timeout=60, stall_after=60))
        for _ in range(turns):
            await asyncio.sleep(0)
        assert not stray.done()

    asyncio.run(asyncio.wait_for(leave_early(), 30))
    assert ffmpeg.running() == frozenset()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child's life to its parent's")
def test_killing_python_outright_leaves_no_ffmpeg_behind() -> None:
    code = """
import asyncio
from storygen.events import Timed
from storygen.media import ffmpeg
from tests.media.test_ffmpeg import ENDLESS, BINARY
def say(*_):
    print(*ffmpeg.running(), flush=True)
asyncio.run(ffmpeg.run(ENDLESS, binary=BINARY, timeout=60, stall_after=60, on_progress=say))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path.cwd()) as python:
        assert python.stdout is not None
        pid = int(python.stdout.readline())
        assert is_alive(pid)
        python.send_signal(signal.SIGKILL)
    patience = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < patience:
        os.sched_yield()
    assert not is_alive(pid)


def test_a_failure_tells_the_end_of_what_ffmpeg_said_and_not_the_command() -> None:
    with pytest.raises(RenderFailed) as failed:
        run(
            Command(
                step="join", args=("-f", "wav", "-i", "file:/nowhere.wav", "-metadata", "secret=x", "-f", "null", "-")
            )
        )
    assert "No such file" in failed.value.hint
    assert "secret" not in failed.value.hint + str(failed.value)


def test_what_is_timed_of_a_failed_ffmpeg_says_what_it_ended_with(tmp_path: Path) -> None:
    class Observer:
        ended_with: list[object] = []  # noqa: RUF012 - one for this test

        def began(self, timed: Timed) -> None: ...

        def ended(self, timed: Timed) -> None:
            self.ended_with.append((timed.kind, timed.fields.get("exit_code")))

        def noted(self, event: object, within: Timed | None) -> None: ...

    observer = Observer()
    gone = Command(step="join", args=("-f", "wav", "-i", "file:/nowhere.wav", "-f", "null", "-"))
    with events.watched(events.Watch([observer])), pytest.raises(RenderFailed) as failed:
        asyncio.run(workshop(tmp_path).ffmpeg(gone))
    assert failed.value.status
    assert observer.ended_with == [("ffmpeg", failed.value.status)]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named_as_such() -> None:
    with pytest.raises(DiskFull, match="disk was full"):
        run(Command(step="render", args=("-f", "lavfi", "-i", "testsrc=d=1", "-f", "rawvideo", "file:/dev/full")))


def test_neither_an_address_nor_a_list_that_names_one_reaches_anybody(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x.mp4"
        listed = tmp_path / "list.txt"
        listed.write_text(f"ffconcat version 1.0\nfile '{address}'\n")
        for source in (("-f", "mov", "-i", address), ("-f", "concat", "-safe", "0", "-i", f"file:{listed}")):
            with pytest.raises(RenderFailed):
                run(Command(step="join", args=(*source, "-f", "null", "-")), timeout=5)
            with pytest.raises(BlockingIOError):
                server.accept()


def test_the_configured_ffmpeg_goes_first_and_a_wrong_one_is_the_callers_mistake(tmp_path: Path) -> None:
    mine = tmp_path / "my ffmpeg"
    mine.symlink_to(BINARY)
    assert ffmpeg.find_binary(mine) == mine
    assert ffmpeg.find_binary(None) == BINARY
    with pytest.raises(InvalidSettings) as wrong:
        ffmpeg.find_binary(tmp_path / "none")
    assert "FFMPEG_PATH" in wrong.value.hint
