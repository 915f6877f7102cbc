"""`storygen serve` as a process: started, asked, stopped, killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from storygen.service.serving import listen
from storygen.settings import ServiceSettings, Settings
from tests.servers import eventually
from tests.service.running import STORY, TINY

ROOT = Path(__file__).parents[2]
LONG = STORY + "".join(f"\n## Scene {n}: More\nNarration: And then there was box number {n}.\n" for n in range(4, 24))


class Started(subprocess.Popen):
    """The process, and clients that end with it."""

    clients: tuple[httpx.Client, ...] = ()


@contextmanager
def process(folder: Path, *options: str, **variables: str) -> Iterator[Started]:
    own = {f"STORYGEN_FOLDERS__{name.upper()}": str(folder / name) for name in ("films", "cache", "state")}
    started = Started(
        [sys.executable, "-m", "storygen", "serve", "--port", "0", *options],
        env={**os.environ, "STORYGEN_GUARD__LOAD_PER_CORE": "1000", **own, **variables, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate()
        for asking in started.clients:
            asking.close()


def client(started: Started) -> httpx.Client:
    """A client, once the process answers; it prints where the console and the API are."""
    console, api = started.stdout.readline().split(), started.stdout.readline().split()
    assert (console[0], api[0]) == ("Console:", "API:")
    assert httpx.get(console[1]).status_code == 200
    assert httpx.get(api[1]).json()["info"]["title"] == "storygen"
    started.clients += (httpx.Client(base_url=f"{console[1]}api/v1", timeout=30),)
    return started.clients[-1]


def submit(asking: httpx.Client, text: str = STORY) -> str:
    return asking.post("/runs", json={"text": text, "settings": TINY}).json()["id"]


def test_a_process_that_is_told_to_end_finishes_what_it_has_begun_and_exits_with_0(tmp_path: Path) -> None:
    with process(tmp_path) as started:
        asking = client(started)
        run = submit(asking)
        eventually(lambda: asking.get(f"/runs/{run}").json()["state"] == "running")
        started.terminate()
        assert started.wait(60) == 0
    with process(tmp_path) as started:
        assert client(started).get(f"/runs/{run}").json()["state"] == "success"


def test_what_does_not_end_in_time_goes_back_and_goes_on_at_the_next_start(tmp_path: Path) -> None:
    with process(tmp_path, STORYGEN_QUEUE__GRACE_SECONDS="0") as started:
        asking = client(started)
        run = submit(asking, LONG)
        eventually(lambda: asking.get(f"/runs/{run}").json()["scenes"], seconds=60)
        started.terminate()
        assert started.wait(60) == 0
    with process(tmp_path) as started:
        asking = client(started)
        found = eventually(lambda: (run_ := asking.get(f"/runs/{run}").json())["ended"] and run_, seconds=120)
    assert (found["state"], found["claims"]) == ("success", 1)


def test_a_run_that_was_accepted_survives_a_kill(tmp_path: Path) -> None:
    with process(tmp_path, STORYGEN_QUEUE__LEASE_SECONDS="1.5") as started:
        asking = client(started)
        run = submit(asking, LONG)
        eventually(lambda: asking.get(f"/runs/{run}").json()["scenes"], seconds=60)
        waiting = submit(asking)
        started.kill()
        started.wait()
    with process(tmp_path, STORYGEN_QUEUE__LEASE_SECONDS="1.5") as started:
        asking = client(started)
        for each in (run, waiting):
            ended = eventually(lambda each=each: (r := asking.get(f"/runs/{each}").json())["ended"] and r, seconds=120)
            assert ended["state"] == "success"
        seen = [line for line in asking.get(f"/runs/{run}/events").text.splitlines() if line.startswith("id: ")]
        assert seen == [f"id: {number}" for number in range(1, len(seen) + 1)]


def test_ctrl_c_ends_it_with_130(tmp_path: Path) -> None:
    with process(tmp_path) as started:
        client(started)
        started.send_signal(signal.SIGINT)
        assert started.wait(60) == 130
        assert "Stopped" in started.stderr.read()


def test_a_port_that_is_taken_is_said_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with process(tmp_path, "--port", port) as started:
            assert started.wait(60) == 2
            assert f"port {port} of 127.0.0.1 cannot be used" in started.stderr.read()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_it_does_not_open_up_to_everybody_without_tokens(tmp_path: Path, host: str) -> None:
    with process(tmp_path, "--host", host) as started:
        assert started.wait(60) == 2
        assert "tokens" in started.stderr.read()


def test_an_answer_of_two_packets_does_not_wait_for_the_client_between_them() -> None:
    async def is_sent_at_once() -> int:
        lines: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
        listener = listen(Settings(service=ServiceSettings(port=0)))
        async with await asyncio.start_server(lambda _, line: lines.put_nowait(line), sock=listener):
            _, client = await asyncio.open_connection(*listener.getsockname())
            line = await lines.get()
            found = line.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for end in (client, line):
                end.close()
                await end.wait_closed()
            return found

    assert asyncio.run(is_sent_at_once())
